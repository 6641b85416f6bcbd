"""An objection's life: raised -> addressed -> resolved -> reopened, each step with the customer's own words."""

from dataclasses import replace

import pytest

from agent.decision.ledger import answers
from agent.turn import Act, Action, LedgerEntry, Prediction, Progress
from prompts.playbook import OBJECTION_TYPES
from tests.agent.decision.situations import answer, entry, says, sees, turn


def only(progress: Progress) -> LedgerEntry:
    (found,) = progress.ledger
    return found


class TestLife:
    def test_from_the_first_word_to_the_second_time(self) -> None:
        decision, progress = turn(Progress(customer_turns=3), says(), sees(("price",), words="está muy caro"))
        assert (decision.action, decision.objection) == (Action.HANDLE_OBJECTION, "price")
        addressed = only(progress)
        assert (addressed.status, addressed.open, addressed.times_addressed) == ("addressed", True, 1)
        assert (addressed.raised_at_seq, addressed.changed_at_seq) == (4, 4)
        assert addressed.evidence == ("está muy caro",)

        _, progress = turn(progress, says(Act.RESOLVED, words="ah, así sí me alcanza"))
        resolved = only(progress)
        assert (resolved.status, resolved.open, resolved.changed_at_seq) == ("resolved", False, 5)
        assert resolved.evidence == ("ah, así sí me alcanza", "está muy caro")

        _, progress = turn(progress, says(Act.OPT_OUT), sees(("price",), words="no, sigue siendo mucho"))
        reopened = only(progress)
        assert (reopened.status, reopened.open) == ("reopened", True)
        assert reopened.evidence == ("no, sigue siendo mucho", "ah, así sí me alcanza", "está muy caro")
        assert (reopened.raised_at_seq, reopened.changed_at_seq, reopened.times_addressed) == (4, 6, 1)

    def test_nobody_answers_an_opt_out_so_what_was_raised_stays_raised(self) -> None:
        decision = answer(says(Act.OPT_OUT), seen=sees(("price",)))
        assert [(entry.type, entry.status) for entry in decision.ledger] == [("price", "raised")]

    @pytest.mark.parametrize(("before", "after"), [("raised", "raised"), ("addressed", "reopened")])
    def test_repeating_it_reopens_what_was_answered_and_not_what_was_not(self, before, after) -> None:
        decision = answer(says(Act.OPT_OUT), seen=sees(("trust",)), ledger=(entry("trust", before),), customer_turns=1)
        assert decision.ledger[0].status == after

    @pytest.mark.parametrize("before", ["resolved", "reopened"])
    def test_what_comes_back_stands_as_reopened_and_forgets_nothing(self, before) -> None:
        settled = entry("trust", before, addressed=2)
        decision = answer(says(Act.OPT_OUT), seen=sees(("trust",), words="otra vez"), ledger=(settled,))
        (again,) = decision.ledger
        assert (again.status, again.times_addressed, again.raised_at_seq) == ("reopened", 2, settled.raised_at_seq)
        assert again.evidence == ("otra vez", *settled.evidence)

    def test_one_type_has_one_entry_however_often_it_comes(self) -> None:
        progress = Progress()
        for number in range(12):
            _, progress = turn(progress, says(Act.INFORM), sees(("price", "trust"), words=f"vez {number}"))
        assert sorted(entry.type for entry in progress.ledger) == ["price", "trust"]
        assert all(entry.raised_at_seq == 1 for entry in progress.ledger)

    def test_the_newest_words_are_kept_and_no_more_than_a_few(self) -> None:
        progress = Progress()
        for number in range(12):
            _, progress = turn(progress, says(Act.INFORM), sees(("effort",), words=f"vez {number}"))
        assert only(progress).evidence[0] == "vez 11"
        assert 1 < len(only(progress).evidence) <= 3

    def test_the_same_words_are_kept_once(self) -> None:
        progress = Progress()
        for _ in range(3):
            _, progress = turn(progress, says(Act.INFORM), sees(("effort",), words="mucho lío"))
        assert only(progress).evidence == ("mucho lío",)


class TestWhatSettlesOne:
    @pytest.mark.parametrize("act", [Act.RESOLVED, Act.BUY])
    @pytest.mark.parametrize("status", ["raised", "addressed", "reopened"])
    def test_saying_so_or_buying_settles_it_in_any_state(self, act, status) -> None:
        decision = answer(says(act, words="listo"), ledger=(entry("trust", status),))
        assert decision.ledger[0].status == "resolved"
        assert decision.ledger[0].evidence == ("listo", "lo dije")

    @pytest.mark.parametrize("act", [Act.AGREE, Act.BOOK])
    def test_a_yes_settles_only_what_was_answered(self, act) -> None:
        ledger = (entry("trust", "addressed"), entry("fit", "raised"))
        decision = answer(says(act, Act.OPT_OUT), ledger=ledger, customer_turns=1)
        assert {entry.type: entry.status for entry in decision.ledger} == {"trust": "resolved", "fit": "raised"}

    def test_an_answered_one_is_settled_when_the_customer_has_moved_on_and_not_before(self) -> None:
        ledger = (entry("timing", "addressed", seq=3),)
        soon = answer(says(Act.OPT_OUT), ledger=ledger, customer_turns=3)
        later = answer(says(Act.OPT_OUT), ledger=ledger, customer_turns=9)
        assert (soon.ledger[0].status, later.ledger[0].status) == ("addressed", "resolved")

    def test_one_that_nobody_answered_does_not_settle_by_itself(self) -> None:
        decision = answer(says(Act.OPT_OUT), ledger=(entry("timing", "raised"),), customer_turns=40)
        assert decision.ledger[0].status == "raised"

    def test_what_is_settled_is_left_as_it_was(self) -> None:
        settled = entry("price", "resolved")
        assert answer(says(Act.RESOLVED, words="sí"), ledger=(settled,), customer_turns=7).ledger == (settled,)

    def test_a_doubtful_objection_beside_a_clear_settlement_is_not_heard(self) -> None:
        doubtful, clear = sees({"price": 0.55}), sees({"price": 0.95})
        assert answer(says(Act.RESOLVED), seen=doubtful).ledger == ()
        assert [entry.type for entry in answer(says(Act.RESOLVED), seen=clear).ledger] == ["price"]
        assert [entry.type for entry in answer(says(Act.INFORM), seen=doubtful).ledger] == ["price"]

    def test_out_of_the_blue_it_must_be_more_likely_than_not(self) -> None:
        assert answer(says(Act.INFORM), seen=sees({"price": 0.45})).ledger == ()


class TestWhatRaisesOne:
    @pytest.mark.parametrize("kind", OBJECTION_TYPES)
    def test_every_type_is_entered_with_the_words_that_carried_it(self, kind) -> None:
        decision = answer(says(Act.OPT_OUT), seen=sees((kind,), words="eso mismo"), customer_turns=4)
        assert decision.ledger == (LedgerEntry(kind, "raised", ("eso mismo",), 5, 5),)

    def test_asking_for_a_discount_is_resistance_on_price_in_the_words_it_was_asked_with(self) -> None:
        decision = answer(says(Act.ASK_DISCOUNT, words="¿no hay rebaja?"))
        assert [(entry.type, entry.evidence) for entry in decision.ledger] == [("price", ("¿no hay rebaja?",))]

    def test_an_objection_that_was_open_is_heard_again_at_a_whisper(self) -> None:
        whispered = Prediction((), "model", "test", probabilities={"trust": 0.4})
        seen = replace(sees(), objections=whispered)
        open_before = answer(says(Act.OPT_OUT), seen=seen, ledger=(entry("trust", "addressed"),))
        settled_before = answer(says(Act.OPT_OUT), seen=seen, ledger=(entry("trust", "resolved"),))
        new = answer(says(Act.OPT_OUT), seen=seen)
        assert open_before.ledger[0].status == "reopened"
        assert open_before.ledger[0].evidence == ("lo dije",)
        assert settled_before.ledger[0].status == "resolved"
        assert new.ledger == ()


class TestWhatAddressesOne:
    @pytest.mark.parametrize("kind", OBJECTION_TYPES)
    def test_handling_answers_every_type(self, kind) -> None:
        assert answers(Action.HANDLE_OBJECTION, kind)

    @pytest.mark.parametrize("action", [Action.ASK_DISCOVERY, Action.QUOTE_PRICE, Action.CLOSE_POLITELY])
    def test_an_action_about_something_else_answers_none(self, action) -> None:
        assert not any(answers(action, kind) for kind in OBJECTION_TYPES)

    def test_what_an_earlier_message_raised_waits_while_this_one_is_answered(self) -> None:
        decision = answer(says(), seen=sees(("effort",)), ledger=(entry("timing"),), customer_turns=3)
        assert (decision.action, decision.objection) == (Action.HANDLE_OBJECTION, "effort")
        assert {entry.type: entry.status for entry in decision.ledger} == {"timing": "raised", "effort": "addressed"}

    def test_of_several_in_one_message_the_most_certain_is_answered_first(self) -> None:
        decision = answer(says(), seen=sees({"effort": 0.7, "fit": 0.95, "trust": 0.6}), customer_turns=3)
        assert (decision.action, decision.objection) == (Action.HANDLE_OBJECTION, "fit")

    def test_an_incentive_answers_the_price_and_is_counted_as_an_answer(self) -> None:
        ledger = (entry("price", "addressed", addressed=1),)
        decision = answer(
            says(Act.ASK_DISCOUNT), seen=sees(("price",)), ledger=ledger, offer="core_6m", customer_turns=3
        )
        assert (decision.action, decision.objection) == (Action.OFFER_INCENTIVE, "price")
        assert (decision.ledger[0].status, decision.ledger[0].times_addressed) == ("addressed", 2)
