"""``POST /api/chat`` for ``useChat`` of the Vercel AI SDK: its messages in, a UI message stream (v1) out."""

import uuid
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BeforeValidator, Field

from agent.access.caller import Permission
from agent.access.route import needs
from agent.channels import shapes, sse
from agent.channels.beginning import Beginning, Tolerant, post_of, sees_insights
from agent.channels.conversations import ERRORS, agent_of
from agent.channels.refusal import WITH_HISTORY, Refusal, Surface, refusing
from agent.channels.said import MessageId, Said, last_words, text_of
from agent.channels.speech import speak

HEADERS = {"x-vercel-ai-ui-message-stream": "v1"}
_BY: dict[str, Literal["customer", "agent"]] = {"user": "customer", "assistant": "agent"}


def shown(refusal: Refusal) -> Response:
    """What ``useChat`` gives its page as ``error.message`` is the body."""
    return PlainTextResponse(refusal.message, refusal.status)


router = APIRouter(tags=["chat clients"], route_class=refusing(shown))
SURFACE = Surface(("/api/chat",), shown, WITH_HISTORY)


class UiMessage(Tolerant):
    """``parts`` may hold anything; what is said stands in those of type ``text``."""

    id: MessageId = None
    role: Literal["system", "user", "assistant"]
    parts: Annotated[str, BeforeValidator(text_of), Field(json_schema_extra={"type": "array", "items": {}})] = ""


class UiChatRequest(Beginning):
    """``id`` is the conversation. Of ``messages`` only what the customer said last is read: the product keeps its own transcript.
    To ``regenerate-message`` is to get the stored turn again."""

    id: shapes.Identity
    messages: Annotated[list[UiMessage], Field(max_length=2_000)]
    trigger: Literal["submit-message", "regenerate-message"] = "submit-message"


_TEXT_REFUSED: dict[str, Any] = {"content": {"text/plain": {"schema": {"type": "string"}}}}
_SHOWN: dict[int | str, dict[str, Any]] = {
    **ERRORS,
    410: {**_TEXT_REFUSED, "description": "The conversation was erased meanwhile, or the turn given up."},
    413: {**_TEXT_REFUSED, "description": "The body is larger than this server takes."},
    422: {**_TEXT_REFUSED, "description": "Something in the request is wrong: a sentence that names the field."},
    429: {**ERRORS[429], **_TEXT_REFUSED, "description": "Too many messages wait, or too many requests with this key."},
    503: {**ERRORS[503], **_TEXT_REFUSED},
}


@router.post(
    "/api/chat",
    openapi_extra=needs(Permission.POST),
    response_class=Response,
    responses={
        **_SHOWN,
        200: {
            "description": "A UI message stream. `data-insights` is in it only for keys that may read turns.",
            "content": sse.DESCRIBED,
        },
    },
)
async def chat(request: Request, body: UiChatRequest) -> Response:
    """One turn for `useChat`. Closing the connection (`stop()`) is talking over the agent: what was sent counts as said."""
    dialogue = [Said(_BY.get(message.role, "other"), message.parts, message.id) for message in body.messages]
    said = last_words(dialogue, agent_of(request).settings.longest_message, "messages")
    post = post_of(request, body.id, said, body)
    return await speak(request, post, UiStream(sees_insights(request)), HEADERS)


class UiStream:
    """The parts of one assistant message, which has an id of its own."""

    def __init__(self, insights: bool) -> None:
        self._insights = insights
        self._text_id = ""

    def begin(self) -> bytes:
        return sse.data({"type": "start", "messageId": uuid.uuid4().hex}) + sse.data({"type": "start-step"})

    def sentence(self, text: str) -> bytes:
        began = b""
        if not self._text_id:
            self._text_id = "text-1"
            began = sse.data({"type": "text-start", "id": self._text_id})
        return began + sse.data({"type": "text-delta", "id": self._text_id, "delta": text})

    async def end(self, response: dict[str, Any]) -> bytes:
        told = self._text_end()
        if self._insights:
            told += sse.data({"type": "data-insights", "data": insights_of(response), "transient": True})
        about = {"turnId": response["turn_id"], "handoff": response["handoff"] is not None}
        told += sse.data({"type": "finish-step"}) + sse.data({"type": "finish", "messageMetadata": about})
        return told + sse.DONE

    def failed(self, kind: str, message: str) -> bytes:
        return self._text_end() + sse.data({"type": "error", "errorText": message}) + sse.DONE

    def _text_end(self) -> bytes:
        return sse.data({"type": "text-end", "id": self._text_id}) if self._text_id else b""


def insights_of(response: dict[str, Any]) -> dict[str, Any]:
    """For the rep."""
    return {
        key: response[key]
        for key in ("turn_id", "stage", "ml_insights", "recommended_action", "talking_points", "degraded", "timing_ms")
    }
