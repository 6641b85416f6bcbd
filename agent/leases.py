"""Keeps the leases of what waits or runs in this process alive; when the process dies, they end by themselves."""

import asyncio
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

import structlog

from agent.store import turns
from agent.store.door import Door

log = structlog.get_logger(__name__)

RENEWALS = 4
"""How often within one lease it is renewed: two may fail."""


class Leases:
    """A turn that is answered within a quarter of ``seconds`` costs the store nothing here."""

    def __init__(self, door: Door, seconds: float, now: Callable[[], float] = time.time) -> None:
        self._door = door
        self._seconds = seconds
        self._now = now
        self._held: dict[str, float] = {}
        self._renewing: asyncio.Task[None] | None = None

    @contextmanager
    def holding(self, owner: str) -> Generator[None]:
        """``owner``'s leases are renewed until the block ends."""
        self._held[owner] = self._now()
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._renew())
        try:
            yield
        finally:
            del self._held[owner]

    def lease(self, owner: str) -> turns.Lease:
        """A fresh lease for a step in the store."""
        now = self._now()
        self._held[owner] = now
        return turns.Lease(owner, now, self._seconds)

    async def _renew(self) -> None:
        """Ends when nothing was held for a whole round, so that an idle process has no task left."""
        pause = self._seconds / RENEWALS
        while self._held:
            await asyncio.sleep(pause)
            now = self._now()
            old = [owner for owner, since in self._held.items() if now - since >= pause / 2]
            if not old:
                continue
            try:
                await self._door.run(turns.renew, old, now + self._seconds)
            except Exception as error:  # noqa: BLE001 -- whatever it is, the other leases must not end with it
                log.warning("leases_not_renewed", count=len(old), error=type(error).__name__)

    async def aclose(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
