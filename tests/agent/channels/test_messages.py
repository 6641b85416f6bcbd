"""Posting messages: the turn's answer, repeats, order and the bound of the line."""

import asyncio
from typing import Any

import httpx2
import pytest

from agent.settings import Settings
from tests.agent.channels.contract import MESSAGE, MESSAGES, READ, TURN, documented, refused
from tests.agent.channels.parts import PATIENT, Told, building, settings_with
from tests.conftest import serving


async def said(client: httpx2.AsyncClient, here: str, text: str, **more: Any) -> httpx2.Response:
    return await client.post(f"{here}/message", json={"message": text, **more})


async def stored(client: httpx2.AsyncClient, here: str) -> list[tuple[int, str, str]]:
    found = (await client.get(f"{here}/messages")).json()["messages"]
    return [(message["seq"], message["role"], message["text"]) for message in found]


async def test_an_unknown_id_starts_the_conversation(api: httpx2.AsyncClient, here: str) -> None:
    more = {"playbook": "roofing", "channel": "sms", "locale": "en-US", "customer_data": {"name": "Bo", "roof": "tile"}}
    answer = await said(api, here, "Hi, how much is a new roof?", **more)
    turn = await documented(api, MESSAGE, answer)
    assert answer.status_code == 200
    assert turn["conversation_id"] == here.rpartition("/")[2]
    assert (turn["seq"], turn["language"]) == (1, "en")
    known = await documented(api, READ, await api.get(here))
    assert (known["playbook"], known["channel"], known["locale"]) == ("roofing", "sms", "en-US")
    assert known["customer_data"] == {"name": "Bo", "age": None, "facts": {"roof": "tile"}}
    assert (known["messages"], known["turns"], known["stage"]) == (2, 1, turn["stage"])


async def test_every_turn_of_a_conversation_is_answered_and_kept_as_documented(
    api: httpx2.AsyncClient, here: str
) -> None:
    texts = ["hola", "¿cuánto cuesta?", "me parece carísimo", "lo tengo que hablar con mi esposa", "va, me interesa"]
    for number, text in enumerate(texts, start=1):
        turn = await documented(api, MESSAGE, await said(api, here, text, platform_context={"page": {"n": number}}))
        assert turn["seq"] == number
        kept = await documented(api, TURN, await api.get(f"{here}/turns/{number}"))
        assert kept == (await api.get(f"{here}/turns/{turn['turn_id']}")).json()
        assert kept["response"] == turn
        assert (kept["message"], kept["platform_context"]) == (text, {"page": {"n": number}})
        assert kept["reply"]["text"] == turn["response"]
    found = await documented(api, MESSAGES, await api.get(f"{here}/messages"))
    assert [message["seq"] for message in found["messages"]] == list(range(1, 11))
    assert [message["role"] for message in found["messages"]] == ["customer", "agent"] * 5
    assert [message["text"] for message in found["messages"][::2]] == texts


async def test_messages_are_read_in_pages(api: httpx2.AsyncClient, here: str) -> None:
    for text in ("hola", "¿qué ofrecen?", "gracias"):
        await said(api, here, text)
    every = await stored(api, here)
    pages = []
    for after in (0, 2, 4, 6):
        page = await documented(api, MESSAGES, await api.get(f"{here}/messages?after={after}&limit=2"))
        pages += [(message["seq"], message["role"], message["text"]) for message in page["messages"]]
    assert pages == every and len(every) == 6


@pytest.mark.parametrize("how", ["message_id", "header"])
async def test_a_repeat_is_the_same_bytes_and_no_second_turn(api: httpx2.AsyncClient, here: str, how: str) -> None:
    body = {"message": "hola"} | ({"message_id": "m-1"} if how == "message_id" else {})
    headers = {"Idempotency-Key": "m-1"} if how == "header" else {}
    first = await api.post(f"{here}/message", json=body, headers=headers)
    await said(api, here, "¿cuánto cuesta?")
    again = await api.post(f"{here}/message", json=body, headers=headers)
    assert (again.status_code, again.content) == (200, first.content)
    assert (await api.get(here)).json()["turns"] == 2
    assert len(await stored(api, here)) == 4


async def test_the_key_may_come_in_the_body_or_in_the_header(api: httpx2.AsyncClient, here: str) -> None:
    first = await said(api, here, "hola", message_id="m-1")
    again = await api.post(f"{here}/message", json={"message": "hola"}, headers={"Idempotency-Key": "m-1"})
    assert again.content == first.content
    both = {"message": "hola", "message_id": "m-2"}
    other = await api.post(f"{here}/message", json=both, headers={"Idempotency-Key": "m-1"})
    assert other.json()["seq"] == 2, "the id in the body is the one that counts"


async def test_without_an_id_the_same_words_are_a_new_turn(api: httpx2.AsyncClient, here: str) -> None:
    first, second = await said(api, here, "hola"), await said(api, here, "hola")
    assert (first.json()["seq"], second.json()["seq"]) == (1, 2)


@pytest.mark.parametrize("how", ["message_id", "header"])
async def test_another_text_under_the_same_id_is_refused_and_not_stored(
    api: httpx2.AsyncClient, here: str, how: str
) -> None:
    first = await said(api, here, "hola", message_id="m-1")
    before = await stored(api, here)
    body = {"message": "adiós"} | ({"message_id": "m-1"} if how == "message_id" else {})
    answer = await api.post(f"{here}/message", json=body, headers={"Idempotency-Key": "m-1"} if how == "header" else {})
    refused(answer, 422, "message_id", "message_id_reused")
    assert await stored(api, here) == before
    assert (await said(api, here, "hola", message_id="m-1")).content == first.content


async def test_an_id_belongs_to_its_conversation(api: httpx2.AsyncClient, here: str) -> None:
    first = await said(api, here, "hola", message_id="m-1")
    other = await said(api, here + "-b", "adiós", message_id="m-1")
    assert other.status_code == 200
    assert other.json()["turn_id"] != first.json()["turn_id"]


async def test_twenty_at_once_are_answered_in_the_order_they_came(api: httpx2.AsyncClient, here: str) -> None:
    texts = [f"pregunta número {number}, ¿cuánto cuesta?" for number in range(1, 21)]
    answers = await asyncio.gather(*(said(api, here, text) for text in texts))
    assert [answer.status_code for answer in answers] == [200] * 20
    assert [answer.json()["seq"] for answer in answers] == list(range(1, 21))
    rows = await stored(api, here)
    assert [seq for seq, _, _ in rows] == list(range(1, 41))
    assert [text for _, role, text in rows if role == "customer"] == texts
    assert [text for _, role, text in rows if role == "agent"] == [answer.json()["response"] for answer in answers]
    assert [role for _, role, _ in rows] == ["customer", "agent"] * 20


async def test_repeats_at_the_same_time_run_one_turn(settings: Settings, here: str) -> None:
    writer = Told()
    writer.gate.set()
    async with serving(settings_with(settings, **PATIENT), building(writers=[writer])) as client:
        answers = await asyncio.gather(*(said(client, here, "hola", message_id="m-1") for _ in range(10)))
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
        assert writer.heard == ["hola"]
        assert len(await stored(client, here)) == 2


async def test_conversations_do_not_wait_for_each_other(settings: Settings, here: str) -> None:
    writer = Told()
    async with serving(settings_with(settings, **PATIENT), building(writers=[writer])) as client:
        slow = asyncio.create_task(said(client, here, "hola"))
        await writer.reached.wait()
        other = asyncio.create_task(said(client, here + "-b", "buenas"))
        while len(writer.heard) < 2:
            await asyncio.sleep(0)
        assert not slow.done()
        writer.gate.set()
        assert [answer.status_code for answer in await asyncio.gather(slow, other)] == [200, 200]


async def test_a_line_that_is_full_refuses_the_next_and_says_when_to_come_again(settings: Settings, here: str) -> None:
    writer = Told()
    async with serving(settings_with(settings, **PATIENT, queue_length=2), building(writers=[writer])) as client:
        texts = ["uno", "dos", "tres", "cuatro"]
        posts = [asyncio.create_task(said(client, here, text)) for text in texts]
        first, _ = await asyncio.wait(posts, return_when=asyncio.FIRST_COMPLETED)
        assert first == {posts[3]}
        content = refused(posts[3].result(), 429, None, "turns_queued")
        await documented(client, MESSAGE, posts[3].result())
        assert "cuatro" not in content["message"]
        assert [text for _, _, text in await stored(client, here)] == ["uno"], "the first turn still runs"
        writer.gate.set()
        answers = await asyncio.gather(*posts[:3])
        assert [answer.json()["seq"] for answer in answers] == [1, 2, 3]
        assert [text for _, role, text in await stored(client, here) if role == "customer"] == texts[:3]
        assert (await said(client, here, "cuatro")).json()["seq"] == 4


async def test_a_wait_that_takes_too_long_is_refused(settings: Settings, here: str) -> None:
    writer = Told()
    async with serving(settings_with(settings, **PATIENT, queue_wait_s=0.05), building(writers=[writer])) as client:
        running = asyncio.create_task(said(client, here, "uno"))
        await writer.reached.wait()
        refused(await said(client, here, "dos"), 429, None, "turns_queued")
        writer.gate.set()
        assert (await running).json()["seq"] == 1
        assert len(await stored(client, here)) == 2


async def test_two_processes_on_one_store_share_the_line(settings: Settings, here: str) -> None:
    writer = Told()
    settings = settings_with(settings, **PATIENT, lease_s=60.0)
    async with (
        serving(settings, building(writers=[writer])) as one,
        serving(settings_with(settings, queue_wait_s=0.05), building(writers=[])) as two,
    ):
        running = asyncio.create_task(said(one, here, "uno", message_id="m-1"))
        await writer.reached.wait()
        refused(await said(two, here, "dos"), 429, None, "turns_queued")
        refused(await said(two, here, "uno", message_id="m-1"), 429, None, "turns_queued")
        writer.gate.set()
        first = await running
        assert (await said(two, here, "uno", message_id="m-1")).content == first.content
        assert (await said(two, here, "dos")).json()["seq"] == 2
