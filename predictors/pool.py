"""A bounded pool of threads for what blocks, without a queue: a call gets a thread at once or is told that there is none.

Not ``ThreadPoolExecutor``: its threads are joined when the interpreter ends, so that one hung call would keep a stopped
server alive for good. These are daemons.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Generic, TypeVar, cast

Result = TypeVar("Result")
_Job = tuple[Callable[[], Result], "asyncio.Future[Result]", asyncio.AbstractEventLoop]


class NoThreadFree(Exception):
    """All threads of the pool are at work, or stuck."""


class Pool(Generic[Result]):
    """At most ``threads`` calls at a time. Belongs to one event loop; only ``_work`` runs in the threads."""

    def __init__(self, threads: int, name: str) -> None:
        self._most = threads
        self._name = name
        self._jobs: SimpleQueue[_Job[Result] | None] = SimpleQueue()
        self._threads = 0
        self.busy = 0
        """Threads at work. One whose caller gave up counts until it comes back."""

    def submit(self, call: Callable[[], Result]) -> "asyncio.Future[Result]":
        """Starts ``call``. Cancelling the future leaves the thread to itself. Raises ``NoThreadFree``."""
        if self.busy >= self._most:
            raise NoThreadFree(self._name)
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[Result] = loop.create_future()
        if self.busy >= self._threads:
            self._threads += 1
            Thread(target=self._work, name=f"{self._name}-{self._threads}", daemon=True).start()
        self.busy += 1
        self._jobs.put((call, ended, loop))
        return ended

    def close(self) -> None:
        """Ends the threads as they come back; nothing may be submitted after this."""
        for _ in range(self._threads):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            call, ended, loop = job
            try:
                end = partial(self._end, ended, call(), None)
            except BaseException as error:  # noqa: BLE001 -- handed to whoever waits; a thread that ends would be missed
                end = partial(self._end, ended, None, _for_a_future(error))
            try:
                loop.call_soon_threadsafe(end)
            except RuntimeError:  # the loop is closed; so is everything that waited
                return
            del job, call, ended, end

    def _end(self, ended: "asyncio.Future[Result]", result: Result | None, error: Exception | None) -> None:
        self.busy -= 1
        if ended.done():
            return
        if error is None:
            ended.set_result(cast(Result, result))
        else:
            ended.set_exception(error)


def _for_a_future(error: BaseException) -> Exception:
    """A future takes no ``StopIteration``, and a ``SystemExit`` that it hands on would end the server."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    return RuntimeError(f"raised {type(error).__name__}")
