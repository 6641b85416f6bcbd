"""The one door that every channel, the command line and a replay enter: claim the message, run its turn, commit it."""

import asyncio
import hashlib
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

import orjson
import structlog

from agent import metrics
from agent.deadline import Deadline
from agent.errors import InvalidInput, TurnsQueued
from agent.graph import TurnGraph
from agent.nodes import Shop, TurnContext, TurnState, Workers
from agent.reading import default_language
from agent.reply.gate import Say
from agent.settings import Settings
from agent.store import conversations, turns
from agent.store.codec import from_json, to_json
from agent.store.door import Door
from agent.telemetry import correlated
from agent.turn import Customer, Progress
from agent.wire import ledger_json, response_json

log = structlog.get_logger(__name__)

FIRST_POLL_S, LONGEST_POLL_S = 0.005, 0.1


@dataclass(frozen=True, slots=True)
class Post:
    """One customer message as a channel hands it over, parsed and bounded. ``message_id`` makes a repeat harmless."""

    conversation_id: str
    text: str
    message_id: str | None = None
    playbook: str | None = None
    channel: str = "chat"
    locale: str | None = None
    customer: Customer = field(default_factory=Customer)
    metadata: Mapping[str, Any] | None = None
    platform_context: Mapping[str, Any] | None = None


class SalesAgent:
    """Long-lived; shared by all requests of a process."""

    def __init__(
        self,
        settings: Settings,
        graph: TurnGraph,
        workers: Workers,
        shops: Mapping[str, Shop],
        door: Door,
        *,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings
        self.workers = workers
        self.shops = shops
        self._graph = graph
        self._door = door
        self._now = wall_clock
        self._queues: WeakValueDictionary[str, _Queue] = WeakValueDictionary()

    def shop(self, name: str | None) -> Shop:
        name = name or self.settings.default_playbook
        if name not in self.shops:
            known = ", ".join(sorted(self.shops))
            raise InvalidInput(f"no playbook {name!r}; there are {known}", field="playbook")
        return self.shops[name]

    async def start(self, post: Post) -> tuple[dict[str, Any], bool]:
        """Starts a conversation; what is known of it, and whether it is new. Raises ``ConversationExists``."""
        start = self._start_of(post)
        created = await self._door.run(conversations.start_conversation, start, self._now())
        return await self.conversation(start.id), created

    async def post(self, post: Post, say: Say | None = None) -> bytes:
        """Runs one turn and returns its response as JSON; for a repeated message the stored one, byte for byte.

        ``say`` is called with each sentence of the reply as it leaves. Raises ``InvalidInput``, ``KeyReused``,
        ``TurnsQueued`` or ``StoreUnavailable``; whatever fails behind the door, the turn is answered.
        """
        arrived = time.perf_counter()
        turn_id = uuid.uuid4().hex
        incoming = turns.Incoming(
            start=self._start_of(post),
            message_id=post.message_id or turn_id,
            text=post.text,
            request_sha256=hashlib.sha256(post.text.encode()).hexdigest(),
            turn_id=turn_id,
        )
        ids = {"conversation_id": post.conversation_id, "turn_id": turn_id, "pipeline_id": turn_id[:12]}
        with metrics.in_flight(), correlated(**ids):
            async with self._in_line(post.conversation_id):
                claimed = await self._claim(incoming)
                metrics.waited(time.perf_counter() - arrived)
                if isinstance(claimed, turns.Repeated):
                    if say is not None:
                        await say(from_json(claimed.response)["response"])
                    return claimed.response
                try:
                    return await self._run(claimed, post, say)
                except BaseException:
                    await asyncio.shield(self._door.run(turns.release, claimed.conversation.id, claimed.turn_id))
                    raise

    def _start_of(self, post: Post) -> conversations.Start:
        shop = self.shop(post.playbook)
        language = default_language(shop.playbook, post.locale) if post.locale else None
        return conversations.Start(
            id=post.conversation_id,
            playbook=shop.playbook.id,
            channel=post.channel,
            locale=post.locale,
            customer=post.customer,
            metadata=dict(post.metadata or {}),
            progress=Progress(language=language, age=post.customer.age),
        )

    @asynccontextmanager
    async def _in_line(self, conversation_id: str) -> AsyncGenerator[None]:
        """One turn at a time, in the order of arrival, within this process; the lease does it between processes."""
        queue = self._queues.get(conversation_id)
        if queue is None:
            queue = self._queues[conversation_id] = _Queue()
        if queue.waiting >= self.settings.queue_length:
            raise TurnsQueued(f"{queue.waiting} messages wait in conversation {conversation_id!r} already")
        queue.waiting += 1
        try:
            async with asyncio.timeout(self.settings.queue_wait_s):
                await queue.lock.acquire()
        except TimeoutError:
            raise TurnsQueued(
                f"conversation {conversation_id!r} was busy for {self.settings.queue_wait_s:g} s"
            ) from None
        finally:
            queue.waiting -= 1
        try:
            yield
        finally:
            queue.lock.release()

    async def _claim(self, incoming: turns.Incoming) -> turns.Claimed | turns.Repeated:
        patience = Deadline(self.settings.queue_wait_s)
        pause = FIRST_POLL_S
        while True:
            claimed = await self._door.run(turns.claim, incoming, self._now(), self.settings.lease_s)
            if not isinstance(claimed, turns.Busy):
                return claimed
            if patience.remaining() == 0:
                raise TurnsQueued(f"conversation {incoming.start.id!r} was busy for {self.settings.queue_wait_s:g} s")
            await asyncio.sleep(patience.share(pause))
            pause = min(LONGEST_POLL_S, pause * 1.6)

    async def _run(self, claimed: turns.Claimed, post: Post, say: Say | None) -> bytes:
        started = time.perf_counter()
        conversation = claimed.conversation
        shop = self.shops.get(conversation.playbook) or self.shop(None)
        context = TurnContext(self.workers, shop, Deadline(self.settings.turn_budget_s), say)
        state: TurnState = await self._graph.ainvoke({"conversation": conversation}, context=context)  # type: ignore[assignment]
        total_ms = round((time.perf_counter() - started) * 1000, 3)
        response = response_json(claimed, state, total_ms)
        assert "reply" in state and "progress" in state and "decision" in state and "insights" in state
        content = orjson.dumps(response)
        finished = turns.Finished(
            conversation_id=conversation.id,
            turn_id=claimed.turn_id,
            reply=state["reply"].text,
            response=content,
            ledger=to_json(
                {**ledger_json(claimed, state, shop), "platform_context": dict(post.platform_context or {})}
            ),
            progress=state["progress"],
        )
        await self._door.run(turns.commit, finished, self._now())
        metrics.turn(
            shop.playbook.id,
            state["decision"],
            state["insights"],
            state["reply"],
            degraded=response["degraded"],
            seconds=total_ms / 1000,
        )
        log.info(
            "turn",
            playbook=shop.playbook.id,
            seq=claimed.seq,
            language=state["progress"].language,
            action=state["decision"].action.value,
            writer=state["reply"].writer,
            degraded=response["degraded"],
            violations=len(state["reply"].violations),
            ms=total_ms,
        )
        return content

    async def conversation(self, conversation_id: str) -> dict[str, Any]:
        """What is known of a conversation. Raises ``UnknownConversation``."""
        row = await self._door.run(conversations.read_conversation, conversation_id)
        return {
            "conversation_id": row["id"],
            "playbook": row["playbook"],
            "channel": row["channel"],
            "locale": row["locale"],
            "customer_data": row["customer"],
            "metadata": row["metadata"],
            "stage": row["progress"]["stage"],
            "language": row["progress"]["language"],
            "objections": row["progress"]["ledger"],
            "needs": row["progress"]["needs"],
            "messages": row["seq"],
            "turns": row["turns"],
            "outcome": row["outcome"],
            "created_at": row["created_at"],
            "updated_at": row["updated_at"],
        }

    async def messages(self, conversation_id: str, after: int = 0, limit: int = 200) -> list[dict[str, Any]]:
        return await self._door.run(conversations.read_messages, conversation_id, after, limit)

    async def turn(self, conversation_id: str, turn_id: str) -> dict[str, Any]:
        return await self._door.run(turns.read_turn, conversation_id, turn_id)

    async def outcome(self, conversation_id: str, outcome: str, value: float | None, details: dict[str, Any]) -> int:
        return await self._door.run(conversations.add_outcome, conversation_id, outcome, value, details, self._now())

    async def erase(self, conversation_id: str) -> int:
        return await self._door.run(conversations.erase_conversation, conversation_id)

    async def ready(self) -> None:
        """Raises ``StoreUnavailable`` when the database does not answer."""
        await self._door.run(lambda connection: connection.exec_driver_sql("select 1").scalar_one())

    async def aclose(self) -> None:
        await self.workers.writers.aclose()
        for guard in (self.workers.objection, self.workers.needs, self.workers.conversion):
            guard.close()
        await self._door.aclose()


class _Queue:
    """The line of one conversation; gone when nobody stands in it."""

    __slots__ = ("__weakref__", "lock", "waiting")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.waiting = 0
