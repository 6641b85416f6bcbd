"""Training of the conversion model: figures at fixed turns, on people of kinds that it has not seen."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from predictors import bundle
from predictors.base import Dialogue, Utterance
from predictors.conversion import FORM, ConversionModel
from predictors.train_conversion import FOLDS, REPLICAS, Turns, figures, held_out, steps, train_conversion
from training_data.buyers import SimulatedConversation, simulate

SEED = 7


@cache
def crowd(conversations: int = 4_000) -> tuple[SimulatedConversation, ...]:
    return tuple(simulate(conversations, SEED))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conversion")
    train_conversion(crowd(), folder, SEED, lambda: None)
    return folder / "conversion"


def loaded(folder: Path) -> bundle.Bundle:
    return bundle.load(folder, predictor="conversion", features=FORM)


def test_it_is_scored_at_fixed_turns_against_the_ceiling(trained: Path) -> None:
    found = loaded(trained).manifest.metrics["held_out"]
    assert list(found) == ["1", "2", "4", "6", "10"]
    for turn, one in found.items():
        assert set(one) == {"n", "auc", "auc_low", "auc_high", "auc_ceiling", "brier", "brier_skill", "ece"}
        assert one["auc_low"] < one["auc"] < one["auc_high"] < one["auc_ceiling"]
        assert one["n"] == sum(len(each.turns) >= int(turn) for each in crowd())
        assert one["ece"] < 0.05
    assert found["1"]["auc"] <= 0.6
    assert found["4"]["auc_low"] > 0.6
    assert found["6"]["auc_low"] > 0.62
    assert all(found[turn]["brier_skill"] > 0.02 for turn in ("2", "4", "6", "10"))


def test_it_is_calibrated(trained: Path) -> None:
    assert loaded(trained).manifest.metrics["ece_all_turns"] < 0.03


def test_it_says_which_businesses_it_knows(trained: Path) -> None:
    assert loaded(trained).manifest.metrics["verticals"] == ["fitness", "roofing"]
    model = ConversionModel(loaded(trained))
    recent = (Utterance("customer", "fine"),)
    warm, cold = ({"turns": 4.0, "act_buy": 1.0, "agreed_before": 2.0}, {"turns": 4.0, "act_decline": 1.0})
    probabilities = [
        model.predict(Dialogue("en", "ngx", "fitness", "closing", {}, recent, so_far=counts)).probabilities["converts"]
        for counts in (warm, cold)
    ]
    assert probabilities[0] > probabilities[1] + 0.15
    assert not model.predict(Dialogue("en", "faro", "insurance", "closing", {}, recent, so_far=warm)).probabilities


def test_what_is_served_is_what_was_trained(trained: Path) -> None:
    model, turns = ConversionModel(loaded(trained)), Turns.of(crowd())
    mean, scale = turns.values.mean(axis=0), turns.values.std(axis=0) + 1e-6
    fit = LogisticRegression(C=0.3, solver="newton-cholesky").fit((turns.values - mean) / scale, turns.bought)
    shown = [(one.vertical, turn.so_far) for one in crowd() for turn in one.turns][:1_000]
    wanted = fit.predict_proba((turns.values[:1_000] - mean) / scale)[:, 1]
    recent = (Utterance("customer", "fine"),)
    found = [
        model.predict(Dialogue("en", "ngx", vertical, "closing", {}, recent, so_far=counts)).probabilities["converts"]
        for vertical, counts in shown
    ]
    assert np.abs(np.array(found) - wanted).max() < 1e-5
    assert wanted.min() < 0.3 and wanted.max() > 0.6, "or any constant would do"


def test_a_business_with_few_outcomes_is_not_known(tmp_path: Path) -> None:
    few = [one for one in crowd(400) if one.vertical == "fitness"]
    few += [one for one in crowd(400) if one.vertical == "roofing"][:40]
    manifest = train_conversion(few, tmp_path, SEED, lambda: None)
    assert manifest.metrics["verticals"] == ["fitness"]


def test_the_same_seed_gives_the_same_bytes_and_another_another(tmp_path: Path) -> None:
    def trained_as(name: str, seed: int) -> str:
        train_conversion(crowd(300), tmp_path / name, seed, lambda: None)
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()

    assert trained_as("a", 1) == trained_as("b", 1) != trained_as("c", 2)


def test_progress_is_told_as_often_as_was_said(tmp_path: Path) -> None:
    told: list[None] = []
    train_conversion(crowd(300), tmp_path, SEED, lambda: told.append(None))
    assert len(told) == steps(crowd(300)) == REPLICAS + FOLDS


@dataclass(frozen=True)
class Counted:
    turn: int
    so_far: dict[str, float]


@dataclass(frozen=True)
class Ended:
    """A conversation of one act; ``persona`` decides what it means."""

    persona: str
    bought: bool
    truth: float
    turns: Sequence[Counted] = field(default_factory=list[Counted])
    vertical: str = "fitness"


def opposite(people: int) -> list[Ended]:
    """Two kinds of people: a yes of the one is a yes, a yes of the other is a no."""
    rng = np.random.default_rng(0)
    found: list[Ended] = []
    for persona in ("plain", "contrary"):
        for _ in range(people):
            yes = bool(rng.random() < 0.5)
            bought = yes if persona == "plain" else not yes
            found.append(Ended(persona, bought, float(bought), [Counted(1, {"act_agree": float(yes)})]))
    return found


def test_people_are_judged_by_a_model_that_has_seen_none_of_their_kind() -> None:
    people = opposite(200)
    turns = Turns.of(people)
    unseen = held_out(turns, [one.persona for one in people], lambda: None)
    found: dict[str, Any] = figures(turns, unseen, [one.truth for one in people], 0)["1"]
    assert found["auc"] < 0.05
    assert found["auc_ceiling"] == 1.0
    assert found["brier_skill"] < -1


def test_nothing_is_said_of_a_turn_that_few_reached_or_that_all_bought() -> None:
    people = opposite(20)
    turns = Turns.of(people)
    flat = np.full(len(people), 0.5)
    assert figures(turns, flat, [one.truth for one in people], 0) == {}
    bought = [one for one in opposite(200) if one.bought]
    assert figures(Turns.of(bought), np.full(len(bought), 0.5), [1.0] * len(bought), 0) == {}
