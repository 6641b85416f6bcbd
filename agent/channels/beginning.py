"""What may come with the message that begins a conversation, and the post it becomes, for every surface that speaks."""

from typing import Annotated

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field

from agent.access.caller import Caller, Permission
from agent.channels import shapes
from agent.channels.conversations import agent_of, customer_of, tenant_of
from agent.channels.said import Said
from agent.orchestrator import Post


class Tolerant(BaseModel):
    """Of a request by somebody else's client: what is not known is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class Beginning(Tolerant):
    """Counts only when the message begins the conversation."""

    playbook: shapes.ShortText | None = None
    locale: Annotated[str, Field(max_length=40, pattern=shapes.LOCALE)] | None = None
    customer_id: shapes.CustomerId = None
    customer_data: shapes.CustomerData = shapes.CustomerData()


def post_of(request: Request, conversation_id: str, said: Said, beginning: Beginning) -> Post:
    """Raises ``InvalidInput`` when there is no such playbook."""
    agent_of(request).shop(beginning.playbook)
    return Post(
        conversation_id=conversation_id,
        text=said.text,
        tenant=tenant_of(request),
        message_id=said.id,
        playbook=beginning.playbook,
        locale=beginning.locale,
        customer=customer_of(beginning.customer_data, beginning.customer_id),
    )


def sees_insights(request: Request) -> bool:
    """Whether the caller may read what the rep reads. A front-end's key may not: behind it is the customer."""
    caller: Caller = request.state.caller
    return caller.may(Permission.READ_TURNS)
