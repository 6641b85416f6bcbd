"""OpenAI's own Python client on a real socket."""

import asyncio
import json

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from agent.settings import Settings
from tests.agent.channels.openai.calls import fresh, kept, modelled, told
from tests.agent.channels.openai.test_barge_in import ENDLESS, FIRST, SECOND, idle, settled
from tests.agent.channels.openai.test_tools import END, VAPI_TRANSFER
from tests.agent.channels.sockets import listening


def client_of(served: httpx2.AsyncClient, here: str | None = None) -> openai.AsyncOpenAI:
    headers = {"X-Conversation-Id": here} if here else None
    return openai.AsyncOpenAI(
        base_url=str(served.base_url.join("/v1")), api_key="sa_none", default_headers=headers, max_retries=0
    )


async def test_three_turns_a_hand_off_and_an_end(settings: Settings) -> None:
    here = fresh()
    async with listening(settings) as served, client_of(served, here) as client:
        assert [model.id async for model in client.models.list()] == ["ngx", "roofing"]
        messages: list[ChatCompletionMessageParam] = []
        called: list[str] = []
        for text in ("hola, ¿cuánto cuesta?", "me parece caro", "quiero hablar con una persona", "gracias, adiós"):
            messages.append({"role": "user", "content": text})
            answer = await client.chat.completions.create(
                model="ngx",
                messages=messages,
                tools=[END, VAPI_TRANSFER],  # type: ignore[list-item]
                metadata={"channel": "voice", "locale": "es"},
            )
            message = answer.choices[0].message
            assert message.content
            assert answer.usage is not None and answer.usage.total_tokens > 0
            messages.append({"role": "assistant", "content": message.content})
            called += [call.function.name for call in message.tool_calls or [] if call.type == "function"]
        assert called[0] == "transferCall"
        assert [text for _, text in await kept(served, here)] == [message.get("content") for message in messages]


async def test_a_stream_helper_puts_the_answer_together(settings: Settings) -> None:
    async with listening(settings) as served, client_of(served) as client:
        async with client.chat.completions.stream(
            model="ngx",
            messages=[
                {"role": "user", "content": "hola"},
                {"role": "assistant", "content": "Hola, ¿en qué te ayudo?"},
                {"role": "user", "content": "gracias, adiós"},
            ],
            tools=[END],  # type: ignore[list-item]
            stream_options={"include_usage": True},
        ) as events:
            answer = await events.get_final_completion()
        [choice] = answer.choices
        assert choice.message.content and choice.finish_reason == "tool_calls"
        assert choice.message.tool_calls is not None
        [call] = choice.message.tool_calls
        assert (call.function.name, json.loads(call.function.arguments)["reason"]) == (
            "end_call",
            "the conversation is over",
        )
        assert answer.usage is not None and answer.usage.prompt_tokens > 0


async def test_leaving_a_stream_interrupts_the_reply(settings: Settings) -> None:
    here = fresh()
    async with modelled(settings, told(FIRST, SECOND), ENDLESS) as (served, model), client_of(served, here) as client:
        messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hi"}]
        first = await client.chat.completions.create(model="ngx", messages=messages)
        messages += [
            {"role": "assistant", "content": first.choices[0].message.content},
            {"role": "user", "content": "how much is it?"},
        ]
        stream = await client.chat.completions.create(model="ngx", messages=messages, stream=True)
        heard = ""
        async for chunk in stream:
            heard += chunk.choices[0].delta.content or ""
            if FIRST in heard:
                await stream.close()
                break
        await idle(model)
        assert model.closed_by_client == 1
        assert (await settled(served, here, 4))[3] == ("a", heard)


async def test_errors_are_its_own_classes(settings: Settings) -> None:
    async with listening(settings) as served, client_of(served) as client:
        with pytest.raises(openai.NotFoundError, match="does not exist") as missing:
            await client.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": "hola"}])
        assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
        with pytest.raises(openai.BadRequestError) as wrong:
            await client.chat.completions.create(model="ngx", messages=[{"role": "user", "content": ""}])
        assert wrong.value.param == "messages.0.content"
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve("gpt-5")
        with pytest.raises(openai.NotFoundError):
            await client.embeddings.create(model="ngx", input="hola")


async def test_its_retries_advance_nothing(settings: Settings) -> None:
    here = fresh()
    async with modelled(settings, told(FIRST, SECOND, delay=0.7), told(FIRST, SECOND)) as (served, model):
        url, headers = str(served.base_url.join("/v1")), {"X-Conversation-Id": here}
        async with openai.AsyncOpenAI(
            base_url=url, api_key="x", default_headers=headers, max_retries=3, timeout=openai.Timeout(60, read=0.4)
        ) as client:
            answer = await client.chat.completions.create(model="ngx", messages=[{"role": "user", "content": "hi"}])
        await idle(model)
        assert model.started > 1, "it was asked again"
        await asyncio.sleep(0)
        assert [text for _, text in await kept(served, here)] == ["hi", answer.choices[0].message.content]
