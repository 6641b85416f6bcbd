"""What the customer does with a message (asks, agrees, buys, opts out, ...), and which prepared answer fits a question.

Rules and model are joined: for acts that must not be missed (an opt-out, a medical risk) either of them is enough.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from predictors.base import Label, Language
from predictors.bundle import Bundle
from predictors.features import Features
from predictors.linear import LinearHead
from predictors.rules import find
from predictors.text import WIDTH, Encoder, words

NEVER_MISS = frozenset({"opt_out", "underage", "injection"})
"""For these a rule is enough, unless the model is all but sure of the contrary."""
NOT_EXCLUDED = 0.12
ANSWER_LIKENESS = 0.45
"""Cosine below which no prepared answer is taken for the one that was asked for."""


@dataclass(frozen=True, slots=True)
class Question:
    """One way of asking for the prepared answer ``answer_id``."""

    answer_id: str
    text: str


class ActReader(Protocol):
    @property
    def version(self) -> str: ...

    def acts(self, text: str, language: Language, row: Features | None) -> tuple[Label, ...]: ...


class ActRules:
    version = "rules-1"

    def acts(self, text: str, language: Language, row: Features | None) -> tuple[Label, ...]:
        return find(language, ("acts",), text)


class ActModel:
    """The head decides; the rules are among its features, and have the last word on what must not be missed."""

    def __init__(self, bundle: Bundle) -> None:
        self.version = bundle.manifest.version
        self._head = LinearHead.of(bundle)
        self._rules = ActRules()

    def acts(self, text: str, language: Language, row: Features | None) -> tuple[Label, ...]:
        by_rule = self._rules.acts(text, language, row)
        if row is None:
            return by_rule
        labels, probabilities = self._head.above_threshold(row, text)
        known = {label.name for label in labels}
        missed = (
            rule
            for rule in by_rule
            if rule.name in NEVER_MISS - known and probabilities.get(rule.name, 1.0) >= NOT_EXCLUDED
        )
        return (*labels, *missed)


class AnswerFinder:
    """Finds the prepared answer to a question: by sentence likeness, or by shared words where no encoder is there."""

    def __init__(self, questions: Mapping[str, Sequence[Question]], encoder: Encoder | None) -> None:
        self._questions = questions
        self._vectors: dict[str, NDArray[np.float32]] = {}
        if encoder is not None:
            self._vectors = {
                playbook: np.stack([encoder.embed(question.text) for question in asked])
                for playbook, asked in questions.items()
                if asked
            }
        self._words = {playbook: [frozenset(words(q.text)) for q in asked] for playbook, asked in questions.items()}

    def find(self, playbook: str, text: str, row: Features | None) -> tuple[str | None, float]:
        """The id of the best answer and its likeness in [0, 1]; ``None`` when none is like enough."""
        questions = self._questions.get(playbook, ())
        if not questions:
            return None, 0.0
        if row is not None and playbook in self._vectors:
            likeness = self._vectors[playbook] @ row.dense[:WIDTH]
        else:
            said = frozenset(words(text))
            likeness = np.array(
                [len(said & asked) / len(said | asked) if said else 0.0 for asked in self._words[playbook]]
            )
        best = int(np.argmax(likeness))
        found = float(likeness[best])
        return (questions[best].answer_id if found >= ANSWER_LIKENESS else None), found
