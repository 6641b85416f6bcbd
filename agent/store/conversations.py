"""Conversations as rows: start, read, erase, outcome. Every function runs in one transaction of its caller."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Table, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from agent.errors import ConversationExists, UnknownConversation, UnknownTurn
from agent.store.codec import customer_to_json, from_json, to_json
from agent.store.events import Told, add_and_tell, erase_events, forget_erased
from agent.store.tables import conversations, feedback, messages, outcomes, turns
from agent.turn import ConversationKey, Customer, Progress

LONGEST_NUMBER = 10
"""Digits from which a turn's name is an id, not a number."""


@dataclass(frozen=True, slots=True)
class Start:
    """What a front-end says about a conversation when it begins."""

    key: ConversationKey
    playbook: str
    channel: str
    locale: str | None
    customer: Customer
    metadata: dict[str, Any]
    progress: Progress


def values_of(start: Start, now: float) -> dict[str, Any]:
    return {
        "tenant": start.key.tenant,
        "id": start.key.id,
        "playbook": start.playbook,
        "channel": start.channel,
        "locale": start.locale,
        "customer_id": start.customer.id,
        "customer": customer_to_json(start.customer),
        "metadata": to_json(start.metadata),
        "progress": to_json(start.progress),
        "seq": 0,
        "turns": 0,
        "waiting": 0,
        "created_at": now,
        "updated_at": now,
    }


def start_conversation(connection: Connection, start: Start, now: float) -> bool:
    """Adds the conversation; ``False`` when the same start was stored before. Raises ``ConversationExists`` for another."""
    try:
        with connection.begin_nested():
            add_and_tell(connection, conversations, values_of(start, now), start.key, [started(start)], now)
    except IntegrityError:
        row = connection.execute(select(conversations).where(is_conversation(start.key))).one()
        wanted = values_of(start, now)
        for field in ("playbook", "channel", "locale", "customer_id", "customer", "metadata"):
            if getattr(row, field) != wanted[field]:
                raise ConversationExists(
                    f"{start.key.id!r} was started before with another {field}", field="conversation_id"
                ) from None
        return False
    return True


def started(start: Start) -> Told:
    """For those who follow: who it is, and where."""
    return Told(
        "conversation.started",
        {
            "playbook": start.playbook,
            "channel": start.channel,
            "locale": start.locale,
            "customer_id": start.customer.id,
            "customer_name": start.customer.name,
        },
    )


def ensure_conversation(connection: Connection, start: Start, now: float) -> bool:
    """Adds the conversation unless it is there: a front-end may bring its own id and begin with a message. Whether it is new."""
    return add_unless_there(connection, conversations, values_of(start, now))


def add_unless_there(connection: Connection, table: Table, row: dict[str, Any]) -> bool:
    """Adds the row unless one with its key is there, whoever adds that at the same time; whether it was added."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    adding = dialect.insert(table).on_conflict_do_nothing().returning(table.c.tenant)
    return connection.execute(adding, row).one_or_none() is not None


def read_conversation(connection: Connection, key: ConversationKey) -> dict[str, Any]:
    """The row as plain values. Raises ``UnknownConversation``."""
    row = connection.execute(select(conversations).where(is_conversation(key))).mappings().one_or_none()
    if row is None:
        raise UnknownConversation(f"no conversation {key.id!r}")
    return _as_values(row)


def _as_values(row: RowMapping) -> dict[str, Any]:
    values: dict[str, Any] = {str(column): value for column, value in row.items()}
    for column in ("customer", "metadata", "progress"):
        values[column] = from_json(values[column])
    return values


def recent(
    connection: Connection, tenant: str, playbook: str | None, ids: list[str] | None, limit: int, offset: int
) -> list[dict[str, Any]]:
    """Conversations of a tenant, those first in which something happened last; as rows, columns of JSON as plain values."""
    query = select(conversations).where(conversations.c.tenant == tenant)
    if playbook is not None:
        query = query.where(conversations.c.playbook == playbook)
    if ids is not None:
        query = query.where(conversations.c.id.in_(ids))
    query = query.order_by(conversations.c.updated_at.desc(), conversations.c.id).limit(limit).offset(offset)
    return [_as_values(row) for row in connection.execute(query).mappings()]


def read_messages(connection: Connection, key: ConversationKey, after: int, limit: int) -> list[dict[str, Any]]:
    """At most ``limit`` messages with a number above ``after``, oldest first. Raises ``UnknownConversation``."""
    read_conversation(connection, key)
    query = (
        select(messages.c.seq, messages.c.role, messages.c.text, messages.c.turn_id, messages.c.created_at)
        .where(_within(messages, key), messages.c.seq > after)
        .order_by(messages.c.seq)
        .limit(limit)
    )
    return [{**row} for row in connection.execute(query).mappings()]


def add_outcome(
    connection: Connection, key: ConversationKey, outcome: str, value: float | None, details: dict[str, Any], now: float
) -> int:
    """Adds what became of the conversation; the number of this report. Raises ``UnknownConversation``."""
    changed = connection.execute(
        update(conversations).where(is_conversation(key)).values(outcome=outcome, updated_at=now)
    )
    if changed.rowcount == 0:
        raise UnknownConversation(f"no conversation {key.id!r}")
    count = select(func.count()).select_from(outcomes).where(_within(outcomes, key))
    number = connection.execute(count).scalar_one() + 1
    row = {
        "tenant": key.tenant,
        "conversation_id": key.id,
        "number": number,
        "outcome": outcome,
        "value": value,
        "details": to_json(details),
        "created_at": now,
    }
    told = Told("outcome.reported", {"number": number, "outcome": outcome, "value": value})
    add_and_tell(connection, outcomes, row, key, [told], now)
    return number


def read_turn(connection: Connection, key: ConversationKey, turn_id: str) -> dict[str, Any]:
    """One finished turn: the ledger with its response and what people thought of its suggestions. Raises ``UnknownTurn``."""
    row = find_turn(connection, key, turn_id)
    judged = select(
        feedback.c.number, feedback.c.action, feedback.c.actor, feedback.c.reason, feedback.c.created_at
    ).where(_within(feedback, key), feedback.c.turn_id == row.id)
    return {
        **from_json(row.ledger),
        "response": from_json(row.response),
        "feedback": [{**one} for one in connection.execute(judged.order_by(feedback.c.number)).mappings()],
        "finished_at": row.finished_at,
    }


def find_turn(connection: Connection, key: ConversationKey, turn_id: str) -> Any:
    """The row of a finished turn. ``turn_id`` may also be its number. Raises ``UnknownTurn``."""
    number = int(turn_id) if turn_id.isascii() and turn_id.isdigit() and len(turn_id) < LONGEST_NUMBER else None
    wanted = turns.c.id == turn_id if number is None else turns.c.seq == number
    row = connection.execute(select(turns).where(_within(turns, key), wanted)).one_or_none()
    if row is None or row.ledger is None:
        raise UnknownTurn(f"conversation {key.id!r} has no finished turn {turn_id!r}")
    return row


def erase_conversation(connection: Connection, key: ConversationKey, now: float) -> int:
    """Removes everything about the conversation; the number of messages that went. Raises ``UnknownConversation``.

    Its row is locked first, as everywhere: whoever takes locks in another order waits for him who waits for it."""
    if (
        connection.execute(select(conversations.c.id).where(is_conversation(key)).with_for_update()).one_or_none()
        is None
    ):
        raise UnknownConversation(f"no conversation {key.id!r}")
    erase_events(connection, key, now)
    gone = connection.execute(delete(messages).where(_within(messages, key))).rowcount
    connection.execute(delete(turns).where(_within(turns, key)))
    connection.execute(delete(outcomes).where(_within(outcomes, key)))
    connection.execute(delete(conversations).where(is_conversation(key)))
    return gone


def erase_older(connection: Connection, before: float, limit: int, now: float) -> int:
    """Erases conversations in which nothing has happened since ``before``, seconds since 1970; how many."""
    forget_erased(connection, before)
    query = (
        select(conversations.c.tenant, conversations.c.id)
        .where(conversations.c.updated_at < before, conversations.c.waiting == 0)
        .order_by(conversations.c.tenant, conversations.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = [ConversationKey(*row) for row in connection.execute(query).all()]
    for key in found:
        erase_conversation(connection, key, now)
    return len(found)


def is_conversation(key: ConversationKey) -> ColumnElement[bool]:
    return (conversations.c.tenant == key.tenant) & (conversations.c.id == key.id)


def _within(table: Table, key: ConversationKey) -> ColumnElement[bool]:
    return (table.c.tenant == key.tenant) & (table.c.conversation_id == key.id)
