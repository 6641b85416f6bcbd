"""Three scikit-learn pipelines, trained from the hand-written corpora: objection, need, and whether the customer converts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import joblib
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline

from training_data.corpora import Labelled, read_corpora

ROWS = 3_000
"""Enough for a vocabulary of real size; more would make the training longer and a prediction no cheaper."""
NONE = "none"
CONVERTS = frozenset({"buy", "book", "agree"})


@dataclass(frozen=True, slots=True)
class Pipelines:
    objection: Pipeline
    need: Pipeline
    conversion: Pipeline


def texts_and_labels(rows: Sequence[Labelled]) -> tuple[list[str], dict[str, list[str]]]:
    """One label a text, the cheapest form to serve: a score for each of many labels would cost more."""
    labels = {
        "objection": [row.objections[0] if row.objections else NONE for row in rows],
        "need": [row.needs[0] if row.needs else NONE for row in rows],
        "conversion": ["yes" if CONVERTS & set(row.acts or ()) else "no" for row in rows],
    }
    return [row.text for row in rows], labels


def terms() -> FeatureUnion:
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, min_df=2)
    return FeatureUnion([("words", words), ("letters", letters)])


def some_rows(count: int, seed: int = 7) -> list[Labelled]:
    rows = read_corpora()
    Random(seed).shuffle(rows)
    return rows[:count]


def train(folder: Path, count: int = ROWS) -> Pipelines:
    """Trains the three and keeps them in ``folder``, from where every worker loads them."""
    texts, labels = texts_and_labels(some_rows(count))
    fitted = {
        name: Pipeline([("terms", terms()), ("model", LogisticRegression(max_iter=200))]).fit(texts, wanted)
        for name, wanted in labels.items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, pipeline in fitted.items():
        joblib.dump(pipeline, folder / f"{name}.joblib")
    return Pipelines(**fitted)


def load(folder: Path) -> Pipelines:
    return Pipelines(*(joblib.load(folder / f"{name}.joblib") for name in ("objection", "need", "conversion")))


def likeliest(pipeline: Pipeline, text: str) -> tuple[str, float]:
    probabilities = pipeline.predict_proba([text])[0]
    best = int(probabilities.argmax())
    return str(pipeline.classes_[best]), float(probabilities[best])
