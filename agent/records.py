"""What is kept of conversations: reading it, reporting what became of them, erasing them."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from agent.store import conversations, customers, opening, transcript
from agent.store.door import Door
from agent.turn import ConversationKey

ERASED_AT_ONCE = 500


class Records(ABC):
    """The half of the sales agent that runs no turn."""

    _door: Door
    _now: Callable[[], float]

    @abstractmethod
    def forget(self) -> None:
        """Empties what this process remembers of texts."""

    def now(self) -> float:
        """Seconds since 1970, by the agent's clock."""
        return self._now()

    async def conversation(self, key: ConversationKey) -> dict[str, Any]:
        """What is known of a conversation. Raises ``UnknownConversation``."""
        return _known(await self._door.run(conversations.read_conversation, key))

    async def recent(
        self, tenant: str, playbook: str | None, ids: list[str] | None, limit: int, offset: int
    ) -> list[dict[str, Any]]:
        """What is known of a tenant's conversations, the latest first; ``playbook`` and ``ids`` leave others out."""
        rows = await self._door.run(conversations.recent, tenant, playbook, ids, limit, offset)
        return [_known(row) for row in rows]

    async def messages(self, key: ConversationKey, after: int = 0, limit: int = 200) -> list[dict[str, Any]]:
        return await self._door.run(conversations.read_messages, key, after, limit)

    async def ending(self, key: ConversationKey) -> transcript.Ending | None:
        """How the conversation ends by now; ``None`` when there is none."""
        return await self._door.run(transcript.ending, key)

    async def turn(self, key: ConversationKey, turn_id: str) -> dict[str, Any]:
        return await self._door.run(conversations.read_turn, key, turn_id)

    async def outcome(self, key: ConversationKey, outcome: str, value: float | None, details: dict[str, Any]) -> int:
        return await self._door.run(conversations.add_outcome, key, outcome, value, details, self._now())

    async def begin(self, start: conversations.Start, said: str) -> bool:
        """The agent speaks first; ``False`` when something was said in that conversation before."""
        return await self._door.run(opening.begin, start, said, self._now())

    async def began(self, key: ConversationKey, heard: str, revise: opening.Revise) -> bool:
        """Only ``heard`` of the words that began a conversation has reached the customer; whether that was news."""
        return await self._door.run(opening.correct, key, heard, revise)

    async def erase(self, key: ConversationKey) -> int:
        """Erases a conversation, in the store and in this process's memory; how many messages went."""
        erased = await self._door.run(conversations.erase_conversation, key, self._now())
        self.forget()
        return erased

    async def erase_customer(self, tenant: str, customer_id: str) -> int:
        """Erases all conversations of a customer; how many. That he opted out stays known, as a digest."""
        erased = await self._door.run(customers.erase_customer, tenant, customer_id, self._now())
        self.forget()
        return erased

    async def erase_older(self, seconds: float) -> int:
        """Erases conversations in which nothing happened for that long; how many."""
        now = self._now()
        erased = await self._door.run(conversations.erase_older, now - seconds, ERASED_AT_ONCE, now)
        if erased:
            self.forget()
        return erased


def _known(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "conversation_id": row["id"],
        "playbook": row["playbook"],
        "channel": row["channel"],
        "locale": row["locale"],
        "customer_id": row["customer_id"],
        "customer_data": row["customer"],
        "metadata": row["metadata"],
        "stage": row["progress"]["stage"],
        "language": row["progress"]["language"],
        "objections": row["progress"]["ledger"],
        "needs": row["progress"]["needs"],
        "messages": row["seq"],
        "turns": row["turns"],
        "outcome": row["outcome"],
        "held": None if row["held_by"] is None else {"actor": row["held_by"], "since": row["held_since"]},
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }
