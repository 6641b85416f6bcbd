"""What protects a provider from us and a turn from a provider: retries within their share, places, hedging, calls that
do not end."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from agent.deadline import Deadline
from agent.errors import WriterFailed
from agent.llm.base import Limits, Stalls
from agent.llm.failover import Failover
from agent.llm.faults import retry_after_s
from agent.llm.retries import REPAIR, RetryBudget
from agent.reply.schema import ReplyDraft
from agent.turn import Brief, Delta
from tests.agent.llm.test_failover import PATIENT, SAFE, Clock, Ear, Offline, Result, tried, until

GOOD = json.dumps({**SAFE, "reply": "A model speaks."})
Step = WriterFailed | str | float
"""A failure, a text, or seconds of silence."""


@dataclass
class Scripted:
    """A writer in the process: each request takes the next list of steps, the last one again and again."""

    script: list[list[Step]]
    name: str = "one"
    asked: list[str] = field(default_factory=list)
    running: int = 0
    on_close: Callable[[], Any] | None = None

    async def stream(self, brief: Brief) -> AsyncGenerator[Delta]:
        self.asked.append(brief.system)
        self.running += 1
        try:
            for step in self.script.pop(0) if len(self.script) > 1 else self.script[0]:
                if isinstance(step, WriterFailed):
                    raise WriterFailed(step.kind, step.detail, retry_after_s=step.retry_after_s)
                if isinstance(step, float):
                    await asyncio.sleep(step)
                else:
                    yield Delta(step)
        finally:
            self.running -= 1
            if self.on_close is not None:
                await self.on_close()

    async def aclose(self) -> None:
        return None


def ladder(*writers: Any, stalls: Stalls = PATIENT, clock: Any = None, **limits: Any) -> Failover[ReplyDraft]:
    given = {"clock": clock} if clock else {}
    return Failover((*writers, Offline()), ReplyDraft.model_validate_json, stalls, Limits(**limits), **given)


async def write(to: Failover[ReplyDraft], brief: Brief, ear: Ear | None = None, budget_s: float = 60.0) -> Result:
    async with asyncio.timeout(20):
        return await to.write(brief, Deadline(budget_s), ear or Ear())


DOWN = WriterFailed("server_error", "status 500")


async def earned(to: Failover[ReplyDraft], brief: Brief, times: int = 10) -> None:
    for _ in range(times):
        assert tried(await write(to, brief))[-1][1] is None


@pytest.mark.parametrize(
    "failed",
    [DOWN, WriterFailed("unreachable"), WriterFailed("cut_off", "RemoteProtocolError"), "{", '{"answer": "Thank you"}'],
    ids=str,
)
async def test_a_failure_that_may_pass_is_tried_once_more_with_the_same_model(brief: Brief, failed: Step) -> None:
    model = Scripted([[GOOD]] * 10 + [[failed], [GOOD]])
    to = ladder(model)
    await earned(to, brief)
    written = await write(to, brief)
    assert [writer for writer, _ in tried(written)] == ["one", "one"]
    assert tried(written)[1] == ("one", None)
    assert written.text == GOOD
    mends = isinstance(failed, str)
    assert model.asked[-1] == brief.system + (REPAIR if mends else ""), "only an unreadable answer is told about"


@pytest.mark.parametrize(
    "failed",
    [
        WriterFailed("auth"),
        WriterFailed("bad_request"),
        WriterFailed("refused"),
        WriterFailed("rate_limited", retry_after_s=0.0),
        WriterFailed("server_error", retry_after_s=9.0),
        WriterFailed("cut_off", "finish_reason length"),
    ],
    ids=str,
)
async def test_what_will_not_pass_is_not_tried_again(brief: Brief, failed: WriterFailed) -> None:
    to = ladder(Scripted([[GOOD]] * 10 + [[failed], [GOOD]]))
    await earned(to, brief)
    assert tried(await write(to, brief)) == [("one", failed.kind), ("composer", None)]


async def test_a_retry_fails_only_once(brief: Brief) -> None:
    to = ladder(Scripted([[GOOD]] * 20 + [[DOWN]]))
    await earned(to, brief, 20)
    assert tried(await write(to, brief)) == [("one", "server_error")] * 2 + [("composer", None)]


async def test_retries_are_a_share_of_the_requests_whatever_happens(brief: Brief) -> None:
    model = Scripted([[DOWN]])
    to = ladder(model, failures_to_open=10_000)
    for _ in range(200):
        await write(to, brief)
    assert 200 + 18 <= len(model.asked) <= 200 + 23


async def test_without_a_share_or_without_time_nothing_is_tried_again(brief: Brief) -> None:
    to = ladder(Scripted([[GOOD]] * 20 + [[DOWN]]), retry_share=0.0)
    await earned(to, brief, 20)
    assert tried(await write(to, brief)) == [("one", "server_error"), ("composer", None)]
    to = ladder(Scripted([[GOOD]] * 20 + [[DOWN]]))
    await earned(to, brief, 20)
    assert tried(await write(to, brief, budget_s=29.0)) == [("one", "server_error"), ("composer", None)]


async def test_what_was_said_is_not_said_again(brief: Brief) -> None:
    to = ladder(Scripted([[GOOD]] * 10 + [[GOOD[:30], DOWN], [GOOD]]))
    await earned(to, brief)
    written = await write(to, brief, Ear(says_after=1))
    assert (tried(written), written.cut_short) == ([("one", "server_error")], True)


def test_a_budget_of_retries_starts_empty_and_saves_up_no_storm() -> None:
    budget = RetryBudget(0.1)
    assert not budget.take()
    for _ in range(10_000):
        budget.earn()
    assert [budget.take() for _ in range(11)] == [True] * 10 + [False]


async def test_a_server_error_that_names_a_time_is_left_alone_until_then(brief: Brief) -> None:
    clock = Clock()
    model = Scripted([[WriterFailed("server_error", "status 503", retry_after_s=7.0)], [GOOD]])
    to = ladder(model, clock=clock)
    kinds = []
    for clock.now in (0.0, 6.9, 7.0):
        kinds.append(tried(await write(to, brief))[0][1])
    assert kinds == ["server_error", "rate_limited", None]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "1500", "retry-after": "60"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "60"}, 60.0),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 -0000", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "Wed, 99 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
    ],
)
def test_the_time_that_a_provider_names(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers) == seconds


async def test_past_its_places_a_model_is_too_busy_and_the_next_one_writes(brief: Brief) -> None:
    busy, second = Scripted([[3600.0]]), Scripted([[GOOD]], "two")
    to = ladder(busy, second, concurrency=2, place_s=0.02)
    waiting = [asyncio.create_task(write(to, brief)) for _ in range(2)]
    await until(lambda: busy.running == 2)
    assert tried(await write(to, brief)) == [("one", "too_busy"), ("two", None)]
    for task in waiting:
        task.cancel()
    await until(lambda: busy.running == 0)
    busy.script = [[GOOD]]
    assert tried(await write(to, brief)) == [("one", None)], "cancelled requests give their places back"


async def test_a_place_that_becomes_free_in_time_is_taken(brief: Brief) -> None:
    model = Scripted([[0.05, GOOD], [GOOD]])
    to = ladder(model, concurrency=1, place_s=10.0)
    written = await asyncio.gather(write(to, brief), write(to, brief))
    assert [tried(one) for one in written] == [[("one", None)]] * 2


async def test_hedging_is_off_by_default(brief: Brief) -> None:
    second = Scripted([[GOOD]], "two")
    assert tried(await write(ladder(Scripted([[0.1, GOOD]]), second), brief)) == [("one", None)]
    assert second.asked == []


async def test_a_model_that_says_nothing_is_hedged_and_the_first_to_speak_is_heard(brief: Brief) -> None:
    slow, second = Scripted([[3600.0]]), Scripted([[GOOD]], "two")
    ear = Ear()
    written = await write(ladder(slow, second, hedge_after_s=0.02), brief, ear)
    assert tried(written) == [("one", "outrun"), ("two", None)]
    assert "".join(ear.pieces) == GOOD
    await until(lambda: slow.running == 0)


async def test_the_first_may_still_win_and_the_other_is_ended(brief: Brief) -> None:
    first, second = Scripted([["  ", 0.2, GOOD]]), Scripted([[3600.0]], "two")
    ear = Ear()
    written = await write(ladder(first, second, hedge_after_s=0.02), brief, ear)
    assert tried(written) == [("two", "outrun"), ("one", None)]
    assert "".join(ear.pieces) == written.text == "  " + GOOD
    await until(lambda: second.running == 0)


async def test_nobody_is_asked_beside_a_model_that_speaks(brief: Brief) -> None:
    second = Scripted([[GOOD]], "two")
    written = await write(ladder(Scripted([[GOOD[:20], 0.2, GOOD[20:]]]), second, hedge_after_s=0.02), brief)
    assert (tried(written), second.asked) == ([("one", None)], [])


async def test_when_both_fail_the_ladder_goes_on(brief: Brief) -> None:
    first, second, third = Scripted([[0.1, DOWN]]), Scripted([[DOWN]], "two"), Scripted([[GOOD]], "three")
    written = await write(ladder(first, second, third, hedge_after_s=0.02), brief)
    assert tried(written) == [("two", "server_error"), ("one", "server_error"), ("three", None)]


async def test_a_hedge_that_stalls_like_the_first_ends_in_the_composer(brief: Brief) -> None:
    first, second = Scripted([[3600.0]]), Scripted([[3600.0]], "two")
    stalls = Stalls(0.1, 30, 30, 0)
    written = await write(ladder(first, second, stalls=stalls, hedge_after_s=0.02), brief)
    assert tried(written) == [("one", "stalled_before_first"), ("two", "stalled_before_first"), ("composer", None)]
    await until(lambda: first.running == second.running == 0)


async def test_being_outrun_opens_no_breaker(brief: Brief) -> None:
    slow = Scripted([[3600.0]])
    to = ladder(slow, Scripted([[GOOD]], "two"), hedge_after_s=0.01, failures_to_open=1)
    for _ in range(3):
        assert tried(await write(to, brief)) == [("one", "outrun"), ("two", None)]


async def test_a_cancelled_turn_ends_both_sides_of_a_hedge(brief: Brief) -> None:
    first, second = Scripted([[3600.0]]), Scripted([[3600.0]], "two")
    turn = asyncio.create_task(write(ladder(first, second, hedge_after_s=0.01), brief))
    await until(lambda: first.running == second.running == 1)
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    await until(lambda: first.running == second.running == 0)


async def test_a_cancelled_trial_leaves_the_breaker_half_open(brief: Brief) -> None:
    clock = Clock()
    model = Scripted([[DOWN], [3600.0], [DOWN], [GOOD]])
    to = ladder(model, failures_to_open=1, open_s=30.0, clock=clock)
    assert tried(await write(to, brief))[0][1] == "server_error"
    clock.now = 30.0
    trial = asyncio.create_task(write(to, brief))
    await until(lambda: model.running == 1)
    assert tried(await write(to, brief))[0][1] == "breaker_open", "one trial at a time"
    trial.cancel()
    await asyncio.gather(trial, return_exceptions=True)
    kinds = [tried(await write(to, brief))[0][1] for _ in range(2)]
    assert kinds == ["server_error", "breaker_open"]


async def test_a_model_whose_connection_does_not_close_holds_nobody_and_is_closed_again(brief: Brief) -> None:
    """It ignores the first cancellation, as a hung ``close`` does; its place is taken until it is gone."""
    ended = asyncio.Event()

    async def hang() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
        ended.set()

    model = Scripted([[3600.0]], on_close=hang)
    to = ladder(model, stalls=Stalls(0.05, 30, 30, 0), concurrency=1, place_s=0.01)
    assert tried(await write(to, brief)) == [("one", "stalled_before_first"), ("composer", None)]
    assert not ended.is_set()
    assert tried(await write(to, brief)) == [("one", "too_busy"), ("composer", None)]
    async with asyncio.timeout(10):
        await ended.wait()
    model.script, model.on_close = [[GOOD]], None
    await until(lambda: model.running == 0)
    await asyncio.sleep(0.01)
    assert tried(await write(to, brief)) == [("one", None)]


async def test_a_whole_reply_whose_writer_does_not_end_is_a_reply(brief: Brief) -> None:
    model = Scripted([[GOOD, 3600.0]])
    written = await write(ladder(model, stalls=Stalls(30, 0.05, 30, 0)), brief)
    assert (tried(written), written.text) == ([("one", None)], GOOD)
    await until(lambda: model.running == 0)


async def test_a_writer_that_breaks_its_promise_is_left_like_any_other(brief: Brief) -> None:
    @dataclass
    class Crashing(Scripted):
        async def stream(self, brief: Brief) -> AsyncGenerator[Delta]:
            raise ZeroDivisionError(brief.recent[-1].text)
            yield

    assert tried(await write(ladder(Crashing([])), brief)) == [("one", "crashed"), ("composer", None)]


async def test_refusals_open_no_breaker_for_everybody_else(brief: Brief) -> None:
    to = ladder(Scripted([[WriterFailed("refused")]] * 5 + [[GOOD]]), failures_to_open=2)
    assert [tried(await write(to, brief))[0][1] for _ in range(6)] == ["refused"] * 5 + [None]
