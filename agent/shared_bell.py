"""The bell across processes: whoever has written events says so through Valkey (or Redis), and the others look at once.

Nothing depends on it. While Valkey is away, and where there is none, readers look by themselves (``agent.events``).
"""

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from valkey.asyncio import Valkey
from valkey.asyncio.client import PubSub
from valkey.exceptions import ValkeyError

from agent import metrics
from agent.errors import InvalidInput

log = structlog.get_logger(__name__)

CHANNEL = "sales-agent:events"
PATIENCE_S, SILENCE_S, RETRY_S = 1.0, 1.0, 0.5
_AWAY = (ValkeyError, OSError, TimeoutError)


class SharedBell:
    """``heard`` is called with a tenant when another process rings, and with ``None`` when some may have been missed."""

    def __init__(self, url: str, heard: Callable[[str | None], None]) -> None:
        try:
            self._client = Valkey.from_url(url, socket_connect_timeout=PATIENCE_S)
        except ValueError:
            raise InvalidInput("is not the URL of a Valkey server", field="valkey_url") from None
        self._heard = heard
        self._me = uuid.uuid4().hex
        self._to_tell: set[str] = set()
        self._told = asyncio.Event()
        self.available = False
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._tell())]

    def ring(self, tenant: str) -> None:
        """Tells the other processes, soon. Many rings of a moment are one."""
        self._to_tell.add(tenant)
        self._told.set()

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()

    async def _tell(self) -> None:
        while True:
            await self._told.wait()
            self._told.clear()
            tenants, self._to_tell = self._to_tell, set()
            try:
                async with asyncio.timeout(PATIENCE_S):
                    for tenant in tenants if self.available else ():
                        await self._client.publish(CHANNEL, f"{self._me} {tenant}")  # pyright: ignore[reportUnknownMemberType]
            except _AWAY as error:
                log.debug("events_not_rung", error=type(error).__name__)

    async def _listen(self) -> None:
        while True:
            channel: PubSub = self._client.pubsub()  # pyright: ignore[reportUnknownMemberType]
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await channel.subscribe(CHANNEL)  # pyright: ignore[reportUnknownMemberType]
                await self._hear(channel)
            except _AWAY as error:
                self._changed(available=False, why=type(error).__name__)
            finally:
                await channel.aclose()
            await asyncio.sleep(RETRY_S)

    async def _hear(self, channel: PubSub) -> None:
        """Returns never. Raises when Valkey says nothing, not even when it is asked."""
        asked = False
        while True:
            message: dict[str, Any] | None = await channel.get_message(timeout=SILENCE_S)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            if message is None:
                if asked:
                    raise TimeoutError("no answer to a ping")
                asked = True
                async with asyncio.timeout(PATIENCE_S):
                    await channel.ping()  # pyright: ignore[reportUnknownMemberType]
                continue
            asked = False
            self._changed(available=True)
            if message["type"] == "message":
                sender, _, tenant = bytes(message["data"]).decode(errors="replace").partition(" ")  # pyright: ignore[reportUnknownArgumentType]
                if sender != self._me:
                    self._heard(tenant)

    def _changed(self, *, available: bool, why: str | None = None) -> None:
        if self.available == available:
            return
        self.available = available
        metrics.events_woken_by("valkey" if available else "polling")
        if available:
            log.info("events_by_valkey")
            self._heard(None)
        else:
            log.warning("events_by_polling", error=why)
