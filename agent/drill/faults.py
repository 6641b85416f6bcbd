"""Everything that goes wrong in a drill: each fault is injected, lasts, and is mended. In the order in which it is drilled."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from agent.drill.application import CONTROL, Trouble
from agent.drill.backends import Stop
from agent.drill.fault import Fault
from agent.drill.figures import Window
from agent.drill.model import ModelFault
from agent.drill.stage import Stage

DATABASE_AWAY_S = 0.5
BETWEEN_KILLS_S = 0.3
MIXED_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Force:
    """``seconds`` a fault lasts; a kill strikes ``kills`` times instead. ``told`` hears how much of it is done, 0 to 1."""

    seconds: float
    kills: int
    chance: random.Random
    told: Callable[[float], None]


Inject = Callable[[Stage, Force], Awaitable[Window]]
"""Returns when the fault is mended: the service has to come back by itself from there."""


async def _nothing(_stage: Stage, force: Force) -> Window:
    began = time.monotonic()
    await _last(force)
    return Window(began, time.monotonic(), times=0)


def _model(fault: ModelFault, share: float = 1.0) -> Inject:
    async def inject(stage: Stage, force: Force) -> Window:
        began = time.monotonic()
        await stage.switch_model(fault, share)
        await _last(force)
        await stage.switch_model(ModelFault.NONE, 0.0)
        return Window(began, time.monotonic())

    return inject


def _predictors(trouble: Trouble) -> Inject:
    async def inject(stage: Stage, force: Force) -> Window:
        control = stage.data_dir / CONTROL
        began = time.monotonic()
        control.write_text(trouble, encoding="ascii")
        await _last(force)
        control.unlink()
        return Window(began, time.monotonic())

    return inject


def _database(how: Stop) -> Inject:
    """Stopped, away for a moment, started: as often as it goes into the time."""

    async def inject(stage: Stage, force: Force) -> Window:
        began = ended = time.monotonic()
        times = 0
        while not times or time.monotonic() - began < force.seconds:
            await asyncio.to_thread(stage.database.stop, how)
            await asyncio.sleep(DATABASE_AWAY_S)
            await asyncio.to_thread(stage.database.start)
            ended = time.monotonic()
            times += 1
            force.told(min(1.0, (ended - began) / force.seconds))
            if ended - began < force.seconds:
                await asyncio.sleep(force.seconds / 3)
        return Window(began, ended, times)

    return inject


async def _cache_gone(stage: Stage, force: Force) -> Window:
    began = time.monotonic()
    await asyncio.to_thread(stage.cache.stop)
    await _last(force)
    await asyncio.to_thread(stage.cache.start)
    return Window(began, time.monotonic())


async def _worker_killed(stage: Stage, force: Force) -> Window:
    """Each kill hits a worker under load; the next comes when all workers serve again."""
    began = ended = time.monotonic()
    for kill in range(force.kills):
        stage.server.kill_worker(force.chance)
        ended = time.monotonic()
        await stage.server.until_serving(stage.start_s)
        await asyncio.sleep(BETWEEN_KILLS_S * (0.5 + force.chance.random()))
        force.told((kill + 1) / force.kills)
    return Window(began, ended, force.kills)


async def _server_killed(stage: Stage, force: Force) -> Window:
    """Everything at once, and started again: that is what a process supervisor does. The fault ends with the start."""
    began = time.monotonic()
    stage.server.kill()
    stage.server.start()
    ended = time.monotonic()
    await stage.server.until_serving(stage.start_s)
    force.told(1.0)
    return Window(began, ended)


async def _last(force: Force) -> None:
    began = time.monotonic()
    while (gone := time.monotonic() - began) < force.seconds:
        force.told(gone / force.seconds)
        await asyncio.sleep(min(0.2, force.seconds - gone))


UNDER_LOAD: Mapping[Fault, Inject] = {
    Fault.NOTHING: _nothing,
    Fault.MODEL_429: _model(ModelFault.RATE_LIMITED),
    Fault.MODEL_429_RETRY_AFTER: _model(ModelFault.RATE_LIMITED_UNTIL),
    Fault.MODEL_500: _model(ModelFault.SERVER_ERROR),
    Fault.MODEL_SLOW: _model(ModelFault.SLOW),
    Fault.MODEL_STALLED: _model(ModelFault.STALLED),
    Fault.MODEL_BROKEN_JSON: _model(ModelFault.BROKEN_JSON),
    Fault.MODEL_WRONG_SCHEMA: _model(ModelFault.WRONG_SCHEMA),
    Fault.MODEL_RESET: _model(ModelFault.RESET),
    Fault.MODEL_MIXED: _model(ModelFault.MIXED, MIXED_SHARE),
    Fault.DATABASE_RESTART: _database("fast"),
    Fault.DATABASE_CRASH: _database("immediate"),
    Fault.CACHE_GONE: _cache_gone,
    Fault.WORKER_KILLED: _worker_killed,
    Fault.SERVER_KILLED: _server_killed,
    Fault.PREDICTOR_HANG: _predictors("hang"),
    Fault.PREDICTOR_CRASH: _predictors("crash"),
}
"""What is injected while customers talk; the rest of ``Fault`` brings its own posts (``agent.drill.posts``)."""

NEEDS_FAULTY_PREDICTORS = frozenset({Fault.PREDICTOR_HANG, Fault.PREDICTOR_CRASH})
