"""A ladder of writers with a clock that is set by hand, and one that listens."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.deadline import Deadline
from agent.errors import WriterFailed
from agent.llm.base import Limits, Stalls, Writer
from agent.llm.failover import Failover, Written
from agent.reply.schema import ReplyDraft
from agent.turn import Brief, Delta
from tests.scripted_model import (
    GOOD,
    ScriptedModel,
)  # fmt: skip

Rungs = Failover[ReplyDraft]
Result = Written[ReplyDraft]
PATIENT = Stalls(first_token_s=30.0, gap_s=30.0, whole_s=30.0, reserve_s=0.0)
HANDLES = Path("/proc/self/fd")
SAFE: dict[str, Any] = {**GOOD, "reply": "The offline writer speaks."}


@dataclass
class Ear:
    """A sink that has said something once it was fed ``says_after`` pieces."""

    says_after: int = 10_000
    refuses: bool = False
    pieces: list[str] = field(default_factory=list)
    resets: int = 0

    @property
    def said(self) -> bool:
        return len(self.pieces) >= self.says_after

    async def feed(self, piece: str) -> None:
        if self.refuses and not self.resets:
            raise WriterFailed("broken_json", "no reply can begin like this")
        self.pieces.append(piece)

    def reset(self) -> None:
        self.pieces.clear()
        self.resets += 1


@dataclass
class Offline:
    """The last writer: in the process, and always there."""

    name: str = "composer"
    asked: int = 0
    closed: int = 0

    async def stream(self, brief: Brief) -> AsyncGenerator[Delta]:
        self.asked += 1
        yield Delta(json.dumps(SAFE))

    async def aclose(self) -> None:
        self.closed += 1


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Ladder:
    """OpenAI's client on ``first``, Anthropic's on ``second``, then the offline writer."""

    first: ScriptedModel
    second: ScriptedModel
    writers: tuple[Writer, ...]
    last: Offline
    brief: Brief

    def failover(
        self, stalls: Stalls = PATIENT, only: int = 2, clock: Callable[[], float] = time.monotonic, **limits: Any
    ) -> Rungs:
        writers = (*self.writers[:only], self.last)
        return Failover(writers, ReplyDraft.model_validate_json, stalls, Limits(**limits), clock=clock)

    async def write(self, failover: Rungs, ear: Ear | None = None, budget_s: float = 60.0) -> Result:
        async with asyncio.timeout(20):
            return await failover.write(self.brief, Deadline(budget_s), ear or Ear())


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.005)


def open_sockets() -> int:
    return sum(link.is_symlink() and str(link.readlink()).startswith("socket:") for link in HANDLES.iterdir())
