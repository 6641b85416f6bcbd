"""The ladder of writers: each is tried in its order, and given up when it stalls. At the end stands one that always answers."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog
from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import OpenedState
from pydantic import ValidationError

from agent.deadline import Deadline
from agent.errors import WriterFailed
from agent.llm.base import Connects, Sink, Stalls, Writer
from agent.turn import Attempt, Brief, Delta
from predictors.breakers import Tell, announce

log = structlog.get_logger(__name__)

Draft = TypeVar("Draft")

LONGEST_PAUSE_S = 300.0
USUAL_PAUSE_S = 1.0
"""How long a rate-limited writer is left alone: at most, and when the provider does not say."""
_WAITING = "asked to wait"
_SPENT = "nothing is left of the turn's budget"


@dataclass(frozen=True, slots=True)
class Written(Generic[Draft]):
    """``draft`` is ``None`` when the writer stopped after something had been said: that much stands, ``cut_short``."""

    draft: Draft | None
    text: str
    attempts: tuple[Attempt, ...]
    cut_short: bool


class Failover(Generic[Draft]):
    """``parse`` turns the whole JSON text into a draft; it raises ``ValueError`` or pydantic's ``ValidationError``.

    Every writer but the last has a breaker: ``failures_to_open`` failures in a row skip it for ``open_s`` seconds.
    """

    def __init__(
        self,
        writers: Sequence[Writer],
        parse: Callable[[str], Draft],
        stalls: Stalls | None = None,
        *,
        failures_to_open: int = 5,
        open_s: float = 30.0,
        on_breaker: Tell | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._models = tuple(writers[:-1])
        self._last = writers[-1]
        self._parse = parse
        self._stalls = stalls or Stalls()
        self._clock = clock
        self._not_before: dict[int, float] = {}
        self._breakers = AsyncCircuitBreakerFactory(
            default_threshold=failures_to_open,
            default_ttl=open_s,
            exclude=[asyncio.CancelledError, (WriterFailed, _is_blameless)],
        )
        if on_breaker is not None:
            announce(self._breakers, on_breaker)

    async def write(self, brief: Brief, deadline: Deadline, sink: Sink) -> Written[Draft]:
        """The first whole reply that parses. What was fed to ``sink`` before a failure is taken back, unless it was said."""
        attempts: list[Attempt] = []
        for place, writer in enumerate(self._models):
            running = _Running(writer.name, self._clock)
            try:
                draft = await self._ask(place, writer, brief, deadline, sink, running)
            except WriterFailed as failed:
                attempts.append(running.ended(failed.kind))
                log.warning("writer_failed", writer=writer.name, kind=failed.kind, ms=attempts[-1].elapsed_ms)
                if failed.kind == "rate_limited" and failed.detail != _WAITING:
                    pause = USUAL_PAUSE_S if failed.retry_after_s is None else failed.retry_after_s
                    self._not_before[place] = self._clock() + min(pause, LONGEST_PAUSE_S)
                if sink.said:
                    return Written(None, running.text, tuple(attempts), cut_short=True)
                sink.reset()
            else:
                return Written(draft, running.text, (*attempts, running.ended(None)), cut_short=False)
        running = _Running(self._last.name, self._clock)
        async with aclosing(self._last.stream(brief)) as deltas:
            async for delta in deltas:
                running.take(delta)
                await sink.feed(delta.text)
        return Written(self._parse(running.text), running.text, (*attempts, running.ended(None)), cut_short=False)

    async def _ask(
        self, place: int, writer: Writer, brief: Brief, deadline: Deadline, sink: Sink, running: "_Running"
    ) -> Draft:
        if self._not_before.get(place, 0.0) > self._clock():
            raise WriterFailed("rate_limited", _WAITING)
        seconds = min(self._stalls.whole_s, deadline.remaining() - self._stalls.reserve_s)
        if seconds <= 0:
            raise WriterFailed("too_slow", _SPENT)
        try:
            async with await self._breakers.get_breaker(f"{place}:{writer.name}"):
                await self._listen(writer, brief, seconds, sink, running)
                return self._parsed(running.text)
        except OpenedState:
            raise WriterFailed("breaker_open") from None

    async def _listen(self, writer: Writer, brief: Brief, seconds: float, sink: Sink, running: "_Running") -> None:
        """Feeds ``sink`` until the writer is done. ``seconds`` bounds the whole; each step has its own, shorter bound."""
        end = running.started + seconds
        async with aclosing(writer.stream(brief)) as deltas:
            while True:
                if running.first_token is None:
                    patience, kind = running.started + self._stalls.first_token_s, "stalled_before_first"
                else:
                    patience, kind = self._clock() + self._stalls.gap_s, "stalled_between"
                if patience >= end:
                    patience, kind = end, "too_slow"
                try:
                    async with asyncio.timeout(max(0.0, patience - self._clock())):
                        delta = await anext(deltas, None)
                except TimeoutError:
                    spent = kind == "too_slow" and seconds < self._stalls.whole_s
                    raise WriterFailed(kind, _SPENT if spent else "") from None
                if delta is None:
                    return
                running.take(delta)
                if delta.text:
                    await sink.feed(delta.text)

    def _parsed(self, text: str) -> Draft:
        if not text.strip():
            raise WriterFailed("cut_off", "nothing was written")
        try:
            return self._parse(text)
        except ValidationError as error:
            is_json = error.errors(include_url=False, include_input=False)[0]["type"] != "json_invalid"
            raise WriterFailed("wrong_schema" if is_json else "broken_json") from None
        except ValueError:
            raise WriterFailed("broken_json") from None

    async def connect(self, seconds: float) -> None:
        """Opens the models' connections before the first turn needs them. One that can't be reached is only named."""
        for writer in self._models:
            if isinstance(writer, Connects):
                try:
                    async with asyncio.timeout(seconds):
                        await writer.connect()
                except (TimeoutError, WriterFailed) as failed:
                    kind = failed.kind if isinstance(failed, WriterFailed) else "too_slow"
                    log.warning("model_not_reached", writer=writer.name, kind=kind)

    async def aclose(self) -> None:
        for writer in (*self._models, self._last):
            await writer.aclose()


def _is_blameless(failed: WriterFailed) -> bool:
    """Does not open the breaker: a rate limit has its own pause, and a turn without time is not the writer's fault."""
    return failed.kind == "rate_limited" or failed.detail == _SPENT


class _Running:
    """One attempt while it runs. A token is useful when it is more than white space."""

    def __init__(self, writer: str, clock: Callable[[], float]) -> None:
        self._writer = writer
        self._clock = clock
        self._pieces: list[str] = []
        self._input_tokens: int | None = None
        self._output_tokens: int | None = None
        self.started = clock()
        self.first_token: float | None = None

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    def take(self, delta: Delta) -> None:
        if self.first_token is None and delta.text.strip():
            self.first_token = self._clock()
        self._pieces.append(delta.text)
        self._input_tokens = delta.input_tokens if delta.input_tokens is not None else self._input_tokens
        self._output_tokens = delta.output_tokens if delta.output_tokens is not None else self._output_tokens

    def ended(self, failure: str | None) -> Attempt:
        first = None if self.first_token is None else round((self.first_token - self.started) * 1000, 3)
        elapsed = round((self._clock() - self.started) * 1000, 3)
        return Attempt(self._writer, failure, elapsed, first, self._input_tokens, self._output_tokens)
