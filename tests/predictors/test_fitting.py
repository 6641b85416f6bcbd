"""Labels fitted together are the labels fitted alone, and what scikit-learn finds."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from predictors import fitting

WIDTH, TERMS, LABELS = 8, 40, 5
PENALTY = 5.0


@pytest.fixture(autouse=True)
def _to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "GRADIENT", 1e-7)


@pytest.fixture(scope="module")
def values() -> sparse.csr_matrix:
    rng = np.random.default_rng(5)
    terms = sparse.random(700, TERMS, density=0.2, random_state=5, dtype=np.float32)
    return sparse.csr_matrix(sparse.hstack([rng.normal(size=(700, WIDTH)).astype(np.float32), terms]))


@pytest.fixture(scope="module")
def targets(values: sparse.csr_matrix) -> NDArray[np.int8]:
    """From frequent to rare."""
    rng = np.random.default_rng(6)
    scores = values @ rng.normal(size=(WIDTH + TERMS, LABELS)) - np.arange(LABELS)
    return (rng.random(scores.shape) < 1 / (1 + np.exp(-scores))).astype(np.int8)


@pytest.mark.parametrize("penalty", [0.01, PENALTY, 100.0])
def test_the_fit_is_that_of_scikit_learn(values: sparse.csr_matrix, targets: NDArray[np.int8], penalty: float) -> None:
    weights, bias = fitting.fit(fitting.Rows.of(values, WIDTH), targets, penalty)
    assert weights.shape == (WIDTH + TERMS, LABELS) and bias.shape == (LABELS,)
    dense = values.toarray().astype(float)
    for label in range(LABELS):
        known = LogisticRegression(C=penalty, tol=1e-8, max_iter=5_000).fit(dense, targets[:, label])
        assert np.abs(weights[:, label] - known.coef_[0]).max() < 2e-3 * max(1.0, np.abs(known.coef_).max())
        assert bias[label] == pytest.approx(known.intercept_[0], abs=2e-3, rel=2e-3)


def test_a_label_is_not_changed_by_those_beside_it(values: sparse.csr_matrix, targets: NDArray[np.int8]) -> None:
    rows = fitting.Rows.of(values, WIDTH)
    together, _ = fitting.fit(rows, targets, PENALTY)
    for label in range(LABELS):
        alone, _ = fitting.fit(rows, targets[:, [label]], PENALTY)
        assert np.abs(alone[:, 0] - together[:, label]).max() < 2e-3


def test_labels_that_lie_apart_and_columns_that_are_empty_end_too() -> None:
    """Without a penalty worth the name the weights would grow for ever."""
    values = sparse.csr_matrix(np.array([[1.0, 0, 0], [1, 0, 1], [-1, 0, 0], [-1, 0, 1]] * 3, dtype=np.float32))
    targets = np.array([[1, 0], [1, 1], [0, 0], [0, 1]] * 3, dtype=np.int8)
    weights, bias = fitting.fit(fitting.Rows.of(values, 1), targets, 1e6)
    assert np.isfinite(weights).all() and np.isfinite(bias).all() and not weights[1].any()
    assert ((values @ weights + bias > 0) == (targets == 1)).all()


def test_the_same_rows_give_the_same_bytes(values: sparse.csr_matrix, targets: NDArray[np.int8]) -> None:
    rows = fitting.Rows.of(values, WIDTH)
    assert len({fitting.fit(rows, targets, PENALTY)[0].tobytes() for _ in range(3)}) == 1


def test_scores_are_those_of_the_weights(values: sparse.csr_matrix, targets: NDArray[np.int8]) -> None:
    rows = fitting.Rows.of(values, WIDTH)
    weights, bias = fitting.fit(rows, targets, PENALTY)
    assert np.abs(rows.scores(weights, bias) - (values @ weights + bias)).max() < 1e-4
    places = np.array([7, 3, 3, 399])
    assert np.abs(rows.at(places).scores(weights, bias) - rows.scores(weights, bias)[places]).max() < 1e-5
