"""Training of the conversion model: conversations with an outcome in, a bundle out. The same seed and data give the same bytes.

Kept linear: LightGBM (120 trees of 7 leaves) on the same columns and folds was between .012 worse and .004 better in AUC
at the fixed turns of three simulations, its calibration error .01 smaller in the middle and .022 larger at worst.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

from predictors import bundle, conversion
from predictors.metrics import FIXED_TURNS, auc, brier_skill, expected_calibration_error

REPLICAS = 40
FOLDS = 12
INVERSE_PENALTY = 0.3
RESAMPLES = 200
FEWEST = 50
"""Conversations below which nothing is said of a turn, and outcomes of a vertical are not enough to speak of it."""


class CountedTurn(Protocol):
    @property
    def turn(self) -> int: ...
    @property
    def so_far(self) -> Mapping[str, float]: ...


class Conversation(Protocol):
    """What training reads of a conversation (``training_data.buyers.SimulatedConversation`` has it)."""

    @property
    def persona(self) -> str: ...
    @property
    def vertical(self) -> str: ...
    @property
    def turns(self) -> Sequence[CountedTurn]: ...
    @property
    def bought(self) -> bool: ...
    @property
    def truth(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Turns:
    """All turns of all conversations, a row each. ``owner`` is the conversation's place, ``turn`` counts from 1."""

    values: NDArray[np.float64]
    bought: NDArray[np.int8]
    owner: NDArray[np.int64]
    turn: NDArray[np.int64]

    @staticmethod
    def of(conversations: Sequence[Conversation]) -> "Turns":
        found = [
            (conversion.row(turn.so_far), i, turn.turn) for i, one in enumerate(conversations) for turn in one.turns
        ]
        owner = np.array([i for _, i, _ in found], dtype=np.int64)
        return Turns(
            np.stack([row for row, _, _ in found]),
            np.array([conversations[i].bought for i in owner], dtype=np.int8),
            owner,
            np.array([turn for _, _, turn in found], dtype=np.int64),
        )


def train_conversion(
    conversations: Sequence[Conversation], folder: Path, seed: int, advance: Callable[[], None]
) -> bundle.Manifest:
    """Logistic regression on dialogue counts, every turn a row. ``advance`` is called ``steps(conversations)`` times.

    The rows are not weighted by length: that would make the first turn of a short conversation count for more, and its
    probability wrong."""
    rng = np.random.default_rng(seed)
    turns = Turns.of(conversations)
    unseen = held_out(turns, [one.persona for one in conversations], advance)
    mean, scale = _scaling(turns.values)
    standard = (turns.values - mean) / scale
    fits = [_fit(standard, turns.bought)]
    for _ in range(REPLICAS):
        drawn = np.bincount(rng.integers(0, len(conversations), len(conversations)), minlength=len(conversations))
        fits.append(_fit(standard, turns.bought, drawn[turns.owner].astype(np.float64)))
        advance()
    content = turns.values.tobytes() + turns.bought.tobytes() + turns.owner.tobytes()
    manifest = bundle.Manifest(
        predictor="conversion",
        labels=("converts",),
        features=conversion.FORM,
        data_sha256=hashlib.sha256(content).hexdigest(),
        libraries=bundle.versions("numpy", "scikit-learn"),
        metrics={
            "held_out": figures(turns, unseen, [one.truth for one in conversations], seed),
            "held_out_by": "persona",
            "ece_all_turns": round(expected_calibration_error(turns.bought, unseen), 4),
            "conversations": len(conversations),
            "verticals": _known(conversations),
        },
        columns=conversion.COLUMNS,
    )
    weights = np.stack([np.append(fit.coef_, fit.intercept_) for fit in fits])
    return bundle.save(folder / "conversion", manifest, {"weights": weights, "mean": mean, "scale": scale})


def steps(conversations: Sequence[Conversation]) -> int:
    """How often ``train_conversion`` calls ``advance``."""
    return REPLICAS + _folds([one.persona for one in conversations])


def held_out(turns: Turns, groups: Sequence[str], advance: Callable[[], None]) -> NDArray[np.float64]:
    """Of each row the probability by a model that has seen no conversation of its group. ``groups``: one a conversation.

    Raises ``ValueError`` when there are fewer than two groups."""
    of_row = np.array(groups)[turns.owner]
    found = np.zeros(len(of_row))
    for learn, judge in GroupKFold(_folds(groups)).split(turns.values, turns.bought, of_row):
        mean, scale = _scaling(turns.values[learn])
        fit = _fit((turns.values[learn] - mean) / scale, turns.bought[learn])
        found[judge] = fit.predict_proba((turns.values[judge] - mean) / scale)[:, 1]
        advance()
    return found


def figures(turns: Turns, probability: NDArray[np.float64], truth: Sequence[float], seed: int) -> dict[str, Any]:
    """At fixed turns: how well ``probability`` (one a row) foretells the outcome, beside what ``truth`` (one a conversation)
    would reach on the same conversations."""
    found: dict[str, Any] = {}
    known: NDArray[np.float64] = np.array(truth, dtype=np.float64)
    for turn in FIXED_TURNS:
        at = turns.turn == turn
        if at.sum() < FEWEST:
            continue
        reached = auc(turns.bought[at], probability[at], seed=seed, resamples=RESAMPLES)
        if reached is None:
            continue
        ceiling = float(roc_auc_score(turns.bought[at], known[turns.owner[at]]))
        found[str(turn)] = {
            "n": int(at.sum()),
            "auc": round(reached.value, 4),
            "auc_low": round(reached.low, 4),
            "auc_high": round(reached.high, 4),
            "auc_ceiling": round(ceiling, 4),
            "brier": round(float(np.mean((probability[at] - turns.bought[at]) ** 2)), 4),
            "brier_skill": round(brier_skill(turns.bought[at], probability[at]), 4),
            "ece": round(expected_calibration_error(turns.bought[at], probability[at]), 4),
        }
    return found


def _fit(
    values: NDArray[np.float64], target: NDArray[np.int8], weight: NDArray[np.float64] | None = None
) -> LogisticRegression:
    return LogisticRegression(C=INVERSE_PENALTY, solver="newton-cholesky").fit(values, target, sample_weight=weight)


def _scaling(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return values.mean(axis=0), values.std(axis=0) + 1e-6


def _folds(groups: Sequence[str]) -> int:
    return min(FOLDS, len(set(groups)))


def _known(conversations: Sequence[Conversation]) -> list[str]:
    """The verticals of which enough conversations were bought and enough were not."""
    ended = Counter((one.vertical, one.bought) for one in conversations)
    return sorted(
        vertical
        for vertical in {vertical for vertical, _ in ended}
        if min(ended[vertical, True], ended[vertical, False]) >= FEWEST
    )
