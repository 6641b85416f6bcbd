"""API keys as rows. The secret itself is never here, only its SHA-256."""

from dataclasses import dataclass, fields

from sqlalchemy import Connection, insert, select, update

from agent.errors import UnknownKey
from agent.store.tables import api_keys


@dataclass(frozen=True, slots=True)
class StoredKey:
    """Times in seconds since 1970."""

    id: str
    tenant: str
    role: str
    name: str
    secret_sha256: str
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None


_COLUMNS = [api_keys.c[field.name] for field in fields(StoredKey)]
_ALL = select(*_COLUMNS).order_by(api_keys.c.tenant, api_keys.c.created_at, api_keys.c.id)


def add_key(connection: Connection, key: StoredKey) -> None:
    connection.execute(insert(api_keys), {field.name: getattr(key, field.name) for field in fields(key)})


def find_key(connection: Connection, key_id: str) -> StoredKey | None:
    row = connection.execute(select(*_COLUMNS).where(api_keys.c.id == key_id)).one_or_none()
    return None if row is None else StoredKey(*row)


def list_keys(connection: Connection, tenant: str | None = None) -> list[StoredKey]:
    """All keys, revoked and expired ones too; of one tenant when it is named."""
    query = _ALL if tenant is None else _ALL.where(api_keys.c.tenant == tenant)
    return [StoredKey(*row) for row in connection.execute(query)]


def revoke_key(connection: Connection, key_id: str, now: float) -> StoredKey:
    """Ends the key; the time of the first revocation stays. Raises ``UnknownKey``."""
    connection.execute(
        update(api_keys).where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None)).values(revoked_at=now)
    )
    key = find_key(connection, key_id)
    if key is None:
        raise UnknownKey(f"no key {key_id!r}", field="key")
    return key
