"""One reply's way up the ladder: who is asked, asked again or asked beside, until one has written a whole reply."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import structlog
from pydantic import ValidationError

from agent.errors import FailureKind, WriterFailed
from agent.llm.base import Sink, Stalls
from agent.llm.call import Call
from agent.llm.retries import REPAIR, needs_repair, worth_a_retry
from agent.llm.rung import Rung
from agent.turn import Attempt, Brief

log = structlog.get_logger(__name__)

Draft = TypeVar("Draft")
_STALLED: frozenset[FailureKind] = frozenset({"stalled_between", "too_slow"})


@dataclass(frozen=True, slots=True)
class Written(Generic[Draft]):
    """``draft`` is ``None`` when the writer stopped after something had been said: that much stands, ``cut_short``."""

    draft: Draft | None
    text: str
    attempts: tuple[Attempt, ...]
    cut_short: bool


class Climb(Generic[Draft]):
    """Lives for one reply. ``left`` says how many seconds of the turn are the models'; ``attempts`` grows as they fail."""

    def __init__(
        self,
        rungs: Sequence[Rung],
        parse: Callable[[str], Draft],
        stalls: Stalls,
        hedge_after_s: float | None,
        brief: Brief,
        left: Callable[[], float],
        sink: Sink,
        clock: Callable[[], float],
    ) -> None:
        self.attempts: list[Attempt] = []
        self._rungs = deque(rungs)
        self._parse = parse
        self._stalls = stalls
        self._hedge_after_s = hedge_after_s
        self._brief = brief
        self._left = left
        self._sink = sink
        self._clock = clock
        self._owners: dict[Call, Rung] = {}

    async def climb(self) -> Written[Draft] | None:
        """The first whole reply, or what had been said when its writer failed; ``None`` when no model has said anything."""
        while self._rungs:
            rung, others = self._rungs.popleft(), len(self._rungs)
            written = await self._ask(rung, self._brief)
            if isinstance(written, WriterFailed) and len(self._rungs) == others and self._may_retry(rung, written):
                mended = replace(self._brief, system=self._brief.system + REPAIR)
                written = await self._ask(rung, mended if needs_repair(written) else self._brief)
            if isinstance(written, Written):
                return written
        return None

    def _may_retry(self, rung: Rung, failed: WriterFailed) -> bool:
        """Once, when time is left for a first token, and when this writer's share of retries is not used up."""
        return worth_a_retry(failed) and self._left() >= self._stalls.first_token_s and rung.retries.take()

    async def _ask(self, rung: Rung, brief: Brief) -> Written[Draft] | WriterFailed:
        try:
            call = await self._first_heard(rung, brief)
        except WriterFailed as failed:
            self._sink.reset()
            return failed
        try:
            draft = await self._listen(call)
        except WriterFailed as failed:
            await self._end(call, failed)
            if self._sink.said:
                return Written(None, call.text, tuple(self.attempts), cut_short=True)
            self._sink.reset()
            return failed
        except BaseException:
            await call.end(None)
            raise
        await self._end(call, None)
        return Written(draft, call.text, tuple(self.attempts), cut_short=False)

    async def _first_heard(self, rung: Rung, brief: Brief) -> Call:
        """The call that gives a useful token; with hedging, a second writer may be quicker than the first.

        Raises ``WriterFailed`` when nobody who was asked does. Nothing has been fed to the sink here.
        """
        calls = [await self._begin(rung, brief)]
        hedge_at = None
        if self._hedge_after_s is not None and self._rungs:
            hedge_at = calls[0].started + self._hedge_after_s
        failed = WriterFailed("cut_off", "nobody was asked")
        try:
            while calls:
                soonest = min(calls, key=lambda call: call.limit)
                hedges = hedge_at is not None and hedge_at < soonest.limit
                until = hedge_at if hedge_at is not None and hedges else soonest.limit
                heard, _ = await asyncio.wait(
                    [call.heard for call in calls],
                    timeout=max(0.0, until - self._clock()),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                first = next((call for call in calls if call.first_token is not None), None)
                if first is not None:
                    calls.remove(first)
                    while calls:
                        await self._end(calls.pop(), WriterFailed("outrun"))
                    return first
                if not heard and hedges:
                    hedge_at = None
                    calls += await self._hedge()
                    continue
                for call in [call for call in calls if call.heard.done()] or [soonest]:
                    calls.remove(call)
                    failed = await self._why(call) if heard else call.stalled()
                    await self._end(call, failed)
        except BaseException:
            for call in calls:
                await call.end(None)
            raise
        raise failed

    async def _hedge(self) -> list[Call]:
        """The next writer, asked beside the first; nobody if it may not be asked at once."""
        try:
            return [await self._begin(self._rungs.popleft(), self._brief, wait=False)]
        except WriterFailed:
            return []

    async def _why(self, call: Call) -> WriterFailed:
        """Why a call ended without a useful token."""
        try:
            while await call.next() is not None:
                pass
        except WriterFailed as failed:
            return failed
        return WriterFailed("cut_off", "nothing was written")

    async def _begin(self, rung: Rung, brief: Brief, *, wait: bool = True) -> Call:
        started = self._clock()
        try:
            call = await rung.begin(brief, self._left, wait=wait)
        except WriterFailed as failed:
            waited = round((self._clock() - started) * 1000, 3)
            self._note(Attempt(rung.writer.name, failed.kind, waited), failed.kind)
            raise
        self._owners[call] = rung
        return call

    async def _end(self, call: Call, failed: WriterFailed | None) -> None:
        kind = failed.kind if failed else None
        self._note(call.attempt(kind), kind)
        await self._owners[call].end(call, failed)

    def _note(self, attempt: Attempt, kind: FailureKind | None) -> None:
        self.attempts.append(attempt)
        if kind is not None:
            log.warning("writer_failed", writer=attempt.writer, kind=kind, ms=attempt.elapsed_ms)

    async def _listen(self, call: Call) -> Draft:
        """Feeds the sink until the writer is done. A whole reply whose writer only fails to end is a reply."""
        try:
            while (delta := await call.next()) is not None:
                if delta.text:
                    await self._sink.feed(delta.text)
        except WriterFailed as failed:
            if failed.kind not in _STALLED:
                raise
            try:
                return self._parsed(call.text)
            except WriterFailed:
                raise failed from None
        return self._parsed(call.text)

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
