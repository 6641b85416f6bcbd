"""What goes out: a completion whole, or as server-sent chunks."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from agent.channels import sse

Finish = Literal["stop", "tool_calls"]
CHARACTERS_A_TOKEN = 4


@dataclass(frozen=True, slots=True)
class ToolCall:
    """``arguments``: a JSON object as text."""

    name: str
    arguments: str
    id: str = field(default_factory=lambda: f"call_{uuid.uuid4().hex[:24]}")

    def as_json(self) -> dict[str, Any]:
        return {"id": self.id, "type": "function", "function": {"name": self.name, "arguments": self.arguments}}


def usage_of(asked: int, said: int) -> dict[str, int]:
    """Figures of a turn whose request had ``asked`` characters and whose reply has ``said``. An **estimate**, four characters a
    token: a reply is written by one of several models, or by none, and its real figures stand in the turn's ledger."""
    given, written = -(-asked // CHARACTERS_A_TOKEN), -(-said // CHARACTERS_A_TOKEN)
    return {"prompt_tokens": given, "completion_tokens": written, "total_tokens": given + written}


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer: the same ``id`` in all of its chunks, a new one for every answer. ``created``: whole seconds since 1970.
    ``counts``: whether the client asked for usage at a stream's end."""

    model: str
    created: int
    counts: bool = False
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")

    def opening(self) -> bytes:
        return self._chunk({"role": "assistant", "content": ""})

    def piece(self, text: str) -> bytes:
        return self._chunk({"content": text})

    def call(self, index: int, call: ToolCall) -> bytes:
        return self._chunk({"tool_calls": [{"index": index, **call.as_json()}]})

    def closing(self, finish: Finish, usage: dict[str, int]) -> bytes:
        counted: dict[str, Any] = {**self._head("chat.completion.chunk"), "choices": [], "usage": usage}
        return self._chunk({}, finish) + (sse.data(counted) if self.counts else b"") + sse.DONE

    def whole(self, text: str, calls: Sequence[ToolCall], finish: Finish, usage: dict[str, int]) -> bytes:
        message: dict[str, Any] = {"role": "assistant", "content": text or (None if calls else ""), "refusal": None}
        if calls:
            message["tool_calls"] = [call.as_json() for call in calls]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
        return orjson.dumps({**self._head("chat.completion"), "choices": [choice], "usage": usage})

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}

    def _chunk(self, delta: dict[str, Any], finish: Finish | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        no_usage_yet = {"usage": None} if self.counts else {}
        return sse.data({**self._head("chat.completion.chunk"), "choices": [choice], **no_usage_yet})
