"""A person who has a conversation: takes it, writes in it, gives it back, and says what he thinks of a suggestion."""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from agent.errors import HeldAlready, KeyReused, NotHeld, UnknownConversation
from agent.store.codec import progress_from, to_json
from agent.store.conversations import find_turn, is_conversation
from agent.store.events import Told, add_and_tell, tell
from agent.store.tables import conversations, feedback, messages, person_messages
from agent.turn import ConversationKey


@dataclass(frozen=True, slots=True)
class Held:
    """``since``: seconds since 1970. ``new``: not so before."""

    actor: str
    since: float
    new: bool


@dataclass(frozen=True, slots=True)
class Writing:
    """What a person writes to the customer. ``request_sha256`` tells a repeat from another message under the same id."""

    actor: str
    text: str
    message_id: str
    request_sha256: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a person did with what a turn suggested."""

    action: str
    actor: str
    reason: str | None


def take(connection: Connection, key: ConversationKey, actor: str, reason: str | None, now: float) -> Held:
    """The conversation is ``actor``'s from now on, and what was handed to a person counts as dealt with: suggestions go on.
    Raises ``UnknownConversation``, or ``HeldAlready`` when it is another's."""
    row = _locked(connection, key)
    if row.held_by == actor:
        return Held(actor, row.held_since, False)
    if row.held_by is not None:
        raise HeldAlready("another person has this conversation; it must be handed back first", field="actor")
    held = {"held_by": actor, "held_since": now, "progress": _dealt_with(row.progress), "updated_at": now}
    connection.execute(update(conversations).where(is_conversation(key)).values(held))
    tell(connection, key, [Told("conversation.taken_over", {"actor": actor, "reason": reason})], now)
    return Held(actor, now, True)


def hand_back(connection: Connection, key: ConversationKey, actor: str, now: float) -> None:
    """The agent speaks again. Raises ``UnknownConversation``, or ``NotHeld``."""
    row = _locked(connection, key)
    if row.held_by is None:
        raise NotHeld("nobody has taken this conversation over")
    free = {"held_by": None, "held_since": None, "progress": _dealt_with(row.progress), "updated_at": now}
    connection.execute(update(conversations).where(is_conversation(key)).values(free))
    tell(connection, key, [Told("conversation.handed_back", {"actor": actor})], now)


def write(connection: Connection, key: ConversationKey, writing: Writing, now: float) -> tuple[int, bool]:
    """Adds what a person writes; its number, and whether it is new. Raises ``UnknownConversation``, ``KeyReused``, ``NotHeld``
    or ``HeldAlready``."""
    row = _locked(connection, key)
    query = select(person_messages.c.seq, person_messages.c.request_sha256).where(
        person_messages.c.tenant == key.tenant,
        person_messages.c.conversation_id == key.id,
        person_messages.c.message_id == writing.message_id,
    )
    known = connection.execute(query).one_or_none()
    if known is not None:
        if known.request_sha256 != writing.request_sha256:
            raise KeyReused(f"{writing.message_id!r} came before with another message", field="message_id")
        return known.seq, False
    if row.held_by is None:
        raise NotHeld("the agent speaks in this conversation; take it over first")
    if row.held_by != writing.actor:
        raise HeldAlready("another person has this conversation", field="actor")
    seq = row.seq + 1
    of_conversation = {"tenant": key.tenant, "conversation_id": key.id, "seq": seq, "created_at": now}
    connection.execute(update(conversations).where(is_conversation(key)).values(seq=seq, updated_at=now))
    content = {"seq": seq, "text": writing.text, "actor": writing.actor, "message_id": writing.message_id}
    said = {**of_conversation, "role": "person", "text": writing.text, "turn_id": None}
    add_and_tell(connection, messages, said, key, [Told("message.sent", content)], now)
    kept = {"message_id": writing.message_id, "actor": writing.actor, "request_sha256": writing.request_sha256}
    connection.execute(insert(person_messages), {**of_conversation, **kept})
    return seq, True


def judge(
    connection: Connection, key: ConversationKey, turn_id: str, judgement: Judgement, now: float
) -> tuple[str, int]:
    """Adds what a person thinks of a turn's suggestions; the turn's id and the number of the judgement. Raises
    ``UnknownConversation`` or ``UnknownTurn``."""
    _locked(connection, key)
    turn = find_turn(connection, key, turn_id)
    of_conversation = (feedback.c.tenant == key.tenant) & (feedback.c.conversation_id == key.id)
    number = connection.execute(select(func.count()).select_from(feedback).where(of_conversation)).scalar_one() + 1
    given = {"action": judgement.action, "actor": judgement.actor, "reason": judgement.reason}
    row = {
        "tenant": key.tenant,
        "conversation_id": key.id,
        "number": number,
        "turn_id": turn.id,
        "created_at": now,
        **given,
    }
    told = Told("suggestion.feedback", {"turn_id": turn.id, "number": number, **given})
    add_and_tell(connection, feedback, row, key, [told], now)
    return turn.id, number


def _dealt_with(progress: bytes) -> bytes:
    return to_json(replace(progress_from(progress), handed_off=False))


def _locked(connection: Connection, key: ConversationKey) -> Any:
    query = select(
        conversations.c.seq, conversations.c.held_by, conversations.c.held_since, conversations.c.progress
    ).where(is_conversation(key))
    row = connection.execute(query.with_for_update()).one_or_none()
    if row is None:
        raise UnknownConversation(f"no conversation {key.id!r}")
    return row
