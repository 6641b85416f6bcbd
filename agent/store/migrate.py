"""Brings a database to the newest schema, once, whoever starts first."""

import asyncio
import fcntl
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from agent.store.door import asyncpg_url, sqlite_engine

SCRIPTS = Path(__file__).parent / "migrations"
_ADVISORY_LOCK = 7_303_201


def migrate(url: str) -> None:
    """Upgrades to the newest revision. Other processes that start at the same time wait until it is done."""
    if make_url(url).get_backend_name() == "sqlite":
        _migrate_sqlite(url)
    else:
        asyncio.run(migrate_postgres(url))


async def migrate_anywhere(url: str) -> None:
    """``migrate`` for callers that run in an event loop."""
    if make_url(url).get_backend_name() == "sqlite":
        await asyncio.to_thread(_migrate_sqlite, url)
    else:
        await migrate_postgres(url)


def _migrate_sqlite(url: str) -> None:
    engine = sqlite_engine(url)
    database = make_url(url).database
    try:
        if not database or database == ":memory:":
            raise ValueError("an in-memory database would forget every conversation; name a file")
        with Path(f"{database}.migrating").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with engine.begin() as connection:
                upgrade(connection)
    finally:
        engine.dispose()


async def migrate_postgres(url: str) -> None:
    engine = create_async_engine(asyncpg_url(url))
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"select pg_advisory_xact_lock({_ADVISORY_LOCK})"))
            await connection.run_sync(upgrade)
    finally:
        await engine.dispose()


def upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
