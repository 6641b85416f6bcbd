"""The objection ledger: raised -> addressed -> resolved, or reopened, each step with the customer's words."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from agent.turn import Act, Action, LedgerEntry, ObjectionType, Prediction, Understanding
from predictors.base import Label
from prompts.playbook import OBJECTION_TYPES

MOVED_ON_AFTER = 2
"""Customer turns without a word of it after which an answered objection counts as settled; one that nobody answered only
when the customer says yes to something besides."""

SETTLED_UNLESS = 0.6
"""Probability that an objection needs beside a clear "that is settled" or "I'll take it" in the same message."""
BELIEVED = 0.5
"""Probability from which an objection out of the blue is answered. The rep is shown less certain ones, too."""
EXPECTED = 0.22
"""Probability from which an objection counts that was open before, or that one expects after what was just said."""
_EXPECTED_AFTER: dict[Action, ObjectionType] = {Action.QUOTE_PRICE: "price", Action.OFFER_INCENTIVE: "price"}

_SETTLING = (Act.RESOLVED, Act.AGREE, Act.BUY, Act.BOOK)
_EVIDENCE_KEPT = 3


def objections_in(
    predicted: Prediction,
    understanding: Understanding,
    ledger: Sequence[LedgerEntry],
    last_action: Action | None,
) -> tuple[Label, ...]:
    """The objections of one message, in the light of what else it does, of what was open before and of what was just said."""
    settled = any(understanding.acts.get(act, 0.0) >= SETTLED_UNLESS for act in (Act.RESOLVED, Act.BUY))
    strict = settled or last_action is Action.CONFIRM_SALE
    least, least_expected = (SETTLED_UNLESS, SETTLED_UNLESS) if strict else (BELIEVED, EXPECTED)
    heard = {label.name: label for label in predicted.labels if label.probability >= least}
    expected = [entry.type for entry in ledger if entry.open]
    if last_action is not None and last_action in _EXPECTED_AFTER:
        expected.append(_EXPECTED_AFTER[last_action])
    for kind in expected:
        probability = predicted.probability(kind)
        if kind not in heard and probability >= least_expected:
            heard[kind] = Label(kind, probability)
    if understanding.has(Act.ASK_DISCOUNT) and "price" not in heard:
        heard["price"] = Label(
            "price", understanding.acts[Act.ASK_DISCOUNT], understanding.evidence.get(Act.ASK_DISCOUNT, ())
        )
    return tuple(sorted(heard.values(), key=lambda label: -label.probability))


def hear(
    ledger: Sequence[LedgerEntry], objections: Sequence[Label], understanding: Understanding, seq: int
) -> tuple[LedgerEntry, ...]:
    """The ledger after the customer has spoken. ``objections`` are those of this message; ``seq`` is its turn's number."""
    heard = {label.name: label for label in objections}
    entries: list[LedgerEntry] = []
    for entry in ledger:
        label = heard.pop(entry.type, None)
        entries.append(_raised_again(entry, label, seq) if label else _left_alone(entry, understanding, seq))
    for kind in OBJECTION_TYPES:
        label = heard.get(kind)
        if label is not None:
            entries.append(LedgerEntry(kind, "raised", label.evidence[:_EVIDENCE_KEPT], seq, seq))
    return tuple(entries)


def _raised_again(entry: LedgerEntry, label: Label, seq: int) -> LedgerEntry:
    evidence = tuple(dict.fromkeys([*label.evidence, *entry.evidence]))[:_EVIDENCE_KEPT]
    status = "raised" if entry.status == "raised" else "reopened"
    return replace(entry, status=status, evidence=evidence, changed_at_seq=seq)


def _left_alone(entry: LedgerEntry, understanding: Understanding, seq: int) -> LedgerEntry:
    if not entry.open:
        return entry
    moved_on = seq - entry.changed_at_seq >= MOVED_ON_AFTER
    yes = understanding.has(*_SETTLING)
    settled = understanding.has(Act.RESOLVED, Act.BUY) or (
        yes or moved_on if entry.status == "addressed" else yes and moved_on
    )
    if not settled:
        return entry
    words = next((understanding.evidence[act] for act in _SETTLING if understanding.has(act)), ())
    evidence = tuple(dict.fromkeys([*words, *entry.evidence]))[:_EVIDENCE_KEPT]
    return replace(entry, status="resolved", evidence=evidence, changed_at_seq=seq)


_ANSWERING: dict[Action, frozenset[ObjectionType] | None] = {
    Action.HANDLE_OBJECTION: None,
    Action.SHARE_PROOF: frozenset({"trust", "competitor", "fit", "no_need"}),
    Action.OFFER_INCENTIVE: frozenset({"price", "commitment", "stall"}),
    Action.SCHEDULE_FOLLOW_UP: frozenset({"timing", "stall", "authority"}),
    Action.NURTURE: frozenset({"timing", "stall", "no_need", "competitor"}),
}


def answers(action: Action, objection: ObjectionType) -> bool:
    """Whether ``action`` does something about ``objection``."""
    kinds = _ANSWERING.get(action, frozenset())
    return kinds is None or objection in kinds


def address(ledger: Sequence[LedgerEntry], objections: Collection[ObjectionType], seq: int) -> tuple[LedgerEntry, ...]:
    """The ledger after the agent has answered ``objections``."""
    return tuple(
        replace(entry, status="addressed", changed_at_seq=seq, times_addressed=entry.times_addressed + 1)
        if entry.type in objections and entry.open
        else entry
        for entry in ledger
    )
