"""What can go wrong at the front door and behind it, each named after the fact. Mapped to HTTP once, in
``agent.channels.errors``."""

from typing import Literal

from pydantic import ValidationError
from pydantic_core import ErrorDetails


class AgentError(Exception):
    """Base of what this product raises on purpose. ``field`` names the offender in the caller's own request, if any."""

    def __init__(self, problem: str, *, field: str | None = None) -> None:
        self.problem = problem
        self.field = field
        super().__init__(f"{field}: {problem}" if field else problem)


class InvalidInput(AgentError):
    """The caller sent something that cannot be used; ``field`` says where."""


class UnknownConversation(AgentError):
    """No conversation of that id."""


class UnknownPlaybook(AgentError):
    """A surface that names playbooks in its addresses was asked for one that is not there."""


class UnknownTurn(AgentError):
    """The conversation has no such turn."""


class ConversationExists(AgentError):
    """``/start`` with an id that is taken by a conversation with other data."""


class HeldAlready(AgentError):
    """Another person has the conversation."""


class NotHeld(AgentError):
    """No person has taken the conversation over."""


class KeyReused(AgentError):
    """A message id or idempotency key came again with another body."""


class TurnsQueued(AgentError):
    """Too many messages wait in this conversation, or the wait for the running turn took too long."""


class LeaseLost(AgentError):
    """The turn took so long that another worker picked its message up; nothing of it was stored."""


class TurnGivenUp(AgentError):
    """The turn of this message was begun many times and never came to an end. The conversation goes on without it."""


class CutOff(AgentError):
    """The customer talked before anything of the reply had reached him. His message is taken back: the next one carries it."""


class Draining(AgentError):
    """This process is about to end and takes no new work; another one does."""


class StoreUnavailable(AgentError):
    """The database can't be reached. The caller may try again, with the same ``message_id``: the message may have been kept."""


class NotAuthenticated(AgentError):
    """No key came with the request, or one that is unknown, wrong, expired or revoked."""


class NotAllowed(AgentError):
    """The key is right, its role may not do this."""


class RateLimited(AgentError):
    """The key (or the client's address) sent too much; ``retry_after_s`` whole seconds later one more is taken."""

    def __init__(self, problem: str, *, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(problem)


class TooManyStreams(AgentError):
    """The key has as many event streams open as it may have."""


class UnknownKey(AgentError):
    """No API key of that id."""


FailureKind = Literal[
    "rate_limited", "server_error", "unreachable", "auth", "bad_request", "refused",
    "stalled_before_first", "stalled_between", "too_slow", "cut_off", "broken_json", "wrong_schema", "breaker_open",
    "too_busy", "outrun", "crashed", "not_recorded",
]  # fmt: skip


class WriterFailed(Exception):
    """A writer did not deliver. ``retry_after_s`` is what the provider asked for, in seconds."""

    def __init__(self, kind: FailureKind, detail: str = "", *, retry_after_s: float | None = None) -> None:
        self.kind: FailureKind = kind
        self.detail = detail
        self.retry_after_s = retry_after_s
        super().__init__(f"{kind}: {detail}" if detail else kind)


def field_of(fault: ErrorDetails, whole: str) -> str:
    """Where pydantic found the ``fault``, as ``a.0.b``; ``whole`` where it is no field but all of it."""
    return ".".join(str(part) for part in fault["loc"]) or whole


def first_fault(error: ValidationError, whole: str) -> tuple[str, str]:
    """The field and the problem of the first fault; never the value."""
    fault = error.errors(include_input=False, include_url=False)[0]
    return field_of(fault, whole), fault["msg"]
