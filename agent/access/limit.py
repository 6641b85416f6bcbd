"""How much a caller may send: so many requests in any window of so many seconds, counted one by one."""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

DEFAULT = "100/minute"
UNITS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
LONGEST = 10_000
"""Callers that are remembered at once."""


@dataclass(frozen=True, slots=True)
class Limit:
    amount: int
    window_s: int


@dataclass(frozen=True, slots=True)
class Spent:
    """What is left after one request. ``wait_s``: seconds until the next of those that count is forgotten."""

    limit: Limit
    allowed: bool
    remaining: int
    wait_s: float

    @property
    def whole_seconds(self) -> int:
        return max(1, math.ceil(self.wait_s))


def limit_of(text: str) -> Limit:
    """``100/minute``, as ``Settings.rate_limit`` lets it through."""
    amount, _, unit = text.partition("/")
    return Limit(int(amount), UNITS[unit])


class MemoryWindow:
    """Counts in this process. Memory is bounded by what was let through within a window."""

    def __init__(self, limit: Limit, *, clock: Callable[[], float] = time.monotonic, longest: int = LONGEST) -> None:
        self.limit = limit
        self._clock = clock
        self._longest = longest
        self._times: dict[str, deque[float]] = {}

    def hit(self, name: str) -> Spent:
        """Takes one request of ``name`` when it is within the limit."""
        now = self._clock()
        times = self._times.get(name)
        if times is None:
            if len(self._times) >= self._longest:
                self._forget(now)
            times = self._times[name] = deque()
        self._pass(times, now)
        allowed = len(times) < self.limit.amount
        if allowed:
            times.append(now)
        return Spent(self.limit, allowed, self.limit.amount - len(times), times[0] + self.limit.window_s - now)

    def look(self, name: str) -> Spent:
        """The same without taking anything."""
        now = self._clock()
        times = self._times.get(name)
        if times is None:
            return Spent(self.limit, True, self.limit.amount, 0.0)
        self._pass(times, now)
        wait_s = times[0] + self.limit.window_s - now if times else 0.0
        return Spent(self.limit, len(times) < self.limit.amount, self.limit.amount - len(times), wait_s)

    def _pass(self, times: deque[float], now: float) -> None:
        while times and times[0] <= now - self.limit.window_s:
            times.popleft()

    def _forget(self, now: float) -> None:
        """Who sent nothing in a window is forgotten; when all did, those who came first."""
        quiet = [name for name, times in self._times.items() if not times or times[-1] <= now - self.limit.window_s]
        for name in quiet or list(self._times)[: max(1, self._longest // 10)]:
            del self._times[name]
