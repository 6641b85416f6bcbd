"""The HTTP server: ``create_app(settings)``, and ``python server.py`` to run it with settings from the environment."""

import asyncio
import gc
import sys
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent import __version__, telemetry
from agent.access import headers, route
from agent.access.admission import Admission
from agent.access.gate import Gate
from agent.bootstrap import build_agent
from agent.channels import conversations, customers, errors
from agent.errors import StoreUnavailable
from agent.housekeeping import housekeeping
from agent.orchestrator import SalesAgent
from agent.settings import Settings

log = structlog.get_logger(__name__)

Build = Callable[[Settings], Awaitable[SalesAgent]]
LONGEST_NUMBER = 20
GC_THRESHOLDS = (20_000, 50, 100)
"""Collect rarely: a full collection over a warm process stalls every conversation for tens of milliseconds."""

SWITCH_INTERVAL_S = 0.0005
"""The store's thread gives the interpreter up at every statement; it gets it back within this, not Python's 5 ms."""


def create_app(settings: Settings | None = None, build: Build = build_agent) -> FastAPI:
    """The application. ``build`` makes the agent at start-up; tests hand in one with other parts."""
    settings = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        telemetry.configure(settings.log_format, settings.log_level, customer_text=settings.log_customer_text)
        app.state.agent = await build(settings)
        app.state.admission = Admission(settings, app.state.agent.door)
        await app.state.admission.announce()
        streams: set[asyncio.Task[bytes]] = set()
        app.state.streams = streams
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        log.info("ready", playbooks=sorted(app.state.agent.shops), models=settings.models or "composer")
        async with housekeeping(app.state.agent):
            yield
        await asyncio.gather(*streams, return_exceptions=True)
        await app.state.admission.aclose()
        await app.state.agent.aclose()

    app = FastAPI(
        title="Sales agent orchestrator",
        version=__version__,
        summary="One customer message in; a fact-locked reply, talking points and the reasons of the next best action out.",
        lifespan=lifespan,
    )
    app.include_router(conversations.router)
    app.include_router(customers.router)
    app.add_api_route("/livez", _livez, tags=["operations"], summary="The process answers")
    app.add_api_route("/readyz", _readyz, tags=["operations"], summary="The database answers, too")
    errors.install(app)
    route.install(app)
    app.add_middleware(Gate, answer=errors.answer)
    app.add_middleware(Front, longest_body=settings.longest_body)
    headers.install(app, settings)
    return app


async def _livez() -> dict[str, str]:
    return {"status": "alive"}


async def _readyz(request: Request, response: Response) -> dict[str, str]:
    try:
        await request.app.state.agent.ready()
    except StoreUnavailable as error:
        response.status_code = 503
        return {"status": "not ready", "store": str(error)}
    return {"status": "ready", "store": "ok"}


class Front:
    """In front of the gate: a request id in every answer and log line, and a bound on the body before anything reads it."""

    def __init__(self, app: ASGIApp, longest_body: int) -> None:
        self._app = app
        self._longest = longest_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"])
        request_id = _request_id(given.get(b"x-request-id", b""))
        scope["request_id"] = request_id

        async def tagged(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        with telemetry.correlated(request_id=request_id):
            try:
                body = await self._read(given.get(b"content-length", b""), receive)
            except ClientDisconnect:
                return
            if body is None:
                problem = f"has more than {self._longest} bytes"
                await errors.field_refused(413, "body_too_large", "body", problem)(scope, receive, tagged)
                return
            await self._app(scope, _replay(body, receive), tagged)

    async def _read(self, announced: bytes, receive: Receive) -> bytes | None:
        """The whole body, or ``None`` as soon as it is longer than allowed. Raises ``ClientDisconnect`` for half of one."""
        if announced.isdigit() and int(announced[:LONGEST_NUMBER]) > self._longest:
            return None
        body = b""
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                raise ClientDisconnect
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self._longest:
                return None
        return body


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
