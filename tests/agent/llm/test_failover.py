"""The ladder of writers over real HTTP: order, stall limits, pauses, breaker, take-back, and what a cancelled call leaves."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from agent.errors import FailureKind
from agent.llm.anthropic import AnthropicWriter
from agent.llm.base import Stalls, Writer
from agent.llm.failover import LONGEST_PAUSE_S, Failover
from agent.llm.openai import OpenAIWriter
from agent.reply.schema import ReplyDraft, reply_schema
from agent.turn import Brief
from tests.agent.llm.conftest import KEY
from tests.agent.llm.faults import FAULTS
from tests.agent.llm.ladder import (
    PATIENT,
    SAFE,
    Clock,
    Ear,
    Ladder,
    Offline,
    Result,
    Rungs,
    open_sockets,
    until,
)
from tests.scripted_model import (
    GOOD,
    Answer,
    BrokenJson,
    CutOff,
    RateLimited,
    ScriptedModel,
    ServerError,
    SlowDrip,
    Stall,
    Step,
    WrongSchema,
)  # fmt: skip

House = tuple[ScriptedModel, ScriptedModel, tuple[Writer, ...]]
ALL_FAULTS: dict[str, tuple[Step, FailureKind]] = {
    **FAULTS, "broken JSON": (BrokenJson(), "broken_json"), "wrong schema": (WrongSchema(), "wrong_schema"),
}  # fmt: skip


@pytest.fixture(scope="module")
async def house() -> AsyncIterator[House]:
    async with ScriptedModel(api_key=KEY) as first, ScriptedModel(api_key=KEY) as second:
        openai = OpenAIWriter(model="gpt-test", api_key=KEY, base_url=first.openai_url, schema=reply_schema())
        anthropic = AnthropicWriter(model="claude-test", api_key=KEY, base_url=second.url, schema=reply_schema())
        yield first, second, (openai, anthropic)
        await openai.aclose()
        await anthropic.aclose()


@pytest.fixture
async def ladder(house: House, brief: Brief) -> Ladder:
    for server in house[:2]:
        await server.idle()
        server.script.clear()
        server.requests.clear()
        server.default = Answer()
        server.started = server.finished = server.closed_by_client = 0
    return Ladder(*house, Offline(), brief)


def tried(written: Result) -> list[tuple[str, str | None]]:
    return [(attempt.writer, attempt.failure) for attempt in written.attempts]


async def test_the_first_writer_that_answers_is_the_only_one_asked(ladder: Ladder) -> None:
    ear = Ear()
    written = await ladder.write(ladder.failover(), ear)
    assert written.draft == ReplyDraft.model_validate(GOOD)
    assert (tried(written), written.cut_short) == ([("openai", None)], False)
    assert "".join(ear.pieces) == written.text == json.dumps(GOOD)
    assert (len(ladder.second.requests), ladder.last.asked) == (0, 0)
    attempt = written.attempts[-1]
    assert (attempt.input_tokens, attempt.output_tokens) == (11, 7)
    assert 0 < (attempt.first_token_ms or 0.0) <= attempt.elapsed_ms


@pytest.mark.parametrize("order", ["openai first", "anthropic first"])
@pytest.mark.parametrize("fault", ALL_FAULTS)
async def test_whatever_the_first_writer_does_wrong_the_second_writes(ladder: Ladder, fault: str, order: str) -> None:
    step, kind = ALL_FAULTS[fault]
    if order == "anthropic first":
        ladder.writers = ladder.writers[::-1]
    failing = ladder.first if order == "openai first" else ladder.second
    failing.then(step)
    ear = Ear()
    written = await ladder.write(ladder.failover(), ear)
    first, second = (writer.name for writer in ladder.writers)
    assert tried(written) == [(first, kind), (second, None)]
    assert written.draft == ReplyDraft.model_validate(GOOD)
    assert ear.resets == 1
    assert "".join(ear.pieces) == json.dumps(GOOD), "what the first writer fed is taken back"


async def test_when_every_model_fails_the_last_writer_answers(ladder: Ladder) -> None:
    ladder.first.then(ServerError(500))
    ladder.second.then(CutOff(2))
    written = await ladder.write(ladder.failover())
    assert tried(written) == [("openai", "server_error"), ("anthropic", "cut_off"), ("composer", None)]
    assert (written.draft, written.cut_short) == (ReplyDraft.model_validate(SAFE), False)


@pytest.mark.parametrize(
    ("step", "stalls", "kind"),
    [
        (Stall(None), Stalls(0.05, 30, 30, 0), "stalled_before_first"),
        (Stall(0), Stalls(0.05, 30, 30, 0), "stalled_before_first"),
        (SlowDrip(0.01, 1, " " * 5_000), Stalls(0.1, 30, 30, 0), "stalled_before_first"),
        (Stall(3), Stalls(30, 0.05, 30, 0), "stalled_between"),
        (SlowDrip(0.05, 1), Stalls(30, 30, 0.2, 0), "too_slow"),
    ],
    ids=["no headers", "headers and silence", "only blanks", "silence in the middle", "a slow drip"],
)
async def test_a_writer_that_stalls_is_left_and_its_connection_closed(
    ladder: Ladder, step: Step, stalls: Stalls, kind: FailureKind
) -> None:
    ladder.first.then(step)
    written = await ladder.write(ladder.failover(stalls, only=1))
    assert tried(written) == [("openai", kind), ("composer", None)]
    assert (written.attempts[0].first_token_ms is None) == (kind == "stalled_before_first")
    await until(lambda: ladder.first.closed_by_client == ladder.first.started)
    assert ladder.first.finished == 0


async def test_the_turn_ends_the_call_when_its_budget_is_less_than_every_stall_limit(ladder: Ladder) -> None:
    ladder.first.then(Stall(2))
    written = await ladder.write(ladder.failover(), budget_s=0.2)
    assert tried(written) == [("openai", "too_slow"), ("anthropic", "too_slow"), ("composer", None)]
    await until(lambda: ladder.first.closed_by_client == ladder.first.started)
    assert (ladder.first.finished, len(ladder.second.requests)) == (0, 0)


async def test_no_model_is_asked_when_only_the_reserve_is_left_of_the_turn(ladder: Ladder) -> None:
    written = await ladder.write(ladder.failover(Stalls(reserve_s=5.0)), budget_s=5.0)
    assert tried(written) == [("openai", "too_slow"), ("anthropic", "too_slow"), ("composer", None)]
    assert (ladder.first.requests, ladder.second.requests) == ([], [])


@pytest.mark.parametrize(
    ("header", "pause_s"), [("7", 7.0), ("0.5", 0.5), (None, 1.0), ("soon", 1.0), ("86400", LONGEST_PAUSE_S)]
)
async def test_a_writer_that_asked_to_wait_is_skipped_until_then_and_no_longer(
    ladder: Ladder, header: str | None, pause_s: float
) -> None:
    clock = Clock()
    failover = ladder.failover(only=1, clock=clock, failures_to_open=1)
    ladder.first.then(RateLimited(header))
    for clock.now in (0.0, pause_s * 0.5, pause_s * 0.99):
        written = await ladder.write(failover)
        assert tried(written) == [("openai", "rate_limited"), ("composer", None)]
        assert len(ladder.first.requests) == 1, "asked once, then left alone"
    clock.now = pause_s
    assert tried(await ladder.write(failover)) == [("openai", None)]


async def test_a_rate_limit_of_one_writer_is_not_the_others(ladder: Ladder) -> None:
    failover = ladder.failover()
    ladder.first.then(RateLimited("60"))
    for _ in range(2):
        assert tried(await ladder.write(failover)) == [("openai", "rate_limited"), ("anthropic", None)]
    assert (len(ladder.first.requests), len(ladder.second.requests)) == (1, 2)


async def test_failures_in_a_row_open_the_breaker_and_the_server_is_left_alone(ladder: Ladder) -> None:
    failover = ladder.failover(failures_to_open=3, open_s=3600.0)
    ladder.first.default = ServerError(500)
    kinds = [tried(await ladder.write(failover))[0][1] for _ in range(5)]
    assert kinds == ["server_error"] * 3 + ["breaker_open"] * 2
    assert (len(ladder.first.requests), len(ladder.second.requests)) == (3, 5)


async def test_a_reply_between_failures_keeps_the_breaker_closed(ladder: Ladder) -> None:
    failover = ladder.failover(only=1, failures_to_open=2, open_s=3600.0)
    ladder.first.then(*(step for _ in range(4) for step in (BrokenJson(), Answer())))
    assert [tried(await ladder.write(failover))[0][1] for _ in range(8)] == ["broken_json", None] * 4


async def test_the_breaker_tries_again_after_its_time_and_a_good_reply_closes_it(ladder: Ladder) -> None:
    failover = ladder.failover(only=1, failures_to_open=2, open_s=0.05)
    ladder.first.then(ServerError(500), ServerError(500), Answer(), ServerError(500), Answer())
    assert [tried(await ladder.write(failover))[0][1] for _ in range(2)] == ["server_error"] * 2
    assert await first_kind_but(ladder, failover, "breaker_open") is None
    kinds = [tried(await ladder.write(failover))[0][1] for _ in range(2)]
    assert kinds == ["server_error", None], "one failure does not open a breaker that is closed"


async def test_the_breaker_opens_again_when_the_trial_fails(ladder: Ladder) -> None:
    failover = ladder.failover(only=1, failures_to_open=3, open_s=0.3)
    ladder.first.default = ServerError(500)
    assert [tried(await ladder.write(failover))[0][1] for _ in range(3)] == ["server_error"] * 3
    assert await first_kind_but(ladder, failover, "breaker_open") == "server_error"
    assert tried(await ladder.write(failover))[0][1] == "breaker_open", "one failed trial is enough"
    assert len(ladder.first.requests) == 4


async def first_kind_but(ladder: Ladder, failover: Rungs, passing: FailureKind) -> str | None:
    async with asyncio.timeout(10):
        while (kind := tried(await ladder.write(failover))[0][1]) == passing:
            await asyncio.sleep(0.01)
    return kind


async def test_rate_limits_and_a_spent_budget_do_not_open_the_breaker(ladder: Ladder) -> None:
    clock = Clock()
    failover = ladder.failover(only=1, failures_to_open=1, open_s=3600.0, clock=clock)
    ladder.first.then(RateLimited("1"), Stall(0))
    assert tried(await ladder.write(failover))[0][1] == "rate_limited"
    clock.now = 2.0
    assert tried(await ladder.write(failover, budget_s=0.1))[0][1] == "too_slow"
    assert tried(await ladder.write(failover))[0][1] is None


async def test_a_model_that_drips_through_its_whole_time_opens_the_breaker(ladder: Ladder) -> None:
    failover = ladder.failover(Stalls(30, 30, 0.1, 0), only=1, failures_to_open=2, open_s=3600.0)
    ladder.first.default = SlowDrip(0.05, 1)
    kinds = [tried(await ladder.write(failover))[0][1] for _ in range(3)]
    assert kinds == ["too_slow", "too_slow", "breaker_open"]


async def test_two_writers_of_one_name_have_a_breaker_and_a_pause_each(ladder: Ladder) -> None:
    twin = OpenAIWriter(model="gpt-twin", api_key=KEY, base_url=ladder.second.openai_url, schema=reply_schema())
    ladder.writers = (ladder.writers[0], twin)
    failover = ladder.failover(failures_to_open=1, open_s=3600.0)
    ladder.first.default = ServerError(503)
    kinds = [tried(await ladder.write(failover)) for _ in range(2)]
    assert kinds == [[("openai", "server_error"), ("openai", None)], [("openai", "breaker_open"), ("openai", None)]]
    await twin.aclose()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"reply": "Thank you", "talking_points": [}', "broken_json"),
        ('{"reply": "Thank you', "broken_json"),
        ("Sure! Here is the reply you asked for.", "broken_json"),
        ('```json\n{"reply": "Thank you"}\n```', "broken_json"),
        ('{"answer": "Thank you"}', "wrong_schema"),
        ('{"reply": 7}', "wrong_schema"),
        ('{"reply": ""}', "wrong_schema"),
        ('{"reply": "Thank you", "price": "1 dollar"}', "wrong_schema"),
        (json.dumps({**GOOD, "objection_answered": "weather"}), "wrong_schema"),
        (json.dumps({**GOOD, "reply": "x" * 1501}), "wrong_schema"),
        ('["reply", "Thank you"]', "wrong_schema"),
        ("null", "wrong_schema"),
        ("   ", "cut_off"),
    ],
)
async def test_broken_json_and_a_wrong_schema_are_told_apart(ladder: Ladder, text: str, kind: FailureKind) -> None:
    ladder.first.then(Answer(text))
    assert tried(await ladder.write(ladder.failover(only=1))) == [("openai", kind), ("composer", None)]


async def test_a_sink_that_refuses_what_comes_ends_the_call_at_once(ladder: Ladder) -> None:
    ladder.first.then(Stall(2))
    written = await ladder.write(ladder.failover(), Ear(refuses=True))
    assert tried(written) == [("openai", "broken_json"), ("anthropic", None)]
    await ladder.first.idle()
    assert ladder.first.closed_by_client == 1


@pytest.mark.parametrize(
    ("step", "stalls", "kind"),
    [
        (CutOff(5), PATIENT, "cut_off"),
        (CutOff(5, "end"), PATIENT, "cut_off"),
        (CutOff(5, "error"), PATIENT, "server_error"),
        (Stall(5), Stalls(30, 0.05, 30, 0), "stalled_between"),
        (SlowDrip(0.05, 8), Stalls(30, 30, 0.3, 0), "too_slow"),
        (Answer(finish="length"), PATIENT, "cut_off"),
        (Answer(json.dumps({**GOOD, "objection_answered": "weather"})), PATIENT, "wrong_schema"),
        (Answer(json.dumps(GOOD)[:-1]), PATIENT, "broken_json"),
    ],
)
async def test_what_was_said_stands_and_nobody_else_is_asked(
    ladder: Ladder, step: Step, stalls: Stalls, kind: FailureKind
) -> None:
    ear = Ear(says_after=1)
    ladder.first.then(step)
    written = await ladder.write(ladder.failover(stalls), ear)
    assert (written.draft, written.cut_short, tried(written)) == (None, True, [("openai", kind)])
    assert (ear.resets, "".join(ear.pieces)) == (0, written.text)
    assert (len(ladder.second.requests), ladder.last.asked) == (0, 0)


@pytest.mark.parametrize("step", [Stall(None), Stall(0), Stall(4)], ids=["no headers", "no token", "in the middle"])
async def test_a_cancelled_call_closes_its_connection_and_asks_nobody_else(ladder: Ladder, step: Step) -> None:
    ladder.first.then(step)
    ear, wanted = Ear(), 4 if step == Stall(4) else 0
    call = asyncio.create_task(ladder.write(ladder.failover(), ear))
    await until(lambda: ladder.first.started == 1 and len(ear.pieces) >= wanted)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await ladder.first.idle()
    assert (ladder.first.closed_by_client, ladder.first.finished) == (1, 0)
    assert (len(ladder.second.requests), ladder.last.asked) == (0, 0)


async def test_a_hundred_cancelled_calls_leave_neither_tasks_nor_connections(ladder: Ladder) -> None:
    failover = ladder.failover(only=1, concurrency=100)
    await ladder.write(failover)
    tasks, sockets = len(asyncio.all_tasks()), open_sockets()
    ladder.first.default = Stall(2)
    calls = [asyncio.create_task(ladder.write(failover)) for _ in range(100)]
    await until(lambda: ladder.first.running == 100)
    assert all(call.cancel() for call in calls)
    ended = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError) for end in ended)
    await ladder.first.idle()
    assert ladder.first.closed_by_client == 100
    await until(lambda: len(asyncio.all_tasks()) <= tasks and open_sockets() <= sockets)
    ladder.first.default = Answer()
    assert tried(await ladder.write(failover)) == [("openai", None)]


async def test_closing_the_ladder_closes_every_writer() -> None:
    writers = [Offline() for _ in range(3)]
    await Failover(writers, ReplyDraft.model_validate_json).aclose()
    assert [writer.closed for writer in writers] == [1, 1, 1]
