"""The customer talks over the agent: the writer stops, only what was heard is kept, and the conversation goes on from there."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from agent.errors import CutOff
from agent.orchestrator import Post, SalesAgent
from agent.reply.barge_in import BargeIn
from agent.settings import Settings
from tests.agent.channels.parts import FIRST, PATIENT, SECOND, Told, at_once, settings_with
from tests.agent.test_line import process


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    return settings_with(settings, **PATIENT, database_url=url)


@pytest.fixture
async def told(store: Settings) -> AsyncIterator[tuple[SalesAgent, Told]]:
    """An agent whose model waits in the middle of its reply."""
    writer = Told()
    async with process(store, writer) as agent:
        yield agent, writer


def post(text: str = "hola, cuánto cuesta?", **more: Any) -> Post:
    return Post(uuid.uuid4().hex, text, locale="es", **more)


async def texts(agent: SalesAgent, about: Post) -> list[tuple[str, str]]:
    return [(row["role"], row["text"]) for row in await agent.messages(about.key)]


async def cut_in_the_middle(agent: SalesAgent, writer: Told, about: Post, heard: str | None) -> dict[str, Any]:
    """``heard``: what was heard when the customer talked, everything that was said by default."""
    said: list[str] = []

    async def say(sentence: str) -> None:
        said.append(sentence)

    barge_in = BargeIn()
    turn = asyncio.create_task(agent.post(about, say, barge_in))
    async with asyncio.timeout(10):
        await writer.reached.wait()
        while FIRST not in "".join(said):
            await asyncio.sleep(0.01)
    began = time.perf_counter()
    barge_in.cut("".join(said) if heard is None else heard)
    response: dict[str, Any] = orjson.loads(await turn)
    assert time.perf_counter() - began < 5  # the writer would have waited for a minute
    return response


async def test_the_writer_stops_and_what_was_heard_is_the_reply(told: tuple[SalesAgent, Told]) -> None:
    agent, writer = told
    about = post()
    response = await cut_in_the_middle(agent, writer, about, None)
    assert response["interrupted"] is True
    assert response["response"].endswith(FIRST)
    assert SECOND not in response["response"]
    assert await texts(agent, about) == [("customer", about.text), ("agent", response["response"])]
    assert response["talking_points"]


async def test_the_next_turn_knows_and_does_not_greet_again(told: tuple[SalesAgent, Told]) -> None:
    agent, writer = told
    about = post()
    await cut_in_the_middle(agent, writer, about, None)
    writer.gate.set()
    after = orjson.loads(await agent.post(Post(about.conversation_id, "no, espera, y el horario?")))
    assert after["interrupted"] is False
    assert after["response"] == f"{FIRST} {SECOND}"
    prompts = writer.briefs
    assert "interrupted your last message" not in prompts[0].system
    assert "interrupted your last message" in prompts[1].system
    assert prompts[1].recent[-2].text.endswith(FIRST)
    await agent.post(Post(about.conversation_id, "vale"))
    assert "interrupted your last message" not in prompts[2].system


async def test_who_did_not_hear_what_he_talks_to_is_told_again(told: tuple[SalesAgent, Told]) -> None:
    agent, writer = told
    about = post()
    disclosure = agent.shop("ngx").playbook.disclosure.text.said_in("es")
    response = await cut_in_the_middle(agent, writer, about, "Hola,")
    assert response["response"] == "Hola,"
    writer.gate.set()
    after = orjson.loads(await agent.post(Post(about.conversation_id, "cuánto cuesta?")))
    assert disclosure in after["response"]


async def test_a_repeat_gets_the_reply_as_far_as_it_was_heard(told: tuple[SalesAgent, Told]) -> None:
    agent, writer = told
    about = post(message_id="m-1")
    response = await cut_in_the_middle(agent, writer, about, None)
    assert orjson.loads(await agent.post(about)) == response
    assert len(writer.heard) == 1


async def test_before_anything_was_heard_the_message_is_taken_back(told: tuple[SalesAgent, Told]) -> None:
    agent, writer = told
    about = post(message_id="m-1")
    with pytest.raises(CutOff):
        await cut_in_the_middle(agent, writer, about, "")
    assert await texts(agent, about) == []
    writer.gate.set()
    answered = orjson.loads(await agent.post(about))
    assert (answered["seq"], answered["interrupted"]) == (1, False)
    assert [role for role, _ in await texts(agent, about)] == ["customer", "agent"]


async def test_what_is_taken_back_leaves_those_behind_it_in_their_place(told: tuple[SalesAgent, Told]) -> None:
    agent, writer = told
    about = post()
    barge_in = BargeIn()
    first = asyncio.create_task(agent.post(about, barge_in=barge_in))
    async with asyncio.timeout(10):
        await writer.reached.wait()
    second = asyncio.create_task(agent.post(Post(about.conversation_id, "y el horario?")))
    await asyncio.sleep(0.1)
    barge_in.cut("")
    with pytest.raises(CutOff):
        await first
    writer.gate.set()
    assert orjson.loads(await second)["response"].endswith(SECOND)
    third = orjson.loads(await agent.post(Post(about.conversation_id, "gracias")))
    assert [row["seq"] for row in await agent.messages(about.key)] == [1, 2, 3, 4]
    known = await agent.conversation(about.key)
    assert (known["turns"], third["seq"]) == (known["turns"], known["turns"])


async def test_talking_before_the_turn_begins_stops_it_as_well(told: tuple[SalesAgent, Told]) -> None:
    agent, writer = told
    barge_in = BargeIn()
    barge_in.cut("")
    with pytest.raises(CutOff):
        await agent.post(post(), barge_in=barge_in)
    assert writer.heard == []


async def test_after_the_reply_was_stored_it_is_cut_to_what_was_heard(store: Settings) -> None:
    async with process(store, at_once(), at_once()) as agent:
        about = post()
        response = orjson.loads(await agent.post(about))
        disclosure = agent.shop("ngx").playbook.disclosure.text.said_in("es")
        heard = response["response"][: response["response"].index(disclosure) + len(disclosure)]
        assert await agent.heard(about.key, response["turn_id"], heard)
        assert not await agent.heard(about.key, response["turn_id"], heard)
        assert await texts(agent, about) == [("customer", about.text), ("agent", heard)]
        after = orjson.loads(await agent.post(Post(about.conversation_id, "y el horario?")))
        assert disclosure not in after["response"]
        assert not await agent.heard(about.key, "no-such-turn", "x")


async def test_when_the_conversation_has_gone_on_only_the_text_is_put_right(store: Settings) -> None:
    async with process(store, at_once()) as agent:
        about = post()
        first = orjson.loads(await agent.post(about))
        await agent.post(Post(about.conversation_id, "y el horario?"))
        before = await agent.conversation(about.key)
        assert await agent.heard(about.key, first["turn_id"], "Hola,")
        assert (await texts(agent, about))[1] == ("agent", "Hola,")
        assert await agent.conversation(about.key) == before
