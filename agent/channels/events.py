"""What happens in conversations as server-sent events: live, and from where a reader left off."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, FastAPI, Header, Query, Request, Response
from starlette.types import Receive, Scope, Send

from agent import metrics
from agent.access.caller import Caller, Permission
from agent.access.route import Guarded, needs
from agent.channels import errors, event_shapes, shapes, sse
from agent.channels.conversations import ERRORS, ConversationId
from agent.channels.hearing import until_gone
from agent.errors import AgentError
from agent.events import Feed, Reader, Wish
from agent.settings import Settings
from agent.store.events import Event

router = APIRouter(tags=["events"], route_class=Guarded)

RETRY_MS = 1_000
WRITE_S = 10.0
"""How long a reader may take nothing before he is left."""
HEARTBEAT = b": still here\n\n"
_FRAME: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "event": {"type": "string"},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": "#/components/schemas/Event"},
        },
    },
}
_STREAM: dict[int | str, dict[str, Any]] = {
    **ERRORS,
    200: {
        "content": {sse.MEDIA_TYPE: {"schema": _FRAME}},
        "description": "Server-sent events, oldest first. A comment comes while nothing happens. Where more was missed than "
        "is replayed, an event `replay.cut` (without an id) comes first: read the conversations anew.",
    },
    429: {"model": shapes.ErrorResponse, "description": "Too many requests, or too many streams, with this key."},
}
EventId = Annotated[str | None, Header(alias="Last-Event-ID", pattern="^(0|[0-9a-f]{24})?$")]
Since = Annotated[
    str | None,
    Query(
        alias="last_event_id",
        pattern="^(0|[0-9a-f]{24})?$",
        description="The same as the header, for browsers, where a reconnect's header wins. `0`: all that is kept.",
    ),
]
Follow = Annotated[bool, Query(description="`false`: what has been missed, and the end.")]


class EventStream(Response):
    """Joins the feed when it is sent, so that no reader is left behind by a response that never is."""

    media_type = sse.MEDIA_TYPE

    def __init__(self, feed: Feed, wish: Wish, settings: Settings, *, follow: bool) -> None:
        super().__init__(headers=sse.HEADERS)
        del self.headers["content-length"]
        self._feed, self._wish, self._settings, self._follow = feed, wish, settings, follow

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with self._feed.following(self._wish) as reader:
                gone = asyncio.create_task(_until_gone(receive, reader))
                try:
                    await self._send(reader, send)
                finally:
                    gone.cancel()
                    await asyncio.gather(gone, return_exceptions=True)
        except AgentError as error:
            await errors.answer(error)(scope, receive, send)
        except TimeoutError:
            metrics.event_reader_left("stuck")

    async def _send(self, reader: Reader, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with aclosing(self._chunks(reader)) as chunks:
            async for chunk in chunks:
                async with asyncio.timeout(WRITE_S):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _chunks(self, reader: Reader) -> AsyncGenerator[bytes]:
        yield b"retry: %d\n\n" % RETRY_MS
        if reader.skipped:
            yield b'event: replay.cut\ndata: {"replayed":%d}\n\n' % len(reader.past)
        for event in reader.past:
            yield framed(event)
        reader.past = ()
        clock = asyncio.get_running_loop().time
        end = clock() + self._settings.events_longest_s
        while self._follow and not reader.ended and (left := end - clock()) > 0:
            found = await reader.next(min(left, self._settings.events_heartbeat_s))
            if not found and not reader.ended:
                yield HEARTBEAT
            for event in found:
                if reader.ended:
                    return
                yield framed(event)


async def _until_gone(receive: Receive, reader: Reader) -> None:
    await until_gone(receive)
    reader.end()


def framed(event: Event) -> bytes:
    """In the shape of ``event_shapes.Event``, as a server-sent event. Its content is JSON already."""
    of_event = {"id": event.place.id, "conversation_id": event.conversation_id, "at": event.at, "type": event.type}
    head = orjson.dumps(of_event)[:-1]
    return b"id: %b\nevent: %b\ndata: %b,\"data\":%b}\n\n" % (
        event.place.id.encode(), event.type.encode(), head, event.content
    )  # fmt: skip


@router.get(
    "/events",
    openapi_extra=needs(Permission.FOLLOW),
    response_class=Response,
    responses=_STREAM,
)
async def follow_all(
    request: Request, last_event_id: EventId = None, since: Since = None, follow: Follow = True
) -> Response:
    """Everything that happens in the conversations of the caller's tenant, as server-sent events."""
    return _stream(request, None, last_event_id or since, follow=follow)


@router.get(
    "/conversations/{conversation_id}/events",
    openapi_extra=needs(Permission.FOLLOW),
    response_class=Response,
    responses=_STREAM,
)
async def follow_one(
    request: Request,
    conversation_id: ConversationId,
    last_event_id: EventId = None,
    since: Since = None,
    follow: Follow = True,
) -> Response:
    """What happens in one conversation, which need not have begun."""
    return _stream(request, conversation_id, last_event_id or since, follow=follow)


def _stream(request: Request, conversation_id: str | None, after: str | None, *, follow: bool) -> Response:
    caller: Caller = request.state.caller
    wish = Wish(caller.tenant, caller.key_id, conversation_id, after or None)
    return EventStream(request.app.state.feed, wish, request.app.state.agent.settings, follow=follow)


def install(app: FastAPI) -> None:
    """Puts what events carry into the OpenAPI document, which knows it from no JSON body."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        document = plain()
        schema = event_shapes.Event.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
        schemas: dict[str, Any] = document["components"]["schemas"]
        for name, shape in schema.pop("$defs").items():
            schemas.setdefault(name, shape)
        schemas["Event"] = schema
        return document

    app.openapi = described
