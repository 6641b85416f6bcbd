"""OpenAI's chat completions and models: a front-end that speaks them points its base URL here."""

import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Header, Path, Request, Response
from fastapi.responses import StreamingResponse

from agent.access.caller import Permission
from agent.access.route import Guarded, needs
from agent.channels import errors, sse
from agent.channels.conversations import agent_of, tenant_of
from agent.channels.exchange import Exchange
from agent.channels.hearing import Hearing
from agent.channels.openai import shapes
from agent.channels.openai.chunks import Completion, Finish, ToolCall, usage_of
from agent.channels.openai.identity import channel_of, conversation_of, customer_in, is_outbound, message_id_of
from agent.channels.openai.refusals import in_own_words
from agent.channels.openai.requests import ChatCompletion
from agent.channels.openai.talk import Talk, talk_of
from agent.channels.openai.tools import calls_for
from agent.channels.openai.truth import first_words_of, settle
from agent.channels.refusal import WITH_HISTORY, Surface
from agent.channels.shapes import Identity
from agent.errors import AgentError, CutOff, InvalidInput, UnknownPlaybook
from agent.orchestrator import Post, SalesAgent
from agent.turn import Language

router = APIRouter(tags=["openai"], route_class=Guarded)

SURFACE = Surface(("/v1/chat/completions", "/chat/completions"), longest_body=WITH_HISTORY)
SINCE = 0
"""When a playbook was made; nobody asks, and clients want a number."""
_JSON = "application/json"
_REFUSED: dict[int | str, dict[str, Any]] = {
    401: shapes.refused("No API key, or one that is not valid (any more)."),
    403: shapes.refused("The key's role has no permission for this."),
    429: shapes.refused("Too many requests with this key, or too many messages wait in this conversation."),
    503: shapes.refused("The database can't be reached, or this process ends; try again."),
    "4XX": shapes.refused("Anything else that is wrong with the request."),
}
_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: shapes.refused("`model_not_found`: no playbook of that name.")}
_OF_A_TURN: dict[int | str, dict[str, Any]] = {
    **_REFUSED,
    **_NOT_FOUND,
    200: {
        "model": shapes.Completion,
        "description": "The reply; with `stream` as chunks, a sentence each, and `[DONE]`.",
        "content": {sse.MEDIA_TYPE: {}},
    },
    400: shapes.refused("Something in the request is wrong; `param` names it."),
    410: shapes.refused("The conversation was erased meanwhile, or the turn given up."),
    413: shapes.refused("The body is larger than this server takes."),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that is understood. ``before``: the language spoken until now, if it is known."""

    body: ChatCompletion
    talk: Talk
    answer: Completion
    before: Language | None = None

    @property
    def length(self) -> int:
        return sum(len(message.content) for message in self.body.messages)


@router.post(
    "/v1/chat/completions", openapi_extra=needs(Permission.POST), response_model=shapes.Completion, responses=_OF_A_TURN
)
@router.post(
    "/chat/completions", openapi_extra=needs(Permission.POST), response_model=shapes.Completion, responses=_OF_A_TURN
)
async def complete(
    request: Request,
    body: ChatCompletion,
    x_conversation_id: Annotated[Identity | None, Header()] = None,
    idempotency_key: Annotated[Identity | None, Header()] = None,
) -> Response:
    """One turn of the playbook that `model` names. With a conversation's id (header `X-Conversation-Id`,
    `metadata.conversation_id`, Vapi's `call.id` or `elevenlabs_extra_body.conversation_id`) it is remembered, and a request that
    is sent again never advances it twice. Without one the answer is made from `messages` alone.

    `messages` are the truth of what was spoken: where our last reply stands in them cut short, that is what the customer heard.
    Closing the connection interrupts the reply. Before anybody has spoken, the agent says its first words. Messages of the roles
    `system` and `developer` are not read: the playbook alone says what the agent is. Tools that are offered are called when the
    turn's decision says so."""
    agent = agent_of(request)
    if body.model is not None:
        _known(agent, body.model)
    talk = talk_of(body.messages)
    counts = bool(body.stream_options and body.stream_options.include_usage)
    answer = Completion(body.model or agent.settings.default_playbook, int(agent.workers.wall_clock()), counts)
    if talk.waits:
        return _at_once(Asked(body, talk, answer), "")
    told = _told(request, body, talk, x_conversation_id, idempotency_key)
    if talk.begins:
        return _at_once(Asked(body, talk, answer), await first_words_of(agent, told))
    post, before = await _post(agent, talk, told)
    asked = Asked(body, talk, answer, before)
    exchange = Exchange(agent, post, request.app.state.streams)
    hearing = Hearing(exchange, request.receive, request.app.state.streams)
    if body.stream:
        return await _stream(asked, exchange, hearing)
    turn = await _turn(exchange)
    hearing.over()
    return _whole(asked, turn["response"] if turn else "", _calls(asked, turn))


def _told(request: Request, body: ChatCompletion, talk: Talk, header: str | None, idempotency_key: str | None) -> Post:
    """Without a ``message_id`` where the request names no conversation."""
    conversation = conversation_of(header, body)
    return Post(
        conversation_id=conversation or uuid.uuid4().hex,
        text="\n".join(talk.new),
        tenant=tenant_of(request),
        message_id=(idempotency_key or message_id_of(talk.asked)) if conversation else None,
        playbook=body.model,
        channel=channel_of(body),
        locale=body.metadata.locale if body.metadata else None,
        customer=customer_in(body),
        metadata={"direction": "outbound"} if is_outbound(body) else None,
    )


async def _post(agent: SalesAgent, talk: Talk, told: Post) -> tuple[Post, Language | None]:
    """The turn to run, and the language spoken before it, if it is known."""
    if told.message_id is None:
        _bounded(told.text, agent, talk)
        if talk.given:
            await agent.continue_from(told, talk.given)
        return told, None
    settled = await settle(agent, told, talk)
    _bounded(settled.text, agent, talk)
    if settled.new and talk.given:  # e.g. the platform's own first words
        await agent.continue_from(told, talk.given)
    return replace(told, text=settled.text), settled.language


def _bounded(text: str, agent: SalesAgent, talk: Talk) -> None:
    """Raises ``InvalidInput``."""
    longest = agent.settings.longest_message
    if len(text) > longest:
        raise InvalidInput(f"has more than {longest} characters", field=f"messages.{talk.places[-1]}.content")


async def _turn(exchange: Exchange) -> dict[str, Any] | None:
    """``None``: it was cut off before a word of it was sent, and whoever asked has gone on, or is gone."""
    try:
        return await exchange.response()
    except CutOff:
        return None


def _calls(asked: Asked, turn: Mapping[str, Any] | None) -> list[ToolCall]:
    return calls_for(turn, asked.before, asked.body) if turn else []


async def _stream(asked: Asked, exchange: Exchange, hearing: Hearing) -> Response:
    """Waits for the first sentence, so that what is refused still gets its own status."""
    sentences = exchange.sentences()
    first = await anext(sentences, None)
    if first is None:
        await _turn(exchange)
    return _events(_chunks(asked, first, sentences, exchange, hearing))


async def _chunks(
    asked: Asked, first: str | None, sentences: AsyncIterator[str], exchange: Exchange, hearing: Hearing
) -> AsyncIterator[bytes]:
    """Ends at once when the connection closes; ``hearing`` does what is to be done then."""
    answer = asked.answer
    yield answer.opening() + (b"" if first is None else answer.piece(first))
    async for sentence in sentences:
        yield answer.piece(sentence)
    try:
        turn = await _turn(exchange)
    except AgentError as error:
        status, content = errors.STATUS[type(error)][0], errors.agent_error_content(error)
        yield sse.data(in_own_words(status, content)[1])
        return
    except Exception:
        yield sse.data(in_own_words(500, errors.unexpected_content())[1])
        raise
    hearing.over()
    calls = _calls(asked, turn)
    for index, call in enumerate(calls):
        yield answer.call(index, call)
    yield answer.closing(_finish(calls), usage_of(asked.length, len(exchange.heard)))


def _at_once(asked: Asked, text: str) -> Response:
    """An answer that is no turn: our first words, or none because it is the customer's turn."""
    if not asked.body.stream:
        return _whole(asked, text, [])

    async def chunks() -> AsyncIterator[bytes]:
        said = asked.answer.piece(text) if text else b""
        yield asked.answer.opening() + said + asked.answer.closing("stop", usage_of(asked.length, len(text)))

    return _events(chunks())


def _whole(asked: Asked, text: str, calls: list[ToolCall]) -> Response:
    content = asked.answer.whole(text, calls, _finish(calls), usage_of(asked.length, len(text)))
    return Response(content, media_type=_JSON)


def _events(chunks: AsyncIterator[bytes]) -> Response:
    return StreamingResponse(chunks, media_type=sse.MEDIA_TYPE, headers=sse.HEADERS)


def _finish(calls: list[ToolCall]) -> Finish:
    return "tool_calls" if calls else "stop"


@router.get("/v1/models", openapi_extra=needs(Permission.POST), response_model=shapes.Models, responses=_REFUSED)
@router.get("/models", openapi_extra=needs(Permission.POST), response_model=shapes.Models, responses=_REFUSED)
async def models(request: Request) -> Response:
    """The playbooks."""
    listed = [_model(name) for name in sorted(agent_of(request).shops)]
    return Response(orjson.dumps({"object": "list", "data": listed}), media_type=_JSON)


@router.get(
    "/v1/models/{model}",
    openapi_extra=needs(Permission.POST),
    response_model=shapes.Model,
    responses={**_REFUSED, **_NOT_FOUND},
)
async def model(request: Request, model: Annotated[str, Path(max_length=200)]) -> Response:
    """One playbook."""
    _known(agent_of(request), model)
    return Response(orjson.dumps(_model(model)), media_type=_JSON)


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": SINCE, "owned_by": "sales-agent"}


def _known(agent: SalesAgent, name: str) -> None:
    """Raises ``UnknownPlaybook``."""
    if name not in agent.shops:
        there = ", ".join(sorted(agent.shops))
        raise UnknownPlaybook(f"the model {name!r} does not exist; there are {there}", field="model")
