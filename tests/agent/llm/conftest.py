"""What the clients' tests share: one brief, and a way to collect a stream."""

from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import pytest

from agent.errors import WriterFailed
from agent.llm.base import Writer
from agent.turn import Action, Brief, Customer, Decision, Delta, Progress, Understanding, Utterance
from prompts import load_playbook
from tests.scripted_model import ScriptedModel

KEY = "sk-test-very-secret"


@pytest.fixture(scope="session")
def brief() -> Brief:
    said = (
        Utterance("agent", "Hello, I am the assistant."),
        Utterance("customer", "How much is a roof?"),
        Utterance("person", "A colleague here."),
        Utterance("customer", "Fine."),
        Utterance("customer", "What about the old shingles?"),
    )
    decision = Decision(
        action=Action.ASK_DISCOVERY,
        confidence=1.0,
        reasons=(),
        ranked=(),
        refused=(),
        policy_version="test",
        stage="discovery",
        ledger=(),
    )
    return Brief(
        playbook=load_playbook("roofing").book,
        language="en",
        decision=decision,
        understanding=Understanding("en", {}, {}),
        progress=Progress(),
        customer=Customer(),
        recent=said,
        system="You answer in JSON with a reply.",
        messages=said,
    )


@pytest.fixture
async def server() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel(api_key=KEY) as model:
        yield model


@dataclass(frozen=True, slots=True)
class Collected:
    """All pieces of a stream, and the failure that ended it."""

    pieces: tuple[str, ...]
    last: Delta | None
    failed: WriterFailed | None

    @property
    def text(self) -> str:
        return "".join(self.pieces)


Collect = Callable[[Writer], Coroutine[Any, Any, Collected]]


@pytest.fixture
def collect(brief: Brief) -> Collect:
    """Runs a stream to its end. Whatever it raises besides ``WriterFailed`` is the test's failure, too."""

    async def run(writer: Writer) -> Collected:
        pieces: list[str] = []
        last: Delta | None = None
        try:
            async for last in writer.stream(brief):
                pieces.append(last.text)
        except WriterFailed as failed:
            return Collected(tuple(pieces), last, failed)
        return Collected(tuple(pieces), last, None)

    return run
