"""OpenAI's client against a scripted server over real HTTP."""

import asyncio
import json
import traceback
from collections.abc import AsyncIterator, Callable

import pytest

from agent.errors import FailureKind
from agent.llm.openai import OpenAIWriter, Structured
from agent.reply.schema import reply_schema
from agent.turn import Brief
from tests.agent.llm.conftest import KEY, Collect
from tests.agent.llm.faults import FAULTS
from tests.scripted_model import (
    GOOD,
    Answer,
    BrokenJson,
    CutOff,
    RateLimited,
    Refuse,
    ScriptedModel,
    SlowDrip,
    Stall,
    Step,
    WrongSchema,
)

Make = Callable[..., OpenAIWriter]


@pytest.fixture
async def make(server: ScriptedModel) -> AsyncIterator[Make]:
    made: list[OpenAIWriter] = []

    def build(
        *, key: str = KEY, url: str | None = None, structured: Structured = "json_schema", timeout_s: float = 5.0
    ) -> OpenAIWriter:
        writer = OpenAIWriter(
            model="gpt-test",
            api_key=key,
            base_url=url or server.openai_url,
            schema=reply_schema(),
            structured=structured,
            timeout_s=timeout_s,
        )
        made.append(writer)
        return writer

    yield build
    for writer in made:
        await writer.aclose()


async def test_a_reply_arrives_in_pieces_and_ends_with_its_usage(make: Make, collect: Collect) -> None:
    got = await collect(make())
    assert got.failed is None
    assert json.loads(got.text) == GOOD
    assert len([piece for piece in got.pieces if piece]) > 5
    assert got.last is not None
    assert (got.last.text, got.last.finish_reason) == ("", "stop")
    assert (got.last.input_tokens, got.last.output_tokens) == (11, 7)
    assert got.last.response_id is not None
    assert got.last.response_id.startswith("chatcmpl-")


async def test_pieces_come_while_the_model_still_writes(server: ScriptedModel, make: Make, brief: Brief) -> None:
    server.then(Answer(gap=0.02))
    stream = make().stream(brief)
    assert (await anext(stream)).text
    assert server.running == 1
    async for _ in stream:
        pass
    await server.idle()
    assert (server.finished, server.closed_by_client) == (1, 0)


async def test_the_request_holds_the_server_to_the_schema(server: ScriptedModel, make: Make, collect: Collect) -> None:
    await collect(make())
    sent = server.requests[0]
    assert sent["model"] == "gpt-test"
    assert sent["stream_options"] == {"include_usage": True}
    assert sent["response_format"]["json_schema"]["strict"] is True
    assert sent["response_format"]["json_schema"]["schema"] == reply_schema()
    assert [message["role"] for message in sent["messages"]] == [
        "system", "assistant", "user", "assistant", "user", "user"
    ]  # fmt: skip
    assert sent["messages"][0]["content"] == "You answer in JSON with a reply."


@pytest.mark.parametrize(("structured", "expected"), [("json_object", {"type": "json_object"}), ("off", None)])
async def test_a_server_that_knows_less_is_told_the_schema_in_words(
    server: ScriptedModel, make: Make, collect: Collect, structured: Structured, expected: object
) -> None:
    got = await collect(make(structured=structured))
    assert got.failed is None
    assert server.requests[0].get("response_format") == expected
    assert '"talking_points"' in server.requests[0]["messages"][0]["content"]


@pytest.mark.parametrize(("step", "kind"), FAULTS.values(), ids=list(FAULTS))
async def test_every_fault_has_its_name(
    server: ScriptedModel, make: Make, collect: Collect, step: Step, kind: FailureKind
) -> None:
    server.then(step)
    got = await collect(make())
    assert got.failed is not None
    assert got.failed.kind == kind
    shown = "".join(traceback.format_exception(got.failed))
    assert KEY not in shown
    assert got.failed.__context__ is None
    await server.idle()
    assert len(server.requests) == 1


async def test_the_content_filter_is_a_refusal(server: ScriptedModel, make: Make, collect: Collect) -> None:
    server.then(Refuse(filtered=True))
    got = await collect(make())
    assert got.failed is not None
    assert (got.failed.kind, got.failed.detail) == ("refused", "content_filter")


@pytest.mark.parametrize("step", [BrokenJson(), WrongSchema()], ids=["broken", "wrong"])
async def test_what_the_text_is_worth_is_not_the_clients_business(
    server: ScriptedModel, make: Make, collect: Collect, step: BrokenJson | WrongSchema
) -> None:
    server.then(step)
    got = await collect(make())
    assert (got.failed, got.text) == (None, step.text)


async def test_a_wrong_key_is_named_but_not_shown(make: Make, collect: Collect) -> None:
    got = await collect(make(key="sk-another-secret"))
    assert got.failed is not None
    assert got.failed.kind == "auth"
    assert "another" not in "".join(traceback.format_exception(got.failed))


@pytest.mark.parametrize(("header", "expected"), [("3", 3.0), ("0.5", 0.5), (None, None), ("soon", None), ("-1", 0.0)])
async def test_retry_after_is_handed_on(
    server: ScriptedModel, make: Make, collect: Collect, header: str | None, expected: float | None
) -> None:
    server.then(RateLimited(header))
    got = await collect(make())
    assert got.failed is not None
    assert got.failed.retry_after_s == expected


async def test_retry_after_as_a_date_counts_from_the_answers_own_date(
    server: ScriptedModel, make: Make, collect: Collect
) -> None:
    server.then(RateLimited("Fri, 31 Dec 9999 23:59:59 GMT"))
    got = await collect(make())
    assert got.failed is not None
    assert got.failed.retry_after_s is not None
    assert got.failed.retry_after_s > 1e9


async def test_nobody_there(make: Make, collect: Collect) -> None:
    got = await collect(make(url="http://127.0.0.1:9/v1"))
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


@pytest.mark.parametrize("step", [Stall(None), Stall(0), Stall(3), CutOff(2)], ids=["headers", "first", "mid", "cut"])
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
    assert server.running == 0
    server.default = Answer()
    assert (await collect(writer)).failed is None
    await asyncio.sleep(0.02)
    assert len(asyncio.all_tasks()) <= before + 2
