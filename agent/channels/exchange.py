"""One turn as a speaking front-end has it: sentences to send as they come, the whole answer, and a customer who talks over it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

import orjson

from agent import metrics
from agent.errors import AgentError, CutOff, Draining
from agent.orchestrator import Post, SalesAgent
from agent.reply.barge_in import BargeIn
from agent.turn import Language


class Exchange:
    """Begins at once. Iterate ``sentences``, send each, and then ask for the ``response``; whoever is not there any more calls
    ``hang_up``. The turn runs in a task of its own, which ``running`` holds while the process drains.

    What of the reply counts as heard: every sentence after which the next one was asked for.
    """

    def __init__(self, agent: SalesAgent, post: Post, running: "set[asyncio.Task[bytes]] | None" = None) -> None:
        self._agent = agent
        self._post = post
        self._barge_in = BargeIn()
        self._sentences: asyncio.Queue[str | None] = asyncio.Queue()
        self._heard = ""
        self._between = ""
        self._turn = asyncio.create_task(agent.post(post, self._say, self._barge_in))
        metrics.stream_began()
        self._turn.add_done_callback(lambda _: metrics.stream_ended())
        self._turn.add_done_callback(lambda _: self._sentences.put_nowait(None))
        if running is not None:
            running.add(self._turn)
            self._turn.add_done_callback(running.discard)

    @property
    def heard(self) -> str:
        """What has gone out so far."""
        return self._heard

    @property
    def language(self) -> Language | None:
        """The reply's; known before its first sentence."""
        return self._barge_in.language

    async def sentences(self) -> AsyncGenerator[str]:
        """The reply in pieces that can be said as they are; put together they are the response's text. White space stands at a
        piece's beginning. Ends early when the turn fails: ``response`` raises why."""
        while (sentence := await self._sentences.get()) is not None:
            yield sentence
            self._heard += sentence

    async def response(self) -> dict[str, Any]:
        """The finished turn. Raises what ``SalesAgent.post`` raises, and ``Draining`` when the process ends before."""
        try:
            return orjson.loads(await asyncio.shield(self._turn))
        except asyncio.CancelledError:
            if self._turn.cancelled():
                raise Draining("this process is ending; send it again, to another one") from None
            raise

    async def hang_up(self, heard: str | None = None) -> dict[str, Any] | None:
        """The customer talks, or is gone: the writer stops, and ``heard`` (by default, what has gone out) is what was said.
        The turn, cut to that; ``None`` when nothing was heard and the message was taken back, or the turn failed."""
        heard = self._heard if heard is None else heard
        self._barge_in.cut(heard)
        with suppress(CutOff, AgentError):
            response = await self.response()
            if not response["interrupted"] and response["response"].strip() != heard.strip():
                await self._agent.heard(self._post.key, response["turn_id"], heard.strip())
            return response
        return None

    async def _say(self, sentence: str) -> None:
        self._sentences.put_nowait(self._between + sentence.strip())
        self._between = sentence[len(sentence.rstrip()) :]
