"""Live events for those who follow conversations. One follower a tenant and process reads what is new and hands it to all readers
of that tenant, as long as there are any.

Woken at once by what this process writes (``agent.store.bell``) and, where there is Valkey, by what others write; otherwise it
looks every half second. A reader that does not keep up is left, never waited for and never buffered without end.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from agent import metrics
from agent.errors import StoreUnavailable, TooManyStreams
from agent.settings import Settings
from agent.shared_bell import SharedBell
from agent.store import events
from agent.store.door import Door, bell_of
from agent.store.events import START, Event, Place

log = structlog.get_logger(__name__)

POLL_S, SAFETY_POLL_S = 0.5, 0.9
"""How often a follower looks unasked: without Valkey, and with it, should a word get lost."""
UNSETTLED_S, LONGEST_UNSETTLED_S = 0.005, 0.1
"""How soon it looks again for what is written and waits for an older transaction."""
AWAY_S = 0.5
AT_ONCE = 200
QUEUED = 256
"""Events that wait for one reader."""


@dataclass(frozen=True, slots=True)
class Wish:
    """``conversation_id``: only of that one. ``after``: the id of the reader's last event, ``"0"`` for all there are, ``None``
    for none of the past. ``key_id``: whose stream it is."""

    tenant: str
    key_id: str
    conversation_id: str | None = None
    after: str | None = None


class Reader:
    """``past``: what he missed; ``skipped``: older events than those were left out."""

    def __init__(self, conversation_id: str | None) -> None:
        self._conversation_id = conversation_id
        self._waiting: deque[Event] = deque()
        self._news = asyncio.Event()
        self.past: Sequence[Event] = ()
        self.skipped = False
        self.seen = START
        self.ended = False

    def give(self, found: Sequence[Event]) -> None:
        wanted = [one for one in found if self._conversation_id in (None, one.conversation_id)]
        if self.ended or not wanted:
            return
        if len(self._waiting) + len(wanted) > QUEUED:
            metrics.event_reader_left("too_slow")
            log.warning("event_reader_left", why="too_slow")
            self.end()
            return
        self._waiting.extend(wanted)
        self._news.set()

    def end(self) -> None:
        self.ended = True
        self._waiting.clear()
        self._news.set()

    async def next(self, seconds: float) -> list[Event]:
        """What has happened, in order; nothing when nothing does within ``seconds``, or the reader has ended."""
        if not self._waiting and not self.ended:
            self._news.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._news.wait()
            except TimeoutError:
                return []
        found = [one for one in self._waiting if one.place > self.seen]
        self._waiting.clear()
        return found


class _Follower:
    """Of one tenant. ``place``: everything up to there was handed out."""

    def __init__(self, feed: "Feed", tenant: str) -> None:
        self._feed = feed
        self._tenant = tenant
        self.place = START
        self.readers: set[Reader] = set()
        self.rung = asyncio.Event()
        self.begun: asyncio.Task[None] = asyncio.create_task(self._begin())
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        for task in (self.begun, self._task):
            task.cancel()
        await asyncio.gather(self.begun, self._task, return_exceptions=True)

    async def _begin(self) -> None:
        self.place = await self._feed.door.run(events.newest, self._tenant)

    async def _run(self) -> None:
        await self.begun
        pause = UNSETTLED_S
        while True:
            try:
                unsettled = await self._read()
            except StoreUnavailable as error:
                log.warning("events_not_read", why=str(error))
                await asyncio.sleep(AWAY_S)
                continue
            except Exception as error:  # whoever follows must not be left without a word for one failure
                log.error("events_not_read", error=type(error).__name__, exc_info=error)
                await asyncio.sleep(AWAY_S)
                continue
            pause = min(LONGEST_UNSETTLED_S, pause * 2) if unsettled else UNSETTLED_S
            await self._wait(pause if unsettled else self._feed.poll_s)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.rung.wait()
        except TimeoutError:
            return

    async def _read(self) -> bool:
        """Hands out what is new; whether something is there that is not settled yet."""
        self.rung.clear()
        while True:
            found, unsettled = await self._feed.door.run(events.read_after, self._tenant, self.place, AT_ONCE)
            if found:
                self.place = found[-1].place
                for reader in (*self.readers,):
                    reader.give(found)
            if len(found) < AT_ONCE:
                return unsettled


class Feed:
    """Long-lived; one a process, made in its event loop."""

    def __init__(self, door: Door, settings: Settings) -> None:
        self.door = door
        self._settings = settings
        self._followers: dict[str, _Follower] = {}
        self._streams: Counter[str] = Counter()
        self._bell = bell_of(door)
        self._bell.hang(self._written_here)
        url = settings.valkey_url
        self._shared = None if url is None else SharedBell(url.get_secret_value(), self._heard)

    @property
    def poll_s(self) -> float:
        return SAFETY_POLL_S if self._shared is not None and self._shared.available else POLL_S

    @property
    def readers(self) -> int:
        return sum(len(follower.readers) for follower in self._followers.values())

    async def state(self) -> str:
        """How readers here learn of what other processes write, in a word."""
        if self._shared is None:
            return "polling"
        return "valkey" if self._shared.available else "polling: valkey is away"

    @asynccontextmanager
    async def following(self, wish: Wish) -> AsyncGenerator[Reader]:
        """A reader for the block. Raises ``TooManyStreams`` or ``StoreUnavailable``."""
        if self._streams[wish.key_id] >= self._settings.events_streams:
            raise TooManyStreams(f"this key has {self._settings.events_streams} event streams open already")
        self._streams[wish.key_id] += 1
        reader = Reader(wish.conversation_id)
        metrics.event_readers(+1)
        follower = self._followers.get(wish.tenant)
        if follower is None:
            follower = self._followers[wish.tenant] = _Follower(self, wish.tenant)
        follower.readers.add(reader)
        try:
            await asyncio.shield(follower.begun)
            await self._catch_up(reader, wish, follower.place)
            yield reader
        finally:
            metrics.event_readers(-1)
            self._streams[wish.key_id] -= 1
            if not self._streams[wish.key_id]:
                del self._streams[wish.key_id]
            follower.readers.discard(reader)
            if not follower.readers and self._followers.get(wish.tenant) is follower:
                del self._followers[wish.tenant]
                await follower.stop()

    async def _catch_up(self, reader: Reader, wish: Wish, now: Place) -> None:
        """What came before ``now`` is read for this reader alone; what comes after, the follower hands out."""
        reader.seen = now
        if wish.after is None:
            return
        after = START if wish.after == "0" else await self.door.run(events.place_of, wish.tenant, wish.after)
        if after is None or after >= now:
            reader.seen = max(now, after or now)
            return
        limit = self._settings.events_replayed
        reader.past, reader.skipped = await self.door.run(
            events.replay, wish.tenant, after, now, wish.conversation_id, limit
        )

    def _written_here(self, tenant: str) -> None:
        self._heard(tenant)
        if self._shared is not None:
            self._shared.ring(tenant)

    def _heard(self, tenant: str | None) -> None:
        followers = self._followers.values() if tenant is None else [self._followers.get(tenant)]
        for follower in followers:
            if follower is not None:
                follower.rung.set()

    async def aclose(self) -> None:
        self._bell.take_down(self._written_here)
        for follower in (*self._followers.values(),):
            for reader in follower.readers:
                reader.end()
            await follower.stop()
        if self._shared is not None:
            await self._shared.aclose()
