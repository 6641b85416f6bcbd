"""A finished turn as those who follow the conversation are told of it: a rep's card."""

from collections.abc import Mapping
from typing import Any

from agent.nodes import Shop, TurnState
from agent.store.events import Told
from agent.store.turns import Claimed
from agent.turn import Act, Decision, Language, Understanding

MOST_ANSWERS = 3
RISKS = (Act.MEDICAL, Act.LEGAL, Act.ANGRY, Act.WANTS_HUMAN, Act.UNDERAGE, Act.OPT_OUT, Act.INJECTION)
_HANDED_OVER = {"medical": Act.MEDICAL, "legal": Act.LEGAL, "angry": Act.ANGRY, "wants_human": Act.WANTS_HUMAN}


def turn_told(claimed: Claimed, state: TurnState, shop: Shop, response: Mapping[str, Any]) -> list[Told]:
    """``response``: what the front-end is answered (``agent.wire.response_json``)."""
    assert "decision" in state and "understanding" in state and "progress" in state
    decision, understanding, progress = state["decision"], state["understanding"], state["progress"]
    slots = [question.slot for question in shop.playbook.discovery]
    told = Told(
        "turn.completed",
        {
            "turn_id": claimed.turn_id,
            "seq": claimed.seq,
            "message_id": claimed.message_id,
            "said": claimed.conversation.recent[-1].text,
            **{name: response[name] for name in _TAKEN},
            "objection": _objection(decision, shop, understanding.language),
            "risk_flags": _risks(understanding, decision, opted_out=progress.opted_out),
            "slots": {
                "filled": [slot for slot in slots if slot in progress.slots],
                "missing": [slot for slot in slots if slot not in progress.slots],
            },
        },
    )
    if decision.handoff is None:
        return [told]
    evidence = understanding.evidence.get(_HANDED_OVER[decision.handoff], ())
    handoff = {"turn_id": claimed.turn_id, "topic": decision.handoff, "evidence": list(evidence)}
    return [told, Told("handoff.requested", handoff)]


_TAKEN = (
    "response", "interrupted", "held_by", "stage", "language", "talking_points", "ml_insights", "recommended_action",
    "next_step", "handoff", "degraded",
)  # fmt: skip


def _objection(decision: Decision, shop: Shop, language: Language) -> dict[str, Any] | None:
    """The objection that matters now, the customer's words for it, and what the playbook answers."""
    entry = next((one for one in decision.ledger if one.type == decision.objection), None)
    entry = entry or next((one for one in decision.ledger if one.open), None)
    if entry is None:
        return None
    answers = shop.playbook.objections[entry.type].answers[:MOST_ANSWERS]
    return {
        "type": entry.type,
        "status": entry.status,
        "evidence": list(entry.evidence),
        "answers": [text.said_in(language) for text in answers],
    }


def _risks(understanding: Understanding, decision: Decision, *, opted_out: bool) -> list[str]:
    found = [act.value for act in RISKS if understanding.has(act)]
    if opted_out and Act.OPT_OUT.value not in found:
        found.append("opted_out_before")
    return [*found, "quiet_hours"] if decision.quiet else found
