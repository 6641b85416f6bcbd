"""LangChain's models: ChatOpenAI against a scripted server over real HTTP, and LangChain's own fake model."""

import asyncio
import json
import traceback
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from langchain_core.exceptions import ModelRateLimitError
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage

from agent.errors import FailureKind
from agent.llm.langchain import LangChainWriter, chat_openai
from agent.reply.schema import reply_schema
from agent.turn import Brief
from tests.agent.llm.conftest import KEY, Collect
from tests.agent.llm.faults import FAULTS
from tests.scripted_model import GOOD, Answer, BrokenJson, RateLimited, ScriptedModel, SlowDrip, Stall, Step

Make = Callable[..., LangChainWriter]


@pytest.fixture
async def make(server: ScriptedModel) -> AsyncIterator[Make]:
    made: list[LangChainWriter] = []

    def build(*, key: str = KEY, url: str | None = None, timeout_s: float = 5.0) -> LangChainWriter:
        model = chat_openai("gpt-test", key, url or server.openai_url, timeout_s=timeout_s)
        made.append(LangChainWriter(model, schema=reply_schema()))
        return made[-1]

    yield build
    for writer in made:
        await writer.aclose()


async def test_a_reply_arrives_in_pieces_and_ends_with_its_usage(
    server: ScriptedModel, make: Make, collect: Collect
) -> None:
    got = await collect(make())
    assert got.failed is None
    assert json.loads(got.text) == GOOD
    assert len([piece for piece in got.pieces if piece]) > 5
    assert got.last is not None
    assert (got.last.text, got.last.finish_reason) == ("", "stop")
    assert (got.last.input_tokens, got.last.output_tokens) == (11, 7)
    sent = server.requests[0]
    assert sent["response_format"]["json_schema"]["schema"] == reply_schema()
    assert [message["role"] for message in sent["messages"]] == [
        "system",
        "assistant",
        "user",
        "assistant",
        "user",
        "user",
    ]


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


async def test_broken_json_goes_through(server: ScriptedModel, make: Make, collect: Collect) -> None:
    server.then(BrokenJson())
    got = await collect(make())
    assert (got.failed, got.text) == (None, BrokenJson().text)


async def test_retry_after_is_handed_on(server: ScriptedModel, make: Make, collect: Collect) -> None:
    server.then(RateLimited("4"))
    got = await collect(make())
    assert got.failed is not None
    assert got.failed.retry_after_s == 4.0


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
    server.then(SlowDrip(gap=0.1))
    stream = make().stream(brief)
    await anext(stream)
    await stream.aclose()
    await server.idle(0.5)
    assert (server.finished, server.closed_by_client) == (0, 1)


@pytest.mark.parametrize("step", [Stall(None), Stall(3)], ids=["headers", "middle"])
async def test_cancelled_calls_leave_nothing_behind(
    server: ScriptedModel, make: Make, collect: Collect, step: Step
) -> None:
    server.default = step
    writer = make()
    before = len(asyncio.all_tasks())
    calls = [asyncio.create_task(collect(writer)) for _ in range(25)]
    while server.started < 25:
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.05)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    await server.idle()
    assert server.closed_by_client == 25
    server.default = Answer()
    assert (await collect(writer)).failed is None
    await asyncio.sleep(0.02)
    assert len(asyncio.all_tasks()) <= before + 2


async def test_a_model_that_says_nothing_of_its_finish(collect: Collect) -> None:
    model = GenericFakeChatModel(messages=iter([AIMessage(json.dumps(GOOD))]))
    got = await collect(LangChainWriter(model, schema=reply_schema()))
    assert got.failed is None
    assert json.loads(got.text) == GOOD
    assert len(got.pieces) > 5


class _Raises(GenericFakeChatModel):
    """A model of somebody else: it raises what it was given."""

    error: Any

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        raise self.error
        yield


class _Status(Exception):
    status_code = 503


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ModelRateLimitError("slow down, sk-test-very-secret"), "rate_limited"),
        (_Status("sk-test-very-secret"), "server_error"),
        (TimeoutError(), "too_slow"),
        (ConnectionRefusedError(), "unreachable"),
        (ZeroDivisionError("sk-test-very-secret"), "server_error"),
    ],
)
async def test_what_foreign_models_raise(collect: Collect, error: Exception, kind: FailureKind) -> None:
    got = await collect(LangChainWriter(_Raises(messages=iter(()), error=error), schema=reply_schema()))
    assert got.failed is not None
    assert got.failed.kind == kind
    assert KEY not in "".join(traceback.format_exception(got.failed))
