"""Structured logs with correlation ids: JSON in production, readable in a terminal, and no customer text in either.

Fields that may hold personal data are replaced by their length, and errors lose their messages (a database quotes whole
rows in them), unless ``log_customer_text`` is set. What libraries log as a warning or worse takes the same way.
"""

import logging
import sys
import traceback
from collections.abc import Generator, MutableMapping
from contextlib import contextmanager
from typing import Any, Literal

import structlog

PERSONAL = frozenset(
    {
        "text",
        "message",
        "reply",
        "evidence",
        "name",
        "email",
        "phone",
        "customer",
        "customer_data",
        "profile",
        "context",
    }
)


def configure(
    log_format: Literal["auto", "json", "console"] = "auto", level: str = "info", *, customer_text: bool = False
) -> None:
    """Sets logging up for the process. ``auto``: a terminal gets console lines, everything else JSON."""
    as_console = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    if not customer_text:
        processors += [hide_personal, structlog.processors.ExceptionRenderer(_places)]
    if as_console:
        plain = structlog.dev.plain_traceback
        processors.append(structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain))
    else:
        processors += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),  # a line at once: workers share the stream
        cache_logger_on_first_use=False,
    )
    if not any(isinstance(handler, Libraries) for handler in logging.root.handlers):
        logging.root.addHandler(Libraries(logging.WARNING))


class Libraries(logging.Handler):
    """Hands what libraries log over to structlog, so that every line of the process has one shape."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger(record.name)
        said = record.getMessage().partition("\n")[0]  # asyncio puts the error, with its message, on the lines below
        log.log(record.levelno, said, library=record.name, exc_info=record.exc_info or None)


def hide_personal(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: what may be personal data leaves only its length behind, an error only its type."""
    for key in PERSONAL.intersection(event):
        value = event[key]
        event[key] = f"<{len(value)} characters>" if isinstance(value, str) else "<hidden>"
    if "error" in event:
        event["error"] = str(event["error"]).partition("(")[0]
    return event


def _places(exc_info: structlog.typing.ExcInfo) -> str:
    """A traceback, innermost cause last, with the types of the errors and without what they say."""
    lines: list[str] = []
    error: BaseException | None = exc_info[1]
    while error is not None:
        lines += [f"{type(error).__name__}\n", *traceback.format_tb(error.__traceback__)]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "".join(lines).rstrip()


@contextmanager
def correlated(**ids: str | int | None) -> Generator[None]:
    """Every log line inside carries ``ids`` (request, conversation, turn, pipeline)."""
    with structlog.contextvars.bound_contextvars(**{key: value for key, value in ids.items() if value is not None}):
        yield
