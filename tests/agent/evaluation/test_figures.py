"""The figures against values computed by hand."""

import pytest

from agent.evaluation.cases import DialogueTurn, LabelledDialogue, LabelledUtterance, Outcome
from agent.evaluation.dialogues import JudgedTurn, Played
from agent.evaluation.figures import DialogueScores, converted_after, dialogue_scores, label_scores, unacceptable
from agent.evaluation.utterances import Answer
from agent.evaluation.views import confusion, false_alarms, groups, language_right, misses
from agent.turn import Action
from predictors.base import Label, Prediction

KNOWN = ("price", "trust", "stall")


def answer(gold: set[str], said: dict[str, float], note: str | None = None, **unsaid: float) -> Answer:
    row = LabelledUtterance(
        id="x", vertical="fitness", text="x", objections=(), needs=(), note=note, language="es-MX" if note else None
    )
    labels = tuple(Label(name, probability) for name, probability in said.items())
    degraded = "no_model" if note else None
    prediction = Prediction(labels, "model", "m-1", degraded=degraded, probabilities={**said, **unsaid})
    return Answer(row, "es", frozenset(gold), KNOWN, prediction)


ANSWERS = (
    answer({"price"}, {"price": 0.9}),
    answer({"price", "trust"}, {"price": 0.8}, trust=0.2),
    answer(set(), {"stall": 0.7}, note="irony"),
    answer({"trust"}, {"trust": 0.6}, note="implicit"),
    answer(set(), {}),
)


def test_scores_of_labels() -> None:
    scores = label_scores(ANSWERS)
    assert scores is not None
    per_label = {name: (found.precision, found.recall, found.f1, found.n) for name, found in scores.per_label.items()}
    assert per_label == {
        "price": (1.0, 1.0, 1.0, 2),
        "trust": (1.0, 0.5, pytest.approx(2 / 3), 2),
        "stall": (0.0, 0.0, 0.0, 0),
    }
    assert scores.macro_f1 == pytest.approx((1 + 2 / 3) / 2)
    assert scores.micro_f1 == pytest.approx(2 * 3 / (4 + 4))
    assert scores.hard_accuracy == 0.5
    assert scores.hard_f1 == pytest.approx(2 / 3)
    assert scores.none_right == 0.5
    assert scores.ece == pytest.approx((0.1 + 0.2 + 0.8 + 0.7 + 0.4) / 15)
    assert (scores.n, scores.n_hard, scores.n_none, scores.degraded, scores.version) == (5, 2, 2, 2, "m-1")


def test_a_figure_without_rows_to_stand_on_is_none() -> None:
    assert label_scores(()) is None
    scores = label_scores((answer(set(), {}),))
    assert scores is not None
    assert (scores.macro_f1, scores.micro_f1, scores.hard_accuracy, scores.hard_f1) == (None, None, None, None)
    assert scores.none_right == 1.0


def test_what_was_said_instead() -> None:
    found = confusion((*ANSWERS, answer({"trust"}, {"price": 0.8, "stall": 0.5}), answer({"trust"}, {})))
    assert found.gold == ("price", "trust", "none")
    assert found.said == ("price", "trust", "stall", "none")
    assert found.counts == ((1, 0, 0, 0), (1, 1, 0, 1), (0, 0, 1, 1))
    assert found.shares[2] == (0.0, 0.0, 0.5, 0.5)


def test_rows_by_what_they_have_in_common() -> None:
    implicit, irony = groups(ANSWERS, lambda one: one.row.note)
    assert (implicit.name, implicit.n, implicit.exact, implicit.precision) == ("implicit", 1, 1.0, 1.0)
    assert (irony.name, irony.exact, irony.precision, irony.recall, irony.f1) == ("irony", 0.0, 0.0, None, 0.0)
    assert language_right(ANSWERS) == 1.0


def test_the_surest_errors_come_first() -> None:
    rows = (*ANSWERS, answer({"price"}, {"trust": 0.95}, price=0.1))
    assert [(wrong.label, wrong.probability) for wrong in false_alarms(rows)] == [("trust", 0.95), ("stall", 0.7)]
    assert [(wrong.label, wrong.probability) for wrong in misses(rows)] == [("price", 0.1), ("trust", 0.2)]


def played(outcome: Outcome, *probabilities: float | None, **judged: tuple[Action, ...]) -> Played:
    row = LabelledDialogue(
        id="d", vertical="fitness", outcome=outcome, turns=(DialogueTurn(role="customer", text="x"),)
    )
    acceptable, forbidden = judged.get("acceptable", ()), judged.get("forbidden", ())
    turns = [
        JudgedTurn("d", number, "x", Action.QUOTE_PRICE, (), acceptable, forbidden, probability, ())
        for number, probability in enumerate(probabilities, start=1)
    ]
    return Played(row, tuple(turns))


DIALOGUES = (
    played("converted", 0.8, 0.4, acceptable=(Action.QUOTE_PRICE, Action.NURTURE)),
    played("lost", 0.3, 0.6, forbidden=(Action.QUOTE_PRICE,)),
    played("follow_up", 0.6, acceptable=(Action.NURTURE,), forbidden=(Action.CONFIRM_SALE,)),
)


@pytest.fixture(scope="module")
def scores() -> DialogueScores:
    found = dialogue_scores(DIALOGUES)
    assert found is not None
    return found


def test_scores_of_dialogues(scores: DialogueScores) -> None:
    assert scores.action_agreement == pytest.approx(2 / 3)
    assert (scores.forbidden_taken, scores.forbidden_share) == (2, pytest.approx(2 / 3))
    assert (scores.n, scores.n_turns, scores.n_acceptable, scores.n_forbidden) == (3, 5, 3, 3)


def test_forbidden_actions_come_before_unacceptable_ones() -> None:
    turns = [turn for one in DIALOGUES[::-1] for turn in one.turns]
    assert [turn.action in turn.forbidden for turn in turns] == [False, True, True, False, False]
    assert [turn.action in turn.forbidden for turn in unacceptable(turns)] == [True, True, False]


def test_conversion_is_scored_at_fixed_turns_that_some_dialogue_reached(scores: DialogueScores) -> None:
    assert list(scores.conversion) == ["1", "2"]
    first, second = scores.conversion["1"], scores.conversion["2"]
    brier = (0.2**2 + 0.3**2 + 0.6**2) / 3
    assert (first.n, first.auc, first.auc_low, first.auc_high) == (3, 1.0, 1.0, 1.0)
    assert first.brier == pytest.approx(brier)
    assert first.brier_skill == pytest.approx(1 - brier / (2 / 9))
    assert first.ece == pytest.approx((0.2 + 0.3 + 0.6) / 3)
    assert (second.n, second.auc) == (2, 0.0)


def test_one_outcome_only_has_no_area_under_the_curve() -> None:
    scores = dialogue_scores((played("lost", 0.25), played("follow_up", 0.35)))
    assert scores is not None
    assert scores.conversion["1"].auc is None
    assert scores.conversion["1"].ece == pytest.approx(0.3)
    assert (scores.action_agreement, scores.forbidden_taken, scores.forbidden_share) == (None, 0, None)


def test_a_dialogue_that_was_given_no_probability_is_left_out() -> None:
    assert converted_after((played("converted", None, 0.4), played("lost", 0.3, None)), 1) == ([False], [0.3])
    scores = dialogue_scores((played("converted", None),))
    assert scores is not None
    assert scores.conversion == {}
