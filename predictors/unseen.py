"""Fits of labels, calibrated and judged on authors whom the fit has not seen."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal, Protocol

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from predictors import fitting
from predictors.base import Language

INVERSE_PENALTY = 5.0
FOLDS = 3
TOGETHER = 10
"""Labels that one process fits at once; each takes memory for its solver."""
THRESHOLDS = np.arange(0.24, 0.71, 0.02)
ALMOST_BEST = 0.005
"""F1 that is given away for a higher threshold of an objection or a need: near its best F1 is flat, and a doubt or a wish that
nobody has costs more than one that is heard a turn later. A missed question does not come back."""
GRAVE = frozenset({"medical", "legal", "angry", "wants_human", "opt_out", "underage", "buy", "off_topic"})
GRAVE_THRESHOLDS = np.arange(0.5, 0.81, 0.02)
"""Acts that end a conversation, hand it over or close a sale: more likely than not, or they don't count."""

Kind = Literal["objection", "needs", "acts"]
Floats = NDArray[np.float64]


class Utterance(Protocol):
    """What training reads of a labelled utterance (``training_data.corpora.Labelled`` has it)."""

    @property
    def vertical(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def context(self) -> str: ...
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
class Task:
    """One label to learn: which rows speak about it, and which of them have it."""

    kind: Kind
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
        if FOLDS <= target.sum() < len(target):
            found.append(Task(kind, name, np.array(use), target))
    return found


def _labels(kind: Kind, row: Utterance) -> tuple[str, ...] | None:
    return {"objection": row.objections, "needs": row.needs, "acts": row.acts}[kind]


@dataclass(frozen=True, slots=True)
class Fitted:
    """One label's head. ``f1`` and ``probabilities`` (of the task's rows) are those of fits that had not seen the author;
    ``f1`` is that of a threshold chosen on other authors, too."""

    label: str
    weights: Floats
    bias: float
    slope: float
    shift: float
    threshold: float
    f1: float
    rows: NDArray[np.int64]
    target: NDArray[np.int8]
    probabilities: Floats
    chosen: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Fit:
    """Labels of the same rows, learnt from ``learnt``, to be scored on ``scored`` (places in the tasks' rows). ``fold`` is that
    of the authors who are left out, ``None`` when all are learnt from."""

    tasks: tuple[Task, ...]
    fold: int | None
    learnt: NDArray[np.int64]
    scored: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Found:
    """``weights (columns, labels)``, none where authors were left out; ``bias (labels,)``; ``scores (rows scored, labels)``."""

    weights: Floats
    bias: Floats
    scores: Floats


def fit_labels(
    values: sparse.csr_matrix,
    authors: NDArray[np.str_],
    width: int,
    todo: Sequence[Task],
    started: Callable[[int], None] = lambda _: None,
    advance: Callable[[], None] = lambda: None,
) -> list[Fitted]:
    """Fits the labels; calibration, threshold and F1 come from folds whose authors the fit has not seen. ``values``: rows
    of features, of which the first ``width`` columns are dense. ``started`` is told how many fits there are, ``advance`` is
    called once for each.

    Where all examples are one author's, his rows can't be scored unseen: they count as missed.
    """
    fits = [fit for portion in _portions(todo) for fit in _fits(portion, authors)]
    started(sum(len(fit.tasks) for fit in fits))
    jobs: Any = Parallel(n_jobs=2, return_as="generator")(delayed(_run)(values, width, fit) for fit in fits)
    heads: dict[str, tuple[Floats, float]] = {}
    folds: dict[str, NDArray[np.int64]] = {}
    scores: dict[str, Floats] = {}
    for fit, found in zip(fits, jobs, strict=True):
        for place, task in enumerate(fit.tasks):
            if fit.fold is None:
                heads[task.label] = found.weights[:, place], float(found.bias[place])
                scores[task.label] = found.scores[:, place]
                folds[task.label] = np.full(len(task.target), -1)
            else:
                scores[task.label][fit.scored] = found.scores[:, place]
                folds[task.label][fit.scored] = fit.fold
            advance()
    return [_judged(task, *heads[task.label], scores[task.label], folds[task.label]) for task in todo]


def _portions(todo: Sequence[Task]) -> Iterator[tuple[Task, ...]]:
    """Labels of the same rows, some at a time."""
    by_rows = sorted(todo, key=lambda task: task.rows.tobytes())
    for _, same in groupby(by_rows, key=lambda task: task.rows.tobytes()):
        alike = tuple(same)
        yield from (alike[start : start + TOGETHER] for start in range(0, len(alike), TOGETHER))


def _fits(portion: tuple[Task, ...], authors: NDArray[np.str_]) -> Iterator[_Fit]:
    """One of all authors, which comes first, and one for each fold. A label whose examples, or whose counter-examples, all
    lie in a fold can't be learnt without it."""
    groups = authors[portion[0].rows]
    everything = np.arange(len(groups))
    yield _Fit(portion, None, everything, everything)
    folds = min(FOLDS, len(set(groups.tolist())))
    if folds > 1:
        for number, (learnt, left) in enumerate(GroupKFold(folds).split(groups, groups=groups)):
            able = tuple(task for task in portion if 0 < task.target[learnt].sum() < len(learnt))
            if able:
                yield _Fit(able, number, learnt, left)


def _run(values: sparse.csr_matrix, width: int, fit: _Fit) -> _Found:
    rows = fitting.Rows.of(sparse.csr_matrix(values[fit.tasks[0].rows]), width)
    targets = np.stack([task.target[fit.learnt] for task in fit.tasks], axis=1)
    weights, bias = fitting.fit(rows.at(fit.learnt), targets, INVERSE_PENALTY)
    scores = rows.at(fit.scored).scores(weights, bias).astype(np.float64)
    return _Found(weights if fit.fold is None else weights[:0], bias, scores)


def _judged(task: Task, weights: Floats, bias: float, scores: Floats, fold: NDArray[np.int64]) -> Fitted:
    """``fold``: for each row that of the fit that scored it, -1 where that had seen the row."""
    target, scored = task.target, fold >= 0
    alone = not scored.any()
    if not 0 < target[scored].sum() < scored.sum():
        scored[:] = True
    platt = LogisticRegression(C=1e3).fit(scores[scored].reshape(-1, 1), target[scored])
    slope, shift = max(0.05, float(platt.coef_[0, 0])), float(platt.intercept_[0])
    probabilities = 1 / (1 + np.exp(-(slope * scores + shift)))
    chosen = np.zeros(len(target), dtype=np.bool_)
    for number in np.unique(fold[scored]):
        here = (fold == number) & scored
        elsewhere = here if alone else scored & ~here
        chosen[here] = probabilities[here] >= _threshold(task, target[elsewhere], probabilities[elsewhere])
    return Fitted(
        task.label, weights, bias, slope, shift, _threshold(task, target[scored], probabilities[scored]),
        _f1(target, chosen), task.rows, target, probabilities, chosen,
    )  # fmt: skip


def _threshold(task: Task, target: NDArray[Any], probabilities: Floats) -> float:
    """The highest with almost the best F1; of an act the lowest with the best."""
    candidates = GRAVE_THRESHOLDS if task.label in GRAVE else THRESHOLDS
    found = np.array([_f1(target, probabilities >= one) for one in candidates])
    if task.kind == "acts":
        return float(candidates[int(np.argmax(found))])
    return float(candidates[np.flatnonzero(found >= found.max() - ALMOST_BEST)[-1]])


def _f1(target: NDArray[Any], guess: NDArray[Any]) -> float:
    """0 where nothing is meant and nothing said. Asked a hundred times a label; scikit-learn's checks would take longer than
    the counting."""
    told = np.count_nonzero(target) + np.count_nonzero(guess)
    return float(2 * np.count_nonzero(target & guess) / told) if told else 0.0
