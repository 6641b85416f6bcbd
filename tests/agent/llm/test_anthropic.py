"""Anthropic's client against a scripted server over real HTTP.

The server is scripted and not a small model, because llama.cpp does not do tool calls on this side of its protocol.
"""

import asyncio
import json
import traceback
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from agent.errors import FailureKind
from agent.llm.anthropic import AnthropicWriter
from agent.reply.schema import reply_schema
from agent.turn import Brief, Utterance
from tests.agent.llm.conftest import KEY, Collect
from tests.agent.llm.faults import FAULTS
from tests.scripted_model import (
    GOOD,
    Answer,
    BrokenJson,
    RateLimited,
    ScriptedModel,
    SlowDrip,
    Stall,
    Step,
    WrongSchema,
)

Make = Callable[..., AnthropicWriter]


@pytest.fixture
async def make(server: ScriptedModel) -> AsyncIterator[Make]:
    made: list[AnthropicWriter] = []

    def build(*, key: str = KEY, url: str | None = None, timeout_s: float = 5.0) -> AnthropicWriter:
        writer = AnthropicWriter(
            model="claude-test", api_key=key, base_url=url or server.url, schema=reply_schema(), timeout_s=timeout_s
        )
        made.append(writer)
        return writer

    yield build
    for writer in made:
        await writer.aclose()


async def test_the_tools_input_is_the_reply(make: Make, collect: Collect) -> None:
    got = await collect(make())
    assert got.failed is None
    assert json.loads(got.text) == GOOD
    assert len([piece for piece in got.pieces if piece]) > 5
    assert got.last is not None
    assert (got.last.text, got.last.finish_reason) == ("", "tool_use")
    assert (got.last.input_tokens, got.last.output_tokens) == (11, 7)
    assert got.last.response_id is not None
    assert got.last.response_id.startswith("msg_")


async def test_json_as_text_is_taken_too(server: ScriptedModel, make: Make, collect: Collect) -> None:
    server.then(Answer(as_text=True))
    got = await collect(make())
    assert got.failed is None
    assert json.loads(got.text) == GOOD
    assert got.last is not None
    assert got.last.finish_reason == "end_turn"


async def test_other_text_is_not_a_reply(server: ScriptedModel, make: Make, collect: Collect) -> None:
    server.then(Answer("Of course, I can help with {that}.", as_text=True))
    got = await collect(make())
    assert got.text == ""
    assert got.failed is not None
    assert got.failed.kind == "broken_json"


async def test_the_request_forces_the_tool_and_alternates_roles(
    server: ScriptedModel, make: Make, collect: Collect
) -> None:
    await collect(make())
    sent = server.requests[0]
    assert sent["system"] == "You answer in JSON with a reply."
    assert sent["tool_choice"]["name"] == sent["tools"][0]["name"]
    assert sent["tools"][0]["input_schema"] == reply_schema()
    assert [(message["role"], message["content"]) for message in sent["messages"]] == [
        ("user", "..."),
        ("assistant", "Hello, I am the assistant."),
        ("user", "How much is a roof?"),
        ("assistant", "A colleague here."),
        ("user", "Fine.\n\nWhat about the old shingles?"),
    ]


async def test_a_conversation_that_has_not_begun_is_a_valid_request(
    server: ScriptedModel, make: Make, brief: Brief
) -> None:
    for said in ((), (Utterance("agent", "Hello."), Utterance("customer", "  "))):
        async for _ in make().stream(replace(brief, system="", messages=said)):
            pass
    assert "system" not in server.requests[0]
    assert [message["role"] for message in server.requests[0]["messages"]] == ["user"]
    assert [message["role"] for message in server.requests[1]["messages"]] == ["user", "assistant", "user"]


@pytest.mark.parametrize(("step", "kind"), FAULTS.values(), ids=list(FAULTS))
async def test_every_fault_has_its_name(
    server: ScriptedModel, make: Make, collect: Collect, step: Step, kind: FailureKind
) -> None:
    server.then(step)
    got = await collect(make())
    assert got.failed is not None
    assert got.failed.kind == kind
    assert KEY not in "".join(traceback.format_exception(got.failed))
    assert got.failed.__context__ is None
    await server.idle()
    assert len(server.requests) == 1


@pytest.mark.parametrize("step", [BrokenJson(), WrongSchema()], ids=["broken", "wrong"])
async def test_what_the_json_is_worth_is_not_the_clients_business(
    server: ScriptedModel, make: Make, collect: Collect, step: BrokenJson | WrongSchema
) -> None:
    server.then(step)
    got = await collect(make())
    assert (got.failed, got.text) == (None, step.text)


async def test_retry_after_is_handed_on(server: ScriptedModel, make: Make, collect: Collect) -> None:
    server.then(RateLimited("4"))
    got = await collect(make())
    assert got.failed is not None
    assert got.failed.retry_after_s == 4.0


async def test_nobody_there(make: Make, collect: Collect) -> None:
    got = await collect(make(url="http://127.0.0.1:9"))
    assert got.failed is not None
    assert got.failed.kind == "unreachable"


@pytest.mark.parametrize("step", [Stall(None), Stall(0), Stall(3)], ids=["headers", "first", "middle"])
async def test_the_clients_own_timeout_is_the_backstop(
    server: ScriptedModel, make: Make, collect: Collect, step: Stall
) -> None:
    server.then(step)
    got = await collect(make(timeout_s=0.1))
    assert got.failed is not None
    assert got.failed.kind == "too_slow"
    await server.idle()
    assert server.closed_by_client == 1


async def test_closing_the_stream_ends_the_request(server: ScriptedModel, make: Make, brief: Brief) -> None:
    server.then(SlowDrip())
    stream = make().stream(brief)
    await anext(stream)
    await stream.aclose()  # pyright: ignore[reportAttributeAccessIssue]
    await server.idle()
    assert (server.finished, server.closed_by_client) == (0, 1)


@pytest.mark.parametrize("step", [Stall(None), Stall(3)], ids=["headers", "middle"])
async def test_cancelled_calls_leave_nothing_behind(
    server: ScriptedModel, make: Make, collect: Collect, step: Step
) -> None:
    server.default = step
    writer = make()
    before = len(asyncio.all_tasks())
    calls = [asyncio.create_task(collect(writer)) for _ in range(50)]
    while server.started < 50:
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.02)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    await server.idle()
    assert server.closed_by_client == 50
    server.default = Answer()
    assert (await collect(writer)).failed is None
    await asyncio.sleep(0.02)
    assert len(asyncio.all_tasks()) <= before + 2
