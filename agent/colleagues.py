"""A person beside the agent: takes a conversation over, writes in it, gives it back, judges a suggestion."""

import hashlib
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Protocol

from agent.reply.barge_in import BargeIn
from agent.store import holding
from agent.store.door import Door
from agent.turn import ConversationKey


class Speaking(Protocol):
    """A turn that runs here: how to stop it, and what of its reply has gone out."""

    barge_in: BargeIn

    @property
    def said(self) -> str: ...


class Colleagues:
    """What a person may do in a conversation, for the sales agent of a process."""

    _door: Door
    _now: Callable[[], float]

    def __init__(self) -> None:
        self._speaking: dict[ConversationKey, Speaking] = {}

    @contextmanager
    def speaking(self, key: ConversationKey, voice: Speaking) -> Generator[None]:
        """The block writes a reply, which a person who takes over cuts off."""
        self._speaking[key] = voice
        try:
            yield
        finally:
            self._speaking.pop(key, None)

    async def person_takes(self, key: ConversationKey, actor: str, reason: str | None) -> holding.Held:
        """From now on the agent is silent. A reply that is being written here ends where it is; in another process it may come
        to its end. Raises ``UnknownConversation`` or ``HeldAlready``."""
        held = await self._door.run(holding.take, key, actor, reason, self._now())
        running = self._speaking.get(key)
        if running is not None:
            running.barge_in.cut(running.said, by_person=True)
        return held

    async def person_hands_back(self, key: ConversationKey, actor: str) -> None:
        """The agent speaks again. Raises ``UnknownConversation`` or ``NotHeld``."""
        await self._door.run(holding.hand_back, key, actor, self._now())

    async def person_writes(
        self, key: ConversationKey, actor: str, text: str, message_id: str | None
    ) -> tuple[dict[str, Any], bool]:
        """The stored message, and whether it is new. Raises ``UnknownConversation``, ``KeyReused``, ``NotHeld`` or
        ``HeldAlready``."""
        message_id = message_id or uuid.uuid4().hex
        sha256 = hashlib.sha256(f"{actor}\0{text}".encode()).hexdigest()
        writing = holding.Writing(actor, text, message_id, sha256)
        seq, new = await self._door.run(holding.write, key, writing, self._now())
        return {"conversation_id": key.id, "message_id": message_id, "seq": seq, "actor": actor, "text": text}, new

    async def judge(self, key: ConversationKey, turn_id: str, judgement: holding.Judgement) -> tuple[str, int]:
        """The turn's id and the number of the judgement. Raises ``UnknownConversation`` or ``UnknownTurn``."""
        return await self._door.run(holding.judge, key, turn_id, judgement, self._now())
