"""Other parts for the agent, put in through ``build_agent``: writers that wait or say what they are told, a door that fails."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.bootstrap import build_agent
from agent.llm.base import Writer
from agent.orchestrator import SalesAgent
from agent.settings import Settings
from agent.store.door import Door, Given, Result, Work, open_door
from agent.store.migrate import migrate_anywhere
from agent.turn import Brief, Delta
from server import Build

FIRST, SECOND = "Gracias por contarme eso.", "¿Qué es lo más importante para ti?"
PATIENT = {"first_token_s": 60.0, "token_gap_s": 60.0, "reply_s": 60.0, "turn_budget_s": 60.0}
"""Settings under which a writer that waits for a test is not given up."""


@dataclass
class Told:
    """Writes what it was told, in two pieces. Between them it waits for ``gate``; ``reached`` says that it waits."""

    sentences: tuple[str, str] = (FIRST, SECOND)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    heard: list[str] = field(default_factory=list)
    """The customer's words of every reply that was asked for."""
    briefs: list[Brief] = field(default_factory=list[Brief])
    name: str = "told"

    async def stream(self, brief: Brief) -> AsyncGenerator[Delta]:
        self.heard.append(brief.recent[-1].text)
        self.briefs.append(brief)
        whole = json.dumps({"reply": " ".join(self.sentences)}, ensure_ascii=False)
        middle = whole.index(json.dumps(self.sentences[1], ensure_ascii=False)[1:-1]) + 1
        yield Delta(whole[:middle])
        self.reached.set()
        await self.gate.wait()
        yield Delta(whole[middle:], finish_reason="stop")

    async def aclose(self) -> None:
        pass


def at_once(first: str = FIRST, second: str = SECOND) -> Told:
    """A writer that does not wait."""
    writer = Told((first, second))
    writer.gate.set()
    return writer


def building(*, writers: Sequence[Writer] | None = None, broken: "Broken | None" = None) -> Build:
    """A ``build`` for ``create_app`` with other parts."""

    async def build(settings: Settings) -> SalesAgent:
        if broken is None:
            return await build_agent(settings, writers=writers)
        await migrate_anywhere(settings.store_url)
        broken.real = open_door(settings.store_url)
        return await build_agent(settings, writers=writers, door=broken)

    return build


@dataclass
class Broken:
    """The real door until ``fails`` names an error for the work that is asked of it."""

    fails: Callable[[str], Exception | None] = lambda _: None
    real: Door | None = None

    async def run(self, work: Work[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
        assert self.real is not None
        if error := self.fails(work.__name__):
            raise error
        return await self.real.run(work, *args, **kwargs)

    async def aclose(self) -> None:
        assert self.real is not None
        await self.real.aclose()


def settings_with(settings: Settings, **changes: Any) -> Settings:
    return settings.model_copy(update=changes)
