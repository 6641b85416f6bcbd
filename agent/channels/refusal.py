"""Errors in the words of the client that asked: routes of a surface answer a refusal in that surface's own shape."""

from collections.abc import Callable
from dataclasses import dataclass

import orjson
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from agent.access.route import Guarded, Handler
from agent.channels import errors
from agent.errors import AgentError, NotAllowed


@dataclass(frozen=True, slots=True)
class Refusal:
    """``kind`` as in the product's own API, ``field`` the first that is wrong, if any."""

    status: int
    kind: str
    message: str
    field: str | None


Show = Callable[[Refusal], Response]
WITH_HISTORY = 500_000
"""Bytes of a body that carries the whole conversation, and whatever else the platform knows of it."""


@dataclass(frozen=True, slots=True)
class Surface:
    """A way to talk in a client's own words. ``paths``: what its addresses begin with. ``show`` puts a refusal into an answer;
    ``None`` where the product's own answer has the right shape. ``longest_body``: bytes that just these paths take anyway."""

    paths: tuple[str, ...]
    show: Show | None = None
    longest_body: int = 0

    def has(self, path: str) -> bool:
        return any(path == begin or path.startswith(f"{begin}/") for begin in self.paths)


def refusing(show: Show) -> type[Guarded]:
    """A kind of route whose refusals ``show`` puts into an answer. That a key may not do this is told as everywhere."""

    class Refusing(Guarded):
        def get_route_handler(self) -> Handler:
            handler = super().get_route_handler()

            async def shown(request: Request) -> Response:
                try:
                    return await handler(request)
                except NotAllowed:
                    raise
                except (AgentError, RequestValidationError, HTTPException) as error:
                    return await told(request, error, show)

            return shown

    return Refusing


async def told(request: Request, error: AgentError | RequestValidationError | HTTPException, show: Show) -> Response:
    return in_words(await errors.refused(request, error), show)


def in_words(plain: Response, show: Show) -> Response:
    """The product's own answer, ``plain``, as ``show`` tells it."""
    content = orjson.loads(plain.body)
    field = content["problems"][0]["field"] if content["problems"] else None
    answer = show(Refusal(plain.status_code, content["type"], content["message"], field))
    for name in ("retry-after", "www-authenticate", "allow"):
        if name in plain.headers:
            answer.headers[name] = plain.headers[name]
    return answer
