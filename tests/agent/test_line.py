"""One store, several processes: order, takeover, renewal, and a database that goes away, through the agent's own door."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from agent.bootstrap import build_agent
from agent.errors import StoreUnavailable, TurnGivenUp, TurnsQueued, UnknownConversation
from agent.housekeeping import housekeeping
from agent.llm.base import Writer
from agent.orchestrator import Post, SalesAgent
from agent.settings import Settings
from agent.store.door import open_door
from agent.store.migrate import migrate_anywhere
from agent.turn import ConversationKey
from tests.agent.channels.parts import PATIENT, Broken, Told, at_once, settings_with


@pytest.fixture(params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """Settings of processes that share one store. Leases are short."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    return settings_with(settings, **PATIENT, database_url=url, lease_s=0.6, sweep_s=0.1)


@asynccontextmanager
async def process(settings: Settings, *writers: Writer, broken: Broken | None = None) -> AsyncIterator[SalesAgent]:
    await migrate_anywhere(settings.store_url)
    door = open_door(settings.store_url)
    if broken is not None:
        broken.real, door = door, broken
    agent = await build_agent(settings, writers=writers, door=door)
    yield agent
    await agent.aclose()


async def said(agent: SalesAgent, key: ConversationKey) -> list[str]:
    return [row["text"] for row in await agent.messages(key, 0, 1000) if row["role"] == "customer"]


def key() -> ConversationKey:
    return Post(uuid.uuid4().hex, "").key


async def post(agent: SalesAgent, where: ConversationKey, text: str, message_id: str | None = None) -> dict[str, Any]:
    answer: dict[str, Any] = orjson.loads(await agent.post(Post(where.id, text, message_id=message_id)))
    return answer


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def test_fifty_posts_at_once_to_two_processes_keep_their_order(shared: Settings) -> None:
    where = key()
    async with process(shared, at_once()) as one, process(shared, at_once()) as two:
        posts: list[asyncio.Task[dict[str, Any]]] = []
        for number in range(50):
            posts.append(asyncio.create_task(post((one, two)[number % 2], where, f"pregunta {number}")))
            while len(posts) - await kept(one, where) > 0:
                await asyncio.sleep(0.001)
        answers = await asyncio.gather(*posts)
        assert [answer["seq"] for answer in answers] == list(range(1, 51))
        assert await said(one, where) == [f"pregunta {number}" for number in range(50)]


async def kept(agent: SalesAgent, where: ConversationKey) -> int:
    """How many messages have arrived."""
    try:
        return int((await agent.conversation(where))["turns"])
    except UnknownConversation:
        return 0


async def test_a_slow_turn_keeps_its_lease(shared: Settings) -> None:
    writer, where = Told(), key()
    async with process(shared, writer) as one, process(shared, at_once()) as two:
        slow = asyncio.create_task(post(one, where, "uno"))
        await writer.reached.wait()
        next_one = asyncio.create_task(post(two, where, "dos"))
        async with housekeeping(two):
            await asyncio.sleep(1.5)
            writer.gate.set()
            assert [answer["seq"] for answer in await asyncio.gather(slow, next_one)] == [1, 2]
        assert writer.heard == ["uno"]
        assert await said(two, where) == ["uno", "dos"]


async def test_what_a_dead_process_held_is_answered_by_another_without_anybody_asking(shared: Settings) -> None:
    stuck, where = Told(), key()
    dead = Broken()
    async with process(shared, stuck, broken=dead) as one, process(shared, at_once()) as two:
        running = asyncio.create_task(post(one, where, "uno", "m-1"))
        await stuck.reached.wait()
        waiting = asyncio.create_task(post(one, where, "dos", "m-2"))
        while await kept(two, where) < 2:
            await asyncio.sleep(0.01)
        dead.fails = lambda _: StoreUnavailable("the process is gone")
        async with housekeeping(two), asyncio.timeout(20):
            while (await two.conversation(where))["messages"] < 4:
                await asyncio.sleep(0.05)
        assert await said(two, where) == ["uno", "dos"]
        assert (await post(two, where, "uno", "m-1"))["seq"] == 1
        for task in (running, waiting):
            task.cancel()
        await asyncio.gather(running, waiting, return_exceptions=True)
        dead.fails = lambda _: None
        assert await said(two, where) == ["uno", "dos"]


async def test_whoever_waits_takes_over_what_is_before_him(shared: Settings) -> None:
    stuck, where = Told(), key()
    dead = Broken()
    async with process(shared, stuck, broken=dead) as one, process(shared, at_once()) as two:
        running = asyncio.create_task(post(one, where, "uno"))
        await stuck.reached.wait()
        dead.fails = lambda _: StoreUnavailable("the process is gone")
        assert (await post(two, where, "dos"))["seq"] == 2
        assert await said(two, where) == ["uno", "dos"]
        dead.fails = lambda _: None
        stuck.gate.set()
        assert (await running)["seq"] == 1, "the late process gives the answer of the one that took over"
        assert len(await two.messages(where)) == 4


async def test_a_cancelled_wait_leaves_nothing_behind(shared: Settings) -> None:
    writer, where = Told(), key()
    async with process(shared, writer) as one:
        first = asyncio.create_task(post(one, where, "uno"))
        await writer.reached.wait()
        second = asyncio.create_task(post(one, where, "dos"))
        while await kept(one, where) < 2:
            await asyncio.sleep(0.01)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        writer.gate.set()
        await first
        assert (await post(one, where, "tres"))["seq"] == 2
        assert await said(one, where) == ["uno", "tres"]


async def test_a_database_that_is_away_for_a_moment_costs_nobody_his_answer(shared: Settings) -> None:
    writer, where, away = Told(), key(), Broken()
    async with process(shared, writer, broken=away) as one:
        running = asyncio.create_task(post(one, where, "uno"))
        await writer.reached.wait()
        away.fails = lambda _: StoreUnavailable("restarting")
        writer.gate.set()
        other = asyncio.create_task(post(one, key(), "hola"))
        await asyncio.sleep(0.3)
        assert not running.done()
        away.fails = lambda _: None
        assert (await running)["seq"] == (await other)["seq"] == 1


async def test_past_the_patience_the_error_is_told_and_the_turn_is_answered_later(settings: Settings) -> None:
    where, away = key(), Broken(lambda work: StoreUnavailable("gone") if work == "commit" else None)
    async with process(settings_with(settings, store_patience_s=0.05, lease_s=0.3), broken=away) as one:
        with pytest.raises(StoreUnavailable):
            await post(one, where, "uno", "m-1")
        away.fails = lambda _: None
        assert await one.take_over() == 1
        assert (await post(one, where, "uno", "m-1"))["seq"] == 1
        assert len(await one.messages(where)) == 2


async def test_a_turn_that_breaks_every_time_is_given_up_and_the_next_is_answered(settings: Settings) -> None:
    where = key()
    breaks = Broken(lambda work: RuntimeError("always") if work == "commit" else None)
    async with process(settings_with(settings, queue_wait_s=5), broken=breaks) as one:
        for _ in range(8):
            with pytest.raises(RuntimeError):
                await post(one, where, "uno", "m-1")
        breaks.fails = lambda _: None
        assert (await post(one, where, "dos"))["seq"] == 2
        with pytest.raises(TurnGivenUp):
            await post(one, where, "uno", "m-1")


async def test_no_task_is_left_when_nothing_is_held(settings: Settings) -> None:
    async with process(settings_with(settings, lease_s=0.3)) as one:
        before = len(asyncio.all_tasks())
        await post(one, key(), "hola")
        await until(lambda: len(asyncio.all_tasks()) == before)


async def test_past_the_bound_the_line_is_full_for_all_processes(shared: Settings) -> None:
    writer, where = Told(), key()
    narrow = settings_with(shared, **PATIENT, queue_length=1)
    async with process(narrow, writer) as one, process(narrow, at_once()) as two:
        posts: Sequence[asyncio.Task[Any]] = [asyncio.create_task(post(one, where, "uno"))]
        await writer.reached.wait()
        posts = [*posts, asyncio.create_task(post(one, where, "dos"))]
        while await kept(two, where) < 2:
            await asyncio.sleep(0.01)
        with pytest.raises(TurnsQueued):
            await post(two, where, "tres")
        writer.gate.set()
        await asyncio.gather(*posts)
        assert await said(two, where) == ["uno", "dos"]


async def test_old_conversations_are_erased_when_a_retention_is_set(settings: Settings, tmp_path: Path) -> None:
    where = key()
    async with process(settings) as one:
        await post(one, where, "mi teléfono es 555 0101")
    async with process(settings_with(settings, retention_days=1e-7)) as later, housekeeping(later):
        async with asyncio.timeout(20):
            while await kept(later, where):
                await asyncio.sleep(0.05)
    assert b"555 0101" not in b"".join(file.read_bytes() for file in tmp_path.glob("*.sqlite3"))
