"""The linear head: L2-penalised logistic regression over a dense and a sparse block, all labels at once.

The same objective as scikit-learn's, but the blocks stay apart: with 150 labels that is ten times as fast.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import expit, log_softmax, softmax
from sklearn.metrics import f1_score
from sklearn.model_selection import GroupKFold

from benchmarks.public.views import View

STEPS = 100
INNER_FOLDS = 3
MEMORY = 8
HALVINGS = 20
FIRST_STEP = 50.0
ENOUGH = 1e-4
FLAT = 1e-3
"""It stops when a step gains less than ``ENOUGH`` of the cost and no slope is above ``FLAT``."""
THRESHOLDS = np.arange(0.06, 0.71, 0.02)
"""Probabilities from which a label may count where several hold; inner folds of the training part choose."""

Weights = NDArray[np.float32]
Link = Literal["one", "several"]
"""``one`` label a case (softmax) or ``several`` (a sigmoid each)."""


@dataclass(frozen=True, slots=True)
class Head:
    dense: NDArray[np.float32]
    sparse: NDArray[np.float32]
    columns: NDArray[np.int64]
    bias: NDArray[np.float32]
    link: Link

    def probabilities(self, view: View) -> NDArray[np.float64]:
        """Shape ``(rows, labels)``."""
        scores = view.dense @ self.dense + view.sparse[:, self.columns] @ self.sparse + self.bias
        scores = np.asarray(scores, dtype=np.float64)
        return softmax(scores, axis=1) if self.link == "one" else expit(scores)


def fit(view: View, target: NDArray[np.float32], penalty: float, link: Link) -> Head:
    """``target``: ``(rows, labels)`` of 0 and 1. ``penalty`` is the inverse strength, scikit-learn's ``C``."""
    columns = np.unique(view.sparse.indices).astype(np.int64)
    grams = sparse.csr_matrix(view.sparse[:, columns])
    across = sparse.csr_matrix(grams.T)
    width, labels = view.dense.shape[1], target.shape[1]
    rows = width + len(columns)
    dense_t = np.ascontiguousarray(view.dense.T)
    shrink = np.float32(1 / (penalty * len(target)))

    def loss(weights: NDArray[np.float32]) -> tuple[float, NDArray[np.float32]]:
        scores = view.dense @ weights[:width] + grams @ weights[width:rows] + weights[rows]
        if link == "one":
            log_share = log_softmax(scores, axis=1)
            cost = -float(np.sum(log_share * target, dtype=np.float64))
            slope = np.exp(log_share) - target
        else:
            cost = float(np.sum(np.logaddexp(0, scores) - target * scores, dtype=np.float64))
            slope = expit(scores) - target
        slope = np.asarray(slope / len(target), dtype=np.float32)
        gradient = np.vstack([dense_t @ slope, across @ slope, slope.sum(axis=0)[None]])
        gradient[:rows] += weights[:rows] * shrink
        return cost / len(target) + float(np.vdot(weights[:rows], weights[:rows])) * float(shrink) / 2, gradient

    weights = descend(loss, np.zeros((rows + 1, labels), dtype=np.float32))
    return Head(weights[:width], weights[width:rows], columns, weights[rows], link)


def descend(loss: Callable[[Weights], tuple[float, Weights]], start: Weights) -> Weights:
    """The lowest point of a smooth convex function, by limited-memory BFGS in single precision (Nocedal and Wright, 7.2).

    SciPy's own works in double precision with bounds: many times as slow on millions of free weights.
    """
    at = start
    cost, gradient = loss(at)
    past: deque[tuple[Weights, Weights, float]] = deque(maxlen=MEMORY)
    for _ in range(STEPS):
        direction: Weights = np.negative(gradient)
        kept: list[float] = []
        for step, change, curve in reversed(past):
            kept.append(float(np.vdot(step, direction)) / curve)
            direction -= np.float32(kept[-1]) * change
        if past:
            _, change, curve = past[-1]
            direction *= np.float32(curve / float(np.vdot(change, change)))
        for (step, change, curve), share in zip(past, reversed(kept), strict=True):
            direction += np.float32(share - float(np.vdot(change, direction)) / curve) * step
        falls = float(np.vdot(gradient, direction))
        length = 1.0 if past else min(1.0, 1.0 / float(np.abs(gradient).sum() + 1e-12)) * FIRST_STEP
        for _ in range(HALVINGS):
            tried: Weights = np.asarray(at + np.float32(length) * direction, dtype=np.float32)
            new_cost, new_gradient = loss(tried)
            if new_cost <= cost + 1e-4 * length * falls:
                break
            length /= 2
        else:
            return at
        step: Weights = np.subtract(tried, at)
        change: Weights = np.subtract(new_gradient, gradient)
        curve = float(np.vdot(step, change))
        if curve > 0:
            past.append((step, change, curve))
        gained = cost - new_cost
        at, cost, gradient = tried, new_cost, new_gradient
        if gained <= ENOUGH * max(abs(cost), 1e-3) and float(np.abs(gradient).max()) < FLAT:
            break
    return at


def one_hot(labels: list[str], names: list[str]) -> NDArray[np.float32]:
    """Shape ``(rows, names)``."""
    place = {name: i for i, name in enumerate(names)}
    target = np.zeros((len(labels), len(names)), dtype=np.float32)
    target[np.arange(len(labels)), [place[label] for label in labels]] = 1
    return target


def many_hot(labels: list[tuple[str, ...]], names: list[str]) -> NDArray[np.float32]:
    """Shape ``(rows, names)``; labels that are not among ``names`` are left out."""
    return np.array([[name in one for name in names] for one in labels], dtype=np.float32)


def inner_probabilities(
    view: View, target: NDArray[np.float32], penalty: float, groups: NDArray[Any]
) -> NDArray[np.float64]:
    """Of each row the probabilities of its labels from a fold that has not seen its group. Shape ``(rows, labels)``."""
    found = np.zeros(target.shape)
    for learn, judge in GroupKFold(INNER_FOLDS).split(target, groups=groups):
        found[judge] = fit(view[learn], target[learn], penalty, "several").probabilities(view[judge])
    return found


def f1(target: NDArray[Any], guess: NDArray[Any], average: Literal["binary", "micro", "macro"] = "binary") -> float:
    return float(f1_score(target, guess, average=average, zero_division=0))  # pyright: ignore[reportArgumentType]


def best_threshold(target: NDArray[np.float32], probability: NDArray[np.float64]) -> float:
    """The threshold with the best F1 over all labels together. Shapes ``(rows, labels)``; the lowest of equally good."""
    f1s = [f1(target.ravel(), (probability >= at).ravel()) for at in THRESHOLDS]
    return float(THRESHOLDS[int(np.argmax(f1s))])
