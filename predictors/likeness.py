"""What a message means by its likeness to example sentences: for labels of which nothing but examples is known.

A message is compared clause by clause, because people say more than one thing at a time, and a clause means only what it is
most like, or nearly: a sentence about the business is a little like every example of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from predictors.base import Vector
from predictors.rules import clauses
from predictors.text import Encoder, words

MIDDLE, SLOPE = 0.6, 8.3
"""Cosine at which a clause as likely as not means the label, and how sharply: fitted on the needs of the two trained
verticals, 1,800 rows, as if they were new."""
NEARLY = 0.02
MOST_CLAUSES = 5
FEWEST_WORDS = 3
LONGEST_EVIDENCE = 160


@dataclass(frozen=True, slots=True)
class Alike:
    """How probably a message means a label, and the clause that does."""

    probability: float
    evidence: str


class Likeness:
    """``examples``: of each label the sentences that mean it; ``others``: sentences that mean none of them."""

    def __init__(self, examples: Mapping[str, Sequence[str]], others: Sequence[str], encoder: Encoder) -> None:
        self._encoder = encoder
        self._labels = tuple(examples)
        lines = [*examples.values(), others]
        self._told = [place for place, said in enumerate(lines) if said]
        self._begins = np.cumsum([0, *(len(lines[place]) for place in self._told)])[:-1]
        self._vectors: NDArray[np.float32] = np.stack([encoder.embed(line) for said in lines for line in said])

    def find(self, text: str, message: Vector) -> dict[str, Alike]:
        """All labels. ``message`` is the whole text's embedding, shape ``(512,)``."""
        said = [clause for clause in clauses(text) if len(words(clause)) >= FEWEST_WORDS][:MOST_CLAUSES]
        parts = said if len(said) > 1 else []
        alike = np.stack([message, *(self._encoder.embed(part) for part in parts)]) @ self._vectors.T
        best = np.zeros((len(alike), len(self._labels) + 1))
        best[:, self._told] = np.maximum.reduceat(alike, self._begins, axis=1)
        meant = np.where(best >= best.max(axis=1, keepdims=True) - NEARLY, best, 0.0)
        found: dict[str, Alike] = {}
        for place, label in enumerate(self._labels):
            probability = 1.0 / (1.0 + float(np.exp(-SLOPE * (float(meant[:, place].max()) - MIDDLE))))
            clause = parts[int(np.argmax(best[1:, place]))] if parts else text.strip()
            found[label] = Alike(probability, clause[:LONGEST_EVIDENCE])
        return found
