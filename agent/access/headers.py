"""What a browser is told about every answer, and which pages may call from one."""

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent.access.gate import PAGES, Headers, path_of
from agent.settings import Settings

ALWAYS: Headers = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
API: Headers = [*ALWAYS, (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")]
PAGE: Headers = [*ALWAYS, (b"content-security-policy", b"frame-ancestors 'none'")]
"""The documentation loads its scripts from elsewhere; the chat page brings a policy of its own."""
POLICY = b"content-security-policy"
NOT_KEPT = (b"cache-control", b"no-store")
MAY_BE_READ = ("Retry-After", "X-Request-ID", "RateLimit", "RateLimit-Policy", "X-RateLimit-Limit")
MAY_BE_SENT = (
    *("Authorization", "X-API-Key", "Content-Type", "Idempotency-Key", "X-Request-ID", "Last-Event-ID"),
    "X-Conversation-Id",
)


def install(app: FastAPI, settings: Settings) -> None:
    """Outermost of the middleware, so that refusals have these headers, too."""
    if settings.cors_origins:
        origins = [origin.strip() for origin in settings.cors_origins.split(",")]
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=("GET", "POST", "DELETE"),
            allow_headers=MAY_BE_SENT,
            expose_headers=MAY_BE_READ,
        )
    app.add_middleware(SecurityHeaders, hsts_s=settings.hsts_s)


class SecurityHeaders:
    """They stand on the scope as well, for the answer to an unexpected error, which is made outside of here."""

    def __init__(self, app: ASGIApp, hsts_s: int) -> None:
        self._app = app
        hsts = [(b"strict-transport-security", b"max-age=%d" % hsts_s)] if hsts_s else []
        self._api = [*API, *hsts]
        self._page = [*PAGE, *hsts]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        extra = scope["security_headers"] = self._page if path_of(scope) in PAGES else self._api

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                given: Headers = message["headers"]
                names = {name for name, _ in given}
                kept = () if NOT_KEPT[0] in names else (NOT_KEPT,)
                ours = [header for header in extra if header[0] != POLICY or POLICY not in names]
                message["headers"] = [*given, *ours, *kept]
            await send(message)

        await self._app(scope, receive, protected)
