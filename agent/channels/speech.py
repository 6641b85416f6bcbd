"""A turn as server-sent events for somebody else's client, which talks over the agent by closing the connection.

Nothing is sent before the first sentence, so that what is refused has a real status."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

from fastapi import Request, Response
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from agent.channels import errors, sse
from agent.channels.conversations import agent_of
from agent.channels.exchange import Exchange
from agent.channels.hearing import hang_up, until_gone
from agent.errors import AgentError
from agent.orchestrator import Post

LEFT = 499
"""Nobody reads this status; it stands in the server's own log."""


class Tongue(Protocol):
    """A surface's events. ``begin`` comes first, then every sentence, then ``end`` or ``failed``."""

    def begin(self) -> bytes: ...

    def sentence(self, text: str) -> bytes: ...

    async def end(self, response: dict[str, Any]) -> bytes: ...

    def failed(self, kind: str, message: str) -> bytes: ...


async def speak(
    request: Request,
    post: Post,
    tongue: Tongue,
    headers: Mapping[str, str] | None = None,
    *,
    goes_on: bool = False,
) -> Response:
    """``goes_on``: a turn whose reader left is written to its end, as if he had heard it. Raises what the turn raises before
    its first sentence."""
    exchange = Exchange(agent_of(request), post, request.app.state.streams)
    sentences = exchange.sentences()
    left = asyncio.create_task(until_gone(request.receive))
    opening = asyncio.create_task(_next(sentences))
    opened = False
    try:
        await asyncio.wait({left, opening}, return_when=asyncio.FIRST_COMPLETED)
        if not opening.done():
            if not goes_on:
                _hang_up(exchange, request)
            return Response(status_code=LEFT)
        first = opening.result()
        if first is None:
            await exchange.response()
        opened = True
    finally:
        if not opened:
            left.cancel()
            opening.cancel()
    given = {**sse.HEADERS, **(headers or {})}
    return _Speech(_Telling(exchange, tongue, first, sentences), left, request, given, goes_on=goes_on)


class _Telling:
    """The events of one turn; ``done`` when the turn is over, whether its last events were sent or not."""

    def __init__(self, exchange: Exchange, tongue: Tongue, first: str | None, sentences: AsyncIterator[str]) -> None:
        self.exchange = exchange
        self.done = False
        self._tongue = tongue
        self._first = first
        self._sentences = sentences

    async def events(self) -> AsyncIterator[bytes]:
        began = self._tongue.begin()
        if self._first is not None:
            yield began + self._tongue.sentence(self._first)
            began = b""
        async for sentence in self._sentences:
            yield self._tongue.sentence(sentence)
        self.done = True
        try:
            response = await self.exchange.response()
            last = began + await self._tongue.end(response)
        except AgentError as error:
            content = errors.agent_error_content(error)
            yield began + self._tongue.failed(content["type"], content["message"])
            return
        except Exception:
            content = errors.unexpected_content()
            yield began + self._tongue.failed(content["type"], content["message"])
            raise
        yield last


class _Speech(StreamingResponse):
    def __init__(
        self,
        telling: _Telling,
        left: "asyncio.Task[None]",
        request: Request,
        headers: Mapping[str, str],
        *,
        goes_on: bool,
    ) -> None:
        super().__init__(telling.events(), media_type=sse.MEDIA_TYPE, headers=headers)
        self._telling = telling
        self._left = left
        self._request = request
        self._goes_on = goes_on

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self.stream_response(send))
        try:
            await asyncio.wait({sending, self._left}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._left.cancel()
            sending.cancel()
            if not (self._telling.done or self._goes_on):
                _hang_up(self._telling.exchange, self._request)
        try:
            await sending
        except asyncio.CancelledError:
            if not sending.cancelled():
                raise


async def _next(sentences: AsyncIterator[str]) -> str | None:
    return await anext(sentences, None)


def _hang_up(exchange: Exchange, request: Request) -> None:
    """In a task that the process waits for when it drains: whoever hung up does not wait."""
    running: set[asyncio.Task[Any]] = request.app.state.streams
    task = asyncio.create_task(hang_up(exchange))
    running.add(task)
    task.add_done_callback(running.discard)
