"""Quiet hours bind what the agent does of its own accord, by the customer's wall clock, across changes to summer time."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from agent.decision.engine import decide
from agent.reply.manners import outside_hours
from agent.turn import Act, Action, Customer, Decision, Occasion, Progress
from prompts import load_playbook
from prompts.law import QuietHours
from tests.agent.decision.situations import says, sees

ROOFING = load_playbook("roofing").book
CHICAGO = ZoneInfo("America/Chicago")
NIGHT = datetime(2026, 11, 20, 23, 30, tzinfo=CHICAGO)  # a Friday
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=CHICAGO)


def decided(at: datetime, *acts: Act, outbound: bool = True, **facts: str) -> Decision:
    occasion = Occasion(at.astimezone(UTC), "voice", outbound)
    return decide(ROOFING, Customer(facts=facts), Progress(), says(*acts), sees(), 1, occasion)


def test_an_outbound_conversation_at_night_only_makes_an_appointment_and_says_why() -> None:
    decision = decided(NIGHT, Act.ASK_PRICE)
    assert (decision.action, decision.quiet) == (Action.SCHEDULE_FOLLOW_UP, True)
    assert "not allowed at this hour" in decision.reasons[0]
    assert {"quiet_hours"} == {one.rule for one in decision.refused if one.action is Action.PRESENT_OFFER}
    assert decision.contact_from == datetime(2026, 11, 21, 9, 0, tzinfo=CHICAGO)


def test_an_opt_out_goes_before_the_hour() -> None:
    assert decided(NIGHT, Act.OPT_OUT).action is Action.CLOSE_POLITELY


def test_an_inbound_conversation_is_always_answered_and_an_outbound_one_by_day() -> None:
    assert decided(NIGHT, Act.ASK_PRICE, outbound=False).action is Action.QUOTE_PRICE
    assert decided(NOON, Act.ASK_PRICE).action is Action.QUOTE_PRICE


def test_the_customers_own_clock_counts_where_it_is_known() -> None:
    evening = datetime(2026, 11, 20, 19, 30, tzinfo=CHICAGO)
    assert decided(evening, Act.ASK_PRICE).quiet is False
    assert decided(evening, Act.ASK_PRICE, time_zone="America/New_York").quiet is True
    assert decided(evening, Act.ASK_PRICE, time_zone="Nowhere/Atall").quiet is False


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("2026-03-07T22:00:00-06:00", "2026-03-08T03:00:00-05:00"),  # 02:30 does not exist that night
        ("2026-10-31T22:00:00-05:00", "2026-11-01T02:30:00-06:00"),
        ("2026-06-01T02:45:00-05:00", "2026-06-01T02:45:00-05:00"),
    ],
)
def test_the_next_opening_is_a_real_moment_when_the_clocks_change(at: str, opens: str) -> None:
    hours = {day: [{"from": "02:30", "until": "05:00"}] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    said = {"es": "No.", "en": "No."}
    rule = QuietHours.model_validate({"time_zone": "America/Chicago", "contact": hours, "say": said})
    found = rule.next_contact(datetime.fromisoformat(at), CHICAGO)
    assert found >= datetime.fromisoformat(at)
    assert not rule.is_quiet(found, CHICAGO)
    assert abs((found - datetime.fromisoformat(opens)).total_seconds()) <= 1800


@pytest.mark.parametrize(
    "said", ["llámame a las 11 de la noche", "call me at 11 pm", "call me on Sunday", "mejor el domingo a las 10:00"]
)
def test_an_hour_outside_is_seen(said: str) -> None:
    assert outside_hours(said, ROOFING, "es" if " a" in said[:12] or "mejor" in said else "en")


@pytest.mark.parametrize(
    "said", ["call me at 5 pm", "llámame el lunes a las 10", "call me on Friday", "tomorrow works"]
)
def test_an_hour_inside_is_let_be(said: str) -> None:
    assert outside_hours(said, ROOFING, "es" if "lunes" in said else "en") is None
