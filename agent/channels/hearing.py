"""Whether whoever asked still listens: a closed connection is a customer who talks over the agent, or is gone."""

import asyncio
from typing import Any

import structlog
from starlette.types import Receive

from agent.channels.exchange import Exchange

log = structlog.get_logger(__name__)


async def until_gone(receive: Receive) -> None:
    """Returns when the client has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def hang_up(exchange: Exchange) -> None:
    """For a task that nobody waits for: what fails is logged."""
    try:
        await exchange.hang_up()
    except Exception as error:
        log.error("hang_up_failed", error=type(error).__name__, exc_info=error)


class Hearing:
    """Begins at once, and hangs the exchange up as soon as the connection closes. ``over`` ends it, when all is sent; after a
    failure nobody has to: the connection closes then, and a turn that has failed is not hung up twice."""

    def __init__(self, exchange: Exchange, receive: Receive, running: "set[asyncio.Task[Any]]") -> None:
        self._gone = False
        self._ear = asyncio.create_task(self._listen(exchange, receive))
        running.add(self._ear)
        self._ear.add_done_callback(running.discard)

    def over(self) -> None:
        if not self._gone:
            self._ear.cancel()

    async def _listen(self, exchange: Exchange, receive: Receive) -> None:
        await until_gone(receive)
        self._gone = True
        await hang_up(exchange)
