"""Boosted trees on engineered features: rules, the look of the text, latent topics, likeness to each label. No encoder."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.decomposition import TruncatedSVD

from benchmarks.models.protocol import Board, Bools
from predictors.text import words

TOPICS = 64
ROUNDS = 120
SETTINGS: dict[str, Any] = {
    "objective": "binary",
    "learning_rate": 0.08,
    "num_leaves": 15,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.5,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}

Table = NDArray[np.float32]


def look(text: str) -> list[float]:
    """Length, punctuation, digits, capitals: what the words leave out."""
    said = words(text)
    letters = sum(map(str.isalpha, text))
    return [
        float(len(text)),
        float(len(said)),
        letters / max(1, len(said)),
        float(text.count("?")),
        float(text.count("¿")),
        float(text.count("!")),
        float(text.count(",")),
        float(text.count(".")),
        float("..." in text or "…" in text),
        float(sum(map(str.isdigit, text))),
        float(any(sign in text for sign in "$€£%")),
        sum(map(str.isupper, text)) / max(1, letters),
    ]


@dataclass(frozen=True, slots=True, eq=False)
class Engineered:
    """Learnt on the training rows. ``topics``: ``(terms, TOPICS)``; ``centroids``: ``(terms, labels)``, of length one."""

    topics: Table
    centroids: Table

    def table(self, grams: sparse.csr_matrix, rules: Table, looks: Table, likeness: Table | None = None) -> Table:
        """One row a text: rules, look, topics, cosine to each label's centroid."""
        alike = cosine(grams, self.centroids) if likeness is None else likeness
        return np.hstack([rules, looks, np.asarray(grams @ self.topics), alike]).astype(np.float32)


def learn(grams: sparse.csr_matrix, target: Bools, authors: NDArray[np.str_], seed: int) -> tuple[Engineered, Table]:
    """The features, and the training rows' own likeness to the labels, each from the other authors' rows alone: trees that
    see a row's likeness to a centroid which holds the row itself trust it too much."""
    svd: Any = TruncatedSVD(TOPICS, random_state=seed).fit(grams)
    whole = _sums(grams, target)
    likeness = np.zeros(target.shape, dtype=np.float32)
    for author in np.unique(authors):
        own = authors == author
        likeness[own] = cosine(grams[own], _long_as_one(whole - _sums(grams[own], target[own])))
    return Engineered(svd.components_.T.astype(np.float32), _long_as_one(whole)), likeness


def _sums(grams: Any, target: Bools) -> Table:
    return np.asarray(grams.T @ target.astype(np.float32), dtype=np.float32)


def _long_as_one(columns: Table) -> Table:
    return columns / np.maximum(1e-9, np.linalg.norm(columns, axis=0))


def cosine(grams: Any, centroids: Table) -> Table:
    """Shape ``(rows, labels)``; 0 for a text without known terms."""
    lengths = np.sqrt(np.asarray(grams.multiply(grams).sum(axis=1))).reshape(-1, 1)
    return (np.asarray(grams @ centroids) / np.maximum(1e-9, lengths)).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """One booster a label."""

    features: Engineered
    boosters: tuple[Any, ...]

    def scores(self, table: Table) -> NDArray[np.float64]:
        """Log odds, ``(rows, labels)``."""
        return np.stack([one.predict(table, raw_score=True) for one in self.boosters], axis=1)


def grow(board: Board, train: Bools, grams: sparse.csr_matrix, rules: Table, looks: Table, seed: int) -> Trees:
    """``grams``, ``rules``, ``looks``: of all rows; only those of ``train`` are read."""
    grams, target, applies = sparse.csr_matrix(grams[train]), board.target[train], board.applies[train]
    features, likeness = learn(grams, target, board.authors[train], seed)
    table = features.table(grams, rules[train], looks[train], likeness)
    boosters: list[Any] = []
    for label in range(len(board.labels)):
        asked = applies[:, label]
        data = lightgbm.Dataset(table[asked], target[asked, label].astype(np.float32))
        boosters.append(lightgbm.train({**SETTINGS, "seed": seed}, data, num_boost_round=ROUNDS))
    return Trees(features, tuple(boosters))


def looks_of(texts: Sequence[str]) -> Table:
    return np.array([look(text) for text in texts], dtype=np.float32)
