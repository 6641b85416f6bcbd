"""A turn as server-sent events: sentences first, then what the rep sees, and a turn that goes on without its reader."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from agent.channels import shapes
from agent.settings import Settings
from tests.agent.channels.contract import refused
from tests.agent.channels.parts import FIRST, PATIENT, SECOND, Broken, Told, at_once, building, settings_with
from tests.agent.channels.sockets import listening
from tests.conftest import serving

Event = tuple[str, dict[str, Any]]
STREAM = {"Accept": "text/event-stream"}


def parsed(text: str) -> list[Event]:
    """Every event has exactly one ``event`` line and one ``data`` line, and ends with an empty one."""
    blocks = text.split("\n\n")
    assert blocks.pop() == ""
    events: list[Event] = []
    for block in blocks:
        name, data = block.split("\n")
        assert name.startswith("event: ") and data.startswith("data: ")
        events.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return events


async def streamed(client: httpx2.AsyncClient, here: str, text: str = "hola", **more: Any) -> list[Event]:
    answer = await client.post(f"{here}/message", json={"message": text, **more}, headers=STREAM)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-accel-buffering"] == "no"
    return parsed(answer.text)


def checked(events: list[Event]) -> dict[str, Any]:
    """The answer in ``done``, once the order of events and what they say of each other is right."""
    names = [name for name, _ in events]
    sentences = names.count("sentence")
    assert sentences >= 1
    assert names == ["sentence"] * sentences + ["talking_points", "insights", "done"]
    done = events[-1][1]
    assert shapes.TurnResponse.model_validate_json(json.dumps(done), strict=True).model_dump(mode="json") == done
    assert "".join(data["text"] for _, data in events[:sentences]) == done["response"]
    assert events[-3][1] == {"talking_points": done["talking_points"]}
    assert events[-2][1] == {key: done[key] for key in ("ml_insights", "recommended_action", "degraded")}
    return done


async def arriving(answer: httpx2.Response) -> AsyncIterator[Event]:
    lines = answer.aiter_lines()
    async for line in lines:
        yield line.removeprefix("event: "), json.loads((await anext(lines)).removeprefix("data: "))
        assert await anext(lines) == ""


@pytest.mark.parametrize("text", ["hola", "¿cuánto cuesta?", "me parece carísimo", "¿qué incluye y cuánto dura?", "?"])
async def test_sentences_come_first_and_make_up_the_response(api: httpx2.AsyncClient, here: str, text: str) -> None:
    for seq in (1, 2, 3):
        done = checked(await streamed(api, here, text))
        assert done["seq"] == seq
        assert (await api.get(f"{here}/turns/{seq}")).json()["response"] == done


async def test_the_flag_in_the_address_streams_too(api: httpx2.AsyncClient, here: str) -> None:
    answer = await api.post(f"{here}/message?stream=true", json={"message": "hola"})
    assert checked(parsed(answer.text))["seq"] == 1


async def test_a_repeat_streams_what_was_answered_before(api: httpx2.AsyncClient, here: str) -> None:
    first = checked(await streamed(api, here, message_id="m-1"))
    assert checked(await streamed(api, here, message_id="m-1")) == first
    whole = await api.post(f"{here}/message", json={"message": "hola", "message_id": "m-1"})
    assert whole.json() == first


async def test_a_models_sentences_leave_before_its_reply_is_written(settings: Settings, here: str) -> None:
    writer = Told()
    async with (
        listening(settings_with(settings, **PATIENT), building(writers=[writer])) as client,
        client.stream("POST", f"{here}/message", json={"message": "hola"}, headers=STREAM) as answer,
    ):
        events: list[Event] = []
        async for event in arriving(answer):
            events.append(event)
            if FIRST in event[1].get("text", ""):
                assert not writer.gate.is_set()
                writer.gate.set()
        done = checked(events)
        assert done["response"].endswith(f"{FIRST} {SECOND}")


UNTIDY = [
    ("Gracias por\n\ncontarme eso.", "¿Qué es\r\nlo más importante para ti?\u2028"),
    (FIRST, f"{SECOND} "),
    (FIRST, f"{SECOND}\n\n\u00a0"),
    (f"\n {FIRST}", SECOND),
    (f"{FIRST}\n\n", SECOND),
    (FIRST, "Hoy te queda en $1."),
    (f"{FIRST}\n", "Hoy te queda en $1. "),
    ("Hoy te queda en $1.", SECOND),
    ("Hoy te queda en $1.", "Es un 90% menos."),
]


async def test_white_space_and_dropped_sentences_do_not_part_the_stream_from_the_response(
    settings: Settings, here: str
) -> None:
    writer = at_once()
    async with serving(settings, building(writers=[writer])) as client:
        for number, writer.sentences in enumerate(UNTIDY):
            for _ in range(2):
                response = checked(await streamed(client, f"{here}-{number}"))["response"]
                assert "$1." not in response and response == response.strip(), writer.sentences


async def test_what_is_refused_before_the_stream_has_its_own_status(settings: Settings, here: str) -> None:
    writer = Told()
    async with serving(settings_with(settings, **PATIENT, queue_length=1), building(writers=[writer])) as client:

        async def post(text: str, **more: Any) -> httpx2.Response:
            return await client.post(f"{here}/message", json={"message": text, **more}, headers=STREAM)

        refused(await post(""), 422, "message")
        refused(await post("hola", playbook="nowhere"), 422, "playbook")
        running = asyncio.create_task(post("uno", message_id="m-1"))
        await writer.reached.wait()
        posts = [asyncio.create_task(post(text)) for text in ("dos", "tres")]
        first, _ = await asyncio.wait(posts, return_when=asyncio.FIRST_COMPLETED)
        refused(first.pop().result(), 429, None, "turns_queued")
        writer.gate.set()
        checked(parsed((await running).text))
        refused(await post("otro", message_id="m-1"), 422, "message_id", "message_id_reused")


async def test_a_client_that_leaves_does_not_lose_the_turn(settings: Settings, here: str) -> None:
    writer = Told()
    async with listening(settings_with(settings, **PATIENT), building(writers=[writer])) as client:
        body = {"message": "hola", "message_id": "m-1"}
        async with client.stream("POST", f"{here}/message", json=body, headers=STREAM) as answer:
            name, _ = await anext(arriving(answer))
            assert name == "sentence"
        await writer.reached.wait()
        writer.gate.set()
        whole = await client.post(f"{here}/message", json=body)
        assert whole.json()["response"].endswith(f"{FIRST} {SECOND}")
        assert writer.heard == ["hola"], "the repeat found the turn that had gone on"
        assert len((await client.get(f"{here}/messages")).json()["messages"]) == 2


async def test_a_server_that_stops_finishes_the_turns_of_clients_that_left(settings: Settings, here: str) -> None:
    writer = Told()
    patient = settings_with(settings, **PATIENT)
    async with listening(patient, building(writers=[writer])) as client:
        async with client.stream("POST", f"{here}/message", json={"message": "hola"}, headers=STREAM) as answer:
            await anext(arriving(answer))
        await writer.reached.wait()
        asyncio.get_running_loop().call_later(0.2, writer.gate.set)
    async with serving(settings) as client:
        found = (await client.get(f"{here}/messages")).json()["messages"]
        assert [message["role"] for message in found] == ["customer", "agent"]
        assert found[1]["text"].endswith(SECOND)


async def test_a_turn_that_is_lost_on_the_way_ends_with_an_error_event(settings: Settings, here: str) -> None:
    writer = Told()
    async with serving(settings_with(settings, **PATIENT), building(writers=[writer])) as client:
        running = asyncio.create_task(streamed(client, here, "mi teléfono es 555 0101"))
        await writer.reached.wait()
        await client.delete(here)
        writer.gate.set()
        events = await running
        assert {name for name, _ in events[:-1]} == {"sentence"}
        name, error = events[-1]
        assert (name, error["type"]) == ("error", "turn_given_up")
        assert shapes.ErrorResponse.model_validate(error, strict=True).model_dump() == error
        assert "555" not in json.dumps(error)


async def test_a_fault_after_the_first_sentence_is_said_without_its_details(settings: Settings, here: str) -> None:
    broken = Broken(lambda work: RuntimeError("secreto-4711") if work == "commit" else None)
    async with serving(settings, building(writers=[], broken=broken)) as client:
        events = await streamed(client, here, message_id="m-1")
        name, error = events[-1]
        assert (name, error["type"]) == ("error", "internal_error")
        assert "secreto" not in json.dumps(events)
        assert "done" not in [name for name, _ in events]
        broken.fails = lambda _: None
        assert checked(await streamed(client, here, message_id="m-1"))["seq"] == 1, "sent again, it is answered"


async def test_a_fault_before_the_first_sentence_has_its_own_status(settings: Settings, here: str) -> None:
    broken = Broken(lambda work: RuntimeError("secreto-4711") if work == "arrive" else None)
    async with serving(settings, building(writers=[], broken=broken)) as client:
        answer = await client.post(f"{here}/message", json={"message": "hola"}, headers=STREAM)
        assert answer.status_code == 500
        assert answer.json()["type"] == "internal_error"
        assert "secreto" not in answer.text
