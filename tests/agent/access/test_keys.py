"""Keys: made once, kept as a hash, believed for a while, ended."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from agent.access.administration import DAY_S, Wanted, create_key, end_key
from agent.access.caller import LOCAL, PERMISSIONS, Caller, Permission, Role
from agent.access.keyring import Keyring
from agent.access.secret import Key, new_key, read_key
from agent.errors import InvalidInput, NotAuthenticated, StoreUnavailable, UnknownKey
from agent.store import audit
from agent.store.door import Door, Given, Result, Work
from agent.store.keys import list_keys
from tests.agent.access.doors import opened

NOW = 1_000_000.0
WANTED = Wanted("acme", Role.REP, "desk 7", days=1)


@dataclass
class Counting:
    """The real door, with a count of what goes through it. ``fails``: what it raises instead."""

    real: Door
    asked: list[str] = field(default_factory=list)
    fails: Exception | None = None

    async def run(self, work: Work[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
        self.asked.append(work.__name__)
        if self.fails:
            raise self.fails
        return await self.real.run(work, *args, **kwargs)

    async def aclose(self) -> None:
        await self.real.aclose()


@dataclass
class Clock:
    now: float = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Counting]:
    async with opened(f"sqlite:///{tmp_path / 'store.sqlite3'}") as real:
        yield Counting(real)


async def reason(keyring: Keyring, key: Key) -> str:
    with pytest.raises(NotAuthenticated) as refused:
        await keyring.caller_of(key)
    assert refused.value.field == "authorization"
    assert key.secret not in str(refused.value)
    return refused.value.problem


async def test_a_key_says_who_calls(door: Counting) -> None:
    key = await create_key(door, WANTED, LOCAL, NOW)
    caller = await Keyring(door, 30, wall_clock=Clock()).caller_of(key)
    assert caller == Caller("acme", Role.REP, key.id)


async def test_the_secret_is_nowhere_in_the_database(door: Counting, tmp_path: Path) -> None:
    key = await create_key(door, WANTED, LOCAL, NOW)
    [stored] = await door.run(list_keys)
    assert (stored.id, stored.secret_sha256) == (key.id, key.sha256)
    files = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert key.id.encode() in files
    assert key.secret.encode() not in files and bytes.fromhex(key.secret) not in files
    assert key.secret not in f"{key} {key!r} {stored!r}"


async def test_another_secret_another_id_and_an_id_without_its_key_are_all_the_same(door: Counting) -> None:
    key = await create_key(door, WANTED, LOCAL, NOW)
    keyring = Keyring(door, 30, wall_clock=Clock())
    other = new_key(lambda count: b"\x01" * count)
    said = {await reason(keyring, replace(key, secret=other.secret)), await reason(keyring, other)}
    assert said == {"is not a key of this server"}


async def test_a_key_ends_with_its_last_day_even_while_it_is_remembered(door: Counting) -> None:
    clock = Clock()
    key = await create_key(door, WANTED, LOCAL, NOW)
    keyring = Keyring(door, 1e9, clock=clock, wall_clock=clock)
    clock.now = NOW + DAY_S - 1
    assert (await keyring.caller_of(key)).tenant == "acme"
    clock.now = NOW + DAY_S
    assert await reason(keyring, key) == "has expired"
    assert await reason(keyring, replace(key, secret="0" * 64)) == "is not a key of this server"


async def test_a_revoked_key_works_for_as_long_as_it_is_believed_and_no_longer(door: Counting) -> None:
    clock = Clock()
    key = await create_key(door, WANTED, LOCAL, NOW)
    keyring = Keyring(door, 30, clock=clock, wall_clock=Clock())
    await keyring.caller_of(key)
    await end_key(door, key.id, LOCAL, NOW)
    clock.now = NOW + 29
    await keyring.caller_of(key)
    clock.now = NOW + 30
    assert await reason(keyring, key) == "was revoked"


async def test_the_database_is_asked_once_a_while_also_for_keys_that_do_not_exist(door: Counting) -> None:
    clock = Clock()
    key, unknown = await create_key(door, WANTED, LOCAL, NOW), new_key(lambda count: b"\x02" * count)
    keyring = Keyring(door, 30, clock=clock, wall_clock=Clock())
    door.asked.clear()
    await asyncio.gather(*(keyring.caller_of(key) for _ in range(50)))
    for _ in range(50):
        await keyring.caller_of(key)
        await reason(keyring, unknown)
    assert door.asked == ["find_key", "find_key"]
    assert keyring.knows(key.id) and not keyring.knows(unknown.id)
    clock.now += 30
    await keyring.caller_of(key)
    assert len(door.asked) == 3


async def test_without_its_database_a_key_is_neither_right_nor_wrong(door: Counting) -> None:
    key = await create_key(door, WANTED, LOCAL, NOW)
    keyring = Keyring(door, 0, wall_clock=Clock())
    door.fails = StoreUnavailable("gone")
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await keyring.caller_of(key)
    door.fails = None
    assert (await keyring.caller_of(key)).key_id == key.id


async def test_many_unknown_keys_do_not_fill_the_memory(door: Counting) -> None:
    keyring = Keyring(door, 1e9, wall_clock=Clock(), longest=2)
    first, second, third = (new_key(lambda count, byte=byte: bytes([byte]) * count) for byte in (1, 2, 3))
    for key in (first, second, first, second):
        await reason(keyring, key)
    assert len(door.asked) == 2
    await reason(keyring, third)
    await reason(keyring, first)
    assert len(door.asked) == 4


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
async def test_making_and_ending_a_key_stand_in_the_audit_log(
    request: pytest.FixtureRequest, tmp_path: Path, store: str
) -> None:
    local = store == "sqlite"
    url = f"sqlite:///{tmp_path / 'store.sqlite3'}" if local else request.getfixturevalue("postgres_url")
    wanted = replace(WANTED, tenant=f"t-{uuid.uuid4().hex}")
    async with opened(url) as door:
        key = await create_key(door, wanted, LOCAL, NOW)
        ended = [await end_key(door, key.id, LOCAL, at) for at in (NOW + 5, NOW + 9)]
        assert [stored.revoked_at for stored in ended] == [NOW + 5, NOW + 5]
        [stored] = await door.run(list_keys, wanted.tenant)
        assert stored == ended[0]
        deeds = [row.deed for row in await door.run(audit.read, wanted.tenant)]
        assert [deed.action for deed in deeds] == ["key_created", "key_revoked", "key_revoked"]
        assert {deed.target for deed in deeds} == {key.id}
        assert (await door.run(audit.verify, wanted.tenant)).broken is None


async def test_a_key_that_does_not_exist_cannot_be_ended_and_leaves_no_trace(door: Counting) -> None:
    with pytest.raises(UnknownKey, match="no key 'nope'"):
        await end_key(door, "nope", LOCAL, NOW)
    assert await door.run(audit.tenants) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"tenant": ""}, "tenant"),
        ({"tenant": "Acme"}, "tenant"),
        ({"tenant": "a" * 65}, "tenant"),
        ({"tenant": "a b"}, "tenant"),
        ({"name": " "}, "name"),
        ({"name": "a" * 201}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"days": 0}, "expires"),
        ({"days": float("nan")}, "expires"),
    ],
)
async def test_what_no_key_may_be_is_refused_and_named(door: Counting, change: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await create_key(door, replace(WANTED, **change), LOCAL, NOW)  # type: ignore[arg-type]
    assert refused.value.field == field
    assert await door.run(list_keys) == []


def test_a_key_has_256_random_bits_and_is_read_back() -> None:
    asked: list[int] = []

    def entropy(count: int) -> bytes:
        asked.append(count)
        return bytes(range(count))

    key = new_key(entropy)
    assert asked[1] >= 32
    assert read_key(key.text) == key
    spoilt: list[Callable[[str], str]] = [str.upper, lambda text: text[:-1], lambda text: f"{text}0", lambda _: ""]
    assert [read_key(spoil(key.text)) for spoil in spoilt] == [None] * 4


def test_what_each_role_may_do() -> None:
    everything = set(Permission)
    assert PERMISSIONS.keys() == set(Role)
    assert PERMISSIONS[Role.ADMIN] == everything
    only_admin = {Permission.ERASE, Permission.MANAGE_KEYS, Permission.READ_AUDIT, Permission.READ_METRICS}
    assert everything - set().union(*(PERMISSIONS[role] for role in set(Role) - {Role.ADMIN})) == only_admin
    assert not PERMISSIONS[Role.FRONT_END] & {Permission.READ_MESSAGES, Permission.READ_TURNS}
    assert not (PERMISSIONS[Role.REP] | PERMISSIONS[Role.QA]) & {Permission.POST, Permission.START}
