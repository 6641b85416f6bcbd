"""Which of the ten objections the customer raises with this message."""

import time
from collections.abc import Collection
from dataclasses import replace

from predictors.base import Dialogue, Prediction
from predictors.bundle import Bundle, BundleRefused
from predictors.linear import LinearHead
from predictors.rules import find

WITH_A_RULE = 0.22
"""Probability that is enough where a rule of thumb finds the same objection; the two together count as at least even."""
EVEN = 0.5


class ObjectionModel:
    """A calibrated linear head over the shared features. Needs ``Dialogue.features``."""

    name = "objection"
    blocking = False

    def __init__(self, bundle: Bundle, known: Collection[str]) -> None:
        unknown = set(bundle.manifest.labels) - set(known)
        if unknown:
            raise BundleRefused(f"objection: labels {sorted(unknown)!r} are no objection types")
        self.version = bundle.manifest.version
        self._head = LinearHead.of(bundle)

    def predict(self, dialogue: Dialogue) -> Prediction:
        started = time.perf_counter()
        assert dialogue.features is not None, "the objection model reads encoded messages"
        by_rule = find(dialogue.language, ("objections",), dialogue.text)
        lowered = {label.name: WITH_A_RULE for label in by_rule}
        labels, probabilities = self._head.above_threshold(dialogue.features, dialogue.text, lowered)
        labels = tuple(
            replace(label, probability=max(label.probability, EVEN)) if label.name in lowered else label
            for label in labels
        )
        elapsed = (time.perf_counter() - started) * 1000
        return Prediction(labels, "model", self.version, elapsed, probabilities=probabilities)
