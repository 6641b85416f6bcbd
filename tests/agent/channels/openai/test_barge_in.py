"""The customer talks over the agent: the connection closes, the model is stopped, and only what was sent counts as said."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import httpx2
import pytest

from agent.settings import Settings
from tests.agent.channels.openai.calls import PATH, Json, fresh, kept, modelled, reply_to, said, stream, told
from tests.scripted_model import ScriptedModel, Stall

FIRST, SECOND = "Thank you for telling me.", "What matters most to you about this?"
EN = {"metadata": {"locale": "en"}}
ENDLESS = Stall(after=3)
"""Says the first sentence, begins the second, and then nothing more for an hour."""


async def deltas(answer: httpx2.Response) -> AsyncIterator[str]:
    async for line in answer.aiter_lines():
        if line.startswith("data: {"):
            delta: Json = json.loads(line.removeprefix("data: "))["choices"][0]["delta"]
            if delta.get("content"):
                yield delta["content"]


async def interrupted(client: httpx2.AsyncClient, *texts: str, to: str, until: str) -> str:
    """Listens until ``until`` was said, and closes the connection; what was heard."""
    heard = ""
    body = {"model": "ngx", "messages": said(*texts), "stream": True, **EN}
    async with client.stream("POST", PATH, json=body, headers={"X-Conversation-Id": to}) as answer:
        assert answer.status_code == 200
        async for piece in deltas(answer):
            heard += piece
            if until in heard:
                break
    return heard


async def idle(model: ScriptedModel, seconds: float = 10.0) -> float:
    began = time.perf_counter()
    await model.idle(seconds)
    return time.perf_counter() - began


async def settled(client: httpx2.AsyncClient, conversation: str, messages: int) -> list[tuple[str, str]]:
    async with asyncio.timeout(10):
        while len(found := await kept(client, conversation)) != messages:
            await asyncio.sleep(0.01)
    return found


async def test_the_model_is_stopped_and_what_was_sent_is_kept(settings: Settings) -> None:
    here = fresh()
    async with modelled(settings, told(FIRST, SECOND), ENDLESS) as (client, model):
        first = (await stream(client, "hi", to=here, **EN)).text
        heard = await interrupted(client, "hi", first, "how much is it?", to=here, until=FIRST)
        await idle(model)
        assert (model.started, model.closed_by_client) == (2, 1)
        assert await settled(client, here, 4) == [("c", "hi"), ("a", first), ("c", "how much is it?"), ("a", heard)]
        model.then(told("It is a good question.", SECOND))
        last = (await stream(client, "hi", first, "how much is it?", heard, "wait, how long?", to=here, **EN)).text
        assert (await kept(client, here))[3:] == [("a", heard), ("c", "wait, how long?"), ("a", last)]
        assert "interrupted your last message" in json.dumps(model.requests[2])
        assert heard in json.dumps(model.requests[2], ensure_ascii=False)
        assert (await client.get(f"/conversations/{here}")).json()["turns"] == 3


async def test_before_a_word_was_sent_the_message_is_taken_back_and_comes_again(settings: Settings) -> None:
    here = fresh()
    async with modelled(settings, told(FIRST, SECOND), Stall(after=0)) as (client, model):
        first = await reply_to(client, "hi", to=here, **EN)
        body = {"model": "ngx", "messages": said("hi", first, "how much"), "stream": True, **EN}
        headers = {"X-Conversation-Id": here}
        posted = asyncio.create_task(client.post(PATH, json=body, headers=headers))
        async with asyncio.timeout(10):
            while model.running == 0:
                await asyncio.sleep(0.01)
        posted.cancel()
        await asyncio.wait({posted})
        await idle(model)
        assert await settled(client, here, 2) == [("c", "hi"), ("a", first)]
        model.then(told(FIRST, SECOND))
        messages = [*said("hi", first, "how much"), {"role": "user", "content": "does it cost?"}]
        answer = await reply_to(client, messages=messages, to=here, **EN)
        assert (await kept(client, here))[2:] == [("c", "how much\ndoes it cost?"), ("a", answer)]


async def test_whoever_waits_for_a_whole_answer_may_go_as_well(settings: Settings) -> None:
    here = fresh()
    async with modelled(settings, told(FIRST, SECOND), ENDLESS) as (client, model):
        first = await reply_to(client, "hi", to=here, **EN)
        asked = asyncio.create_task(reply_to(client, "hi", first, "how much?", to=here, **EN))
        async with asyncio.timeout(10):
            while model.running == 0:
                await asyncio.sleep(0.01)
        asked.cancel()
        await asyncio.wait({asked})
        await idle(model)
        assert model.closed_by_client == 1
        assert await settled(client, here, 2) == [("c", "hi"), ("a", first)]


async def test_one_that_comes_again_while_the_first_is_being_given_up_is_answered(settings: Settings) -> None:
    """A client that waited too long closes, and asks again at once."""
    here = fresh()
    async with modelled(settings, told(FIRST, SECOND), Stall(after=0), told(FIRST, SECOND)) as (client, _):
        first = await reply_to(client, "hi", to=here, **EN)
        with pytest.raises(httpx2.ReadTimeout):
            await client.post(
                PATH,
                json={"model": "ngx", "messages": said("hi", first, "how much?"), **EN},
                headers={"X-Conversation-Id": here},
                timeout=httpx2.Timeout(60, read=0.5),
            )
        answer = await reply_to(client, "hi", first, "how much?", to=here, **EN)
        assert [text for _, text in await kept(client, here)] == ["hi", first, "how much?", answer]


CALLS = 100


async def test_many_calls_at_once_each_with_a_barge_in_in_its_second_turn(settings: Settings) -> None:
    async with modelled(settings, default=told(FIRST, SECOND, chunk_size=40)) as (client, model):

        async def call(number: int) -> None:
            here = f"call-{number}"
            first = (await stream(client, f"hi, it's me, number {number}", to=here, **EN)).text
            ready.release()
            await go.wait()
            talk = [f"hi, it's me, number {number}", first, "what is in it?"]
            heard = await interrupted(client, *talk, to=here, until=FIRST)
            cut.release()
            await again.wait()
            last = (await stream(client, *talk, heard, "sorry, go on", to=here, **EN)).text
            assert [text for _, text in await kept(client, here)] == [*talk, heard, "sorry, go on", last]

        ready, cut = asyncio.Semaphore(0), asyncio.Semaphore(0)
        go, again = asyncio.Event(), asyncio.Event()
        async with asyncio.timeout(300), asyncio.TaskGroup() as calls:
            for number in range(CALLS):
                calls.create_task(call(number))
            for _ in range(CALLS):
                await ready.acquire()
            model.default = ENDLESS
            go.set()
            for _ in range(CALLS):
                await cut.acquire()
            await idle(model, 30)
            assert model.closed_by_client == CALLS
            model.default = told(FIRST, SECOND)
            again.set()
        assert model.started == 3 * CALLS
        assert model.running == 0
