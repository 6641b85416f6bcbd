"""The guard answers whatever its predictor does: deadline, breaker, cache, bulkhead, fallback."""

import asyncio
import itertools
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field, replace

import pytest

from predictors.base import Dialogue, Label, Prediction, Utterance
from predictors.guard import Guard, GuardSettings
from predictors.rules import ObjectionRules


def dialogue(text: str = "es muy caro", **changes: object) -> Dialogue:
    given = Dialogue("es", "ngx", "fitness", "discovery", {"profession": "abogada"}, (Utterance("customer", text),))
    return replace(given, **changes)  # type: ignore[arg-type]


@dataclass
class Scripted:
    """A predictor that counts its calls and does what it is told."""

    version: str = "v1"
    name: str = "objection"
    blocking: bool = False
    fail: Exception | None = None
    hang: threading.Event | None = None
    calls: list[str] = field(default_factory=list)

    def predict(self, dialogue: Dialogue) -> Prediction:
        self.calls.append(dialogue.text)
        if self.hang is not None:
            self.hang.wait(10)
        if self.fail is not None:
            raise self.fail
        return Prediction((Label("price", 0.9),), "model", self.version, probabilities={"price": 0.9})


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


async def test_the_model_answers_and_says_so() -> None:
    found = await Guard(Scripted(), ObjectionRules()).predict(dialogue(), 5.0)
    assert (found.source, found.version, found.degraded) == ("model", "v1", None)
    assert found.elapsed_ms >= 0


async def test_no_model_means_rules_and_the_response_says_why() -> None:
    found = await Guard(None, ObjectionRules()).predict(dialogue(), 5.0)
    assert (found.source, found.version, found.degraded) == ("rules", "rules-1", "no_model")
    assert [label.name for label in found.labels] == ["price"]


@pytest.mark.parametrize(
    "change",
    [
        {"stage": "closing"},
        {"profile": {"profession": "médica"}},
        {"recent": (Utterance("agent", "¿Qué te frena?"), Utterance("customer", "es muy caro"))},
        {"playbook": "roofing"},
        {"language": "en"},
        {"so_far": {"open_objections": 1.0}},
    ],
)
async def test_the_cache_knows_stage_profile_and_the_last_messages(change: dict[str, object]) -> None:
    model = Scripted()
    guard = Guard(model, ObjectionRules())
    await guard.predict(dialogue(), 5.0)
    assert (await guard.predict(dialogue(), 5.0)).source == "cache"
    assert (await guard.predict(dialogue(**change), 5.0)).source == "model"
    assert len(model.calls) == 2


async def test_only_the_last_three_messages_count() -> None:
    guard = Guard(Scripted(), ObjectionRules())
    last = (Utterance("customer", "a"), Utterance("agent", "b"), Utterance("customer", "c"))
    await guard.predict(dialogue(recent=(Utterance("agent", "antes"), *last)), 5.0)
    assert (await guard.predict(dialogue(recent=(Utterance("agent", "otro"), *last)), 5.0)).source == "cache"


async def test_the_cache_ends_after_five_minutes() -> None:
    clock = Clock()
    guard = Guard(Scripted(), ObjectionRules(), clock=clock)
    await guard.predict(dialogue(), 5.0)
    clock.now = 299.0
    assert (await guard.predict(dialogue(), 5.0)).source == "cache"
    clock.now = 301.0
    assert (await guard.predict(dialogue(), 5.0)).source == "model"


async def test_a_new_bundle_clears_the_cache() -> None:
    guard = Guard(Scripted(), ObjectionRules())
    await guard.predict(dialogue(), 5.0)
    guard.use(Scripted(version="v2"))
    found = await guard.predict(dialogue(), 5.0)
    assert (found.source, found.version) == ("model", "v2")


async def test_rules_are_never_cached_as_the_model() -> None:
    model = Scripted(fail=ValueError("broken"))
    guard = Guard(model, ObjectionRules())
    assert (await guard.predict(dialogue(), 5.0)).degraded == "crashed:ValueError"
    model.fail = None
    assert (await guard.predict(dialogue(), 5.0)).source == "model"


async def test_a_hanging_model_is_left_at_its_deadline_and_its_pool_is_a_bulkhead() -> None:
    release = threading.Event()
    model = Scripted(blocking=True, hang=release)
    guard = Guard(model, ObjectionRules(), GuardSettings(deadline_s=0.05, pool_threads=2))
    try:
        started = time.perf_counter()
        first = await asyncio.gather(*(guard.predict(dialogue(f"caro {n}"), 5.0) for n in range(2)))
        assert [one.degraded for one in first] == ["deadline", "deadline"]
        assert time.perf_counter() - started < 1.0
        third = await guard.predict(dialogue("caro 3"), 5.0)
        assert (third.degraded, third.source) == ("saturated", "rules")
    finally:
        release.set()
        guard.close()


async def test_a_freed_thread_serves_again() -> None:
    release = threading.Event()
    model = Scripted(blocking=True, hang=release)
    guard = Guard(model, ObjectionRules(), GuardSettings(deadline_s=0.05, pool_threads=1))
    assert (await guard.predict(dialogue("uno"), 5.0)).degraded == "deadline"
    release.set()
    model.hang = None
    for _ in range(200):
        found = await guard.predict(dialogue("dos"), 5.0)
        if found.source == "model":
            break
        await asyncio.sleep(0.01)
    assert found.source == "model"
    guard.close()


async def test_what_is_left_of_the_turn_cuts_the_deadline() -> None:
    model = Scripted()
    found = await Guard(model, ObjectionRules()).predict(dialogue(), 0.0)
    assert (found.degraded, model.calls) == ("deadline", [])


async def test_the_breaker_opens_after_failures_and_closes_again() -> None:
    model = Scripted(fail=RuntimeError("down"))
    guard = Guard(model, ObjectionRules(), GuardSettings(failures_to_open=3, open_s=0.05))
    whys = [(await guard.predict(dialogue(f"caro {n}"), 5.0)).degraded for n in range(5)]
    assert whys == ["crashed:RuntimeError"] * 3 + ["breaker_open"] * 2
    assert len(model.calls) == 3
    model.fail = None
    await asyncio.sleep(0.08)
    assert (await guard.predict(dialogue("y ahora"), 5.0)).source == "model"
    assert (await guard.predict(dialogue("otra vez"), 5.0)).source == "model"


async def saturated(model: Scripted, clock: Clock) -> Guard:
    """A guard whose breaker is open and whose two threads are stuck."""
    guard = Guard(
        model, ObjectionRules(), GuardSettings(deadline_s=0.05, pool_threads=2, failures_to_open=2), clock=clock
    )
    stuck = await asyncio.gather(*(guard.predict(dialogue(f"caro {n}"), 5.0) for n in range(2)))
    assert [one.degraded for one in stuck] == ["deadline", "deadline"]
    return guard


async def test_a_trial_that_finds_every_thread_stuck_judges_nobody_and_the_first_free_thread_is_the_trial() -> None:
    clock, release = Clock(), threading.Event()
    guard = await saturated(model := Scripted(blocking=True, hang=release), clock)
    try:
        assert (await guard.predict(dialogue("caro 3"), 5.0)).degraded == "breaker_open"
        clock.now = 31.0
        whys = [(await guard.predict(dialogue(f"caro {n}"), 5.0)).degraded for n in (4, 5)]
        assert whys == ["saturated"] * 2, "and the breaker stays half open, not open for another 30 s"
        assert await guard.breakers.state("objection") == "half-opened"
        release.set()
        model.hang = None
        found = await until_not(guard, "saturated")
        assert (found.source, found.degraded) == ("model", None)
        assert await guard.breakers.state("objection") == "closed"
    finally:
        release.set()
        guard.close()


async def until_not(guard: Guard, why: str) -> Prediction:
    async with asyncio.timeout(10):
        for n in itertools.count():
            found = await guard.predict(dialogue(f"otra vez {n}"), 5.0)
            if found.degraded != why:
                return found
            await asyncio.sleep(0.01)
    raise AssertionError


async def test_a_full_pool_never_opens_the_breaker() -> None:
    clock, release = Clock(), threading.Event()
    guard = Guard(
        Scripted(blocking=True, hang=release),
        ObjectionRules(),
        GuardSettings(deadline_s=60.0, pool_threads=1),
        clock=clock,
    )
    stuck = asyncio.create_task(guard.predict(dialogue("caro"), 60.0))
    try:
        await asyncio.sleep(0)
        whys = {(await guard.predict(dialogue(f"caro {n}"), 5.0)).degraded for n in range(20)}
        assert whys == {"saturated"}
        release.set()
        assert (await stuck).source == "model"
        assert (await until_not(guard, "saturated")).source == "model"
    finally:
        release.set()
        guard.close()


async def test_an_inline_model_that_is_too_slow_is_used_once_more_and_then_left_alone() -> None:
    """Nothing interrupts it, so its answer is there; but it must not take every turn's time for ever."""
    clock = Clock()

    @dataclass
    class Slow(Scripted):
        def predict(self, dialogue: Dialogue) -> Prediction:
            clock.now += 3.0
            return super().predict(dialogue)

    guard = Guard(Slow(), ObjectionRules(), GuardSettings(failures_to_open=2), clock=clock)
    whys = [(await guard.predict(dialogue(f"caro {n}"), 5.0)).degraded for n in range(3)]
    assert whys == [None, None, "breaker_open"]


@pytest.mark.parametrize("error", [StopIteration(), SystemExit(1), KeyboardInterrupt()])
async def test_whatever_a_blocking_model_raises_it_takes_no_thread_with_it(error: BaseException) -> None:
    model = Scripted(blocking=True, fail=error)  # type: ignore[arg-type]
    guard = Guard(model, ObjectionRules(), GuardSettings(pool_threads=1))
    assert (await guard.predict(dialogue("uno"), 5.0)).degraded == "crashed:RuntimeError"
    model.fail = None
    assert (await guard.predict(dialogue("dos"), 5.0)).source == "model"
    guard.close()


def test_a_process_ends_although_a_predictor_hangs() -> None:
    program = """
import asyncio, threading
from predictors.base import Dialogue, Utterance
from predictors.guard import Guard, GuardSettings
from predictors.rules import ObjectionRules

class Hanging:
    name, version, blocking = "objection", "v1", True
    def predict(self, dialogue):
        threading.Event().wait()

async def main():
    guard = Guard(Hanging(), ObjectionRules(), GuardSettings(deadline_s=0.05))
    said = Dialogue("es", "ngx", "fitness", "opening", {}, (Utterance("customer", "es caro"),))
    print((await guard.predict(said, 5.0)).degraded, flush=True)
    guard.close()

asyncio.run(main())
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == "deadline"
