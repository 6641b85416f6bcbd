"""TEMPORARY stand-in so that others can run turns; the helper of agent/llm replaces this file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from agent.deadline import Deadline
from agent.llm.base import Sink, Stalls, Writer
from agent.turn import Attempt, Brief

Draft = TypeVar("Draft")


@dataclass(frozen=True, slots=True)
class Written(Generic[Draft]):
    draft: Draft | None
    text: str
    attempts: tuple[Attempt, ...]
    cut_short: bool


class Failover(Generic[Draft]):
    def __init__(self, writers: Sequence[Writer], parse: Callable[[str], Draft], stalls: Stalls) -> None:
        self._writers, self._parse = writers, parse

    async def write(self, brief: Brief, deadline: Deadline, sink: Sink) -> Written[Draft]:
        text = ""
        async for delta in self._writers[-1].stream(brief):
            text += delta.text
            await sink.feed(delta.text)
        return Written(self._parse(text), text, (Attempt(self._writers[-1].name, None, 0.0),), False)

    async def aclose(self) -> None:
        for writer in self._writers:
            await writer.aclose()
