"""Training: labelled utterances and simulated buyers in, bundles out. The same seed and data give the same bytes."""

import hashlib
import importlib.metadata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import orjson
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.model_selection import GroupKFold

from predictors import bundle, conversion, features
from predictors.base import Language
from predictors.text import BUCKETS, Encoder

SPARSE_SCALE = 0.7
RULE_SCALE = 0.6
INVERSE_PENALTY = 2.0
FOLDS = 5
THRESHOLDS = np.arange(0.34, 0.71, 0.02)
GRAVE = frozenset({"medical", "legal", "angry", "wants_human", "opt_out", "underage", "buy", "off_topic"})
GRAVE_THRESHOLDS = np.arange(0.5, 0.81, 0.02)
"""Acts that end a conversation, hand it over or close a sale: more likely than not, or they don't count."""
REPLICAS = 40

Kind = Literal["objection", "needs", "acts"]


class Utterance(Protocol):
    """What training reads of a labelled utterance (``training_data.corpora.Labelled`` has it)."""

    @property
    def vertical(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def language(self) -> Language | None: ...
    @property
    def objections(self) -> tuple[str, ...]: ...
    @property
    def needs(self) -> tuple[str, ...]: ...
    @property
    def acts(self) -> tuple[str, ...] | None: ...
    @property
    def source(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Matrix:
    """All rows under the one feature function. ``values``: ``(rows, dense width + BUCKETS)``, scaled for the penalty."""

    rows: Sequence[Utterance]
    values: sparse.csr_matrix
    groups: NDArray[np.str_]
    sha256: str


def encode(rows: Sequence[Utterance], encoder: Encoder, advance: Callable[[], None]) -> Matrix:
    """Computes every row's features; ``advance`` is called once a row, for a progress bar."""
    dense: list[NDArray[np.float32]] = []
    columns: list[NDArray[np.int64]] = []
    weights: list[NDArray[np.float32]] = []
    for row in rows:
        found = features.features(row.text, row.language or "en", encoder)
        dense.append(found.dense)
        columns.append(found.sparse.columns)
        weights.append(found.sparse.weights)
        advance()
    ends = np.cumsum([0, *(len(row) for row in columns)])
    grams = sparse.csr_matrix(
        (np.concatenate(weights), np.concatenate(columns), ends), shape=(len(rows), BUCKETS), dtype=np.float64
    )
    values = sparse.csr_matrix(sparse.hstack([np.stack(dense) * _dense_scale(), grams * SPARSE_SCALE]))
    groups = np.array([row.source for row in rows])
    content = orjson.dumps([[row.text, row.vertical, row.objections, row.needs, row.acts] for row in rows])
    return Matrix(rows, values, groups, hashlib.sha256(content).hexdigest())


def _dense_scale() -> NDArray[np.float64]:
    scale = np.ones(features.width())
    scale[-len(features.rule_names()) :] = RULE_SCALE
    return scale


@dataclass(frozen=True, slots=True)
class Task:
    """One label to learn: which rows speak about it, and which of them have it."""

    label: str
    rows: NDArray[np.int64]
    target: NDArray[np.int8]


def tasks(kind: Kind, rows: Sequence[Utterance]) -> list[Task]:
    """The labels that occur. A need is learnt from its own verticals' rows only; acts from rows where they are marked."""
    told = [_labels(kind, row) for row in rows]
    names = sorted({label for labels in told if labels is not None for label in labels})
    found: list[Task] = []
    for name in names:
        verticals = {row.vertical for row, labels in zip(rows, told, strict=True) if labels and name in labels}
        use = [
            i
            for i, (row, labels) in enumerate(zip(rows, told, strict=True))
            if labels is not None and (kind != "needs" or row.vertical in verticals)
        ]
        target = np.array([name in (told[i] or ()) for i in use], dtype=np.int8)
        if target.sum() >= FOLDS:
            found.append(Task(name, np.array(use), target))
    return found


def _labels(kind: Kind, row: Utterance) -> tuple[str, ...] | None:
    return {"objection": row.objections, "needs": row.needs, "acts": row.acts}[kind]


@dataclass(frozen=True, slots=True)
class Fitted:
    label: str
    weights: NDArray[np.float64]
    bias: float
    slope: float
    shift: float
    threshold: float
    f1: float
    support: int


def _logistic(penalty: float = INVERSE_PENALTY) -> LogisticRegression:
    return LogisticRegression(C=penalty, solver="lbfgs", max_iter=400, tol=1e-3)


def fit_label(matrix: Matrix, task: Task) -> Fitted:
    """Fits one label; calibration, threshold and F1 come from folds whose authors the fit has not seen."""
    values, target = matrix.values[task.rows], task.target
    groups = matrix.groups[task.rows]
    folds = min(FOLDS, len(set(groups.tolist())))
    scores = np.zeros(len(target))
    if folds > 1:
        for train, test in GroupKFold(folds).split(values, target, groups):
            if target[train].any():
                scores[test] = _logistic().fit(values[train], target[train]).decision_function(values[test])
    model = _logistic().fit(values, target)
    if folds == 1:
        scores = model.decision_function(values)
    platt = LogisticRegression(C=1e3).fit(scores.reshape(-1, 1), target)
    slope, shift = max(0.05, float(platt.coef_[0, 0])), float(platt.intercept_[0])
    probabilities = 1 / (1 + np.exp(-(slope * scores + shift)))
    thresholds = GRAVE_THRESHOLDS if task.label in GRAVE else THRESHOLDS
    f1s = [_f1(target, probabilities >= threshold) for threshold in thresholds]
    best = int(np.argmax(f1s))
    return Fitted(
        task.label, model.coef_[0], float(model.intercept_[0]), slope, shift,
        float(thresholds[best]), float(f1s[best]), int(target.sum()),
    )  # fmt: skip


def _f1(target: NDArray[Any], guess: NDArray[Any]) -> float:
    return float(f1_score(target, guess, zero_division=0))  # pyright: ignore[reportArgumentType]


def train_head(
    kind: Kind, matrix: Matrix, folder: Path, started: Callable[[int], None], advance: Callable[[], None]
) -> bundle.Manifest:
    """Trains the head of ``kind`` and writes its bundle to ``folder/kind``. Labels are fitted two at a time."""
    todo = tasks(kind, matrix.rows)
    started(len(todo))
    fitted: list[Fitted] = []
    jobs: Any = Parallel(n_jobs=2, return_as="generator")(delayed(fit_label)(matrix, t) for t in todo)
    for one in jobs:
        fitted.append(one)
        advance()
    weights = np.stack([one.weights for one in fitted], axis=1)
    width = features.width()
    arrays: dict[str, NDArray[Any]] = {
        "dense": (weights[:width] * _dense_scale()[:, None]).astype(np.float32),
        "sparse": (weights[width:] * SPARSE_SCALE).astype(np.float32),
        "bias": np.array([one.bias for one in fitted], np.float32),
        "slope": np.array([one.slope for one in fitted], np.float32),
        "shift": np.array([one.shift for one in fitted], np.float32),
        "threshold": np.array([one.threshold for one in fitted], np.float32),
    }
    metrics = {
        "authors_unseen": {
            "macro_f1": round(float(np.mean([one.f1 for one in fitted])), 4),
            "per_label": {one.label: {"f1": round(one.f1, 4), "n": one.support} for one in fitted},
        },
        "rows": len(matrix.rows),
    }
    verticals = {
        f"{row.vertical}.{need}" for row in matrix.rows for need in row.needs
    } if kind == "needs" else set[str]()  # fmt: skip
    manifest = bundle.Manifest(
        predictor=kind,
        labels=tuple(one.label for one in fitted),
        features=features.FORM,
        data_sha256=matrix.sha256,
        libraries=_libraries(),
        metrics=metrics,
        columns=tuple(sorted(verticals)),
    )
    return bundle.save(folder / kind, manifest, arrays)


def train_conversion(
    conversations: Sequence["Conversation"], folder: Path, seed: int, advance: Callable[[], None]
) -> bundle.Manifest:
    """Logistic regression on dialogue counts, every turn a row, weighted so that each conversation counts once."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(conversations))
    cut = int(0.8 * len(order))
    train, test = [conversations[i] for i in order[:cut]], [conversations[i] for i in order[cut:]]
    values, target, weight, owner = _turns(train)
    mean, scale = values.mean(axis=0), values.std(axis=0) + 1e-6
    standard = (values - mean) / scale
    fits = [_logistic(0.3).fit(standard, target, sample_weight=weight)]
    for _ in range(REPLICAS):
        drawn = np.bincount(rng.integers(0, len(train), len(train)), minlength=len(train))
        fits.append(_logistic(0.3).fit(standard, target, sample_weight=weight * drawn[owner]))
        advance()
    weights = np.array([[*fit.coef_[0], fit.intercept_[0]] for fit in fits])
    arrays = {"weights": weights, "mean": mean, "scale": scale}
    manifest = bundle.Manifest(
        predictor="conversion",
        labels=("converts",),
        features=conversion.FORM,
        data_sha256=hashlib.sha256(values.tobytes() + target.tobytes()).hexdigest(),
        libraries=_libraries(),
        metrics={"held_out": _conversion_metrics(fits[0], mean, scale, test), "conversations": len(conversations)},
        columns=conversion.COLUMNS,
    )
    return bundle.save(folder / "conversion", manifest, arrays)


class CountedTurn(Protocol):
    @property
    def turn(self) -> int: ...
    @property
    def so_far(self) -> Mapping[str, float]: ...


class Conversation(Protocol):
    """What training reads of a conversation (``training_data.buyers.SimulatedConversation`` has it)."""

    @property
    def turns(self) -> Sequence[CountedTurn]: ...
    @property
    def bought(self) -> bool: ...
    @property
    def truth(self) -> float: ...


def _turns(conversations: Sequence[Conversation]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    rows = [(conversion.row(turn.so_far), i) for i, one in enumerate(conversations) for turn in one.turns]
    owner = np.array([i for _, i in rows])
    target = np.array([conversations[i].bought for i in owner], dtype=np.int8)
    weight = np.array([1 / len(conversations[i].turns) for i in owner])
    return np.stack([row for row, _ in rows]), target, weight, owner


def _conversion_metrics(
    fit: LogisticRegression, mean: NDArray[Any], scale: NDArray[Any], test: Sequence[Conversation]
) -> dict[str, Any]:
    """AUC and Brier score at fixed turns, beside the Bayes ceiling of the generator."""
    found: dict[str, Any] = {}
    for turn in (1, 2, 4, 6, 10):
        at = [(one, one.turns[turn - 1]) for one in test if len(one.turns) >= turn]
        if len(at) < 50:
            continue
        values = np.stack([conversion.row(step.so_far) for _, step in at])
        target = np.array([one.bought for one, _ in at])
        guess = fit.predict_proba((values - mean) / scale)[:, 1]
        found[str(turn)] = {
            "n": len(at),
            "auc": round(float(roc_auc_score(target, guess)), 4),
            "auc_ceiling": round(float(roc_auc_score(target, [one.truth for one, _ in at])), 4),
            "brier": round(float(np.mean((guess - target) ** 2)), 4),
            "brier_base_rate": round(float(target.mean() * (1 - target.mean())), 4),
        }
    return found


def _libraries() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in ("numpy", "scikit-learn", "onnxruntime")}
