"""Errors as OpenAI's clients read them: ``{"error": {message, type, param, code}}``."""

from collections.abc import Mapping
from typing import Any

PLACES = ("/v1", "/chat/completions", "/models")
"""At and below these paths every error has this shape, be it the gate's, the router's or a turn's."""

_CODES: Mapping[str, str] = {
    "not_authenticated": "invalid_api_key",
    "rate_limited": "rate_limit_exceeded",
    "unknown_playbook": "model_not_found",
}
_PARAMS: Mapping[str, str] = {"message_id": "messages", "playbook": "model"}
"""Fields of our own door, by what they are made of here."""
_WRONG, _REFUSED_HERE = 422, 400
_TYPES: Mapping[int, str] = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def in_own_words(status: int, content: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
    """Of a status and of ``agent.channels.errors.error_content``. What is wrong with a request is 400 here, not 422."""
    problems = content["problems"]
    field: str | None = problems[0]["field"] if problems else None
    error: dict[str, str | None] = {
        "message": content["message"],
        "type": "server_error" if status >= 500 else _TYPES.get(status, "invalid_request_error"),
        "param": _PARAMS.get(field, field) if field else None,
        "code": _CODES.get(content["type"], content["type"]),
    }
    return _REFUSED_HERE if status == _WRONG else status, {"error": error}
