"""Errors to HTTP, in one place: status, type and the offending field.

Values of the request are not echoed, but for ids and names."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from agent import metrics
from agent.access.gate import path_of
from agent.channels.openai import refusals as openai
from agent.errors import (
    AgentError,
    ConversationExists,
    Draining,
    HeldAlready,
    InvalidInput,
    KeyReused,
    LeaseLost,
    NotAllowed,
    NotAuthenticated,
    NotHeld,
    RateLimited,
    StoreUnavailable,
    TooManyStreams,
    TurnGivenUp,
    TurnsQueued,
    UnknownConversation,
    UnknownKey,
    UnknownPlaybook,
    UnknownTurn,
)  # fmt: skip

log = structlog.get_logger(__name__)

STATUS: Mapping[type[AgentError], tuple[int, str]] = {
    InvalidInput: (422, "invalid_input"),
    UnknownConversation: (404, "unknown_conversation"),
    UnknownPlaybook: (404, "unknown_playbook"),
    UnknownTurn: (404, "unknown_turn"),
    ConversationExists: (409, "conversation_exists"),
    HeldAlready: (409, "held_already"),
    NotHeld: (409, "not_held"),
    KeyReused: (422, "message_id_reused"),
    TurnsQueued: (429, "turns_queued"),
    LeaseLost: (503, "lease_lost"),
    TurnGivenUp: (410, "turn_given_up"),
    NotAuthenticated: (401, "not_authenticated"),
    NotAllowed: (403, "not_allowed"),
    RateLimited: (429, "rate_limited"),
    TooManyStreams: (429, "too_many_streams"),
    UnknownKey: (404, "unknown_key"),
    StoreUnavailable: (503, "store_unavailable"),
    Draining: (503, "draining"),
}
UNREADABLE = 400
"""What FastAPI answers to a body that breaks its JSON reader: not UTF-8, nested too deeply, a number without end."""
RETRY_AFTER_S = {429: "1", 503: "1"}

LONGEST_NAME = 80
"""Of a field in an answer: the caller may have invented it."""

Problem = Mapping[str, str | None]
Dialect = Callable[[int, Mapping[str, Any]], tuple[int, Mapping[str, Any]]]
"""An error in a surface's own words: its status and content, of ours."""
DIALECTS: Mapping[str, Dialect] = {
    **dict.fromkeys(openai.PLACES, openai.in_own_words),
}
"""By the path that a surface begins with."""


def error_content(kind: str, message: str, problems: Sequence[Problem] = ()) -> dict[str, Any]:
    """In the shape of ``agent.channels.shapes.ErrorResponse``."""
    return {"type": kind, "message": message, "problems": problems}


def agent_error_content(error: AgentError) -> dict[str, Any]:
    kind = STATUS[type(error)][1]
    metrics.error(kind)
    return error_content(kind, str(error), [{"field": error.field, "problem": error.problem}])


def unexpected_content() -> dict[str, Any]:
    metrics.error("internal_error")
    return error_content("internal_error", "something went wrong here; the request can be sent again")


class Refusal(Response):
    """An error; what was asked for decides in whose words it is said."""

    def __init__(self, status: int, content: Mapping[str, Any], headers: Mapping[str, str] | None) -> None:
        self._content = content
        super().__init__(orjson.dumps(content), status_code=status, media_type="application/json", headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (dialect := _dialect_of(path_of(scope))) is not None:
            self.status_code, content = dialect(self.status_code, self._content)
            self.body = orjson.dumps(content)
            self.headers["content-length"] = str(len(self.body))
        await super().__call__(scope, receive, send)


def _dialect_of(path: str) -> Dialect | None:
    found = (dialect for place, dialect in DIALECTS.items() if path == place or path.startswith(f"{place}/"))
    return next(found, None)


def error_response(status: int, content: Mapping[str, Any]) -> Response:
    return Refusal(status, content, {"Retry-After": RETRY_AFTER_S[status]} if status in RETRY_AFTER_S else None)


def answer(error: AgentError) -> Response:
    """The response to an error that this product raised on purpose."""
    response = error_response(STATUS[type(error)][0], agent_error_content(error))
    if isinstance(error, NotAuthenticated):
        response.headers["WWW-Authenticate"] = 'Bearer realm="sales-agent"'
    if isinstance(error, RateLimited):
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def field_refused(status: int, kind: str, field: str, problem: str) -> Response:
    return error_response(status, error_content(kind, f"{field}: {problem}", [{"field": field, "problem": problem}]))


def draining() -> Response:
    refused = Draining("this process is ending; send it again, to another one")
    return error_response(STATUS[Draining][0], agent_error_content(refused))


def install(app: FastAPI) -> None:
    app.add_exception_handler(AgentError, _agent_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected)


async def refused(request: Request, error: AgentError | RequestValidationError | HTTPException) -> Response:
    """The product's own answer to a refusal, for whoever tells it in other words."""
    if isinstance(error, AgentError):
        return answer(error)
    if isinstance(error, RequestValidationError):
        return await _validation_error(request, error)
    return await _http_error(request, error)


async def _agent_error(request: Request, error: Exception) -> Response:
    """A WebSocket that is not accepted yet is refused with the same answer."""
    assert isinstance(error, AgentError)
    response = answer(error)
    if isinstance(request, WebSocket):
        await request.send_denial_response(response)
    return response


async def _validation_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    problems = [{"field": _field(item["loc"]), "problem": _problem(item)} for item in error.errors()]
    first = problems[0]
    return error_response(422, error_content("invalid_input", f"{first['field']}: {first['problem']}", problems))


async def _http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == UNREADABLE:
        return field_refused(422, "invalid_input", "body", "can't be read as JSON")
    response = error_response(error.status_code, error_content("http_error", str(error.detail)))
    response.headers.update(error.headers or {})
    return response


async def _unexpected(request: Request, error: Exception) -> Response:
    """Runs outside of all middleware, so the request id and the security headers are put on here."""
    request_id: str = request.scope["request_id"]
    log.error(
        "unexpected_error",
        path=getattr(request.scope.get("route"), "path", None),
        error=type(error).__name__,
        request_id=request_id,
        exc_info=error,
    )
    response = error_response(500, unexpected_content())
    response.headers["X-Request-ID"] = request_id
    response.headers["Cache-Control"] = "no-store"
    response.raw_headers.extend(request.scope.get("security_headers", ()))
    return response


def _field(place: Sequence[str | int]) -> str:
    """``("body", "customer_data", "age")`` -> ``customer_data.age``; the body itself, or a place in it, is ``body``."""
    inside = place[:1] if len(place) < 2 or isinstance(place[1], int) else place[1:]
    return ".".join(str(part)[:LONGEST_NAME] for part in inside)


def _problem(item: Mapping[str, Any]) -> str:
    message = str(item["msg"]).removeprefix("Value error, ")
    if item["type"] == "model_attributes_type" and len(item["loc"]) == 1:
        return "must be a JSON object, sent with Content-Type: application/json"
    return f"is not JSON: {item.get('ctx', {}).get('error', message)}" if item["type"] == "json_invalid" else message
