"""What is allowed now, and why not. An ordered tuple of rules; the first that refuses an action gives the reason."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agent.decision.situation import Situation
from agent.turn import Act, Action, Refusal

Refused = Mapping[Action, str]

_SELLING = frozenset(
    {Action.PRESENT_OFFER, Action.OFFER_INCENTIVE, Action.TRIAL_CLOSE, Action.CONFIRM_SALE, Action.NURTURE}
)


@dataclass(frozen=True, slots=True)
class Rule:
    """``refuses`` gives the refused actions, each with its reason in plain words."""

    name: str
    refuses: Callable[[Situation], Refused]


def _all_but(reason: str, *allowed: Action) -> Refused:
    return {action: reason for action in Action if action not in allowed}


def _opt_out(now: Situation) -> Refused:
    if not now.is_opted_out():
        return {}
    if not now.opted_out_before():
        return _all_but("the customer does not want to be contacted", Action.CLOSE_POLITELY)
    answers = [Action.CLOSE_POLITELY, Action.HANDOFF_TO_HUMAN]
    answers += [Action.ANSWER_QUESTION] if now.asks() else []
    answers += [Action.QUOTE_PRICE] if now.said(Act.ASK_PRICE) else []
    answers += [Action.SHARE_PROOF] if now.said(Act.ASK_PROOF) else []
    return _all_but("the customer opted out before: only what he asks is answered", *answers)


def _quiet_hours(now: Situation) -> Refused:
    if not now.is_quiet():
        return {}
    reason = "this conversation is outbound, and contact is not allowed at this hour"
    return _all_but(reason, Action.SCHEDULE_FOLLOW_UP, Action.CLOSE_POLITELY, Action.HANDOFF_TO_HUMAN)


def _may_not_buy(now: Situation) -> Refused:
    if not now.may_not_buy():
        return {}
    return _all_but("the customer may not buy this (age)", Action.CLOSE_POLITELY, Action.HANDOFF_TO_HUMAN)


def _needs_a_person(now: Situation) -> Refused:
    topic = now.handoff_topic()
    if topic is None:
        return {}
    return _all_but(f"a person has to look at this ({topic})", Action.HANDOFF_TO_HUMAN, Action.CLOSE_POLITELY)


def _handed_off(now: Situation) -> Refused:
    if not now.progress.handed_off:
        return {}
    waiting = (*_SELLING, Action.ASK_DISCOVERY, Action.HANDLE_OBJECTION)
    return dict.fromkeys(waiting, "a person is taking over; nothing is sold meanwhile")


def _blocking_objection(now: Situation) -> Refused:
    blocking = now.blocking()
    if not blocking:
        return {}
    reason = f"an open objection forbids closing: {', '.join(entry.type for entry in blocking)}"
    return {Action.TRIAL_CLOSE: reason, Action.CONFIRM_SALE: reason}


def _explicit_yes(now: Situation) -> Refused:
    if now.said(Act.BUY) or now.agrees_to_buy() or now.progress.sold:
        return {}
    return {Action.CONFIRM_SALE: "the customer has not said yes to buying"}


def _discount_within_authority(now: Situation) -> Refused:
    if now.incentive() is None:
        return {Action.OFFER_INCENTIVE: "no incentive is left within the authority for this offer"}
    price_stands = any(entry.type == "price" for entry in now.open_objections())
    if not (price_stands or now.said(Act.ASK_DISCOUNT)):
        return {Action.OFFER_INCENTIVE: "nobody has resisted on price or asked for a discount"}
    return {}


def _nothing_to_handle(now: Situation) -> Refused:
    return {} if now.open_objections() else {Action.HANDLE_OBJECTION: "no objection is open"}


def _nothing_asked(now: Situation) -> Refused:
    return {} if now.asks() else {Action.ANSWER_QUESTION: "nothing was asked"}


def _nothing_to_close_on(now: Situation) -> Refused:
    seen = now.progress.offer is not None or now.progress.priced or now.said(Act.BUY)
    return {} if seen else {Action.TRIAL_CLOSE: "no offer has been presented or priced yet"}


def _nothing_left_to_ask(now: Situation) -> Refused:
    return {} if now.open_questions() else {Action.ASK_DISCOVERY: "every discovery question has been answered"}


def _not_over(now: Situation) -> Refused:
    over = (
        now.said(Act.GOODBYE, Act.DECLINE, Act.THANK, Act.OFF_TOPIC, Act.OPT_OUT, Act.ANGRY)
        or now.may_not_buy()
        or now.is_opted_out()
        or now.is_quiet()
        or now.progress.sold
        or now.progress.handed_off
        or any(entry.type == "no_need" for entry in now.open_objections())
    )
    return {} if over else {Action.CLOSE_POLITELY: "the customer has not ended the conversation"}


def _no_reason_for_a_person(now: Situation) -> Refused:
    needed = now.handoff_topic() is not None or now.progress.handed_off or now.may_not_buy()
    needed = needed or (now.opted_out_before() and now.said(Act.BUY, Act.BOOK))
    unsure = now.said(Act.ASK_INFO) and now.understanding.answer_id is None
    return {} if needed or unsure else {Action.HANDOFF_TO_HUMAN: "nothing here needs a person"}


def _already_sold(now: Situation) -> Refused:
    if not now.progress.sold:
        return {}
    sold = {Action.PRESENT_OFFER, Action.OFFER_INCENTIVE, Action.TRIAL_CLOSE, Action.NURTURE, Action.ASK_DISCOVERY}
    return dict.fromkeys(sold, "the customer has already bought")


RULES: tuple[Rule, ...] = (
    Rule("opt_out", _opt_out),
    Rule("may_not_buy", _may_not_buy),
    Rule("needs_a_person", _needs_a_person),
    Rule("quiet_hours", _quiet_hours),
    Rule("handed_off", _handed_off),
    Rule("already_sold", _already_sold),
    Rule("blocking_objection", _blocking_objection),
    Rule("explicit_yes", _explicit_yes),
    Rule("discount_within_authority", _discount_within_authority),
    Rule("nothing_to_handle", _nothing_to_handle),
    Rule("nothing_asked", _nothing_asked),
    Rule("nothing_to_close_on", _nothing_to_close_on),
    Rule("nothing_left_to_ask", _nothing_left_to_ask),
    Rule("not_over", _not_over),
    Rule("no_reason_for_a_person", _no_reason_for_a_person),
)


def refusals(now: Situation) -> tuple[Refusal, ...]:
    """Every refused action once, with the first rule that refuses it. The rules always leave at least one action."""
    refused: dict[Action, Refusal] = {}
    for rule in RULES:
        for action, reason in rule.refuses(now).items():
            if action not in refused:
                refused[action] = Refusal(action, rule.name, reason)
    return tuple(refused.values())
