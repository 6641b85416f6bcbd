"""``POST /webhooks/rest/webhook``: the REST channel of Rasa, which many chat widgets speak."""

from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel, Field

from agent.access.caller import Permission
from agent.access.route import needs
from agent.channels import shapes
from agent.channels.beginning import Beginning, Tolerant, post_of
from agent.channels.conversations import ERRORS, agent_of
from agent.channels.refusal import Refusal, Surface, refusing
from agent.channels.said import MessageId, Said, message_text


class RasaErrorResponse(BaseModel):
    """As Rasa's own server answers."""

    status: Literal["failure"] = "failure"
    reason: str
    message: str
    details: dict[str, str | None]
    code: int


def shown(refusal: Refusal) -> Response:
    content = RasaErrorResponse(
        reason=refusal.kind, message=refusal.message, details={"parameter": refusal.field}, code=refusal.status
    )
    return Response(orjson.dumps(content.model_dump()), refusal.status, media_type="application/json")


router = APIRouter(tags=["chat clients"], route_class=refusing(shown))
SURFACE = Surface(("/webhooks/rest",), shown)


class RasaMetadata(Beginning):
    """``message_id`` makes a repeat return the stored turn."""

    message_id: MessageId = None


class RasaMessage(Tolerant):
    sender: shapes.Identity
    message: Annotated[str, Field(max_length=4_000)]
    metadata: RasaMetadata | None = None


class RasaReply(BaseModel):
    recipient_id: str
    text: str


_REFUSED: dict[str, Any] = {"model": RasaErrorResponse | shapes.ErrorResponse}


@router.post(
    "/webhooks/rest/webhook",
    openapi_extra=needs(Permission.POST),
    response_model=list[RasaReply],
    responses={
        **ERRORS,
        410: {
            "model": RasaErrorResponse,
            "description": "The conversation was erased meanwhile, or the turn given up.",
        },
        413: {"model": RasaErrorResponse, "description": "The body is larger than this server takes."},
        422: {"model": RasaErrorResponse, "description": "Something in the request is wrong; the field is named."},
        429: {**_REFUSED, "description": "Too many messages wait, or too many requests with this key."},
        503: {**ERRORS[503], **_REFUSED},
    },
)
async def webhook(
    request: Request,
    body: RasaMessage,
    idempotency_key: Annotated[shapes.Identity | None, Header()] = None,
) -> Response:
    """One turn; ``sender`` is the conversation. An empty list where the agent keeps silent."""
    agent = agent_of(request)
    metadata = body.metadata or RasaMetadata()
    text = message_text(body.message, agent.settings.longest_message, "message")
    said = Said("customer", text, metadata.message_id or idempotency_key)
    reply = orjson.loads(await agent.post(post_of(request, body.sender, said, metadata)))["response"]
    replies = [RasaReply(recipient_id=body.sender, text=reply).model_dump()] if reply else []
    return Response(orjson.dumps(replies), media_type="application/json")
