"""One reply on its way to a telephone: said sentence by sentence beside whatever comes in meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any, Protocol

import structlog
from starlette.websockets import WebSocketDisconnect

from agent.channels.exchange import Exchange
from agent.errors import AgentError, CutOff

log = structlog.get_logger(__name__)


class Out(Protocol):
    """How a platform is told."""

    async def sentence(self, said: "Utterance", text: str) -> None: ...

    async def ended(self, said: "Utterance", response: dict[str, Any]) -> None: ...


class Utterance:
    """``words``: the customer's, which it answers. ``sent``: what has gone out. ``failed`` is told when there is no answer."""

    def __init__(
        self, exchange: Exchange, words: str, out: Out, failed: Callable[[Exception], Awaitable[None]], number: int = 0
    ) -> None:
        self.exchange = exchange
        self.words = words
        self.number = number
        self.sent = ""
        self._out = out
        self._failed = failed
        self._over = False
        self._saying = asyncio.create_task(self._say())

    @property
    def running(self) -> bool:
        return not self._saying.done()

    async def finish(self) -> None:
        await asyncio.wait({self._saying})

    async def cut(self, heard: str | None = None) -> dict[str, Any] | None:
        """Nothing more of it is said, and ``heard`` (by default what has gone out) was. ``None`` when the words it answers
        were taken back."""
        self._over = True
        response = await self.exchange.hang_up(self.sent if heard is None else heard)
        await self.finish()
        return response

    async def _say(self) -> None:
        try:
            async with aclosing(self.exchange.sentences()) as sentences:
                async for sentence in sentences:
                    if self._over:
                        return
                    await self._out.sentence(self, sentence)
                    self.sent += sentence
            response = await self.exchange.response()
            if not self._over:
                await self._out.ended(self, response)
        except (CutOff, WebSocketDisconnect):
            return
        except Exception as error:
            if not isinstance(error, AgentError):
                log.error("reply_failed", error=type(error).__name__, exc_info=error)
            with suppress(WebSocketDisconnect):
                await self._failed(error)


class Speaker:
    """A call's side that says one reply at a time."""

    def __init__(self) -> None:
        self._speech: Utterance | None = None

    async def finish(self) -> None:
        if self._speech is not None:
            await self._speech.finish()

    async def hang_up(self) -> None:
        if self._speech is not None and self._speech.running:
            await self._speech.cut()
