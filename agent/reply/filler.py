"""A few neutral words while a model thinks, so that a caller does not hear silence."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from agent.deadline import Deadline
from agent.reply.lines import Line, freshest, variants
from agent.reply.mouth import Mouth
from agent.turn import Brief


def filler_line(brief: Brief) -> Line | None:
    """The phrase said longest ago: never the one of the turn before. ``None`` where the playbook has none."""
    texts = brief.playbook.phrases.filler
    if not texts:
        return None
    return freshest(variants("phrases.filler", texts, brief.language), brief.progress.used_lines, brief.seed)


class Filler:
    """``line`` once it was said. It counts as said like every other word: it is in the stored reply, because the customer has
    heard it, and because a platform reports it when he talks over it."""

    def __init__(self) -> None:
        self.line: Line | None = None

    @asynccontextmanager
    async def after(
        self, seconds: float | None, deadline: Deadline, mouth: Mouth | None, find: Callable[[], Line | None]
    ) -> AsyncGenerator[None]:
        """Says it ``seconds`` after the turn began, unless something was said by then or the block has ended."""
        if seconds is None or mouth is None or mouth.opened:
            yield
            return
        waiting = asyncio.create_task(self._say(max(0.0, seconds - deadline.elapsed()), mouth, find))
        try:
            yield
        finally:
            waiting.cancel()

    async def _say(self, seconds: float, mouth: Mouth, find: Callable[[], Line | None]) -> None:
        await asyncio.sleep(seconds)
        if not mouth.opened and (line := find()) is not None:
            self.line = line
            await mouth.say(f"{line.text} ")
