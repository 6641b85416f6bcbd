"""What became of a conversation, and that nothing is left of an erased one."""

import asyncio
from typing import Any

import httpx2
import pytest

from agent.settings import Settings
from tests.agent.channels.contract import OUTCOME, READ, START, documented, refused
from tests.agent.channels.parts import PATIENT, Told, building, settings_with
from tests.conftest import serving


async def say(client: httpx2.AsyncClient, here: str, text: str = "hola", **more: Any) -> httpx2.Response:
    return await client.post(f"{here}/message", json={"message": text, **more})


async def test_outcomes_are_numbered_and_the_last_one_counts(api: httpx2.AsyncClient, here: str) -> None:
    await say(api, here)
    reports = [
        {"outcome": "follow_up"},
        {"outcome": "converted", "value": 1490, "details": {"invoice": "7", "items": [1, {"a": None}]}},
        {"outcome": "lost", "value": 0.5},
    ]
    for number, report in enumerate(reports, start=1):
        answer = await api.post(f"{here}/outcome", json=report)
        assert answer.status_code == 201
        content = await documented(api, OUTCOME, answer)
        assert content == {
            "conversation_id": here.rpartition("/")[2],
            "outcome": report["outcome"],
            "number": number,
        }
        assert (await api.get(here)).json()["outcome"] == report["outcome"]


async def test_outcomes_that_come_together_are_all_kept(api: httpx2.AsyncClient, here: str) -> None:
    await say(api, here)
    answers = await asyncio.gather(*(api.post(f"{here}/outcome", json={"outcome": "lost"}) for _ in range(8)))
    assert sorted(answer.json()["number"] for answer in answers) == list(range(1, 9))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{}", "outcome"),
        (b'{"outcome":"won"}', "outcome"),
        (b'{"outcome":null}', "outcome"),
        (b'{"outcome":"lost","value":-1}', "value"),
        (b'{"outcome":"lost","value":NaN}', "value"),
        (b'{"outcome":"lost","value":1e999}', "value"),
        (b'{"outcome":"lost","value":true}', "value"),
        (b'{"outcome":"lost","value":%s}' % (b"9" * 400), "value"),
        (b'{"outcome":"lost","details":[]}', "details"),
        (b'{"outcome":"lost","details":{"a":Infinity}}', "details"),
        (b'{"outcome":"lost","details":{"a":%d}}' % 2**64, "details"),
        (b'{"outcome":"lost","details":{"a":"\\ud800"}}', "details"),
        (b'{"outcome":"lost","details":{"a":' + b"[" * 300 + b"]" * 300 + b"}}", "details"),
        (b'{"outcome":"lost","why":"x"}', "why"),
        (b'{"outcome":"lost"', "body"),
        (b"", "body"),
    ],
    ids=lambda value: value[:60].decode() if isinstance(value, bytes) else value,
)
async def test_a_wrong_outcome_is_refused_by_field_and_leaves_nothing(
    api: httpx2.AsyncClient, here: str, body: bytes, field: str
) -> None:
    await say(api, here)
    before = (await api.get(here)).json()
    answer = await api.post(f"{here}/outcome", content=body, headers={"Content-Type": "application/json"})
    refused(answer, 422, field, "invalid_input")
    await documented(api, OUTCOME, answer)
    assert (await api.get(here)).json() == before


async def test_erasure_leaves_no_message_and_no_turn(api: httpx2.AsyncClient, here: str) -> None:
    turns = [(await say(api, here, text, message_id=text)).json() for text in ("hola", "soy-Ana", "555-0101")]
    await api.post(f"{here}/outcome", json={"outcome": "lost"})
    erased = await api.delete(here)
    assert erased.status_code == 200
    assert await documented(api, READ, erased) == {"conversation_id": here.rpartition("/")[2], "messages_erased": 6}
    refused(await api.get(here), 404, None, "unknown_conversation")
    refused(await api.get(f"{here}/messages"), 404, None, "unknown_conversation")
    for turn in turns:
        for name in (turn["turn_id"], turn["seq"]):
            refused(await api.get(f"{here}/turns/{name}"), 404, None, "unknown_turn")
    refused(await api.delete(here), 404, None, "unknown_conversation")


async def test_an_erased_id_begins_anew_and_remembers_nothing(api: httpx2.AsyncClient, here: str) -> None:
    await api.post(START, json={"conversation_id": here.rpartition("/")[2], "customer_data": {"name": "Ana"}})
    before = (await say(api, here, message_id="m-1")).json()
    await api.post(f"{here}/outcome", json={"outcome": "lost"})
    await api.delete(here)
    fresh = {"conversation_id": here.rpartition("/")[2], "customer_data": {"name": "Berta"}}
    assert (await api.post(START, json=fresh)).status_code == 201
    after = (await say(api, here, "otra cosa", message_id="m-1")).json()
    assert after["seq"] == 1
    assert after["turn_id"] != before["turn_id"]
    known = (await api.get(here)).json()
    assert (known["customer_data"]["name"], known["outcome"], known["messages"]) == ("Berta", None, 2)
    assert (await api.post(f"{here}/outcome", json={"outcome": "lost"})).json()["number"] == 1


async def test_erasing_one_conversation_leaves_the_others(api: httpx2.AsyncClient, here: str) -> None:
    other = here + "-b"
    await say(api, here)
    await say(api, other)
    before = (await api.get(f"{other}/messages")).json()
    await api.delete(here)
    assert (await api.get(f"{other}/messages")).json() == before


async def test_what_is_erased_while_its_turn_runs_does_not_come_back(settings: Settings, here: str) -> None:
    writer = Told()
    async with serving(settings_with(settings, **PATIENT), building(writers=[writer])) as client:
        running = asyncio.create_task(say(client, here, "mi teléfono es 555 0101"))
        await writer.reached.wait()
        assert (await client.delete(here)).json()["messages_erased"] == 1
        writer.gate.set()
        content = refused(await running, 410, None, "turn_given_up")
        assert "555" not in content["message"]
        refused(await client.get(here), 404, None)
        refused(await client.get(f"{here}/messages"), 404, None)
        assert (await say(client, here)).json()["seq"] == 1
