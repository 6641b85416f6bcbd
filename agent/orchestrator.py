"""The one door that every channel, the command line and a replay enter: claim the message, run its turn, commit it."""

import asyncio
import hashlib
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Concatenate, ParamSpec, TypeVar

import orjson
import structlog
from sqlalchemy import Connection

from agent import metrics
from agent.colleagues import Colleagues
from agent.deadline import Deadline
from agent.errors import CutOff, InvalidInput, LeaseLost, StoreUnavailable, TurnGivenUp, TurnsQueued
from agent.graph import Straight, TurnGraph
from agent.leases import Leases
from agent.line import Lines
from agent.nodes import Shop, TurnContext, TurnState, Workers
from agent.reading import default_language
from agent.records import Records
from agent.reply.barge_in import BargeIn, Meant, as_heard
from agent.reply.gate import Say
from agent.reply.given import remembered
from agent.reply.spoken import spoken_form
from agent.settings import Settings
from agent.store import conversations, spoken, transcript, turns
from agent.store.codec import from_json, to_json
from agent.store.door import Door
from agent.telemetry import correlated
from agent.telling import turn_told
from agent.turn import DEFAULT_TENANT, Action, ConversationKey, Customer, Progress, Utterance
from agent.wire import ledger_json, response_json
from predictors.memory import forget_texts

log = structlog.get_logger(__name__)

Given = ParamSpec("Given")
Result = TypeVar("Result")
Key = TypeVar("Key")

FIRST_POLL_S, LONGEST_POLL_S, LONGEST_PAUSE_S = 0.005, 0.04, 0.25
"""How long a waiting message looks away: at first, at last, and at last while the database is away."""
TAKEN_OVER_AT_ONCE = 20


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


class SalesAgent(Records, Colleagues):
    """Long-lived; shared by all requests of a process."""

    def __init__(
        self,
        settings: Settings,
        graph: TurnGraph | Straight,
        workers: Workers,
        shops: Mapping[str, Shop],
        door: Door,
        *,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
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
        start = self.start_of(post)
        created = await self._door.run(conversations.start_conversation, start, self._now())
        return await self.conversation(start.key), created

    async def continue_from(self, post: Post, given: Sequence[Utterance]) -> None:
        """Starts a conversation whose earlier messages another program kept, unless it is there; ``post`` itself is not run."""
        start, shop = self.start_of(post), self.shop(post.playbook)
        start = replace(start, progress=remembered(shop.playbook, shop.lines, given, start.progress))
        await self._door.run(transcript.begin_with, start, given, self._now())

    async def post(self, post: Post, say: Say | None = None, barge_in: BargeIn | None = None) -> bytes:
        """Runs one turn and returns its response as JSON; for a repeated message the stored one, byte for byte.

        ``say`` is called with each sentence of the reply as it leaves; ``barge_in`` ends the reply where it is. Raises
        ``InvalidInput``, ``KeyReused``, ``TurnsQueued``, ``TurnGivenUp``, ``StoreUnavailable`` or ``CutOff``; whatever fails
        behind the door, the turn is answered.
        """
        turn_id = uuid.uuid4().hex
        incoming = turns.Incoming(
            start=self.start_of(post),
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
            return await self._answer(incoming, _Voice(say, barge_in or BargeIn()))

    def start_of(self, post: Post) -> conversations.Start:
        """What a post says about a conversation that it begins. Raises ``InvalidInput`` for an unknown playbook."""
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

    async def heard(self, key: ConversationKey, turn_id: str, heard: str) -> bool:
        """Only ``heard`` of an answered turn's reply has reached the customer; whether that was news."""

        def revise(progress: Progress, ledger: spoken.Ledger) -> Progress:
            shop = self.shops.get(ledger["playbook"]["id"]) or self.shop(None)
            decision, reply = ledger["decision"], ledger["reply"]
            meant = Meant(
                reply["text"],
                Action(decision["action"]),
                decision["slot"],
                decision["offer"],
                decision["proof_id"],
                reply["question_asked"],
            )
            language, disclosure = ledger["understanding"]["language"], shop.playbook.disclosure
            told = (disclosure.text.said_in(language), disclosure.when_asked(language))
            form = spoken_form(shop.playbook, language)
            return as_heard(progress, meant, heard, shop.lines[language], (*told, *map(form, told)))

        return await self._door.run(spoken.correct, key, turn_id, heard, revise, self._now())

    async def _answer(self, incoming: turns.Incoming, voice: "_Voice") -> bytes:
        """Puts the message into the store, waits for its turn, runs it, or is given the answer by whoever ran it."""
        arrived, patience = time.perf_counter(), Deadline(self.settings.queue_wait_s)
        key, owner = incoming.start.key, incoming.turn_id
        line = self._lines.line(key)
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
        if voice.free:
            await voice.say(from_json(step.response)["response"])
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
                    response = await self._run_claimed(step, owner, voice)
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
                return await self._run_claimed(claimed, owner, _Voice()) is not None

    async def _run_for_another(self, claimed: turns.Claimed, owner: str) -> None:
        """A turn that somebody left behind. That it fails is not told to whoever came after it."""
        try:
            await self._run_claimed(claimed, owner, _Voice())
        except StoreUnavailable:
            raise
        except Exception as error:
            log.error("turn_before_failed", turn_id=claimed.turn_id, error=type(error).__name__, exc_info=error)

    async def _run_claimed(self, claimed: turns.Claimed, owner: str, voice: "_Voice") -> bytes | None:
        """The response; ``None`` when another process has taken the turn over, or its conversation is erased."""
        try:
            return await self._run(claimed, owner, voice)
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

    async def _run(self, claimed: turns.Claimed, owner: str, voice: "_Voice") -> bytes:
        started = time.perf_counter()
        conversation = claimed.conversation
        shop = self.shops.get(conversation.playbook) or self.shop(None)
        say = voice.say if voice.free else None
        context = TurnContext(
            self.workers,
            shop,
            Deadline(self.settings.turn_budget_s),
            say,
            voice.barge_in,
            filler_after_s=self.settings.filler_after_s,
        )
        with self.speaking(conversation.key, voice):
            state: TurnState = await self._graph.ainvoke({"conversation": conversation}, context=context)  # type: ignore[assignment]
        total_ms = round((time.perf_counter() - started) * 1000, 3)
        assert "reply" in state and "progress" in state and "decision" in state and "insights" in state
        if state["reply"].interrupted and not state["reply"].text and not state["reply"].held:
            await self._patiently(owner, spoken.unsay, conversation.key, claimed.turn_id)
            raise CutOff("the customer talked before he had heard anything")
        response = response_json(claimed, state, total_ms)
        content = orjson.dumps(response)
        finished = turns.Finished(
            key=conversation.key,
            turn_id=claimed.turn_id,
            reply=state["reply"].text,
            response=content,
            ledger=to_json({**ledger_json(claimed, state, shop), "platform_context": claimed.platform_context}),
            progress=state["progress"],
            told=turn_told(claimed, state, shop, response),
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

    def __init__(self, say: Say | None = None, barge_in: BargeIn | None = None) -> None:
        self._say = say
        self.barge_in = barge_in or BargeIn()
        self.used = False
        self.said = ""

    @property
    def free(self) -> bool:
        return self._say is not None and not self.used

    async def say(self, sentence: str) -> None:
        assert self._say is not None
        self.used = True
        self.said += sentence
        await self._say(sentence)
