"""The turn ledger, inbox and outbox in one: a message is kept when it arrives, run when its turn comes, answered in one
transaction. What was not answered is run again by whoever takes it over.

Turns of a conversation are numbered as they arrive and run one at a time in that order. Whoever holds a message, waiting or
running, has a lease on it and renews it; a lease ends by itself, so a process that dies blocks nobody for longer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, case, delete, insert, select, update

from agent.errors import KeyReused, LeaseLost, TurnsQueued
from agent.store.codec import customer_from, from_json, progress_from, to_json
from agent.store.conversations import Start, ensure_conversation, started
from agent.store.customers import forget_opt_out, has_opted_out, note_opt_out
from agent.store.events import Told, add_and_tell
from agent.store.tables import conversations, messages, turns
from agent.turn import Conversation, ConversationKey, Direction, Progress, Utterance

RECENT = 12
"""How many of the last messages a turn sees: enough for a prompt, constant for a conversation of any length."""
MOST_ATTEMPTS = 8
"""How often a turn is begun before it is given up: one that kills its process must not stop its conversation for good."""


@dataclass(frozen=True, slots=True)
class Lease:
    """``owner`` is one call that holds a message; for ``seconds`` from ``now`` (since 1970) on it is his."""

    owner: str
    now: float
    seconds: float

    @property
    def until(self) -> float:
        return self.now + self.seconds


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message at the door. ``request_sha256`` tells a repeat from another message under the same id."""

    start: Start
    message_id: str
    text: str
    request_sha256: str
    turn_id: str
    platform_context: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Claimed:
    """The turn is ours until the lease ends. ``seq`` is its place in the order of arrival."""

    turn_id: str
    message_id: str
    seq: int
    conversation: Conversation
    platform_context: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Repeated:
    """The message is answered; ``response`` is the very same JSON, ``None`` when its turn was given up."""

    response: bytes | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """The message is kept; another turn of its conversation runs, or this one does elsewhere."""


Step = Claimed | Repeated | Waiting
Kept = Row[*tuple[Any, ...]]

# Built once: putting a statement together costs twice as much as running it.
_OF_CONVERSATION = (conversations.c.tenant == bindparam("of_tenant")) & (conversations.c.id == bindparam("of_id"))
_TURNS_OF_CONVERSATION = (turns.c.tenant == bindparam("of_tenant")) & (turns.c.conversation_id == bindparam("of_id"))
_LOCKED = (
    select(
        conversations.c.playbook,
        conversations.c.channel,
        conversations.c.customer_id,
        conversations.c.customer,
        conversations.c.metadata,
        conversations.c.progress,
        conversations.c.seq,
        conversations.c.turns,
        conversations.c.waiting,
        conversations.c.held_by,
    )
    .where(_OF_CONVERSATION)
    .with_for_update()
)
_TURN = select(
    turns.c.id,
    turns.c.message_id,
    turns.c.seq,
    turns.c.request_sha256,
    turns.c.inbox,
    turns.c.message_seq,
    turns.c.attempts,
    turns.c.lease_owner,
    turns.c.lease_until,
    turns.c.response,
    turns.c.finished_at,
)
_KNOWN = _TURN.where(_TURNS_OF_CONVERSATION, turns.c.message_id == bindparam("of_message"))
_FIRST = _TURN.where(_TURNS_OF_CONVERSATION, turns.c.finished_at.is_(None)).order_by(turns.c.seq).limit(1)
_ARRIVED = (
    update(conversations)
    .where(_OF_CONVERSATION)
    .values(turns=conversations.c.turns + 1, waiting=conversations.c.waiting + 1)
)
_BEGUN = (
    update(turns)
    .where(turns.c.id == bindparam("of_turn"))
    .values(
        message_seq=bindparam("message_seq"),
        attempts=turns.c.attempts + 1,
        lease_owner=bindparam("owner"),
        lease_until=bindparam("until"),
    )
)
_SAID = (
    update(conversations)
    .where(_OF_CONVERSATION)
    .values(seq=conversations.c.seq + 1, updated_at=bindparam("updated_at"))
)
_BEGAN_AT_ONCE = _ARRIVED.values(seq=conversations.c.seq + 1, updated_at=bindparam("updated_at"))
_RECENT = (
    select(messages.c.role, messages.c.text)
    .where(
        messages.c.tenant == bindparam("of_tenant"),
        messages.c.conversation_id == bindparam("of_id"),
        messages.c.seq > bindparam("after"),
        messages.c.seq <= bindparam("until"),
        (messages.c.role == "customer") | (messages.c.text != ""),
    )
    .order_by(messages.c.seq)
)
_ADD_TURN = insert(turns)
_ANSWERED = (
    update(conversations)
    .where(_OF_CONVERSATION)
    .values(seq=conversations.c.seq + 1, waiting=conversations.c.waiting - 1)
    .values(progress=bindparam("progress"), updated_at=bindparam("updated_at"))
    .returning(conversations.c.seq, conversations.c.customer_id)
)
_ONE_LESS = update(conversations).where(_OF_CONVERSATION).values(waiting=conversations.c.waiting - 1)
_FINISH = (
    update(turns)
    .where(
        turns.c.id == bindparam("of_turn"),
        turns.c.lease_owner == bindparam("of_owner"),
        turns.c.finished_at.is_(None),
    )
    .values(inbox=None, lease_owner=None)
)


def arrive(connection: Connection, lease: Lease, incoming: Incoming, queue_length: int) -> Step:
    """Keeps the message and takes its turn if nothing is before it. Raises ``KeyReused``, or ``TurnsQueued`` when
    ``queue_length`` turns wait already; nothing is stored then."""
    key = incoming.start.key
    of_key = _names(key)
    row = connection.execute(_LOCKED, of_key).one_or_none()
    told: list[Told] = []
    if row is None:
        if ensure_conversation(connection, incoming.start, lease.now):
            told.append(started(incoming.start))
        row = connection.execute(_LOCKED, of_key).one()
    known = connection.execute(_KNOWN, {**of_key, "of_message": incoming.message_id}).one_or_none()
    if known is not None:
        if known.request_sha256 != incoming.request_sha256:
            raise KeyReused(f"{incoming.message_id!r} came before with another message", field="message_id")
        return _step(connection, key, row, known, lease)
    if row.waiting > queue_length:
        raise TurnsQueued(f"{row.waiting} messages wait in conversation {key.id!r} already")
    at_once = row.waiting == 0
    message_seq = row.seq + 1 if at_once else None
    connection.execute(
        _ADD_TURN,
        {
            "tenant": key.tenant,
            "conversation_id": key.id,
            "message_id": incoming.message_id,
            "id": incoming.turn_id,
            "seq": row.turns + 1,
            "request_sha256": incoming.request_sha256,
            "inbox": to_json({"text": incoming.text, "platform_context": incoming.platform_context}),
            "message_seq": message_seq,
            "attempts": 1 if at_once else 0,
            "lease_owner": lease.owner,
            "lease_until": lease.until,
            "created_at": lease.now,
        },
    )
    if message_seq is None:
        connection.execute(_ARRIVED, of_key)
        return Waiting()
    told.append(_received(message_seq, incoming.message_id, incoming.turn_id, incoming.text))
    _add_message(connection, key, message_seq, "customer", incoming.text, incoming.turn_id, lease.now, told)
    connection.execute(_BEGAN_AT_ONCE, {**of_key, "updated_at": lease.now})
    conversation = _conversation(connection, key, row, message_seq)
    return Claimed(
        incoming.turn_id, incoming.message_id, row.turns + 1, conversation, incoming.platform_context
    )  # fmt: skip


def take(connection: Connection, lease: Lease, key: ConversationKey, message_id: str) -> Step:
    """The next step of a message that was kept: its turn, its answer, or more patience. When the turn before it was left by
    a process that died, that turn is claimed instead (``Claimed.message_id`` says which). A message that was erased counts as
    given up. Raises ``TurnsQueued`` when another call took the message back."""
    of_key = _names(key)
    row = connection.execute(_LOCKED, of_key).one_or_none()
    known = connection.execute(_KNOWN, {**of_key, "of_message": message_id}).one_or_none()
    if row is None:
        return Repeated(None)
    if known is None:
        raise TurnsQueued(f"message {message_id!r} was withdrawn by the call that brought it; send it again")
    return _step(connection, key, row, known, lease)


def take_over(connection: Connection, lease: Lease, key: ConversationKey) -> Claimed | None:
    """The turn at the head of a conversation, if whoever had it is gone."""
    row = connection.execute(_LOCKED, _names(key)).one_or_none()
    first = None if row is None else connection.execute(_FIRST, _names(key)).one_or_none()
    if row is None or first is None or first.lease_until > lease.now:
        return None
    return _begin(connection, key, row, first, lease)


def _step(connection: Connection, key: ConversationKey, row: Kept, known: Kept, lease: Lease) -> Step:
    if known.finished_at is not None:
        return Repeated(known.response)
    first = known if row.waiting == 1 else connection.execute(_FIRST, _names(key)).one()
    if first.lease_until > lease.now and first.lease_owner != lease.owner:
        return Waiting()
    return _begin(connection, key, row, first, lease) or Waiting()


def _begin(connection: Connection, key: ConversationKey, row: Kept, turn: Kept, lease: Lease) -> Claimed | None:
    """Claims a turn that nobody else has; ``None`` when it was begun too often and is given up."""
    if turn.attempts >= MOST_ATTEMPTS:
        _give_up(connection, key, turn.id, lease.now)
        return None
    inbox: dict[str, Any] = from_json(turn.inbox) if turn.inbox is not None else {}
    message_seq = turn.message_seq
    if message_seq is None:
        message_seq = row.seq + 1
        told = [_received(message_seq, turn.message_id, turn.id, inbox["text"])]
        _add_message(connection, key, message_seq, "customer", inbox["text"], turn.id, lease.now, told)
        connection.execute(_SAID, {**_names(key), "updated_at": lease.now})
    connection.execute(
        _BEGUN, {"of_turn": turn.id, "message_seq": message_seq, "owner": lease.owner, "until": lease.until}
    )
    conversation = _conversation(connection, key, row, message_seq)
    return Claimed(turn.id, turn.message_id, turn.seq, conversation, inbox.get("platform_context", {}))


def _conversation(connection: Connection, key: ConversationKey, row: Kept, message_seq: int) -> Conversation:
    recent = connection.execute(_RECENT, {**_names(key), "after": message_seq - RECENT, "until": message_seq}).all()
    opted_out = row.customer_id is not None and has_opted_out(connection, key.tenant, row.customer_id)
    return Conversation(
        key=key,
        playbook=row.playbook,
        channel=row.channel,
        customer=customer_from(row.customer, row.customer_id, opted_out=opted_out),
        progress=progress_from(row.progress),
        recent=tuple(Utterance(role, text) for role, text in recent),
        seq=message_seq,
        direction=_direction(row.metadata),
        held=row.held_by is not None,
    )


def _direction(metadata: bytes) -> Direction:
    """``"direction": "outbound"`` in a start's metadata: the agent began it."""
    told = b'"direction"' in metadata and from_json(metadata).get("direction") == "outbound"
    return "outbound" if told else "inbound"


@dataclass(frozen=True, slots=True)
class Finished:
    """A turn to commit: the reply, what was answered, the whole ledger, what the conversation remembers now, and what those who
    follow it are told."""

    key: ConversationKey
    turn_id: str
    reply: str
    response: bytes
    ledger: bytes
    progress: Progress
    told: Sequence[Told] = ()


def commit(connection: Connection, lease: Lease, finished: Finished) -> None:
    """Stores the answer. Raises ``LeaseLost`` when another process has the turn, or it is answered; nothing is stored then."""
    stored = {"progress": to_json(finished.progress), "updated_at": lease.now}
    row = connection.execute(_ANSWERED, {**_names(finished.key), **stored}).one_or_none()
    if row is None:
        raise LeaseLost(f"the conversation of turn {finished.turn_id!r} was erased")
    done = {"response": finished.response, "ledger": finished.ledger, "finished_at": lease.now}
    if connection.execute(_FINISH, {"of_turn": finished.turn_id, "of_owner": lease.owner, **done}).rowcount == 0:
        raise LeaseLost(f"the lease of turn {finished.turn_id!r} was lost")
    said = (row.seq, "agent", finished.reply, finished.turn_id, lease.now, finished.told)
    _add_message(connection, finished.key, *said)
    if row.customer_id is not None and finished.progress.opted_out:
        note_opt_out(connection, finished.key.tenant, row.customer_id, lease.now)
    elif row.customer_id is not None and finished.progress.opted_in:
        forget_opt_out(connection, finished.key.tenant, row.customer_id)


def release(connection: Connection, turn_id: str, owner: str) -> None:
    """Ends the lease: the turn failed here, whoever comes next may take it at once."""
    connection.execute(
        update(turns)
        .where(turns.c.id == turn_id, turns.c.lease_owner == owner)
        .values(lease_owner=None, lease_until=0.0)
    )


def withdraw(connection: Connection, key: ConversationKey, owner: str) -> bool:
    """Takes back the message that ``owner`` holds; if its turn has begun, gives back his lease, and says ``False``. Nothing of
    his may run."""
    connection.execute(_LOCKED, _names(key))
    gone = delete(turns).where(
        _TURNS_OF_CONVERSATION,
        turns.c.lease_owner == bindparam("of_owner"),
        turns.c.message_seq.is_(None),
        turns.c.finished_at.is_(None),
    )
    seq = connection.execute(gone.returning(turns.c.seq), {**_names(key), "of_owner": owner}).scalar_one_or_none()
    if seq is None:
        held = update(turns).where(_TURNS_OF_CONVERSATION, turns.c.lease_owner == owner, turns.c.finished_at.is_(None))
        connection.execute(held.values(lease_owner=None, lease_until=0.0), _names(key))
        return False
    last = case((conversations.c.turns == seq, seq - 1), else_=conversations.c.turns)
    connection.execute(_ONE_LESS.values(turns=last), _names(key))
    return True


def renew(connection: Connection, owners: Sequence[str], until: float) -> None:
    """Extends the leases of ``owners`` on whatever they hold."""
    held = update(turns).where(turns.c.lease_owner.in_(owners), turns.c.finished_at.is_(None), turns.c.lease_until > 0)
    connection.execute(held.values(lease_until=until))


def left_behind(connection: Connection, now: float, limit: int) -> list[ConversationKey]:
    """Conversations with a turn whose lease ran out before ``now``."""
    query = (
        select(turns.c.tenant, turns.c.conversation_id)
        .where(turns.c.finished_at.is_(None), turns.c.lease_until < now)
        .distinct()
        .limit(limit)
    )
    return [ConversationKey(*row) for row in connection.execute(query)]


def _give_up(connection: Connection, key: ConversationKey, turn_id: str, now: float) -> None:
    given_up = {"inbox": None, "lease_owner": None, "finished_at": now}
    connection.execute(update(turns).where(turns.c.id == turn_id).values(given_up))
    connection.execute(_ONE_LESS, _names(key))


def _received(message_seq: int, message_id: str, turn_id: str, text: str) -> Told:
    content = {"seq": message_seq, "message_id": message_id, "turn_id": turn_id, "text": text}
    return Told("message.received", content)


def _add_message(
    connection: Connection,
    key: ConversationKey,
    seq: int,
    role: str,
    text: str,
    turn_id: str,
    now: float,
    told: Sequence[Told],
) -> None:
    row = {
        "tenant": key.tenant,
        "conversation_id": key.id,
        "seq": seq,
        "role": role,
        "text": text,
        "turn_id": turn_id,
        "created_at": now,
    }
    add_and_tell(connection, messages, row, key, told, now)


def _names(key: ConversationKey) -> dict[str, str]:
    return {"of_tenant": key.tenant, "of_id": key.id}
