"""Event streams over HTTP: server-sent events as browsers read them, on a real socket."""

import asyncio
import json
import re
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from agent.access.caller import Role
from agent.bootstrap import build_agent
from agent.channels import event_shapes
from agent.metrics import OWN
from agent.orchestrator import SalesAgent
from agent.settings import Settings
from agent.store import audit
from agent.store.events import Told, tell
from agent.turn import ConversationKey
from tests.agent.access.doors import bearer, made, opened
from tests.agent.channels.contract import refused
from tests.agent.channels.parts import settings_with
from tests.agent.channels.sockets import listening
from tests.conftest import serving
from tests.server import served

LONG_S = 20.0
Frame = dict[str, str]


async def frames(answer: httpx2.Response) -> AsyncIterator[Frame]:
    """Server-sent events; a comment is a frame with the name ``""``."""
    frame: Frame = {}
    async for line in answer.aiter_lines():
        if not line:
            yield frame
            frame = {}
        else:
            name, _, value = line.partition(": ")
            frame[name] = value


@asynccontextmanager
async def following(
    client: httpx2.AsyncClient, path: str = "/events", **more: Any
) -> AsyncIterator[AsyncIterator[Frame]]:
    async with client.stream("GET", path, **more) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        found = frames(answer)
        assert await anext(found) == {"retry": "1000"}
        yield found


async def happened(found: AsyncIterator[Frame], count: int) -> list[dict[str, Any]]:
    """The next events, once each is what the document says."""
    events: list[dict[str, Any]] = []
    async with asyncio.timeout(LONG_S):
        async for frame in found:
            if "data" in frame:
                data = json.loads(frame["data"])
                assert (frame["id"], frame["event"]) == (data["id"], data["type"])
                shape = event_shapes.Event.model_validate_json(frame["data"], strict=True)
                assert shape.model_dump(mode="json") == data
                events.append(data)
            if len(events) == count:
                break
    return events


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(LONG_S):
        while not true():
            await asyncio.sleep(0.01)


def readers() -> float:
    return OWN.get_sample_value("sales_agent_event_readers") or 0.0


def left_behind() -> float:
    return OWN.get_sample_value("sales_agent_event_readers_left_total", {"why": "too_slow"}) or 0.0


@pytest.fixture
async def live(settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    async with listening(settings) as client:
        yield client


@pytest.fixture
def call() -> str:
    return uuid.uuid4().hex


async def say(client: httpx2.AsyncClient, call: str, text: str = "hola") -> dict[str, Any]:
    answer = await client.post(f"/conversations/{call}/message", json={"message": text, "locale": "es"})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_every_kind_of_event_is_what_the_document_says(live: httpx2.AsyncClient, call: str) -> None:
    here = f"/conversations/{call}"
    async with following(live) as found:
        await live.post("/conversations/start", json={"conversation_id": call, "customer_id": "laura", "locale": "es"})
        turn = await say(live, call, "quiero hablar con una persona, es muy caro")
        await live.post(f"{here}/takeover", json={"actor": "ana", "reason": "asked for a person"})
        await live.post(f"{here}/messages", json={"actor": "ana", "text": "Hola, soy Ana."})
        await live.post(f"{here}/handback", json={"actor": "ana"})
        judged = {"action": "edited", "actor": "ana", "reason": "too long"}
        await live.post(f"{here}/suggestions/{turn['turn_id']}/feedback", json=judged)
        await live.post(f"{here}/outcome", json={"outcome": "converted", "value": 10.5})
        await live.delete(here)
        events = await happened(found, 10)
    assert [event["type"] for event in events] == [
        "conversation.started", "message.received", "turn.completed", "handoff.requested", "conversation.taken_over",
        "message.sent", "conversation.handed_back", "suggestion.feedback", "outcome.reported", "conversation.erased",
    ]  # fmt: skip
    assert {event["conversation_id"] for event in events} == {call}
    card = events[2]["data"]
    for name in ("response", "talking_points", "ml_insights", "recommended_action", "degraded", "interrupted"):
        assert card[name] == turn[name]
    assert "wants_human" in card["risk_flags"]
    assert events[0]["data"]["customer_id"] == "laura"


async def test_a_reader_goes_on_from_the_last_event_that_he_saw(live: httpx2.AsyncClient, call: str) -> None:
    async with following(live) as found:
        await say(live, call)
        first = await happened(found, 2)
    await say(live, call, "y el precio?")
    for given in ({"headers": {"Last-Event-ID": first[-1]["id"]}}, {"params": {"last_event_id": first[-1]["id"]}}):
        async with following(live, **given) as found:
            assert [one["type"] for one in await happened(found, 3)] == [
                "turn.completed",
                "message.received",
                "turn.completed",
            ]
    both = {"headers": {"Last-Event-ID": first[-1]["id"]}, "params": {"last_event_id": "0", "follow": "false"}}
    assert (await live.get("/events", **both)).text.count("event: ") == 3, "the header is the newer one"
    everything = await live.get(f"/conversations/{call}/events", params={"last_event_id": "0", "follow": "false"})
    assert everything.text.count("event: ") == 5
    nothing = await live.get("/events", params={"follow": "false"})
    assert nothing.text == "retry: 1000\n\n"


async def test_only_one_conversation_is_told_of_which_may_not_have_begun(live: httpx2.AsyncClient, call: str) -> None:
    async with following(live, f"/conversations/{call}/events") as found:
        await say(live, uuid.uuid4().hex)
        await say(live, call)
        assert {one["conversation_id"] for one in await happened(found, 3)} == {call}


async def test_an_erased_conversation_is_not_replayed(live: httpx2.AsyncClient, call: str) -> None:
    secret = "mi teléfono es el del anuncio de la esquina"
    await say(live, call, secret)
    await live.delete(f"/conversations/{call}")
    for path in ("/events", f"/conversations/{call}/events"):
        past = await live.get(path, params={"last_event_id": "0", "follow": "false"})
        assert past.text.count("event: conversation.erased") == 1
        assert "esquina" not in past.text


async def test_it_says_that_it_is_there_and_ends_some_day(settings: Settings) -> None:
    short = settings_with(settings, events_heartbeat_s=0.05, events_longest_s=0.6)
    async with listening(short) as client:
        answer = await client.get("/events")
        assert 1 <= answer.text.count(": still here\n\n") <= 13
        assert answer.text.startswith("retry: 1000\n\n")


async def test_what_is_left_out_of_a_replay_is_said(settings: Settings, call: str) -> None:
    async with listening(settings_with(settings, events_replayed=2)) as client:
        await say(client, call)
        past = await client.get("/events", params={"last_event_id": "0", "follow": "false"})
        assert past.text.startswith('retry: 1000\n\nevent: replay.cut\ndata: {"replayed":2}\n\nid: ')
        assert past.text.count("\nid: ") == 2


@pytest.mark.parametrize("path", ["/events", "/conversations/c-1/events"])
@pytest.mark.parametrize("wrong", ["1", "x" * 24, "0" * 25, "A" * 24, "-1", "0" * 100_000, "' or 1=1 --", "é"])
async def test_an_event_id_that_is_none_is_refused(api: httpx2.AsyncClient, path: str, wrong: str) -> None:
    if len(wrong) < 1_000:
        refused(await api.get(path, params={"last_event_id": wrong}), 422, "last_event_id", "invalid_input")
    if wrong.isascii():
        refused(await api.get(path, headers={"Last-Event-ID": wrong}), 422, "Last-Event-ID", "invalid_input")


async def test_an_empty_event_id_and_one_that_nobody_gave_are_harmless(api: httpx2.AsyncClient) -> None:
    for given in ("", "f" * 24, "0" * 24):
        answer = await api.get("/events", headers={"Last-Event-ID": given}, params={"follow": "false"})
        assert answer.status_code == 200, answer.text
    refused(await api.get("/events", params={"follow": "perhaps"}), 422, "follow")
    refused(await api.get("/conversations/a%20b/events"), 422, "conversation_id")


async def test_readers_who_leave_leave_nothing_behind(live: httpx2.AsyncClient, call: str) -> None:
    await say(live, call)
    before = asyncio.all_tasks()

    async def reads(number: int) -> int:
        async with following(live, params={"last_event_id": "0"}) as found:
            await happened(found, 3 + number % 2)
            return number

    readers_before = readers()
    crowd = [asyncio.create_task(reads(number)) for number in range(50)]
    await until(lambda: sum(task.done() for task in crowd) == 25 and readers() == readers_before + 25)
    await say(live, call, "sigo")
    assert sorted(await asyncio.gather(*crowd)) == list(range(50))
    await until(lambda: readers() == readers_before)
    await until(lambda: asyncio.all_tasks() <= before)


async def test_who_reads_too_slowly_is_disconnected(settings: Settings, call: str) -> None:
    built: list[SalesAgent] = []

    async def build(given: Settings) -> SalesAgent:
        built.append(await build_agent(given))
        return built[0]

    async with listening(settings, build) as client:
        await say(client, call)
        key = ConversationKey("default", call)
        async with following(client) as found:
            left = left_behind()
            for _ in range(8):
                big = [Told("outcome.reported", {"junk": "x" * 50_000}) for _ in range(100)]
                await built[0].door.run(tell, key, big, time.time())
            await until(lambda: left_behind() > left)
            seen = 0
            async with asyncio.timeout(LONG_S):
                async for _ in found:
                    seen += 1
            assert seen < 800


async def test_keys_tenants_and_the_audit_log(settings: Settings, call: str) -> None:
    given = settings_with(settings, keys="required", rate_limit="", events_streams=2)
    rep, other = await made(given, Role.REP), await made(given, Role.REP, "other")
    desk = await made(given, Role.FRONT_END)
    async with listening(given) as client:
        refused(await client.get("/events", headers=bearer(desk)), 403, None, "not_allowed")
        async with (
            following(client, headers=bearer(rep)) as mine,
            following(client, f"/conversations/{call}/events", headers=bearer(other)) as theirs,
        ):
            for key in (desk, await made(given, Role.FRONT_END, "other")):
                answer = await client.post(
                    f"/conversations/{call}/message", json={"message": f"soy de {key.id}"}, headers=bearer(key)
                )
                assert answer.status_code == 200
            seen, of_others = await happened(mine, 3), await happened(theirs, 3)
            assert seen[1]["data"]["text"] == f"soy de {desk.id}"
            assert desk.id not in of_others[1]["data"]["text"]
            async with following(client, headers=bearer(rep)):
                content = refused(await client.get("/events", headers=bearer(rep)), 429, None, "too_many_streams")
                assert "2 event streams" in content["message"]
        stolen = {**bearer(other), "Last-Event-ID": seen[0]["id"]}
        past = await client.get("/events", headers=stolen, params={"follow": "false"})
        assert desk.id not in past.text
    async with opened(given.store_url) as door:
        rows = await door.run(audit.read, "acme")
    kept = [(row.deed.action, row.deed.target, row.deed.outcome) for row in rows]
    assert ("events_followed", "/events", "done") in kept
    assert ("access_denied", "events:follow /events", "denied") in kept


async def test_the_document_describes_the_stream(api: httpx2.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()
    for path in ("/events", "/conversations/{conversation_id}/events"):
        answers = document["paths"][path]["get"]["responses"]
        [frame] = answers["200"]["content"].values()
        assert frame["schema"]["properties"]["data"]["contentSchema"] == {"$ref": "#/components/schemas/Event"}
        assert list(answers["422"]["content"]) == ["application/json"]
    schemas = document["components"]["schemas"]
    assert {
        name.rpartition("/")[2] for name in re.findall(r"#/components/schemas/[\w.-]+", json.dumps(document))
    } <= schemas.keys()
    kinds = schemas["Event"]["discriminator"]["mapping"]
    assert {"turn.completed", "message.corrected", "conversation.erased"} <= kinds.keys()


async def test_the_parts_say_how_events_come(settings: Settings) -> None:
    async with serving(settings) as client:
        assert (await client.get("/readyz")).json()["parts"]["events"] == "polling"


async def test_a_server_that_ends_lets_its_readers_go(settings: Settings) -> None:
    async with served(settings.data_dir) as server:
        stream = asyncio.create_task(server.client.get("/events"))
        async with asyncio.timeout(LONG_S):
            while "sales_agent_event_readers 1.0" not in (await server.client.get("/metrics")).text:
                await asyncio.sleep(0.02)
        server.stop()
        assert (await stream).text == "retry: 1000\n\n"
        status, logged = await server.ended()
    assert status == 0, logged
