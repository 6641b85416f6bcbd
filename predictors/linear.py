"""Calibrated linear heads over the shared features: trained with scikit-learn, served with a few numpy products."""

from collections.abc import Mapping
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

    def above_threshold(
        self, row: Features, text: str, lowered: Mapping[str, float] | None = None
    ) -> tuple[tuple[Label, ...], dict[str, float]]:
        """The labels above their thresholds with the customer's words for each, and the whole vector.

        ``lowered``: other thresholds for some labels, where something else speaks for them, too.
        """
        probabilities = dict(zip(self.labels, self.probabilities(row).tolist(), strict=True))
        thresholds = dict(zip(self.labels, self.threshold.tolist(), strict=True)) | dict(lowered or {})
        found = [name for name, probability in probabilities.items() if probability >= thresholds[name]]
        found.sort(key=lambda name: -probabilities[name])
        places = {name: place for place, name in enumerate(self.labels)}
        return tuple(Label(name, probabilities[name], self._evidence(places[name], row, text)) for name in found), (
            probabilities
        )

    def _evidence(self, label: int, row: Features, text: str) -> tuple[str, ...]:
        """The clause around the word that carried the label most."""
        words = row.sparse
        if not words.said:
            return ()
        pull = (words.weights * self.sparse[words.columns, label])[words.grams]
        best = words.said[int(np.argmax(np.add.reduceat(pull, words.starts[:-1])))]
        said = plain(text)
        return (clause_at(text, said, max(0, said.find(best))),)
