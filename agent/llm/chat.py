"""A brief as the chat messages that providers take."""

import json
import re
from collections.abc import Mapping
from typing import Any, Literal

from agent.turn import Brief, Role

_UNSEEN = re.compile("[\u00ad\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]")
_MARK = re.compile(r"<\||\|>|\[/?INST\]|<</?SYS>>|</?s>|</?(?:start|end)_of_turn>", re.IGNORECASE)
ChatRole = Literal["user", "assistant"]
_ROLES: dict[Role, ChatRole] = {"customer": "user", "agent": "assistant", "person": "assistant"}


def chat(brief: Brief) -> list[tuple[ChatRole, str]]:
    """What was said, oldest first; a colleague's words count as the assistant's. Customer text is data: see ``as_data``."""
    return [
        (_ROLES[said.role], as_data(said.text) if said.role == "customer" else said.text) for said in brief.messages
    ]


def as_data(text: str) -> str:
    """``text`` without invisible characters and with the marks broken up that some servers read as the start of a role."""
    return _MARK.sub(lambda match: " ".join(match.group(0)), _UNSEEN.sub("", text))


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
