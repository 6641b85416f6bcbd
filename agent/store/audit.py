"""The audit log: who did what to whose data. Rows are only added, each with the SHA-256 of its content and of the row
before it, so that a row that was changed, added or taken out in between shows.

What the chain can't show is that its newest rows were cut off, or that all of it was written anew by someone who may
write to the database. For that the server logs every row's hash, and ``sales-agent audit verify`` prints the newest one:
keep them elsewhere.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import orjson
from sqlalchemy import Connection, insert, select, text

from agent.store.tables import audit

START = "0" * 64
"""What the first row of a tenant follows."""
LONGEST_TARGET = 300
BATCH = 1_000
_LOCK_SEED = 7_303_202


class Action(StrEnum):
    KEY_CREATED = "key_created"
    KEY_REVOKED = "key_revoked"
    OUTCOME_REPORTED = "outcome_reported"
    LEDGER_READ = "ledger_read"
    MESSAGES_READ = "messages_read"
    TAKEN_OVER = "conversation_taken_over"
    HANDED_BACK = "conversation_handed_back"
    PERSON_WROTE = "person_wrote"
    SUGGESTION_JUDGED = "suggestion_judged"
    EVENTS_FOLLOWED = "events_followed"
    CONVERSATION_ERASED = "conversation_erased"
    ACCESS_DENIED = "access_denied"


@dataclass(frozen=True, slots=True)
class Deed:
    """``target`` is an id (a conversation, a turn, a key), never what a customer said."""

    tenant: str
    key_id: str
    role: str
    action: Action | str
    target: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Row:
    number: int
    at: float
    deed: Deed
    sha256: str


@dataclass(frozen=True, slots=True)
class Broken:
    """The first row that is not what was written."""

    number: int
    problem: str


@dataclass(frozen=True, slots=True)
class Verified:
    """``rows`` that are right, the hash of the last of them, and where the chain breaks, if it does."""

    rows: int
    sha256: str
    broken: Broken | None


def append(connection: Connection, deed: Deed, now: float) -> Row:
    """Adds the deed to its tenant's chain, in the caller's transaction. Others of the same tenant wait for its end."""
    if connection.dialect.name == "postgresql":
        lock = text("select pg_advisory_xact_lock(hashtextextended(:tenant, :seed))")
        connection.execute(lock, {"tenant": deed.tenant, "seed": _LOCK_SEED})
    newest = select(audit.c.number, audit.c.sha256).where(audit.c.tenant == deed.tenant)
    last = connection.execute(newest.order_by(audit.c.number.desc()).limit(1)).one_or_none()
    number, previous = (last.number + 1, last.sha256) if last else (1, START)
    if len(deed.target) > LONGEST_TARGET:
        cut = deed.target[: LONGEST_TARGET - 1] + "…"
        deed = Deed(deed.tenant, deed.key_id, deed.role, deed.action, cut, deed.outcome)
    row = Row(number, now, deed, _hash(number, now, deed, previous))
    connection.execute(
        insert(audit),
        {
            "tenant": deed.tenant,
            "number": number,
            "at": now,
            "key_id": deed.key_id,
            "role": deed.role,
            "action": str(deed.action),
            "target": deed.target,
            "outcome": deed.outcome,
            "sha256": row.sha256,
        },
    )
    return row


def read(connection: Connection, tenant: str, after: int = 0, limit: int = BATCH) -> list[Row]:
    """At most ``limit`` rows with a number above ``after``, oldest first."""
    query = select(audit).where(audit.c.tenant == tenant, audit.c.number > after).order_by(audit.c.number).limit(limit)
    return [
        Row(
            row.number,
            row.at,
            Deed(row.tenant, row.key_id, row.role, row.action, row.target, row.outcome),
            row.sha256,
        )
        for row in connection.execute(query)
    ]


def tenants(connection: Connection) -> list[str]:
    """Every tenant that has an audit log."""
    return list(connection.execute(select(audit.c.tenant).distinct().order_by(audit.c.tenant)).scalars())


def verify(connection: Connection, tenant: str) -> Verified:
    """Recomputes the tenant's chain from its first row on."""
    number, previous = 0, START
    for row in _all(connection, tenant):
        if row.number != number + 1:
            return Verified(number, previous, Broken(number + 1, "is missing"))
        if row.sha256 != _hash(row.number, row.at, row.deed, previous):
            return Verified(number, previous, Broken(row.number, f"is not what was written, or not after row {number}"))
        number, previous = row.number, row.sha256
    return Verified(number, previous, None)


def _all(connection: Connection, tenant: str) -> Iterator[Row]:
    after = 0
    while rows := read(connection, tenant, after):
        yield from rows
        after = rows[-1].number


def _hash(number: int, at: float, deed: Deed, previous: str) -> str:
    content = [deed.tenant, number, at, deed.key_id, deed.role, deed.action, deed.target, deed.outcome, previous]
    return hashlib.sha256(orjson.dumps(content)).hexdigest()
