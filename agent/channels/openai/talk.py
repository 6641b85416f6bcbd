"""The messages of a request as a conversation: what came before, what the agent said last, and what the customer says now."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from agent.channels.openai.requests import Message
from agent.errors import InvalidInput
from agent.turn import Utterance

_CUSTOMER, _AGENT = "user", "assistant"
_RESULTS = frozenset({"tool", "function"})
_ROOM = "\t\n\r"


@dataclass(frozen=True, slots=True)
class Talk:
    """``given``: all before the customer's last messages. ``spoken``: what the agent said last, in one piece. ``new``: the
    customer's messages since, ``places`` where they stand. ``asked``: all that he has said, from the beginning."""

    given: tuple[Utterance, ...]
    spoken: str
    new: tuple[str, ...]
    places: tuple[int, ...]
    asked: tuple[str, ...]
    waits: bool
    """It is the customer's turn: there is nothing to answer, the last message is a tool's result or our own."""
    begins: bool = False
    """Nobody has said anything yet: the agent is to speak first."""


def talk_of(messages: Sequence[Message]) -> Talk:
    """Raises ``InvalidInput`` when only the agent speaks in it, or the customer says something that can't be read."""
    spoken = [
        (place, message.role, _plain(message.content))
        for place, message in enumerate(messages)
        if message.role in (_CUSTOMER, _AGENT)
    ]
    if not spoken:
        return Talk((), "", (), (), (), waits=False, begins=True)
    if not any(role == _CUSTOMER for _, role, _ in spoken):
        raise InvalidInput("must hold a message of the user", field="messages")
    since = next((n for n in range(len(spoken), 0, -1) if spoken[n - 1][1] == _AGENT), 0)
    new = spoken[since:]
    waits = not new or messages[-1].role in _RESULTS
    if not waits:
        for place, _, _ in new:
            _checked(messages[place].content, place)
    given = tuple(
        Utterance("customer" if role == _CUSTOMER else "agent", text) for _, role, text in spoken[:since] if text
    )
    asked = tuple(text for _, role, text in spoken if role == _CUSTOMER)
    return Talk(given, _last_said(given), tuple(text for _, _, text in new), tuple(n for n, _, _ in new), asked, waits)


def _last_said(given: Sequence[Utterance]) -> str:
    """A reply may stand in several messages: a sentence each, or parted by a tool's call."""
    texts: list[str] = []
    for said in reversed(given):
        if said.role != "agent":
            break
        texts.insert(0, said.text)
    return " ".join(texts)


def _plain(text: str) -> str:
    return "".join(char for char in text if (char >= " " and char != "\x7f") or char in _ROOM).strip()


def _checked(text: str, place: int) -> None:
    field = f"messages.{place}.content"
    if any(char < " " and char not in _ROOM for char in text) or "\x7f" in text:
        raise InvalidInput("must not contain control characters", field=field)
    if all(unicodedata.category(char)[0] in "CZ" for char in text):
        raise InvalidInput("must not be empty", field=field)
