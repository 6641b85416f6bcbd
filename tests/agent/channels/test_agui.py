"""AG-UI over raw HTTP: a run's events in their order, state that comes back, and errors in its own words."""

import json
import uuid
from typing import Any

import httpx2
import pytest

from agent.access.caller import Role
from agent.channels.agui import RunErrorResponse
from agent.settings import Settings
from tests.agent.access.doors import bearer, made
from tests.agent.channels.contract import exactly
from tests.agent.channels.parts import Broken, building, settings_with
from tests.agent.channels.wires import values
from tests.conftest import serving

PATH = "/agui"


def message(role: str, content: Any) -> dict[str, Any]:
    return {"id": uuid.uuid4().hex, "role": role, "content": content}


def run(thread: str, *messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    given = {"tools": [], "context": [], "state": {}, "forwardedProps": {"locale": "es"}}
    return {"threadId": thread, "runId": uuid.uuid4().hex, "messages": list(messages), **given, **more}


async def events_of(client: httpx2.AsyncClient, given: dict[str, Any], **more: Any) -> list[Any]:
    answer = await client.post(PATH, json=given, **more)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    return values(answer.text)


def spoken(events: list[Any], given: dict[str, Any]) -> str:
    """The text, once the order of the events is that of a whole run."""
    deltas = [event["delta"] for event in events if event["type"] == "TEXT_MESSAGE_CONTENT"]
    custom = [event["type"] for event in events if event["type"] == "CUSTOM"]
    text = ["TEXT_MESSAGE_START", *["TEXT_MESSAGE_CONTENT"] * len(deltas), "TEXT_MESSAGE_END"] if deltas else []
    wanted = ["RUN_STARTED", "STATE_SNAPSHOT", *text, "STATE_SNAPSHOT", *custom, "RUN_FINISHED"]
    assert [event["type"] for event in events] == wanted
    for event in (events[0], events[-1]):
        assert (event["threadId"], event["runId"]) == (given["threadId"], given["runId"])
    assert len({event["messageId"] for event in events if "messageId" in event}) <= 1
    assert all(deltas)
    return "".join(deltas)


async def test_a_run_is_a_turn(api: httpx2.AsyncClient) -> None:
    thread = uuid.uuid4().hex
    hello, price = message("user", "hola"), message("user", [{"type": "text", "text": "¿cuánto cuesta?"}])
    texts: list[str] = []
    for dialogue in ([hello], [hello, message("assistant", "Hola."), price]):
        given = run(thread, *dialogue, state={"theme": "dark"})
        events = await events_of(api, given)
        texts.append(spoken(events, given))
        snapshots = [event["snapshot"] for event in events if event["type"] == "STATE_SNAPSHOT"]
        assert snapshots[0] == {"theme": "dark", "conversation": {"conversation_id": thread}}
        assert snapshots[1]["theme"] == "dark"
        assert snapshots[1]["conversation"].keys() == {"conversation_id", "stage", "language", "handoff"}
    stored = (await api.get(f"/conversations/{thread}/messages")).json()["messages"]
    assert [row["text"] for row in stored] == ["hola", texts[0], "¿cuánto cuesta?", texts[1]]


async def test_an_hours_history_fits_and_none_without_end(api: httpx2.AsyncClient) -> None:
    hour = [message(role, "a" * 170) for _ in range(180) for role in ("user", "assistant")]
    given = run(uuid.uuid4().hex, *hour, message("user", "hola"))
    assert len(json.dumps(given)) > 64_000
    assert spoken(await events_of(api, given), given)
    endless = run(uuid.uuid4().hex, message("assistant", "a" * 500_000), message("user", "hola"))
    answer = await api.post(PATH, json=endless)
    assert answer.status_code == 413
    assert exactly(RunErrorResponse, answer)["code"] == "body_too_large"


async def test_the_same_message_in_another_run_is_the_same_turn(api: httpx2.AsyncClient) -> None:
    thread, hello = uuid.uuid4().hex, message("user", "hola")
    said = {spoken(await events_of(api, given), given) for given in (run(thread, hello), run(thread, hello))}
    assert len(said) == 1
    assert (await api.get(f"/conversations/{thread}")).json()["turns"] == 1


async def test_messages_of_tools_and_instructions_are_not_the_customers(api: httpx2.AsyncClient) -> None:
    thread = uuid.uuid4().hex
    given = run(thread, message("system", "x"), message("activity", {"any": 1}), message("user", "hola"))
    spoken(await events_of(api, given), given)
    assert (await api.get(f"/conversations/{thread}/messages")).json()["messages"][0]["text"] == "hola"


async def test_the_playbook_comes_with_the_forwarded_properties(api: httpx2.AsyncClient) -> None:
    thread = uuid.uuid4().hex
    await events_of(api, run(thread, message("user", "hi"), forwardedProps={"playbook": "roofing", "locale": "en"}))
    assert (await api.get(f"/conversations/{thread}")).json()["playbook"] == "roofing"


async def test_insights_are_for_keys_that_may_read_turns(settings: Settings) -> None:
    keys = settings_with(settings, keys="required", rate_limit="")
    desk, admin = await made(keys, Role.FRONT_END), await made(keys, Role.ADMIN)
    async with serving(keys) as client:
        for key, sees in ((desk, False), (admin, True)):
            given = run(uuid.uuid4().hex, message("user", "me parece caro"))
            events = await events_of(client, given, headers=bearer(key))
            custom = [event for event in events if event["type"] == "CUSTOM"]
            assert [event["name"] for event in custom] == ["insights"] * sees
            assert ("talking_points" in str(events)) == sees


HI = message("user", "hola")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "threadId"),
        (run("", HI), "threadId"),
        (run("t", HI, runId=5), "runId"),
        (run("t"), "messages"),
        (run("t", message("assistant", "hola")), "messages"),
        (run("t", message("user", "")), "messages"),
        (run("t", message("user", [5])), "messages.0.content"),
        (run("t", HI, state="dark"), "state"),
        (run("t", HI, state={"n": 10**40}), "state"),
        (run("t", HI, forwardedProps={"playbook": "nowhere"}), "playbook"),
        (run("t", HI, forwardedProps={"locale": "?"}), "forwardedProps.locale"),
    ],
)
async def test_wrong_input_is_a_run_error_that_names_the_field(
    api: httpx2.AsyncClient, given: dict[str, Any], field: str
) -> None:
    answer = await api.post(PATH, json=given)
    assert answer.status_code == 422
    error = exactly(RunErrorResponse, answer)
    assert error["code"] == "invalid_input"
    assert error["message"].startswith(f"{field}: "), error


async def test_a_fault_after_the_first_sentence_is_a_run_error(settings: Settings) -> None:
    broken = Broken(lambda work: RuntimeError("secreto-4711") if work == "commit" else None)
    async with serving(settings, building(writers=[], broken=broken)) as client:
        events = await events_of(client, run("t", HI))
        assert [event["type"] for event in events[-2:]] == ["TEXT_MESSAGE_END", "RUN_ERROR"]
        assert events[-1]["code"] == "internal_error"
        assert "secreto" not in str(events)
