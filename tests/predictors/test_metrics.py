"""Figures of merit against values that can be worked out by hand."""

import numpy as np
import pytest

from predictors.metrics import auc, brier_skill, calibration_curve, expected_calibration_error


def test_calibration_of_a_model_that_is_right_about_its_doubts() -> None:
    target = [1, 0, 0, 0, 1, 1, 1, 0]
    probability = [0.25, 0.25, 0.25, 0.25, 0.75, 0.75, 0.75, 0.75]
    assert expected_calibration_error(target, probability) == pytest.approx(0)
    assert [(one.predicted, one.happened, one.n) for one in calibration_curve(target, probability)] == [
        (0.25, 0.25, 4),
        (0.75, 0.75, 4),
    ]


def test_calibration_error_is_the_mean_distance() -> None:
    assert expected_calibration_error([1, 1, 0, 0], [0.6, 0.6, 0.1, 0.1]) == pytest.approx((2 * 0.4 + 2 * 0.1) / 4)


def test_a_probability_of_one_falls_into_the_last_bin() -> None:
    assert [one.n for one in calibration_curve([1, 1], [1.0, 0.95])] == [2]


def test_skill_over_the_base_rate() -> None:
    assert brier_skill([1, 0, 1, 0], [1, 0, 1, 0]) == 1
    assert brier_skill([1, 0, 1, 0], [0.5] * 4) == 0
    assert brier_skill([1, 0, 1, 0], [0, 1, 0, 1]) == -3
    assert brier_skill([1, 1], [0.2, 0.3]) == 0


def test_auc_has_an_interval_that_narrows_with_more_cases() -> None:
    rng = np.random.default_rng(0)
    widths: list[float] = []
    for cases in (60, 2000):
        target = rng.integers(0, 2, cases)
        found = auc(target, target + rng.normal(0, 1.5, cases))
        assert found is not None
        assert found.low < found.value < found.high
        widths.append(found.high - found.low)
    assert widths[1] < widths[0] / 3
    assert auc([1, 1, 1], [0.1, 0.2, 0.3]) is None


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(3,\) and \(2,\)"):
        expected_calibration_error([1, 0, 1], [0.5, 0.5])
