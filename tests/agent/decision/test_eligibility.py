"""What is allowed in a situation and what is refused, with the rule that says so and its reason in plain words."""

from decimal import Decimal

import pytest

from agent.turn import Act, Action, Customer, Decision, Progress
from prompts.playbook import OBJECTION_TYPES
from tests.agent.decision.situations import BOOKS, NGX, ROOFING, allowed, answer, entry, refusal, says, sees, turn

SELLING = {
    Action.PRESENT_OFFER,
    Action.OFFER_INCENTIVE,
    Action.TRIAL_CLOSE,
    Action.CONFIRM_SALE,
    Action.NURTURE,
    Action.ASK_DISCOVERY,
}
EVERY_SLOT = tuple(question.slot for question in NGX.discovery)
BELIEVING = NGX.model_copy(
    update={"eligibility": NGX.eligibility.model_copy(update={"minor_corrects_himself": "believed"})}
)
ASKED_TO_CLOSE = (Action.TRIAL_CLOSE,)


def refused_by(decision: Decision, action: Action) -> tuple[str, str]:
    found = refusal(decision, action)
    assert found is not None, f"{action} is allowed"
    return found.rule, found.reason


class TestOptOut:
    @pytest.mark.parametrize("act", [act for act in Act if act is not Act.OPT_OUT])
    def test_nothing_but_a_goodbye_is_allowed_whatever_else_the_message_does(self, act: Act) -> None:
        decision = answer(says(Act.OPT_OUT, act), seen=sees(("price",)), actions=ASKED_TO_CLOSE)
        assert allowed(decision) == {Action.CLOSE_POLITELY}
        assert {refused.rule for refused in decision.refused} == {"opt_out"}
        assert all("does not want to be contacted" in refused.reason for refused in decision.refused)

    @pytest.mark.parametrize("act", [act for act in Act if act is not Act.OPT_IN])
    def test_it_holds_for_good_whatever_the_customer_says_later(self, act: Act) -> None:
        _, progress = turn(Progress(), says(Act.OPT_OUT))
        for _ in range(3):
            decision, progress = turn(progress, says(act), sees(("price",), converts=0.99))
            assert decision.action is Action.CLOSE_POLITELY
            assert allowed(decision) == {Action.CLOSE_POLITELY}
            assert progress.opted_out

    def test_it_comes_before_every_other_reason(self) -> None:
        decision = answer(says(Act.OPT_OUT, Act.UNDERAGE, Act.MEDICAL), handed_off=True, sold=True)
        assert {refused.rule for refused in decision.refused} == {"opt_out"}


class TestAge:
    @pytest.mark.parametrize(("book", "age"), [("ngx", 17), ("ngx", 76), ("roofing", 17)])
    def test_a_customer_outside_the_ages_of_the_business_is_sold_nothing(self, book: str, age: int) -> None:
        by_himself = answer(says(Act.BUY, age=age), book=BOOKS[book])
        by_the_front_end = answer(says(Act.BUY), book=BOOKS[book], customer=Customer(age=age))
        remembered = answer(says(Act.BUY), book=BOOKS[book], age=age)
        for decision in (by_himself, by_the_front_end, remembered):
            assert refused_by(decision, Action.CONFIRM_SALE)[0] == "may_not_buy"
            assert "age" in refused_by(decision, Action.CONFIRM_SALE)[1]
            assert allowed(decision) == {Action.CLOSE_POLITELY, Action.HANDOFF_TO_HUMAN}

    @pytest.mark.parametrize(("book", "age"), [("ngx", 18), ("ngx", 75), ("roofing", 18), ("roofing", 76)])
    def test_the_ages_at_the_border_may_buy(self, book: str, age: int) -> None:
        assert Action.CONFIRM_SALE in allowed(answer(says(Act.BUY, age=age), book=BOOKS[book]))

    def test_a_customer_who_says_that_he_is_a_minor_may_not_buy_without_naming_his_age(self) -> None:
        decision = answer(says(Act.BUY, Act.UNDERAGE), customer=Customer(age=40))
        assert refused_by(decision, Action.CONFIRM_SALE)[0] == "may_not_buy"
        assert decision.action is Action.CLOSE_POLITELY

    def test_a_minor_stays_one_until_he_gives_another_age(self) -> None:
        _, progress = turn(Progress(), says(Act.UNDERAGE))
        later, progress = turn(progress, says(Act.BUY))
        assert refused_by(later, Action.CONFIRM_SALE)[0] == "may_not_buy"
        corrected, later_on = turn(progress, says(Act.BUY, age=34), book=BELIEVING)
        assert Action.CONFIRM_SALE in allowed(corrected)
        assert refusal(turn(later_on, says(Act.BUY), book=BELIEVING)[0], Action.CONFIRM_SALE) is None

    def test_a_minor_who_calls_himself_an_adult_later_is_sold_nothing_before_a_person_has_seen_to_it(self) -> None:
        _, progress = turn(Progress(), says(Act.UNDERAGE, age=16))
        corrected, progress = turn(progress, says(Act.BUY, age=18))
        assert corrected.action is Action.HANDOFF_TO_HUMAN
        assert "minor" in corrected.reasons[0]
        for _ in range(3):
            later, progress = turn(progress, says(Act.BUY))
            assert refused_by(later, Action.CONFIRM_SALE)[0] == "may_not_buy"

    def test_what_the_customer_says_of_his_age_goes_before_what_the_front_end_knew(self) -> None:
        assert Action.CONFIRM_SALE in allowed(answer(says(Act.BUY, age=30), customer=Customer(age=12), book=BELIEVING))
        assert answer(says(Act.BUY, age=30), customer=Customer(age=12)).action is Action.HANDOFF_TO_HUMAN
        assert Action.CONFIRM_SALE not in allowed(answer(says(Act.BUY, age=12), customer=Customer(age=30)))


class TestAPersonIsNeeded:
    @pytest.mark.parametrize(
        ("act", "topic"),
        [
            (Act.MEDICAL, "medical"),
            (Act.LEGAL, "legal"),
            (Act.ANGRY, "angry"),
            (Act.WANTS_HUMAN, "wants_human"),
        ],
    )
    @pytest.mark.parametrize("beside", [None, Act.BUY, Act.ASK_PRICE, Act.AGREE])
    def test_each_topic_goes_to_a_person_and_the_reason_names_it(
        self, act: Act, topic: str, beside: Act | None
    ) -> None:
        decision = answer(says(*filter(None, (act, beside))), actions=ASKED_TO_CLOSE)
        assert (decision.action, decision.handoff) == (Action.HANDOFF_TO_HUMAN, topic)
        for action in set(Action) - {Action.HANDOFF_TO_HUMAN, Action.CLOSE_POLITELY}:
            rule, reason = refused_by(decision, action)
            assert rule == "needs_a_person"
            assert topic in reason

    def test_of_several_topics_the_one_that_can_do_harm_is_named(self) -> None:
        assert answer(says(Act.WANTS_HUMAN, Act.ANGRY, Act.LEGAL, Act.MEDICAL)).handoff == "medical"
        assert answer(says(Act.WANTS_HUMAN, Act.ANGRY, Act.LEGAL)).handoff == "legal"

    def test_without_a_topic_nobody_is_called(self) -> None:
        rule, reason = refused_by(answer(says(Act.INFORM)), Action.HANDOFF_TO_HUMAN)
        assert (rule, reason) == ("no_reason_for_a_person", "nothing here needs a person")

    def test_a_question_without_a_prepared_answer_may_go_to_a_person(self) -> None:
        assert Action.HANDOFF_TO_HUMAN in allowed(answer(says(Act.ASK_INFO)))
        known = answer(says(Act.ASK_INFO, answer_id=NGX.answers[0].id))
        assert refused_by(known, Action.HANDOFF_TO_HUMAN)[0] == "no_reason_for_a_person"


class TestAfterAHandoff:
    @pytest.mark.parametrize("act", [Act.BUY, Act.AGREE, Act.ASK_DISCOUNT, Act.INFORM, Act.DECLINE])
    def test_nothing_is_sold_while_a_person_takes_over(self, act: Act) -> None:
        decision = answer(says(act), handed_off=True, actions=ASKED_TO_CLOSE, offer="core_6m", ledger=(entry("price"),))
        for action in SELLING | {Action.HANDLE_OBJECTION}:
            rule, reason = refused_by(decision, action)
            assert rule == "handed_off"
            assert "a person is taking over" in reason

    def test_the_next_message_after_it_is_bound_by_it_and_so_is_the_tenth(self) -> None:
        _, progress = turn(Progress(), says(Act.WANTS_HUMAN))
        assert progress.handed_off
        for _ in range(10):
            decision, progress = turn(progress, says(Act.BUY))
            assert refused_by(decision, Action.CONFIRM_SALE)[0] == "handed_off"

    def test_what_is_asked_may_still_be_answered(self) -> None:
        decision = answer(says(Act.ASK_INFO, Act.ASK_PRICE, answer_id=NGX.answers[0].id), handed_off=True)
        assert {Action.ANSWER_QUESTION, Action.QUOTE_PRICE} <= allowed(decision)


class TestAlreadySold:
    @pytest.mark.parametrize("act", [Act.INFORM, Act.ASK_INFO, Act.ASK_DISCOUNT, Act.AGREE, Act.THANK])
    def test_a_buyer_is_not_sold_to_again(self, act: Act) -> None:
        decision = answer(says(act), sold=True, offer="core_6m", ledger=(entry("price"),), actions=ASKED_TO_CLOSE)
        for action in SELLING - {Action.CONFIRM_SALE}:
            assert refused_by(decision, action) == ("already_sold", "the customer has already bought")

    def test_a_sale_is_remembered(self) -> None:
        decision, progress = turn(Progress(offer="core_6m"), says(Act.BUY))
        assert decision.action is Action.CONFIRM_SALE
        assert refused_by(turn(progress, says(Act.INFORM))[0], Action.PRESENT_OFFER)[0] == "already_sold"


class TestBlockingObjection:
    @pytest.mark.parametrize("book", BOOKS)
    @pytest.mark.parametrize("kind", OBJECTION_TYPES)
    def test_an_open_one_forbids_closing_exactly_if_the_playbook_says_that_it_blocks(self, book, kind) -> None:
        seen = sees((kind,))
        decision = answer(says(Act.AGREE), seen=seen, book=BOOKS[book], actions=ASKED_TO_CLOSE, priced=("x",))
        for action in (Action.TRIAL_CLOSE, Action.CONFIRM_SALE):
            if BOOKS[book].objections[kind].blocking:
                rule, reason = refused_by(decision, action)
                assert rule == "blocking_objection"
                assert kind in reason
            else:
                assert action in allowed(decision)

    @pytest.mark.parametrize("status", ["raised", "addressed", "reopened"])
    def test_answered_is_not_yet_settled(self, status) -> None:
        decision = answer(says(Act.INFORM), priced=("core_6m",), ledger=(entry("trust", status),))
        assert refused_by(decision, Action.TRIAL_CLOSE)[0] == "blocking_objection"

    def test_a_settled_one_forbids_nothing(self) -> None:
        decision = answer(says(Act.INFORM), priced=("core_6m",), ledger=(entry("trust", "resolved"),))
        assert Action.TRIAL_CLOSE in allowed(decision)

    def test_a_yes_with_a_blocking_objection_in_the_same_breath_is_no_sale(self) -> None:
        decision = answer(says(Act.BUY), seen=sees(("authority",)), priced=("core_6m",))
        assert refused_by(decision, Action.CONFIRM_SALE)[0] == "blocking_objection"

    def test_the_reason_names_every_open_one(self) -> None:
        decision = answer(says(Act.INFORM), seen=sees(("price", "trust", "timing")), priced=("core_6m",))
        reason = refused_by(decision, Action.TRIAL_CLOSE)[1]
        assert ("price" in reason, "trust" in reason, "timing" in reason) == (True, True, False)


class TestExplicitYes:
    @pytest.mark.parametrize(
        ("acts", "actions"),
        [
            ((), ()),
            ((Act.AGREE,), ()),
            ((Act.AGREE,), (Action.PRESENT_OFFER,)),
            ((Act.AGREE,), (Action.TRIAL_CLOSE, Action.ANSWER_QUESTION)),
            ((Act.THANK, Act.RESOLVED, Act.BOOK), ASKED_TO_CLOSE),
            ((Act.INFORM,), ASKED_TO_CLOSE),
            ((Act.AGREE, Act.DECLINE), ASKED_TO_CLOSE),
        ],
    )
    def test_a_sale_is_not_confirmed_without_one(self, acts, actions) -> None:
        decision = answer(says(*acts), seen=sees(converts=0.99), actions=actions, offer="core_6m", priced=("core_6m",))
        assert refused_by(decision, Action.CONFIRM_SALE) == (
            "explicit_yes",
            "the customer has not said yes to buying",
        )

    def test_wanting_to_buy_is_one(self) -> None:
        assert answer(says(Act.BUY)).action is Action.CONFIRM_SALE

    def test_agreeing_right_after_the_closing_question_is_one(self) -> None:
        assert Action.CONFIRM_SALE in allowed(answer(says(Act.AGREE), actions=ASKED_TO_CLOSE, offer="core_6m"))


class TestDiscount:
    NONE_LEFT = "discount_within_authority"

    def offered(self, book=NGX, offer="core_6m", given=()) -> Decision:
        return answer(says(Act.ASK_DISCOUNT), book=book, offer=offer, incentives=given)

    def test_nobody_who_has_not_resisted_on_price_is_offered_one(self) -> None:
        decision = answer(says(Act.AGREE), offer="core_6m", ledger=(entry("price", "resolved"), entry("timing")))
        assert refused_by(decision, Action.OFFER_INCENTIVE) == (
            self.NONE_LEFT,
            "nobody has resisted on price or asked for a discount",
        )

    def test_resisting_on_price_or_asking_opens_it(self) -> None:
        assert Action.OFFER_INCENTIVE in allowed(self.offered())
        assert Action.OFFER_INCENTIVE in allowed(answer(says(), seen=sees(("price",)), offer="core_6m"))
        assert Action.OFFER_INCENTIVE in allowed(answer(says(), ledger=(entry("price"),), offer="core_6m"))

    @pytest.mark.parametrize(("book", "offer"), [(NGX, "diagnostic"), (ROOFING, "inspection")])
    def test_an_offer_without_incentives_has_none(self, book, offer) -> None:
        assert "no incentive is left" in refused_by(self.offered(book, offer), Action.OFFER_INCENTIVE)[1]

    def test_what_was_given_counts_against_what_may_be_given(self) -> None:
        bound = NGX.model_copy(update={"incentives": NGX.incentives[:2]})
        assert Action.OFFER_INCENTIVE in allowed(self.offered(bound))
        for given in ("single_payment", "colleague"):  # 10 and 5 of the 10 per cent that may be given
            refused = refused_by(self.offered(bound, given=(given,)), Action.OFFER_INCENTIVE)
            assert refused == (self.NONE_LEFT, "no incentive is left within the authority for this offer")

    def test_what_was_given_on_one_offer_counts_on_the_next(self) -> None:
        bound = ROOFING.model_copy(update={"incentives": ROOFING.incentives[:2]})
        decision = self.offered(bound, "replacement", given=("flexible_date",))
        assert refused_by(decision, Action.OFFER_INCENTIVE)[0] == self.NONE_LEFT

    def test_an_extra_that_is_no_discount_is_left_when_the_authority_is_used_up(self) -> None:
        assert Action.OFFER_INCENTIVE in allowed(self.offered(given=("single_payment",)))
        everything = tuple(incentive.id for incentive in NGX.incentives)
        assert refused_by(self.offered(given=everything), Action.OFFER_INCENTIVE)[0] == self.NONE_LEFT

    @pytest.mark.parametrize("authority", [0, 4])
    def test_an_agent_without_enough_authority_gives_no_discount(self, authority) -> None:
        bound = NGX.model_copy(
            update={"discount_authority_percent": Decimal(authority), "incentives": NGX.incentives[:2]}
        )
        assert refused_by(self.offered(bound), Action.OFFER_INCENTIVE)[0] == self.NONE_LEFT

    def test_the_offer_may_bind_tighter_than_the_authority(self) -> None:
        tight = tuple(offer.model_copy(update={"max_discount_percent": Decimal(5)}) for offer in NGX.offers)
        bound = NGX.model_copy(update={"offers": tight, "incentives": NGX.incentives[:1]})
        assert refused_by(self.offered(bound), Action.OFFER_INCENTIVE)[0] == self.NONE_LEFT


class TestNothingThere:
    """Rules that keep an action out because it has no object."""

    def test_an_objection_is_handled_only_while_one_is_open(self) -> None:
        closed = answer(says(Act.INFORM), ledger=(entry("price", "resolved"),))
        assert refused_by(closed, Action.HANDLE_OBJECTION) == ("nothing_to_handle", "no objection is open")
        assert Action.HANDLE_OBJECTION in allowed(answer(says(Act.INFORM), seen=sees(("effort",))))

    def test_a_question_is_answered_only_if_one_was_asked(self) -> None:
        assert refused_by(answer(says(Act.INFORM)), Action.ANSWER_QUESTION) == ("nothing_asked", "nothing was asked")
        for act in (Act.ASK_INFO, Act.ASK_PRICE, Act.ASK_DISCOUNT, Act.ASK_PROOF):
            assert Action.ANSWER_QUESTION in allowed(answer(says(act)))

    def test_wanting_to_know_how_it_works_is_a_question_in_substance_and_wanting_to_lose_weight_is_none(self) -> None:
        assert Action.ANSWER_QUESTION in allowed(answer(says(Act.INFORM), seen=sees(needs=("process_info",))))
        assert Action.ANSWER_QUESTION not in allowed(answer(says(Act.INFORM), seen=sees(needs=("lose_weight",))))

    def test_nobody_is_asked_to_close_on_what_he_has_not_seen(self) -> None:
        rule, reason = refused_by(answer(says(Act.AGREE)), Action.TRIAL_CLOSE)
        assert (rule, reason) == ("nothing_to_close_on", "no offer has been presented or priced yet")
        for seen in ({"offer": "core_6m"}, {"priced": ("core_6m",)}):
            assert Action.TRIAL_CLOSE in allowed(answer(says(Act.AGREE), **seen))

    def test_discovery_ends_with_its_last_question(self) -> None:
        decision = answer(says(Act.INFORM), slots=EVERY_SLOT)
        assert refused_by(decision, Action.ASK_DISCOVERY) == (
            "nothing_left_to_ask",
            "every discovery question has been answered",
        )
        assert Action.ASK_DISCOVERY in allowed(answer(says(Act.INFORM), slots=EVERY_SLOT[1:]))

    def test_a_conversation_is_not_closed_on_a_customer_who_has_not_ended_it(self) -> None:
        for acts in ((), (Act.INFORM,), (Act.ASK_INFO,), (Act.BUY,)):
            rule, reason = refused_by(answer(says(*acts)), Action.CLOSE_POLITELY)
            assert (rule, reason) == ("not_over", "the customer has not ended the conversation")

    @pytest.mark.parametrize("act", [Act.GOODBYE, Act.DECLINE, Act.THANK])
    def test_a_customer_who_takes_leave_may_be_let_go(self, act: Act) -> None:
        assert Action.CLOSE_POLITELY in allowed(answer(says(act)))
