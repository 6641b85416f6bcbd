"""Claim, run, commit: the same on SQLite and on a real PostgreSQL."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent.errors import (
    ConversationExists,
    KeyReused,
    LeaseLost,
    StoreUnavailable,
    TurnsQueued,
    UnknownConversation,
    UnknownTurn,
)
from agent.store import conversations, customers, turns
from agent.store.door import Door, open_door
from agent.store.migrate import migrate_anywhere
from agent.turn import DEFAULT_TENANT, Act, Action, ConversationKey, Customer, LedgerEntry, Progress, Utterance
from tests.agent.store.steps import NOW, arrive, claim, commit, finished, incoming, lease, start, take, texts


@pytest.fixture(params=["sqlite", "postgresql"])
async def door(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Door]:
    url = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    await migrate_anywhere(url)
    door = open_door(url)
    yield door
    await door.aclose()


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
    await commit(door, finished(first, progress=progress))
    second = await claim(door, incoming(begin, "sigo aquí"))
    assert second.conversation.progress == progress
    assert second.seq == 2
    assert [said.text for said in second.conversation.recent] == ["hola", "hola", "sigo aquí"]
    assert Act.AGREE not in second.conversation.progress.actions


async def test_a_repeat_returns_the_very_same_bytes(door: Door) -> None:
    begin = start()
    first = await claim(door, incoming(begin, "hola", "m-1"))
    await commit(door, finished(first))
    assert await arrive(door, incoming(begin, "hola", "m-1")) == turns.Repeated(b'{"response":"hola"}')


async def test_the_same_id_with_another_text_is_refused(door: Door) -> None:
    begin = start()
    await claim(door, incoming(begin, "hola", "m-1"))
    with pytest.raises(KeyReused) as refused:
        await arrive(door, incoming(begin, "adiós", "m-1"))
    assert refused.value.field == "message_id"


async def test_messages_are_kept_as_they_arrive_and_run_one_after_the_other(door: Door) -> None:
    begin = start()
    one, two, three = (incoming(begin, text) for text in ("uno", "dos", "tres"))
    first = await claim(door, one)
    assert await arrive(door, two) == await arrive(door, three) == turns.Waiting()
    assert await take(door, three) == turns.Waiting()
    await commit(door, finished(first, "a uno"))
    assert await take(door, three) == turns.Waiting()
    second = await take(door, two)
    assert isinstance(second, turns.Claimed)
    assert (second.seq, second.platform_context) == (2, {"page": 7})
    assert [said.text for said in second.conversation.recent] == ["uno", "a uno", "dos"]
    await commit(door, finished(second, "a dos"))
    assert isinstance(await take(door, three), turns.Claimed)
    assert await texts(door, begin) == ["uno", "a uno", "dos", "a dos", "tres"]


async def test_past_the_bound_of_the_line_nothing_is_kept(door: Door) -> None:
    begin = start()
    first = await claim(door, incoming(begin, "uno"))
    assert await arrive(door, incoming(begin, "dos"), queue_length=1) == turns.Waiting()
    with pytest.raises(TurnsQueued):
        await arrive(door, incoming(begin, "tres", "m-3"), queue_length=1)
    await commit(door, finished(first))
    assert await arrive(door, incoming(begin, "tres", "m-3"), queue_length=1) == turns.Waiting()


async def test_a_message_is_withdrawn_only_by_its_holder_and_only_while_it_waits(door: Door) -> None:
    begin = start()
    one, two, three = (incoming(begin, text) for text in ("uno", "dos", "tres"))
    await claim(door, one)
    await arrive(door, two)
    await arrive(door, three)
    assert not await door.run(turns.withdraw, begin.key, "somebody else")
    assert not await door.run(turns.withdraw, begin.key, one.turn_id)
    first = await claim(door, one)
    assert first.seq == 1, "its lease was given back"
    assert await door.run(turns.withdraw, begin.key, two.turn_id)
    with pytest.raises(TurnsQueued):
        await take(door, two)
    await commit(door, finished(first))
    last = await take(door, three)
    assert isinstance(last, turns.Claimed)
    await commit(door, finished(last))
    assert await texts(door, begin) == ["uno", "hola", "tres", "hola"]
    assert (await claim(door, incoming(begin, "cuatro"))).seq == 4
    await arrive(door, cinco := incoming(begin, "cinco"))
    assert await door.run(turns.withdraw, begin.key, cinco.turn_id)
    assert await arrive(door, incoming(begin, "seis", "m-6")) == turns.Waiting()
    assert (await take(door, incoming(begin, "seis", "m-6"), NOW + 31)).seq == 4  # type: ignore[union-attr]


async def test_a_lease_that_ran_out_is_taken_over_in_order_and_the_late_worker_stores_nothing(door: Door) -> None:
    begin = start()
    late = await claim(door, incoming(begin, "uno", "m-1"))
    message = incoming(begin, "dos", "m-2")
    assert await arrive(door, message, NOW + 29) == turns.Waiting()
    before = await take(door, message, NOW + 31)
    assert isinstance(before, turns.Claimed)
    assert (before.message_id, before.turn_id, before.seq) == ("m-1", late.turn_id, 1)
    with pytest.raises(LeaseLost):
        await commit(door, finished(late, "tarde"), now=NOW + 32)
    await commit(door, finished(before, "a tiempo"), message.turn_id, NOW + 33)
    own = await take(door, message, NOW + 34)
    assert isinstance(own, turns.Claimed)
    await commit(door, finished(own, "también"), now=NOW + 35)
    assert await texts(door, begin) == ["uno", "a tiempo", "dos", "también"]


async def test_an_answer_is_stored_once(door: Door) -> None:
    begin = start()
    claimed = await claim(door, incoming(begin, "uno", "m-1"))
    await commit(door, finished(claimed))
    with pytest.raises(LeaseLost):
        await commit(door, finished(claimed))
    assert await texts(door, begin) == ["uno", "hola"]


async def test_a_step_whose_acknowledgement_was_lost_can_be_asked_for_again(door: Door) -> None:
    begin = start()
    one, two = incoming(begin, "uno"), incoming(begin, "dos")
    first = await claim(door, one)
    assert await claim(door, one) == first
    await arrive(door, two)
    await commit(door, finished(first))
    assert await take(door, two) == await take(door, two)
    assert await texts(door, begin) == ["uno", "hola", "dos"]


async def test_a_crashed_turn_is_run_again_by_a_repeat_without_a_second_message(door: Door) -> None:
    begin = start()
    crashed = await claim(door, incoming(begin, "uno", "m-1"))
    repeat = incoming(begin, "uno", "m-1")
    assert await arrive(door, repeat, NOW + 29) == turns.Waiting()
    again = await take(door, repeat, NOW + 31)
    assert isinstance(again, turns.Claimed)
    assert (again.turn_id, again.seq) == (crashed.turn_id, 1)
    await commit(door, finished(again), repeat.turn_id, NOW + 32)
    assert await texts(door, begin) == ["uno", "hola"]


async def test_what_a_dead_process_left_behind_is_found_and_taken_over(door: Door) -> None:
    begin = start()
    crashed = await claim(door, incoming(begin, "uno", "m-1"))
    await arrive(door, incoming(begin, "dos", "m-2"))
    assert begin.key not in await door.run(turns.left_behind, NOW + 29, 1000)
    assert await door.run(turns.take_over, lease("sweeper", NOW + 29), begin.key) is None
    assert begin.key in await door.run(turns.left_behind, NOW + 31, 1000)
    for owner, seq in (("sweeper", 1), ("another", 2)):
        taken = await door.run(turns.take_over, lease(owner, NOW + 31), begin.key)
        assert taken is not None and taken.seq == seq
        assert await door.run(turns.take_over, lease("third", NOW + 32), begin.key) is None
        await commit(door, finished(taken), owner, NOW + 32)
    assert await door.run(turns.take_over, lease("third", NOW + 99), begin.key) is None
    assert await texts(door, begin) == ["uno", "hola", "dos", "hola"]
    assert await arrive(door, incoming(begin, "uno", "m-1"), NOW + 33) == turns.Repeated(b'{"response":"hola"}')
    assert crashed.seq == 1


async def test_a_renewed_lease_is_not_taken_over(door: Door) -> None:
    begin = start()
    message = incoming(begin, "uno")
    await claim(door, message)
    await door.run(turns.renew, [message.turn_id], NOW + 60)
    assert await door.run(turns.take_over, lease("sweeper", NOW + 31), begin.key) is None


async def test_a_released_turn_can_be_claimed_at_once(door: Door) -> None:
    begin = start()
    failed = await claim(door, incoming(begin, "uno", "m-1"))
    await door.run(turns.release, failed.turn_id, failed.turn_id)
    assert (await claim(door, incoming(begin, "uno", "m-1"))).turn_id == failed.turn_id


async def test_a_turn_that_never_ends_is_given_up_and_the_conversation_goes_on(door: Door) -> None:
    begin = start()
    await claim(door, incoming(begin, "uno", "m-1"))
    now = NOW
    for _ in range(turns.MOST_ATTEMPTS - 1):
        now += 31
        await claim(door, incoming(begin, "uno", "m-1"), now)
    later = incoming(begin, "dos", "m-2")
    assert await arrive(door, later, now) == turns.Waiting()
    assert await take(door, later, now + 31) == turns.Waiting()
    assert await arrive(door, incoming(begin, "uno", "m-1"), now + 31) == turns.Repeated(None)
    own = await take(door, later, now + 31)
    assert isinstance(own, turns.Claimed)
    assert own.message_id == "m-2"


async def test_tenants_with_the_same_ids_know_nothing_of_each_other(door: Door) -> None:
    name = uuid.uuid4().hex
    ours, theirs = start(name, "ours"), start(name, "theirs")
    first = await claim(door, incoming(ours, "uno", "m-1"))
    await commit(door, finished(first))
    with pytest.raises(UnknownConversation):
        await door.run(conversations.read_conversation, theirs.key)
    other = await claim(door, incoming(theirs, "otro", "m-1"))
    assert [said.text for said in other.conversation.recent] == ["otro"]
    with pytest.raises(UnknownTurn):
        await door.run(conversations.read_turn, theirs.key, first.turn_id)
    await door.run(conversations.erase_conversation, theirs.key, NOW)
    assert await texts(door, ours) == ["uno", "hola"]


async def test_an_opt_out_is_known_in_the_customers_next_conversation_and_outlives_his_erasure(door: Door) -> None:
    person = Customer(id=f"+52-55-{uuid.uuid4().hex}")
    begin, again = start(customer=person), start(customer=person)
    elsewhere = start(tenant="another", customer=person)
    first = await claim(door, incoming(begin, "no me escriban"))
    assert not first.conversation.customer.opted_out
    await commit(door, finished(first, progress=Progress(opted_out=True)))
    assert await door.run(customers.erase_customer, DEFAULT_TENANT, person.id, NOW) == 1
    assert (await claim(door, incoming(again, "hola"))).conversation.customer.opted_out
    assert not (await claim(door, incoming(elsewhere, "hola"))).conversation.customer.opted_out


async def test_an_opt_out_ends_when_the_customer_asks_for_messages_again(door: Door) -> None:
    person = Customer(id=uuid.uuid4().hex)
    out, back, later = (start(customer=person) for _ in range(3))
    await commit(door, finished(await claim(door, incoming(out, "basta")), progress=Progress(opted_out=True)))
    again = await claim(door, incoming(back, "quiero volver a recibir sus mensajes"))
    assert again.conversation.customer.opted_out
    await commit(door, finished(again, progress=Progress(opted_in=True)))
    assert not (await claim(door, incoming(later, "hola"))).conversation.customer.opted_out


@pytest.mark.parametrize(
    ("metadata", "direction"), [({"direction": "outbound"}, "outbound"), ({"a": "direction"}, "inbound")]
)
async def test_who_began_it_stands_in_the_metadata(door: Door, metadata: dict[str, str], direction: str) -> None:
    assert (await claim(door, incoming(start(metadata=metadata), "hola"))).conversation.direction == direction


async def test_erasing_a_customer_leaves_his_conversations_and_nobody_elses(door: Door) -> None:
    person, other = (Customer(id=uuid.uuid4().hex) for _ in range(2))
    his, hers = [start(customer=person) for _ in range(2)], start(customer=other)
    for begin in (*his, hers):
        await claim(door, incoming(begin, "mi teléfono es 555 0101"))
    assert await door.run(customers.erase_customer, DEFAULT_TENANT, person.id, NOW) == 2
    for begin in his:
        with pytest.raises(UnknownConversation):
            await door.run(conversations.read_conversation, begin.key)
    assert await texts(door, hers) == ["mi teléfono es 555 0101"]
    assert await door.run(customers.erase_customer, DEFAULT_TENANT, person.id, NOW) == 0


async def test_only_what_is_old_and_answered_is_erased_by_age(door: Door) -> None:
    old, waiting, young = (start() for _ in range(3))
    for begin, now in ((old, NOW - 1e6), (young, NOW)):
        await commit(door, finished(await claim(door, incoming(begin, "hola"), now)), now=now)
    await claim(door, incoming(waiting, "hola"), NOW - 1e6)
    await door.run(conversations.erase_older, NOW - 1000, 1000, NOW)
    with pytest.raises(UnknownConversation):
        await door.run(conversations.read_conversation, old.key)
    assert await texts(door, waiting) == ["hola"]
    assert await texts(door, young) == ["hola", "hola"]


async def test_only_the_last_messages_are_loaded_however_long_the_conversation(door: Door) -> None:
    begin = start()
    for number in range(12):
        turn = await claim(door, incoming(begin, f"mensaje {number}"))
        await commit(door, finished(turn, f"respuesta {number}"))
    last = await claim(door, incoming(begin, "y el último"))
    assert len(last.conversation.recent) == turns.RECENT
    assert last.conversation.recent[-2:] == (Utterance("agent", "respuesta 11"), Utterance("customer", "y el último"))


async def test_fifty_claims_at_once_give_one_turn(door: Door) -> None:
    begin = start()
    await door.run(conversations.start_conversation, begin, NOW)
    results = await asyncio.gather(*(arrive(door, incoming(begin, f"m{n}")) for n in range(50)))
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
    await commit(door, finished(turn))
    await door.run(conversations.add_outcome, begin.key, "converted", 1490.0, {"invoice": "7"}, NOW)
    assert await door.run(conversations.erase_conversation, begin.key, NOW) == 2
    with pytest.raises(UnknownConversation):
        await door.run(conversations.read_conversation, begin.key)
    with pytest.raises(UnknownTurn):
        await door.run(conversations.read_turn, begin.key, turn.turn_id)


async def test_a_turn_is_read_by_id_or_number(door: Door) -> None:
    begin = start()
    turn = await claim(door, incoming(begin, "hola"))
    await commit(door, finished(turn))
    by_id = await door.run(conversations.read_turn, begin.key, turn.turn_id)
    assert by_id == await door.run(conversations.read_turn, begin.key, "1")
    assert by_id["response"] == {"response": "hola"}


async def test_outcomes_are_numbered_and_need_a_conversation(door: Door) -> None:
    begin = start()
    await door.run(conversations.start_conversation, begin, NOW)
    assert await door.run(conversations.add_outcome, begin.key, "follow_up", None, {}, NOW) == 1
    assert await door.run(conversations.add_outcome, begin.key, "converted", 10.0, {}, NOW) == 2
    with pytest.raises(UnknownConversation):
        await door.run(conversations.add_outcome, ConversationKey(DEFAULT_TENANT, "nobody"), "lost", None, {}, NOW)


async def test_migrations_may_start_together(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'together.sqlite3'}"
    await asyncio.gather(*(migrate_anywhere(url) for _ in range(4)))
    door = open_door(url)
    await claim(door, incoming(start(), "hola"))
    await door.aclose()


async def test_a_database_that_is_not_there_is_said_so() -> None:
    door = open_door("postgresql://nobody@127.0.0.1:9/nothing")
    with pytest.raises(StoreUnavailable):
        await door.run(conversations.read_conversation, ConversationKey(DEFAULT_TENANT, "x"))
    await door.aclose()


def test_other_databases_and_memory_are_refused() -> None:
    with pytest.raises(ValueError, match="not served"):
        open_door("mysql://localhost/x")


async def test_a_store_in_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="forget"):
        await migrate_anywhere("sqlite://")
