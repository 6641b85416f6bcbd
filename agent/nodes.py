"""The verbs of a turn. Each reads the state, calls one worker and returns what is new."""

import asyncio
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NotRequired, TypedDict
from zlib import crc32

from langgraph.runtime import Runtime

from agent.deadline import Deadline
from agent.decision.engine import advance
from agent.decision.engine import decide as choose
from agent.health import Breakers
from agent.llm.failover import Failover, Written
from agent.mentions import offer_named
from agent.reading import Reader
from agent.reply.composer import compose
from agent.reply.facts import FactBook
from agent.reply.gate import FactLock, Gate, Say
from agent.reply.lines import Line, said_lines
from agent.reply.prompt import system_prompt
from agent.reply.schema import ReplyDraft
from agent.turn import (
    Attempt,
    Brief,
    Conversation,
    Decision,
    Insights,
    Language,
    Playbook,
    Progress,
    Reply,
    Understanding,
)  # fmt: skip
from predictors.base import Dialogue
from predictors.guard import Guard
from prompts.playbook import Text

VOICE_CHANNELS = frozenset({"voice", "phone", "call"})
PROMPT_MESSAGES = 10


@dataclass(frozen=True, slots=True)
class Shop:
    """A playbook with what is computed from it once."""

    playbook: Playbook
    sha256: str
    facts: FactBook
    lines: dict[Language, tuple[Line, ...]]


@dataclass(frozen=True, slots=True)
class Workers:
    """Who does the work; built once in ``bootstrap``."""

    reader: Reader
    objection: Guard
    needs: Guard
    conversion: Guard
    writers: Failover[ReplyDraft]
    models_configured: bool
    breakers: Breakers


@dataclass(frozen=True, slots=True)
class TurnContext:
    """What one turn carries besides its state: workers, playbook, time budget and the way to the customer's ear."""

    workers: Workers
    shop: Shop
    deadline: Deadline
    say: Say | None = None
    clock: Callable[[], float] = time.perf_counter


class TurnState(TypedDict):
    """One turn, without the history: a key is written by one node only."""

    conversation: Conversation
    understanding: NotRequired[Understanding]
    dialogue: NotRequired[Dialogue]
    insights: NotRequired[Insights]
    decision: NotRequired[Decision]
    draft: NotRequired["Draft"]
    reply: NotRequired[Reply]
    progress: NotRequired[Progress]
    understand_ms: NotRequired[float]
    decide_ms: NotRequired[float]
    respond_ms: NotRequired[float]
    check_ms: NotRequired[float]


@dataclass(frozen=True, slots=True)
class Draft:
    """What the writers left: sentences that passed the lock (or left already), and what they said of them."""

    opening: str
    text: str
    draft: ReplyDraft | None
    attempts: tuple[Attempt, ...]
    lock: FactLock
    brief: Brief
    prompt_sha256: str | None


Update = dict[str, object]
TurnRuntime = Runtime[TurnContext]


async def understand(state: TurnState, runtime: TurnRuntime) -> Update:
    started = runtime.context.clock()
    conversation, shop = state["conversation"], runtime.context.shop
    text = conversation.recent[-1].text
    understanding, row = runtime.context.workers.reader.read(text, conversation, shop.playbook)
    understanding = replace(understanding, offer=offer_named(text, understanding.language, shop.playbook))
    dialogue = Dialogue(
        language=understanding.language,
        playbook=shop.playbook.id,
        vertical=shop.playbook.vertical,
        stage=conversation.progress.stage,
        profile=conversation.customer.facts,
        recent=conversation.recent[-3:],
        so_far=counted(conversation.progress, understanding),
        features=row,
    )
    return {"understanding": understanding, "dialogue": dialogue, "understand_ms": _ms(runtime, started)}


def counted(progress: Progress, understanding: Understanding) -> dict[str, float]:
    """The running numbers that the conversion model reads (``predictors.conversion.COLUMNS``)."""
    states = [entry.status for entry in progress.ledger]
    return {
        "turns": float(progress.customer_turns + 1),
        "open_objections": float(sum(entry.open for entry in progress.ledger)),
        "resolved_objections": float(states.count("resolved")),
        "reopened_objections": float(states.count("reopened")),
        "needs_known": float(len(progress.needs)),
        "offer_known": float(progress.offer is not None),
        "price_known": float(bool(progress.priced)),
        "agreed_before": float(progress.agreed),
        "declined_before": float(progress.declined),
        **{f"act_{act.value}": 1.0 for act in understanding.acts},
    }


async def predict(state: TurnState, runtime: TurnRuntime) -> Update:
    """Objection, needs and conversion at the same time, each behind its own guard and within what is left of the turn."""
    assert "dialogue" in state
    workers, dialogue = runtime.context.workers, state["dialogue"]
    remaining = runtime.context.deadline.remaining()
    guards = (workers.objection, workers.needs, workers.conversion)
    objections, needs, conversion = await asyncio.gather(*(guard.predict(dialogue, remaining) for guard in guards))
    before, now = state["conversation"].progress.conversion, conversion.probabilities.get("converts")
    delta = now - before if now is not None and before is not None else None
    return {"insights": Insights(objections, needs, conversion, delta)}


async def decide(state: TurnState, runtime: TurnRuntime) -> Update:
    started = runtime.context.clock()
    assert "insights" in state and "understanding" in state
    conversation = state["conversation"]
    decision = choose(
        runtime.context.shop.playbook,
        conversation.customer,
        conversation.progress,
        state["understanding"],
        state["insights"],
        conversation.progress.customer_turns + 1,
    )
    return {"decision": decision, "decide_ms": _ms(runtime, started)}


async def respond(state: TurnState, runtime: TurnRuntime) -> Update:
    started = runtime.context.clock()
    context = runtime.context
    brief, opening = _brief(state, context)
    lock = _lock(brief, context)
    if opening and context.say is not None:
        await context.say(f"{opening} ")
    gate = Gate(lock, context.say)
    written: Written[ReplyDraft] = await context.workers.writers.write(brief, context.deadline, gate)
    if not written.cut_short:
        await gate.finish()
    draft = Draft(
        opening=opening,
        text=gate.text,
        draft=written.draft,
        attempts=written.attempts,
        lock=lock,
        brief=brief,
        prompt_sha256=hashlib.sha256(brief.system.encode()).hexdigest() if brief.system else None,
    )
    return {"draft": draft, "respond_ms": _ms(runtime, started)}


def _brief(state: TurnState, context: TurnContext) -> tuple[Brief, str]:
    """The writer's brief, and the opening (greeting and disclosure) that is said before anything a writer writes."""
    assert "decision" in state and "understanding" in state
    conversation, understanding = state["conversation"], state["understanding"]
    brief = Brief(
        playbook=context.shop.playbook,
        language=understanding.language,
        decision=state["decision"],
        understanding=understanding,
        progress=conversation.progress,
        customer=conversation.customer,
        recent=conversation.recent,
        messages=conversation.recent[-PROMPT_MESSAGES:],
        seed=crc32(conversation.id.encode()),
    )
    opening = _opening(brief)
    if context.workers.models_configured:
        voice = conversation.channel in VOICE_CHANNELS
        brief = replace(brief, system=system_prompt(brief, opened=bool(opening), voice_channel=voice))
    return brief, opening


def _opening(brief: Brief) -> str:
    if brief.progress.disclosed or not brief.playbook.disclosure.at_start:
        return ""
    greetings: tuple[Text, ...] = brief.playbook.phrases.greeting
    greeting = greetings[brief.seed % len(greetings)].said_in(brief.language)
    return f"{greeting} {brief.playbook.disclosure.text.said_in(brief.language)}"


def _lock(brief: Brief, context: TurnContext) -> FactLock:
    granted = {brief.decision.incentive_id, *brief.progress.incentives}
    percents = [entry.percent for entry in brief.playbook.incentives if entry.id in granted and entry.percent]
    return FactLock(
        context.shop.facts,
        brief.language,
        customer_words=[said.text for said in brief.recent if said.role == "customer"],
        granted_percent=max(percents, default=Decimal(0)) or None,
        offer=brief.decision.offer,
    )


async def check(state: TurnState, runtime: TurnRuntime) -> Update:
    """The last word: nothing empty, nothing unvouched for, points checked too; then what the conversation remembers."""
    started = runtime.context.clock()
    assert "draft" in state and "decision" in state and "understanding" in state and "insights" in state
    draft, decision = state["draft"], state["decision"]
    body, meta, attempts = draft.text, draft.draft, draft.attempts
    if not body or meta is None:
        meta = compose(draft.brief)
    if not body:
        body, attempts = meta.reply, (*attempts, Attempt("composer", None, 0.0))
        if runtime.context.say is not None:
            await runtime.context.say(body)
    writer = attempts[-1].writer
    offer = runtime.context.shop.playbook.offer(decision.offer) if decision.offer else None
    rep = draft.lock.for_the_rep(offer.max_discount_percent if offer else Decimal(0))
    points = meta.talking_points
    if writer != "composer":
        points = tuple(point for point in points if rep.admit(point).strip() == point.strip())
    reply = Reply(
        text=f"{draft.opening} {body}".strip(),
        talking_points=points,
        objection_answered=decision.objection,
        question_asked=meta.question_asked
        if meta.question_asked and meta.question_asked in body
        else _last_question(body),
        next_step=rep.admit(meta.next_step).strip() or None if meta.next_step else None,
        handoff=decision.handoff is not None,
        writer=writer,
        attempts=attempts,
        violations=(*draft.lock.violations, *rep.violations),
        used_lines=said_lines(body, runtime.context.shop.lines[draft.brief.language], draft.brief.progress.used_lines),
    )
    progress = advance(state["conversation"].progress, decision, state["understanding"], state["insights"])
    progress = replace(progress, used_lines=reply.used_lines, disclosed=progress.disclosed or bool(draft.opening))
    return {"reply": reply, "progress": progress, "check_ms": _ms(runtime, started)}


def _last_question(text: str) -> str | None:
    if "?" not in text:
        return None
    end = text.rindex("?") + 1
    starts = [text.rfind(mark, 0, end - 1) + 1 for mark in (". ", "! ", "? ", "¿")]
    start = max(starts)
    return text[start - 1 if start and text[start - 1] == "¿" else start : end].strip()


def _ms(runtime: TurnRuntime, started: float) -> float:
    return round((runtime.context.clock() - started) * 1000, 3)
