"""The steps of a turn in a store, as the tests take them."""

import uuid
from dataclasses import replace

from agent.store import conversations, turns
from agent.store.door import Door
from agent.turn import DEFAULT_TENANT, ConversationKey, Customer, Progress

NOW = 1_000_000.0


def start(conversation_id: str | None = None, tenant: str = DEFAULT_TENANT, **changes: object) -> conversations.Start:
    given = conversations.Start(
        key=ConversationKey(tenant, conversation_id or uuid.uuid4().hex),
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
    return turns.Incoming(begin, message_id or turn_id, text, f"sha-{text}", turn_id, {"page": 7})


def finished(claimed: turns.Claimed, reply: str = "hola", progress: Progress | None = None) -> turns.Finished:
    return turns.Finished(
        claimed.conversation.key,
        claimed.turn_id,
        reply,
        b'{"response":"hola"}',
        b'{"decision":{}}',
        progress or Progress(),
    )


def lease(owner: str, now: float = NOW) -> turns.Lease:
    return turns.Lease(owner, now, 30.0)


async def arrive(door: Door, message: turns.Incoming, now: float = NOW, queue_length: int = 50) -> turns.Step:
    return await door.run(turns.arrive, lease(message.turn_id, now), message, queue_length)


async def claim(door: Door, message: turns.Incoming, now: float = NOW) -> turns.Claimed:
    claimed = await arrive(door, message, now)
    assert isinstance(claimed, turns.Claimed)
    return claimed


async def take(door: Door, message: turns.Incoming, now: float = NOW) -> turns.Step:
    return await door.run(turns.take, lease(message.turn_id, now), message.start.key, message.message_id)


async def commit(door: Door, done: turns.Finished, owner: str | None = None, now: float = NOW) -> None:
    await door.run(turns.commit, lease(owner or done.turn_id, now), done)


async def texts(door: Door, begin: conversations.Start) -> list[str]:
    return [row["text"] for row in await door.run(conversations.read_messages, begin.key, 0, 100)]
