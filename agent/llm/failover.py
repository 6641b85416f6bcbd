"""The ladder of writers: each is tried in its order, and given up when it stalls. At the end stands one that always answers."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Generic

import structlog

from agent.deadline import Deadline
from agent.errors import WriterFailed
from agent.llm.base import Connects, Limits, Sink, Stalls, Writer
from agent.llm.climb import Climb, Draft, Written
from agent.llm.rung import LONGEST_PAUSE_S, USUAL_PAUSE_S, Rung
from agent.turn import Attempt, Brief
from predictors.breaker import Breakers, Tell

__all__ = ["LONGEST_PAUSE_S", "USUAL_PAUSE_S", "Failover", "Written"]

log = structlog.get_logger(__name__)

CLOSE_S = 5.0
"""How long a client may take to close when the service ends."""


class Failover(Generic[Draft]):
    """``parse`` turns the whole JSON text into a draft; it raises ``ValueError`` or pydantic's ``ValidationError``.

    The last writer has no limits and no breaker: it is in the process and does not wait for anything.
    """

    def __init__(
        self,
        writers: Sequence[Writer],
        parse: Callable[[str], Draft],
        stalls: Stalls | None = None,
        limits: Limits | None = None,
        *,
        on_breaker: Tell | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._last = writers[-1]
        self._parse = parse
        self._stalls = stalls or Stalls()
        self._limits = limits or Limits()
        self._clock = clock
        self.breakers = Breakers(self._limits.failures_to_open, self._limits.open_s, clock=clock)
        self._rungs = tuple(
            Rung(writer, f"{place}:{writer.name}", self._limits, self._stalls, self.breakers, clock)
            for place, writer in enumerate(writers[:-1])
        )
        if on_breaker is not None:
            self.breakers.tell(on_breaker)

    async def write(self, brief: Brief, deadline: Deadline, sink: Sink) -> Written[Draft]:
        """The first whole reply that parses. What was fed to ``sink`` before a failure is taken back, unless it was said."""

        def left() -> float:
            return deadline.remaining() - self._stalls.reserve_s

        climb = Climb(
            self._rungs, self._parse, self._stalls, self._limits.hedge_after_s, brief, left, sink, self._clock
        )
        written = await climb.climb()
        return written or await self._write_last(brief, sink, climb.attempts)

    async def _write_last(self, brief: Brief, sink: Sink, attempts: Sequence[Attempt]) -> Written[Draft]:
        started = self._clock()
        pieces: list[str] = []
        async with aclosing(self._last.stream(brief)) as deltas:
            async for delta in deltas:
                pieces.append(delta.text)
                await sink.feed(delta.text)
        elapsed = round((self._clock() - started) * 1000, 3)
        attempt = Attempt(self._last.name, None, elapsed, elapsed)
        text = "".join(pieces)
        return Written(self._parse(text), text, (*attempts, attempt), cut_short=False)

    async def connect(self, seconds: float) -> None:
        """Opens the models' connections before the first turn needs them. One that can't be reached is only named."""
        for writer in (rung.writer for rung in self._rungs):
            if isinstance(writer, Connects):
                try:
                    async with asyncio.timeout(seconds):
                        await writer.connect()
                except (TimeoutError, WriterFailed) as failed:
                    kind = failed.kind if isinstance(failed, WriterFailed) else "too_slow"
                    log.warning("model_not_reached", writer=writer.name, kind=kind)

    async def aclose(self) -> None:
        """Closes every writer's client; one that hangs is left behind."""
        closing = [asyncio.create_task(writer.aclose()) for writer in (*(r.writer for r in self._rungs), self._last)]
        done, hung = await asyncio.wait(closing, timeout=CLOSE_S)
        for task in hung:
            task.cancel()
            log.warning("writer_does_not_close")
        for task in done:
            if error := task.exception():
                log.warning("writer_close_failed", error=type(error).__name__)
