"""The decision as a whole: pure, complete in its refusals, about something that exists; and what a conversation keeps."""

from copy import deepcopy
from types import MappingProxyType

import pytest

from agent.decision.engine import advance, decide
from agent.turn import Act, Action, Customer, Playbook, Progress, Understanding
from prompts.playbook import OBJECTION_TYPES
from tests.agent.decision.situations import BOOKS, NGX, ROOFING, answer, entry, says, sees, turn

QUESTIONS = {question.slot: question for question in NGX.discovery}


class TestPurity:
    @pytest.mark.parametrize("book", BOOKS)
    @pytest.mark.parametrize("act", Act)
    def test_the_same_inputs_get_the_same_answer_and_stay_as_they_were(self, book: str, act: Act) -> None:
        progress = Progress(ledger=(entry("price", "addressed"),), offer=BOOKS[book].offers[-1].id, customer_turns=4)
        inputs = (
            Customer("Ana", 40, {"city": "Lima"}),
            progress,
            says(act, Act.INFORM, words="lo que dije"),
            sees({"price": 0.7, "trust": 0.6}, ("pricing_info",)),
        )
        before = deepcopy(inputs)
        first = decide(BOOKS[book], *inputs, 5)
        assert decide(BOOKS[book], *deepcopy(inputs), 5) == first
        assert advance(inputs[1], first, *inputs[2:]) == advance(inputs[1], first, *inputs[2:])
        assert inputs == before

    def test_it_only_reads_what_it_is_given(self) -> None:
        acts = MappingProxyType({Act.RESOLVED: 0.9, Act.ASK_DISCOUNT: 0.8})
        evidence = MappingProxyType({Act.RESOLVED: ("listo",), Act.ASK_DISCOUNT: ("¿rebaja?",)})
        message = Understanding("es", acts, evidence)
        customer = Customer(facts=MappingProxyType({"city": "Lima"}))
        progress = Progress(ledger=(entry("trust", "addressed"),))
        decision = decide(NGX, customer, progress, message, sees(), 3)
        assert advance(progress, decision, message, sees()).customer_turns == 1

    def test_the_order_in_which_acts_were_found_does_not_matter(self) -> None:
        acts = (Act.ASK_PRICE, Act.AGREE, Act.INFORM, Act.ANGRY)
        assert answer(says(*acts)) == answer(says(*reversed(acts)))


class TestRefusals:
    @pytest.mark.parametrize("act", Act)
    @pytest.mark.parametrize("flag", ["", "opted_out", "underage", "handed_off", "sold"])
    def test_every_action_is_either_ranked_or_refused_once_with_rule_and_reason(self, act: Act, flag: str) -> None:
        remembered = {flag: True} if flag else {}
        decision = answer(says(act), seen=sees(("price", "trust")), **remembered)
        ranked = [ranked.action for ranked in decision.ranked]
        refused = [refusal.action for refusal in decision.refused]
        assert sorted([*ranked, *refused]) == sorted(Action)
        assert all(refusal.rule and refusal.reason for refusal in decision.refused)

    def test_a_refused_action_is_not_chosen_however_much_speaks_for_it(self) -> None:
        everything = [act for act in Act if act is not Act.UNDERAGE]
        decision = answer(says(*everything), seen=sees(OBJECTION_TYPES, tuple(NGX.needs), converts=1.0))
        assert decision.action is Action.CLOSE_POLITELY
        assert [ranked.action for ranked in decision.ranked] == [Action.CLOSE_POLITELY]
        assert decision.confidence == 1.0


class TestWhatItIsAbout:
    def test_the_offer_under_discussion_stays_the_offer(self) -> None:
        decision = answer(says(Act.ASK_PRICE), seen=sees(needs=("lose_weight",)), offer="elite_12m")
        assert decision.offer == "elite_12m"

    def test_the_offer_that_the_customer_names_becomes_the_offer(self) -> None:
        decision, progress = turn(Progress(offer="elite_12m"), says(Act.INFORM, offer="core_6m"))
        assert (decision.offer, progress.offer) == ("core_6m", "core_6m")

    @pytest.mark.parametrize(
        ("book", "need", "offer"),
        [
            (NGX, "lose_weight", "start_12w"),
            (NGX, "productivity", "core_6m"),
            (ROOFING, "gutters", "cool_home"),
            (ROOFING, "full_replacement", "replacement"),
        ],
    )
    def test_without_one_it_is_an_offer_that_serves_the_need(self, book: Playbook, need: str, offer: str) -> None:
        now, before = answer(says(), seen=sees(needs=(need,)), book=book), answer(says(), book=book, needs=(need,))
        assert (now.offer, now.need) == (before.offer, before.need) == (offer, need)

    def test_the_newest_need_goes_first_and_a_question_about_price_is_none(self) -> None:
        decision = answer(says(), seen=sees(needs=("pricing_info", "gain_muscle")), needs=("lose_weight",))
        assert decision.need == "gain_muscle"

    def test_the_next_question_is_one_that_was_neither_answered_nor_asked(self) -> None:
        asked, answered = ("goal", "situation"), ("goal", "past_attempts")
        decision = answer(says(Act.INFORM), slots=answered, asked=asked)
        assert decision.slot not in {*asked, *answered}

    def test_a_question_that_is_only_for_some_needs_is_not_asked_of_others(self) -> None:
        general = tuple(slot for slot, question in QUESTIONS.items() if not question.only_needs)
        narrow = next(slot for slot, question in QUESTIONS.items() if question.only_needs)
        others, concerned = set(NGX.needs) - set(QUESTIONS[narrow].only_needs), QUESTIONS[narrow].only_needs
        assert answer(says(), slots=general, seen=sees(needs=(concerned[0],))).slot == narrow
        assert answer(says(), slots=general[:-1], seen=sees(needs=(min(others),))).slot == general[-1]

    def test_a_prepared_answer_goes_with_a_question_only(self) -> None:
        known = NGX.answers[0].id
        assert answer(says(Act.ASK_INFO, answer_id=known)).answer_id == known
        assert answer(says(Act.INFORM, answer_id=known)).answer_id is None

    def test_the_proof_fits_the_doubt_and_is_not_the_one_already_shown(self) -> None:
        first = answer(says(Act.ASK_PROOF), ledger=(entry("authority"),), customer_turns=3)
        again = answer(says(Act.ASK_PROOF), ledger=(entry("authority"),), customer_turns=3, proofs=(first.proof_id,))
        shown = {proof.id: proof for proof in NGX.proof}
        assert first.action is again.action is Action.SHARE_PROOF
        assert "authority" in shown[first.proof_id].objections
        assert again.proof_id != first.proof_id

    def test_only_what_was_chosen_has_a_subject(self) -> None:
        decision = answer(says(Act.ASK_PRICE), customer_turns=3)
        assert decision.action is Action.QUOTE_PRICE
        assert (decision.objection, decision.proof_id, decision.incentive_id, decision.handoff) == (None,) * 4

    @pytest.mark.parametrize(
        ("message", "stage"),
        [
            (says(Act.BUY), "closed"),
            (says(Act.OPT_OUT), "closed"),
            (says(Act.BOOK), "follow_up"),
            (says(Act.ASK_PRICE), "presentation"),
            (says(Act.WANTS_HUMAN), "presentation"),
        ],
    )
    def test_the_stage_follows_the_action_and_a_handoff_leaves_it(self, message: Understanding, stage: str) -> None:
        assert answer(message, customer_turns=3, stage="presentation").stage == stage


class TestWhatIsRemembered:
    def test_a_question_that_was_answered_fills_its_slot_and_one_that_was_passed_over_does_not(self) -> None:
        asked, progress = turn(Progress(), says(Act.GREET))
        assert (asked.action, progress.asked, progress.slots) == (Action.ASK_DISCOVERY, (asked.slot,), ())
        assert turn(progress, says(Act.INFORM))[1].slots == (asked.slot,)
        assert turn(progress, says(Act.ASK_PRICE))[1].slots == ()

    def test_a_price_that_was_quoted_and_its_offer(self) -> None:
        decision, progress = turn(Progress(customer_turns=3), says(Act.ASK_PRICE))
        assert (progress.priced, progress.offer) == ((decision.offer,), decision.offer)

    def test_an_incentive_that_was_granted(self) -> None:
        ledger = (entry("price", "addressed", addressed=1),)
        before = Progress(customer_turns=3, offer="core_6m", ledger=ledger)
        decision, progress = turn(before, says(Act.ASK_DISCOUNT), sees(("price",)))
        assert progress.incentives == (decision.incentive_id,) != (None,)

    @pytest.mark.parametrize("flag", ["opted_out", "handed_off", "sold"])
    @pytest.mark.parametrize("act", [act for act in Act if act is not Act.OPT_IN])
    def test_what_ended_the_selling_is_never_forgotten(self, flag: str, act: Act) -> None:
        _, progress = turn(Progress(**{flag: True}), says(act))
        assert getattr(progress, flag)

    def test_an_age_is_remembered_until_another_is_given(self) -> None:
        _, progress = turn(Progress(), says(Act.INFORM, age=40))
        assert turn(progress, says(Act.INFORM))[1].age == 40
        assert turn(progress, says(Act.INFORM, age=41))[1].age == 41

    def test_how_often_the_customer_agreed_and_declined_and_how_likely_he_is_to_buy(self) -> None:
        progress = Progress()
        for act in (Act.AGREE, Act.DECLINE, Act.DECLINE, Act.INFORM):
            _, progress = turn(progress, says(act), sees(converts=0.42))
        assert (progress.agreed, progress.declined, progress.customer_turns) == (1, 2, 4)
        assert progress.conversion == 0.42

    def test_what_the_decision_does_not_concern_is_left_alone(self) -> None:
        _, progress = turn(Progress(used_lines=("a",), disclosed=True), says(Act.INFORM))
        assert (progress.used_lines, progress.disclosed) == (("a",), True)
