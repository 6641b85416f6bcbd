"""``useChat``'s protocol over raw HTTP: one assistant message a turn, and what only a rep's key may see."""

import asyncio
import json
import uuid
from typing import Any

import httpx2
import pytest

from agent.access.caller import Role
from agent.settings import Settings
from tests.agent.access.doors import bearer, made
from tests.agent.channels.contract import refused
from tests.agent.channels.parts import PATIENT, Broken, Told, building, settings_with
from tests.agent.channels.wires import values
from tests.conftest import serving

PATH = "/api/chat"


def message(role: str, *texts: str, message_id: str | None = None) -> dict[str, Any]:
    parts = [{"type": "step-start"}, *({"type": "text", "text": text} for text in texts)]
    return {"id": message_id or uuid.uuid4().hex, "role": role, "parts": parts}


def body(chat: str, *messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": chat, "messages": list(messages), "trigger": "submit-message", "locale": "es", **more}


async def parts_of(client: httpx2.AsyncClient, given: dict[str, Any], **more: Any) -> list[Any]:
    answer = await client.post(PATH, json=given, **more)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-vercel-ai-ui-message-stream"] == "v1"
    assert answer.headers["cache-control"] == "no-store"
    return values(answer.text)


def spoken(parts: list[Any]) -> str:
    """The text, once the order of the parts is that of one whole message."""
    assert parts.pop() == "[DONE]"
    kinds = [part["type"] for part in parts]
    deltas = [part["delta"] for part in parts if part["type"] == "text-delta"]
    insights = ["data-insights"] * kinds.count("data-insights")
    told = ["text-start", *["text-delta"] * len(deltas), "text-end"] if deltas else []
    assert kinds == ["start", "start-step", *told, *insights, "finish-step", "finish"]
    assert len({part["id"] for part in parts if "id" in part}) <= 1
    assert all(deltas)
    return "".join(deltas)


async def test_a_turn_is_one_message_in_sentences(api: httpx2.AsyncClient) -> None:
    chat = uuid.uuid4().hex
    first = await parts_of(api, body(chat, message("user", "hola")))
    second = await parts_of(
        api, body(chat, message("user", "hola"), message("assistant", "Hola."), message("user", "¿cuánto cuesta?"))
    )
    assert first[0]["messageId"] != second[0]["messageId"]
    texts = [spoken(first), spoken(second)]
    stored = (await api.get(f"/conversations/{chat}/messages")).json()["messages"]
    assert [row["text"] for row in stored] == ["hola", texts[0], "¿cuánto cuesta?", texts[1]]
    turn = (await api.get(f"/conversations/{chat}/turns/2")).json()
    assert second[-1]["messageMetadata"] == {"turnId": turn["turn_id"], "handoff": False}


async def test_a_regenerated_message_is_the_stored_turn_again(api: httpx2.AsyncClient) -> None:
    chat = uuid.uuid4().hex
    asked = message("user", "hola", message_id="m-1")
    first = spoken(await parts_of(api, body(chat, asked)))
    again = await parts_of(api, body(chat, asked, trigger="regenerate-message", messageId="a-1"))
    assert spoken(again) == first
    assert (await api.get(f"/conversations/{chat}")).json()["turns"] == 1


async def test_what_was_not_answered_comes_with_the_next_message(api: httpx2.AsyncClient) -> None:
    chat = uuid.uuid4().hex
    await parts_of(api, body(chat, message("user", "hola,", "qué tal"), message("assistant"), message("user", "oye")))
    stored = (await api.get(f"/conversations/{chat}/messages")).json()["messages"]
    assert stored[0]["text"] == "hola,\nqué tal\noye"


async def test_an_hours_history_fits_and_none_without_end(api: httpx2.AsyncClient) -> None:
    hour = [message(role, "a" * 170) for _ in range(180) for role in ("user", "assistant")]
    given = body(uuid.uuid4().hex, *hour, message("user", "hola"))
    assert len(json.dumps(given)) > 64_000
    assert spoken(await parts_of(api, given))
    endless = body(uuid.uuid4().hex, message("assistant", "a" * 500_000), message("user", "hola"))
    answer = await api.post(PATH, json=endless)
    assert (answer.status_code, answer.text) == (413, "body: has more than 500000 bytes")
    assert answer.headers["content-type"].startswith("text/plain")


async def test_a_handoff_is_told(api: httpx2.AsyncClient) -> None:
    parts = await parts_of(api, body(uuid.uuid4().hex, message("user", "quiero hablar con una persona")))
    assert parts[-2]["messageMetadata"]["handoff"] is True


async def test_insights_are_for_keys_that_may_read_turns(settings: Settings) -> None:
    keys = settings_with(settings, keys="required", rate_limit="")
    desk, admin = await made(keys, Role.FRONT_END), await made(keys, Role.ADMIN)
    async with serving(keys) as client:
        for key, sees in ((desk, False), (admin, True)):
            given = body(uuid.uuid4().hex, message("user", "me parece caro"))
            parts = await parts_of(client, given, headers=bearer(key))
            insights = [part for part in parts[:-1] if part["type"] == "data-insights"]
            assert len(insights) == sees
            assert ("talking_points" in str(parts)) == sees
            if sees:
                assert insights[0]["transient"] is True
                assert insights[0]["data"]["talking_points"]
                assert insights[0]["data"]["recommended_action"]["type"]


CHAT = "c-1"
GOOD = message("user", "hola")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "id"),
        ([], "body"),
        (body("", GOOD), "id"),
        (body("a b", GOOD), "id"),
        (body(CHAT), "messages"),
        (body(CHAT, message("assistant", "hola")), "messages"),
        (body(CHAT, message("user")), "messages"),
        (body(CHAT, message("user", "  ")), "messages"),
        (body(CHAT, message("user", "x" * 4001)), "messages"),
        (body(CHAT, message("user", "a\x07")), "messages"),
        (body(CHAT, message("friend", "hola")), "messages.0.role"),
        (body(CHAT, {"role": "user", "parts": [{"type": "text", "text": 5}]}), "messages.0.parts"),
        (body(CHAT, {"role": "user", "parts": 5}), "messages.0.parts"),
        (body(CHAT, GOOD, trigger="resume"), "trigger"),
        (body(CHAT, GOOD, playbook="nowhere"), "playbook"),
        (body(CHAT, GOOD, locale="?"), "locale"),
    ],
)
async def test_wrong_input_is_a_sentence_that_names_the_field(api: httpx2.AsyncClient, given: Any, field: str) -> None:
    answer = await api.post(PATH, json=given)
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text.startswith(f"{field}: "), answer.text


async def test_what_is_no_json_is_refused_in_the_same_way(api: httpx2.AsyncClient) -> None:
    for content in (b"{", b"\xff", b"[" * 50_000):
        answer = await api.post(PATH, content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422
        assert answer.headers["content-type"].startswith("text/plain")


async def test_the_same_id_with_another_text_is_refused(api: httpx2.AsyncClient) -> None:
    chat = uuid.uuid4().hex
    await parts_of(api, body(chat, message("user", "hola", message_id="m-1")))
    answer = await api.post(PATH, json=body(chat, message("user", "adiós", message_id="m-1")))
    assert (answer.status_code, answer.headers["content-type"]) == (422, "text/plain; charset=utf-8")


async def test_a_full_line_says_when_to_come_back(settings: Settings) -> None:
    writer = Told()
    async with serving(settings_with(settings, **PATIENT, queue_length=1), building(writers=[writer])) as client:
        running = asyncio.create_task(client.post(PATH, json=body(CHAT, GOOD)))
        await writer.reached.wait()
        others = [asyncio.create_task(client.post(PATH, json=body(CHAT, message("user", text)))) for text in "ab"]
        done, _ = await asyncio.wait(others, return_when=asyncio.FIRST_COMPLETED)
        answer = done.pop().result()
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        assert "wait" in answer.text
        writer.gate.set()
        await asyncio.gather(running, *others)


async def test_a_fault_after_the_first_sentence_is_an_error_part(settings: Settings) -> None:
    broken = Broken(lambda work: RuntimeError("secreto-4711") if work == "commit" else None)
    async with serving(settings, building(writers=[], broken=broken)) as client:
        parts = await parts_of(client, body(CHAT, GOOD))
        assert parts[-1] == "[DONE]"
        assert parts[-2].keys() == {"type", "errorText"} and parts[-2]["type"] == "error"
        assert parts[-3]["type"] == "text-end"
        assert "secreto" not in str(parts)


async def test_a_key_that_may_not_post_is_told_so(settings: Settings) -> None:
    keys = settings_with(settings, keys="required")
    rep = await made(keys, Role.REP)
    async with serving(keys) as client:
        refused(await client.post(PATH, json={}, headers=bearer(rep)), 403, None, "not_allowed")
