"""How the server ends: running turns are answered and stored, new ones are refused, and the status is 0."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator

import httpx2
import pytest

from agent.settings import Settings
from tests.conftest import serving
from tests.scripted_model import Answer, ScriptedModel
from tests.server import Served, served

PATIENT = {"first_token_s": 60, "token_gap_s": 60, "reply_s": 60, "turn_budget_s": 60}
LONG_S = 300


@pytest.fixture
async def model() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel(default=Answer(delay=2.0)) as model:
        yield model


def with_model(model: ScriptedModel, **more: object) -> dict[str, object]:
    return {"models": "openai", "openai_api_key": "k", "openai_base_url": model.openai_url, **PATIENT, **more}


async def asked(model: ScriptedModel, times: int) -> None:
    """Returns when the model was asked so often."""
    async with asyncio.timeout(LONG_S):
        while model.started < times:
            await asyncio.sleep(0.01)


def post(server: Served, conversation: str, number: int = 1, query: str = "") -> "asyncio.Task[httpx2.Response]":
    said = {"message": "hola", "message_id": f"m-{number}"}
    return asyncio.create_task(server.client.post(f"/conversations/{conversation}/message{query}", json=said))


def events(logged: str) -> list[str]:
    return [json.loads(line)["event"] for line in logged.splitlines()]


async def test_running_turns_are_answered_and_stored_and_new_ones_are_refused(
    settings: Settings, model: ScriptedModel
) -> None:
    """One runs, one waits in line, one is streamed, and one is streamed to nobody any more."""
    async with served(settings.data_dir, **with_model(model, drain_s=LONG_S)) as server:
        said = {"message": "hola"}
        async with server.client.stream("POST", "/conversations/left/message?stream=true", json=said) as left:
            assert "event: sentence" in await anext(left.aiter_text())
        streamed = post(server, "kept", query="?stream=true")
        running = post(server, "c-1")
        await asked(model, 3)
        in_line = post(server, "c-1", 2)
        while "turns_in_flight 4.0" not in (await server.client.get("/metrics")).text:
            await asyncio.sleep(0.01)
        server.stop()
        ready = await server.answer("/readyz", 503)
        assert (ready.json()["status"], ready.headers["connection"]) == ("draining", "close")
        assert (await server.client.get("/livez")).status_code == 200
        refused = await post(server, "c-2")
        assert (refused.status_code, refused.json()["type"]) == (503, "draining")
        assert (refused.headers["retry-after"], refused.headers["connection"]) == ("1", "close")
        assert (await running).json()["response"].endswith("Thank you for telling me.")
        assert "event: done" in (await streamed).text
        assert (await in_line).json()["seq"] == 2
        status, logged = await server.ended()
    assert status == 0, logged
    assert sorted(events(logged)) == ["leaving", "ready", "turn", "turn", "turn", "turn"]
    async with serving(settings) as client:
        for conversation, turns in (("left", 1), ("kept", 1), ("c-1", 2)):
            assert (await client.get(f"/conversations/{conversation}")).json()["messages"] == 2 * turns


async def test_what_does_not_end_in_time_is_given_up_and_runs_again_on_a_repeat(
    settings: Settings, model: ScriptedModel
) -> None:
    model.default = Answer(delay=3600.0)
    async with served(settings.data_dir, **with_model(model, drain_s=0.3, first_token_s=3600)) as server:
        running, stream = post(server, "c-1"), post(server, "c-2", query="?stream=true")
        await asked(model, 2)
        server.stop()
        answer, streamed = await running, await stream
        status, logged = await server.ended()
    assert status == 0, logged
    assert (answer.status_code, answer.json()["type"]) == (503, "draining")
    assert (streamed.status_code, "event: done" in streamed.text) == (200, False)
    assert '"type":"draining"' in streamed.text
    async with serving(settings) as client:
        again = await client.post("/conversations/c-1/message", json={"message": "hola", "message_id": "m-1"})
        assert (again.status_code, again.json()["seq"]) == (200, 1)


async def test_a_lame_duck_says_that_it_goes_and_still_takes_turns(settings: Settings) -> None:
    async with served(settings.data_dir, lame_duck_s=LONG_S) as server:
        server.stop()
        await server.answer("/readyz", 503)
        answer = await post(server, "c-1")
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")
        for _ in range(2):  # the first Ctrl-C after a signal ends the waiting
            server.process.send_signal(signal.SIGINT)
        status, logged = await server.ended()
    assert status == 0, logged


async def test_a_killed_worker_is_replaced_a_stopped_one_finishes_and_in_the_end_all_drain(
    settings: Settings, model: ScriptedModel
) -> None:
    async with served(settings.data_dir, "--workers", "2", **with_model(model, drain_s=LONG_S)) as server:
        first = server.workers()
        os.kill(first[0], signal.SIGKILL)
        running = [post(server, f"a-{number}") for number in range(4)]
        await asked(model, 4)
        os.kill(first[1], signal.SIGTERM)
        assert [(await turn).status_code for turn in running] == [200] * 4
        async with asyncio.timeout(LONG_S):
            while len(server.workers()) < 2 or set(first) & set(server.workers()):
                await asyncio.sleep(0.1)
        running = [post(server, f"b-{number}") for number in range(4)]
        await asked(model, 8)
        scraped = (await server.client.get("/metrics")).text
        assert "sales_agent_turns_in_flight 4.0" in scraped  # nothing of the killed worker's
        server.stop()
        assert (await server.answer("/readyz", 503)).json()["status"] == "draining"
        assert [(await turn).status_code for turn in running] == [200] * 4
        status, logged = await server.ended()
    assert status == 0, logged
    assert events(logged).count("turn") == 8


async def test_workers_do_not_outlive_their_parent(settings: Settings) -> None:
    async with served(settings.data_dir, "--workers", "2") as server:
        server.process.kill()
        status, _ = await server.ended()  # returns when nobody holds the other end of its stderr any more
    assert status == -signal.SIGKILL
