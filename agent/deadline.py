"""One time budget for a whole turn, shared out to predictors and model calls."""

import time
from collections.abc import Callable

RESERVE_S = 0.25
"""What predictors and models leave of a turn for what comes after them: the composer, the check and the commit."""


class Deadline:
    """Ends ``seconds`` after it was made. ``clock`` counts in seconds and never goes back."""

    __slots__ = ("_began", "_clock", "_end")

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._end = self._began + seconds

    def elapsed(self) -> float:
        """Seconds since it was made."""
        return self._clock() - self._began

    def remaining(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self._end - self._clock())

    def working(self) -> float:
        """Seconds left for what may be given up, never below zero."""
        return max(0.0, self.remaining() - RESERVE_S)

    def share(self, seconds: float) -> float:
        """``seconds``, or what is left of the turn if that is less."""
        return min(seconds, self.remaining())
