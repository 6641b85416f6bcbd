"""The audit log: a chain that shows what was changed, on SQLite and on PostgreSQL, with many writers at once."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from agent.store import audit
from agent.store.door import Door, open_door
from tests.agent.access.doors import opened

NOW = 1_000_000.25


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_url")
    return f"sqlite:///{tmp_path / 'store.sqlite3'}"


@pytest.fixture
async def door(url: str) -> AsyncIterator[Door]:
    async with opened(url) as door:
        yield door


@pytest.fixture
def tenant() -> str:
    return f"t-{uuid.uuid4().hex}"


def deed(tenant: str, target: str = "call-17", outcome: str = "done") -> audit.Deed:
    return audit.Deed(tenant, "k1", "admin", audit.Action.LEDGER_READ, target, outcome)


async def written(door: Door, tenant: str, count: int) -> list[audit.Row]:
    return [await door.run(audit.append, deed(tenant, f"call-{number}/ñ"), NOW + number / 7) for number in range(count)]


def unlocked(connection: Connection, statements: Sequence[str], values: dict[str, object]) -> None:
    """What somebody may do who owns the database: takes the triggers away, then changes what he likes."""
    if connection.dialect.name == "postgresql":
        around = ["alter table audit disable trigger user"], ["alter table audit enable trigger user"]
    else:
        verbs = ("update", "delete")
        made = [
            f"create trigger audit_no_{verb} before {verb} on audit "
            "begin select raise(abort, 'audit is append-only'); end"
            for verb in verbs
        ]
        around = [f"drop trigger audit_no_{verb}" for verb in verbs], made
    for statement in (*around[0], *statements, *around[1]):
        connection.execute(text(statement), values if statement in statements else {})


async def test_what_is_written_is_read_back_and_right(door: Door, tenant: str) -> None:
    rows = await written(door, tenant, 5)
    assert await door.run(audit.read, tenant) == rows
    assert await door.run(audit.read, tenant, 2, 2) == rows[2:4]
    assert [row.number for row in rows] == [1, 2, 3, 4, 5]
    assert len({row.sha256 for row in rows}) == 5
    assert await door.run(audit.verify, tenant) == audit.Verified(5, rows[-1].sha256, None)
    assert tenant in await door.run(audit.tenants)


async def test_a_log_longer_than_one_batch_is_right(door: Door, tenant: str) -> None:
    def many(connection: Connection) -> None:
        for number in range(audit.BATCH + 3):
            audit.append(connection, deed(tenant, str(number)), NOW)

    await door.run(many)
    assert (await door.run(audit.verify, tenant)).rows == audit.BATCH + 3


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        ("update audit set target = 'call-99' where tenant = :tenant and number = 3", 3),
        ("update audit set at = at + 0.001 where tenant = :tenant and number = 1", 1),
        ("update audit set key_id = 'k2' where tenant = :tenant and number = 5", 5),
        ("update audit set role = 'rep' where tenant = :tenant and number = 2", 2),
        ("update audit set action = 'key_created' where tenant = :tenant and number = 2", 2),
        ("update audit set outcome = 'denied' where tenant = :tenant and number = 4", 4),
        ("update audit set sha256 = :zeros where tenant = :tenant and number = 2", 2),
        ("delete from audit where tenant = :tenant and number = 2", 2),
        ("delete from audit where tenant = :tenant and number = 1", 1),
        (
            "insert into audit select tenant, 6, at, key_id, role, action, target, outcome, sha256 from audit "
            "where tenant = :tenant and number = 5",
            6,
        ),
    ],
)
async def test_the_first_row_that_was_changed_is_found(door: Door, tenant: str, statement: str, number: int) -> None:
    rows = await written(door, tenant, 5)
    values: dict[str, object] = {"tenant": tenant}
    if ":zeros" in statement:
        values["zeros"] = audit.START
    await door.run(unlocked, [statement], values)
    found = await door.run(audit.verify, tenant)
    assert found.broken is not None
    assert found.broken.number == number
    assert (found.rows, found.sha256) == (number - 1, rows[number - 2].sha256 if number > 1 else audit.START)


async def test_a_row_that_was_forged_with_its_hash_breaks_the_one_after_it(door: Door, tenant: str) -> None:
    rows = await written(door, tenant, 4)
    forged = replace(rows[1].deed, key_id="somebody")
    fresh = audit._hash(2, rows[1].at, forged, rows[0].sha256)
    change = "update audit set key_id = 'somebody', sha256 = :fresh where tenant = :tenant and number = 2"
    await door.run(unlocked, [change], {"tenant": tenant, "fresh": fresh})
    assert await door.run(audit.verify, tenant) == audit.Verified(
        2, fresh, audit.Broken(3, "is not what was written, or not after row 2")
    )


async def test_a_row_of_another_tenant_does_not_fit(door: Door, tenant: str) -> None:
    other = f"{tenant}-other"
    await written(door, other, 2)
    await written(door, tenant, 1)
    copied = "insert into audit select :tenant, number, at, key_id, role, action, target, outcome, sha256 from audit "
    await door.run(unlocked, [f"{copied} where tenant = :other and number = 2"], {"tenant": tenant, "other": other})
    assert (await door.run(audit.verify, tenant)).broken == audit.Broken(
        2, "is not what was written, or not after row 1"
    )
    assert (await door.run(audit.verify, other)).broken is None


@pytest.mark.parametrize(
    "statement",
    ["update audit set outcome = 'x' where tenant = :tenant", "delete from audit where tenant = :tenant"],
)
async def test_the_database_itself_refuses_to_change_the_log(door: Door, tenant: str, statement: str) -> None:
    await written(door, tenant, 1)
    with pytest.raises(DBAPIError, match="append-only"):
        await door.run(lambda connection: connection.execute(text(statement), {"tenant": tenant}))
    assert (await door.run(audit.verify, tenant)).rows == 1


async def test_many_writers_at_once_make_one_chain_a_tenant(url: str, door: Door, tenant: str) -> None:
    names = [f"{tenant}-{number}" for number in range(3)]
    async with AsyncExitStack() as stack:
        doors = [open_door(url) for _ in range(3)]
        for each in doors:
            stack.push_async_callback(each.aclose)
        work = [each.run(audit.append, deed(name), NOW) for _ in range(20) for each in doors for name in names]
        rows = await asyncio.gather(*work)
    for name in names:
        assert sorted(row.number for row in rows if row.deed.tenant == name) == list(range(1, 61))
        assert (await door.run(audit.verify, name)).rows == 60


async def test_a_deed_that_is_rolled_back_leaves_no_gap(door: Door, tenant: str) -> None:
    def fails(connection: Connection) -> None:
        audit.append(connection, deed(tenant), NOW)
        raise RuntimeError("after all not")

    await written(door, tenant, 1)
    with pytest.raises(RuntimeError, match="after all not"):
        await door.run(fails)
    await written(door, tenant, 1)
    assert await door.run(audit.verify, tenant) == audit.Verified(
        2, (await door.run(audit.read, tenant))[-1].sha256, None
    )


async def test_a_target_that_is_too_long_is_cut(door: Door, tenant: str) -> None:
    row = await door.run(audit.append, deed(tenant, "a" * 400), NOW)
    assert row.deed.target == "a" * 299 + "…"
    assert (await door.run(audit.verify, tenant)).rows == 1
