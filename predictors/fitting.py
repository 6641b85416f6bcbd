"""Logistic regression of many labels over the same rows at once.

A fit reads all rows at every step, and that is what takes the time. Here the labels go in step, so that the rows are read once
for all. Loss, penalty and stop are those of scikit-learn's ``LogisticRegression``, which takes more than twice as long for the
corpora; a test holds that the weights are the same.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import expit

Vector = NDArray[np.float64]
Floats = NDArray[np.float32]

STEPS = 200
GRADIENT = 1e-4
"""The largest part of a gradient at which a fit is done. At 3e-4 the average precision on unseen authors is .006 lower."""
PAIRS = 10
"""Steps that a solver remembers."""
FLAT = 1e-10
"""Curvature that is rounding, and is not remembered."""
ENOUGH, HALVINGS = 1e-4, 20
"""Armijo's share of the promised descent, and how often a step is made shorter for it."""
BLOCK = 512
"""Rows that are read while they are in the cache."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What is fitted on, in two parts side by side: ``dense (rows, width)`` and ``terms (rows, terms)``, 32-bit floats."""

    dense: Floats
    terms: sparse.csr_matrix

    @classmethod
    def of(cls, values: sparse.csr_matrix, width: int) -> "Rows":
        """``width``: how many of the columns come first and are rarely 0."""
        return cls(np.ascontiguousarray(values[:, :width].toarray()), sparse.csr_matrix(values[:, width:]))

    @property
    def columns(self) -> int:
        return self.dense.shape[1] + self.terms.shape[1]  # pyright: ignore[reportOptionalSubscript]

    def at(self, places: NDArray[np.int64]) -> "Rows":
        return Rows(self.dense[places], sparse.csr_matrix(self.terms[places]))

    def scores(self, weights: NDArray[Any], bias: NDArray[Any]) -> Floats:
        """Shape ``(rows, labels)`` for ``weights (columns, labels)``."""
        width, weights = self.dense.shape[1], weights.astype(np.float32)
        return self.dense @ weights[:width] + self.terms @ weights[width:] + bias.astype(np.float32)


def fit(rows: Rows, targets: NDArray[np.int8], inverse_penalty: float) -> tuple[Vector, Vector]:
    """Weights ``(columns, labels)`` and biases ``(labels,)`` for ``targets (rows, labels)`` of 0 and 1, each label with both."""
    reader = _Reader(rows, targets, 1.0 / (inverse_penalty * len(targets)))
    solvers = [_Solver(rows.columns + 1) for _ in range(targets.shape[1])]
    while labels := [label for label, solver in enumerate(solvers) if not solver.done]:
        losses, gradients = reader.read(np.stack([solvers[label].trial for label in labels]), labels)
        for label, loss, gradient in zip(labels, losses.tolist(), gradients, strict=True):
            solvers[label].tell(loss, gradient)
    found = np.stack([solver.at for solver in solvers], axis=1)
    return found[:-1], found[-1]


class _Reader:
    """The loss of labels over all rows. The last part of a point is the bias, which has no penalty."""

    def __init__(self, rows: Rows, targets: NDArray[np.int8], penalty: float) -> None:
        self._rows = rows
        self._columns = sparse.csr_matrix(rows.terms.T)
        self._signs = (2 * targets - 1).astype(np.float32)
        self._penalty = penalty

    def read(self, points: Vector, labels: list[int]) -> tuple[Vector, Vector]:
        """Losses ``(labels,)`` and gradients ``(labels, columns + 1)`` at ``points`` of that shape."""
        weights = np.ascontiguousarray(points.T, dtype=np.float32)
        dense, terms, width = self._rows.dense, self._rows.terms, self._rows.dense.shape[1]
        margins: Floats = terms @ weights[width:-1] + weights[-1]
        slopes = -self._signs[:, labels]
        in_dense = np.zeros((width, len(labels)), np.float32)
        for start in range(0, len(slopes), BLOCK):
            block = slice(start, start + BLOCK)
            margins[block] += dense[block] @ weights[:width]
            margins[block] *= -slopes[block]
            slopes[block] *= expit(-margins[block])
            in_dense += dense[block].T @ slopes[block]
        losses = np.logaddexp(np.float32(0), -margins).mean(axis=0, dtype=np.float64)
        read = np.concatenate([in_dense, self._columns @ slopes, slopes.sum(axis=0, keepdims=True)])
        gradients = read.T.astype(np.float64) / len(slopes)
        gradients[:, :-1] += self._penalty * points[:, :-1]
        return losses + 0.5 * self._penalty * (points[:, :-1] ** 2).sum(axis=1), gradients


class _Solver:
    """L-BFGS in its compact form (Byrd, Nocedal and Schnabel, 1994), for a convex loss. ``trial`` is where loss and gradient
    are wanted next, ``at`` the best point so far."""

    def __init__(self, size: int) -> None:
        self.trial = self.at = np.zeros(size)
        self.done = False
        self._loss = np.inf
        self._gradient = self._direction = np.zeros(size)
        self._length, self._halved, self._steps, self._pairs = 1.0, 0, -1, 0
        self._moves, self._turns = np.zeros((PAIRS, size), np.float32), np.zeros((PAIRS, size), np.float32)
        self._moves_turns, self._turns_turns = np.zeros((PAIRS, PAIRS)), np.zeros((PAIRS, PAIRS))

    def tell(self, loss: float, gradient: Vector) -> None:
        """``loss`` and ``gradient`` at ``trial``."""
        begun = self._steps >= 0
        descent = self._length * float(self._gradient @ self._direction)
        if begun and loss > self._loss + ENOUGH * descent:
            self._halved += 1
            self._length /= 2
            self.trial = self.at + self._length * self._direction
            self.done = self._halved > HALVINGS
            return
        if begun:
            self._remember(self.trial - self.at, gradient - self._gradient)
        self._steps += 1
        self.at, self._loss, self._gradient = self.trial, loss, gradient
        self.done = bool(np.abs(gradient).max() <= GRADIENT) or self._steps >= STEPS
        if not self.done:
            self._direction = self._downhill()
            self._halved, self._length = 0, 1.0 if self._pairs else 1.0 / float(np.linalg.norm(gradient))
            self.trial = self.at + self._length * self._direction

    def _remember(self, move: Vector, turn: Vector) -> None:
        if float(move @ turn) <= FLAT * float(turn @ turn):
            return
        slot = self._pairs % PAIRS
        self._pairs += 1
        self._moves[slot], self._turns[slot] = move, turn
        self._moves_turns[:, slot] = self._moves @ self._turns[slot]
        self._moves_turns[slot] = self._turns @ self._moves[slot]
        self._turns_turns[slot] = self._turns_turns[:, slot] = self._turns @ self._turns[slot]

    def _downhill(self) -> Vector:
        """Minus the gradient, through the inverse of the curvature that was met."""
        if not self._pairs:
            return -self._gradient
        order = np.arange(max(0, self._pairs - PAIRS), self._pairs) % PAIRS
        met, bent = self._moves_turns[np.ix_(order, order)], self._turns_turns[np.ix_(order, order)]
        scale = met[-1, -1] / bent[-1, -1]
        gradient = self._gradient.astype(np.float32)
        along = (self._moves @ gradient)[order].astype(np.float64)
        across = (self._turns @ gradient)[order].astype(np.float64)
        upper = np.triu(met)
        inner = np.linalg.solve(upper, along)
        of_moves = np.linalg.solve(upper.T, (np.diag(np.diag(met)) + scale * bent) @ inner - scale * across)
        shares = np.zeros((2, PAIRS), np.float32)
        shares[0, order], shares[1, order] = of_moves, -scale * inner
        return -(scale * self._gradient + shares[0] @ self._moves + shares[1] @ self._turns)
