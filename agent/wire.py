"""A finished turn as JSON: what the caller is answered, and what the ledger keeps."""

from typing import Any

from agent.nodes import Shop, TurnState
from agent.reply import manners
from agent.store.turns import Claimed
from agent.turn import Decision, Insights, Prediction, RankedAction, Reply
from predictors.base import Label


def response_json(claimed: Claimed, state: TurnState, total_ms: float) -> dict[str, Any]:
    """The answer to a posted message, in the shape of ``agent.channels.shapes.TurnResponse``."""
    assert "insights" in state and "decision" in state and "reply" in state
    insights, decision, reply = state["insights"], state["decision"], state["reply"]
    return {
        "response": reply.text,
        "interrupted": reply.interrupted,
        "held_by": "person" if reply.held else None,
        "conversation_id": claimed.conversation.id,
        "turn_id": claimed.turn_id,
        "seq": claimed.seq,
        "stage": decision.stage,
        "language": state["progress"].language if "progress" in state else None,
        "ml_insights": _insights(insights),
        "recommended_action": _decision(decision),
        "talking_points": reply.talking_points,
        "objection_answered": reply.objection_answered,
        "question_asked": reply.question_asked,
        "next_step": reply.next_step,
        "handoff": decision.handoff,
        "degraded": degraded(insights, reply),
        "timing_ms": {
            "understand": state.get("understand_ms", 0.0),
            "objection": round(insights.objections.elapsed_ms, 3),
            "needs": round(insights.needs.elapsed_ms, 3),
            "conversion": round(insights.conversion.elapsed_ms, 3),
            "decide": state.get("decide_ms", 0.0),
            "respond": state.get("respond_ms", 0.0),
            "check": state.get("check_ms", 0.0),
            "total": total_ms,
        },
    }


def ledger_json(claimed: Claimed, state: TurnState, shop: Shop) -> dict[str, Any]:
    """Everything of the turn: every prediction and where it came from, every action ranked or refused and why, every
    writer that was tried, every figure that was stopped."""
    assert "understanding" in state and "insights" in state and "decision" in state and "reply" in state
    assert "draft" in state
    return {
        "conversation_id": claimed.conversation.id,
        "turn_id": claimed.turn_id,
        "seq": claimed.seq,
        "message": claimed.conversation.recent[-1].text,
        "playbook": {"id": shop.playbook.id, "version": shop.playbook.version, "sha256": shop.sha256},
        "understanding": state["understanding"],
        "insights": state["insights"],
        "decision": state["decision"],
        "reply": state["reply"],
        "prompt_sha256": state["draft"].prompt_sha256,
    }


def degraded(insights: Insights, reply: Reply) -> list[str]:
    """Everything that did not go the first way, each as ``what:why``."""
    named = (("objection", insights.objections), ("needs", insights.needs), ("conversion", insights.conversion))
    found = [f"{name}:{prediction.degraded}" for name, prediction in named if prediction.degraded]
    found += [f"writer:{attempt.writer}:{attempt.failure}" for attempt in reply.attempts if attempt.failure]
    found += [f"listener:{reply.listener}"] if reply.listener else []
    for violation in reply.violations:
        rule = "law" if violation.kind in manners.KINDS else "facts"
        found.append(f"{rule}:{violation.kind}:{'repaired' if violation.repair else 'dropped'}")
    return found


def _insights(insights: Insights) -> dict[str, Any]:
    conversion = insights.conversion
    return {
        "predicted_objections": [_label(label, insights.objections) for label in insights.objections.labels],
        "predicted_needs": [_label(label, insights.needs) for label in insights.needs.labels],
        "conversion_probability": conversion.probabilities.get("converts"),
        "conversion_interval": conversion.interval,
        "conversion_delta": insights.conversion_delta,
        "conversion_causes": conversion.causes,
        "variant_id": None,
        "models": {
            "objection": _model(insights.objections),
            "needs": _model(insights.needs),
            "conversion": _model(conversion),
        },
    }


def _label(label: Label, prediction: Prediction) -> dict[str, Any]:
    return {
        "type": label.name,
        "probability": label.probability,
        "source": prediction.source,
        "evidence": label.evidence,
    }


def _model(prediction: Prediction) -> dict[str, Any]:
    return {
        "version": prediction.version,
        "source": prediction.source,
        "elapsed_ms": round(prediction.elapsed_ms, 3),
        "degraded": prediction.degraded,
    }


def _decision(decision: Decision) -> dict[str, Any]:
    return {
        "type": decision.action.value,
        "confidence": decision.confidence,
        "reasons": decision.reasons,
        "alternatives": [_ranked(ranked) for ranked in decision.alternatives[:3]],
        "policy_version": decision.policy_version,
        "objection": decision.objection,
        "need": decision.need,
        "offer": decision.offer,
        "contact_from": decision.contact_from.isoformat() if decision.contact_from else None,
    }


def _ranked(ranked: RankedAction) -> dict[str, Any]:
    return {"type": ranked.action.value, "propensity": ranked.propensity, "reasons": ranked.reasons}
