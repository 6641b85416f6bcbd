"""How good are probabilities: discrimination with an interval, calibration, and skill over the base rate."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import roc_auc_score

FIXED_TURNS = (1, 2, 4, 6, 10)
"""Customer turns after which a conversion probability is held against the outcome: a share of the dialogue would know its
length."""
BINS = 10
RESAMPLES = 500


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Bin:
    """One point of a calibration curve: mean ``predicted`` probability, share that ``happened``, ``n`` cases."""

    predicted: float
    happened: float
    n: int


def calibration_curve(target: ArrayLike, probability: ArrayLike, bins: int = BINS) -> list[Bin]:
    """Equal-width bins over [0, 1]; empty bins are left out. Shapes ``(n,)``."""
    happened, predicted = _pair(target, probability)
    place = np.minimum((predicted * bins).astype(int), bins - 1)
    found: list[Bin] = []
    for one in range(bins):
        inside = place == one
        if inside.any():
            found.append(Bin(float(predicted[inside].mean()), float(happened[inside].mean()), int(inside.sum())))
    return found


def expected_calibration_error(target: ArrayLike, probability: ArrayLike, bins: int = BINS) -> float:
    """Mean distance between what was predicted and what happened, weighted by the bins' sizes (Naeini et al. 2015)."""
    curve = calibration_curve(target, probability, bins)
    total = sum(one.n for one in curve)
    return sum(abs(one.predicted - one.happened) * one.n for one in curve) / total if total else 0.0


def brier_skill(target: ArrayLike, probability: ArrayLike) -> float:
    """1 is perfect, 0 is no better than always saying the base rate, below 0 is worse. 0 where only one outcome occurs."""
    happened, predicted = _pair(target, probability)
    constant = float(happened.mean() * (1 - happened.mean()))
    return 1.0 - float(np.mean((predicted - happened) ** 2)) / constant if constant else 0.0


def auc(target: ArrayLike, score: ArrayLike, *, seed: int = 0, resamples: int = RESAMPLES) -> Interval | None:
    """Area under the ROC curve with its bootstrap interval over cases; ``None`` where only one outcome occurs."""
    happened, predicted = _pair(target, score)
    if len(np.unique(happened)) < 2:
        return None
    rng = np.random.default_rng(seed)
    drawn: list[float] = []
    while len(drawn) < resamples:
        pick = rng.integers(0, len(happened), len(happened))
        if 0 < happened[pick].sum() < len(pick):
            drawn.append(float(roc_auc_score(happened[pick], predicted[pick])))
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Interval(float(roc_auc_score(happened, predicted)), float(low), float(high))


def _pair(target: ArrayLike, score: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    happened, predicted = np.asarray(target, dtype=np.float64), np.asarray(score, dtype=np.float64)
    if happened.shape != predicted.shape or happened.ndim != 1:
        raise ValueError(f"target and probability must have one shape (n,), not {happened.shape} and {predicted.shape}")
    return happened, predicted
