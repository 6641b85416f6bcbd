"""The LangGraph server's requests and answers, as far as its official clients need them to hold a conversation."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, BeforeValidator, Field

from agent.channels import shapes
from agent.channels.beginning import Beginning, Tolerant
from agent.channels.said import By, MessageId, Said, text_of
from agent.turn import Language
from prompts.playbook import Playbook

ASSISTANTS = uuid.UUID("6f0b1d0e-6a0c-5e0a-9d52-0d1c9b0f7a11")
"""The name space of assistants' ids: a playbook has the same id on every machine."""
NODE = "respond"
_BY: dict[str, By] = {"human": "customer", "user": "customer", "ai": "agent", "assistant": "agent"}

StreamMode = Literal["values", "messages", "messages-tuple", "updates", "custom"]


def _spoken(content: Any) -> str:
    return text_of(content) if isinstance(content, str | list | None) else ""


def _message(given: Any) -> Any:
    """A message may be an object, a pair of role and content, or only a customer's text."""
    if isinstance(given, str):
        return {"role": "user", "content": given}
    if isinstance(given, list) and len(given) == 2:  # pyright: ignore[reportUnknownArgumentType]
        role, content = cast(list[Any], given)
        return {"role": role, "content": content}
    return cast(object, given)


def _listed(given: Any) -> Any:
    return [given] if isinstance(given, dict | str) else given


class GraphMessage(Tolerant):
    id: MessageId = None
    type: Annotated[str, Field(max_length=40)] | None = None
    role: Annotated[str, Field(max_length=40)] | None = None
    content: Annotated[str, BeforeValidator(_spoken), Field(json_schema_extra={"type": ["string", "array"]})] = ""

    @property
    def said(self) -> Said:
        return Said(_BY.get(self.role or self.type or "", "other"), self.content, self.id)


class GraphInput(Tolerant):
    messages: Annotated[
        list[Annotated[GraphMessage, BeforeValidator(_message)]], BeforeValidator(_listed), Field(max_length=2_000)
    ]


class Configurable(Tolerant):
    configurable: Beginning | None = None


class GraphRun(Tolerant):
    """``config.configurable`` may hold what begins a conversation: ``locale``, ``customer_id``, ``customer_data``."""

    assistant_id: shapes.ShortText
    input: GraphInput
    stream_mode: Annotated[
        list[StreamMode], BeforeValidator(lambda given: [given] if isinstance(given, str) else given)
    ] = Field(default=["values"])
    config: Configurable | None = None
    on_disconnect: Literal["cancel", "continue"] = "cancel"

    @property
    def beginning(self) -> Beginning:
        return (self.config and self.config.configurable) or Beginning()


class ThreadMetadata(Beginning):
    graph_id: shapes.ShortText | None = None


class ThreadCreate(Tolerant):
    """With a ``graph_id`` the conversation begins at once; without one, with its first run, which names the assistant."""

    thread_id: shapes.Identity | None = None
    metadata: ThreadMetadata | None = None
    if_exists: Literal["raise", "do_nothing"] = "raise"


class ThreadSearch(Tolerant):
    metadata: ThreadMetadata | None = None
    ids: Annotated[list[shapes.Identity], Field(max_length=1_000)] | None = None
    limit: Annotated[int, Field(ge=1, le=1_000)] = 10
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class AssistantSearch(Tolerant):
    graph_id: shapes.ShortText | None = None
    limit: Annotated[int, Field(ge=1, le=1_000)] = 10
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class CheckpointBefore(Tolerant):
    checkpoint_id: Annotated[str, Field(max_length=200)] | None = None


class HistoryRequest(Tolerant):
    limit: Annotated[int, Field(ge=1, le=100)] = 10
    before: CheckpointBefore | Annotated[str, Field(max_length=200)] | None = None


class DetailResponse(BaseModel):
    detail: str


class InfoResponse(BaseModel):
    version: str
    flags: dict[str, bool]


class AssistantResponse(BaseModel):
    assistant_id: str
    graph_id: str
    name: str
    description: str | None
    config: dict[str, Any]
    context: dict[str, Any]
    metadata: dict[str, Any]
    version: int
    created_at: str
    updated_at: str


class ThreadResponse(BaseModel):
    thread_id: str
    created_at: str
    updated_at: str
    metadata: dict[str, Any]
    status: Literal["idle", "busy", "interrupted", "error"]
    values: dict[str, Any] | None
    interrupts: dict[str, Any]


class StateResponse(BaseModel):
    """``values`` holds ``messages``. A checkpoint is the id of the turn after which the conversation stood so."""

    values: dict[str, Any]
    next: list[str]
    checkpoint: dict[str, Any]
    metadata: dict[str, Any]
    created_at: str | None
    parent_checkpoint: dict[str, Any] | None
    tasks: list[dict[str, Any]]
    interrupts: list[dict[str, Any]]


class ValuesResponse(BaseModel):
    messages: list[dict[str, Any]]


def assistant_of(playbook: Playbook) -> dict[str, Any]:
    language: Language = playbook.default_language
    epoch = at(0.0)
    return {
        "assistant_id": str(uuid.uuid5(ASSISTANTS, playbook.id)),
        "graph_id": playbook.id,
        "name": playbook.company.name,
        "description": playbook.company.about.said_in(language),
        "config": {},
        "context": {},
        "metadata": {"created_by": "system"},
        "version": playbook.version,
        "created_at": epoch,
        "updated_at": epoch,
    }


def thread_of(known: dict[str, Any]) -> dict[str, Any]:
    """Of what ``SalesAgent.conversation`` says."""
    return {
        "thread_id": known["conversation_id"],
        "created_at": at(known["created_at"]),
        "updated_at": at(known["updated_at"]),
        "metadata": {"graph_id": known["playbook"], "stage": known["stage"], "language": known["language"]},
        "status": "idle",
        "values": None,
        "interrupts": {},
    }


def human(text: str, message_id: str) -> dict[str, Any]:
    return {**_common(text, message_id), "type": "human", "example": False}


def ai(text: str, message_id: str, kind: Literal["ai", "AIMessageChunk"] = "ai") -> dict[str, Any]:
    more: dict[str, Any] = {"tool_calls": [], "invalid_tool_calls": [], "usage_metadata": None}
    return {**_common(text, message_id), "type": kind, **more}


def _common(text: str, message_id: str) -> dict[str, Any]:
    return {"content": text, "additional_kwargs": {}, "response_metadata": {}, "name": None, "id": message_id}


def transcript(stored: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of what ``SalesAgent.messages`` gives; a person who took over speaks as the agent does."""
    return [
        human(row["text"], f"{row['turn_id'] or row['seq']}-customer")
        if row["role"] == "customer"
        else ai(row["text"], f"{row['turn_id'] or row['seq']}-agent")
        for row in stored
    ]


def states(thread_id: str, stored: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """How the conversation stood after each turn, the latest first."""
    messages = transcript(stored)
    ends = [number for number, row in enumerate(stored, 1) if row["role"] != "customer"]
    if not ends or ends[-1] != len(stored):
        ends.append(len(stored))
    found: list[dict[str, Any]] = []
    before: dict[str, Any] | None = None
    for step, end in enumerate(ends):
        row = stored[end - 1] if end else None
        name = str(row["turn_id"] or row["seq"]) if row else "begun"
        checkpoint: dict[str, Any] = {"thread_id": thread_id, "checkpoint_ns": "", "checkpoint_id": name}
        checkpoint["checkpoint_map"] = {}
        found.append(
            {
                "values": {"messages": messages[:end]},
                "next": [],
                "checkpoint": checkpoint,
                "metadata": {"source": "loop", "step": step, "thread_id": thread_id},
                "created_at": at(row["created_at"]) if row else None,
                "parent_checkpoint": before,
                "tasks": [],
                "interrupts": [],
            }
        )
        before = checkpoint
    return found[::-1]


def at(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
