"""Breakers through their own door: three ends of a call, one trial at a time, and every change is heard."""

import asyncio
from dataclasses import dataclass, field

import pytest

from predictors.breaker import BreakerOpen, Breakers


@dataclass
class Bench:
    """Breakers on a clock that the test turns, with what a listener heard."""

    now: float = 0.0
    heard: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.breakers = Breakers(2, 30.0, unjudged=lambda error: isinstance(error, KeyError), clock=lambda: self.now)
        self.breakers.add_listener(self.listen)

    def listen(self, name: str, what: str, event: object) -> None:
        if what == "state_changed":
            self.heard.append(getattr(event, "state"))  # noqa: B009

    async def call(self, error: Exception | None = None) -> None:
        async with self.breakers.guarding("model"):
            if error is not None:
                raise error

    async def fail(self, times: int, error: Exception | None = None) -> None:
        for _ in range(times):
            with pytest.raises(type(error or ValueError())):
                await self.call(error or ValueError())


async def test_it_opens_tries_once_and_closes_and_each_change_is_heard_when_it_happens() -> None:
    bench = Bench()
    await bench.fail(2)
    with pytest.raises(BreakerOpen):
        await bench.call()
    assert bench.heard == ["opened"]
    bench.now = 30.0
    async with bench.breakers.guarding("model"):
        assert bench.heard == ["opened", "half-opened"], "while the trial runs"
    assert bench.heard == ["opened", "half-opened", "closed"]


async def test_only_one_call_is_the_trial_and_its_failure_opens_again_for_the_whole_time() -> None:
    bench = Bench()
    await bench.fail(2)
    bench.now = 31.0
    trial = await bench.breakers.admit("model")
    for _ in range(3):
        with pytest.raises(BreakerOpen):
            await bench.call()
    await trial.end(False)
    bench.now = 60.9
    with pytest.raises(BreakerOpen):
        await bench.call()
    bench.now = 61.0
    await bench.call()
    assert await bench.breakers.state("model") == "closed"


async def test_a_cancelled_trial_neither_closes_nor_wedges_the_breaker() -> None:
    bench = Bench()
    await bench.fail(2)
    bench.now = 30.0

    async def hang() -> None:
        async with bench.breakers.guarding("model"):
            await asyncio.sleep(3600)

    trial = asyncio.create_task(hang())
    await asyncio.sleep(0)
    trial.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trial
    assert await bench.breakers.state("model") == "half-opened"
    await bench.fail(1)
    assert await bench.breakers.state("model") == "opened", "the next call was the trial"


async def test_what_is_unjudged_forgives_no_failure_and_counts_as_none() -> None:
    bench = Bench()
    await bench.fail(1)
    await bench.fail(5, KeyError())
    assert await bench.breakers.state("model") == "closed"
    await bench.fail(1)
    assert await bench.breakers.state("model") == "opened"


@pytest.mark.parametrize("well", [True, False])
async def test_a_call_from_before_decides_nothing_once_the_breaker_has_opened(well: bool) -> None:
    bench = Bench()
    old = await bench.breakers.admit("model")
    await bench.fail(2)
    bench.now = 30.0
    trial = await bench.breakers.admit("model")
    await old.end(well)
    assert await bench.breakers.state("model") == "half-opened"
    await trial.end(True)
    assert await bench.breakers.state("model") == "closed"


async def test_a_listener_that_fails_fails_no_call() -> None:
    bench = Bench()

    def broken(*_: object) -> None:
        raise RuntimeError("no disk")

    bench.breakers.add_listener(broken)
    await bench.fail(2)
    assert bench.heard == ["opened"]
