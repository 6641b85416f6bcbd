"""Which conversation a request belongs to, and what it says of the customer. Nothing is guessed."""

import hashlib
from collections.abc import Sequence

from agent.channels.conversations import customer_of
from agent.channels.openai.requests import ChatCompletion, Metadata
from agent.channels.shapes import CustomerData
from agent.turn import Customer

OUTBOUND = "outbound"


def conversation_of(header: str | None, body: ChatCompletion) -> str | None:
    """The front-end's id: the header ``X-Conversation-Id``, then the body's places, in this order. ``None``: it has none, and
    is answered from its messages alone."""
    named = (
        header,
        body.metadata and body.metadata.conversation_id,
        body.call and body.call.id,
        body.elevenlabs_extra_body and body.elevenlabs_extra_body.conversation_id,
    )
    return next((name for name in named if name), None)


def message_id_of(texts: Sequence[str]) -> str:
    """Of all that the customer has said so far: the same for a request that is sent again, and for no other."""
    digest = hashlib.sha256(b"%d" % len(texts))
    for text in texts:
        digest.update(b"\0%d\0" % len(text) + text.encode())
    return f"chat-{digest.hexdigest()}"


def channel_of(body: ChatCompletion) -> str:
    told = body.metadata or Metadata()
    spoken = body.call or body.elevenlabs_extra_body or told.livekit_room
    return told.channel or ("voice" if spoken else "chat")


def is_outbound(body: ChatCompletion) -> bool:
    """Whether the agent's side began it: quiet hours bind it then."""
    told = (body.metadata and body.metadata.direction) == OUTBOUND
    return told or bool(body.call and body.call.type and body.call.type.startswith(OUTBOUND))


def customer_in(body: ChatCompletion) -> Customer:
    told = body.metadata or Metadata()
    data = told.customer or CustomerData(name=body.customer.name if body.customer else None)
    return customer_of(data, told.customer_id)
