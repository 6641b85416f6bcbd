"""A transcript that a front-end keeps, too: how ours ends, and a beginning that was spoken elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select
from sqlalchemy.exc import IntegrityError

from agent.store.codec import from_json, progress_from
from agent.store.conversations import Start, is_conversation, started, values_of
from agent.store.events import add_and_tell
from agent.store.tables import conversations, messages, turns
from agent.store.turns import RECENT
from agent.turn import ConversationKey, Language, Utterance

_asked, _said = messages.alias("asked"), messages.alias("said")
_LAST = (
    select(turns.c.id, turns.c.message_id, turns.c.response, _asked.c.text.label("asked"), _said.c.text.label("kept"))
    .select_from(_said)
    .join(turns, turns.c.id == _said.c.turn_id)
    .join(
        _asked,
        (_asked.c.tenant == turns.c.tenant)
        & (_asked.c.conversation_id == turns.c.conversation_id)
        & (_asked.c.seq == turns.c.message_seq),
    )
    .where(
        _said.c.tenant == bindparam("of_tenant"),
        _said.c.conversation_id == bindparam("of_id"),
        _said.c.role == "agent",
    )
    .order_by(_said.c.seq.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class LastTurn:
    """``message_id`` as the front-end named the customer's message, ``asked`` its text; ``said`` is the reply as it was answered,
    ``kept`` what counts of it as heard by now."""

    turn_id: str
    message_id: str
    asked: str
    said: str
    kept: str


@dataclass(frozen=True, slots=True)
class Ending:
    """``last``: the last turn that was answered. ``busy``: another one waits or runs."""

    last: LastTurn | None
    language: Language | None
    busy: bool


def ending(connection: Connection, key: ConversationKey) -> Ending | None:
    """``None``: there is no such conversation."""
    known = select(conversations.c.progress, conversations.c.waiting).where(is_conversation(key))
    row = connection.execute(known).one_or_none()
    if row is None:
        return None
    last = connection.execute(_LAST, {"of_tenant": key.tenant, "of_id": key.id}).one_or_none()
    return Ending(None if last is None else _turn(last), progress_from(row.progress).language, row.waiting > 0)


def _turn(row: Row[*tuple[Any, ...]]) -> LastTurn:
    said: str = from_json(row.response)["response"] if row.response is not None else row.kept
    return LastTurn(row.id, row.message_id, row.asked, said, row.kept)


def begin_with(connection: Connection, start: Start, given: Sequence[Utterance], now: float) -> None:
    """Adds a new conversation with the last of the ``given`` messages, as many as the next turn sees. One that is there already
    is left as it is."""
    kept = given[len(given) - min(len(given), RECENT - 1) :]
    row = {**values_of(start, now), "seq": len(kept)}
    try:
        with connection.begin_nested():
            add_and_tell(connection, conversations, row, start.key, [started(start)], now)
    except IntegrityError:
        return
    rows = [
        {
            "tenant": start.key.tenant,
            "conversation_id": start.key.id,
            "seq": number,
            "role": said.role,
            "text": said.text,
            "turn_id": None,
            "created_at": now,
        }
        for number, said in enumerate(kept, 1)
    ]
    if rows:
        connection.execute(insert(messages), rows)
