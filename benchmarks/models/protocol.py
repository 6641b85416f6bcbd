"""Who is held out, how scores become probabilities and labels, and what is counted. The same for every candidate."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, KFold

from predictors.metrics import Interval, expected_calibration_error
from predictors.unseen import THRESHOLDS, Kind, tasks
from training_data.corpora import Labelled

RESAMPLES = 1000
LEAST_SLOPE = 0.05
"""As in training: a calibration never turns a head round."""

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Board:
    """What is asked of each row. ``target``, ``applies``: ``(rows, labels)``; a need is asked only of the rows of its own
    verticals. ``hard``, ``spanish``, ``authors``: ``(rows,)``."""

    labels: tuple[str, ...]
    target: Bools
    applies: Bools
    hard: Bools
    spanish: Bools
    authors: NDArray[np.str_]

    @classmethod
    def of(cls, kind: Kind, rows: Sequence[Labelled]) -> "Board":
        todo = tasks(kind, rows)
        target = np.zeros((len(rows), len(todo)), dtype=np.bool_)
        applies = np.zeros_like(target)
        for column, task in enumerate(todo):
            applies[task.rows, column] = True
            target[task.rows, column] = task.target == 1
        return cls(
            tuple(task.label for task in todo),
            target,
            applies,
            np.array([row.note is not None for row in rows]),
            np.array([row.language == "es" for row in rows]),
            np.array([row.source for row in rows]),
        )


def folds_by_author(authors: NDArray[np.str_], folds: int) -> Ints:
    """Of each row the fold in which it is judged; no author stands in two."""
    return _numbered(GroupKFold(folds).split(authors, groups=authors), len(authors))


def folds_at_random(rows: int, folds: int, seed: int) -> Ints:
    return _numbered(KFold(folds, shuffle=True, random_state=seed).split(np.zeros(rows)), rows)


def _numbered(splits: Any, rows: int) -> Ints:
    found = np.zeros(rows, dtype=np.int64)
    for number, (_, judged) in enumerate(splits):
        found[judged] = number
    return found


@dataclass(frozen=True, slots=True)
class Judged:
    """``probabilities``, ``chosen``: ``(rows, labels)``; meaningless where the label does not apply."""

    probabilities: Floats
    chosen: Bools


def judge(board: Board, scores: Floats, fold: Ints, *, any_hit: bool = False) -> Judged:
    """Platt's two numbers and the threshold of a fold come from the scores of the other folds.

    ``any_hit``: the candidate decides by itself, a score above 0 is a yes; only its probabilities are learnt.
    """
    probabilities = np.zeros(scores.shape)
    chosen = np.zeros(scores.shape, dtype=np.bool_)
    for label in range(scores.shape[1]):
        asked = board.applies[:, label]
        for number in np.unique(fold):
            here, elsewhere = asked & (fold == number), asked & (fold != number)
            told = board.target[elsewhere, label]
            slope, shift = platt(scores[elsewhere, label], told)
            probabilities[here, label] = expit(slope * scores[here, label] + shift)
            if any_hit:
                chosen[here, label] = scores[here, label] > 0
            else:
                least = best_threshold(told, expit(slope * scores[elsewhere, label] + shift))
                chosen[here, label] = probabilities[here, label] >= least
    return Judged(probabilities, chosen)


def platt(scores: Floats, target: Bools) -> tuple[float, float]:
    """Slope and shift of the calibration; the base rate alone where only one outcome occurs."""
    if len(np.unique(target)) < 2:
        rate = (target.sum() + 0.5) / (len(target) + 1)
        return 0.0, float(np.log(rate / (1 - rate)))
    fitted = LogisticRegression(C=1e3).fit(scores.reshape(-1, 1), target)
    return max(LEAST_SLOPE, float(fitted.coef_[0, 0])), float(fitted.intercept_[0])


def best_threshold(target: Bools, probabilities: Floats) -> float:
    """Of the candidates of the product's training the one with the best F1; the lowest of equals."""
    said = probabilities[:, None] >= THRESHOLDS
    return float(THRESHOLDS[int(np.argmax(_f1((said & target[:, None]).sum(0), said.sum(0), target.sum())))])


def _f1(hits: Any, said: Any, meant: Any) -> Floats:
    return 2 * np.asarray(hits) / np.maximum(1, np.asarray(said) + meant)


@dataclass(frozen=True, slots=True)
class Figures:
    """``macro_f1``, ``behind`` (the default's macro-F1 less this one's): 95 % intervals over drawn authors.
    ``hard_exact``: share of the hard rows whose set of labels is exactly right. ``ece``: over (row, label) pairs.
    ``macro_f1_plain``: of the rows that are not hard, with the thresholds of all."""

    macro_f1: Interval
    micro_f1: float
    hard_exact: float
    macro_f1_plain: float
    ece: float
    macro_f1_es: float
    macro_f1_en: float
    behind: Interval | None
    per_label: dict[str, float]


def figures(board: Board, judged: Judged, seed: int, default: Judged | None = None) -> Figures:
    chosen, target = judged.chosen & board.applies, board.target
    hits, said, meant = ((one & board.applies).sum() for one in (chosen & target, chosen, target))
    exact = (chosen == target).all(axis=1)[board.hard & board.applies.any(axis=1)]
    drawn = macro_f1_of_draws(board, judged, seed)
    behind = None if default is None else macro_f1_of_draws(board, default, seed) - drawn
    return Figures(
        macro_f1=_interval(drawn),
        micro_f1=float(_f1(hits, said, meant)),
        hard_exact=float(exact.mean()) if len(exact) else 0.0,
        macro_f1_plain=macro_f1(board, judged, ~board.hard),
        ece=expected_calibration_error(target[board.applies], judged.probabilities[board.applies]),
        macro_f1_es=macro_f1(board, judged, board.spanish),
        macro_f1_en=macro_f1(board, judged, ~board.spanish),
        behind=None if behind is None else _interval(behind),
        per_label=dict(zip(board.labels, _f1(*_counts(board, judged).sum(axis=1)).tolist(), strict=True)),
    )


def macro_f1(board: Board, judged: Judged, rows: Bools) -> float:
    """Mean over the labels that occur in ``rows``."""
    hits, said, meant = _counts(board, judged, rows).sum(axis=1)
    there = meant > 0
    return float(_f1(hits, said, meant)[there].mean()) if there.any() else 0.0


def macro_f1_of_draws(board: Board, judged: Judged, seed: int) -> Floats:
    """First the value itself, then ``RESAMPLES`` values with authors drawn with replacement; the same draws every time."""
    counts = _counts(board, judged)
    authors = counts.shape[1]
    rng = np.random.default_rng(seed)
    times = rng.multinomial(authors, np.full(authors, 1 / authors), size=RESAMPLES)
    hits, said, meant = np.einsum("ra,kal->krl", np.vstack([np.ones((1, authors), dtype=np.int64), times]), counts)
    there = meant > 0
    return (_f1(hits, said, meant) * there).sum(axis=1) / np.maximum(1, there.sum(axis=1))


def _counts(board: Board, judged: Judged, rows: Bools | None = None) -> Ints:
    """Hits, said, meant of each author and label: ``(3, authors, labels)``."""
    names, place = np.unique(board.authors, return_inverse=True)
    asked = board.applies if rows is None else board.applies & rows[:, None]
    found = np.zeros((3, len(names), len(board.labels)), dtype=np.int64)
    for kind, one in enumerate((judged.chosen & board.target, judged.chosen, board.target)):
        np.add.at(found[kind], place, (one & asked).astype(np.int64))
    return found


def _interval(drawn: Floats) -> Interval:
    low, high = np.quantile(drawn[1:], (0.025, 0.975))
    return Interval(float(drawn[0]), float(low), float(high))
