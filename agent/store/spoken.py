"""What a customer really heard, put right in the store after he talked over the agent."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, case, delete, select, update

from agent.store.codec import from_json, progress_from, to_json
from agent.store.conversations import is_conversation
from agent.store.events import Told, tell
from agent.store.tables import conversations, messages, turns
from agent.store.turns import Lease
from agent.turn import ConversationKey, Progress

Ledger = dict[str, Any]
"""What ``agent.wire.ledger_json`` made of a turn."""
Revise = Callable[[Progress, Ledger], Progress]


def unsay(connection: Connection, lease: Lease, key: ConversationKey, turn_id: str) -> None:
    """Takes a begun turn back with its message, as if it had never come. Does nothing when it is not the holder's any more."""
    connection.execute(select(conversations.c.id).where(is_conversation(key)).with_for_update())
    gone = delete(turns).where(turns.c.id == turn_id, turns.c.lease_owner == lease.owner, turns.c.finished_at.is_(None))
    row = connection.execute(gone.returning(turns.c.seq, turns.c.message_seq)).one_or_none()
    if row is None:
        return
    connection.execute(delete(messages).where(*_of(key), messages.c.seq == row.message_seq))
    counted = {
        "seq": case((conversations.c.seq == row.message_seq, conversations.c.seq - 1), else_=conversations.c.seq),
        "waiting": conversations.c.waiting - 1,
        "turns": case((conversations.c.turns == row.seq, row.seq - 1), else_=conversations.c.turns),
    }
    connection.execute(update(conversations).where(is_conversation(key)).values(counted))
    tell(connection, key, [_corrected("customer", turn_id, "")], lease.now)


def correct(connection: Connection, key: ConversationKey, turn_id: str, heard: str, revise: Revise, now: float) -> bool:
    """Puts what was heard in the place of an answered turn's reply; whether that was another text. What the conversation
    remembers is revised, too, unless it has gone on since."""
    query = select(conversations.c.progress, conversations.c.turns).where(is_conversation(key)).with_for_update()
    row = connection.execute(query).one_or_none()
    ledger = select(turns.c.seq, turns.c.ledger).where(
        turns.c.tenant == key.tenant, turns.c.conversation_id == key.id, turns.c.id == turn_id
    )
    turn = connection.execute(ledger).one_or_none()
    if row is None or turn is None or turn.ledger is None:
        return False
    said = update(messages).where(
        *_of(key), messages.c.turn_id == turn_id, messages.c.role == "agent", messages.c.text != heard
    )
    if connection.execute(said.values(text=heard)).rowcount == 0:
        return False
    tell(connection, key, [_corrected("agent", turn_id, heard)], now)
    if turn.seq == row.turns:
        progress = revise(progress_from(row.progress), from_json(turn.ledger))
        connection.execute(update(conversations).where(is_conversation(key)).values(progress=to_json(progress)))
    return True


def _corrected(role: str, turn_id: str, text: str) -> Told:
    """What was really said in that turn by ``role``; empty: nothing, as if it had never been."""
    return Told("message.corrected", {"turn_id": turn_id, "role": role, "text": text})


def _of(key: ConversationKey) -> tuple[Any, ...]:
    return messages.c.tenant == key.tenant, messages.c.conversation_id == key.id
