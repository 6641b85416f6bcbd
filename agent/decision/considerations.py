"""How good each action would be now: an ordered tuple of considerations, each worth some points for a stated reason.

The points are a hand-set prior, of one order of magnitude: 20 settles the matter, 8 is what the message plainly asks for,
4 what a good salesperson would lean to, 1 or 2 a nudge. A policy may weigh them otherwise (``agent.decision.policy``).
"""

from collections.abc import Callable
from dataclasses import dataclass

from agent.decision.situation import QUESTIONS, Situation
from agent.turn import Act, Action

_NOT_PRESSED = frozenset({"no_need", "stall", "timing", "competitor"})
"""Objections that are answered once: a customer who repeats them has decided for now."""
_PARTING = (
    Action.SCHEDULE_FOLLOW_UP,
    Action.HANDOFF_TO_HUMAN,
    Action.CONFIRM_SALE,
    Action.NURTURE,
    Action.CLOSE_POLITELY,
)


@dataclass(frozen=True, slots=True)
class Consideration:
    action: Action
    points: float
    reason: str
    holds: Callable[[Situation], bool]


def _now(now: Situation, *kinds: str) -> bool:
    return any(entry.type in kinds for entry in now.raised_now())


def _first(now: Situation) -> str | None:
    return next((entry.type for entry in now.raised_now()), None)


def _again(now: Situation, *kinds: str) -> bool:
    return any(entry.type in kinds and entry.times_addressed > 0 for entry in now.raised_now())


def _asks(now: Situation) -> bool:
    return now.said(*QUESTIONS)


def _only_repeats(now: Situation) -> bool:
    raised = now.raised_now()
    return bool(raised) and all(entry.times_addressed > 0 and entry.type in _NOT_PRESSED for entry in raised)


def _offer_is_new(now: Situation) -> bool:
    return Action.PRESENT_OFFER not in now.progress.actions


def _good_news(now: Situation) -> bool:
    return now.said(Act.AGREE, Act.RESOLVED) and not now.said(Act.DECLINE) and not now.raised_now()


CONSIDERATIONS: tuple[Consideration, ...] = (
    # What ends the conversation or leaves the machine's hands
    Consideration(
        Action.CLOSE_POLITELY, 20, "the customer opted out", lambda s: s.said(Act.OPT_OUT) or s.progress.opted_out
    ),
    Consideration(Action.CLOSE_POLITELY, 3, "the customer opted out before", Situation.opted_out_before),
    Consideration(
        Action.HANDOFF_TO_HUMAN,
        14,
        "the customer opted out before and wants something now: a person settles it",
        lambda s: s.opted_out_before() and s.said(Act.BUY, Act.BOOK),
    ),
    Consideration(
        Action.HANDOFF_TO_HUMAN,
        24,
        "a minor calls himself an adult: a person has to see",
        lambda s: s.contradicts_minority() and not s.said(Act.UNDERAGE) and s.understanding.age is not None,
    ),
    Consideration(Action.SCHEDULE_FOLLOW_UP, 20, "contact is not allowed at this hour", Situation.is_quiet),
    Consideration(
        Action.ANSWER_QUESTION, 10, "the customer asks what he is talking to", lambda s: s.said(Act.ASKS_IDENTITY)
    ),
    Consideration(Action.CLOSE_POLITELY, 20, "the customer may not buy", Situation.may_not_buy),
    Consideration(Action.HANDOFF_TO_HUMAN, 20, "a person has to take this", lambda s: s.handoff_topic() is not None),
    Consideration(
        Action.HANDOFF_TO_HUMAN, 6, "a person already has this case", lambda s: s.progress.handed_off and not _asks(s)
    ),
    Consideration(
        Action.CLOSE_POLITELY,
        7,
        "the customer says goodbye",
        lambda s: s.said(Act.GOODBYE) and not s.said(Act.BOOK, Act.BUY) and not s.unanswered(),
    ),
    Consideration(
        Action.CLOSE_POLITELY,
        5,
        "everything is settled",
        lambda s: s.progress.sold and s.said(Act.THANK, Act.GOODBYE, Act.AGREE) and not _asks(s),
    ),
    Consideration(
        Action.CLOSE_POLITELY,
        7,
        "the customer thanks for what was agreed",
        lambda s: s.said(Act.THANK) and s.last_action in _PARTING and not s.said(*QUESTIONS, Act.BOOK, Act.BUY),
    ),
    Consideration(
        Action.HANDOFF_TO_HUMAN,
        12,
        "a person already has this case, and nobody here knows the answer",
        lambda s: s.progress.handed_off and _asks(s) and s.understanding.answer_id is None,
    ),
    Consideration(
        Action.CLOSE_POLITELY,
        7,
        "a second no is a no",
        lambda s: (
            s.said(Act.DECLINE)
            and not _asks(s)
            and s.last_action in (Action.NURTURE, Action.HANDLE_OBJECTION, Action.TRIAL_CLOSE, Action.OFFER_INCENTIVE)
            and not s.said(Act.BOOK)
        ),
    ),
    Consideration(
        Action.CONFIRM_SALE,
        6,
        "the customer stands by the purchase",
        lambda s: s.progress.sold and s.said(Act.AGREE) and s.last_action is not Action.CONFIRM_SALE,
    ),
    Consideration(
        Action.SCHEDULE_FOLLOW_UP,
        2,
        "the start has to be arranged",
        lambda s: s.progress.sold and not s.said(Act.THANK, Act.DECLINE),
    ),
    # What the message plainly asks for
    Consideration(
        Action.CONFIRM_SALE, 13, "the customer wants to buy", lambda s: s.said(Act.BUY) and not s.raised_now()
    ),
    Consideration(
        Action.CONFIRM_SALE,
        8,
        "the customer said yes to the closing question",
        lambda s: s.agrees_to_buy() and not s.raised_now() and not s.said(Act.BOOK),
    ),
    Consideration(
        Action.SCHEDULE_FOLLOW_UP,
        12,
        "the customer wants an appointment or a later contact",
        lambda s: s.said(Act.BOOK),
    ),
    Consideration(
        Action.SCHEDULE_FOLLOW_UP,
        5,
        "the customer said yes to an appointment",
        lambda s: s.said(Act.AGREE) and s.last_action in (Action.SCHEDULE_FOLLOW_UP, Action.NURTURE),
    ),
    Consideration(Action.QUOTE_PRICE, 9, "the customer asks for the price", lambda s: s.said(Act.ASK_PRICE)),
    Consideration(
        Action.QUOTE_PRICE,
        3,
        "it is the price of something of which no prepared answer speaks",
        lambda s: s.said(Act.ASK_PRICE) and (s.understanding.offer is not None or not s.answer_is_sure()),
    ),
    Consideration(
        Action.OFFER_INCENTIVE, 9, "the customer asks for a better price", lambda s: s.said(Act.ASK_DISCOUNT)
    ),
    Consideration(
        Action.HANDLE_OBJECTION, 4, "the customer asks for a better price", lambda s: s.said(Act.ASK_DISCOUNT)
    ),
    Consideration(Action.ANSWER_QUESTION, 8, "the customer asks something", lambda s: s.said(Act.ASK_INFO)),
    Consideration(Action.ANSWER_QUESTION, 3, "the customer asks something", Situation.asks),
    Consideration(Action.SHARE_PROOF, 9, "the customer asks for evidence", lambda s: s.said(Act.ASK_PROOF)),
    # Objections
    Consideration(
        Action.HANDLE_OBJECTION, 8, "the customer has just raised an objection", lambda s: bool(s.raised_now())
    ),
    Consideration(
        Action.HANDLE_OBJECTION,
        6,
        "an objection is still unanswered",
        lambda s: bool(s.unanswered()) and not s.raised_now(),
    ),
    Consideration(Action.HANDLE_OBJECTION, -5, "this was answered before: pressing does not help", _only_repeats),
    Consideration(Action.SHARE_PROOF, 6, "doubts are best met with evidence", lambda s: _now(s, "trust")),
    Consideration(
        Action.SHARE_PROOF, 2, "evidence helps with this objection", lambda s: _now(s, "competitor", "fit", "no_need")
    ),
    Consideration(Action.OFFER_INCENTIVE, 9, "price stands in the way again", lambda s: _again(s, "price")),
    Consideration(
        Action.SCHEDULE_FOLLOW_UP,
        6,
        "the moment is wrong: agree on a better one",
        lambda s: _again(s, "timing", "stall", "authority"),
    ),
    Consideration(
        Action.SCHEDULE_FOLLOW_UP, 3, "a fixed time keeps this alive", lambda s: _now(s, "timing", "stall", "authority")
    ),
    Consideration(
        Action.NURTURE,
        5,
        "the customer is not ready: leave it warm",
        lambda s: _again(s, "timing", "stall", "no_need", "competitor"),
    ),
    Consideration(
        Action.NURTURE,
        6,
        "the customer has heard a good deal and wants time",
        lambda s: _first(s) == "stall" and s.progress.customer_turns >= 3,
    ),
    Consideration(
        Action.NURTURE,
        6,
        "the customer thanks, and means no for now",
        lambda s: s.said(Act.THANK) and not _asks(s) and bool(s.raised_now()) and s.progress.customer_turns >= 3,
    ),
    Consideration(
        Action.NURTURE, 3, "the customer is not ready: leave it warm", lambda s: _now(s, "timing", "stall", "no_need")
    ),
    Consideration(Action.NURTURE, 5, "the customer said no", lambda s: s.said(Act.DECLINE) and not s.raised_now()),
    # Moving the sale on
    Consideration(
        Action.TRIAL_CLOSE,
        6,
        "the doubts are settled and an offer is on the table",
        lambda s: _good_news(s) and (s.progress.offer is not None or bool(s.progress.priced)),
    ),
    Consideration(
        Action.TRIAL_CLOSE, 4, "the customer is likely to buy", lambda s: s.conversion >= 0.6 and not s.raised_now()
    ),
    Consideration(
        Action.PRESENT_OFFER,
        4,
        "the need is known and nothing has been offered yet",
        lambda s: bool(s.needs()) and _offer_is_new(s) and s.progress.customer_turns >= 1,
    ),
    Consideration(
        Action.PRESENT_OFFER, 3, "the customer agrees to hear more", lambda s: _good_news(s) and _offer_is_new(s)
    ),
    Consideration(Action.PRESENT_OFFER, 2, "the customer names a need", lambda s: bool(s.needs_now())),
    Consideration(
        Action.ASK_DISCOVERY,
        5,
        "the conversation has just begun",
        lambda s: s.progress.customer_turns == 0 and not _asks(s) and not s.raised_now(),
    ),
    Consideration(
        Action.ASK_DISCOVERY,
        3,
        "not enough is known about the customer yet",
        lambda s: not s.needs() and bool(s.open_questions()),
    ),
    Consideration(
        Action.ASK_DISCOVERY,
        3,
        "the customer is telling about himself",
        lambda s: s.said(Act.INFORM) and len(s.progress.slots) < 4 and not _asks(s) and not s.unanswered(),
    ),
    Consideration(
        Action.ASK_DISCOVERY,
        3,
        "little is known about the customer's situation yet",
        lambda s: s.said(Act.INFORM) and s.progress.customer_turns < 2 and len(s.progress.slots) < 2 and not _asks(s),
    ),
    Consideration(
        Action.ASK_DISCOVERY, 2, "a question brings the talk back", lambda s: s.said(Act.OFF_TOPIC, Act.INJECTION)
    ),
    Consideration(Action.ASK_DISCOVERY, 1.5, "a question keeps the talk going", lambda s: not s.progress.sold),
    Consideration(
        Action.SHARE_PROOF, 1, "evidence supports the offer", lambda s: not _offer_is_new(s) and not s.progress.proofs
    ),
)
