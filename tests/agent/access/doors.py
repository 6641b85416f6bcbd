"""A migrated store of its own, and keys in it."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agent.access.administration import Wanted, create_key, end_key
from agent.access.caller import LOCAL, Role
from agent.access.secret import Key
from agent.settings import Settings
from agent.store.door import Door, open_door
from agent.store.migrate import migrate_anywhere


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Door]:
    await migrate_anywhere(url)
    door = open_door(url)
    try:
        yield door
    finally:
        await door.aclose()


async def made(settings: Settings, role: Role, tenant: str = "acme", *, ago_s: float = 0, days: float = 30) -> Key:
    """A key that was made ``ago_s`` seconds ago for so many days."""
    async with opened(settings.store_url) as door:
        return await create_key(door, Wanted(tenant, role, f"a {role} key", days), LOCAL, time.time() - ago_s)


async def revoked(settings: Settings, key: Key) -> None:
    async with opened(settings.store_url) as door:
        await end_key(door, key.id, LOCAL, time.time())


def bearer(key: Key | str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key if isinstance(key, str) else key.text}"}
