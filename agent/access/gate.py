"""The gate in front of every route, WebSockets too: puts the caller on ``request.state.caller`` or answers 401 or 429 itself."""

from collections.abc import Callable

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent.access import counters
from agent.access.admission import Admission
from agent.access.limit import Limit, Spent
from agent.errors import AgentError, RateLimited

PAGES = frozenset({"/docs", "/docs/oauth2-redirect", "/redoc"})
OPEN = PAGES | {"/", "/livez", "/readyz", "/openapi.json"}
"""Paths that anybody may read, as often as he likes."""

Headers = list[tuple[bytes, bytes]]


class Gate:
    """``answer`` makes the response for an error. What a role may do is the route's question, not asked here."""

    def __init__(self, app: ASGIApp, answer: Callable[[AgentError], Response]) -> None:
        self._app = app
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or path_of(scope) in OPEN:
            await self._app(scope, receive, send)
            return
        admission: Admission = scope["app"].state.admission
        try:
            admitted = await admission.admit(scope)
        except AgentError as error:
            await self._answer(error)(scope, receive, send)
            return
        scope.setdefault("state", {})["caller"] = admitted.caller
        spent = admitted.spent
        if spent is None:
            await self._app(scope, receive, send)
            return

        extra = limit_headers(spent)

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        if spent.allowed:
            await self._app(scope, receive, counted)
        else:
            await self._answer(_too_many(spent))(scope, receive, counted)


def _too_many(spent: Spent) -> RateLimited:
    counters.refusals.labels("rate_limited").inc()
    seconds = spent.whole_seconds
    problem = f"more than {spent.limit.amount} requests in {spent.limit.window_s} s; one more in {seconds} s"
    return RateLimited(problem, retry_after_s=seconds)


def path_of(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def limit_headers(spent: Spent) -> Headers:
    """``RateLimit`` as the IETF draft has it, and the ``X-`` names that clients know. ``t`` and ``-Reset`` are seconds
    from now until one more request is free again."""
    amount, policy = _fixed(spent.limit)
    left, seconds = b"%d" % spent.remaining, b"%d" % spent.whole_seconds
    return [
        (b"ratelimit-policy", policy),
        (b"ratelimit", b'"default";r=%b;t=%b' % (left, seconds)),
        (b"x-ratelimit-limit", amount),
        (b"x-ratelimit-remaining", left),
        (b"x-ratelimit-reset", seconds),
    ]


def _fixed(limit: Limit) -> tuple[bytes, bytes]:
    return b"%d" % limit.amount, b'"default";q=%d;w=%d' % (limit.amount, limit.window_s)
