"""``POST /agui``: AG-UI 1.0, the protocol of CopilotKit and its like. A thread is a conversation, a run is a turn."""

import uuid
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, BeforeValidator, Field

from agent.access.caller import Permission
from agent.access.route import needs
from agent.channels import shapes, sse
from agent.channels.beginning import Beginning, Tolerant, post_of, sees_insights
from agent.channels.conversations import ERRORS, agent_of
from agent.channels.refusal import WITH_HISTORY, Refusal, Surface, refusing
from agent.channels.said import MessageId, Said, last_words, text_of
from agent.channels.speech import speak
from agent.channels.ui_chat import insights_of

_BY: dict[str, Literal["customer", "agent"]] = {"user": "customer", "assistant": "agent"}


class RunErrorResponse(BaseModel):
    """What is refused before the run begins, in the words that a failing run has in its stream."""

    type: Literal["RUN_ERROR"] = "RUN_ERROR"
    message: str
    code: str


def shown(refusal: Refusal) -> Response:
    content = RunErrorResponse(message=refusal.message, code=refusal.kind).model_dump()
    return Response(orjson.dumps(content), refusal.status, media_type="application/json")


router = APIRouter(tags=["chat clients"], route_class=refusing(shown))
SURFACE = Surface(("/agui",), shown, WITH_HISTORY)


def _spoken(content: Any) -> str:
    """Of other roles than a customer's and the agent's the content may be anything."""
    return text_of(content) if isinstance(content, str | list | None) else ""


class AguiMessage(Tolerant):
    id: MessageId = None
    role: Annotated[str, Field(max_length=40)]
    content: Annotated[str, BeforeValidator(_spoken), Field(json_schema_extra={"type": ["string", "array"]})] = ""


class RunAgentInput(Tolerant):
    """``forwardedProps`` may hold what begins a conversation: ``playbook``, ``locale``, ``customer_id``, ``customer_data``.
    ``state`` comes back in the snapshots, with the conversation's own beside it."""

    thread_id: Annotated[shapes.Identity, Field(alias="threadId")]
    run_id: Annotated[shapes.Identity, Field(alias="runId")]
    messages: Annotated[list[AguiMessage], Field(max_length=2_000)]
    state: shapes.Attached | None = None
    forwarded_props: Annotated[Beginning | None, Field(alias="forwardedProps")] = None


_REFUSED: dict[str, Any] = {"model": RunErrorResponse | shapes.ErrorResponse}


@router.post(
    "/agui",
    openapi_extra=needs(Permission.POST),
    response_class=Response,
    responses={
        **ERRORS,
        410: {"model": RunErrorResponse, "description": "The conversation was erased meanwhile, or the turn given up."},
        413: {"model": RunErrorResponse, "description": "The body is larger than this server takes."},
        422: {"model": RunErrorResponse, "description": "Something in the request is wrong; the field is named."},
        429: {**_REFUSED, "description": "Too many messages wait, or too many requests with this key."},
        503: {**ERRORS[503], **_REFUSED},
        200: {
            "description": "AG-UI events. `CUSTOM` insights are among them only for keys that may read turns.",
            "content": sse.DESCRIBED,
        },
    },
)
async def run(request: Request, body: RunAgentInput) -> Response:
    """One run, one turn. Closing the connection (`abortRun()`) is talking over the agent: what was sent counts as said."""
    dialogue = [Said(_BY.get(message.role, "other"), message.content, message.id) for message in body.messages]
    said = last_words(dialogue, agent_of(request).settings.longest_message, "messages")
    post = post_of(request, body.thread_id, said, body.forwarded_props or Beginning())
    return await speak(request, post, AguiRun(body, sees_insights(request)))


class AguiRun:
    """The events of one run."""

    def __init__(self, given: RunAgentInput, insights: bool) -> None:
        self._given = given
        self._ids = {"threadId": given.thread_id, "runId": given.run_id}
        self._insights = insights
        self._message_id = ""

    def begin(self) -> bytes:
        return _event("RUN_STARTED", **self._ids) + self._state({})

    def sentence(self, text: str) -> bytes:
        began = b""
        if not self._message_id:
            self._message_id = uuid.uuid4().hex
            began = _event("TEXT_MESSAGE_START", messageId=self._message_id, role="assistant")
        return began + _event("TEXT_MESSAGE_CONTENT", messageId=self._message_id, delta=text)

    async def end(self, response: dict[str, Any]) -> bytes:
        handoff = response["handoff"] is not None
        told = self._text_end()
        told += self._state({"stage": response["stage"], "language": response["language"], "handoff": handoff})
        if self._insights:
            told += _event("CUSTOM", name="insights", value=insights_of(response))
        return told + _event("RUN_FINISHED", **self._ids, result={"turnId": response["turn_id"], "handoff": handoff})

    def failed(self, kind: str, message: str) -> bytes:
        return self._text_end() + _event("RUN_ERROR", message=message, code=kind)

    def _text_end(self) -> bytes:
        return _event("TEXT_MESSAGE_END", messageId=self._message_id) if self._message_id else b""

    def _state(self, known: dict[str, Any]) -> bytes:
        ours = {"conversation_id": self._given.thread_id, **known}
        return _event("STATE_SNAPSHOT", snapshot={**(self._given.state or {}), "conversation": ours})


def _event(kind: str, **fields: Any) -> bytes:
    return sse.data({"type": kind, **fields})
