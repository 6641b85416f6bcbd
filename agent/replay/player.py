"""Plays conversations of a plan on one version of the agent. Long-lived: the agent is built once."""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self

from agent.bootstrap import served_books
from agent.errors import InvalidInput
from agent.replay.asking import OpenAIAsked
from agent.replay.buyers.buyer import Market
from agent.replay.cases import Case
from agent.replay.customers import Buying, Recorded, Talker
from agent.replay.judge import Judge
from agent.replay.model_customer import ModelCustomer
from agent.replay.plan import Plan
from agent.replay.played import PlayedConversation, Tested
from agent.replay.runner import Bench, play
from agent.replay.target import InProcess, Remote, Target
from agent.replay.version import open_agent, tested
from agent.settings import Settings

NOON = 1_781_784_000.0
"""2026-06-18 12:00 UTC: the hour at which every replay takes place, so that quiet hours never decide how it ends."""


class Player:
    """An asynchronous context. ``folder``: an empty one for its store."""

    def __init__(self, plan: Plan, settings: Settings, folder: Path) -> None:
        self.plan = plan
        self._settings = settings
        self._folder = folder
        self._books = served_books(settings)
        self._customer = OpenAIAsked(plan.customer, settings) if plan.customer else None
        self._judge = OpenAIAsked(plan.judge, settings) if plan.judge else None
        self._bench = Bench.of(self._books, Judge(self._judge) if self._judge else None)
        crowd, books = plan.crowd, {book.id: book for book in self._books}
        self._market = crowd and Market(crowd.seed, books, crowd.playbooks or None, crowd.languages)
        self._target: Target
        self.tested: Tested

    async def __aenter__(self) -> Self:
        plan = self.plan
        if plan.server is not None:
            self._target = Remote(plan.server.url, plan.server.key, plan.server.run)
            self.tested = Tested(name=plan.version.name, writer="server")
        else:
            agent, door = await open_agent(
                plan.version, self._settings, self._folder, wall_clock=lambda: NOON, straight=plan.crowd is not None
            )
            self._target = InProcess(agent, door, timed=plan.timed)
            self.tested = tested(plan.version, agent)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._target.aclose()
        for asked in filter(None, (self._customer, self._judge)):
            await asked.aclose()

    async def play(self, numbers: Iterable[int], done: Callable[[], None] = lambda: None) -> list[PlayedConversation]:
        """The conversations of these numbers, in their order; ``done`` is called after each."""
        places = asyncio.Semaphore(self.plan.at_once)

        async def one(number: int) -> PlayedConversation:
            async with places:
                played = await self._play(self._talker(number), self.plan.place(number)[1])
            done()
            return played

        return list(await asyncio.gather(*(one(number) for number in numbers)))

    async def play_case(self, case: Case, trial: int = 0) -> PlayedConversation:
        """One case, of the plan or not."""
        return await self._play(self._recorded(case), trial)

    async def _play(self, talker: Talker, trial: int) -> PlayedConversation:
        return await play(self._target, talker, self._bench, trial=trial, as_recorded=self.plan.as_recorded)

    def _talker(self, number: int) -> Talker:
        plan = self.plan
        place, trial = plan.place(number)
        if self._market is not None:
            buyer = self._market.buyer(place, trial)
            if self._customer is None:
                return Buying(buyer)
            return self._recorded(buyer.case.model_copy(update={"scenario": buyer.scenario()}))
        return self._recorded(plan.cases[place])

    def _recorded(self, case: Case) -> Talker:
        if case.playbook not in self._bench.books:
            raise InvalidInput(f"no playbook {case.playbook!r} for case {case.id!r}", field="playbook")
        if case.scenario is None:
            return Recorded(case)
        if self._customer is None:
            raise InvalidInput(f"case {case.id!r} needs a model that plays the customer", field="customer")
        return ModelCustomer(case, self._customer)
