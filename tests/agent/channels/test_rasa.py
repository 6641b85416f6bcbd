"""Rasa's REST channel over raw HTTP."""

import uuid
from typing import Any

import httpx2
import pytest

from agent.channels.rasa import RasaErrorResponse
from tests.agent.channels.contract import exactly

PATH = "/webhooks/rest/webhook"


async def post(client: httpx2.AsyncClient, **given: Any) -> httpx2.Response:
    return await client.post(PATH, json=given)


async def test_a_turn(api: httpx2.AsyncClient) -> None:
    sender = uuid.uuid4().hex
    metadata = {"playbook": "roofing", "locale": "en"}
    answer = await post(api, sender=sender, message="hi, how much is it?", metadata=metadata, input_channel="rest")
    assert answer.status_code == 200
    [reply] = answer.json()
    assert reply.keys() == {"recipient_id", "text"} and reply["recipient_id"] == sender
    stored = (await api.get(f"/conversations/{sender}/messages")).json()["messages"]
    assert [row["text"] for row in stored] == ["hi, how much is it?", reply["text"]]
    assert (await api.get(f"/conversations/{sender}")).json()["playbook"] == "roofing"


async def test_a_message_id_makes_a_repeat_harmless(api: httpx2.AsyncClient) -> None:
    sender = uuid.uuid4().hex
    answers = [await post(api, sender=sender, message="hola", metadata={"message_id": "m-1"}) for _ in range(2)]
    by_header = await api.post(PATH, json={"sender": sender, "message": "hola"}, headers={"Idempotency-Key": "m-1"})
    assert answers[0].json() == answers[1].json() == by_header.json()
    assert (await api.get(f"/conversations/{sender}")).json()["turns"] == 1


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "sender"),
        ({"sender": "s"}, "message"),
        ({"sender": "", "message": "hola"}, "sender"),
        ({"sender": "s", "message": ""}, "message"),
        ({"sender": "s", "message": 5}, "message"),
        ({"sender": "s", "message": "x" * 4001}, "message"),
        ({"sender": "s", "message": "hola", "metadata": {"playbook": "nowhere"}}, "playbook"),
        ({"sender": "s", "message": "hola", "metadata": {"customer_id": "a b"}}, "metadata.customer_id"),
    ],
)
async def test_wrong_input_is_refused_as_rasa_does(api: httpx2.AsyncClient, given: dict[str, Any], field: str) -> None:
    answer = await api.post(PATH, json=given)
    assert answer.status_code == 422
    error = exactly(RasaErrorResponse, answer)
    assert error["details"] == {"parameter": field}
    assert error["message"].startswith(f"{field}: ")
    assert (error["code"], error["reason"]) == (422, "invalid_input")


async def test_a_body_that_is_too_large_is_refused_as_rasa_does(api: httpx2.AsyncClient) -> None:
    answer = await api.post(PATH, json={"sender": "s", "message": "x" * 70_000})
    assert answer.status_code == 413
    error = exactly(RasaErrorResponse, answer)
    assert (error["code"], error["reason"], error["details"]) == (413, "body_too_large", {"parameter": "body"})
