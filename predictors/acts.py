"""What the customer does with a message (asks, agrees, buys, opts out, ...), and which prepared answer fits a question.

Rules and model are joined: where a rule of thumb finds an act the model needs to be less sure of it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from predictors.base import Label, Language
from predictors.bundle import Bundle, BundleRefused
from predictors.features import Features
from predictors.linear import LinearHead
from predictors.rules import find
from predictors.text import WIDTH, Encoder, words

WITH_A_RULE: Mapping[str, float] = {
    "underage": 0.12, "legal": 0.35, "wants_human": 0.35,
    "medical": 0.5, "ask_price": 0.05, "ask_discount": 0.05, "buy": 0.15, "book": 0.25, "ask_info": 0.2,
}  # fmt: skip
"""Probabilities that are enough where a rule of thumb finds the same act."""
WITHOUT_A_RULE: Mapping[str, float] = {
    "legal": 0.92,
    "wants_human": 0.85,
    "opt_out": 0.65,
    "ask_discount": 0.6,
    "medical": 0.6,
    "ask_price": 0.5,
    "decline": 0.34,
}
"""Acts that take a conversation or money away, or a question for a price: without a rule the model must be this sure."""
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
    """All acts of the lexicon but the opt-out: what it finds is a feature of the model only (``predictors.contact`` says
    more, in both languages, and does not take "don't call tomorrow" for one)."""

    version = "rules-1"

    def acts(self, text: str, language: Language, row: Features | None) -> tuple[Label, ...]:
        return tuple(label for label in find(language, ("acts",), text) if label.name != "opt_out")


class ActModel:
    """The head decides; the rules are among its features, and where one of them agrees less certainty is enough."""

    def __init__(self, bundle: Bundle, known: Collection[str]) -> None:
        unknown = set(bundle.manifest.labels) - set(known)
        if unknown:
            raise BundleRefused(f"acts: labels {sorted(unknown)!r} are no acts")
        self.version = bundle.manifest.version
        self._head = LinearHead.of(bundle)
        trained = dict(zip(self._head.labels, self._head.threshold.tolist(), strict=True))
        self._alone = {name: max(least, trained.get(name, least)) for name, least in WITHOUT_A_RULE.items()}
        self._rules = ActRules()

    def acts(self, text: str, language: Language, row: Features | None) -> tuple[Label, ...]:
        by_rule = {rule.name: rule for rule in self._rules.acts(text, language, row)}
        if row is None:
            return tuple(by_rule.values())
        agreed = {name: least for name, least in WITH_A_RULE.items() if name in by_rule}
        labels, _ = self._head.above_threshold(row, text, self._alone | agreed)
        untrained = (rule for name, rule in by_rule.items() if name not in self._head.labels)
        return (*labels, *untrained)


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
