"""Simulated buyers: the same for the same seed; outcomes follow the hidden truth, and little of it shows."""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from predictors import conversion
from predictors.train_conversion import Turns, held_out
from training_data.buyers import (
    LABEL_NOISE,
    MOST_TURNS,
    NEEDS,
    OBJECTIONS,
    Buyer,
    Move,
    Seen,
    SimulatedConversation,
    bayes_ceiling,
    simulate,
)
from training_data.personas import PERSONAS

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


def learnt(turn: int, columns: slice = slice(None)) -> float:
    """AUC, on one crowd, of a model that was fitted on the other at the same turn."""
    train, test = SEEDS
    return fitted(shown(train, turn)[:, columns], shown(test, turn)[:, columns])


def fitted(train: NDArray[np.float64], test: NDArray[np.float64]) -> float:
    model = LogisticRegression(max_iter=500).fit(train, bought(SEEDS[0]))
    return float(roc_auc_score(bought(SEEDS[1]), model.predict_proba(test)[:, 1]))


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
    growing = ("needs_known", "offer_known", "price_known", "agreed_before", "declined_before")
    for one in crowd(seed)[:300]:
        for before, after in zip(one.turns, one.turns[1:], strict=False):
            assert all(after.so_far[name] >= before.so_far[name] for name in growing)
            agreed = before.so_far["agreed_before"] + before.so_far.get("act_agree", 0.0)
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
    ceiling = bayes_ceiling(crowd(seed))
    assert ceiling is not None
    assert 0.82 < ceiling.low < ceiling.value < ceiling.high < 0.92
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
    assert 0.48 < first <= 0.6
    assert first + 0.05 < last < 0.78
    ceiling = bayes_ceiling(crowd(SEEDS[1]))
    assert ceiling is not None
    assert last + 0.08 < ceiling.value


@pytest.mark.parametrize("seed", SEEDS)
def test_length_does_not_give_the_outcome_away(seed: int) -> None:
    length = [len(one.turns) for one in crowd(seed)]
    assert 0.42 < roc_auc_score(bought(seed), length) < 0.58


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("column", conversion.COLUMNS)
def test_no_single_column_gives_the_outcome_away(column: str, seed: int) -> None:
    seen = shown(seed, -1)[:, conversion.COLUMNS.index(column)]
    assert 0.33 < roc_auc_score(bought(seed), seen) < 0.67


def looks(seed: int) -> NDArray[np.float64]:
    return np.array(
        [
            [one.style.language == "es", one.style.spoken, one.style.wordy, one.vertical == "fitness"]
            for one in crowd(seed)
        ],
        dtype=np.float64,
    )


def test_style_language_and_business_know_nothing_of_the_outcome() -> None:
    assert 0.46 < fitted(*(looks(seed) for seed in SEEDS)) < 0.54


def test_people_speak_in_every_way_whatever_their_kind() -> None:
    for column in looks(SEEDS[0]).T:
        for persona in PERSONAS:
            of_kind = column[[one.persona == persona.name for one in crowd(SEEDS[0])]]
            assert abs(of_kind.mean() - 0.5) < 4 * 0.5 / math.sqrt(len(of_kind))


def moves(seed: int) -> NDArray[np.float64]:
    kinds = get_args(Move)
    return np.array(
        [[[t.move for t in one.turns].count(kind) for kind in kinds] for one in crowd(seed)], dtype=np.float64
    )


def test_what_the_seller_does_hardly_gives_the_outcome_away() -> None:
    assert 0.44 < fitted(*(moves(seed) for seed in SEEDS)) <= 0.56


@pytest.mark.parametrize("seed", SEEDS)
def test_objections_occur_in_won_and_lost_conversations_alike(seed: int) -> None:
    for name in OBJECTIONS:
        raised = np.array([any(name in turn.objections for turn in one.turns) for one in crowd(seed)])
        assert 0.05 < raised.mean() < 0.4
        won, lost = raised[bought(seed)].mean(), raised[~bought(seed)].mean()
        assert 0.6 < won / lost < 1.5


@pytest.mark.parametrize("seed", SEEDS)
def test_saying_yes_is_not_buying(seed: int) -> None:
    said_so = np.array([any("buy" in turn.acts for turn in one.turns) for one in crowd(seed)])
    assert 0.1 < said_so.mean() < 0.4
    assert 0.55 < bought(seed)[said_so].mean() < 0.8
    assert 0.25 < bought(seed)[~said_so].mean() < bought(seed)[said_so].mean()


def test_there_are_a_dozen_kinds_of_people_and_all_of_them_come() -> None:
    assert len({persona.name for persona in PERSONAS}) == len(PERSONAS) == 12
    counts = [sum(one.persona == persona.name for one in crowd(SEEDS[0])) for persona in PERSONAS]
    assert min(counts) > 130


@pytest.mark.parametrize("seed", SEEDS)
def test_every_kind_of_people_buys_and_does_not_buy(seed: int) -> None:
    for persona in PERSONAS:
        of_kind = bought(seed)[[one.persona == persona.name for one in crowd(seed)]]
        assert 0.25 < of_kind.mean() < 0.75


def test_no_model_of_people_of_other_kinds_is_much_worse() -> None:
    """Holding out whole personas costs less than .05 AUC."""
    turns = Turns.of(crowd(SEEDS[0]))
    strangers = held_out(turns, [one.persona for one in crowd(SEEDS[0])], lambda: None)
    mixed = held_out(turns, [str(number % 12) for number in range(len(crowd(SEEDS[0])))], lambda: None)
    for turn in (2, 4, 6, 10):
        at = turns.turn == turn
        cost = roc_auc_score(turns.bought[at], mixed[at]) - roc_auc_score(turns.bought[at], strangers[at])
        assert cost < 0.05


@pytest.mark.parametrize("seed", SEEDS)
def test_needs_are_told_once_and_belong_to_the_business(seed: int) -> None:
    for one in crowd(seed)[:300]:
        told = [need for turn in one.turns for need in turn.needs]
        assert len(told) == len(set(told)) <= 3
        assert set(told) <= set(NEEDS[one.vertical])
        assert all("inform" in turn.acts for turn in one.turns if turn.needs)


def test_predictors_miss_and_imagine() -> None:
    """What is counted is not what was done, in both directions."""
    done = np.array([["agree" in t.acts, "act_agree" in t.so_far] for one in crowd(SEEDS[0]) for t in one.turns])
    missed, imagined = 1 - done[done[:, 0], 1].mean(), done[~done[:, 0], 1].mean()
    assert 0.15 < missed < 0.25
    assert 0.01 < imagined < 0.06


def pushes(seen: Seen, rng: np.random.Generator) -> Move:
    return "close"


def listens(seen: Seen, rng: np.random.Generator) -> Move:
    if seen.unanswered():
        return "answer_objection"
    return "show_proof" if seen.needs else "ask"


def test_what_the_seller_does_matters() -> None:
    def sold(seller: Callable[[Seen, np.random.Generator], Move]) -> float:
        return float(np.mean([one.truth for one in simulate(800, 5, seller)]))

    assert sold(listens) > sold(pushes) + 0.1


def test_outcomes_are_of_three_kinds() -> None:
    kinds = Counter(one.outcome for one in crowd(SEEDS[0]))
    assert set(kinds) == {"converted", "lost", "follow_up"}
    assert min(kinds.values()) > 150
    assert all(one.bought == (one.outcome == "converted") for one in crowd(SEEDS[0]))


def test_a_buyer_leans_towards_buying_by_wanting_trusting_and_affording_and_away_by_doubts() -> None:
    plain = Buyer(want=0.0, trust=0.0, means=0.0, politeness=0.5, patience=5, walks_at=-1.0, decides_at=1.0)
    for better in (replace(plain, want=1.0), replace(plain, trust=1.0), replace(plain, means=1.0)):
        assert better.inclination() > plain.inclination()
    assert replace(plain, doubts={"price": 0.8}).inclination() < plain.inclination()
    for same in (replace(plain, politeness=1.0), replace(plain, patience=9), replace(plain, walks_at=0.0)):
        assert same.inclination() == plain.inclination()
