"""The same count for all processes and machines, in Valkey (or Redis); in this process while Valkey is away.

One trip a request: the script drops what is past, counts, adds. The library ``limits`` needs two for the same answer.
"""

import asyncio
import time
from collections.abc import Callable
from typing import cast

import structlog
from valkey.asyncio import Valkey
from valkey.exceptions import ValkeyError

from agent.access import counters
from agent.access.limit import Limit, MemoryWindow, Spent
from agent.errors import InvalidInput

log = structlog.get_logger(__name__)

PATIENCE_S = 0.08
"""How long a request waits for Valkey before it is counted here."""
LATE_IN_A_ROW = 3
"""So many late answers mean that Valkey is away; fewer, that this process was busy."""
RETRY_S, RETRY_PATIENCE_S = 0.5, 1.0
PREFIX = "sales-agent:rate:"

SCRIPT = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local amount, window = tonumber(ARGV[1]), ARGV[2] * 1000000
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - window))
local count = redis.call('ZCARD', KEYS[1])
local allowed = count < amount
if allowed then
    local stamp = string.format('%.0f', now)
    redis.call('ZADD', KEYS[1], stamp, stamp .. '-' .. count)
    redis.call('PEXPIRE', KEYS[1], ARGV[2] * 1000)
    count = count + 1
end
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
return {allowed and 1 or 0, count, oldest[2] + window - now}
"""


class SharedWindow:
    """Never fails and never waits longer than ``PATIENCE_S``: what Valkey does not answer is counted in memory, each
    process for itself, until Valkey takes a write again."""

    def __init__(self, url: str, limit: Limit, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._here = MemoryWindow(limit, clock=clock)
        try:
            self._client = Valkey.from_url(url, socket_connect_timeout=RETRY_PATIENCE_S)
        except ValueError:
            raise InvalidInput("is not the URL of a Valkey server", field="valkey_url") from None
        self._script = self._client.register_script(SCRIPT)
        self._returning: asyncio.Task[None] | None = None
        self._late = 0

    @property
    def available(self) -> bool:
        return self._returning is None

    async def hit(self, name: str) -> Spent:
        if self._returning is None:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    spent = await self._count(name)
                self._late = 0
                return spent
            except TimeoutError as error:
                self._late += 1
                counters.late_answers.inc()
                if self._late >= LATE_IN_A_ROW:
                    self._lost(error)
            except (ValkeyError, OSError) as error:
                self._lost(error)
        return self._here.hit(name)

    async def ping(self) -> None:
        """Raises what the client raises when Valkey does not answer."""
        await self._client.ping()  # pyright: ignore[reportUnknownMemberType, reportGeneralTypeIssues]

    async def aclose(self) -> None:
        if self._returning is not None:
            self._returning.cancel()
            await asyncio.gather(self._returning, return_exceptions=True)
        await self._client.aclose()

    async def _count(self, name: str) -> Spent:
        arguments = [self.limit.amount, self.limit.window_s]
        answer = cast(tuple[int, int, int], await self._script(keys=[PREFIX + name], args=arguments))
        allowed, count, wait_us = answer
        return Spent(self.limit, bool(allowed), self.limit.amount - count, wait_us / 1_000_000)

    def _lost(self, error: Exception) -> None:
        if self._returning is not None:
            return
        self._returning = asyncio.create_task(self._wait_for_its_return())
        counters.store_changes.labels("memory").inc()
        log.warning("rate_limit_in_memory", error=type(error).__name__)

    async def _wait_for_its_return(self) -> None:
        back = False
        while not back:
            await asyncio.sleep(RETRY_S)
            try:
                async with asyncio.timeout(RETRY_PATIENCE_S):
                    await self._count("probe")
                back = True
            except (ValkeyError, OSError, TimeoutError):
                continue
        self._returning = None
        self._late = 0
        counters.store_changes.labels("valkey").inc()
        log.info("rate_limit_in_valkey")
