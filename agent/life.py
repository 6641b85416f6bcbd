"""How a process ends: on SIGTERM it tells load balancers, takes no more turns, finishes those it has, and goes.

    serving --signal--> leaving (lame_duck_s: /readyz 503, turns still taken) --> draining (new turns 503) --> ended

The listener stays open until nothing runs any more, so that whoever still comes gets an answer. One worker that ends alone
(killed, or replaced by SIGHUP) closes it at once instead: the others take what comes.
"""

import asyncio
import multiprocessing
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Literal

import structlog

log = structlog.get_logger(__name__)

STOPPING = "stopping"
"""A file of this name in the workers' folder: the whole server ends, not one worker."""
POLL_S = 0.02
READS_S = 0.5
"""For reads that still run when all turns are done; those that would never end, such as live events, end then."""
LAST_WORDS_S = 2.0
"""For what was given up to say so, and to give its lease back."""
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class Life:
    """What runs in this process, and whether it takes more. ``streams``: turns that go on without their reader."""

    def __init__(self, drain_s: float, lame_duck_s: float = 0.0, workers_dir: Path | None = None) -> None:
        self.state: Literal["serving", "leaving", "draining"] = "serving"
        self.cut = False
        """The time is over: what is cancelled now may say so to its caller."""
        self.streams: set[asyncio.Task[Any]] = set()
        self.closing = asyncio.Event()
        """Connections that stay open shall end when their running turn has."""
        self._drain_s = drain_s
        self._lame_duck_s = lame_duck_s
        self._workers_dir = workers_dir
        self._working: set[asyncio.Task[Any]] = set()
        self._reading: set[asyncio.Task[Any]] = set()
        self._sockets: set[asyncio.Task[Any]] = set()
        self._hurry = False
        self._ending: asyncio.Task[None] | None = None

    @property
    def leaving(self) -> bool:
        return self.state != "serving"

    def refuses(self, method: str) -> bool:
        return self.state == "draining" and method not in _READS

    @contextmanager
    def request(self, method: str) -> Generator[None]:
        """Counts the running request; a read is not waited for."""
        task = asyncio.current_task()
        assert task is not None
        kind = self._reading if method in _READS else self._working
        kind.add(task)
        try:
            yield
        finally:
            kind.discard(task)

    @contextmanager
    def socket(self) -> Generator[None]:
        """Counts the open WebSocket; it is waited for like a turn."""
        task = asyncio.current_task()
        assert task is not None
        self._sockets.add(task)
        try:
            yield
        finally:
            self._sockets.discard(task)

    @contextmanager
    def watching(self) -> Generator[None]:
        """Goes before the server's own signal handlers, if there are any: it hears of a signal when nothing runs any more."""
        server = signal.getsignal(signal.SIGTERM)
        if threading.current_thread() is not threading.main_thread() or not callable(server):
            yield
            return
        loop = asyncio.get_running_loop()
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

        def end(number: int, frame: FrameType | None = None) -> None:
            self._hear(number, loop, lambda: server(number, frame))

        parent = multiprocessing.parent_process()

        def orphaned() -> None:
            assert parent is not None
            loop.remove_reader(parent.sentinel)
            end(signal.SIGTERM)

        for number in before:
            signal.signal(number, end)
        if parent is not None:
            loop.add_reader(parent.sentinel, orphaned)
        try:
            yield
        finally:
            if parent is not None:
                loop.remove_reader(parent.sentinel)
            for number, handler in before.items():
                signal.signal(number, handler)

    def _hear(self, number: int, loop: asyncio.AbstractEventLoop, hand_over: Callable[[], None]) -> None:
        """A signal. The first one begins the end; a second Ctrl-C ends the waiting."""
        self._hurry = self._hurry or (number == signal.SIGINT and self.leaving)
        if self.leaving:
            return
        alone = number == signal.SIGTERM and self._ends_alone()
        patient = number == signal.SIGTERM and self._lame_duck_s > 0
        self.state = "leaving" if alone or patient else "draining"
        loop.call_soon_threadsafe(self._begin, alone, hand_over)

    def _ends_alone(self) -> bool:
        """Whether other workers go on listening on the same port."""
        parent = multiprocessing.parent_process()
        if parent is None or not parent.is_alive() or self._workers_dir is None:
            return False
        return not (self._workers_dir / STOPPING).exists()

    def _begin(self, alone: bool, hand_over: Callable[[], None]) -> None:
        log.info("leaving", alone=alone, working=len(self._working), streams=len(self.streams))
        self._ending = asyncio.create_task(self._end(alone, hand_over))

    async def _end(self, alone: bool, hand_over: Callable[[], None]) -> None:
        if alone:
            self.closing.set()  # before the server does it, who asks no running turn
            await self._until(lambda: not self._sockets, self._drain_s)
            hand_over()
        else:
            if self.state == "leaving":
                await self._until(lambda: False, self._lame_duck_s)
            self.state = "draining"
        try:
            await self.finish()
        finally:
            if not alone:
                hand_over()

    async def finish(self) -> None:
        """Returns when no turn runs any more; what runs after ``drain_s`` is given up, and runs again on a repeat."""
        self.closing.set()
        if not await self._until(lambda: not (self._working or self.streams or self._sockets), self._drain_s):
            self.cut = True
            log.warning("turns_given_up", working=len(self._working), streams=len(self.streams))
            for turn in self.streams:
                turn.cancel()
            await self._until(lambda: not self.streams, LAST_WORDS_S)
            await asyncio.sleep(POLL_S)
        await self._until(lambda: not self._reading, READS_S)
        self.cut = True
        for request in (*self._working, *self._reading, *self._sockets):
            request.cancel()
        await self._until(lambda: not (self._working or self._reading or self._sockets), LAST_WORDS_S)

    async def ended(self) -> None:
        """At the end of the lifespan: nothing of this process runs any more."""
        if self._ending is not None and not self._ending.done():
            await self._ending
        elif self._ending is None:
            await self.finish()

    async def _until(self, done: Callable[[], bool], seconds: float) -> bool:
        """Whether it is ``done`` within ``seconds``, and before somebody is in a hurry."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not done():
            if loop.time() >= end or self._hurry:
                return False
            await asyncio.sleep(POLL_S)
        return True
