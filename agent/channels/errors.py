"""Errors to HTTP, in one place: status, type and the offending field. Values of the request are never echoed."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from agent.errors import (
    AgentError,
    ConversationExists,
    InvalidInput,
    KeyReused,
    LeaseLost,
    StoreUnavailable,
    TurnsQueued,
    UnknownConversation,
    UnknownTurn,
)  # fmt: skip

log = structlog.get_logger(__name__)

STATUS: Mapping[type[AgentError], tuple[int, str]] = {
    InvalidInput: (422, "invalid_input"),
    UnknownConversation: (404, "unknown_conversation"),
    UnknownTurn: (404, "unknown_turn"),
    ConversationExists: (409, "conversation_exists"),
    KeyReused: (422, "message_id_reused"),
    TurnsQueued: (429, "turns_queued"),
    LeaseLost: (503, "lease_lost"),
    StoreUnavailable: (503, "store_unavailable"),
}
RETRY_AFTER_S = {429: "1", 503: "1"}


def error_response(status: int, kind: str, message: str, problems: Sequence[Mapping[str, str | None]] = ()) -> Response:
    content = orjson.dumps({"type": kind, "message": message, "problems": problems})
    headers = {"Retry-After": RETRY_AFTER_S[status]} if status in RETRY_AFTER_S else None
    return Response(content, status_code=status, media_type="application/json", headers=headers)


def install(app: FastAPI) -> None:
    app.add_exception_handler(AgentError, _agent_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected)


async def _agent_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, AgentError)
    status, kind = STATUS[type(error)]
    return error_response(status, kind, str(error), [{"field": error.field, "problem": error.problem}])


async def _validation_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    problems = [{"field": _field(item["loc"]), "problem": _problem(item)} for item in error.errors()]
    first = problems[0]
    return error_response(422, "invalid_input", f"{first['field']}: {first['problem']}", problems)


async def _http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    response = error_response(error.status_code, "http_error", str(error.detail))
    response.headers.update(error.headers or {})
    return response


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("unexpected_error", path=request.url.path, error=type(error).__name__, exc_info=error)
    return error_response(500, "internal_error", "something went wrong here; the request can be sent again")


def _field(place: Sequence[str | int]) -> str:
    """``("body", "customer_data", "age")`` -> ``customer_data.age``; the body itself is ``body``."""
    parts = [str(part) for part in place]
    return ".".join(parts[1:]) if parts[:1] == ["body"] and len(parts) > 1 and not parts[1].isdigit() else parts[0]


def _problem(item: Mapping[str, Any]) -> str:
    message = str(item["msg"]).removeprefix("Value error, ")
    return f"is not JSON: {item.get('ctx', {}).get('error', message)}" if item["type"] == "json_invalid" else message
