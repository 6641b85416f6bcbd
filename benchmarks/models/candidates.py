"""The candidates: which columns of the product's matrix each reads, and their scores on rows that they have not seen."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.models.engineered import Trees, grow, looks_of
from benchmarks.models.protocol import Board, Bools, Floats
from predictors import features, fitting
from predictors.rules import find
from predictors.text import WIDTH
from predictors.train import RULE_SCALE, Matrix
from predictors.unseen import INVERSE_PENALTY, Kind, Utterance

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
    rows = fitting.Rows.of(sparse.csr_matrix(values[:, use]), int((use < features.width()).sum()))
    seen, unseen = np.flatnonzero(train), rows.at(np.flatnonzero(judged))
    scores = np.zeros((int(judged.sum()), len(board.labels)))
    weights = np.zeros((values.shape[1], len(board.labels)), dtype=np.float32)
    bias = np.zeros(len(board.labels), dtype=np.float32)
    for asked, labels in _by_rows(board.applies[seen], board.target[seen]):
        learnt = seen[asked]
        found, shift = fitting.fit(
            rows.at(learnt), board.target[np.ix_(learnt, labels)].astype(np.int8), INVERSE_PENALTY
        )
        scores[:, labels] = unseen.scores(found, shift)
        weights[np.ix_(use, labels)] = found * matrix.scale[use][:, None]
        bias[labels] = shift
    return Scored(scores, Weights(weights, bias))


def _by_rows(applies: Bools, target: Bools) -> Iterator[tuple[Bools, list[int]]]:
    """Labels that are asked of the same rows, and those rows. A label of which only one outcome occurs can't be learnt."""
    alike: dict[bytes, list[int]] = defaultdict(list)
    for label in range(applies.shape[1]):
        asked = applies[:, label]
        if len(np.unique(target[asked, label])) == 2:
            alike[asked.tobytes()].append(label)
    for labels in alike.values():
        yield applies[:, labels[0]], labels


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
