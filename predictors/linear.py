"""Calibrated linear heads over the shared features: trained with scikit-learn, served with a few numpy products."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from predictors.base import Label
from predictors.bundle import Bundle, BundleRefused
from predictors.features import Features, width
from predictors.rules import clause_at
from predictors.text import BUCKETS, plain

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LinearHead:
    """One logistic score a label, then Platt's two numbers a label.

    ``dense``: ``(width, labels)``; ``sparse``: ``(BUCKETS, labels)``; ``bias, slope, shift, threshold``: ``(labels,)``.
    """

    labels: tuple[str, ...]
    dense: Matrix
    sparse: Matrix
    bias: Matrix
    slope: Matrix
    shift: Matrix
    threshold: Matrix

    @classmethod
    def of(cls, bundle: Bundle) -> "LinearHead":
        labels = bundle.manifest.labels
        shapes = {"dense": (width(), len(labels)), "sparse": (BUCKETS, len(labels))}
        shapes |= dict.fromkeys(("bias", "slope", "shift", "threshold"), (len(labels),))
        for name, shape in shapes.items():
            if name not in bundle.arrays or bundle.arrays[name].shape != shape:
                raise BundleRefused(f"{bundle.manifest.predictor}: array {name!r} must have the shape {shape}")
        return cls(labels, **{name: np.ascontiguousarray(bundle.arrays[name], np.float32) for name in shapes})

    def probabilities(self, row: Features) -> NDArray[np.float32]:
        """Shape ``(labels,)``."""
        score = row.dense @ self.dense + row.sparse.weights @ self.sparse[row.sparse.columns] + self.bias
        return (1.0 / (1.0 + np.exp(-(self.slope * score + self.shift)))).astype(np.float32)

    def above_threshold(self, row: Features, text: str) -> tuple[tuple[Label, ...], dict[str, float]]:
        """The labels above their thresholds with the customer's words for each, and the whole vector."""
        probabilities = self.probabilities(row)
        found = np.nonzero(probabilities >= self.threshold)[0]
        ordered: Sequence[int] = found[np.argsort(-probabilities[found])].tolist()
        labels = tuple(Label(self.labels[i], float(probabilities[i]), self._evidence(i, row, text)) for i in ordered)
        return labels, dict(zip(self.labels, probabilities.tolist(), strict=True))

    def _evidence(self, label: int, row: Features, text: str) -> tuple[str, ...]:
        """The clause around the word that carried the label most."""
        words = row.sparse
        if not words.said:
            return ()
        pull = (words.weights * self.sparse[words.columns, label])[words.grams]
        best = words.said[int(np.argmax(np.add.reduceat(pull, words.starts[:-1])))]
        said = plain(text)
        return (clause_at(text, said, max(0, said.find(best))),)
