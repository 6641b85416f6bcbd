"""The protocols of the public sets' figures, worked out by hand."""

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from benchmarks.public import bandits as ope
from benchmarks.public import outcomes
from benchmarks.public.acts import FIRST, lines_before
from benchmarks.public.heads import best_threshold, f1, fit
from benchmarks.public.intents import few, threshold_for
from benchmarks.public.views import View
from training_data.public import dialogues, intents

LOG = [
    ope.Choice(0, 1, 0.5, True),
    ope.Choice(1, 1, 0.5, False),
    ope.Choice(1, 1, 0.25, True),
    ope.Choice(2, 1, 0.5, True),
]


def test_the_policy_to_judge_is_its_shares_of_items_at_each_position() -> None:
    own = [ope.Choice(item, position, 0.1, False) for item, position in ((0, 1), (0, 1), (1, 1), (5, 2))]
    assert ope.shares(own) == {(0, 1): 2 / 3, (1, 1): 1 / 3, (5, 2): 1.0}


def test_snips_and_effective_sample_by_hand() -> None:
    weight = ope.weights(LOG, {(0, 1): 0.5, (1, 1): 0.5})
    assert weight.tolist() == [1.0, 1.0, 2.0, 0.0]
    assert ope.snips(np.array([1.0, 0.0, 1.0, 1.0]), weight) == pytest.approx(3 / 4)
    assert ope.effective_sample(weight) == pytest.approx(16 / 6)
    assert ope.effective_sample(np.ones(50)) == pytest.approx(50)
    assert ope.effective_sample(np.zeros(3)) == 0.0


def test_an_estimate_from_too_few_effective_cases_is_refused() -> None:
    with pytest.raises(ope.TooFewEffective, match="effective sample 3 of 4, 100 needed"):
        ope.estimate(LOG, {(0, 1): 0.5, (1, 1): 0.5}, seed=0)
    enough = ope.estimate(LOG * 50, {(0, 1): 0.5, (1, 1): 0.5}, seed=0)
    assert enough.value == pytest.approx(3 / 4)
    assert enough.low < enough.value < enough.high


def test_out_of_scope_threshold_by_hand() -> None:
    inside, right = np.array([0.9, 0.8, 0.7, 0.4]), np.array([True, True, False, True])
    outside = np.array([0.6, 0.3])
    # Right of six: 4 below .35, 3 between .35 and .5, 4 between .6 and .8 (two kept, two refused); the lowest is taken.
    assert threshold_for(inside, right, outside, even=False) == pytest.approx(0.35)
    # Share kept right + share refused: 3/4 + 1/2 below .4, 2/4 + 2/2 between .6 and .8.
    assert threshold_for(inside, right, outside, even=True) == pytest.approx(0.65)


def test_no_threshold_where_nothing_is_out_of_scope_below_the_right_ones() -> None:
    assert threshold_for(np.array([0.2, 0.5]), np.array([True, True]), np.array([0.9]), even=False) == 0.0


def test_few_examples_are_as_many_of_each_and_the_same_for_a_seed() -> None:
    queries = [intents.Query(f"{intent} {i}", intent, "train") for intent in "ab" for i in range(5)]
    drawn = few(queries, 2, seed=3)
    assert sorted(query.intent or "" for query in drawn) == ["a", "a", "b", "b"]
    assert drawn == few(queries, 2, seed=3)
    assert any(drawn != few(queries, 2, seed) for seed in range(4, 9))


def ended(n: int) -> outcomes.Ended:
    return outcomes.Ended(tuple(dialogues.Message("seller", str(i)) for i in range(n)), n % 2 == 0)


def test_a_prefix_is_of_dialogues_that_still_go_on() -> None:
    assert [len(one.messages) for one in outcomes.first([ended(2), ended(4), ended(9)], 4)] == [4, 4]
    assert [len(one.messages) for one in outcomes.half([ended(0), ended(3), ended(4)])] == [2, 2]


def test_length_is_turned_round_where_short_dialogues_are_those_that_happen() -> None:
    lengths, happened = np.arange(1, 21), np.arange(1, 21) <= 10
    scores = outcomes.length_scores(lengths, happened, seed=0)
    assert scores.tolist() == (-lengths).tolist()


def test_the_line_before_is_the_other_speakers_last_one_in_the_same_dialogue() -> None:
    said = [
        ("d", "seller", "a"),
        ("d", "customer", "b"),
        ("d", "customer", "c"),
        ("d", "seller", "d"),
        ("e", "customer", "f"),
    ]
    sentences = [dialogues.Sentence(dialogue, speaker, text, "x") for dialogue, speaker, text in said]  # pyright: ignore[reportArgumentType]
    assert lines_before(sentences) == [FIRST, "a", "a", "c", FIRST]


def test_the_threshold_is_the_one_with_the_best_f1() -> None:
    target = np.array([[1], [1], [0], [0]], dtype=np.float32)
    probability = np.array([[0.9], [0.55], [0.5], [0.1]])
    assert 0.5 < best_threshold(target, probability) <= 0.55
    assert f1(np.array([1, 1, 0, 0]), np.array([1, 0, 1, 0])) == 0.5


@pytest.mark.parametrize("link", ["one", "several"])
def test_the_head_has_the_lowest_cost(link: Any) -> None:
    """Its gradient, worked out here on the joined matrix, is nearly zero."""
    rng = np.random.default_rng(1)
    dense = rng.normal(size=(60, 3)).astype(np.float32)
    grams = sparse.csr_matrix(rng.random((60, 5)).astype(np.float32) * (rng.random((60, 5)) < 0.4))
    target = np.eye(3, dtype=np.float32)[rng.integers(0, 3, 60)]
    view = View(dense, grams)
    head = fit(view, target, 2.0, link)
    weights = np.vstack([head.dense, head.sparse])
    joined = np.hstack([dense, np.asarray(grams[:, head.columns].todense())])
    gradient = joined.T @ (head.probabilities(view) - target) + weights / 2.0
    assert float(np.abs(gradient).max()) / len(target) < 2e-3
    assert float(np.abs(weights).max()) > 0.1
