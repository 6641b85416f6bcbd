"""Claim, run, commit: the same on SQLite and on a real PostgreSQL."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent.errors import ConversationExists, KeyReused, LeaseLost, StoreUnavailable, UnknownConversation, UnknownTurn
from agent.store import conversations, turns
from agent.store.door import Door, open_door
from agent.store.migrate import migrate_anywhere
from agent.turn import Act, Action, Customer, LedgerEntry, Progress, Utterance

NOW = 1_000_000.0


@pytest.fixture(params=["sqlite", "postgresql"])
async def door(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Door]:
    url = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    await migrate_anywhere(url)
    door = open_door(url)
    yield door
    await door.aclose()


def start(conversation_id: str | None = None, **changes: object) -> conversations.Start:
    given = conversations.Start(
        id=conversation_id or uuid.uuid4().hex,
        playbook="ngx",
        channel="chat",
        locale=None,
        customer=Customer(name="Laura", age=44, facts={"profession": "abogada"}),
        metadata={"campaign": "spring"},
        progress=Progress(),
    )
    return replace(given, **changes)  # type: ignore[arg-type]


def incoming(begin: conversations.Start, text: str, message_id: str | None = None) -> turns.Incoming:
    turn_id = uuid.uuid4().hex
    return turns.Incoming(begin, message_id or turn_id, text, f"sha-{text}", turn_id)


def finished(claimed: turns.Claimed, reply: str = "hola", progress: Progress | None = None) -> turns.Finished:
    return turns.Finished(
        claimed.conversation.id,
        claimed.turn_id,
        reply,
        b'{"response":"hola"}',
        b'{"decision":{}}',
        progress or Progress(),
    )


async def claim(door: Door, message: turns.Incoming, now: float = NOW) -> turns.Claimed:
    claimed = await door.run(turns.claim, message, now, 30.0)
    assert isinstance(claimed, turns.Claimed)
    return claimed


async def test_a_message_to_an_unknown_id_starts_that_conversation(door: Door) -> None:
    claimed = await claim(door, incoming(start("call-17-" + uuid.uuid4().hex), "hola"))
    assert claimed.seq == 1
    assert claimed.conversation.recent == (Utterance("customer", "hola"),)
    assert claimed.conversation.customer == Customer(name="Laura", age=44, facts={"profession": "abogada"})


async def test_progress_comes_back_as_it_was_stored(door: Door) -> None:
    begin = start()
    progress = Progress(
        stage="objections",
        language="es",
        ledger=(LedgerEntry("price", "addressed", ("muy caro",), 1, 2, 1, (0,)),),
        needs=("lose_weight",),
        actions=(Action.HANDLE_OBJECTION,),
        conversion=0.25,
        customer_turns=3,
    )
    first = await claim(door, incoming(begin, "hola"))
    await door.run(turns.commit, finished(first, progress=progress), NOW)
    second = await claim(door, incoming(begin, "sigo aquí"))
    assert second.conversation.progress == progress
    assert second.seq == 2
    assert [said.text for said in second.conversation.recent] == ["hola", "hola", "sigo aquí"]
    assert Act.AGREE not in second.conversation.progress.actions


async def test_a_repeat_returns_the_very_same_bytes(door: Door) -> None:
    begin = start()
    first = await claim(door, incoming(begin, "hola", "m-1"))
    await door.run(turns.commit, finished(first), NOW)
    assert await door.run(turns.claim, incoming(begin, "hola", "m-1"), NOW, 30.0) == turns.Repeated(
        b'{"response":"hola"}'
    )


async def test_the_same_id_with_another_text_is_refused(door: Door) -> None:
    begin = start()
    await claim(door, incoming(begin, "hola", "m-1"))
    with pytest.raises(KeyReused) as refused:
        await door.run(turns.claim, incoming(begin, "adiós", "m-1"), NOW, 30.0)
    assert refused.value.field == "message_id"


async def test_while_a_turn_runs_another_message_waits_and_nothing_of_it_is_stored(door: Door) -> None:
    begin = start()
    await claim(door, incoming(begin, "uno"))
    assert isinstance(await door.run(turns.claim, incoming(begin, "dos"), NOW + 1, 30.0), turns.Busy)
    assert [row["text"] for row in await door.run(conversations.read_messages, begin.id, 0, 10)] == ["uno"]


async def test_a_lease_that_ran_out_is_taken_over_and_the_late_worker_stores_nothing(door: Door) -> None:
    begin = start()
    late = await claim(door, incoming(begin, "uno", "m-1"))
    taken = await claim(door, incoming(begin, "dos", "m-2"), NOW + 31)
    with pytest.raises(LeaseLost):
        await door.run(turns.commit, finished(late, "tarde"), NOW + 32)
    await door.run(turns.commit, finished(taken, "a tiempo"), NOW + 33)
    rows = await door.run(conversations.read_messages, begin.id, 0, 10)
    assert [row["text"] for row in rows] == ["uno", "dos", "a tiempo"]


async def test_a_crashed_turn_is_run_again_by_a_repeat_without_a_second_message(door: Door) -> None:
    begin = start()
    crashed = await claim(door, incoming(begin, "uno", "m-1"))
    again = await claim(door, incoming(begin, "uno", "m-1"), NOW + 31)
    assert (again.turn_id, again.seq) == (crashed.turn_id, 1)
    await door.run(turns.commit, finished(again), NOW + 32)
    assert [row["seq"] for row in await door.run(conversations.read_messages, begin.id, 0, 10)] == [1, 2]


async def test_a_released_turn_can_be_claimed_at_once(door: Door) -> None:
    begin = start()
    failed = await claim(door, incoming(begin, "uno", "m-1"))
    await door.run(turns.release, begin.id, failed.turn_id)
    assert (await claim(door, incoming(begin, "uno", "m-1"))).turn_id == failed.turn_id


async def test_only_the_last_messages_are_loaded_however_long_the_conversation(door: Door) -> None:
    begin = start()
    for number in range(12):
        turn = await claim(door, incoming(begin, f"mensaje {number}"))
        await door.run(turns.commit, finished(turn, f"respuesta {number}"), NOW)
    last = await claim(door, incoming(begin, "y el último"))
    assert len(last.conversation.recent) == turns.RECENT
    assert last.conversation.recent[-2:] == (Utterance("agent", "respuesta 11"), Utterance("customer", "y el último"))


async def test_fifty_claims_at_once_give_one_turn(door: Door) -> None:
    begin = start()
    await door.run(conversations.start_conversation, begin, NOW)
    results = await asyncio.gather(*(door.run(turns.claim, incoming(begin, f"m{n}"), NOW, 30.0) for n in range(50)))
    assert sum(isinstance(result, turns.Claimed) for result in results) == 1


async def test_start_twice_is_one_conversation_and_another_start_is_refused(door: Door) -> None:
    begin = start()
    assert await door.run(conversations.start_conversation, begin, NOW)
    assert not await door.run(conversations.start_conversation, begin, NOW + 5)
    with pytest.raises(ConversationExists, match="another playbook"):
        await door.run(conversations.start_conversation, replace(begin, playbook="roofing"), NOW)


async def test_erasing_leaves_nothing(door: Door) -> None:
    begin = start()
    turn = await claim(door, incoming(begin, "mi teléfono es 555 0101"))
    await door.run(turns.commit, finished(turn), NOW)
    await door.run(conversations.add_outcome, begin.id, "converted", 1490.0, {"invoice": "7"}, NOW)
    assert await door.run(conversations.erase_conversation, begin.id) == 2
    with pytest.raises(UnknownConversation):
        await door.run(conversations.read_conversation, begin.id)
    with pytest.raises(UnknownTurn):
        await door.run(turns.read_turn, begin.id, turn.turn_id)


async def test_a_turn_is_read_by_id_or_number(door: Door) -> None:
    begin = start()
    turn = await claim(door, incoming(begin, "hola"))
    await door.run(turns.commit, finished(turn), NOW)
    by_id = await door.run(turns.read_turn, begin.id, turn.turn_id)
    assert by_id == await door.run(turns.read_turn, begin.id, "1")
    assert by_id["response"] == {"response": "hola"}


async def test_outcomes_are_numbered_and_need_a_conversation(door: Door) -> None:
    begin = start()
    await door.run(conversations.start_conversation, begin, NOW)
    assert await door.run(conversations.add_outcome, begin.id, "follow_up", None, {}, NOW) == 1
    assert await door.run(conversations.add_outcome, begin.id, "converted", 10.0, {}, NOW) == 2
    with pytest.raises(UnknownConversation):
        await door.run(conversations.add_outcome, "nobody", "lost", None, {}, NOW)


async def test_migrations_may_start_together(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'together.sqlite3'}"
    await asyncio.gather(*(migrate_anywhere(url) for _ in range(4)))
    door = open_door(url)
    await claim(door, incoming(start(), "hola"))
    await door.aclose()


async def test_a_database_that_is_not_there_is_said_so() -> None:
    door = open_door("postgresql://nobody@127.0.0.1:9/nothing")
    with pytest.raises(StoreUnavailable):
        await door.run(conversations.read_conversation, "x")
    await door.aclose()


def test_other_databases_and_memory_are_refused() -> None:
    with pytest.raises(ValueError, match="not served"):
        open_door("mysql://localhost/x")


async def test_a_store_in_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="forget"):
        await migrate_anywhere("sqlite://")
