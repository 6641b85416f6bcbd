"""How likely this conversation ends in a sale, after every turn: from running numbers of the dialogue, with its causes.

Of a vertical whose outcomes it has not learnt it says nothing: no label and no probability, and why.
"""

import math
import time
from collections.abc import Mapping
from typing import cast

import numpy as np

from predictors.base import Dialogue, Label, Prediction
from predictors.bundle import Arrays, Bundle, BundleRefused

COLUMNS: tuple[str, ...] = (
    "turns", "open_objections", "resolved_objections", "reopened_objections", "needs_known", "offer_known", "price_known",
    "act_agree", "act_decline", "act_buy", "act_book", "act_ask_price", "act_ask_discount", "act_ask_info", "act_ask_proof",
    "act_resolved", "act_opt_out", "act_angry", "act_goodbye", "act_inform", "agreed_before", "declined_before",
)  # fmt: skip
FORM = "dialogue counts, 1"
COUNTS_UP_TO = 6.0


def row(so_far: Mapping[str, float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The model's input of shape ``(len(COLUMNS),)``: counts, cut at six so that length does not speak for itself."""
    return np.array([min(so_far.get(column, 0.0), COUNTS_UP_TO) for column in COLUMNS], dtype=np.float64)


class ConversionModel:
    """Logistic regression, with an interval from its bootstrap replicas. ``arrays``: ``weights (replicas+1, columns+1)``,
    the first row being the fit itself, the last column the bias; ``mean, scale (columns,)``. ``metrics["verticals"]`` of
    the manifest names the verticals whose outcomes were learnt."""

    name = "conversion"
    blocking = False

    def __init__(self, bundle: Bundle) -> None:
        if bundle.manifest.columns != COLUMNS:
            raise BundleRefused(
                f"conversion: columns are {bundle.manifest.columns!r}, this version computes {COLUMNS!r}"
            )
        _refuse_other_arrays(bundle.arrays)
        verticals = bundle.manifest.metrics.get("verticals")
        if not isinstance(verticals, list):
            raise BundleRefused("conversion: metrics.verticals must name the verticals whose outcomes were learnt")
        self.version = bundle.manifest.version
        self._verticals = frozenset(map(str, cast(list[object], verticals)))
        self._weights = bundle.arrays["weights"]
        self._mean = bundle.arrays["mean"]
        self._scale = bundle.arrays["scale"]

    def predict(self, dialogue: Dialogue) -> Prediction:
        started = time.perf_counter()
        if dialogue.vertical not in self._verticals:
            why = f"not enough data: no outcomes of vertical {dialogue.vertical!r}"
            return Prediction((), "model", self.version, (time.perf_counter() - started) * 1000, causes=(why,))
        standard = (row(dialogue.so_far) - self._mean) / self._scale
        scores = self._weights[:, :-1] @ standard + self._weights[:, -1]
        probability = _logistic(float(scores[0]))
        replicas = np.sort(scores[1:])
        low, high = (_logistic(float(replicas[round(share * (len(replicas) - 1))])) for share in (0.05, 0.95))
        pushes = self._weights[0, :-1] * standard
        strongest = np.argsort(-np.abs(pushes))[:3]
        causes = tuple(f"{COLUMNS[i]} {pushes[i]:+.2f}" for i in strongest if abs(pushes[i]) >= 0.05)
        return Prediction(
            (Label("converts", probability),),
            "model",
            self.version,
            (time.perf_counter() - started) * 1000,
            probabilities={"converts": probability},
            interval=(min(low, probability), max(high, probability)),
            causes=causes,
        )


def _refuse_other_arrays(arrays: Arrays) -> None:
    columns = len(COLUMNS)
    replicas = len(arrays["weights"]) if "weights" in arrays else 0
    for name, shape in (("weights", (replicas, columns + 1)), ("mean", (columns,)), ("scale", (columns,))):
        found = arrays.get(name)
        if found is None or found.shape != shape or found.dtype != np.float64:
            raise BundleRefused(f"conversion: array {name!r} must have the shape {shape} and be float64")
        if not np.isfinite(found).all():
            raise BundleRefused(f"conversion: array {name!r} holds values that are no numbers")
    if replicas < 2:
        raise BundleRefused("conversion: array 'weights' must hold replicas beside the fit, or there is no interval")
    if not (arrays["scale"] > 0).all():
        raise BundleRefused("conversion: array 'scale' must be above 0")


def _logistic(score: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, score))))
