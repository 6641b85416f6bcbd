"""What fitting a head costs: all labels in step against scikit-learn's logistic regression, a label at a time, on the same rows.

    python -m benchmarks.fitting [--rows 8000] [--labels 6]

Seconds of CPU on one core, both to the same gradient; ``apart`` is the mean difference of their probabilities (neither is at the
very end of its way there, where a test finds them the same). Writes ``benchmarks/results/fitting.json``.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from scipy import sparse
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from predictors import features, fitting
from predictors.train import Matrix, encode
from predictors.unseen import INVERSE_PENALTY, tasks
from training_data.corpora import read_corpora

RESULTS = Path(__file__).parent / "results"
Scores = NDArray[np.float64]


def one_by_one(values: sparse.csr_matrix, targets: NDArray[np.int8]) -> Scores:
    found: list[Scores] = []
    for target in track(targets.T, "scikit-learn", console=Console(stderr=True)):
        model = LogisticRegression(C=INVERSE_PENALTY, tol=fitting.GRADIENT, max_iter=fitting.STEPS).fit(values, target)
        found.append(model.decision_function(values))
    return np.stack(found, axis=1)


def in_step(values: sparse.csr_matrix, targets: NDArray[np.int8]) -> Scores:
    rows = fitting.Rows.of(values, features.width())
    return rows.scores(*fitting.fit(rows, targets, INVERSE_PENALTY)).astype(np.float64)


def timed(fit: Callable[..., Scores], values: sparse.csr_matrix, targets: NDArray[np.int8]) -> tuple[float, Scores]:
    began = time.process_time()
    scores = fit(values, targets)
    return time.process_time() - began, scores


def measure(matrix: Matrix, labels: int) -> dict[str, Any]:
    told = tasks("objection", matrix.rows)[:labels]
    targets = np.stack([task.target for task in told], axis=1)
    with threadpool_limits(1):
        ours, own = timed(in_step, matrix.values, targets)
        theirs, wanted = timed(one_by_one, matrix.values, targets)
    return {
        "rows": len(matrix.rows),
        "columns": matrix.values.shape[1],  # pyright: ignore[reportOptionalSubscript]
        "labels": len(told),
        "ours_s": round(ours, 2),
        "scikit_learn_s": round(theirs, 2),
        "times_cheaper": round(theirs / ours, 2),
        "apart": round(float(np.abs(expit(own) - expit(wanted)).mean()), 5),
        "measured_at": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=8_000)
    parser.add_argument("--labels", type=int, default=6)
    chosen = parser.parse_args()
    rows = read_corpora()
    result = measure(encode(rows[:: max(1, len(rows) // chosen.rows)], lambda: None), chosen.labels)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "fitting.json").write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2))
    Console().print(result)


if __name__ == "__main__":
    main()
