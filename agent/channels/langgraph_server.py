"""The part of a LangGraph server that its official clients need to hold a conversation. Playbooks are the assistants, a
conversation is a thread, a turn is a run."""

import uuid
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Request, Response

from agent import __version__
from agent.access.caller import Caller, Permission
from agent.access.route import needs
from agent.channels import langgraph_shapes as graph
from agent.channels import shapes, sse
from agent.channels.beginning import Beginning, post_of, sees_insights
from agent.channels.conversations import ERRORS, agent_of, key_of, tenant_of
from agent.channels.langgraph_stream import GraphStream, Messages, ai_id
from agent.channels.refusal import Refusal, Surface, refusing
from agent.channels.said import Said, last_words
from agent.channels.speech import speak
from agent.errors import ConversationExists, InvalidInput, UnknownConversation
from agent.orchestrator import Post
from agent.store.audit import Action
from agent.turn import ConversationKey

LONGEST_TRANSCRIPT = 1_000
_JSON = "application/json"


def shown(refusal: Refusal) -> Response:
    return Response(orjson.dumps({"detail": refusal.message}), refusal.status, media_type=_JSON)


router = APIRouter(tags=["LangGraph clients"], route_class=refusing(shown))
SURFACE = Surface(("/threads", "/assistants", "/info"), shown)

ThreadId = Annotated[shapes.Identity, Path(description="The conversation's id.")]
_DETAIL: dict[str, Any] = {"model": graph.DetailResponse}
_EITHER: dict[str, Any] = {"model": graph.DetailResponse | shapes.ErrorResponse}
REFUSALS: dict[int | str, dict[str, Any]] = {
    **ERRORS,
    413: {**_DETAIL, "description": "The body is larger than this server takes."},
    422: {**_DETAIL, "description": "Something in the request is wrong; the field is named."},
    503: {**ERRORS[503], **_EITHER},
}
_UNKNOWN: dict[int | str, dict[str, Any]] = {404: {**_DETAIL, "description": "No such thread."}}
_RUNS: dict[int | str, dict[str, Any]] = {
    **REFUSALS,
    410: {**_DETAIL, "description": "The conversation was erased meanwhile, or the turn given up."},
    429: {**_EITHER, "description": "Too many messages wait, or too many requests with this key."},
}


@router.get(
    "/info",
    openapi_extra=needs(Permission.READ_CONVERSATION),
    response_model=graph.InfoResponse,
    responses=REFUSALS,
)
async def info() -> Response:
    """What of a LangGraph server is here."""
    return _json({"version": __version__, "flags": {"assistants": True, "crons": False, "langsmith": False}})


@router.post(
    "/assistants/search",
    openapi_extra=needs(Permission.READ_CONVERSATION),
    response_model=list[graph.AssistantResponse],
    responses=REFUSALS,
)
async def search_assistants(request: Request, body: graph.AssistantSearch) -> Response:
    """The playbooks."""
    shops = agent_of(request).shops
    found = [graph.assistant_of(shops[name].playbook) for name in sorted(shops) if body.graph_id in (None, name)]
    return _json(found[body.offset :][: body.limit])


@router.post(
    "/threads",
    openapi_extra=needs(Permission.START),
    response_model=graph.ThreadResponse,
    responses={
        **REFUSALS,
        409: {**_DETAIL, "description": "The thread is there already."},
    },
)
async def create_thread(request: Request, body: graph.ThreadCreate) -> Response:
    """A thread. Its conversation is stored when it begins: now if ``metadata.graph_id`` says which, else with its first run."""
    agent, key = agent_of(request), key_of(request, body.thread_id or uuid.uuid4().hex)
    known = await _known(request, key) if body.thread_id else None
    if known is not None:
        if body.if_exists == "raise":
            raise ConversationExists(f"thread {key.id!r} is there already", field="thread_id")
        return _json(graph.thread_of(known))
    metadata = body.metadata or graph.ThreadMetadata()
    if metadata.graph_id is None:
        return _json(_blank_thread(key.id, agent.now()))
    beginning = metadata.model_copy(update={"playbook": _playbook(request, metadata.graph_id)})
    known, _ = await agent.start(post_of(request, key.id, Said("customer", ""), beginning))
    return _json(graph.thread_of(known))


@router.post(
    "/threads/search",
    openapi_extra=needs(Permission.READ_MESSAGES),
    response_model=list[graph.ThreadResponse],
    responses=REFUSALS,
)
async def search_threads(request: Request, body: graph.ThreadSearch) -> Response:
    """The tenant's conversations, the latest first."""
    playbook = body.metadata.graph_id if body.metadata else None
    found = await agent_of(request).recent(tenant_of(request), playbook, body.ids, body.limit, body.offset)
    return _json([graph.thread_of(known) for known in found])


@router.get(
    "/threads/{thread_id}",
    openapi_extra=needs(Permission.READ_CONVERSATION),
    response_model=graph.ThreadResponse,
    responses={**REFUSALS, **_UNKNOWN},
)
async def read_thread(request: Request, thread_id: ThreadId) -> Response:
    return _json(graph.thread_of(await agent_of(request).conversation(key_of(request, thread_id))))


@router.get(
    "/threads/{thread_id}/state",
    openapi_extra=needs(Permission.READ_MESSAGES),
    response_model=graph.StateResponse,
    responses={**REFUSALS, **_UNKNOWN},
)
async def read_state(request: Request, thread_id: ThreadId) -> Response:
    """The transcript as it stands."""
    return _json(graph.states(thread_id, await _stored(request, thread_id))[0])


@router.post(
    "/threads/{thread_id}/history",
    openapi_extra=needs(Permission.READ_MESSAGES),
    response_model=list[graph.StateResponse],
    responses={**REFUSALS, **_UNKNOWN},
)
async def read_history(request: Request, thread_id: ThreadId, body: graph.HistoryRequest) -> Response:
    """How the transcript stood after each turn, the latest first."""
    found = graph.states(thread_id, await _stored(request, thread_id))
    before = body.before.checkpoint_id if isinstance(body.before, graph.CheckpointBefore) else body.before
    names = [state["checkpoint"]["checkpoint_id"] for state in found]
    if before is not None:
        found = found[names.index(before) + 1 :] if before in names else []
    return _json(found[: body.limit])


@router.post(
    "/threads/{thread_id}/runs/wait",
    openapi_extra=needs(Permission.POST),
    response_model=graph.ValuesResponse,
    responses=_RUNS,
)
async def wait(request: Request, thread_id: ThreadId, body: graph.GraphRun) -> Response:
    """One turn, whole. It goes on when its reader leaves."""
    run = await _Run.begun(request, thread_id, body)
    response = orjson.loads(await agent_of(request).post(run.post))
    messages = await run.after(response)
    return Response(orjson.dumps({"messages": messages}), media_type=_JSON, headers=run.headers)


@router.post(
    "/threads/{thread_id}/runs/stream",
    openapi_extra=needs(Permission.POST),
    response_class=Response,
    responses={
        **_RUNS,
        200: {
            "description": "Events of the modes asked for: `values`, `messages`, `messages-tuple`, `updates`, `custom`.",
            "content": sse.DESCRIBED,
        },
    },
)
async def stream(request: Request, thread_id: ThreadId, body: graph.GraphRun) -> Response:
    """One turn as it is written. Closing the connection is talking over the agent, unless `on_disconnect` says `continue`.
    `values` hold the whole transcript for keys that may read messages, for others this run's."""
    run = await _Run.begun(request, thread_id, body)
    insights = sees_insights(request)
    telling = GraphStream(run.id, thread_id, body.stream_mode, run.before, run.after, insights=insights)
    return await speak(request, run.post, telling, run.headers, goes_on=body.on_disconnect == "continue")


class _Run:
    """A turn, and the messages that its caller may see around it."""

    def __init__(self, request: Request, post: Post, said: Said) -> None:
        self.id = str(uuid.uuid4())
        self.post = post
        self.before: Messages = [graph.human(said.text, said.id or f"{self.id}-customer")]
        self.headers = {"Content-Location": f"/threads/{post.conversation_id}/runs/{self.id}"}
        self._request = request
        self._sees_transcript = False

    @staticmethod
    async def begun(request: Request, thread_id: str, body: graph.GraphRun) -> "_Run":
        """Raises ``InvalidInput``."""
        playbook = _playbook(request, body.assistant_id)
        dialogue = [message.said for message in body.input.messages]
        said = last_words(dialogue, agent_of(request).settings.longest_message, "input.messages")
        beginning: Beginning = body.beginning.model_copy(update={"playbook": playbook})
        run = _Run(request, post_of(request, thread_id, said, beginning), said)
        caller: Caller = request.state.caller
        if "values" in body.stream_mode and caller.may(Permission.READ_MESSAGES):
            await request.app.state.admission.record(caller, Action.MESSAGES_READ, thread_id, "done")
            run._sees_transcript = True
            run.before = [*graph.transcript(await run._stored()), *run.before]
        return run

    async def after(self, response: dict[str, Any]) -> Messages:
        """The new messages have the ids under which this run has told of them."""
        asked = self.before[-1]
        said = [graph.ai(response["response"], ai_id(self.id))] if response["response"] else []
        if not self._sees_transcript:
            return [asked, *said]
        stored = await self._stored()
        earlier = [row for row in stored if row["turn_id"] != response["turn_id"]]
        return [*graph.transcript(earlier), asked, *said]

    async def _stored(self) -> list[dict[str, Any]]:
        try:
            return await _stored(self._request, self.post.conversation_id)
        except UnknownConversation:
            return []


async def _known(request: Request, key: ConversationKey) -> dict[str, Any] | None:
    try:
        return await agent_of(request).conversation(key)
    except UnknownConversation:
        return None


async def _stored(request: Request, thread_id: str) -> list[dict[str, Any]]:
    """The latest messages. Raises ``UnknownConversation``."""
    agent, key = agent_of(request), key_of(request, thread_id)
    count = (await agent.conversation(key))["messages"]
    return await agent.messages(key, max(0, count - LONGEST_TRANSCRIPT), LONGEST_TRANSCRIPT)


def _playbook(request: Request, name: str) -> str:
    """The playbook behind an assistant's id or graph id. Raises ``InvalidInput``."""
    for known, shop in agent_of(request).shops.items():
        if name in (known, graph.assistant_of(shop.playbook)["assistant_id"]):
            return known
    raise InvalidInput("no such assistant; see POST /assistants/search", field="assistant_id")


def _blank_thread(thread_id: str, now: float) -> dict[str, Any]:
    seconds = graph.at(now)
    return {
        "thread_id": thread_id,
        "created_at": seconds,
        "updated_at": seconds,
        "metadata": {},
        "status": "idle",
        "values": None,
        "interrupts": {},
    }


def _json(content: Any) -> Response:
    return Response(orjson.dumps(content, option=orjson.OPT_NON_STR_KEYS), media_type=_JSON)
