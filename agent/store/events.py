"""What happened in conversations, for those who follow them. Rows are only added, each in the transaction of what it tells, and
go with their conversation.

A reader must never pass a row by that is committed after a later one. A row's ``position`` is the number of its transaction on
PostgreSQL, and rows are handed out only below the oldest transaction that still runs: whatever is below is decided for good. No
row is shared, so nobody waits for anybody; the price is that a transaction that stays open holds newer events back until it
ends. SQLite has one writer at a time, so a position that grows is the order of commits.

An event's public id is made of time and chance. A tenant learns nothing of others from the ids of his own.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    Insert,
    String,
    Table,
    Tuple,
    bindparam,
    delete,
    func,
    insert,
    literal,
    literal_column,
    select,
    true,
    tuple_,
)

from agent.store.bell import note
from agent.store.codec import to_json
from agent.store.tables import events
from agent.turn import ConversationKey

OVERLAP_US = 5_000_000
"""A reader whose last event was erased begins so much earlier than that one's time."""
_COLUMNS = [column.name for column in events.c if column.name != "position"]
_POSTGRESQL = literal_column("pg_current_xact_id()::text::bigint", BigInteger)
_LAST = select(func.max(events.c.position) + 1).where(events.c.tenant == bindparam("of_tenant")).scalar_subquery()
_NOW_US = literal_column("cast((julianday('now') - 2440587.5) * 86400000000 as integer)", BigInteger)
_SQLITE = func.max(func.coalesce(_LAST, 0), _NOW_US)
"""Behind the last one, and behind the clock: a position does not come again when the newest rows are erased."""
_SETTLED = literal_column("position < pg_snapshot_xmin(pg_current_snapshot())::text::bigint", Boolean)


@dataclass(frozen=True, slots=True)
class Told:
    """An event to be written. ``content`` is what a reader gets of it, besides its id, type, time and conversation."""

    type: str
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a reader stands. Kept within the server: ``position`` counts everybody's transactions."""

    position: int
    id: str


START = Place(0, "")


@dataclass(frozen=True, slots=True)
class Event:
    place: Place
    type: str
    conversation_id: str
    content: bytes
    at: float


def tell(connection: Connection, key: ConversationKey, told: Sequence[Told], now: float) -> None:
    """Writes events of a conversation."""
    _write(connection, [_row(key, key.id, number, one, now) for number, one in enumerate(told)])
    note(connection, key.tenant)


def tell_outliving(connection: Connection, key: ConversationKey, told: Told, now: float) -> None:
    """Writes an event that stays when its conversation goes."""
    _write(connection, [_row(key, None, 0, told, now)])
    note(connection, key.tenant)


def add_and_tell(
    connection: Connection,
    table: Table,
    row: Mapping[str, Any],
    key: ConversationKey,
    told: Sequence[Told],
    now: float,
) -> None:
    """Adds ``row`` to ``table`` and writes the events: on PostgreSQL in one statement, so that they cost no trip of their own."""
    rows = [_row(key, key.id, number, one, now) for number, one in enumerate(told)]
    if connection.dialect.name == "postgresql" and rows:
        given = {f"of_{name}": value for name, value in row.items()}
        given |= {f"told{number}_{name}": value for number, one in enumerate(rows) for name, value in one.items()}
        connection.execute(_together(table, tuple(row), len(rows)), given)
    else:
        connection.execute(_plain(table), row)
        _write(connection, rows)
    if rows:
        note(connection, key.tenant)


def _row(key: ConversationKey, conversation_id: str | None, number: int, told: Told, now: float) -> dict[str, Any]:
    return {
        "tenant": key.tenant,
        "id": f"{int(now * 1_000_000):014x}{number:02x}{secrets.token_hex(4)}",
        "conversation_id": conversation_id,
        "about": key.id,
        "type": told.type,
        "content": to_json(told.content),
        "created_at": now,
    }


def _write(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    postgresql = connection.dialect.name == "postgresql"
    for row in rows:
        given = {f"told0_{name}": value for name, value in row.items()}
        connection.execute(
            _alone(postgresql=postgresql), given if postgresql else {**given, "of_tenant": row["tenant"]}
        )


@lru_cache(2)
def _alone(*, postgresql: bool) -> Insert:
    return insert(events).values(_named(0, _POSTGRESQL if postgresql else _SQLITE)).inline()


@lru_cache(64)
def _together(table: Table, columns: tuple[str, ...], count: int) -> Insert:
    adding = insert(events).values([_named(number, _POSTGRESQL) for number in range(count)]).cte("told")
    values = {name: bindparam(f"of_{name}", type_=table.c[name].type) for name in columns}
    return insert(table).values(values).inline().add_cte(adding)


@lru_cache(64)
def _plain(table: Table) -> Insert:
    return insert(table)


def _named(number: int, position: ColumnElement[int]) -> dict[str, Any]:
    named: dict[str, Any] = {
        name: bindparam(f"told{number}_{name}", type_=events.c[name].type) for name in _COLUMNS
    }  # fmt: skip
    return {**named, "position": position}


def erase_events(connection: Connection, key: ConversationKey, now: float) -> None:
    """Removes a conversation's events; that it was erased is the last that is told of it."""
    tell_outliving(connection, key, Told("conversation.erased", {}), now)
    connection.execute(delete(events).where(events.c.tenant == key.tenant, events.c.conversation_id == key.id))


def forget_erased(connection: Connection, before: float) -> None:
    """What outlived its conversation is not kept for longer than a conversation is."""
    connection.execute(delete(events).where(events.c.conversation_id.is_(None), events.c.created_at < before))


def newest(connection: Connection, tenant: str) -> Place:
    """Where a reader stands who has seen everything up to now."""
    query = select(events.c.position, events.c.id).where(events.c.tenant == tenant, _settled(connection))
    row = connection.execute(query.order_by(events.c.position.desc(), events.c.id.desc()).limit(1)).one_or_none()
    return Place(*row) if row else START


def place_of(connection: Connection, tenant: str, event_id: str) -> Place | None:
    """Where a reader stands whose last event was ``event_id``. When that is gone, by its time, and a little before: some may
    come twice. ``None`` when nothing has happened since."""
    found = select(events.c.position, events.c.id).where(events.c.tenant == tenant)
    row = connection.execute(found.where(events.c.id == event_id)).one_or_none()
    if row is not None:
        return Place(*row)
    since = f"{max(0, int(event_id[:14], 16) - OVERLAP_US):014x}"
    first = select(func.min(events.c.position)).where(events.c.tenant == tenant, events.c.id > since)
    position = connection.execute(first).scalar_one()
    return None if position is None else Place(position, "")


def read_after(connection: Connection, tenant: str, after: Place, limit: int) -> tuple[list[Event], bool]:
    """At most ``limit`` events behind ``after``, in their order, and whether there are more that are not settled yet."""
    settled = _settled(connection).label("settled")
    query = select(events, settled).where(events.c.tenant == tenant, _behind(after))
    rows = connection.execute(query.order_by(events.c.position, events.c.id).limit(limit)).all()
    ready = [row for row in rows if row.settled]
    return [_event(row) for row in ready], len(ready) < len(rows)


def replay(
    connection: Connection, tenant: str, after: Place, until: Place, conversation_id: str | None, limit: int
) -> tuple[list[Event], bool]:
    """The newest ``limit`` events behind ``after`` and up to ``until``, oldest first, and whether older ones were left out."""
    query = select(events).where(events.c.tenant == tenant, _behind(after), ~_behind(until))
    if conversation_id is not None:
        erased = events.c.conversation_id.is_(None) & (events.c.about == conversation_id)
        query = query.where((events.c.conversation_id == conversation_id) | erased)
    rows = connection.execute(query.order_by(events.c.position.desc(), events.c.id.desc()).limit(limit + 1)).all()
    return [_event(row) for row in reversed(rows[:limit])], len(rows) > limit


def _event(row: Any) -> Event:
    return Event(Place(row.position, row.id), row.type, row.about, row.content, row.created_at)


_PLACE = tuple_(events.c.position, events.c.id)


def _at(place: Place) -> Tuple:
    return tuple_(literal(place.position, BigInteger), literal(place.id, String))


def _behind(place: Place) -> ColumnElement[bool]:
    return _at(place) < _PLACE


def _settled(connection: Connection) -> ColumnElement[bool]:
    return _SETTLED if connection.dialect.name == "postgresql" else true()
