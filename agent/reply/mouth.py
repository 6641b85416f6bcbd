"""Says sentences to whoever listens, in their order, without waiting for him: a slow or broken listener holds no turn."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import structlog

from agent.deadline import Deadline
from agent.reply.gate import Say

log = structlog.get_logger(__name__)

LISTENER_S = 1.0
"""How long the end of a reply waits, at most, until it was heard to the end."""


class Mouth:
    """``lost`` names why the listener was left: ``too_slow``, or ``crashed:`` and the class of his error.
    ``opened``: something was said."""

    def __init__(self, say: Say) -> None:
        self.lost: str | None = None
        self.opened = False
        self._say = say
        self._sentences: asyncio.Queue[str | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._speak())

    async def say(self, sentence: str) -> None:
        self.opened = True
        self._sentences.put_nowait(sentence)

    async def finish(self, seconds: float) -> None:
        """Waits until all was heard, at most ``seconds``; then the listener is left where he is."""
        self._sentences.put_nowait(None)
        if not self._task.done():
            await asyncio.wait({self._task}, timeout=seconds)
        if not self._task.done():
            self.lost = "too_slow"
            log.warning("listener_left", why=self.lost)
            self._task.cancel()

    def stop(self) -> None:
        self._task.cancel()

    async def _speak(self) -> None:
        try:
            while (sentence := await self._sentences.get()) is not None:
                await self._say(sentence)
        except Exception as error:  # noqa: BLE001 -- the reply stands, and is stored, whoever stopped listening
            self.lost = f"crashed:{type(error).__name__}"
            log.warning("listener_left", why=self.lost)


@asynccontextmanager
async def speaking(say: Say | None, deadline: Deadline) -> AsyncGenerator[Mouth | None]:
    """A mouth for the block, ``None`` when nobody listens; at its end, all was heard or the listener was left."""
    if say is None:
        yield None
        return
    mouth = Mouth(say)
    try:
        yield mouth
        await mouth.finish(min(LISTENER_S, deadline.remaining() / 2))
    finally:
        mouth.stop()
