"""What was sent against what is stored: lost, doubled, out of order. Pure.

Which of two messages in flight was first, the database knows: it notes when it took each in. A message that was in before
another was even sent must be stored before it, and the turns must run, and their replies stand, in the order of stored
messages. Of two that waited for a database that was away, or for a worker that was busy, neither was first.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from agent.drill.customers import Sent
from agent.drill.stored import Stored, StoredTurn

Key = tuple[str, str]
"""Conversation and message id."""


@dataclass(frozen=True, slots=True)
class Checked:
    """Messages with a fault, as ``conversation/message_id``; ``unanswered`` are those whose front-end did not give up."""

    unanswered: tuple[str, ...]
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    out_of_order: tuple[str, ...]

    @property
    def clean(self) -> bool:
        return not (self.unanswered or self.lost or self.doubled or self.out_of_order)


def check(sent: Sequence[Sent], stored: Stored) -> Checked:
    book = {(one.conversation, one.message_id): one for one in sent}
    return Checked(
        unanswered=_named((one.conversation, one.message_id) for one in sent if not one.gives_up and not one.answer),
        lost=_named(_lost(book, stored)),
        doubled=_named(_doubled(book, stored)),
        out_of_order=_named(_out_of_order(sent, stored)),
    )


def overtaken(sent: Sequence[Sent], stored: Stored) -> int:
    """How many messages, sent once each, are stored before one that was sent earlier, however close they were."""
    place = {(one.conversation, one.text): one.number for one in stored.messages if one.role == "customer"}
    once = [one for one in sent if one.attempts == 1 and (one.conversation, one.line.text) in place]
    numbers = [(one.sent_at, place[one.conversation, one.line.text], one.conversation) for one in once]
    return sum(
        any(at < sent_at and number > stored_at and where == here for at, number, where in numbers)
        for sent_at, stored_at, here in numbers
    )


def _lost(book: Mapping[Key, Sent], stored: Stored) -> set[Key]:
    """Answered, and no finished turn is stored; stored, and never finished; finished, and its reply is no message."""
    finished = {_key(turn) for turn in stored.turns if turn.reply is not None}
    replied = {message.turn_id for message in stored.messages if message.role == "agent"}
    said = {(message.conversation, message.text) for message in stored.messages if message.role == "customer"}
    answered = {key for key, one in book.items() if one.answer}
    return (
        (answered - finished)
        | {_key(turn) for turn in stored.turns if turn.reply is None}
        | {_key(turn) for turn in stored.turns if turn.reply and turn.turn_id not in replied}
        | {key for key in answered if (key[0], book[key].line.text) not in said}
        | {key for key, one in book.items() if (key[0], one.line.text) in said and key not in finished}
    )


def _doubled(book: Mapping[Key, Sent], stored: Stored) -> set[Key]:
    """Two turns or two replies of one message, a message stored twice, or an answer that is not the stored turn's."""
    turns = Counter(_key(turn) for turn in stored.turns)
    replies = Counter(message.turn_id for message in stored.messages if message.role == "agent")
    said = Counter((message.conversation, message.text) for message in stored.messages if message.role == "customer")
    found = {key for key, times in turns.items() if times > 1}
    found |= {_key(turn) for turn in stored.turns if replies[turn.turn_id] > 1}
    found |= {key for key, one in book.items() if said[key[0], one.line.text] > 1}
    for turn in stored.turns:
        answer = book[_key(turn)].answer if _key(turn) in book else None
        if answer is not None and (answer.turn_id != turn.turn_id or answer.reply != turn.reply):
            found.add(_key(turn))
    return found


def _out_of_order(sent: Sequence[Sent], stored: Stored) -> set[Key]:
    found: set[Key] = set()
    turns = sorted(stored.turns, key=lambda turn: (turn.conversation, turn.message_number))
    reply_of = {message.turn_id: message.number for message in stored.messages if message.role == "agent"}
    for _, group in groupby(turns, key=lambda turn: turn.conversation):
        found |= {_key(turn) for turn in _replies_out_of_order(list(group), reply_of)}
    place = {(one.conversation, one.text): one.number for one in stored.messages if one.role == "customer"}
    arrived = {_key(turn): turn.arrived_at for turn in stored.turns}
    for _, group in groupby(sorted(sent, key=lambda one: one.conversation), key=lambda one: one.conversation):
        found |= _sent_out_of_order(list(group), place, arrived)
    return found


def _replies_out_of_order(turns: Sequence[StoredTurn], reply_of: Mapping[str | None, int]) -> Iterable[StoredTurn]:
    """``turns`` of one conversation in the order of their messages: numbers and replies must rise with them."""
    yield from (turn for turn in turns if reply_of.get(turn.turn_id, turn.message_number + 1) <= turn.message_number)
    for before, after in pairwise(turns):
        replies = reply_of.get(before.turn_id), reply_of.get(after.turn_id)
        swapped = replies[0] is not None and replies[1] is not None and replies[1] < replies[0]
        if swapped or after.number <= before.number:
            yield after


def _sent_out_of_order(
    sent: Sequence[Sent], place: Mapping[tuple[str, str], int], arrived: Mapping[Key, float]
) -> set[Key]:
    """``sent`` of one conversation; ``place`` by conversation and text."""
    kept = [
        (place[one.conversation, one.line.text], arrived[key], key, one)
        for one in sent
        if (key := (one.conversation, one.message_id)) in arrived and (one.conversation, one.line.text) in place
    ]
    return {
        key
        for number, _, key, after in kept
        if any(earlier > number and arrived_at < after.sent_at for earlier, arrived_at, _, _ in kept)
    }


def _key(turn: StoredTurn) -> Key:
    return turn.conversation, turn.message_id


def _named(keys: Iterable[Key]) -> tuple[str, ...]:
    return tuple(sorted("/".join(key) for key in keys))
