"""A person across conversations: erasure by the front-end's own id for him."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Path, Request, Response

from agent.access.caller import Permission
from agent.access.route import Guarded, needs
from agent.channels import shapes
from agent.channels.conversations import ERRORS, agent_of, tenant_of

router = APIRouter(tags=["customers"], route_class=Guarded)


@router.delete(
    "/customers/{customer_id}",
    openapi_extra=needs(Permission.ERASE),
    response_model=shapes.CustomerErasedResponse,
    responses={**ERRORS},
)
async def erase_customer(
    request: Request,
    customer_id: Annotated[shapes.Identity, Path(description="The ``customer_id`` that his conversations were given.")],
) -> Response:
    """Erases every conversation of the person: messages, turns, outcomes. That he opted out stays known, as a digest."""
    erased = await agent_of(request).erase_customer(tenant_of(request), customer_id)
    content = {"customer_id": customer_id, "conversations_erased": erased}
    return Response(orjson.dumps(content), media_type="application/json")
