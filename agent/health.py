"""What ``/readyz`` says: each part by name, and whether the process can serve. Parts register a check; nobody asks twice
within a second, however many probes come."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import structlog

from agent import metrics

log = structlog.get_logger(__name__)

Check = Callable[[], Awaitable[str]]
"""Says in a word how a part is (``ok``, ``absent``, ``loaded``), or raises when it can't be used."""


@dataclass(frozen=True, slots=True)
class Report:
    """``parts``: a word for each. ``ready``: all required ones can be used."""

    ready: bool
    parts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Part:
    check: Check
    required: bool
    timeout_s: float


class Health:
    """The parts of one process. A part that is not ``required`` is only reported."""

    def __init__(self, *, fresh_s: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._fresh_s = fresh_s
        self._clock = clock
        self._parts: dict[str, _Part] = {}
        self._up: dict[str, bool] = {}
        self._last: tuple[float, Report] | None = None
        self._asking = asyncio.Lock()

    def add(self, name: str, check: Check, *, required: bool, timeout_s: float = 2.0) -> None:
        self._parts[name] = _Part(check, required, timeout_s)

    async def report(self) -> Report:
        """How all parts are, at most ``fresh_s`` seconds old; takes as long as the slowest check, or its timeout."""
        async with self._asking:
            if self._last is None or self._clock() - self._last[0] >= self._fresh_s:
                found = await asyncio.gather(*(self._ask(name, part) for name, part in self._parts.items()))
                words = {name: word for name, _, word in found}
                ready = all(up or not self._parts[name].required for name, up, _ in found)
                self._last = self._clock(), Report(ready, words)
            return self._last[1]

    async def _ask(self, name: str, part: _Part) -> tuple[str, bool, str]:
        try:
            async with asyncio.timeout(part.timeout_s):
                up, word = True, await part.check()
        except TimeoutError:
            up, word = False, "no answer"
        except Exception as error:  # noqa: BLE001 -- whatever a part does wrong, the probe is answered
            up, word = False, "unreachable"
            log.debug("part_check_failed", part=name, error=repr(error))
        if self._up.get(name, True) != up:
            log.log(20 if up else 30, "part_changed", part=name, state=word, required=part.required)
        self._up[name] = up
        metrics.part(name, up=up)
        return name, up, word


BreakerState = Literal["closed", "half-opened", "opened"]


class Breakers:
    """The circuit breakers of a process: each change is logged and counted, and the last state is kept for ``/readyz``."""

    def __init__(self) -> None:
        self.states: dict[str, BreakerState] = {}

    def changed(self, name: str, state: BreakerState) -> None:
        """``name`` says what stands behind it: ``predictor:needs``, ``writer:0:openai``. The first state is no change."""
        before = self.states.get(name)
        self.states[name] = state
        metrics.breaker(name, state, changed=before is not None)
        if before is not None:
            log.log(30 if state == "opened" else 20, "breaker_changed", breaker=name, state=state, before=before)
