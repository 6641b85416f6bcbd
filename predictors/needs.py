"""What the customer wants, out of the list that the playbook has.

Labels that the bundle was trained on are scored by its head. A need that only the playbook knows (a new business) is
scored by the likeness of the message to the playbook's own example utterances, so that it works from the first day. Where
the head has learnt a need from those examples alone, either of the two is enough.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from predictors.base import Dialogue, Label, Prediction
from predictors.bundle import Bundle, BundleRefused
from predictors.likeness import Likeness
from predictors.linear import LinearHead
from predictors.text import WIDTH, Encoder

NEW_NEED_THRESHOLD = 0.37
"""Probability by likeness that is enough: on the two trained verticals, as if new, one in two needs said so was right."""
SHARED_NEEDS = frozenset({"pricing_info", "process_info", "results_proof"})


@dataclass(frozen=True, slots=True)
class PlaybookNeeds:
    """``examples``: of each need its lines in both languages; ``others``: lines that mean something else."""

    vertical: str
    examples: Mapping[str, Sequence[str]]
    others: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Served:
    """The needs of one playbook that the head knows, and those that are told by likeness."""

    by_head: frozenset[str]
    by_likeness: frozenset[str]
    likeness: Likeness | None


class NeedsModel:
    """``playbooks``: by name. ``metrics["examples_only"]`` of the manifest names the needs of which the head has seen one
    source alone."""

    name = "needs"
    blocking = False

    def __init__(self, bundle: Bundle, encoder: Encoder, playbooks: Mapping[str, PlaybookNeeds]) -> None:
        self.version = bundle.manifest.version
        self._head = LinearHead.of(bundle)
        trained = frozenset(bundle.manifest.columns)
        examples_only = bundle.manifest.metrics.get("examples_only", [])
        if not isinstance(examples_only, list):
            raise BundleRefused("needs: metrics.examples_only must be a list")
        scarce = frozenset(map(str, cast(list[object], examples_only)))
        self._served = {name: self._of(book, trained, scarce, encoder) for name, book in playbooks.items()}

    def _of(
        self, playbook: PlaybookNeeds, trained: frozenset[str], scarce: frozenset[str], encoder: Encoder
    ) -> _Served:
        own = {need: f"{playbook.vertical}.{need}" for need in playbook.examples}
        by_head = {need for need, column in own.items() if need in SHARED_NEEDS or column in trained}
        by_head &= set(self._head.labels)
        shared = {own[need] for need in SHARED_NEEDS & own.keys()}
        by_likeness = {need for need, column in own.items() if need not in by_head or column in scarce - shared}
        likeness = Likeness(playbook.examples, playbook.others, encoder) if by_likeness else None
        return _Served(frozenset(by_head), frozenset(by_likeness), likeness)

    def predict(self, dialogue: Dialogue) -> Prediction:
        started = time.perf_counter()
        assert dialogue.features is not None, "the needs model reads encoded messages"
        served = self._served.get(dialogue.playbook)
        known = served.by_head if served else frozenset[str]()
        found, probabilities = self._head.above_threshold(dialogue.features, dialogue.text)
        labels = {label.name: label for label in found if label.name in known}
        probabilities = {name: value for name, value in probabilities.items() if name in known}
        if served is not None and served.likeness is not None:
            for need, alike in served.likeness.find(dialogue.text, dialogue.features.dense[:WIDTH]).items():
                if need in served.by_likeness:
                    probabilities[need] = max(probabilities.get(need, 0.0), alike.probability)
                    if alike.probability >= NEW_NEED_THRESHOLD and need not in labels:
                        labels[need] = Label(need, probabilities[need], (alike.evidence,))
        ordered = tuple(sorted(labels.values(), key=lambda label: -label.probability))
        elapsed = (time.perf_counter() - started) * 1000
        return Prediction(ordered, "model", self.version, elapsed, probabilities=probabilities)
