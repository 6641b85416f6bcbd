"""What the customer wants, out of the list that the playbook has.

Labels that the bundle was trained on are scored by its head. A need that only the playbook knows (a new business) is
scored by the likeness of the message to the playbook's own example utterances, so that it works from the first day.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from predictors.base import Dialogue, Label, Prediction
from predictors.bundle import Bundle
from predictors.linear import LinearHead
from predictors.rules import clause_at
from predictors.text import WIDTH, Encoder, plain

LIKENESS_MIDDLE = 0.55
"""Cosine at which a message is as likely as not to mean the same as an example; measured on the two trained verticals."""
LIKENESS_SLOPE = 14.0
NEW_NEED_THRESHOLD = 0.5
SHARED_NEEDS = frozenset({"pricing_info", "process_info", "results_proof"})


@dataclass(frozen=True, slots=True)
class PlaybookNeeds:
    vertical: str
    examples: Mapping[str, Sequence[str]]


class NeedsModel:
    """``playbooks``: of each playbook its vertical, its needs and their example utterances (both languages together)."""

    name = "needs"
    blocking = False

    def __init__(self, bundle: Bundle, encoder: Encoder, playbooks: Mapping[str, PlaybookNeeds]) -> None:
        self.version = bundle.manifest.version
        self._head = LinearHead.of(bundle)
        trained = frozenset(bundle.manifest.columns)
        self._served: dict[str, frozenset[str]] = {}
        self._new: dict[str, list[tuple[str, NDArray[np.float32]]]] = {}
        for name, playbook in playbooks.items():
            served = {
                need for need in playbook.examples if need in SHARED_NEEDS or f"{playbook.vertical}.{need}" in trained
            }
            self._served[name] = frozenset(served & set(self._head.labels))
            self._new[name] = [
                (need, np.stack([encoder.embed(line) for line in lines]))
                for need, lines in playbook.examples.items()
                if need not in self._served[name]
            ]

    def predict(self, dialogue: Dialogue) -> Prediction:
        started = time.perf_counter()
        assert dialogue.features is not None, "the needs model reads encoded messages"
        served = self._served.get(dialogue.playbook, frozenset())
        found, probabilities = self._head.above_threshold(dialogue.features, dialogue.text)
        labels = [label for label in found if label.name in served]
        probabilities = {name: value for name, value in probabilities.items() if name in served}
        message = dialogue.features.dense[:WIDTH]
        for need, examples in self._new.get(dialogue.playbook, ()):
            likeness = float(np.max(examples @ message))
            probability = 1.0 / (1.0 + float(np.exp(-LIKENESS_SLOPE * (likeness - LIKENESS_MIDDLE))))
            probabilities[need] = probability
            if probability >= NEW_NEED_THRESHOLD:
                labels.append(Label(need, probability, (clause_at(dialogue.text, plain(dialogue.text), 0),)))
        labels.sort(key=lambda label: -label.probability)
        elapsed = (time.perf_counter() - started) * 1000
        return Prediction(tuple(labels), "model", self.version, elapsed, probabilities=probabilities)
