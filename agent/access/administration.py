"""Keys made and ended, each in one transaction with its row in the audit log."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from agent.access.caller import Caller, Role
from agent.access.secret import Key, new_key
from agent.errors import InvalidInput
from agent.store import audit
from agent.store.door import Door
from agent.store.keys import StoredKey, add_key, revoke_key

DAY_S = 86_400
LONGEST_NAME = 200
_TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A key to be made. ``days`` until it expires; ``None``: never."""

    tenant: str
    role: Role
    name: str
    days: float | None = None


async def create_key(
    door: Door, wanted: Wanted, by: Caller, now: float, entropy: Callable[[int], bytes] = secrets.token_bytes
) -> Key:
    """The new key; its secret is nowhere else, so it can be shown only now. Raises ``InvalidInput``."""
    if not _TENANT.fullmatch(wanted.tenant):
        raise InvalidInput("must be small letters, digits, - and _, at most 64", field="tenant")
    if not 0 < len(wanted.name.strip()) <= LONGEST_NAME or not wanted.name.isprintable():
        raise InvalidInput(f"must be 1 to {LONGEST_NAME} printable characters", field="name")
    if wanted.days is not None and not 0 < wanted.days <= 36_500:
        raise InvalidInput("must be more than 0 days and at most 36500", field="expires")
    key = new_key(entropy)
    stored = StoredKey(
        id=key.id,
        tenant=wanted.tenant,
        role=wanted.role.value,
        name=wanted.name,
        secret_sha256=key.sha256,
        created_at=now,
        expires_at=None if wanted.days is None else now + wanted.days * DAY_S,
    )
    await door.run(_create, stored, by, now)
    return key


async def end_key(door: Door, key_id: str, by: Caller, now: float) -> StoredKey:
    """Revokes the key; servers that know it believe it for ``Settings.key_cache_s`` at most. Raises ``UnknownKey``."""
    return await door.run(_revoke, key_id, by, now)


def _create(connection: Connection, key: StoredKey, by: Caller, now: float) -> None:
    add_key(connection, key)
    _record(connection, key, by, audit.Action.KEY_CREATED, key.role, now)


def _revoke(connection: Connection, key_id: str, by: Caller, now: float) -> StoredKey:
    key = revoke_key(connection, key_id, now)
    _record(connection, key, by, audit.Action.KEY_REVOKED, "done", now)
    return key


def _record(connection: Connection, key: StoredKey, by: Caller, action: audit.Action, outcome: str, now: float) -> None:
    audit.append(connection, audit.Deed(key.tenant, by.key_id, by.role, action, key.id, outcome), now)
