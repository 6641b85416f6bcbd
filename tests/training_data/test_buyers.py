"""Simulated buyers: the same for the same seed; outcomes follow the hidden truth, and little of it shows."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from predictors import conversion
from training_data.buyers import LABEL_NOISE, MOST_TURNS, Buyer, SimulatedConversation, simulate

SEEDS = (7, 11)


@cache
def crowd(seed: int) -> tuple[SimulatedConversation, ...]:
    return tuple(simulate(2_500, seed))


def bought(seed: int) -> NDArray[np.bool_]:
    return np.array([one.bought for one in crowd(seed)])


def truths(seed: int) -> NDArray[np.float64]:
    return np.array([one.truth for one in crowd(seed)])


def shown(seed: int, turn: int) -> NDArray[np.float64]:
    """What the conversion model would read after ``turn`` (0: the first, -1: the last)."""
    return np.stack([conversion.row(one.turns[turn].so_far) for one in crowd(seed)])


def learnt(turn: int) -> float:
    """AUC, on one crowd, of a model that was fitted on the other at the same turn."""
    train, test = SEEDS
    model = LogisticRegression(max_iter=500).fit(shown(train, turn), bought(train))
    return float(roc_auc_score(bought(test), model.predict_proba(shown(test, turn))[:, 1]))


def test_the_same_seed_gives_the_same_conversations() -> None:
    assert list(simulate(40, 3)) == list(simulate(40, 3))
    assert list(simulate(40, 3)) != list(simulate(40, 4))


def test_more_conversations_begin_with_the_same_ones() -> None:
    assert list(simulate(40, 3))[:15] == list(simulate(15, 3))


@pytest.mark.parametrize("seed", SEEDS)
def test_conversations_are_bounded_and_count_their_turns(seed: int) -> None:
    for one in crowd(seed):
        assert 1 <= len(one.turns) <= MOST_TURNS
        assert [turn.turn for turn in one.turns] == list(range(1, len(one.turns) + 1))
        assert [turn.so_far["turns"] for turn in one.turns] == [turn.turn for turn in one.turns]


@pytest.mark.parametrize("seed", SEEDS)
def test_only_what_a_seller_can_count_is_shown(seed: int) -> None:
    """Every column is one that the conversion model computes in service; the hidden state has none."""
    for one in crowd(seed)[:300]:
        for turn in one.turns:
            assert set(turn.so_far) <= set(conversion.COLUMNS)
            assert all(value >= 0 and value == int(value) for value in turn.so_far.values())


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_counted_never_runs_backwards(seed: int) -> None:
    growing = ("needs_known", "offer_known", "price_known", "agreed_before", "declined_before", "reopened_objections")
    for one in crowd(seed)[:300]:
        for before, after in zip(one.turns, one.turns[1:], strict=False):
            assert all(after.so_far[name] >= before.so_far[name] for name in growing)
            agreed = before.so_far["agreed_before"] + before.so_far["act_agree"]
            assert after.so_far["agreed_before"] == agreed


@pytest.mark.parametrize("seed", SEEDS)
def test_buyers_and_leavers_are_both_common(seed: int) -> None:
    assert 0.3 < bought(seed).mean() < 0.55


@pytest.mark.parametrize("seed", SEEDS)
def test_outcomes_follow_the_hidden_truth(seed: int) -> None:
    """As often as it says, within four standard errors, from the least to the most inclined."""
    for low in np.arange(0.0, 1.0, 0.2):
        within = (truths(seed) >= low) & (truths(seed) < low + 0.2)
        expected = truths(seed)[within].mean()
        error = math.sqrt(expected * (1 - expected) / within.sum())
        assert abs(bought(seed)[within].mean() - expected) < 4 * error


@pytest.mark.parametrize("seed", SEEDS)
def test_outcomes_are_noisy_so_that_nobody_is_certain(seed: int) -> None:
    assert truths(seed).min() >= LABEL_NOISE
    assert truths(seed).max() <= 1 - LABEL_NOISE
    turned_over = bought(seed) != (truths(seed) > 0.5)
    assert 0.1 < turned_over.mean() < 0.3


@pytest.mark.parametrize("seed", SEEDS)
def test_the_truth_is_a_ceiling(seed: int) -> None:
    """Nothing shown comes near it, and no other forecast has a lower expected error."""
    target, truth = bought(seed), truths(seed)
    ceiling = roc_auc_score(target, truth)
    assert 0.82 < ceiling < 0.9
    best = np.mean((truth - target) ** 2)
    for other in (
        np.sqrt(truth),
        truth**2,
        np.round(truth),
        0.5 + 0.5 * (truth - 0.5),
        np.full_like(truth, target.mean()),
    ):
        assert np.mean((other - target) ** 2) > best


def test_a_whole_conversation_tells_more_than_its_first_turn_and_less_than_the_truth() -> None:
    first, last = learnt(0), learnt(-1)
    ceiling = roc_auc_score(bought(SEEDS[1]), truths(SEEDS[1]))
    assert 0.5 < first < 0.62
    assert first + 0.05 < last < 0.75
    assert last + 0.1 < ceiling


@pytest.mark.parametrize("seed", SEEDS)
def test_length_does_not_give_the_outcome_away(seed: int) -> None:
    length = [len(one.turns) for one in crowd(seed)]
    assert 0.4 < roc_auc_score(bought(seed), length) < 0.62


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("column", conversion.COLUMNS)
def test_no_single_column_gives_the_outcome_away(column: str, seed: int) -> None:
    seen = shown(seed, -1)[:, conversion.COLUMNS.index(column)]
    assert 0.33 < roc_auc_score(bought(seed), seen) < 0.67


@pytest.mark.parametrize("seed", SEEDS)
def test_saying_yes_is_not_buying(seed: int) -> None:
    said_so = np.array([any(turn.so_far["act_buy"] for turn in one.turns) for one in crowd(seed)])
    assert 0.4 < bought(seed)[said_so].mean() < 0.7
    assert 0.25 < bought(seed)[~said_so].mean() < bought(seed)[said_so].mean()


def test_a_buyer_leans_towards_buying_by_wanting_trusting_and_affording_and_away_by_doubts() -> None:
    plain = Buyer(want=0.0, trust=0.0, means=0.0, politeness=0.5, patience=5)
    for better in (replace(plain, want=1.0), replace(plain, trust=1.0), replace(plain, means=1.0)):
        assert better.inclination() > plain.inclination()
    assert replace(plain, doubts={"price": 0.8}).inclination() < plain.inclination()
    assert replace(plain, politeness=1.0).inclination() == plain.inclination()
