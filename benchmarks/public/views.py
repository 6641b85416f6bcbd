"""Texts as numbers, in two views under one head: the product's feature function, and TF-IDF of words and characters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from predictors import train
from predictors.features import features
from predictors.terms import Terms, Vocabulary, terms
from predictors.text import WIDTH, load_encoder

CHUNK = 250


@dataclass(frozen=True, slots=True)
class View:
    """``dense``: ``(rows, width)``, perhaps of width 0; ``sparse``: ``(rows, columns)``. One row a case."""

    dense: NDArray[np.float32]
    sparse: sparse.csr_matrix

    def __getitem__(self, rows: Any) -> "View":
        return View(self.dense[rows], sparse.csr_matrix(self.sparse[rows]))

    def beside(self, other: "View") -> "View":
        """Both views of the same cases, column after column."""
        return View(
            np.hstack([self.dense, other.dense]),
            sparse.csr_matrix(sparse.hstack([self.sparse, other.sparse], format="csr")),
        )


class Represent(Protocol):
    """``penalty``: inverse strength of the head's penalty for this view, as it is used everywhere."""

    @property
    def penalty(self) -> float: ...
    def views(self, learn: Sequence[str], judge: Sequence[str]) -> tuple[View, View]: ...
    def pooled(self, learn: Sequence[Sequence[str]], judge: Sequence[Sequence[str]]) -> tuple[View, View]:
        """Several messages a case, in order; a case may be empty."""
        ...


@dataclass(frozen=True, slots=True)
class Ours:
    """The product's features, computed once a text; the vocabulary comes from the training part, as in its training.

    ``dense``: ``(texts, width)``, sentence embedding and rules. Several messages are the mean of theirs.
    """

    place: dict[str, int]
    dense: NDArray[np.float32]
    terms: list[Terms]
    penalty: float = 2.0

    def views(self, learn: Sequence[str], judge: Sequence[str]) -> tuple[View, View]:
        return self.pooled([[text] for text in learn], [[text] for text in judge])

    def pooled(self, learn: Sequence[Sequence[str]], judge: Sequence[Sequence[str]]) -> tuple[View, View]:
        vocabulary = Vocabulary.of([self.terms[self.place[text]] for case in learn for text in case])
        return self._mean(learn, vocabulary), self._mean(judge, vocabulary)

    def _mean(self, cases: Sequence[Sequence[str]], vocabulary: Vocabulary) -> View:
        said = [self.place[text] for case in cases for text in case]
        ends = np.cumsum([0, *(len(case) for case in cases)])
        weights = np.array([1 / len(case) for case in cases for _ in case], dtype=np.float32)
        mean = sparse.csr_matrix((weights, np.arange(len(said)), ends), shape=(len(cases), len(said)))
        scale = np.where(vocabulary.phrase, train.PHRASE_SCALE, train.CHARACTER_SCALE).astype(np.float32)
        grams = mean @ train.tf_idf(vocabulary, [self.terms[i] for i in said])
        return View(
            np.asarray(mean @ self.dense[said], dtype=np.float32),
            sparse.csr_matrix(grams @ sparse.diags(scale), dtype=np.float32),
        )


def encode(texts: Sequence[str], advance: Callable[[int], None]) -> Ours:
    """Computes the features of the distinct texts in two processes; ``advance`` is told how many texts were done."""
    distinct = list(dict.fromkeys(texts))
    chunks = [distinct[start : start + CHUNK] for start in range(0, len(distinct), CHUNK)]
    dense: list[NDArray[np.float32]] = []
    jobs: Any = Parallel(n_jobs=2, return_as="generator")(delayed(_dense)(chunk) for chunk in chunks)
    for chunk, rows in zip(chunks, jobs, strict=True):
        dense.append(rows)
        advance(len(chunk))
    return Ours({text: i for i, text in enumerate(distinct)}, np.vstack(dense), [terms(text) for text in distinct])


def _dense(texts: Sequence[str]) -> NDArray[np.float32]:
    """Without a line before the message there is no context: those columns, the last ones, are left out."""
    encoder = load_encoder()
    rows = np.stack([features(text, "en", encoder).dense for text in texts])[:, :-WIDTH]
    rows[:, WIDTH:] *= train.RULE_SCALE
    return rows


@dataclass(frozen=True, slots=True)
class TfIdf:
    """Words and pairs of words, and character 2- to 5-grams in words; the vocabulary comes from the training part."""

    penalty: float = 10.0

    def views(self, learn: Sequence[str], judge: Sequence[str]) -> tuple[View, View]:
        rare = 2 if len(learn) > 2000 else 1
        settings: dict[str, Any] = {"sublinear_tf": True, "min_df": rare, "dtype": np.float32}
        words: Any = TfidfVectorizer(ngram_range=(1, 2), **settings)
        letters: Any = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), **settings)
        learnt = sparse.hstack([words.fit_transform(learn), letters.fit_transform(learn)], format="csr")
        seen = sparse.hstack([words.transform(judge), letters.transform(judge)], format="csr")
        return _without_dense(learnt), _without_dense(seen)

    def pooled(self, learn: Sequence[Sequence[str]], judge: Sequence[Sequence[str]]) -> tuple[View, View]:
        return self.views(["\n".join(case) for case in learn], ["\n".join(case) for case in judge])


def _without_dense(grams: Any) -> View:
    return View(np.zeros((grams.shape[0], 0), dtype=np.float32), sparse.csr_matrix(grams))


def both(protocol: Callable[..., Any], ours: Ours, *given: Any) -> tuple[Any, Any]:
    """``protocol(represent, *given)`` of the product's features and of the baseline, in two processes."""
    jobs: Any = Parallel(n_jobs=2)(delayed(protocol)(represent, *given) for represent in (ours, TfIdf()))
    return jobs[0], jobs[1]
