"""A person across conversations: his opt-out counts in the next one, and his erasure reaches everything that is kept."""

import sqlite3
import uuid

import httpx2
import pytest

from agent.settings import Settings
from predictors import rules, text
from tests.agent.channels.contract import READ, documented, refused
from tests.conftest import serving

CUSTOMERS = "/customers/{customer_id}"
CANARY = "canario-4711"


@pytest.fixture
def person() -> str:
    return f"+52-55-{uuid.uuid4().hex}"


async def test_who_it_is_stands_beside_what_is_known_of_him(api: httpx2.AsyncClient, here: str, person: str) -> None:
    await api.post(f"{here}/message", json={"message": "hola", "customer_id": person, "customer_data": {"name": "Ana"}})
    known = await documented(api, READ, await api.get(here))
    assert (known["customer_id"], known["customer_data"]) == (person, {"name": "Ana", "age": None, "facts": {}})
    started = {"conversation_id": here.rpartition("/")[2], "customer_id": "another", "customer_data": {"name": "Ana"}}
    refused(await api.post("/conversations/start", json=started), 409, "conversation_id")


@pytest.mark.parametrize("bad", ["", "a b", "a/b", "x" * 201, 7])
async def test_an_id_that_can_not_be_one_is_refused(api: httpx2.AsyncClient, here: str, bad: object) -> None:
    refused(await api.post(f"{here}/message", json={"message": "hola", "customer_id": bad}), 422, "customer_id")


async def test_an_erased_person_is_in_no_table_and_no_cache(settings: Settings, here: str, person: str) -> None:
    async with serving(settings) as client:
        for number in range(2):
            said = {"message": f"soy {CANARY}, me parece carísimo", "customer_id": person}
            said |= {"customer_data": {"name": CANARY, "crm": CANARY}, "platform_context": {"page": CANARY}}
            assert (await client.post(f"{here}-{number}/message", json=said)).status_code == 200
            await client.post(f"{here}-{number}/outcome", json={"outcome": "lost", "details": {"why": CANARY}})
        other = await client.post(f"{here}-other/message", json={"message": "hola"})
        assert CANARY.encode() in everything(settings)
        answer = await client.delete(f"/customers/{person}")
        content = await documented(client, CUSTOMERS, answer)
        assert content == {"customer_id": person, "conversations_erased": 2}
        assert text.plain.cache_info().currsize == text.words.cache_info().currsize == 0
        assert rules.scan.cache_info().currsize == 0
        refused(await client.get(f"{here}-0"), 404, None)
        assert (await client.get(f"{here}-other")).json()["messages"] == 2
        assert other.status_code == 200
        assert (await client.delete(f"/customers/{person}")).json()["conversations_erased"] == 0
    found = everything(settings)
    assert CANARY.encode() not in found
    assert person.encode() not in found


def everything(settings: Settings) -> bytes:
    """All rows of all tables."""
    with sqlite3.connect(settings.data_dir / "sales-agent.sqlite3") as database:
        names = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
        rows = [row for name in names for row in database.execute(f"select * from {name}")]
    return b"\n".join(value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row)
