"""Structured logs with correlation ids: JSON in production, readable in a terminal, and no customer text in either.

Fields that may hold personal data are replaced by their length unless ``log_customer_text`` is set.
"""

import logging
import sys
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
    """Sets structlog up for the process. ``auto``: a terminal gets console lines, everything else JSON."""
    as_console = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    if not customer_text:
        processors.append(hide_personal)
    if as_console:
        processors.append(structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()))
    else:
        processors += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def hide_personal(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: what may be personal data leaves only its length behind."""
    for key in PERSONAL.intersection(event):
        value = event[key]
        event[key] = f"<{len(value)} characters>" if isinstance(value, str) else "<hidden>"
    return event


@contextmanager
def correlated(**ids: str | int | None) -> Generator[None]:
    """Every log line inside carries ``ids`` (request, conversation, turn, pipeline)."""
    with structlog.contextvars.bound_contextvars(**{key: value for key, value in ids.items() if value is not None}):
        yield
