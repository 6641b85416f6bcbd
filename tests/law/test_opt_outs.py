"""Opt-outs and what only sounds like one, hand-written (``opt_outs.jsonl``): none of it is in the training data. Half of
it was set aside by lot and not looked at while the rules were made; both halves keep their figures here."""

from pathlib import Path

import orjson
import pytest

from agent.decision.engine import decide
from agent.turn import Act, Action, Customer, Progress
from predictors.contact import contact_rules, contact_wish
from tests.agent.decision.situations import NGX, allowed, answer, says, sees, turn

ROWS = [orjson.loads(line) for line in (Path(__file__).parent / "opt_outs.jsonl").read_bytes().splitlines()]


def stops(text: str) -> bool:
    wished = contact_wish(text)
    return wished is not None and wished.wish == "stop"


@pytest.mark.parametrize(("half", "recall", "false_alarms"), [("seen", 0.99, 0.01), ("aside", 0.96, 0.03)])
def test_the_rules_alone_find_nearly_all_of_them(half: str, recall: float, false_alarms: float) -> None:
    for wanted, least in ((True, recall), (False, 1 - false_alarms)):
        rows = [row for row in ROWS if row["half"] == half and row["opt_out"] is wanted]
        right = sum(stops(row["text"]) is wanted for row in rows)
        assert len(rows) >= 75
        assert right / len(rows) >= least


def test_a_pattern_is_passed_over_only_where_it_could_not_match() -> None:
    rules = contact_rules()
    for row in ROWS:
        for one in (*rules.firm, *rules.soft):
            said = row["text"].lower()
            if one.say.search(said):
                assert any(hint in said for hint in one.when)


class TestInANewConversation:
    OUT = Customer(opted_out=True)

    @pytest.mark.parametrize("act", [Act.BUY, Act.AGREE, Act.GREET, Act.ASK_DISCOUNT, Act.INFORM, Act.BOOK])
    def test_nothing_is_sold(self, act: Act) -> None:
        decision = answer(says(act), seen=sees(("price",), converts=0.99), customer=self.OUT, offer="core_6m")
        assert allowed(decision) <= {Action.CLOSE_POLITELY, Action.HANDOFF_TO_HUMAN, Action.ANSWER_QUESTION}

    def test_what_is_asked_is_answered(self) -> None:
        assert answer(says(Act.ASK_PRICE), customer=self.OUT).action is Action.QUOTE_PRICE
        asked = says(Act.ASK_INFO, answer_id=NGX.answers[0].id)
        assert answer(asked, customer=self.OUT).action is Action.ANSWER_QUESTION

    def test_only_an_explicit_wish_takes_it_back_and_a_new_opt_out_holds_again(self) -> None:
        assert Action.PRESENT_OFFER in allowed(answer(says(Act.OPT_IN), customer=self.OUT))
        _, progress = turn(Progress(opted_out=True), says(Act.OPT_IN))
        assert (progress.opted_out, progress.opted_in) == (False, True)
        later = decide(NGX, self.OUT, progress, says(Act.INFORM), sees(), 2)
        assert Action.PRESENT_OFFER in allowed(later)
        _, progress = turn(progress, says(Act.OPT_OUT, Act.OPT_IN))
        assert (progress.opted_out, progress.opted_in) == (True, False)
