"""What the database holds after a drill, read with SQL of its own: the product's store is what is being judged.

This room alone knows the tables; when the schema changes, these statements follow.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from agent.store.door import asyncpg_url

_WATCH = (
    """create table if not exists drill_arrivals (
        conversation_id text, message_id text, arrived_at float8, primary key (conversation_id, message_id)
    )""",
    """create or replace function drill_arrived() returns trigger language plpgsql as $$ begin
        insert into drill_arrivals
        values (new.conversation_id, new.message_id, extract(epoch from clock_timestamp()))
        on conflict (conversation_id, message_id) do update set arrived_at = excluded.arrived_at;
        return null;
    end $$""",
    """create or replace trigger drill_arrived after insert on turns for each row execute function drill_arrived()""",
)
_TURNS = text("""
    select conversation_id, message_id, id, seq, coalesce(message_seq, 0) as message_seq, response, arrived_at
    from turns join drill_arrivals using (conversation_id, message_id)
    where starts_with(conversation_id, :tag) order by conversation_id, seq
""")
_MESSAGES = text("""
    select conversation_id, seq, role, text, turn_id
    from messages where starts_with(conversation_id, :tag) order by conversation_id, seq
""")
LOOK_S = 0.25


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """``reply`` is ``None`` while the turn is not finished. Numbers are places in the conversation. ``arrived_at`` is when
    the database took the turn in, while it held the conversation: seconds of ``time.monotonic``."""

    conversation: str
    message_id: str
    turn_id: str
    number: int
    message_number: int
    reply: str | None
    arrived_at: float


@dataclass(frozen=True, slots=True)
class StoredMessage:
    conversation: str
    number: int
    role: str
    text: str
    turn_id: str | None


@dataclass(frozen=True, slots=True)
class Stored:
    turns: Sequence[StoredTurn]
    messages: Sequence[StoredMessage]

    @property
    def unfinished(self) -> int:
        return sum(turn.reply is None for turn in self.turns)


async def watch_arrivals(database_url: str) -> None:
    """From now on the database notes when each turn arrived, by its own clock."""
    engine = create_async_engine(asyncpg_url(database_url))
    try:
        async with engine.begin() as connection:
            for statement in _WATCH:
                await connection.exec_driver_sql(statement)
    finally:
        await engine.dispose()


async def read_stored(database_url: str, tag: str) -> Stored:
    """All turns and messages of conversations whose id begins with ``tag``, in their stored order."""
    engine = create_async_engine(asyncpg_url(database_url), hide_parameters=True)
    since_boot = time.time() - time.monotonic()
    try:
        async with engine.connect() as connection:
            turns = (await connection.execute(_TURNS, {"tag": tag})).mappings().all()
            messages = (await connection.execute(_MESSAGES, {"tag": tag})).mappings().all()
    finally:
        await engine.dispose()
    return Stored(
        tuple(
            StoredTurn(
                row["conversation_id"],
                row["message_id"],
                row["id"],
                row["seq"],
                row["message_seq"],
                None if row["response"] is None else orjson.loads(row["response"])["response"],
                row["arrived_at"] - since_boot,
            )
            for row in turns
        ),
        tuple(
            StoredMessage(row["conversation_id"], row["seq"], row["role"], row["text"], row["turn_id"])
            for row in messages
        ),
    )


async def read_settled(database_url: str, tag: str, patience_s: float) -> Stored:
    """As ``read_stored``, when every stored message has its turn, or when patience has ended: somebody must pick up the
    turns of customers who walked away."""
    end = time.monotonic() + patience_s
    while True:
        stored = await read_stored(database_url, tag)
        if not stored.unfinished or time.monotonic() >= end:
            return stored
        await asyncio.sleep(LOOK_S)
