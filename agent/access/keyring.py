"""Which key belongs to whom. A key is looked up once in a while, not on every request."""

import asyncio
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from agent.access import counters
from agent.access.caller import Caller, Role
from agent.access.secret import Key
from agent.errors import NotAuthenticated
from agent.store.door import Door
from agent.store.keys import StoredKey, find_key

log = structlog.get_logger(__name__)

LONGEST = 10_000
"""Keys that are remembered, unknown ones too; beyond it all are forgotten and asked for again."""
NOBODY = "0" * 64
ROLES = frozenset(Role)
FIELD = "authorization"


@dataclass(frozen=True, slots=True)
class _Kept:
    """``caller`` is ``None`` when no such key exists. ``until`` by the keyring's clock."""

    caller: Caller | None
    sha256: str
    expires_at: float
    revoked_at: float | None
    until: float


class Keyring:
    """Believes what the database said about a key for ``kept_s`` seconds; within that a revocation takes effect."""

    def __init__(
        self,
        door: Door,
        kept_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        longest: int = LONGEST,
    ) -> None:
        self._longest = longest
        self._door = door
        self._kept_s = kept_s
        self._clock = clock
        self._now = wall_clock
        self._kept: dict[str, _Kept] = {}
        self._asking: dict[str, asyncio.Task[_Kept]] = {}

    def knows(self, key_id: str) -> bool:
        """Whether such a key was seen here, however long ago."""
        kept = self._kept.get(key_id)
        return kept is not None and kept.caller is not None

    async def caller_of(self, key: Key) -> Caller:
        """Raises ``NotAuthenticated``; that a key is expired or revoked is said only to who has its secret."""
        kept = self._kept.get(key.id)
        if kept is None or kept.until <= self._clock():
            kept = await self._ask(key.id)
        right = hmac.compare_digest(kept.sha256, key.sha256)
        if kept.caller is None:
            raise refused("unknown_key", "is not a key of this server")
        if not right:
            raise refused("wrong_secret", "is not a key of this server", key_id=key.id)
        if kept.revoked_at is not None:
            raise refused("revoked_key", "was revoked", key_id=key.id)
        if kept.expires_at <= self._now():
            raise refused("expired_key", "has expired", key_id=key.id)
        return kept.caller

    async def _ask(self, key_id: str) -> _Kept:
        """One question for all who want to know the same at once."""
        asking = self._asking.get(key_id)
        if asking is None:
            asking = self._asking[key_id] = asyncio.create_task(self._look_up(key_id))
            asking.add_done_callback(lambda _: self._asking.pop(key_id, None))
        return await asyncio.shield(asking)

    async def _look_up(self, key_id: str) -> _Kept:
        stored = await self._door.run(find_key, key_id)
        if len(self._kept) >= self._longest:
            self._kept.clear()
        kept = self._kept[key_id] = _kept(stored, self._clock() + self._kept_s)
        return kept


def _kept(stored: StoredKey | None, until: float) -> _Kept:
    if stored is None or stored.role not in ROLES:
        return _Kept(None, NOBODY, 0.0, None, until)
    expires_at = float("inf") if stored.expires_at is None else stored.expires_at
    caller = Caller(stored.tenant, Role(stored.role), stored.id)
    return _Kept(caller, stored.secret_sha256, expires_at, stored.revoked_at, until)


def refused(reason: str, problem: str, *, key_id: str | None = None) -> NotAuthenticated:
    """Counted by reason; logged when it concerns a key that exists."""
    counters.refusals.labels(reason).inc()
    if key_id is not None:
        log.warning("key_refused", reason=reason, key_id=key_id)
    return NotAuthenticated(problem, field=FIELD)
