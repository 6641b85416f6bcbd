"""One measured figure of the report, and what others published about the same set."""

from dataclasses import dataclass

from predictors.metrics import Interval


@dataclass(frozen=True, slots=True)
class Figure:
    """``ours`` and ``baseline`` are values, or text where there is none to give (a refusal); ``n`` cases were judged."""

    set: str
    measure: str
    ours: float | Interval | str | None
    baseline: float | Interval | str | None = None
    n: int = 0


PUBLISHED: dict[tuple[str, str], str] = {
    ("banking77", "accuracy, all 10,003 examples"): ".934-.94 (Casanueva et al. 2020; later fine-tuned models)",
    ("clinc150", "in-scope accuracy"): ".969 (BERT, Larson et al. 2019)",
    ("clinc150", "out-of-scope recall, threshold for accuracy"): ".40 (BERT, Larson et al. 2019)",
    ("bank_marketing", "AUC, random folds"): ".80 (Moro et al. 2014)",
    ("injection", "false alarms, NotInject"): "about .40 of several detectors, .13 PIGuard (Li et al. 2024)",
}
"""By set and measure; a pair that is not here has no published figure that we know of for the same protocol."""


def written(value: float | Interval | str | None) -> str:
    """For a table: three digits, an interval in brackets."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if isinstance(value, Interval):
        return f"{_number(value.value)} [{_number(value.low)}, {_number(value.high)}]"
    return _number(value)


def _number(value: float) -> str:
    return f"{value:.4f}" if 0 < abs(value) < 0.02 else f"{value:.3f}"
