"""How the allowed actions are ordered: what a message plainly asks for comes first. No points are tested, only behaviour."""

import math

import pytest

from agent.turn import Act, Action, Customer, Decision, Insights, Prediction, RankedAction
from predictors.base import Label
from tests.agent.decision.situations import NGX, allowed, answer, entry, says, sees

# A conversation that is well under way: a need is known, an offer was presented.
UNDER_WAY: dict[str, object] = {
    "customer_turns": 5,
    "needs": ("lose_weight",),
    "slots": ("goal", "situation", "obstacle", "schedule"),
    "asked": ("goal", "situation", "obstacle", "schedule"),
    "offer": "start_12w",
    "proofs": ("weight_kept",),
    "actions": (Action.ASK_DISCOVERY, Action.PRESENT_OFFER, Action.ANSWER_QUESTION),
}


def under_way(*acts: Act, seen: Insights | None = None, **remembered: object) -> Decision:
    return answer(says(*acts, answer_id=NGX.answers[0].id), seen=seen, **{**UNDER_WAY, **remembered})


def place(decision: Decision, action: Action) -> int:
    return [ranked.action for ranked in decision.ranked].index(action)


def ranked_of(decision: Decision, action: Action) -> RankedAction:
    return decision.ranked[place(decision, action)]


class TestTheNumbers:
    @pytest.mark.parametrize("act", Act)
    def test_propensities_are_a_distribution_and_fall_with_the_rank(self, act: Act) -> None:
        decision = under_way(act, seen=sees(("price",)))
        propensities = [ranked.propensity for ranked in decision.ranked]
        assert math.isclose(sum(propensities), 1.0)
        assert all(0 < propensity <= 1 for propensity in propensities)
        assert propensities == sorted(propensities, reverse=True)

    @pytest.mark.parametrize("act", Act)
    def test_the_chosen_one_is_the_first_and_its_propensity_is_the_confidence(self, act: Act) -> None:
        decision = under_way(act)
        first = decision.ranked[0]
        assert (decision.action, decision.confidence, decision.reasons) == (
            first.action,
            first.propensity,
            first.reasons,
        )
        assert decision.alternatives == decision.ranked[1:]

    def test_every_ranked_action_has_a_reason_and_one_without_says_so(self) -> None:
        decision = under_way()
        assert all(ranked.reasons and all(ranked.reasons) for ranked in decision.ranked)
        assert ranked_of(decision, Action.QUOTE_PRICE).reasons == ("nothing speaks for it",)

    def test_ties_go_by_the_order_of_the_actions(self) -> None:
        decision = under_way(Act.INJECTION, slots=tuple(question.slot for question in NGX.discovery))
        order = list(Action)
        for before, after in zip(decision.ranked, decision.ranked[1:], strict=False):
            assert before.score > after.score or order.index(before.action) < order.index(after.action)
        assert any(
            before.score == after.score for before, after in zip(decision.ranked, decision.ranked[1:], strict=False)
        ), "there is no tie here to test"

    def test_what_does_not_bear_on_a_decision_changes_nothing_in_it(self) -> None:
        plain = under_way(Act.ASK_PRICE)
        named = answer(
            says(Act.ASK_PRICE, answer_id=NGX.answers[0].id, words="otra cosa"),
            customer=Customer(name="Ana", facts={"city": "Lima"}),
            used_lines=("a", "b"),
            **UNDER_WAY,
        )
        assert named.ranked == plain.ranked
        assert named.refused == plain.refused


class TestWhatTheMessagePlainlyAsksFor:
    @pytest.mark.parametrize(
        ("act", "action"),
        [
            (Act.ASK_PRICE, Action.QUOTE_PRICE),
            (Act.ASK_INFO, Action.ANSWER_QUESTION),
            (Act.ASK_PROOF, Action.SHARE_PROOF),
            (Act.BUY, Action.CONFIRM_SALE),
            (Act.BOOK, Action.SCHEDULE_FOLLOW_UP),
            (Act.OPT_OUT, Action.CLOSE_POLITELY),
            (Act.GOODBYE, Action.CLOSE_POLITELY),
            (Act.WANTS_HUMAN, Action.HANDOFF_TO_HUMAN),
            (Act.MEDICAL, Action.HANDOFF_TO_HUMAN),
            (Act.UNDERAGE, Action.CLOSE_POLITELY),
        ],
    )
    def test_it_gets_it(self, act: Act, action: Action) -> None:
        assert under_way(act).action is action

    @pytest.mark.parametrize("kind", ["price", "effort", "authority", "commitment", "fit"])
    def test_an_objection_just_raised_is_handled(self, kind: str) -> None:
        decision = under_way(seen=sees((kind,)))
        assert (decision.action, decision.objection) == (Action.HANDLE_OBJECTION, kind)

    def test_a_first_message_that_says_nothing_yet_gets_a_question(self) -> None:
        assert answer(says(Act.GREET)).action is Action.ASK_DISCOVERY

    def test_a_yes_to_the_closing_question_is_taken_for_a_yes(self) -> None:
        actions = (Action.PRESENT_OFFER, Action.TRIAL_CLOSE)
        assert under_way(Act.AGREE, actions=actions).action is Action.CONFIRM_SALE

    def test_thanks_after_a_sale_end_it(self) -> None:
        decision = under_way(Act.THANK, sold=True, actions=(Action.CONFIRM_SALE,))
        assert decision.action is Action.CLOSE_POLITELY

    def test_a_buyer_who_still_objects_is_answered_before_anything_is_sold(self) -> None:
        decision = under_way(Act.BUY, seen=sees(("price",)))
        assert decision.action is Action.HANDLE_OBJECTION


class TestRestraint:
    @pytest.mark.parametrize("kind", ["stall", "timing", "no_need"])
    def test_who_repeats_that_it_is_not_the_moment_is_not_pressed_again(self, kind: str) -> None:
        once = under_way(seen=sees((kind,)))
        again = under_way(seen=sees((kind,)), ledger=(entry(kind, "addressed", seq=5, addressed=1),))
        assert again.action is not Action.HANDLE_OBJECTION
        pressed, first = ranked_of(again, Action.HANDLE_OBJECTION), ranked_of(once, Action.HANDLE_OBJECTION)
        assert pressed.propensity < first.propensity

    def test_price_that_stands_in_the_way_again_gets_an_incentive_rather_than_the_same_answer(self) -> None:
        price = entry("price", "addressed", seq=5, addressed=1)
        decision = under_way(Act.ASK_DISCOUNT, seen=sees(("price",)), ledger=(price,))
        assert (decision.action, decision.incentive_id) == (Action.OFFER_INCENTIVE, NGX.incentives[0].id)

    @pytest.mark.parametrize("last", [Action.PRESENT_OFFER, Action.SHARE_PROOF, Action.NURTURE])
    def test_what_was_done_a_moment_ago_counts_for_less_now(self, last: Action) -> None:
        a_moment_ago = under_way(actions=(Action.PRESENT_OFFER, Action.ANSWER_QUESTION, last))
        earlier = under_way(actions=(Action.PRESENT_OFFER, last, Action.ANSWER_QUESTION))
        assert ranked_of(a_moment_ago, last).score < ranked_of(earlier, last).score
        assert "this was done a moment ago" in ranked_of(a_moment_ago, last).reasons

    def test_a_customer_who_is_likely_to_buy_is_asked_sooner(self) -> None:
        likely, unlikely = (
            under_way(Act.INFORM, seen=sees(converts=0.95)),
            under_way(Act.INFORM, seen=sees(converts=0.1)),
        )
        assert ranked_of(likely, Action.TRIAL_CLOSE).propensity > ranked_of(unlikely, Action.TRIAL_CLOSE).propensity

    def test_no_probability_of_buying_buys_past_an_objection(self) -> None:
        decision = under_way(Act.BUY, seen=sees(("trust",), converts=1.0))
        assert not {Action.TRIAL_CLOSE, Action.CONFIRM_SALE} & allowed(decision)


class TestWithoutPredictors:
    """Predictors may be down; they then answer by rule, or with nothing at all."""

    NOTHING = Insights(*(Prediction((), "rules", "rules-1", degraded="deadline") for _ in range(3)))

    @pytest.mark.parametrize("act", Act)
    def test_a_decision_is_made_all_the_same(self, act: Act) -> None:
        decision = answer(says(act), seen=self.NOTHING)
        assert decision.action in allowed(decision)

    def test_it_needs_no_probabilities_beside_the_labels(self) -> None:
        by_rule = Prediction((Label("price", 0.8, ("caro",)),), "rules", "rules-1")
        seen = Insights(by_rule, self.NOTHING.needs, self.NOTHING.conversion)
        decision = answer(says(), seen=seen, customer_turns=3)
        assert (decision.action, decision.objection) == (Action.HANDLE_OBJECTION, "price")

    def test_a_message_that_does_nothing_in_a_new_conversation_is_met_with_a_question(self) -> None:
        assert answer(says(), seen=self.NOTHING).action is Action.ASK_DISCOVERY
