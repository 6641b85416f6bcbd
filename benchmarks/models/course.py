"""One course that all candidates run: the same rows, folds and labels; two processes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from rich.progress import Progress

from benchmarks.models.candidates import DEFAULT, NAMES, RULES, TREES, Scored, fit, rule_scores
from benchmarks.models.cost import Cost, measure, server, strangers
from benchmarks.models.languages import across
from benchmarks.models.protocol import Board, Floats, Ints, folds_at_random, folds_by_author
from predictors.base import Language
from predictors.train import Kind, Matrix
from training_data.corpora import Labelled

HEADS: tuple[Kind, ...] = ("objection", "needs")
LANGUAGES: tuple[Language, ...] = ("en", "es")
RANDOM = "default, random split"
Key = tuple[Kind, str]
"""A head, a candidate."""


@dataclass(frozen=True, slots=True)
class Job:
    """One fold of one candidate."""

    name: str
    kind: Kind
    fold: int


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """All that is compared on. ``split``: of each candidate the fold in which each row is judged."""

    matrix: Matrix
    boards: dict[Kind, Board]
    split: dict[str, Ints]
    folds: int
    seed: int

    @classmethod
    def of(cls, matrix: Matrix, rows: Sequence[Labelled], folds: int, seed: int) -> "Course":
        boards: dict[Kind, Board] = {}
        for kind in HEADS:
            boards[kind] = Board.of(kind, rows)
        split: dict[str, Ints] = {name: folds_by_author(matrix.groups, folds) for name in NAMES}
        split[RANDOM] = folds_at_random(len(matrix.rows), folds, seed)
        return cls(matrix, boards, split, folds, seed)


def _run(job: Job, matrix: Matrix, board: Board, fold: Ints, seed: int) -> Scored:
    judged = fold == job.fold
    return fit(DEFAULT if job.name == RANDOM else job.name, matrix, board, ~judged, judged, seed)


def scored(course: Course, progress: Progress) -> tuple[dict[Key, Floats], dict[Key, Any]]:
    """The scores of all rows, each from a fit that has not seen it, and the first fold's models. The slowest go first."""
    learnt = [TREES, DEFAULT, RANDOM, *(name for name in NAMES if name not in (RULES, TREES, DEFAULT))]
    jobs = [Job(name, kind, number) for name in learnt for kind in HEADS for number in range(course.folds)]
    bar = progress.add_task("fit and score", total=len(jobs))
    run: Any = Parallel(n_jobs=2, return_as="generator")(
        delayed(_run)(job, course.matrix, course.boards[job.kind], course.split[job.name], course.seed) for job in jobs
    )
    scores: dict[Key, Floats] = {}
    models: dict[Key, Any] = {}
    for job, one in zip(jobs, run, strict=True):
        at = job.kind, job.name
        whole = scores.setdefault(at, np.zeros(course.boards[job.kind].target.shape))
        whole[course.split[job.name] == job.fold] = one.scores
        models.setdefault(at, one.model)
        progress.advance(bar)
    for kind, board in course.boards.items():
        scores[kind, RULES] = rule_scores(kind, board, course.matrix.rows)
    return scores, models


def crossed(course: Course, progress: Progress) -> dict[tuple[Kind, Language], float]:
    """Macro-F1 of the default combination in the language that it was not trained in, by head and training language."""
    todo: list[tuple[Kind, Language]] = [(kind, language) for kind in HEADS for language in LANGUAGES]
    bar = progress.add_task("across languages", total=len(todo))
    run: Any = Parallel(n_jobs=2, return_as="generator")(
        delayed(across)(course.matrix, course.boards[kind], language, course.folds, course.seed)
        for kind, language in todo
    )
    found: dict[tuple[Kind, Language], float] = {}
    for at, value in zip(todo, run, strict=True):
        found[at] = value
        progress.advance(bar)
    return found


def costs(models: dict[Key, Any], course: Course, messages: int, progress: Progress) -> dict[Key, Cost]:
    rows = strangers(course.matrix.rows, messages, course.seed)
    todo: list[Key] = [(kind, name) for kind in HEADS for name in NAMES]
    bar = progress.add_task("time messages", total=len(todo) * len(rows))
    found: dict[Key, Cost] = {}
    for kind, name in todo:
        serve = server(name, kind, models.get((kind, name)), course.matrix.vocabulary)
        found[kind, name] = measure(serve, rows, lambda: progress.advance(bar))
    return found
