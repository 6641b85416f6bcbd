"""Servers that answer 200 and then something that is no stream of events: proxies, login pages, other protocols."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from agent.errors import FailureKind
from agent.llm.anthropic import AnthropicWriter
from agent.llm.langchain import LangChainWriter, chat_openai
from agent.llm.openai import OpenAIWriter
from agent.reply.schema import reply_schema
from tests.agent.llm.conftest import Collect

BODIES: dict[str, tuple[str, bytes, FailureKind]] = {
    "a web page": ("text/html", b"<html><body>Please log in</body></html>", "cut_off"),
    "broken events": ("text/event-stream", b"event: message_start\ndata: {not json\n\n", "server_error"),
    "another protocol": ("text/event-stream", b'event: message_start\ndata: ["hello"]\n\n', "server_error"),
}


async def _serve(content_type: str, body: bytes) -> web.AppRunner:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=body, content_type=content_type)

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    app.router.add_post("/v1/messages", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner


@pytest.fixture(params=BODIES.values(), ids=list(BODIES))
async def garbage(request: pytest.FixtureRequest) -> AsyncIterator[tuple[str, FailureKind]]:
    content_type, body, kind = request.param
    runner = await _serve(content_type, body)
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", kind
    await runner.cleanup()


@pytest.mark.parametrize("client", ["openai", "anthropic", "langchain"])
async def test_garbage_is_a_failure_with_a_name(
    garbage: tuple[str, FailureKind], client: str, collect: Collect
) -> None:
    url, kind = garbage
    schema = reply_schema()
    writer: OpenAIWriter | AnthropicWriter | LangChainWriter
    if client == "openai":
        writer = OpenAIWriter(model="m", api_key="k", base_url=f"{url}/v1", schema=schema)
    elif client == "anthropic":
        writer = AnthropicWriter(model="m", api_key="k", base_url=url, schema=schema)
    else:
        writer = LangChainWriter(chat_openai("m", "k", f"{url}/v1"), schema=schema)
    got = await collect(writer)
    await writer.aclose()
    assert got.failed is not None
    assert got.failed.kind == kind
