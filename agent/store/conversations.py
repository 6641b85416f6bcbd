"""Conversations as rows: start, read, erase, outcome. Every function runs in one transaction of its caller."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from agent.errors import ConversationExists, UnknownConversation
from agent.store.codec import from_json, to_json
from agent.store.tables import conversations, messages, outcomes, turns
from agent.turn import Customer, Progress


@dataclass(frozen=True, slots=True)
class Start:
    """What a front-end says about a conversation when it begins."""

    id: str
    playbook: str
    channel: str
    locale: str | None
    customer: Customer
    metadata: dict[str, Any]
    progress: Progress


def values_of(start: Start, now: float) -> dict[str, Any]:
    return {
        "id": start.id,
        "playbook": start.playbook,
        "channel": start.channel,
        "locale": start.locale,
        "customer": to_json(start.customer),
        "metadata": to_json(start.metadata),
        "progress": to_json(start.progress),
        "seq": 0,
        "turns": 0,
        "created_at": now,
        "updated_at": now,
    }


def start_conversation(connection: Connection, start: Start, now: float) -> bool:
    """Adds the conversation; ``False`` when the same start was stored before. Raises ``ConversationExists`` for another."""
    try:
        with connection.begin_nested():
            connection.execute(insert(conversations), values_of(start, now))
    except IntegrityError:
        row = connection.execute(select(conversations).where(conversations.c.id == start.id)).one()
        wanted = values_of(start, now)
        for field in ("playbook", "channel", "locale", "customer", "metadata"):
            if getattr(row, field) != wanted[field]:
                raise ConversationExists(
                    f"{start.id!r} was started before with another {field}", field="conversation_id"
                ) from None
        return False
    return True


def ensure_conversation(connection: Connection, start: Start, now: float) -> None:
    """Adds the conversation unless it is there: a front-end may bring its own id and begin with a message."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(conversations).on_conflict_do_nothing(), values_of(start, now))


def read_conversation(connection: Connection, conversation_id: str) -> dict[str, Any]:
    """The row as plain values. Raises ``UnknownConversation``."""
    query = select(conversations).where(conversations.c.id == conversation_id)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise UnknownConversation(f"no conversation {conversation_id!r}")
    values: dict[str, Any] = {**row}
    for column in ("customer", "metadata", "progress"):
        values[column] = from_json(values[column])
    return values


def read_messages(connection: Connection, conversation_id: str, after: int, limit: int) -> list[dict[str, Any]]:
    """At most ``limit`` messages with a number above ``after``, oldest first. Raises ``UnknownConversation``."""
    read_conversation(connection, conversation_id)
    query = (
        select(messages.c.seq, messages.c.role, messages.c.text, messages.c.turn_id, messages.c.created_at)
        .where(messages.c.conversation_id == conversation_id, messages.c.seq > after)
        .order_by(messages.c.seq)
        .limit(limit)
    )
    return [{**row} for row in connection.execute(query).mappings()]


def add_outcome(
    connection: Connection, conversation_id: str, outcome: str, value: float | None, details: dict[str, Any], now: float
) -> int:
    """Adds what became of the conversation; the number of this report. Raises ``UnknownConversation``."""
    changed = connection.execute(
        update(conversations).where(conversations.c.id == conversation_id).values(outcome=outcome, updated_at=now)
    )
    if changed.rowcount == 0:
        raise UnknownConversation(f"no conversation {conversation_id!r}")
    count = select(func.count()).select_from(outcomes).where(outcomes.c.conversation_id == conversation_id)
    number = connection.execute(count).scalar_one() + 1
    connection.execute(
        insert(outcomes),
        {
            "conversation_id": conversation_id,
            "number": number,
            "outcome": outcome,
            "value": value,
            "details": to_json(details),
            "created_at": now,
        },
    )
    return number


def erase_conversation(connection: Connection, conversation_id: str) -> int:
    """Removes everything about the conversation; the number of messages that went. Raises ``UnknownConversation``."""
    gone = connection.execute(delete(messages).where(messages.c.conversation_id == conversation_id)).rowcount
    connection.execute(delete(turns).where(turns.c.conversation_id == conversation_id))
    connection.execute(delete(outcomes).where(outcomes.c.conversation_id == conversation_id))
    if connection.execute(delete(conversations).where(conversations.c.id == conversation_id)).rowcount == 0:
        raise UnknownConversation(f"no conversation {conversation_id!r}")
    return gone
