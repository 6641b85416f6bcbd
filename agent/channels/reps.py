"""For the person beside the agent: take a conversation over, write in it, give it back, judge what was suggested."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Header, Path, Request, Response

from agent.access.caller import Permission
from agent.access.route import Guarded, needs
from agent.channels import shapes
from agent.channels.conversations import ERRORS, UNKNOWN, ConversationId, agent_of, key_of
from agent.errors import InvalidInput
from agent.store.holding import Judgement

router = APIRouter(tags=["reps"], route_class=Guarded)

_NOT_NOW: dict[int | str, dict[str, Any]] = {
    409: {"model": shapes.ErrorResponse, "description": "Another person has the conversation, or nobody has."}
}


def _json(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status_code=status, media_type="application/json")


@router.post(
    "/conversations/{conversation_id}/takeover",
    openapi_extra=needs(Permission.TAKE_OVER),
    response_model=shapes.TakeoverResponse,
    responses={**ERRORS, **UNKNOWN, **_NOT_NOW},
)
async def take_over(request: Request, conversation_id: ConversationId, body: shapes.TakeoverRequest) -> Response:
    """From now on ``actor`` answers the customer: turns go on advising, and their ``response`` is empty. A reply that is being
    written ends where it is. Whoever has the conversation may ask again."""
    held = await agent_of(request).person_takes(key_of(request, conversation_id), body.actor, body.reason)
    return _json({"conversation_id": conversation_id, "held": {"actor": held.actor, "since": held.since}})


@router.post(
    "/conversations/{conversation_id}/handback",
    openapi_extra=needs(Permission.HAND_BACK),
    response_model=shapes.HandbackResponse,
    responses={**ERRORS, **UNKNOWN, **_NOT_NOW},
)
async def hand_back(request: Request, conversation_id: ConversationId, body: shapes.HandbackRequest) -> Response:
    """The agent answers again, and knows what was said. ``actor`` may be another than who took over: a colleague who left must
    not keep it."""
    await agent_of(request).person_hands_back(key_of(request, conversation_id), body.actor)
    return _json({"conversation_id": conversation_id, "held": None})


@router.post(
    "/conversations/{conversation_id}/messages",
    openapi_extra=needs(Permission.WRITE),
    response_model=shapes.PersonMessageResponse,
    status_code=201,
    responses={
        **ERRORS,
        **UNKNOWN,
        **_NOT_NOW,
        200: {"model": shapes.PersonMessageResponse, "description": "The same message was stored before."},
    },
)
async def write(
    request: Request,
    conversation_id: ConversationId,
    body: shapes.PersonMessageRequest,
    idempotency_key: Annotated[shapes.Identity | None, Header()] = None,
) -> Response:
    """What the person who has the conversation writes to the customer. It is stored and told to those who follow; bringing it to
    the customer is the front-end's. A repeated ``message_id`` changes nothing."""
    agent = agent_of(request)
    if len(body.text) > agent.settings.longest_message:
        raise InvalidInput(f"has more than {agent.settings.longest_message} characters", field="text")
    message_id = body.message_id or idempotency_key
    written, new = await agent.person_writes(key_of(request, conversation_id), body.actor, body.text, message_id)
    return _json(written, 201 if new else 200)


@router.post(
    "/conversations/{conversation_id}/suggestions/{turn_id}/feedback",
    openapi_extra=needs(Permission.JUDGE),
    response_model=shapes.FeedbackResponse,
    status_code=201,
    responses={**ERRORS, **UNKNOWN},
)
async def judge(
    request: Request,
    conversation_id: ConversationId,
    turn_id: Annotated[shapes.TurnId, Path()],
    body: shapes.FeedbackRequest,
) -> Response:
    """What a person did with the suggestions of a turn (its id or number). All are kept; the turn's ledger shows them."""
    judgement = Judgement(body.action, body.actor, body.reason)
    found, number = await agent_of(request).judge(key_of(request, conversation_id), turn_id, judgement)
    return _json(
        {"conversation_id": conversation_id, "turn_id": found, "number": number, "action": body.action}, 201
    )  # fmt: skip
