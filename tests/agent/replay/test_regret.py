"""What a seller's choices cost: the truth of a simulated buyer after every answer."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from agent.replay.buyers.buyer import Message, SimulatedBuyer, crowd
from agent.replay.buyers.words import WORDS, read_words
from agent.replay.played import PlayedTurn, Truth
from agent.turn import Action
from tests.agent.replay.sellers import BOOKS, Deaf, Listener, Pusher, Seller, one_buyer, sell_to_all, sold_by
from training_data.buyers import LABEL_NOISE


@pytest.mark.parametrize("seller", [Listener, Deaf, Pusher])
def test_regret_is_what_the_best_action_is_worth_more_than_the_chosen_one(
    seller: Callable[[SimulatedBuyer], Seller],
) -> None:
    for one in sold_by(seller):
        for truth, answer in zip(one.truths, one.answers, strict=True):
            assert set(truth.values) == set(Action)
            assert truth.best is not None and answer.action is not None
            assert truth.values[truth.best] == max(truth.values.values())
            assert truth.regret == pytest.approx(truth.values[truth.best] - truth.values[answer.action], abs=1e-6)
            assert truth.regret >= 0
            assert truth.best != answer.action or truth.regret == 0
            assert all(LABEL_NOISE <= value <= 1 - LABEL_NOISE for value in (truth.chance, *truth.values.values()))


def test_a_truth_is_read_back_from_a_run_as_it_was_written() -> None:
    for one in sold_by(Listener)[:20]:
        for truth in one.truths:
            assert Truth.model_validate_json(truth.model_dump_json()) == truth


def test_those_who_sell_worse_have_more_to_regret() -> None:
    regret = [
        np.mean([truth.regret for one in sold_by(seller) for truth in one.truths])
        for seller in (Listener, Deaf, Pusher)
    ]
    assert regret[0] * 2 < regret[1] < regret[2]


def first_truths(says: Callable[[SimulatedBuyer, Message], PlayedTurn | None]) -> list[Truth]:
    """Of the first messages that ``says`` has an answer to."""
    found: list[Truth] = []
    for buyer in crowd(8, range(300), BOOKS):
        message = buyer.says(None)
        assert message is not None
        answer = says(buyer, message)
        if answer is not None:
            found.append(buyer.truth(answer))
    assert len(found) >= 10
    return found


def asked_the_price(buyer: SimulatedBuyer, message: Message, *, price: str) -> PlayedTurn | None:
    if "ask_price" not in message.acts or message.objections:
        return None
    seller = Listener(buyer)
    return seller.answer(message, Action.QUOTE_PRICE, says=price)


def test_a_wrong_price_costs_much_and_is_seen_where_it_was_told() -> None:
    told = first_truths(partial(asked_the_price, price=""))
    wrong = first_truths(partial(asked_the_price, price="$1,234."))
    for right, false in zip(told, wrong, strict=True):
        assert false.values[Action.QUOTE_PRICE] < right.values[Action.QUOTE_PRICE]
        assert false.regret > right.regret
        assert {**false.values, Action.QUOTE_PRICE: 0} == {**right.values, Action.QUOTE_PRICE: 0}
    assert np.mean([truth.best is Action.QUOTE_PRICE for truth in told]) > 0.8
    assert not any(truth.best is Action.QUOTE_PRICE for truth in wrong)


def test_a_price_of_another_offer_is_wrong_too() -> None:
    def quotes(buyer: SimulatedBuyer, message: Message, wanted: str, named: str) -> PlayedTurn | None:
        answer = asked_the_price(buyer, message, price=named) if buyer.case.playbook == "ngx" else None
        return answer and answer.model_copy(update={"offer": wanted})

    own, others = (
        first_truths(partial(quotes, wanted="core_6m", named=price)) for price in ("It is $2,790.", "It is $4,900.")
    )
    assert all(one.values[Action.QUOTE_PRICE] < one.chance for one in others)
    told, mistold = (np.mean([one.values[Action.QUOTE_PRICE] for one in truths]) for truths in (own, others))
    assert told > mistold + 0.05


def test_figures_of_the_playbooks_own_sentences_are_not_wrong() -> None:
    own = BOOKS["roofing"].objections["fit"].answers

    def answers(buyer: SimulatedBuyer, message: Message, says: str | None) -> PlayedTurn | None:
        if buyer.case.playbook != "roofing" or buyer.case.language != "en" or message.objections:
            return None
        return Listener(buyer).answer(message, Action.ANSWER_QUESTION, says=says or "")

    with_idiom = next(one.said_in("en") for one in own if "a cent" in one.said_in("en"))
    plain = first_truths(partial(answers, says=None))
    assert [one.values for one in first_truths(partial(answers, says=with_idiom))] == [one.values for one in plain]
    assert [one.values for one in first_truths(partial(answers, says="You pay a cent."))] != [
        one.values for one in plain
    ]


def objected(buyer: SimulatedBuyer, message: Message, *, answered: str | None, action: Action) -> PlayedTurn | None:
    if not message.objections:
        return None
    name = message.objections[0] if answered == "his" else answered
    return Listener(buyer).answer(message, action, objection=name)


def test_the_objection_that_was_raised_must_be_the_one_that_is_answered() -> None:
    his = first_truths(partial(objected, answered="his", action=Action.HANDLE_OBJECTION))
    another = first_truths(partial(objected, answered="an unheard-of one", action=Action.HANDLE_OBJECTION))
    none = first_truths(partial(objected, answered=None, action=Action.TRIAL_CLOSE))
    for right, wrong, pushed in zip(his, another, none, strict=True):
        assert right.values[Action.HANDLE_OBJECTION] > right.chance
        assert wrong.values[Action.HANDLE_OBJECTION] < wrong.chance
        assert pushed.values[Action.TRIAL_CLOSE] < pushed.chance
        assert pushed.regret > 0
    assert np.mean([one.best is Action.HANDLE_OBJECTION for one in his]) > 0.6


def after_two_replies(first: str, second: str, how: Callable[[PlayedTurn], PlayedTurn] = lambda it: it) -> list[Truth]:
    found: list[Truth] = []
    for buyer in crowd(8, range(60), BOOKS):
        seller = Listener(buyer)
        message = buyer.says(None)
        assert message is not None
        said = buyer.says(how(seller.answer(message, Action.ANSWER_QUESTION).model_copy(update={"reply": first})))
        if said is not None:
            again = seller.answer(said, Action.ANSWER_QUESTION).model_copy(update={"reply": second})
            found.append(buyer.truth(how(again)))
    return found


def test_the_same_reply_again_costs() -> None:
    repeated, fresh = after_two_replies("So it is.", "So it is."), after_two_replies("So it is.", "So it was.")
    assert len(fresh) > 40
    for one, other in zip(repeated, fresh, strict=True):
        assert one.chance == other.chance
        assert one.values[Action.ANSWER_QUESTION] < other.values[Action.ANSWER_QUESTION]


def test_an_answer_in_another_language_costs() -> None:
    def strange(answer: PlayedTurn) -> PlayedTurn:
        return answer.model_copy(update={"language": "en" if answer.language == "es" else "es"})

    strangers, own = after_two_replies("So it is.", "So it was.", strange), after_two_replies("So it is.", "So it was.")
    assert np.mean([one.chance for one in strangers]) < np.mean([one.chance for one in own]) - 0.01


def test_a_question_is_answered_with_words_for_it() -> None:
    answers = {
        (name, language): {
            "".join(char for char in line.lower() if char.isalnum())
            for line in read_words(WORDS / f"{name}.{language}.yaml").slots["timeline"]
        }
        for name in BOOKS
        for language in ("es", "en")
    }
    answered = asked = 0
    for buyer in crowd(6, range(300), BOOKS):
        message = buyer.says(None)
        assert message is not None and buyer.case.language is not None
        question = next(one for one in BOOKS[buyer.case.playbook].discovery if one.slot == "timeline")
        answer = Listener(buyer).answer(message, Action.ASK_DISCOVERY)
        wording = question.ask[1].said_in(buyer.case.language).replace("¿", "Dime, ¿", 1)
        said = buyer.says(answer.model_copy(update={"question_asked": wording}))
        if said is not None and said.acts == ("inform",) and not said.needs and said.heard_share is None:
            asked += 1
            bare = "".join(char for char in said.text.lower() if char.isalnum())
            answered += bare in answers[buyer.case.playbook, buyer.case.language]
    assert asked > 60
    assert answered / asked > 0.4  # the others have a filler, a slip of the pen or no accents


def test_no_answer_at_all_costs_and_the_customer_soon_goes() -> None:
    lengths: list[int] = []
    for number in range(60):
        buyer, said = one_buyer(number), 0
        message = buyer.says(None)
        while message is not None:
            said += 1
            nothing = PlayedTurn(number=said, said=message.text, failed="no answer in time")
            truth = buyer.truth(nothing)
            assert set(truth.values) == set(Action)
            assert truth.regret > 0
            message = buyer.says(nothing)
        lengths.append(said)
    assert np.mean(lengths) < 6


def test_a_handoff_ends_it_soon() -> None:
    class HandsOver(Listener):
        def choice(self, message: Message) -> Action:
            return Action.HANDOFF_TO_HUMAN

    assert max(len(one.messages) for one in sell_to_all(5, range(80), HandsOver) if not one.messages[0].objections) <= 8
    assert np.mean([len(one.messages) for one in sell_to_all(5, range(80), HandsOver)]) < 5


def test_when_it_is_over_he_says_no_more() -> None:
    sold = sell_to_all(5, range(5))
    for one in sold:
        assert one.buyer.says(one.answers[-1]) is None
        assert one.buyer.end() == (one.outcome, one.chance)


def test_before_he_has_said_anything_there_is_no_truth() -> None:
    with pytest.raises(ValueError, match="not said anything"):
        one_buyer(1).truth(PlayedTurn(number=1, said="", action=Action.TRIAL_CLOSE))
