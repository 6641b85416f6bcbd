"""The product's own REST API: start, message (streaming too), read, outcome, erase."""

import uuid
from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from agent.access.caller import Caller, Permission
from agent.access.route import Guarded, needs
from agent.channels import errors, shapes, sse
from agent.channels.exchange import Exchange
from agent.channels.sse import event
from agent.errors import AgentError, InvalidInput
from agent.orchestrator import Post, SalesAgent
from agent.turn import ConversationKey, Customer

router = APIRouter(tags=["conversations"], route_class=Guarded)

ConversationId = Annotated[shapes.Identity, Path(description="Yours (a call id, a chat id) or one that /start gave.")]
_JSON = "application/json"
GUARDED: dict[int | str, dict[str, Any]] = {
    401: {"model": shapes.ErrorResponse, "description": "No API key, or one that is not valid (any more)."},
    403: {"model": shapes.ErrorResponse, "description": "The key's role has no permission for this."},
    429: {"model": shapes.ErrorResponse, "description": "Too many requests with this key; see `Retry-After`."},
    503: {
        "model": shapes.ErrorResponse,
        "description": "The database can't be reached, or this process ends; try again.",
    },
}
ERRORS: dict[int | str, dict[str, Any]] = {
    **GUARDED,
    413: {"model": shapes.ErrorResponse, "description": "The body is larger than this server takes."},
    422: {"model": shapes.ErrorResponse, "description": "Something in the request is wrong; the field is named."},
}
UNKNOWN: dict[int | str, dict[str, Any]] = {
    404: {"model": shapes.ErrorResponse, "description": "No such conversation or turn."}
}


def agent_of(request: Request) -> SalesAgent:
    agent: SalesAgent = request.app.state.agent
    return agent


def tenant_of(request: Request) -> str:
    """From the caller's key and from nowhere else."""
    caller: Caller = request.state.caller
    return caller.tenant


def key_of(request: Request, conversation_id: str) -> ConversationKey:
    return ConversationKey(tenant_of(request), conversation_id)


def _json(content: Any, status: int = 200) -> Response:
    """A database row names its columns with a kind of ``str`` that orjson takes only when it is told to."""
    return Response(orjson.dumps(content, option=orjson.OPT_NON_STR_KEYS), status_code=status, media_type=_JSON)


def customer_of(data: shapes.CustomerData, customer_id: str | None) -> Customer:
    facts = {key: value for key, value in sorted((data.__pydantic_extra__ or {}).items()) if value is not None}
    return Customer(name=data.name, age=data.age, facts=facts, id=customer_id)


@router.post(
    "/conversations/start",
    openapi_extra=needs(Permission.START),
    response_model=shapes.ConversationResponse,
    status_code=201,
    responses={
        **ERRORS,
        200: {"model": shapes.ConversationResponse, "description": "The same start was stored before."},
        409: {"model": shapes.ErrorResponse, "description": "The id is taken by a conversation with other data."},
    },
)
async def start(request: Request, body: shapes.StartRequest) -> Response:
    """Starts a conversation. Sending the same start again, in whatever order of its keys, changes nothing."""
    post = Post(
        conversation_id=body.conversation_id or uuid.uuid4().hex,
        text="",
        tenant=tenant_of(request),
        playbook=body.playbook,
        channel=body.channel,
        locale=body.locale,
        customer=customer_of(body.customer_data, body.customer_id),
        metadata=orjson.loads(orjson.dumps(body.metadata, option=orjson.OPT_SORT_KEYS)),
    )
    found, created = await agent_of(request).start(post)
    return _json(found, 201 if created else 200)


@router.post(
    "/conversations/{conversation_id}/message",
    openapi_extra=needs(Permission.POST),
    response_model=shapes.TurnResponse,
    responses={
        **ERRORS,
        200: {
            "model": shapes.TurnResponse,
            "description": "The turn. As `text/event-stream`: `sentence` events, then `talking_points`, `insights`, `done`.",
            "content": {"text/event-stream": {}},
        },
        410: {
            "model": shapes.ErrorResponse,
            "description": "The conversation was erased meanwhile, or the turn given up.",
        },
        429: {
            "model": shapes.ErrorResponse,
            "description": "Too many messages wait in this conversation, or too many requests with this key.",
        },
    },
)
async def message(
    request: Request,
    conversation_id: ConversationId,
    body: shapes.MessageRequest,
    stream: Annotated[bool, Query(description="Send the reply sentence by sentence.")] = False,
    idempotency_key: Annotated[shapes.Identity | None, Header()] = None,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:
    """One customer message, one turn. An unknown id starts that conversation. A repeated ``message_id`` returns the
    stored turn, byte for byte; the same id with another message is refused."""
    agent = agent_of(request)
    if len(body.message) > agent.settings.longest_message:
        raise InvalidInput(f"has more than {agent.settings.longest_message} characters", field="message")
    post = Post(
        conversation_id=conversation_id,
        text=body.message,
        tenant=tenant_of(request),
        message_id=body.message_id or idempotency_key,
        playbook=body.playbook,
        channel=body.channel,
        locale=body.locale,
        customer=customer_of(body.customer_data, body.customer_id),
        platform_context=body.platform_context,
    )
    if stream or "text/event-stream" in accept:
        return await _stream(Exchange(agent, post, request.app.state.streams))
    return Response(await agent.post(post), media_type=_JSON)


async def _stream(exchange: Exchange) -> Response:
    """Waits for the first sentence, so that what is refused still gets its own status; a turn goes on without its reader."""
    sentences = exchange.sentences()
    first = await anext(sentences, None)
    if first is None:
        await exchange.response()
    return StreamingResponse(_events(first, sentences, exchange), media_type=sse.MEDIA_TYPE, headers=sse.HEADERS)


async def _events(first: str | None, sentences: AsyncIterator[str], exchange: Exchange) -> AsyncIterator[bytes]:
    if first is not None:
        yield event("sentence", {"text": first})
    async for sentence in sentences:
        yield event("sentence", {"text": sentence})
    try:
        response = await exchange.response()
    except AgentError as error:
        yield event("error", errors.agent_error_content(error))
        return
    except Exception:
        yield event("error", errors.unexpected_content())
        raise
    yield event("talking_points", {"talking_points": response["talking_points"]})
    yield event("insights", {key: response[key] for key in ("ml_insights", "recommended_action", "degraded")})
    yield event("done", response)


@router.get(
    "/conversations/{conversation_id}",
    openapi_extra=needs(Permission.READ_CONVERSATION),
    response_model=shapes.ConversationResponse,
    responses={**ERRORS, **UNKNOWN},
)
async def read(request: Request, conversation_id: ConversationId) -> Response:
    """What is known of a conversation: stage, objection ledger, needs."""
    return _json(await agent_of(request).conversation(key_of(request, conversation_id)))


@router.get(
    "/conversations/{conversation_id}/messages",
    openapi_extra=needs(Permission.READ_MESSAGES),
    response_model=shapes.MessagesResponse,
    responses={**ERRORS, **UNKNOWN},
)
async def read_messages(
    request: Request,
    conversation_id: ConversationId,
    after: Annotated[int, Query(ge=0, le=2**31 - 1, description="Only messages with a higher number.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> Response:
    found = await agent_of(request).messages(key_of(request, conversation_id), after, limit)
    return _json({"conversation_id": conversation_id, "messages": found})


@router.get(
    "/conversations/{conversation_id}/turns/{turn_id}",
    openapi_extra=needs(Permission.READ_TURNS),
    response_model=shapes.TurnLedger,
    responses={**ERRORS, **UNKNOWN},
)
async def read_turn(
    request: Request, conversation_id: ConversationId, turn_id: Annotated[shapes.TurnId, Path()]
) -> Response:
    """The turn ledger: what every predictor said, which actions were ranked or refused and why. ``turn_id`` or number."""
    return _json(await agent_of(request).turn(key_of(request, conversation_id), turn_id))


@router.post(
    "/conversations/{conversation_id}/outcome",
    openapi_extra=needs(Permission.REPORT_OUTCOME),
    response_model=shapes.OutcomeResponse,
    status_code=201,
    responses={**ERRORS, **UNKNOWN},
)
async def outcome(request: Request, conversation_id: ConversationId, body: shapes.OutcomeRequest) -> Response:
    """What became of the conversation. May be reported again; the last report counts, all are kept."""
    number = await agent_of(request).outcome(key_of(request, conversation_id), body.outcome, body.value, body.details)
    return _json({"conversation_id": conversation_id, "outcome": body.outcome, "number": number}, 201)


@router.delete(
    "/conversations/{conversation_id}",
    openapi_extra=needs(Permission.ERASE),
    response_model=shapes.ErasedResponse,
    responses={**ERRORS, **UNKNOWN},
)
async def erase(request: Request, conversation_id: ConversationId) -> Response:
    """Erases the conversation with its messages, turns and outcomes."""
    erased = await agent_of(request).erase(key_of(request, conversation_id))
    return _json({"conversation_id": conversation_id, "messages_erased": erased})
