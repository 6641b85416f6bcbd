"""Calibrated linear heads over the shared features: trained with scikit-learn, served with a few numpy products."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from predictors.base import Label
from predictors.bundle import Bundle, BundleRefused
from predictors.features import Features, width
from predictors.rules import clause_at
from predictors.terms import Vocabulary, pull, shared_vocabulary
from predictors.text import plain, word_starts

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LinearHead:
    """One logistic score a label, then Platt's two numbers a label.

    ``dense``: ``(width, labels)``; ``sparse``: ``(terms, labels)``; ``bias, slope, shift, threshold``: ``(labels,)``.
    """

    labels: tuple[str, ...]
    vocabulary: Vocabulary
    dense: Matrix
    sparse: Matrix
    bias: Matrix
    slope: Matrix
    shift: Matrix
    threshold: Matrix

    @classmethod
    def of(cls, bundle: Bundle) -> "LinearHead":
        labels = bundle.manifest.labels
        known = bundle.arrays["hashes"].size if "hashes" in bundle.arrays else 0
        terms = {"hashes": ((known,), np.uint32), "rarity": ((known,), np.float32), "phrase": ((known,), np.bool_)}
        shapes = {"dense": (width(), len(labels)), "sparse": (known, len(labels))}
        shapes |= dict.fromkeys(("bias", "slope", "shift", "threshold"), (len(labels),))
        wanted = {**terms, **{name: (shape, np.float32) for name, shape in shapes.items()}}
        for name, (shape, kind) in wanted.items():
            found = bundle.arrays.get(name)
            if found is None or found.shape != shape or found.dtype != kind:
                raise BundleRefused(
                    f"{bundle.manifest.predictor}: array {name!r} must have the shape {shape} and be {kind.__name__}"
                )
            if not np.isfinite(found).all():
                raise BundleRefused(f"{bundle.manifest.predictor}: array {name!r} holds values that are no numbers")
        if tuple(bundle.arrays.get("labels", ())) != labels:
            raise BundleRefused(f"{bundle.manifest.predictor}: the manifest's labels are not those of the arrays")
        hashes, rarity, phrase = (bundle.arrays[name].tobytes() for name in terms)
        weights = {name: np.ascontiguousarray(bundle.arrays[name]) for name in shapes}
        return cls(labels, shared_vocabulary(hashes, rarity, phrase), **weights)

    def probabilities(self, row: Features) -> NDArray[np.float32]:
        """Shape ``(labels,)``."""
        placed = self.vocabulary.place(row.terms)
        score = row.dense @ self.dense + placed.weights @ self.sparse[placed.columns] + self.bias
        return (1.0 / (1.0 + np.exp(-(self.slope * score + self.shift)))).astype(np.float32)

    def above_threshold(
        self, row: Features, text: str, others: Mapping[str, float] | None = None
    ) -> tuple[tuple[Label, ...], dict[str, float]]:
        """The labels above their thresholds with the customer's words for each, and the whole vector.

        ``others``: the thresholds of some labels in place of the trained ones.
        """
        probabilities = dict(zip(self.labels, self.probabilities(row).tolist(), strict=True))
        thresholds = dict(zip(self.labels, self.threshold.tolist(), strict=True)) | dict(others or {})
        found = [name for name, probability in probabilities.items() if probability >= thresholds[name]]
        found.sort(key=lambda name: -probabilities[name])
        places = {name: place for place, name in enumerate(self.labels)}
        return tuple(Label(name, probabilities[name], self._evidence(places[name], row, text)) for name in found), (
            probabilities
        )

    def _evidence(self, label: int, row: Features, text: str) -> tuple[str, ...]:
        """The clause around the word that carried the label most."""
        if not row.terms.said:
            return ()
        placed = self.vocabulary.place(row.terms)
        carried = pull(row.terms, placed, placed.weights * self.sparse[placed.columns, label])
        said = plain(text)
        return (clause_at(text, said, word_starts(said)[int(np.argmax(carried))]),)
