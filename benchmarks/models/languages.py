"""The default combination trained in one language and judged in the other."""

import numpy as np
from scipy.special import expit

from benchmarks.models.candidates import DEFAULT, fit
from benchmarks.models.protocol import Board, Judged, best_threshold, folds_by_author, macro_f1, platt
from predictors.base import Language
from predictors.train import Matrix


def across(matrix: Matrix, board: Board, learnt: Language, folds: int, seed: int) -> float:
    """Macro-F1 on the rows of the other language."""
    judged = by_other_language(matrix, board, learnt, folds, seed)
    return macro_f1(board, judged, ~board.spanish if learnt == "es" else board.spanish)


def by_other_language(matrix: Matrix, board: Board, learnt: Language, folds: int, seed: int) -> Judged:
    """What the rows of the other language are taken for. Of the authors who write in ``learnt`` alone, one fold calibrates
    and the others teach."""
    own = board.spanish if learnt == "es" else ~board.spanish
    known = own & ~np.isin(board.authors, board.authors[~own])
    fold = np.full(len(own), -1)
    fold[known] = folds_by_author(board.authors[known], folds)
    train, aside = known & (fold != 0), fold == 0
    judged = aside | ~own
    scores = np.zeros(board.target.shape)
    scores[judged] = fit(DEFAULT, matrix, board, train, judged, seed).scores
    probabilities = np.zeros_like(scores)
    chosen = np.zeros_like(board.target)
    for label in range(len(board.labels)):
        asked = aside & board.applies[:, label]
        told = board.target[asked, label]
        slope, shift = platt(scores[asked, label], told)
        probabilities[:, label] = expit(slope * scores[:, label] + shift)
        chosen[:, label] = probabilities[:, label] >= best_threshold(told, probabilities[asked, label])
    return Judged(probabilities, chosen)
