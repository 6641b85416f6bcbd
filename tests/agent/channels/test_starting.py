"""``/start``, and what is read back of a conversation."""

import asyncio
from typing import Any

import httpx2
import pytest

from agent.channels import shapes
from tests.agent.channels.contract import READ, START, documented, exactly, refused

DATA: dict[str, Any] = {
    "playbook": "ngx",
    "channel": "voice",
    "locale": "es-MX",
    "customer_data": {"name": "Ana", "age": 41, "city": "Monterrey", "visits": 3, "vip": True, "note": None},
    "metadata": {"campaign": {"b": [1, 2.5, None], "a": "x"}, "batch": 7},
}


def named(path: str, **changes: Any) -> dict[str, Any]:
    return {**DATA, "conversation_id": path.rpartition("/")[2], **changes}


async def test_a_new_conversation_is_answered_as_documented_and_read_back_the_same(
    api: httpx2.AsyncClient, here: str
) -> None:
    answer = await api.post(START, json=named(here))
    assert answer.status_code == 201
    started = await documented(api, START, answer)
    assert started["customer_data"] == {
        "name": "Ana",
        "age": 41,
        "facts": {"city": "Monterrey", "visits": 3, "vip": True},
    }
    assert started["metadata"] == DATA["metadata"]
    assert (started["playbook"], started["channel"], started["locale"]) == ("ngx", "voice", "es-MX")
    assert (started["stage"], started["messages"], started["turns"], started["outcome"]) == ("opening", 0, 0, None)
    assert await documented(api, READ, await api.get(here)) == started


async def test_a_start_without_anything_gets_an_id_of_its_own(api: httpx2.AsyncClient) -> None:
    first, second = [(await api.post(START, json={})).json() for _ in range(2)]
    assert first["conversation_id"] != second["conversation_id"]
    assert first["playbook"] == "ngx"
    found = await api.get(f"/conversations/{first['conversation_id']}")
    assert found.json() == first


async def test_the_same_start_again_changes_nothing(api: httpx2.AsyncClient, here: str) -> None:
    first = await api.post(START, json=named(here))
    again = await api.post(START, json=named(here))
    assert (first.status_code, again.status_code) == (201, 200)
    assert await documented(api, START, again) == first.json()


async def test_the_order_of_keys_does_not_make_another_start(api: httpx2.AsyncClient, here: str) -> None:
    first = await api.post(START, json=named(here))
    turned = {
        key: dict(reversed(value.items())) if isinstance(value, dict) else value for key, value in named(here).items()
    }
    turned["metadata"]["campaign"] = {"a": "x", "b": [1, 2.5, None]}
    again = await api.post(START, json=dict(reversed(turned.items())))
    assert again.status_code == 200, again.text
    assert again.json() == first.json()


@pytest.mark.parametrize(
    "other",
    [
        {"playbook": "roofing"},
        {"channel": "chat"},
        {"locale": "en-US"},
        {"locale": None},
        {"customer_data": {"name": "Berta"}},
        {"customer_data": {}},
        {"metadata": {"campaign": {"b": [2.5, 1, None], "a": "x"}, "batch": 7}},
    ],
    ids=str,
)
async def test_a_taken_id_with_other_data_is_refused_and_the_first_stays(
    api: httpx2.AsyncClient, here: str, other: dict[str, Any]
) -> None:
    first = await api.post(START, json=named(here))
    answer = await api.post(START, json=named(here, **other))
    content = refused(answer, 409, "conversation_id", "conversation_exists")
    await documented(api, START, answer)
    assert next(iter(other)).removesuffix("_data") in content["message"]
    assert (await api.get(here)).json() == first.json()


async def test_equal_starts_at_the_same_time_make_one_conversation(api: httpx2.AsyncClient, here: str) -> None:
    answers = await asyncio.gather(*(api.post(START, json=named(here)) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.content for answer in answers}) == 1


async def test_a_started_conversation_keeps_its_playbook_whatever_a_message_says(
    api: httpx2.AsyncClient, here: str
) -> None:
    await api.post(START, json=named(here, playbook="roofing", locale="en-US"))
    said = {"message": "How much is a new roof?", "playbook": "ngx", "locale": "es-MX", "channel": "sms"}
    answer = await api.post(f"{here}/message", json=said)
    assert (answer.status_code, answer.json()["language"]) == (200, "en")
    after = (await api.get(here)).json()
    assert (after["playbook"], after["locale"], after["channel"]) == ("roofing", "en-US", "voice")


async def test_the_language_of_the_locale_is_known_before_anything_is_said(api: httpx2.AsyncClient) -> None:
    assert (await api.post(START, json={"locale": "en_US"})).json()["language"] == "en"
    assert (await api.post(START, json={"locale": "es"})).json()["language"] == "es"
    assert (await api.post(START, json={})).json()["language"] is None


@pytest.mark.parametrize("locale", ["fr-FR", "zh-Hant-TW", "de"])
async def test_a_language_that_is_not_spoken_here_starts_all_the_same(api: httpx2.AsyncClient, locale: str) -> None:
    answer = await api.post(START, json={"locale": locale})
    assert answer.status_code == 201
    assert exactly(shapes.ConversationResponse, answer)["locale"] == locale


@pytest.mark.parametrize(
    ("method", "rest"),
    [
        ("GET", ""),
        ("GET", "/messages"),
        ("GET", "/turns/1"),
        ("GET", "/turns/abc"),
        ("DELETE", ""),
        ("POST", "/outcome"),
    ],
)
async def test_an_unknown_conversation_is_not_found(api: httpx2.AsyncClient, here: str, method: str, rest: str) -> None:
    body = {"outcome": "lost"} if rest == "/outcome" else None
    answer = await api.request(method, here + rest, json=body)
    refused(answer, 404, None)
    route = READ + ("/turns/{turn_id}" if "turns" in rest else rest)
    await documented(api, route, answer)


async def test_an_unknown_turn_is_not_found(api: httpx2.AsyncClient, here: str) -> None:
    await api.post(f"{here}/message", json={"message": "hola"})
    for turn in ("0", "2", "999999999", "9999999999999999", "nobody"):
        refused(await api.get(f"{here}/turns/{turn}"), 404, None, "unknown_turn")


@pytest.mark.parametrize("turn", ["%C2%B2", "%D9%A1", "a%20b", "-%00"])
async def test_a_turn_number_is_written_in_plain_digits(api: httpx2.AsyncClient, here: str, turn: str) -> None:
    await api.post(f"{here}/message", json={"message": "hola"})
    refused(await api.get(f"{here}/turns/{turn}"), 422, "turn_id")
