"""How often the same writer may be asked again: a share of its requests, so that retries can't become a storm."""

from agent.errors import FailureKind, WriterFailed

MOST_SAVED = 10.0
"""Retries that may be saved up for a bad moment."""

_MAY_PASS: frozenset[FailureKind] = frozenset({"unreachable", "server_error", "cut_off"})
_MAY_BE_MENDED: frozenset[FailureKind] = frozenset({"broken_json", "wrong_schema"})
_AT_ITS_LIMIT = ("finish_reason", "stop_reason")
_A_ROUNDING = 1e-9

REPAIR = (
    "\n\nYour last answer could not be read. Answer with the one JSON object that was asked for, with all of its fields and "
    "no others, and with nothing before or after it."
)
"""Nothing of the broken answer is repeated: it may hold what a customer put there."""


class RetryBudget:
    """A bucket of tokens: each request puts ``share`` of one in, each retry takes one out. It starts empty, so that a fleet
    that was just started into an outage does not double its load."""

    __slots__ = ("_share", "_tokens")

    def __init__(self, share: float) -> None:
        self._share = share
        self._tokens = 0.0

    def earn(self) -> None:
        self._tokens = min(MOST_SAVED, self._tokens + self._share)

    def take(self) -> bool:
        if self._tokens + _A_ROUNDING < 1.0:
            return False
        self._tokens -= 1.0
        return True


def worth_a_retry(failed: WriterFailed) -> bool:
    """Whether the same request may well succeed now. Not when the provider named a time, nor when the answer was too long."""
    if failed.retry_after_s or failed.detail.startswith(_AT_ITS_LIMIT):
        return False
    return failed.kind in _MAY_PASS or needs_repair(failed)


def needs_repair(failed: WriterFailed) -> bool:
    return failed.kind in _MAY_BE_MENDED
