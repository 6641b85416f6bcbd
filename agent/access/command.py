"""``sales-agent keys ...`` and ``sales-agent audit ...``."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent import telemetry
from agent.access.administration import Wanted, create_key, end_key
from agent.access.caller import LOCAL, Role
from agent.settings import Settings
from agent.store import audit as log
from agent.store.door import Door, open_door
from agent.store.keys import StoredKey, list_keys
from agent.store.migrate import migrate_anywhere

keys = typer.Typer(no_args_is_help=True, help="API keys: who may call, as which role, for which tenant.")
audit = typer.Typer(no_args_is_help=True, help="The audit log: who did what to whose data.")

console = Console()
errors = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)

Tenant = Annotated[str | None, typer.Option("--tenant", "-t", help="Only this tenant.")]


@keys.command()
def create(
    tenant: Annotated[str, typer.Option("--tenant", "-t", help="Whose conversations it opens.")],
    role: Annotated[Role, typer.Option("--role", "-r")],
    name: Annotated[str, typer.Option("--name", "-n", help="What it is for, so that it can be found again.")],
    expires: Annotated[float | None, typer.Option(help="Days until it ends; default never.")] = None,
) -> None:
    """Make a key and print it, this once."""

    async def run() -> None:
        async with _door() as door:
            key = await create_key(door, Wanted(tenant, role, name, expires), LOCAL, time.time())
        typer.echo(key.text)
        errors.print("Only its hash is kept: this key can't be shown again.", style="dim")

    asyncio.run(run())


@keys.command(name="list")
def list_(tenant: Tenant = None) -> None:
    """Show all keys, without their secrets."""

    async def run() -> None:
        async with _door() as door:
            found = await door.run(list_keys, tenant)
        now = time.time()
        rows = [(key.id, key.tenant, key.role, key.name, _day(key.created_at), _state(key, now)) for key in found]
        _show(("key", "tenant", "role", "name", "created", "state"), rows)

    asyncio.run(run())


@keys.command()
def revoke(key: Annotated[str, typer.Argument(help="The key's id: what stands between sa_ and the next _.")]) -> None:
    """End a key. Running servers follow within SALES_AGENT_KEY_CACHE_S."""

    async def run() -> None:
        async with _door() as door:
            ended = await end_key(door, key, LOCAL, time.time())
        console.print(f"{ended.id} of {ended.tenant} ended {_day(ended.revoked_at or 0)}", markup=False)

    asyncio.run(run())


@audit.command(name="list")
def list_deeds(
    tenant: Annotated[str, typer.Option("--tenant", "-t")] = LOCAL.tenant,
    after: Annotated[int, typer.Option(min=0, help="Only rows with a higher number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=log.BATCH)] = 100,
) -> None:
    """Show the log of a tenant, oldest first."""

    async def run() -> None:
        async with _door() as door:
            found = await door.run(log.read, tenant, after, limit)
        rows = [
            (
                str(row.number),
                _day(row.at),
                row.deed.key_id,
                row.deed.role,
                row.deed.action,
                row.deed.target,
                row.deed.outcome,
            )
            for row in found
        ]
        _show(("number", "when", "key", "role", "action", "target", "outcome"), rows)

    asyncio.run(run())


@audit.command()
def verify(tenant: Tenant = None) -> None:
    """Recompute the chain of every tenant; the status is 1 when one is broken. Keep the last hash elsewhere: the chain
    alone does not show that its newest rows were cut off."""

    async def run() -> bool:
        right = True
        async with _door() as door:
            for name in [tenant] if tenant else await door.run(log.tenants):
                found = await door.run(log.verify, name)
                if found.broken is None:
                    console.print(
                        f"{name}: {found.rows} rows right, the last {found.sha256}", markup=False, soft_wrap=True
                    )
                else:
                    right = False
                    errors.print(f"{name}: row {found.broken.number} {found.broken.problem}")
        return right

    if not asyncio.run(run()):
        raise typer.Exit(1)


@asynccontextmanager
async def _door() -> AsyncGenerator[Door]:
    settings = Settings()
    telemetry.configure(settings.log_format, "error", customer_text=settings.log_customer_text)
    await migrate_anywhere(settings.store_url)
    door = open_door(settings.store_url)
    try:
        yield door
    finally:
        await door.aclose()


def _show(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    table = Table(*columns)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def _state(key: StoredKey, now: float) -> str:
    if key.revoked_at is not None:
        return f"revoked {_day(key.revoked_at)}"
    if key.expires_at is None:
        return "valid"
    return f"{'expired' if key.expires_at <= now else 'until'} {_day(key.expires_at)}"


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")
