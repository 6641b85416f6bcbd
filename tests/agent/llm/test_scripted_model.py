"""The scripted server itself: the official clients take it for a provider, streamed or not."""

import json

import anthropic
import openai
import pytest

from tests.agent.llm.conftest import KEY
from tests.scripted_model import GOOD, Answer, RateLimited, Refuse, ScriptedModel

ASKED = [{"role": "user", "content": "Hello"}]


async def test_openais_client_reads_models_and_whole_answers(server: ScriptedModel) -> None:
    server.then(Answer(), Refuse(), RateLimited("1"))
    async with openai.AsyncOpenAI(api_key=KEY, base_url=server.openai_url, max_retries=0) as client:
        assert [model.id async for model in client.models.list()] == ["scripted"]
        whole = await client.chat.completions.create(model="m", messages=ASKED)  # pyright: ignore
        assert json.loads(whole.choices[0].message.content or "") == GOOD
        assert whole.usage is not None
        assert whole.usage.total_tokens == 18
        refused = await client.chat.completions.create(model="m", messages=ASKED)  # pyright: ignore
        assert refused.choices[0].message.refusal
        with pytest.raises(openai.RateLimitError):
            await client.chat.completions.create(model="m", messages=ASKED)  # pyright: ignore
    assert (server.started, server.finished, server.closed_by_client) == (3, 3, 0)


async def test_anthropics_client_reads_whole_and_streamed_tool_calls(server: ScriptedModel) -> None:
    tool = {"name": "reply", "input_schema": {"type": "object"}}
    request = {"model": "m", "max_tokens": 99, "messages": ASKED, "tools": [tool]}
    forced = {"tool_choice": {"type": "tool", "name": "reply"}}
    async with anthropic.AsyncAnthropic(api_key=KEY, base_url=server.url, max_retries=0) as client:
        plain = await client.messages.create(**request)  # pyright: ignore
        assert plain.content[0].type == "text"
        whole = await client.messages.create(**request, **forced)  # pyright: ignore
        assert whole.content[0].input == GOOD
        async with client.messages.stream(**request, **forced) as stream:  # pyright: ignore
            final = await stream.get_final_message()
        assert final.content[0].input == GOOD
        assert (final.stop_reason, final.usage.output_tokens) == ("tool_use", 7)
