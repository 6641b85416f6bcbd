"""The candidates: which columns of the product's matrix each reads, and their scores on rows that they have not seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.models.engineered import Trees, grow, looks_of
from benchmarks.models.protocol import Board, Bools, Floats
from predictors import features
from predictors.rules import find
from predictors.text import WIDTH
from predictors.train import RULE_SCALE, Kind, Matrix, Utterance, logistic

RULES, TREES, DEFAULT = "rules", "LightGBM", "default"
LINEAR: dict[str, tuple[str, ...]] = {
    "TF-IDF": ("terms",),
    "embedding": ("embedding",),
    "default without context": ("embedding", "rules", "terms"),
    DEFAULT: ("embedding", "rules", "context", "terms"),
}
"""Of each linear candidate the parts that it reads, in the matrix's order."""
NAMES = (RULES, "TF-IDF", TREES, "embedding", "default without context", DEFAULT)


def columns(parts: Sequence[str], width: int) -> NDArray[np.int64]:
    """The places of ``parts`` in a matrix of ``width`` columns."""
    dense = features.width()
    places = {
        "embedding": np.arange(WIDTH),
        "rules": np.arange(WIDTH, dense - WIDTH),
        "context": np.arange(dense - WIDTH, dense),
        "terms": np.arange(dense, width),
    }
    return np.concatenate([places[part] for part in parts])


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """A linear head as the product holds it. ``values``: ``(columns of the whole matrix, labels)``, 0 where it does not
    read; scaled for unscaled features. ``bias``: ``(labels,)``."""

    values: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """``scores``: ``(judged rows, labels)``, 0 where nothing could be learnt; ``model``: what gave them."""

    scores: Floats
    model: Weights | Trees


def rule_scores(kind: Kind, board: Board, rows: Sequence[Utterance]) -> Floats:
    """The rules' own probabilities, 0 without a hit; ``(rows, labels)``."""
    found = np.zeros(board.target.shape)
    places = {label: place for place, label in enumerate(board.labels)}
    for i, row in enumerate(rows):
        for label in find(row.language or "en", groups(kind, row.vertical), row.text):
            if label.name in places:
                found[i, places[label.name]] = label.probability
    return found


def groups(kind: Kind, vertical: str) -> tuple[str, ...]:
    """The lexicon's groups that are asked about a message."""
    return ("objections",) if kind == "objection" else (f"needs.{vertical}", "needs.shared")


def linear(matrix: Matrix, parts: Sequence[str], board: Board, train: Bools, judged: Bools) -> Scored:
    """One logistic regression a label on ``parts``, as the product's training fits it."""
    values: Any = matrix.values
    use = columns(parts, values.shape[1])
    seen, unseen = values[train][:, use], values[judged][:, use]
    if use[-1] < features.width():
        seen, unseen = seen.toarray(), unseen.toarray()
    scores = np.zeros((int(judged.sum()), len(board.labels)))
    weights = np.zeros((values.shape[1], len(board.labels)), dtype=np.float32)
    bias = np.zeros(len(board.labels), dtype=np.float32)
    for label in range(len(board.labels)):
        asked = board.applies[train, label]
        target = board.target[train, label][asked]
        if len(np.unique(target)) < 2:
            continue
        model = logistic().fit(seen[asked], target)
        scores[:, label] = model.decision_function(unseen)
        weights[use, label] = model.coef_[0] * matrix.scale[use]
        bias[label] = model.intercept_[0]
    return Scored(scores, Weights(weights, bias))


def trees(matrix: Matrix, board: Board, train: Bools, judged: Bools, seed: int) -> Scored:
    """One booster a label on engineered features."""
    values: Any = matrix.values
    grams = values[:, columns(("terms",), values.shape[1])]
    rules = values[:, columns(("rules",), values.shape[1])].toarray() / np.float32(RULE_SCALE)
    looks = looks_of([row.text for row in matrix.rows])
    model = grow(board, train, grams, rules, looks, seed)
    return Scored(model.scores(model.features.table(grams[judged], rules[judged], looks[judged])), model)


def fit(name: str, matrix: Matrix, board: Board, train: Bools, judged: Bools, seed: int) -> Scored:
    """Scores of the rows of ``judged`` by a candidate that has learnt the rows of ``train``."""
    if name == TREES:
        return trees(matrix, board, train, judged, seed)
    return linear(matrix, LINEAR[name], board, train, judged)
