"""One line of the drill's table from what was sent, what failed and what is stored. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from agent.drill.checks import Checked
from agent.drill.customers import Failed, Sent

OVERRUN_MS = 50.0
"""By so much a turn may miss its budget."""
BACK_S = 5.0
"""Within this the service should be back by itself."""


@dataclass(frozen=True, slots=True)
class Window:
    """When the fault lasted, in seconds of ``time.monotonic``, and how often it struck."""

    began: float
    ended: float
    times: int = 1


@dataclass(frozen=True, slots=True)
class Row:
    """``resent`` are messages that took more than one attempt. ``over_budget`` by the server's clock, ``_outside`` by the
    customer's, where nothing but the turn kept him waiting: one attempt, and no other message of his on its way.
    ``busy`` counts 429 and 503, which ask to come again; ``errors`` every other 5xx; ``cut`` broken connections.
    ``p50_ms`` and ``p95_ms`` are those of turns under way during the fault, repeats included.
    ``back_s``: from the fault's end until every attempt succeeded again; ``whole_s``: until no turn was degraded any more.
    """

    name: str
    loaded: bool
    times: int
    sent: int
    answered: int
    resent: int
    checked: Checked
    over_budget: int
    over_budget_outside: int
    busy: int
    errors: int
    cut: int
    p50_ms: float | None
    p95_ms: float | None
    back_s: float | None
    whole_s: float | None
    degraded: Mapping[str, int]
    notes: tuple[str, ...] = field(default=())

    @property
    def failed(self) -> bool:
        """Something was lost, doubled, out of order or unanswered."""
        return not self.checked.clean

    @property
    def verdict(self) -> str:
        found = [f"{len(cases)} {what.replace('_', ' ')}" for what, cases in asdict(self.checked).items() if cases]
        return "; ".join((*found, *self.complaints)) or "ok"

    @property
    def complaints(self) -> tuple[str, ...]:
        """What should not be, and yet loses nothing: seen in the verdict, no reason to fail."""
        found = [f"{self.over_budget} over budget"] if self.over_budget else []
        found += [f"{self.over_budget_outside} over budget outside"] if self.over_budget_outside else []
        found += [f"{self.errors} answers 5xx"] if self.errors else []
        if self.back_s is None and self.loaded:
            found.append("not back")
        elif self.back_s is not None and self.back_s > BACK_S:
            found.append(f"back after {self.back_s:.1f} s")
        return (*found, *self.notes)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "verdict": self.verdict, "failed": self.failed}


def row(
    name: str,
    sent: Sequence[Sent],
    failed: Sequence[Failed],
    checked: Checked,
    window: Window,
    budget_s: float,
    *,
    loaded: bool,
    notes: Sequence[str] = (),
) -> Row:
    """``budget_s`` is the turn's, which the server measures itself (``timing_ms.total``). ``loaded``: customers talked before,
    during and after it, so that it can be seen when the service is back."""
    longest_ms = budget_s * 1000 + OVERRUN_MS
    answers = [one.answer for one in sent if one.answer]
    during = sorted(
        ms for one in sent if (ms := one.ms) is not None and one.sent_at <= window.ended and _end(one) >= window.began
    )
    return Row(
        name=name,
        loaded=loaded,
        times=window.times,
        sent=len(sent),
        answered=len(answers),
        resent=sum(one.attempts > 1 for one in sent),
        checked=checked,
        over_budget=sum(answer.total_ms > longest_ms for answer in answers),
        over_budget_outside=sum(
            one.alone and one.attempts == 1 and one.ms is not None and one.ms > longest_ms for one in sent
        ),
        busy=sum(one.status in (429, 503) for one in failed),
        errors=sum(one.status is not None and one.status >= 500 and one.status != 503 for one in failed),
        cut=sum(one.status is None for one in failed),
        p50_ms=percentile(during, 0.50),
        p95_ms=percentile(during, 0.95),
        back_s=_back(sent, failed, window.ended),
        whole_s=_whole(sent, window.ended),
        degraded=dict(Counter(why for answer in answers for why in answer.degraded).most_common()),
        notes=tuple(notes),
    )


def percentile(ordered: Sequence[float], share: float) -> float | None:
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1) if ordered else None


def _end(sent: Sent) -> float:
    return sent.answered_at if sent.answered_at is not None else float("inf")


def _back(sent: Sequence[Sent], failed: Sequence[Failed], ended: float) -> float | None:
    """The first success after the last failure; a success counts when its attempt began after the fault."""
    last = max((one.at for one in failed if one.at > ended), default=ended)
    successes = [_end(one) for one in sent if one.answer and one.tried_at >= ended and _end(one) >= last]
    return round(min(successes) - ended, 3) if successes else None


def _whole(sent: Sequence[Sent], ended: float) -> float | None:
    """The first turn after the fault that nothing degraded, and after which nothing did."""
    after = [(_end(one), one.answer) for one in sent if one.answer and one.tried_at >= ended]
    last = max((at for at, answer in after if answer.degraded), default=ended)
    whole = [at for at, answer in after if not answer.degraded and at >= last]
    return round(min(whole) - ended, 3) if whole else None
