"""What went wrong at a provider, in the words of ``WriterFailed``. Never a provider's prose: it may repeat keys and texts."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2

from agent.errors import FailureKind, WriterFailed

TRANSPORT = (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, OSError)
"""What the official clients let through unwrapped when a connection breaks while they read."""

_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,39}")
_CODES: tuple[tuple[str, FailureKind], ...] = (
    ("rate_limit", "rate_limited"),
    ("quota", "rate_limited"),
    ("authentication", "auth"),
    ("permission", "auth"),
    ("billing", "auth"),
    ("invalid_api_key", "auth"),
    ("content_filter", "refused"),
    ("content_policy", "refused"),
    ("invalid_request", "bad_request"),
    ("context_length", "bad_request"),
    ("not_found", "bad_request"),
)


def of_status(status: int, code: object, headers: Mapping[str, str]) -> WriterFailed:
    """``code`` is the short error type or code that the provider gave, whatever it sent there.

    An error event inside a stream has status 200 (its headers were sent long before); then the code decides alone.
    """
    detail = " ".join(filter(None, (f"status {status}", _short(code))))
    return WriterFailed(_kind(status, _short(code)), detail, retry_after_s=retry_after_s(headers))


def of_code(code: object) -> WriterFailed:
    """An error event in the stream of a client that does not tell the status."""
    return of_status(200, code, {})


def of_timeout(cause: BaseException | None) -> WriterFailed:
    """The client's own limit, a backstop behind the stall limits of the ladder."""
    if isinstance(cause, httpx2.ConnectTimeout | httpx2.PoolTimeout):
        return WriterFailed("unreachable", type(cause).__name__)
    return WriterFailed("too_slow", type(cause).__name__ if cause else "client timeout")


def of_transport(error: BaseException) -> WriterFailed:
    """A connection that can't be made, or that breaks before or while the answer arrives."""
    if isinstance(error, httpx2.TimeoutException):
        return of_timeout(error)
    if isinstance(error, httpx2.RemoteProtocolError | httpx2.ReadError | httpx2.StreamError):
        return WriterFailed("cut_off", type(error).__name__)
    return WriterFailed("unreachable", type(error).__name__)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """``Retry-After`` in seconds. An HTTP date counts from the response's own ``Date``, so no clock of ours matters."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / unit
        except ValueError:
            continue
        if not math.isnan(seconds):
            return max(0.0, seconds)
    until, sent = _moment(headers.get("retry-after")), _moment(headers.get("date"))
    return max(0.0, (until - sent).total_seconds()) if until and sent else None


def _moment(value: str | None) -> datetime | None:
    """``-0000`` says of a date that its zone is unknown, which can only mean UTC here."""
    try:
        moment = parsedate_to_datetime(value) if value else None
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def _short(code: object) -> str:
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


def _kind(status: int, code: str) -> FailureKind:
    if status == 429:
        return "rate_limited"
    if status in (401, 402, 403):
        return "auth"
    if status in (408, 409) or status >= 500:
        return "server_error"
    for part, kind in _CODES:
        if part in code:
            return kind
    return "bad_request" if status >= 400 else "server_error"
