"""Briefs for writers, made by hand: any action, language and playbook, with as much behind it as a test wants."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any

from agent.reply.facts import FactBook
from agent.reply.gate import FactLock
from agent.reply.lines import Line, all_lines
from agent.turn import Act, Action, Brief, Customer, Decision, Language, Playbook, Progress, Refusal, Understanding
from predictors.base import Utterance
from prompts import load_playbook, playbook_names
from prompts.playbook import SHARED_NEEDS

LANGUAGES: tuple[Language, ...] = ("es", "en")
PLACES = [(name, language) for name in playbook_names() for language in LANGUAGES]
SUBJECTS: dict[Action, tuple[str, ...]] = {
    Action.ANSWER_QUESTION: ("answer_id",),
    Action.HANDLE_OBJECTION: ("objection",),
    Action.SHARE_PROOF: ("proof_id",),
    Action.OFFER_INCENTIVE: ("incentive_id",),
    Action.HANDOFF_TO_HUMAN: ("handoff",),
}
"""What a decision names besides offer, slot and need, by its action."""


@cache
def book_of(name: str) -> tuple[Playbook, FactBook]:
    playbook = load_playbook(name).book
    return playbook, FactBook.of(playbook)


def needs_of(book: Playbook) -> list[str]:
    return [need for need in book.needs if need not in SHARED_NEEDS]


def subjects(book: Playbook, action: Action) -> list[dict[str, Any]]:
    """All that a decision for ``action`` can be about in this playbook."""
    match action:
        case Action.HANDLE_OBJECTION:
            return [{"objection": kind} for kind in book.objections]
        case Action.ANSWER_QUESTION:
            return [{"answer_id": None}, *({"answer_id": answer.id} for answer in book.answers)]
        case Action.SHARE_PROOF:
            proofs = [{"proof_id": proof.id} for proof in book.proof]
            return [*proofs, {"proof_id": book.proof[0].id, "objection": "trust"}]
        case Action.OFFER_INCENTIVE:
            return [{"incentive_id": one.id, "offer": offer} for one in book.incentives for offer in one.offers]
        case Action.HANDOFF_TO_HUMAN:
            return [{"handoff": topic} for topic in book.handoff]
        case Action.QUOTE_PRICE | Action.PRESENT_OFFER:
            return [{"offer": offer.id} for offer in book.offers]
        case Action.ASK_DISCOVERY:
            return [{"slot": question.slot} for question in book.discovery]
        case _:
            return [{}]


def decision(book: Playbook, action: Action, **changes: Any) -> Decision:
    """A decision for ``action`` about the first of everything, with ``changes``."""
    first = subjects(book, action)[-1] if action in SUBJECTS else {}
    about: dict[str, Any] = {"offer": book.offers[-1].id, "slot": book.discovery[0].slot, "need": needs_of(book)[0]}
    rest: dict[str, Any] = {"stage": "discovery", "policy_version": "test", "confidence": 1.0}
    empty: dict[str, Any] = {"reasons": (), "ranked": (), "refused": (), "ledger": ()}
    return Decision(**{"action": action} | rest | empty | about | first | changes)


@dataclass(frozen=True)
class Given:
    """What came before the reply."""

    acts: tuple[Act, ...] = ()
    progress: Progress = field(default_factory=Progress)
    customer: Customer = field(default_factory=Customer)
    recent: tuple[Utterance, ...] = (Utterance("customer", "ok"),)
    evidence: Mapping[Act, tuple[str, ...]] = field(default_factory=dict)
    age: int | None = None
    seed: int = 0


def brief(book: Playbook, language: Language, decided: Decision, given: Given | None = None) -> Brief:
    given = given or Given()
    heard = Understanding(language, dict.fromkeys(given.acts, 1.0), given.evidence, given.age)
    return Brief(
        book,
        language,
        decided,
        heard,
        given.progress,
        given.customer,
        given.recent,
        messages=given.recent,
        seed=given.seed,
    )


def refused(**rules: str) -> tuple[Refusal, ...]:
    """Refusals by action and rule: ``refused(trial_close="blocking_objection")``."""
    return tuple(Refusal(Action(action), rule, "because") for action, rule in rules.items())


def lock_of(name: str, of: Brief) -> FactLock:
    """The lock that a reply for this brief has to pass, as the node ``respond`` sets it."""
    granted = [entry.percent for entry in of.playbook.incentives if entry.id == of.decision.incentive_id]
    percent = max((one for one in granted if one), default=Decimal(0))
    heard = [said.text for said in of.recent if said.role == "customer"]
    return FactLock(
        book_of(name)[1], of.language, customer_words=heard, granted_percent=percent or None, offer=of.decision.offer
    )


@cache
def lines_of(name: str, language: Language) -> tuple[Line, ...]:
    return all_lines(book_of(name)[0], language)
