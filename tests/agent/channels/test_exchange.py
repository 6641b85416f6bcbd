"""A turn in the hands of a front-end: sentences as they come, and what is kept when the customer talks over them."""

import asyncio
import uuid

import pytest

from agent.channels.exchange import Exchange
from agent.errors import InvalidInput
from agent.orchestrator import Post, SalesAgent
from agent.settings import Settings
from tests.agent.channels.parts import FIRST, PATIENT, SECOND, Told, at_once, settings_with
from tests.agent.test_line import process


def post(text: str = "hola", **more: str) -> Post:
    return Post(uuid.uuid4().hex, text, locale="es", **more)  # pyright: ignore[reportArgumentType]


async def last(agent: SalesAgent, about: Post) -> list[str]:
    return [row["text"] for row in await agent.messages(about.key)]


async def test_sentences_put_together_are_the_response(settings: Settings) -> None:
    async with process(settings_with(settings, **PATIENT), at_once()) as agent:
        exchange = Exchange(agent, post())
        said = [sentence async for sentence in exchange.sentences()]
        response = await exchange.response()
        assert len(said) >= 3
        assert "".join(said) == response["response"] == exchange.heard


async def test_only_what_was_sent_counts_as_said(settings: Settings) -> None:
    writer = Told()
    async with process(settings_with(settings, **PATIENT), writer) as agent:
        about, running = post(), set[asyncio.Task[bytes]]()
        exchange = Exchange(agent, about, running)
        assert len(running) == 1
        sent: list[str] = []
        async for sentence in exchange.sentences():
            sent.append(sentence)
            if FIRST in sentence:
                break  # this one did not get through
        response = await exchange.hang_up()
        assert response is not None
        assert response["interrupted"]
        assert response["response"] == "".join(sent[:-1])
        assert await last(agent, about) == ["hola", response["response"]]
        assert not running


async def test_who_hangs_up_after_the_last_word_was_written_has_heard_only_what_was_sent(settings: Settings) -> None:
    async with process(settings_with(settings, **PATIENT), at_once()) as agent:
        about = post()
        exchange = Exchange(agent, about)
        await exchange.response()
        sentences = exchange.sentences()
        first = await anext(sentences)
        await anext(sentences)
        assert exchange.heard == first
        assert await exchange.hang_up()
        assert await last(agent, about) == ["hola", first]


async def test_who_hears_nothing_has_not_been_answered(settings: Settings) -> None:
    writer = Told()
    async with process(settings_with(settings, **PATIENT), writer) as agent:
        about = post(message_id="m-1")
        exchange = Exchange(agent, about)
        async with asyncio.timeout(10):
            await writer.reached.wait()
        assert await exchange.hang_up() is None
        assert await last(agent, about) == []
        writer.gate.set()
        assert (await Exchange(agent, about).response())["response"].endswith(SECOND)


async def test_what_is_refused_is_raised_with_the_response(settings: Settings) -> None:
    async with process(settings) as agent:
        exchange = Exchange(agent, post(playbook="none"))
        assert [sentence async for sentence in exchange.sentences()] == []
        with pytest.raises(InvalidInput, match="playbook"):
            await exchange.response()
        assert await exchange.hang_up() is None
