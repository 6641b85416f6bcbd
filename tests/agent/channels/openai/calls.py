"""What the tests of OpenAI's surface share: requests, streams read to the letter, errors in its shape, a scripted model."""

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from agent.channels.openai import shapes
from agent.settings import Settings
from tests.agent.channels.parts import PATIENT, settings_with
from tests.agent.channels.sockets import listening
from tests.scripted_model import GOOD, Answer, ScriptedModel, Step

PATH = "/v1/chat/completions"
Json = dict[str, Any]


def said(*texts: str) -> list[Json]:
    """Messages in turns, the customer's first."""
    return [{"role": "assistant" if n % 2 else "user", "content": text} for n, text in enumerate(texts)]


async def ask(
    client: httpx2.AsyncClient, *texts: str, to: str | None = None, path: str = PATH, headers: Any = None, **more: Any
) -> httpx2.Response:
    """``to``: the conversation. ``messages`` in ``more`` take the place of ``texts``."""
    named = {**(headers or {}), **({"X-Conversation-Id": to} if to else {})}
    return await client.post(path, json={"model": "ngx", "messages": said(*texts), **more}, headers=named)


async def reply_to(client: httpx2.AsyncClient, *texts: str, **more: Any) -> str:
    answer = await ask(client, *texts, **more)
    assert answer.status_code == 200, answer.text
    content = shapes.Completion.model_validate_json(answer.content, strict=True).choices[0].message.content
    return content or ""


async def kept(client: httpx2.AsyncClient, conversation: str) -> list[tuple[str, str]]:
    """The transcript: the role's first letter and the text."""
    answer = await client.get(f"/conversations/{conversation}/messages?limit=1000")
    assert answer.status_code == 200, answer.text
    return [(message["role"][0], message["text"]) for message in answer.json()["messages"]]


@dataclass
class Streamed:
    """A stream that is what OpenAI's is: role, pieces, calls one by one, a finish, usage if it was asked for, the end."""

    pieces: list[str] = field(default_factory=list)
    calls: list[Json] = field(default_factory=list)
    finish: str | None = None
    usage: Json | None = None
    id: str = ""

    @property
    def text(self) -> str:
        return "".join(self.pieces)


def streamed(text: str, *, counts: bool = False) -> Streamed:
    blocks = text.split("\n\n")
    assert blocks.pop() == ""
    assert blocks.pop() == "data: [DONE]"
    chunks: list[Json] = [json.loads(block.removeprefix("data: ")) for block in blocks]
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks}) == 1
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    found = Streamed(id=chunks[0]["id"])
    if counts:
        last = chunks.pop()
        assert last["choices"] == []
        assert all(chunk["usage"] is None for chunk in chunks)
        found.usage = last["usage"]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    finishes = [chunk["choices"][0]["finish_reason"] for chunk in chunks]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert deltas[-1] == {}
    assert finishes[:-1] == [None] * (len(finishes) - 1)
    found.finish = finishes[-1]
    for delta in deltas[1:-1]:
        if "tool_calls" in delta:
            [call] = delta["tool_calls"]
            assert (call["index"], call["type"]) == (len(found.calls), "function")
            found.calls.append(call)
        else:
            assert not found.calls and delta["content"]
            found.pieces.append(delta["content"])
    return found


async def stream(client: httpx2.AsyncClient, *texts: str, **more: Any) -> Streamed:
    answer = await ask(client, *texts, stream=True, **more)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert (answer.headers["cache-control"], answer.headers["x-accel-buffering"]) == ("no-store", "no")
    return streamed(answer.text, counts="stream_options" in more)


def refused(answer: httpx2.Response, status: int, param: str | None, code: str) -> Json:
    """The error, once status and shape are OpenAI's."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert int(answer.headers["content-length"]) == len(answer.content)
    content: Json = answer.json()
    assert shapes.Refused.model_validate_json(answer.content, strict=True).model_dump() == content
    error: Json = content["error"]
    assert (error["param"], error["code"]) == (param, code), error
    assert error["message"]
    return error


def tool(name: str, *required: str, described: str = "", **properties: Any) -> Json:
    parameters = {"type": "object", "properties": properties, "required": list(required)}
    return {"type": "function", "function": {"name": name, "description": described, "parameters": parameters}}


def told(*sentences: str, **timing: Any) -> Answer:
    """A model's answer that says these sentences."""
    return Answer(json.dumps({**GOOD, "question_asked": None, "reply": " ".join(sentences)}), **timing)


@asynccontextmanager
async def modelled(
    settings: Settings, *script: Step, **more: Any
) -> AsyncIterator[tuple[httpx2.AsyncClient, ScriptedModel]]:
    """The application on a real socket, with a scripted model behind it."""
    async with ScriptedModel(*script, **more) as model:
        given = settings_with(settings, **PATIENT, models="openai").model_dump()
        given |= {"openai_api_key": "sk-test", "openai_base_url": model.openai_url}
        async with listening(Settings.model_validate(given)) as client:
            yield client, model
            await model.idle()


def fresh() -> str:
    return uuid.uuid4().hex
