"""One request to one writer. It is read in a task of its own, so that nothing a writer does can hold whoever waits for it."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing

import structlog

from agent.errors import FailureKind, WriterFailed
from agent.llm.base import Stalls, Writer
from agent.turn import Attempt, Brief, Delta
from predictors.breaker import Pass

log = structlog.get_logger(__name__)

CLOSE_AGAIN_S = 1.0
"""After this long a request that was closed and has not ended is cancelled again, and again."""
SPENT = "nothing is left of the turn's budget"


class Call:
    """Runs from the moment it is made. ``seconds`` bounds the whole; ``spent``: by the turn's budget, not by ``stalls``.

    A token is useful when it is more than white space. ``ended`` is called when the request is really over, which may be
    after ``end``.
    """

    def __init__(
        self,
        writer: Writer,
        brief: Brief,
        passed: Pass,
        stalls: Stalls,
        seconds: float,
        clock: Callable[[], float],
        ended: Callable[[], None],
    ) -> None:
        self.name = writer.name
        self.started = clock()
        self.first_token: float | None = None
        loop = asyncio.get_running_loop()
        self.heard: asyncio.Future[None] = loop.create_future()
        """Done with the first useful token, or when there will be none."""
        self._stalls = stalls
        self._end_at = self.started + seconds
        self._spent = seconds < stalls.whole_s
        self._clock = clock
        self._pieces: list[str] = []
        self._input_tokens: int | None = None
        self._output_tokens: int | None = None
        self._passed = passed
        self._deltas: asyncio.Queue[Delta | WriterFailed | None] = asyncio.Queue()
        self._closing: asyncio.TimerHandle | None = None
        self._when_ended = ended
        self._task = loop.create_task(self._read(writer, brief))
        self._task.add_done_callback(self._over)

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    @property
    def limit(self) -> float:
        """The moment of the clock until which the next piece must be there."""
        if self.first_token is None:
            return min(self.started + self._stalls.first_token_s, self._end_at)
        return min(self._clock() + self._stalls.gap_s, self._end_at)

    def stalled(self, limit: float | None = None) -> WriterFailed:
        """The failure when nothing came until ``limit``."""
        if (self.limit if limit is None else limit) >= self._end_at:
            return WriterFailed("too_slow", SPENT if self._spent else "")
        return WriterFailed("stalled_before_first" if self.first_token is None else "stalled_between")

    async def next(self) -> Delta | None:
        """The next piece, ``None`` at the end. Raises ``WriterFailed``, the writer's own or because it stalls."""
        if self._clock() >= self._end_at:
            raise self.stalled(self._end_at)
        delta = self._deltas.get_nowait() if not self._deltas.empty() else await self._wait()
        if isinstance(delta, WriterFailed):
            raise delta
        if delta is not None:
            self._pieces.append(delta.text)
            self._input_tokens = delta.input_tokens if delta.input_tokens is not None else self._input_tokens
            self._output_tokens = delta.output_tokens if delta.output_tokens is not None else self._output_tokens
        return delta

    async def _wait(self) -> Delta | WriterFailed | None:
        limit = self.limit
        try:
            async with asyncio.timeout(max(0.0, limit - self._clock())):
                return await self._deltas.get()
        except TimeoutError:
            raise self.stalled(limit) from None

    def attempt(self, failure: FailureKind | None) -> Attempt:
        first = None if self.first_token is None else round((self.first_token - self.started) * 1000, 3)
        elapsed = round((self._clock() - self.started) * 1000, 3)
        return Attempt(self.name, failure, elapsed, first, self._input_tokens, self._output_tokens)

    async def end(self, well: bool | None) -> None:
        """Ends the request if it still runs, and tells the breaker. Does not wait for the connection to be closed."""
        if not self._task.done():
            self._close()
        await self._passed.end(well)

    def _close(self, times: int = 0) -> None:
        if times == 1:
            log.warning("writer_does_not_close", writer=self.name)
        self._task.cancel()
        self._closing = asyncio.get_running_loop().call_later(CLOSE_AGAIN_S, self._close, times + 1)

    def _over(self, task: "asyncio.Task[None]") -> None:
        if self._closing is not None:
            self._closing.cancel()
        if task.cancelled():
            self._deltas.put_nowait(WriterFailed("cut_off", "cancelled"))
        self._hear()
        self._when_ended()

    async def _read(self, writer: Writer, brief: Brief) -> None:
        failed: WriterFailed | None = None
        try:
            async with aclosing(writer.stream(brief)) as deltas:
                async for delta in deltas:
                    if self.first_token is None and delta.text.strip():
                        self.first_token = self._clock()
                        self._hear()
                    self._deltas.put_nowait(delta)
        except WriterFailed as error:
            failed = error
        except Exception as error:  # noqa: BLE001 -- a writer that breaks its own promise is left like any other
            log.error("writer_crashed", writer=self.name, error=type(error).__name__)
            failed = WriterFailed("crashed", type(error).__name__)
        self._deltas.put_nowait(failed)
        self._hear()

    def _hear(self) -> None:
        if not self.heard.done():
            self.heard.set_result(None)
