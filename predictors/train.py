"""Training of the heads: labelled utterances in, bundles out. The same data give the same bytes.

What is measured, calibrated and chosen here comes from authors whom the fit has not seen.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy import sparse

from predictors import bundle, features
from predictors.language import language_of
from predictors.metrics import expected_calibration_error
from predictors.terms import Terms, Vocabulary
from predictors.text import WIDTH, load_encoder
from predictors.unseen import Fitted, Kind, Utterance, fit_labels, tasks

PHRASE_SCALE, CHARACTER_SCALE, RULE_SCALE, CONTEXT_SCALE = 2.0, 1.0, 0.6, 0.7
"""How much of the penalty a kind of feature escapes; chosen on unseen authors."""
PART = 250


@dataclass(frozen=True, slots=True)
class Matrix:
    """All rows under the one feature function. ``values``: ``(rows, dense width + terms)``, scaled for the penalty."""

    rows: Sequence[Utterance]
    values: sparse.csr_matrix
    vocabulary: Vocabulary
    groups: NDArray[np.str_]
    sha256: str

    @property
    def scale(self) -> NDArray[np.float32]:
        return _scale(self.vocabulary)


def encode(rows: Sequence[Utterance], advance: Callable[[], None]) -> Matrix:
    """Computes every row's features in two processes; ``advance`` is called once a row, for a progress bar."""
    parts = [rows[start : start + PART] for start in range(0, len(rows), PART)]
    jobs: Any = Parallel(n_jobs=2, return_as="generator")(delayed(_read)(part) for part in parts)
    found: list[features.Features] = []
    for part in jobs:
        for one in part:
            found.append(one)
            advance()
    said = [one.terms for one in found]
    vocabulary = Vocabulary.of(said)
    dense = sparse.csr_matrix(np.stack([one.dense for one in found]))
    values = sparse.csr_matrix(sparse.hstack([dense, tf_idf(vocabulary, said)]))
    values = sparse.csr_matrix(values.multiply(_scale(vocabulary)), dtype=np.float32)
    content = orjson.dumps(
        [
            [row.source, row.language, row.text, row.context, row.vertical, row.objections, row.needs, row.acts]
            for row in rows
        ]
    )
    groups = np.array([row.source for row in rows])
    return Matrix(rows, values, vocabulary, groups, hashlib.sha256(content).hexdigest())


def _read(rows: Sequence[Utterance]) -> list[features.Features]:
    encoder = load_encoder()
    return [
        features.features(row.text, row.language or language_of(row.text, None, "en"), encoder, row.context)
        for row in rows
    ]


def tf_idf(vocabulary: Vocabulary, said: Sequence[Terms]) -> sparse.csr_matrix:
    """Shape ``(texts, terms)``."""
    placed = [vocabulary.place(one) for one in said]
    ends = np.cumsum([0, *(len(one.columns) for one in placed)])
    columns = np.concatenate([one.columns for one in placed]) if placed else np.empty(0, np.int64)
    weights = np.concatenate([one.weights for one in placed]) if placed else np.empty(0, np.float32)
    return sparse.csr_matrix((weights, columns, ends), shape=(len(said), len(vocabulary)))


def _scale(vocabulary: Vocabulary) -> NDArray[np.float32]:
    dense = np.ones(features.width())
    dense[WIDTH:-WIDTH] = RULE_SCALE
    dense[-WIDTH:] = CONTEXT_SCALE
    return np.concatenate([dense, np.where(vocabulary.phrase, PHRASE_SCALE, CHARACTER_SCALE)]).astype(np.float32)


def train_head(
    kind: Kind, matrix: Matrix, folder: Path, started: Callable[[int], None], advance: Callable[[], None]
) -> bundle.Manifest:
    """Trains the head of ``kind`` and writes its bundle to ``folder/kind``. ``started`` is told how many fits there are,
    ``advance`` is called once for each."""
    fitted = fit_labels(matrix.values, matrix.groups, features.width(), tasks(kind, matrix.rows), started, advance)
    weights = np.stack([one.weights for one in fitted], axis=1) * matrix.scale[:, None]
    width, vocabulary = features.width(), matrix.vocabulary
    arrays: dict[str, NDArray[Any]] = {
        "dense": weights[:width].astype(np.float32),
        "sparse": weights[width:].astype(np.float32),
        "labels": np.array([one.label for one in fitted]),
        "hashes": vocabulary.hashes,
        "rarity": vocabulary.rarity,
        "phrase": vocabulary.phrase,
        "bias": np.array([one.bias for one in fitted], np.float32),
        "slope": np.array([one.slope for one in fitted], np.float32),
        "shift": np.array([one.shift for one in fitted], np.float32),
        "threshold": np.array([one.threshold for one in fitted], np.float32),
    }
    metrics: dict[str, Any] = {
        "authors_unseen": _metrics([one for one in fitted if len(set(matrix.groups[one.rows].tolist())) > 1]),
        "authors": len(set(matrix.groups.tolist())),
        "rows": len(matrix.rows),
    }
    sources = _sources_of_needs(matrix.rows) if kind == "needs" else {}
    if scarce := sorted(need for need, told_by in sources.items() if len(told_by) == 1):
        metrics["examples_only"] = scarce
    manifest = bundle.Manifest(
        predictor=kind,
        labels=tuple(one.label for one in fitted),
        features=features.FORM,
        data_sha256=matrix.sha256,
        libraries=bundle.versions("numpy", "scikit-learn", "onnxruntime"),
        metrics=metrics,
        columns=tuple(sorted(sources)),
    )
    return bundle.save(folder / kind, manifest, arrays)


def _sources_of_needs(rows: Sequence[Utterance]) -> dict[str, set[str]]:
    """Who told of each need of each vertical. What one source alone told can't be judged on words of somebody else."""
    found: dict[str, set[str]] = {}
    for row in rows:
        for need in row.needs:
            found.setdefault(f"{row.vertical}.{need}", set()).add(row.source)
    return found


def _metrics(fitted: Sequence[Fitted]) -> dict[str, Any]:
    """Of labels that were judged on authors not seen."""
    if not fitted:
        return {"macro_f1": 0.0, "micro_f1": 0.0, "ece": 0.0, "per_label": {}}
    hits = sum(int((one.chosen & (one.target == 1)).sum()) for one in fitted)
    said, meant = (
        sum(int(np.sum(x)) for x in column) for column in zip(*((f.chosen, f.target) for f in fitted), strict=True)
    )
    target = np.concatenate([one.target for one in fitted])
    probabilities = np.concatenate([one.probabilities for one in fitted])
    return {
        "macro_f1": round(float(np.mean([one.f1 for one in fitted])), 4),
        "micro_f1": round(2 * hits / max(1, said + meant), 4),
        "ece": round(expected_calibration_error(target, probabilities), 4),
        "per_label": {one.label: {"f1": round(one.f1, 4), "n": int(one.target.sum())} for one in fitted},
    }
