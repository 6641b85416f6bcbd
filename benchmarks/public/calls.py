"""Protocol for leads on the telephone: random folds, which flatter, and the last fifth in time, which is the truth."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from benchmarks.public.figures import Figure
from predictors.metrics import auc, brier_skill, expected_calibration_error
from training_data.public.calls import Call, read_bank_marketing

FOLDS = 5


def table(calls: Sequence[Call]) -> tuple[NDArray[np.object_], int]:
    """All columns, the categories first; and how many of them are categories."""
    words, numbers = sorted(calls[0].words), sorted(calls[0].numbers)
    rows = [[*(call.words[name] for name in words), *(call.numbers[name] for name in numbers)] for call in calls]
    return np.array(rows, dtype=object), len(words)


def trees(categories: int, seed: int) -> Any:
    unknown: dict[str, Any] = {"handle_unknown": "use_encoded_value", "unknown_value": np.nan}
    numbers = make_column_transformer(
        (OrdinalEncoder(**unknown), list(range(categories))), remainder="passthrough", sparse_threshold=0
    )
    settings: dict[str, Any] = {"categorical_features": list(range(categories)), "random_state": seed}
    return make_pipeline(numbers, HistGradientBoostingClassifier(**settings))


def linear(categories: int) -> Any:
    rest: dict[str, Any] = {"remainder": StandardScaler()}
    numbers = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), list(range(categories))), **rest)
    return make_pipeline(numbers, LogisticRegression(max_iter=2000))


def bank_marketing(data: Path, seed: int, advance: Callable[[int], None]) -> list[Figure]:
    calls = list(read_bank_marketing(data))
    values, categories = table(calls)
    sold = np.array([call.sold for call in calls])
    cut = int(0.8 * len(calls))
    advance(0)
    folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(values, sold))
    in_time = [(np.arange(cut), np.arange(cut, len(calls)))]
    found: list[Figure] = []
    for when, splits in (("random folds", folds), ("last fifth in time", in_time)):
        truth = sold[np.concatenate([judge for _, judge in splits])]
        guesses = [
            np.concatenate([model.fit(values[a], sold[a]).predict_proba(values[b])[:, 1] for a, b in splits])
            for model in (trees(categories, seed), linear(categories))
        ]
        n = len(truth)
        found += [
            Figure("bank_marketing", f"AUC, {when}", *(auc(truth, guess, seed=seed) for guess in guesses), n=n),
            Figure("bank_marketing", f"Brier skill, {when}", *(brier_skill(truth, guess) for guess in guesses), n=n),
            Figure(
                "bank_marketing", f"ECE, {when}", *(expected_calibration_error(truth, guess) for guess in guesses), n=n
            ),
        ]
    return found
