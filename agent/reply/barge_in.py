"""Barge-in: the customer talks over the agent. What is being written stops at once, and only what he heard counts as said."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from agent.reply.lines import Line
from agent.turn import Action, Language, Progress


class BargeIn:
    """Of one turn. The channel calls ``cut`` from the turn's own event loop, once or more often: the first time counts.
    ``language``: the reply's, as soon as it is known."""

    def __init__(self) -> None:
        self.heard: str | None = None
        self.by_person = False
        """It was not the customer who talked: a colleague took the conversation over."""
        self.language: Language | None = None
        self._scope: asyncio.Timeout | None = None

    @property
    def happened(self) -> bool:
        return self.heard is not None

    def cut(self, heard: str, *, by_person: bool = False) -> None:
        """``heard``: what of the reply has reached the customer, from its beginning."""
        if self.heard is not None:
            return
        self.heard = heard
        self.by_person = by_person
        if self._scope is not None:
            self._scope.reschedule(0.0)

    @asynccontextmanager
    async def ends(self) -> AsyncGenerator[None]:
        """The block is cancelled when the customer begins to talk, and the code after it goes on."""
        try:
            async with asyncio.timeout(0.0 if self.happened else None) as self._scope:
                yield
        except TimeoutError:
            if not self.happened:
                raise
        finally:
            self._scope = None


@dataclass(frozen=True, slots=True)
class Meant:
    """What a reply was to do, as far as a conversation remembers it."""

    text: str
    action: Action
    slot: str | None = None
    offer: str | None = None
    proof: str | None = None
    question: str | None = None


def as_heard(
    progress: Progress, meant: Meant, heard: str, lines: Sequence[Line], disclosures: Sequence[str]
) -> Progress:
    """``progress`` after a reply that was ``meant``, when only ``heard`` of it was. What was not heard may be said again: lines,
    the question, a price, a proof; and what the agent is must be said again. An incentive stays granted.

    ``disclosures``: the playbook's texts that say what the agent is."""
    unheard = {line.place for line in lines if line.text in meant.text and line.text not in heard}
    disclosed_now = [text for text in disclosures if text in meant.text]
    missed = bool(disclosed_now) and not any(text in heard for text in disclosed_now)
    asked = progress.asked
    if meant.action is Action.ASK_DISCOVERY and not (meant.question and meant.question in heard):
        asked = _without_last(asked, meant.slot)
    priced = progress.priced
    if meant.action is Action.QUOTE_PRICE:
        priced = _without_last(priced, meant.offer)
    return replace(
        progress,
        used_lines=tuple(place for place in progress.used_lines if place not in unheard),
        disclosed=progress.disclosed and not missed,
        asked=asked,
        priced=priced,
        proofs=_without_last(progress.proofs, meant.proof),
        cut_off=True,
    )


def _without_last(values: tuple[str, ...], last: str | None) -> tuple[str, ...]:
    return values[:-1] if values and values[-1] == last else values
