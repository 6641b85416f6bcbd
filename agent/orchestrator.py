"""The one door that every channel, the command line and a replay enter: claim the message, run its turn, commit it."""

import asyncio
import hashlib
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec, TypeVar

import orjson
import structlog
from sqlalchemy import Connection

from agent import metrics
from agent.deadline import Deadline
from agent.errors import InvalidInput, LeaseLost, StoreUnavailable, TurnGivenUp, TurnsQueued
from agent.graph import TurnGraph
from agent.leases import Leases
from agent.line import Lines
from agent.nodes import Shop, TurnContext, TurnState, Workers
from agent.reading import default_language
from agent.reply.gate import Say
from agent.settings import Settings
from agent.store import conversations, customers, turns
from agent.store.codec import from_json, to_json
from agent.store.door import Door
from agent.telemetry import correlated
from agent.turn import DEFAULT_TENANT, ConversationKey, Customer, Progress
from agent.wire import ledger_json, response_json
from predictors.memory import forget_texts

log = structlog.get_logger(__name__)

Given = ParamSpec("Given")
Result = TypeVar("Result")
Key = TypeVar("Key")

FIRST_POLL_S, LONGEST_POLL_S, LONGEST_PAUSE_S = 0.005, 0.04, 0.25
"""How long a waiting message looks away: at first, at last, and at last while the database is away."""
TAKEN_OVER_AT_ONCE = 20
ERASED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Post:
    """One customer message as a channel hands it over, parsed and bounded. ``message_id`` makes a repeat harmless."""

    conversation_id: str
    text: str
    tenant: str = DEFAULT_TENANT
    message_id: str | None = None
    playbook: str | None = None
    channel: str = "chat"
    locale: str | None = None
    customer: Customer = field(default_factory=Customer)
    metadata: Mapping[str, Any] | None = None
    platform_context: Mapping[str, Any] | None = None

    @property
    def key(self) -> ConversationKey:
        return ConversationKey(self.tenant, self.conversation_id)


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
        self._lines = Lines()
        self._leases = Leases(door, settings.lease_s, wall_clock)

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
        return await self.conversation(start.key), created

    async def post(self, post: Post, say: Say | None = None) -> bytes:
        """Runs one turn and returns its response as JSON; for a repeated message the stored one, byte for byte.

        ``say`` is called with each sentence of the reply as it leaves. Raises ``InvalidInput``, ``KeyReused``,
        ``TurnsQueued``, ``TurnGivenUp`` or ``StoreUnavailable``; whatever fails behind the door, the turn is answered.
        """
        turn_id = uuid.uuid4().hex
        incoming = turns.Incoming(
            start=self._start_of(post),
            message_id=post.message_id or turn_id,
            text=post.text,
            request_sha256=hashlib.sha256(post.text.encode()).hexdigest(),
            turn_id=turn_id,
            platform_context=post.platform_context or {},
        )
        with (
            metrics.in_flight(),
            correlated(conversation_id=post.conversation_id, turn_id=turn_id, pipeline_id=turn_id[:12]),
            self._leases.holding(turn_id),
        ):
            return await self._answer(incoming, say)

    def _start_of(self, post: Post) -> conversations.Start:
        shop = self.shop(post.playbook)
        language = default_language(shop.playbook, post.locale) if post.locale else None
        return conversations.Start(
            key=post.key,
            playbook=shop.playbook.id,
            channel=post.channel,
            locale=post.locale,
            customer=post.customer,
            metadata=dict(post.metadata or {}),
            progress=Progress(language=language, age=post.customer.age),
        )

    async def _answer(self, incoming: turns.Incoming, say: Say | None) -> bytes:
        """Puts the message into the store, waits for its turn, runs it, or is given the answer by whoever ran it."""
        arrived, patience = time.perf_counter(), Deadline(self.settings.queue_wait_s)
        key, owner = incoming.start.key, incoming.turn_id
        line, voice = self._lines.line(key), _Voice(say)
        try:
            async with _mine(line.arriving, key, patience):
                step = await self._patiently(owner, turns.arrive, incoming, self.settings.queue_length)
            if not isinstance(step, turns.Repeated):
                in_line = line.turn.locked()
                async with _mine(line.turn, key, patience):
                    if in_line:
                        step = await self._patiently(owner, turns.take, key, incoming.message_id)
                    own, step = await self._advance(incoming, step, voice, patience, arrived)
                    if own is not None:
                        return own
        except (TurnsQueued, asyncio.CancelledError):
            await asyncio.shield(self._quietly(turns.withdraw, key, owner))
            raise
        if step.response is None:
            raise TurnGivenUp(f"message {incoming.message_id!r} was given up: its turn was begun too often, or erased")
        if say is not None and not voice.used:
            await say(from_json(step.response)["response"])
        return step.response

    async def _advance(
        self, incoming: turns.Incoming, step: turns.Step, voice: "_Voice", patience: Deadline, arrived: float
    ) -> tuple[bytes | None, turns.Repeated]:
        """Step by step until the message is answered: by us (the first value), or by another process (the second).

        A turn before it whose holder died is run as well."""
        key, owner = incoming.start.key, incoming.turn_id
        pause = FIRST_POLL_S
        while not isinstance(step, turns.Repeated):
            if isinstance(step, turns.Claimed):
                if step.message_id != incoming.message_id:
                    await self._run_for_another(step, owner)
                else:
                    metrics.waited(time.perf_counter() - arrived)
                    response = await self._run_claimed(step, owner, voice.say if voice.free else None)
                    if response is not None:
                        return response, turns.Repeated(response)
            elif patience.remaining() == 0:
                raise TurnsQueued(f"conversation {key.id!r} was busy for {self.settings.queue_wait_s:g} s")
            else:
                await asyncio.sleep(patience.share(pause))
                pause = min(LONGEST_POLL_S, pause * 1.6)
            step = await self._patiently(owner, turns.take, key, incoming.message_id)
        return None, step

    async def take_over(self) -> int:
        """Runs the turns that a process left behind when it died; how many."""
        found = await self._door.run(turns.left_behind, self._now(), TAKEN_OVER_AT_ONCE)
        ended = await asyncio.gather(*(self._take_over(key) for key in found), return_exceptions=True)
        for error in (one for one in ended if isinstance(one, Exception)):
            log.error("taking_over_failed", error=type(error).__name__, exc_info=error)
        return sum(one is True for one in ended)

    async def _take_over(self, key: ConversationKey) -> bool:
        line, owner = self._lines.line(key), uuid.uuid4().hex
        if line.turn.locked():  # whoever waits there takes it over himself
            return False
        async with line.turn:
            with correlated(conversation_id=key.id), self._leases.holding(owner):
                claimed = await self._door.run(turns.take_over, self._leases.lease(owner), key)
                if claimed is None:
                    return False
                log.warning("turn_taken_over", turn_id=claimed.turn_id, seq=claimed.seq)
                return await self._run_claimed(claimed, owner, None) is not None

    async def _run_for_another(self, claimed: turns.Claimed, owner: str) -> None:
        """A turn that somebody left behind. That it fails is not told to whoever came after it."""
        try:
            await self._run_claimed(claimed, owner, None)
        except StoreUnavailable:
            raise
        except Exception as error:
            log.error("turn_before_failed", turn_id=claimed.turn_id, error=type(error).__name__, exc_info=error)

    async def _run_claimed(self, claimed: turns.Claimed, owner: str, say: Say | None) -> bytes | None:
        """The response; ``None`` when another process has taken the turn over, or its conversation is erased."""
        try:
            return await self._run(claimed, owner, say)
        except LeaseLost as lost:
            log.warning("lease_lost", why=str(lost))
            self.forget()  # it may have been erased while it ran
            return None
        except BaseException:
            await asyncio.shield(self._quietly(turns.release, claimed.turn_id, owner))
            raise

    async def _patiently(
        self,
        owner: str,
        work: Callable[Concatenate[Connection, turns.Lease, Given], Result],
        *args: Given.args,
        **kwargs: Given.kwargs,
    ) -> Result:
        """``work`` with a fresh lease, again while the database is away. Whatever is done this way may be done twice."""
        patience, pause = Deadline(self.settings.store_patience_s), FIRST_POLL_S
        while True:
            try:
                return await self._door.run(work, self._leases.lease(owner), *args, **kwargs)
            except StoreUnavailable:
                if patience.remaining() == 0:
                    raise
                await asyncio.sleep(patience.share(pause))
                pause = min(LONGEST_PAUSE_S, pause * 1.6)

    async def _quietly(self, work: Callable[[Connection, Key, str], object], key: Key, owner: str) -> None:
        """Gives back what ``owner`` holds; without a database its lease ends by itself."""
        try:
            await self._door.run(work, key, owner)
        except StoreUnavailable as error:
            log.warning("not_given_back", why=str(error))

    async def _run(self, claimed: turns.Claimed, owner: str, say: Say | None) -> bytes:
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
            key=conversation.key,
            turn_id=claimed.turn_id,
            reply=state["reply"].text,
            response=content,
            ledger=to_json({**ledger_json(claimed, state, shop), "platform_context": claimed.platform_context}),
            progress=state["progress"],
        )
        await self._patiently(owner, turns.commit, finished)
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

    async def conversation(self, key: ConversationKey) -> dict[str, Any]:
        """What is known of a conversation. Raises ``UnknownConversation``."""
        row = await self._door.run(conversations.read_conversation, key)
        return {
            "conversation_id": row["id"],
            "playbook": row["playbook"],
            "channel": row["channel"],
            "locale": row["locale"],
            "customer_id": row["customer_id"],
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

    async def messages(self, key: ConversationKey, after: int = 0, limit: int = 200) -> list[dict[str, Any]]:
        return await self._door.run(conversations.read_messages, key, after, limit)

    async def turn(self, key: ConversationKey, turn_id: str) -> dict[str, Any]:
        return await self._door.run(conversations.read_turn, key, turn_id)

    async def outcome(self, key: ConversationKey, outcome: str, value: float | None, details: dict[str, Any]) -> int:
        return await self._door.run(conversations.add_outcome, key, outcome, value, details, self._now())

    async def erase(self, key: ConversationKey) -> int:
        """Erases a conversation, in the store and in this process's memory; how many messages went."""
        erased = await self._door.run(conversations.erase_conversation, key)
        self.forget()
        return erased

    async def erase_customer(self, tenant: str, customer_id: str) -> int:
        """Erases all conversations of a customer; how many. That he opted out stays known, as a digest."""
        erased = await self._door.run(customers.erase_customer, tenant, customer_id)
        self.forget()
        return erased

    async def erase_older(self, seconds: float) -> int:
        """Erases conversations in which nothing happened for that long; how many."""
        erased = await self._door.run(conversations.erase_older, self._now() - seconds, ERASED_AT_ONCE)
        if erased:
            self.forget()
        return erased

    def forget(self) -> None:
        """Empties the caches of this process, in which customers' words may stand. Others forget within the hour."""
        for guard in (self.workers.objection, self.workers.needs, self.workers.conversion):
            guard.forget()
        forget_texts()

    @property
    def door(self) -> Door:
        """For what shares the database with the turns: keys, the audit log."""
        return self._door

    async def ready(self) -> None:
        """Raises ``StoreUnavailable`` when the database does not answer."""
        await self._door.run(lambda connection: connection.exec_driver_sql("select 1").scalar_one())

    async def aclose(self) -> None:
        await self.workers.writers.aclose()
        for guard in (self.workers.objection, self.workers.needs, self.workers.conversion):
            guard.close()
        await self._leases.aclose()
        await self._door.aclose()


@asynccontextmanager
async def _mine(lock: asyncio.Lock, key: ConversationKey, patience: Deadline) -> AsyncGenerator[None]:
    """Waits for those before this one in this process. Raises ``TurnsQueued``."""
    try:
        async with asyncio.timeout(patience.remaining()):
            await lock.acquire()
    except TimeoutError:
        raise TurnsQueued(f"conversation {key.id!r} was busy too long") from None
    try:
        yield
    finally:
        lock.release()


class _Voice:
    """Whoever listens hears one reply: what a lost attempt has said is not said again."""

    def __init__(self, say: Say | None) -> None:
        self._say = say
        self.used = False

    @property
    def free(self) -> bool:
        return self._say is not None and not self.used

    async def say(self, sentence: str) -> None:
        assert self._say is not None
        self.used = True
        await self._say(sentence)
