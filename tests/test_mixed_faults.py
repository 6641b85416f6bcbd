"""The ladder under mixed faults: every turn is answered and in time, and each that did not go the first way says so."""

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path

from tests.degraded import is_sensible, shop, tried
from tests.scripted_model import (
    Answer,
    BrokenJson,
    CutOff,
    EmptyStream,
    RateLimited,
    ServerError,
    SlowDrip,
    Stall,
    Step,
    WrongSchema,
)  # fmt: skip

TURNS, TALKING = 200, 8
SHARE = 0.3
BUDGET_S = 3.0
LATE_S = 1.0
"""The aim is 50 ms; more is a machine that does other things. A turn that waits for a fault is seconds late."""
FAULTS: tuple[Step, ...] = (
    RateLimited("0.05"),
    RateLimited(None),
    ServerError(500),
    ServerError(503),
    SlowDrip(0.2, 2),
    Stall(None),
    Stall(3),
    EmptyStream(),
    BrokenJson(),
    WrongSchema(),
    CutOff(0),
    CutOff(3),
)


def script(seed: int) -> list[Step]:
    chance = random.Random(seed)
    return [chance.choice(FAULTS) if chance.random() < SHARE else Answer() for _ in range(3 * TURNS)]


async def test_with_three_in_ten_answers_faulty_every_turn_is_answered_in_time_and_says_what_was_wrong(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    given = {"first_token_s": 0.5, "token_gap_s": 0.5, "reply_s": 1.5, "turn_budget_s": BUDGET_S, "retry_share": 0.1}
    seconds: list[float] = []
    async with shop(tmp_path, **given) as at:
        at.first.then(*script(1))
        at.second.then(*script(2))

        async def talk(number: int) -> None:
            for turn_number in range(TURNS // TALKING):
                started = time.monotonic()
                turn, ledger = await at.post(f"Hi, I have no time to cook, {turn_number}.", to=f"c-{number}")
                seconds.append(time.monotonic() - started)
                failed = [f"writer:{writer}:{why}" for writer, why in tried(ledger) if why]
                assert [why for why in turn["degraded"] if why.startswith("writer:")] == failed
                assert is_sensible(turn), turn["response"]
                first = tried(ledger)[0]
                assert failed or first == ("openai", None), "what did not go the first way says why"

        await asyncio.gather(*(talk(number) for number in range(TALKING)))
    seconds.sort()
    figures = {"p50": seconds[len(seconds) // 2], "p99": seconds[int(len(seconds) * 0.99)], "max": seconds[-1]}
    for name, value in figures.items():
        record_property(f"{name}_ms", round(value * 1000))
    print({name: round(value * 1000) for name, value in figures.items()})
    assert len(seconds) == TURNS
    assert seconds[-1] <= BUDGET_S + LATE_S, figures
