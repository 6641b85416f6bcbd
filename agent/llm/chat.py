"""A brief as the chat messages that providers take."""

import json
from collections.abc import Mapping
from typing import Any, Literal

from agent.turn import Brief, Role

ChatRole = Literal["user", "assistant"]
_ROLES: dict[Role, ChatRole] = {"customer": "user", "agent": "assistant", "person": "assistant"}


def chat(brief: Brief) -> list[tuple[ChatRole, str]]:
    """What was said, oldest first; a colleague's words count as the assistant's."""
    return [(_ROLES[said.role], said.text) for said in brief.messages]


def alternating(said: list[tuple[ChatRole, str]]) -> list[tuple[ChatRole, str]]:
    """The same for providers that want user and assistant in turns, a user first and last, and no empty text."""
    merged: list[tuple[ChatRole, str]] = []
    for role, text in said:
        if not text.strip():
            continue
        if merged and merged[-1][0] == role:
            merged[-1] = (role, f"{merged[-1][1]}\n\n{text}")
        else:
            merged.append((role, text))
    if not merged or merged[0][0] != "user":
        merged.insert(0, ("user", "..."))
    if merged[-1][0] != "user":
        merged.append(("user", "..."))
    return merged


def told_schema(schema: Mapping[str, Any]) -> str:
    """The schema in words, for models that no server holds to it."""
    return f"\n\nAnswer with one JSON object of this JSON schema and nothing else:\n{json.dumps(schema)}"
