"""The course of one fault: load, the fault, the time after it, and the look into the database."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.drill.checks import check, overtaken
from agent.drill.customers import Crowd, Line, Sent
from agent.drill.fault import Fault
from agent.drill.faults import NEEDS_FAULTY_PREDICTORS, UNDER_LOAD, Force
from agent.drill.figures import Row, Window, row
from agent.drill.posts import parallel_posts, repeats
from agent.drill.stage import Stage
from agent.drill.stored import read_settled

STEADY = 30
LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything. Times in seconds: ``seconds`` is how long a fault lasts, ``whole_s`` how long the load goes on
    at most until a turn is not degraded any more (a breaker opens for half a minute)."""

    seconds: float = 8.0
    customers: int = 24
    think_s: float = 0.5
    kills: int = 5
    repeats: int = 1_000
    parallel: int = 50
    before_s: float = 2.0
    after_s: float = 2.0
    whole_s: float = 40.0
    seed: int = 7


@dataclass(frozen=True, slots=True)
class Drilled:
    """A line of the table, and for the plot: when turns were answered, with their milliseconds."""

    row: Row
    window: Window
    answered: tuple[tuple[float, float], ...]


async def drill(
    stage: Stage, fault: Fault, plan: Plan, said: list[Line], told: Callable[[str, float], None]
) -> Drilled:
    """``told`` hears what goes on and how much of it is done, 0 to 1."""
    told("waits for the server", 0.0)
    await stage.serve(faulty=fault in NEEDS_FAULTY_PREDICTORS)
    chance = random.Random(f"{plan.seed}-{fault}")  # noqa: S311
    crowd = Crowd(stage.server.url, f"{fault}-{chance.getrandbits(32):08x}", said, chance, plan.think_s)
    force = Force(plan.seconds, plan.kills, chance, lambda share: told("", share))
    notes: list[str] = []
    if fault is Fault.REPEATS:
        window, notes = await repeats(stage, crowd, force, plan.repeats)
    elif fault is Fault.PARALLEL_POSTS:
        window, notes = await parallel_posts(stage, crowd, force, plan.parallel)
    else:
        window = await _under_load(stage, fault, plan, crowd, force)
    told("looks into the database", 1.0)
    stored = await read_settled(stage.database.url, crowd.tag, stage.settle_s)
    if fault is Fault.PARALLEL_POSTS and (close := overtaken(crowd.sent, stored)):
        notes.append(f"{close} overtook an earlier one")
    checked = check(crowd.sent, stored)
    loaded = fault in UNDER_LOAD
    found = row(fault.value, crowd.sent, crowd.failed, checked, window, stage.budget_s, loaded=loaded, notes=notes)
    answered = tuple((one.answered_at, one.ms) for one in crowd.sent if one.answered_at is not None and one.ms)
    return Drilled(found, window, answered)


async def _under_load(stage: Stage, fault: Fault, plan: Plan, crowd: Crowd, force: Force) -> Window:
    talking = asyncio.create_task(crowd.talk(plan.customers))
    try:
        await asyncio.sleep(plan.before_s)
        window = await UNDER_LOAD[fault](stage, force)
        await asyncio.sleep(plan.after_s)
        await _until(crowd, window.ended, plan.whole_s)
    finally:
        crowd.stopping = True
        await talking
    return window


async def _until(crowd: Crowd, ended: float, seconds: float) -> None:
    """Returns when the last ``STEADY`` turns that began after the fault were not degraded by anything, or after ``seconds``:
    what one fault leaves behind (an open breaker in one of the workers) must not colour the next one."""
    while time.monotonic() - ended < seconds and not _whole(crowd.sent, ended):  # noqa: ASYNC110  it is looked at, not told
        await asyncio.sleep(LOOK_S)


def _whole(sent: Sequence[Sent], ended: float) -> bool:
    answers = [one.answer for one in sent if one.answer and one.tried_at >= ended][-STEADY:]
    return len(answers) == STEADY and not any(answer.degraded for answer in answers)
