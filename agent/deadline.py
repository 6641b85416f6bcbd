"""One time budget for a whole turn, shared out to predictors and model calls."""

import time
from collections.abc import Callable


class Deadline:
    """Ends ``seconds`` after it was made. ``clock`` counts in seconds and never goes back."""

    __slots__ = ("_clock", "_end")

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def remaining(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self._end - self._clock())

    def share(self, seconds: float) -> float:
        """``seconds``, or what is left of the turn if that is less."""
        return min(seconds, self.remaining())
