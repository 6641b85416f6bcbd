"""The turn ledger: claim a message, run its turn, commit. What was not committed is run again by whoever claims it next.

A conversation runs one turn at a time: the claim takes a lease on its row, the commit gives it back. A lease ends by
itself, so a process that dies blocks nobody for longer than that.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from agent.errors import KeyReused, LeaseLost, UnknownTurn
from agent.store.codec import customer_from, from_json, progress_from, to_json
from agent.store.conversations import Start, ensure_conversation
from agent.store.tables import conversations, messages, turns
from agent.turn import Conversation, Progress, Utterance

RECENT = 12
"""How many of the last messages a turn sees: enough for a prompt, constant for a conversation of any length."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message at the door. ``request_sha256`` tells a repeat from another message under the same id."""

    start: Start
    message_id: str
    text: str
    request_sha256: str
    turn_id: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """The turn is ours until the lease ends. ``seq`` is the number of the turn, from 1."""

    turn_id: str
    seq: int
    conversation: Conversation


@dataclass(frozen=True, slots=True)
class Repeated:
    """The message was answered before; ``response`` is the very same JSON."""

    response: bytes


@dataclass(frozen=True, slots=True)
class Busy:
    """Another turn of this conversation runs."""

    lease_until: float


# Built once: putting a statement together costs twice as much as running it.
_OF_CONVERSATION = conversations.c.id == bindparam("of_id")
_LOCKED = (
    select(
        conversations.c.playbook,
        conversations.c.channel,
        conversations.c.customer,
        conversations.c.progress,
        conversations.c.seq,
        conversations.c.turns,
        conversations.c.lease_owner,
        conversations.c.lease_until,
    )
    .where(_OF_CONVERSATION)
    .with_for_update()
)
_KNOWN = select(turns.c.id, turns.c.seq, turns.c.message_seq, turns.c.request_sha256, turns.c.response).where(
    turns.c.conversation_id == bindparam("of_id"), turns.c.message_id == bindparam("of_message")
)
_TAKE = update(conversations).where(_OF_CONVERSATION)
_RECENT = (
    select(messages.c.role, messages.c.text)
    .where(
        messages.c.conversation_id == bindparam("of_id"),
        messages.c.seq > bindparam("after"),
        messages.c.seq <= bindparam("until"),
    )
    .order_by(messages.c.seq)
)
_ADD_MESSAGE = insert(messages)
_ADD_TURN = insert(turns)
_GIVE_BACK = (
    update(conversations)
    .where(_OF_CONVERSATION, conversations.c.lease_owner == bindparam("of_owner"))
    .values(seq=conversations.c.seq + 1, progress=bindparam("progress"), updated_at=bindparam("updated_at"))
    .values(lease_owner=None, lease_until=None)
    .returning(conversations.c.seq)
)
_FINISH = update(turns).where(turns.c.id == bindparam("of_turn"))


def claim(connection: Connection, incoming: Incoming, now: float, lease_s: float) -> Claimed | Repeated | Busy:
    """Stores the message and takes the lease, or says why not. Raises ``KeyReused``."""
    of_id = {"of_id": incoming.start.id}
    row = connection.execute(_LOCKED, of_id).one_or_none()
    if row is None:
        ensure_conversation(connection, incoming.start, now)
        row = connection.execute(_LOCKED, of_id).one()
    known = connection.execute(_KNOWN, {**of_id, "of_message": incoming.message_id}).one_or_none()
    if known is not None and known.request_sha256 != incoming.request_sha256:
        raise KeyReused(f"{incoming.message_id!r} came before with another message", field="message_id")
    if known is not None and known.response is not None:
        return Repeated(known.response)
    if row.lease_owner is not None and row.lease_until > now:
        return Busy(row.lease_until)
    if known is None:
        message_seq, turn_seq, turn_id = row.seq + 1, row.turns + 1, incoming.turn_id
        _add(connection, incoming, message_seq, turn_seq, now)
    else:
        message_seq, turn_seq, turn_id = known.message_seq, known.seq, known.id
    lease = {"lease_owner": turn_id, "lease_until": now + lease_s, "updated_at": now}
    counted = {"seq": max(row.seq, message_seq), "turns": max(row.turns, turn_seq)}
    connection.execute(_TAKE, {**of_id, **counted, **lease})
    recent = connection.execute(_RECENT, {**of_id, "after": message_seq - RECENT, "until": message_seq}).all()
    conversation = Conversation(
        id=incoming.start.id,
        playbook=row.playbook,
        channel=row.channel,
        customer=customer_from(row.customer),
        progress=progress_from(row.progress),
        recent=tuple(Utterance(role, text) for role, text in recent),
        seq=message_seq,
    )
    return Claimed(turn_id, turn_seq, conversation)


def _add(connection: Connection, incoming: Incoming, message_seq: int, turn_seq: int, now: float) -> None:
    message = {"seq": message_seq, "role": "customer", "text": incoming.text, "turn_id": incoming.turn_id}
    connection.execute(_ADD_MESSAGE, {"conversation_id": incoming.start.id, "created_at": now, **message})
    connection.execute(
        _ADD_TURN,
        {
            "conversation_id": incoming.start.id,
            "message_id": incoming.message_id,
            "id": incoming.turn_id,
            "seq": turn_seq,
            "request_sha256": incoming.request_sha256,
            "message_seq": message_seq,
            "created_at": now,
        },
    )


@dataclass(frozen=True, slots=True)
class Finished:
    """A turn to commit: the reply, what was answered, the whole ledger and what the conversation remembers now."""

    conversation_id: str
    turn_id: str
    reply: str
    response: bytes
    ledger: bytes
    progress: Progress


def commit(connection: Connection, finished: Finished, now: float) -> None:
    """Stores the turn and gives the lease back. Raises ``LeaseLost`` when another worker has it; nothing is stored then."""
    seq = connection.execute(
        _GIVE_BACK,
        {
            "of_id": finished.conversation_id,
            "of_owner": finished.turn_id,
            "progress": to_json(finished.progress),
            "updated_at": now,
        },
    ).scalar_one_or_none()
    if seq is None:
        raise LeaseLost(f"the lease of turn {finished.turn_id!r} was lost")
    message = {"seq": seq, "role": "agent", "text": finished.reply, "turn_id": finished.turn_id}
    connection.execute(_ADD_MESSAGE, {"conversation_id": finished.conversation_id, "created_at": now, **message})
    done = {"response": finished.response, "ledger": finished.ledger, "finished_at": now}
    connection.execute(_FINISH, {"of_turn": finished.turn_id, **done})


def release(connection: Connection, conversation_id: str, turn_id: str) -> None:
    """Gives the lease back without a reply: the turn failed, a repeat of its message runs it again."""
    connection.execute(
        update(conversations)
        .where(conversations.c.id == conversation_id, conversations.c.lease_owner == turn_id)
        .values(lease_owner=None, lease_until=None)
    )


def read_turn(connection: Connection, conversation_id: str, turn_id: str) -> dict[str, Any]:
    """One finished turn: the ledger with its response. ``turn_id`` may also be its number. Raises ``UnknownTurn``."""
    wanted = (
        turns.c.seq == int(turn_id)
        if turn_id.isascii() and turn_id.isdigit() and len(turn_id) < 10
        else turns.c.id == turn_id
    )
    row = connection.execute(select(turns).where(turns.c.conversation_id == conversation_id, wanted)).one_or_none()
    if row is None or row.ledger is None:
        raise UnknownTurn(f"conversation {conversation_id!r} has no finished turn {turn_id!r}")
    return {**from_json(row.ledger), "response": from_json(row.response), "finished_at": row.finished_at}
