"""The HTTP server: ``create_app(settings)``, and ``python server.py`` to run it with settings from the environment."""

import asyncio
import gc
import sys
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI, Response
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent import __version__, metrics, telemetry
from agent.access import headers, route
from agent.access.admission import Admission
from agent.access.gate import Gate, path_of
from agent.bootstrap import build_agent
from agent.channels import (
    agui,
    conversations,
    customers,
    errors,
    events,
    langgraph_server,
    operations,
    rasa,
    reps,
    ui_chat,
)
from agent.channels.openai import routes as openai
from agent.channels.page import route as page
from agent.channels.refusal import Surface, in_words
from agent.channels.voice import relay, retell
from agent.events import Feed
from agent.housekeeping import housekeeping
from agent.life import Life
from agent.orchestrator import SalesAgent
from agent.settings import Settings
from agent.warmup import warm_up

log = structlog.get_logger(__name__)

Build = Callable[[Settings], Awaitable[SalesAgent]]
LONGEST_NUMBER = 20
SURFACES: tuple[Surface, ...] = tuple(one.SURFACE for one in (openai, ui_chat, agui, rasa, langgraph_server))
GC_THRESHOLDS = (20_000, 50, 100)
"""Collect rarely: a full collection over a warm process stalls every conversation for tens of milliseconds."""

SWITCH_INTERVAL_S = 0.0005
"""The store's thread gives the interpreter up at every statement; it gets it back within this, not Python's 5 ms."""


def create_app(settings: Settings | None = None, build: Build = build_agent) -> FastAPI:
    """The application. ``build`` makes the agent at start-up; tests hand in one with other parts."""
    settings = settings or Settings()
    life = Life(settings.drain_s, settings.lame_duck_s, settings.workers_dir)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        telemetry.configure(settings.log_format, settings.log_level, customer_text=settings.log_customer_text)
        agent = await build(settings)
        await warm_up(agent)
        admission = Admission(settings, agent.door)
        await admission.announce()
        app.state.agent = agent
        app.state.admission = admission
        app.state.life = life
        app.state.streams = life.streams
        app.state.feed = feed = Feed(agent.door, settings)
        app.state.health = operations.health_of(agent, admission)
        app.state.health.add("events", feed.state, required=False)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        metrics.started()
        with life.watching():
            log.info("ready", playbooks=sorted(agent.shops), models=settings.models or "composer")
            async with housekeeping(agent):
                yield
                await life.ended()
            await feed.aclose()
            await admission.aclose()
            await agent.aclose()

    app = FastAPI(
        title="Sales agent orchestrator",
        version=__version__,
        summary="One customer message in; a fact-locked reply, talking points and the reasons of the next best action out.",
        lifespan=lifespan,
    )
    app.include_router(conversations.router)
    app.include_router(customers.router)
    app.include_router(events.router)
    app.include_router(reps.router)
    for chat in (ui_chat.router, agui.router, rasa.router, langgraph_server.router, page.guarded, page.router):
        app.include_router(chat)
    app.include_router(openai.router)
    app.include_router(relay.router)
    app.include_router(retell.router)
    app.include_router(operations.router)
    app.include_router(operations.counted)
    errors.install(app)
    events.install(app)
    route.install(app)
    app.add_middleware(Gate, answer=errors.answer)
    app.add_middleware(Front, life=life, longest_body=settings.longest_body)
    headers.install(app, settings)
    return app


class Front:
    """In front of the gate: a request id in every answer and log line, a bound on the body before anything reads it, and no
    new work for a process that is about to end."""

    def __init__(self, app: ASGIApp, life: Life, longest_body: int) -> None:
        self._app = app
        self._life = life
        self._longest = longest_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"])
        request_id = _request_id(given.get(b"x-request-id", b""))
        scope["request_id"] = request_id
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
            return

        begun = False

        async def tagged(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
                if self._life.leaving:
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        if self._life.refuses(scope["method"]):
            await errors.draining()(scope, receive, tagged)
            return
        with telemetry.correlated(request_id=request_id), self._life.request(scope["method"]):
            path = path_of(scope)
            surface = next((one for one in SURFACES if one.has(path)), None)
            longest = max(self._longest, surface.longest_body if surface and path in surface.paths else 0)
            try:
                body = await self._read(given.get(b"content-length", b""), receive, longest)
            except ClientDisconnect:
                return
            if body is None:
                await _too_large(surface, longest)(scope, receive, tagged)
                return
            try:
                await self._app(scope, _replay(body, receive), tagged)
            except asyncio.CancelledError:
                if not self._life.cut:
                    raise
                if begun:
                    await send({"type": "http.response.body"})
                else:
                    await errors.draining()(scope, receive, tagged)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._life.closing.is_set():
            await errors.draining()(scope, receive, send)
            return
        with telemetry.correlated(request_id=scope["request_id"]), self._life.socket():
            await self._app(scope, receive, send)

    async def _read(self, announced: bytes, receive: Receive, longest: int) -> bytes | None:
        """The whole body, or ``None`` as soon as it is longer than allowed. Raises ``ClientDisconnect`` for half of one."""
        if announced.isdigit() and int(announced[:LONGEST_NUMBER]) > longest:
            return None
        body = b""
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                raise ClientDisconnect
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > longest:
                return None
        return body


def _too_large(surface: Surface | None, longest: int) -> Response:
    plain = errors.field_refused(413, "body_too_large", "body", f"has more than {longest} bytes")
    return in_words(plain, surface.show) if surface and surface.show else plain


def _replay(body: bytes, receive: Receive) -> Receive:
    """A ``receive`` that gives ``body`` once, and then whatever the connection says (a disconnect)."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _request_id(given: bytes) -> str:
    """The caller's id when it is harmless, else a new one."""
    text = given.decode("ascii", "ignore")
    return text if 0 < len(text) <= 80 and text.replace("-", "").replace("_", "").isalnum() else uuid.uuid4().hex


def main() -> None:
    from agent.cli import serve

    serve()


if __name__ == "__main__":
    main()
