"""The conversion model: a probability with interval and causes, or nothing where no outcomes were learnt."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from predictors import bundle, conversion
from predictors.base import Dialogue, Utterance
from predictors.bundle import Bundle, BundleRefused, Manifest
from predictors.conversion import COLUMNS, FORM, ConversionModel
from predictors.guard import Guard
from predictors.rules import ConversionRules

WEIGHTS = {"act_agree": 1.0, "open_objections": -0.5, "turns": 0.0}
REPLICAS = 20


def written(**changes: Any) -> Bundle:
    """A model of three known weights whose replicas differ by their bias."""
    fit = [WEIGHTS.get(column, 0.0) for column in COLUMNS]
    weights = np.array([[*fit, 0.0], *([*fit, bias] for bias in np.linspace(-0.4, 0.4, REPLICAS))])
    arrays = {"weights": weights, "mean": np.zeros(len(COLUMNS)), "scale": np.ones(len(COLUMNS))}
    given = {"metrics": {"verticals": ["fitness", "roofing"]}, "columns": COLUMNS, **changes}
    manifest = Manifest("conversion", ("converts",), FORM, "0" * 64, {}, arrays_sha256="a" * 64, **given)
    return Bundle(manifest, arrays)


def dialogue(vertical: str = "fitness", **so_far: float) -> Dialogue:
    return Dialogue("en", "ngx", vertical, "discovery", {}, (Utterance("customer", "fine"),), so_far=so_far)


def test_it_says_a_probability_with_its_interval_and_causes() -> None:
    found = ConversionModel(written()).predict(dialogue(act_agree=1.0, open_objections=1.0, turns=3.0))
    probability = found.probabilities["converts"]
    assert probability == pytest.approx(1 / (1 + np.exp(-0.5)))
    assert [label.name for label in found.labels] == ["converts"]
    assert found.interval is not None
    assert found.interval[0] < probability < found.interval[1]
    assert found.causes == ("act_agree +1.00", "open_objections -0.50")


@pytest.mark.parametrize("vertical", ["fitness", "roofing"])
def test_it_speaks_of_every_business_whose_outcomes_it_learnt(vertical: str) -> None:
    assert "converts" in ConversionModel(written()).predict(dialogue(vertical, turns=1.0)).probabilities


@pytest.mark.parametrize("vertical", ["insurance", "", "Fitness"])
def test_of_another_business_it_says_that_it_does_not_know(vertical: str) -> None:
    found = ConversionModel(written()).predict(dialogue(vertical, act_agree=1.0))
    assert (found.labels, dict(found.probabilities), found.interval) == ((), {}, None)
    assert found.causes == (f"not enough data: no outcomes of vertical {vertical!r}",)
    assert (found.source, found.degraded) == ("model", None)


async def test_not_knowing_is_an_answer_and_no_failure() -> None:
    """The guard passes it on, keeps it, and does not ask the rules to guess."""
    guard = Guard(ConversionModel(written()), ConversionRules(), labels=lambda _: ("converts",))
    first, again = [await guard.predict(dialogue("insurance", turns=1.0), 5.0) for _ in range(2)]
    assert (first.source, again.source) == ("model", "cache")
    assert first.degraded is again.degraded is None
    assert dict(first.probabilities) == dict(again.probabilities) == {}
    assert "not enough data" in again.causes[0]


def test_counts_are_cut_so_that_length_does_not_speak() -> None:
    assert (conversion.row({"turns": 40.0}) == conversion.row({"turns": 6.0})).all()
    assert conversion.row({"no_column": 3.0}).sum() == 0


@pytest.mark.parametrize("metrics", [{}, {"verticals": None}, {"verticals": "fitness"}])
def test_a_bundle_that_does_not_name_its_businesses_is_refused(metrics: dict[str, Any]) -> None:
    with pytest.raises(BundleRefused, match="verticals"):
        ConversionModel(written(metrics=metrics))


def test_a_bundle_of_other_columns_is_refused() -> None:
    with pytest.raises(BundleRefused, match="columns"):
        ConversionModel(written(columns=COLUMNS[:-1]))


def test_a_written_bundle_is_read_with_its_businesses(tmp_path: Path) -> None:
    given = written()
    bundle.save(tmp_path / "conversion", given.manifest, given.arrays)
    model = ConversionModel(bundle.load(tmp_path / "conversion", predictor="conversion", features=FORM))
    assert model.predict(dialogue("roofing", turns=1.0)).labels
    assert not model.predict(dialogue("insurance", turns=1.0)).labels


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("weights", np.zeros((3, len(COLUMNS)))),
        ("weights", np.zeros(len(COLUMNS) + 1)),
        ("weights", np.zeros((1, len(COLUMNS) + 1))),
        ("weights", np.full((3, len(COLUMNS) + 1), np.nan)),
        ("mean", np.zeros(len(COLUMNS) - 1)),
        ("mean", np.full(len(COLUMNS), np.inf)),
        ("scale", np.zeros(len(COLUMNS))),
        ("scale", np.array(["1"] * len(COLUMNS))),
        ("scale", None),
    ],
)
def test_arrays_that_do_not_fit_are_refused_by_name(name: str, array: Any) -> None:
    given = written()
    arrays = {one: found for one, found in {**given.arrays, name: array}.items() if found is not None}
    with pytest.raises(BundleRefused, match=f"conversion: array '{name}' "):
        ConversionModel(Bundle(given.manifest, arrays))
