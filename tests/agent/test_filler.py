"""Words while a model thinks: on the telephone only, once, never the same twice running, and stored because they were said."""

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from agent.channels.exchange import Exchange
from agent.orchestrator import Post, SalesAgent
from agent.settings import Settings
from agent.turn import Brief, Delta
from prompts import load_playbook
from tests.agent.channels.parts import FIRST, PATIENT, SECOND, settings_with
from tests.agent.test_line import process

WRITTEN = f"{FIRST} {SECOND}"
FILLERS = {text.said_in("es") for text in load_playbook("ngx").book.phrases.filler}


@dataclass
class Thinking:
    """Writes nothing before ``gate``."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    name: str = "thinking"

    async def stream(self, brief: Brief) -> AsyncGenerator[Delta]:
        await self.gate.wait()
        yield Delta(json.dumps({"reply": WRITTEN}), finish_reason="stop")

    async def aclose(self) -> None:
        pass


@pytest.fixture
async def slow(settings: Settings) -> AsyncIterator[tuple[SalesAgent, Thinking]]:
    writer = Thinking()
    async with process(settings_with(settings, **PATIENT, filler_after_s=0.05), writer) as agent:
        yield agent, writer


async def told(agent: SalesAgent, writer: Thinking, conversation: str, channel: str = "voice") -> tuple[list[str], str]:
    """The sentences of a reply whose model begins after the first of them (or, without one, after a while), and the reply."""
    writer.gate.clear()
    exchange = Exchange(agent, Post(conversation, "hola, quiero más energía", locale="es", channel=channel))
    sentences = exchange.sentences()
    first = asyncio.ensure_future(anext(sentences))
    await asyncio.wait({first}, timeout=1.0)
    writer.gate.set()
    heard = [await first, *[sentence async for sentence in sentences]]
    return heard, (await exchange.response())["response"]


async def test_a_slow_model_is_bridged_once_and_never_with_the_same_words_running(
    slow: tuple[SalesAgent, Thinking],
) -> None:
    agent, writer = slow
    conversation = uuid.uuid4().hex
    opening, _ = await told(agent, writer, conversation)
    assert not FILLERS & {sentence.strip() for sentence in opening}  # the greeting had left
    said: list[str] = []
    for _ in range(3):
        heard, response = await told(agent, writer, conversation)
        assert heard[0] in FILLERS
        assert "".join(heard) == response == f"{heard[0]} {WRITTEN}"
        said.append(heard[0])
    assert all(one != other for one, other in pairwise(said))
    ledger = await agent.turn(Post(conversation, "").key, "2")
    assert [place.rpartition(".")[0] for place in ledger["reply"]["opening"]] == ["phrases.filler"]
    stored = await agent.messages(Post(conversation, "").key)
    assert stored[3]["text"] == f"{said[0]} {WRITTEN}"


async def test_nobody_reads_a_filler(slow: tuple[SalesAgent, Thinking]) -> None:
    agent, writer = slow
    conversation = uuid.uuid4().hex
    for _ in range(2):
        heard, response = await told(agent, writer, conversation, "chat")
        assert not FILLERS & {sentence.strip() for sentence in heard}
    assert response == WRITTEN


@pytest.mark.parametrize("after", [60.0, None])
async def test_a_quick_model_needs_none(settings: Settings, after: float | None) -> None:
    writer = Thinking()
    writer.gate.set()
    async with process(settings_with(settings, **PATIENT, filler_after_s=after), writer) as agent:
        conversation = uuid.uuid4().hex
        for _ in range(2):
            about = Post(conversation, "hola, quiero más energía", locale="es", channel="voice")
            exchange = Exchange(agent, about)
            heard = [sentence async for sentence in exchange.sentences()]
        assert "".join(heard) == WRITTEN


async def test_only_the_filler_was_heard(slow: tuple[SalesAgent, Thinking]) -> None:
    agent, writer = slow
    conversation = uuid.uuid4().hex
    await told(agent, writer, conversation)
    writer.gate.clear()
    exchange = Exchange(agent, Post(conversation, "y el horario?", channel="voice"))
    filler = await anext(exchange.sentences())
    response = await exchange.hang_up(filler)
    assert response is not None
    assert (response["response"], response["interrupted"]) == (filler, True)
