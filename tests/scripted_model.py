"""A model server that does as it is told: OpenAI's and Anthropic's HTTP, streamed or whole, with every fault on demand.

It is a real server on 127.0.0.1, so the official clients talk to it over real sockets. What it writes comes from a script,
not from a model. As a program (``python -m tests.scripted_model --port 9000 --delay-ms 150``) it serves benchmarks.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from aiohttp import web

GOOD: dict[str, Any] = {
    "reply": "Thank you for telling me. What matters most to you about this, so that I can help you with the right thing?",
    "talking_points": ["Listen first", "Then match one need"],
    "objection_answered": None,
    "question_asked": "What matters most to you about this?",
    "next_step": "Wait for the answer",
    "handoff": False,
}
FOREVER = 3600.0
Finish = Literal["stop", "length", "refusal", "content_filter"]
Cut = Literal["drop", "end", "error"]


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply in pieces of ``chunk_size`` characters: the first after ``delay`` seconds, the others ``gap`` apart."""

    text: str = json.dumps(GOOD)
    chunk_size: int = 16
    delay: float = 0.0
    gap: float = 0.0
    as_text: bool = False
    """Anthropic only: a text block, although a tool was asked for."""
    finish: Finish = "stop"


@dataclass(frozen=True, slots=True)
class Stall:
    """Silence after ``after`` pieces (``None``: before the headers), then the rest. Without ``seconds``: for good."""

    after: int | None = 0
    seconds: float = FOREVER


@dataclass(frozen=True, slots=True)
class CutOff:
    """Ends after ``after`` pieces without a finish: the connection drops, the stream just ends, or an error event ends it."""

    after: int = 3
    how: Cut = "drop"


@dataclass(frozen=True, slots=True)
class BrokenJson:
    text: str = '{"reply": "Thank you", "talking_points": [}'


@dataclass(frozen=True, slots=True)
class WrongSchema:
    text: str = '{"answer": "Thank you"}'


@dataclass(frozen=True, slots=True)
class RateLimited:
    """Status 429. ``retry_after`` is the header as it stands on the wire: seconds or an HTTP date."""

    retry_after: str | None = "2"


@dataclass(frozen=True, slots=True)
class ServerError:
    """Any other status that is not 200, the client's faults (400, 401, 404) included."""

    status: int = 500
    message: str = "scripted fault"


@dataclass(frozen=True, slots=True)
class Refuse:
    """The model declines: OpenAI's ``refusal`` field, Anthropic's stop reason; or (``filtered``) OpenAI's content filter."""

    filtered: bool = False


@dataclass(frozen=True, slots=True)
class EmptyStream:
    """Status 200 and not one event."""


@dataclass(frozen=True, slots=True)
class SlowDrip:
    """A good reply (or ``text``, e.g. blanks) so slowly that each piece is in time and the whole is not."""

    gap: float = 0.05
    chunk_size: int = 4
    text: str = json.dumps(GOOD)


Step = Answer | Stall | CutOff | BrokenJson | WrongSchema | RateLimited | ServerError | Refuse | EmptyStream | SlowDrip


class ScriptedModel:
    """Takes one step of the script for each request; after the last one it goes on with ``default``.

    With an ``api_key`` it answers 401 to every other key. ``requests`` are the bodies as they came.
    """

    def __init__(self, *script: Step, default: Step | None = None, api_key: str | None = None, port: int = 0) -> None:
        self.script: deque[Step] = deque(script)
        self.default: Step = default or Answer()
        self.requests: list[dict[str, Any]] = []
        self.started = 0
        self.finished = 0
        self.closed_by_client = 0
        self._api_key = api_key
        self._port = port
        self._runner: web.AppRunner | None = None

    @property
    def running(self) -> int:
        return self.started - self.finished - self.closed_by_client

    @property
    def url(self) -> str:
        """Where Anthropic's client wants to go."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def openai_url(self) -> str:
        return f"{self.url}/v1"

    def then(self, *steps: Step) -> None:
        self.script.extend(steps)

    async def idle(self, seconds: float = 2.0) -> None:
        """Returns when no request runs any more; raises ``TimeoutError`` if that takes too long."""
        async with asyncio.timeout(seconds):
            while self.running:
                await asyncio.sleep(0.005)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._serve)
        app.router.add_post("/v1/messages", self._serve)
        app.router.add_get("/v1/models", self._models)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "scripted", "object": "model"}]})

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        wire = (_Anthropic if request.path == "/v1/messages" else _OpenAI)(await request.json())
        self.requests.append(wire.body)
        self.started += 1
        ended = False
        try:
            step = self.script.popleft() if self.script else self.default
            key = request.headers.get("X-Api-Key") or request.headers.get("Authorization", "").removeprefix("Bearer ")
            if self._api_key is not None and key != self._api_key:
                step = ServerError(401, "wrong key")
            response = await _act(request, wire, step)
            ended = True
        except ConnectionResetError:
            return web.Response()
        finally:
            self.finished += ended
            self.closed_by_client += not ended
        return response


async def _act(request: web.Request, wire: "_OpenAI | _Anthropic", step: Step) -> web.StreamResponse:
    if isinstance(step, RateLimited):
        headers = {} if step.retry_after is None else {"Retry-After": step.retry_after}
        return web.json_response(wire.error(429, "slow down"), status=429, headers=headers)
    if isinstance(step, ServerError):
        return web.json_response(wire.error(step.status, step.message), status=step.status)
    play = _play(step)
    if play.stall_after is None:
        await asyncio.sleep(play.stall_s)
    return await (_stream if wire.body.get("stream") else _whole)(request, wire, play)


@dataclass(frozen=True, slots=True)
class _Play:
    """A step in the only terms that the two ways of answering know."""

    answer: Answer
    stall_after: int | None = -1
    stall_s: float = 0.0
    cut_after: int | None = None
    cut: Cut = "drop"


def _play(step: Step) -> _Play:
    match step:
        case Answer():
            return _Play(step)
        case Stall(after, seconds):
            return _Play(Answer(), after, seconds)
        case CutOff(after, how):
            return _Play(Answer(), cut_after=after, cut=how)
        case BrokenJson(text) | WrongSchema(text):
            return _Play(Answer(text))
        case Refuse(filtered):
            return _Play(Answer("I can't help with that.", finish="content_filter" if filtered else "refusal"))
        case SlowDrip(gap, chunk_size, text):
            return _Play(Answer(text, chunk_size, gap, gap))
        case _:
            return _Play(Answer(""), cut_after=-1, cut="end")


async def _stream(request: web.Request, wire: "_OpenAI | _Anthropic", play: _Play) -> web.StreamResponse:
    """What is due at the same moment leaves in one write; that is cheaper, and providers do it, too."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
    await response.prepare(request)
    answer = play.answer
    due = b"" if play.cut_after == -1 else wire.opening(answer)
    for number, piece in enumerate(_pieces(answer)):
        pause = (answer.gap if number else answer.delay) + (play.stall_s if number == play.stall_after else 0.0)
        if pause:
            await response.write(due)
            due = b""
            await asyncio.sleep(pause)
        if number == play.cut_after:
            break
        due += wire.piece(piece, answer)
    if play.cut_after is None:
        due += wire.closing(answer)
    elif play.cut == "error":
        due += wire.error_event()
    await response.write(due)
    if play.cut_after is not None and play.cut == "drop" and request.transport is not None:
        await asyncio.sleep(0.01)
        request.transport.close()
        return response
    await response.write_eof()
    return response


async def _whole(request: web.Request, wire: "_OpenAI | _Anthropic", play: _Play) -> web.StreamResponse:
    pieces = sum(1 for _ in _pieces(play.answer))
    await asyncio.sleep(play.answer.delay + play.answer.gap * max(0, pieces - 1) + play.stall_s)
    if play.cut == "error":
        return web.json_response(wire.error(529, "overloaded"), status=529)
    if play.cut_after is not None and request.transport is not None:
        request.transport.close()
    return web.json_response(wire.whole(play.answer))


def _pieces(answer: Answer) -> Iterator[str]:
    for start in range(0, len(answer.text), answer.chunk_size):
        yield answer.text[start : start + answer.chunk_size]


_numbers = itertools.count(1)
_USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


@dataclass
class _OpenAI:
    body: dict[str, Any]
    id: str = field(default_factory=lambda: f"chatcmpl-{next(_numbers)}")

    def opening(self, answer: Answer) -> bytes:
        return self._chunk({"role": "assistant", "content": ""})

    def piece(self, text: str, answer: Answer) -> bytes:
        return self._chunk({"refusal" if answer.finish == "refusal" else "content": text})

    def closing(self, answer: Answer) -> bytes:
        end = self._chunk({}, "stop" if answer.finish == "refusal" else answer.finish)
        if (self.body.get("stream_options") or {}).get("include_usage"):
            end += self._line({**self._head("chat.completion.chunk"), "choices": [], "usage": _USAGE})
        return end + b"data: [DONE]\n\n"

    def whole(self, answer: Answer) -> dict[str, Any]:
        said = {"refusal": answer.text, "content": None} if answer.finish == "refusal" else {"content": answer.text}
        finish = "stop" if answer.finish == "refusal" else answer.finish
        choice = {"index": 0, "message": {"role": "assistant", **said}, "finish_reason": finish}
        return {**self._head("chat.completion"), "choices": [choice], "usage": _USAGE}

    def error(self, status: int, message: str) -> dict[str, Any]:
        kind = {401: "authentication_error", 429: "rate_limit_error"}.get(status, "server_error")
        return {"error": {"message": message, "type": kind, "code": None, "param": None}}

    def error_event(self) -> bytes:
        return self._line(self.error(503, "overloaded"))

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": 1, "model": self.body.get("model", "scripted")}

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return self._line({**self._head("chat.completion.chunk"), "choices": [choice]})

    def _line(self, event: dict[str, Any]) -> bytes:
        return b"data: " + json.dumps(event).encode() + b"\n\n"


@dataclass
class _Anthropic:
    body: dict[str, Any]
    id: str = field(default_factory=lambda: f"msg_{next(_numbers)}")

    def opening(self, answer: Answer) -> bytes:
        block = self._block({}, "", answer)
        return (
            self._event(
                "message_start",
                message={**self._head(), "content": [], "usage": {"input_tokens": 11, "output_tokens": 1}},
            )
            + self._event("content_block_start", index=0, content_block=block)
            + self._event("ping")
        )

    def piece(self, text: str, answer: Answer) -> bytes:
        as_text = {"type": "text_delta", "text": text}
        delta = as_text if self._tool(answer) is None else {"type": "input_json_delta", "partial_json": text}
        return self._event("content_block_delta", index=0, delta=delta)

    def closing(self, answer: Answer) -> bytes:
        ended = {"stop_reason": self._stop_reason(answer), "stop_sequence": None}
        last = self._event("message_delta", delta=ended, usage={"output_tokens": 7}) + self._event("message_stop")
        return self._event("content_block_stop", index=0) + last

    def whole(self, answer: Answer) -> dict[str, Any]:
        given = {} if self._tool(answer) is None else json.loads(answer.text)
        content = [self._block(given, answer.text, answer)]
        ended = {"stop_reason": self._stop_reason(answer), "usage": {"input_tokens": 11, "output_tokens": 7}}
        return {**self._head(), "content": content, **ended}

    def error(self, status: int, message: str) -> dict[str, Any]:
        kinds = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error"}
        return {"type": "error", "error": {"type": kinds.get(status, "api_error"), "message": message}}

    def error_event(self) -> bytes:
        return self._event("error", error={"type": "overloaded_error", "message": "Overloaded"})

    def _tool(self, answer: Answer) -> str | None:
        choice = self.body.get("tool_choice") or {}
        return None if answer.as_text or answer.finish == "refusal" else choice.get("name")

    def _block(self, given: dict[str, Any], text: str, answer: Answer) -> dict[str, Any]:
        name = self._tool(answer)
        if name is None:
            return {"type": "text", "text": text}
        return {"type": "tool_use", "id": f"toolu_{self.id}", "name": name, "input": given}

    def _stop_reason(self, answer: Answer) -> str:
        if answer.finish == "stop":
            return "end_turn" if self._tool(answer) is None else "tool_use"
        return "max_tokens" if answer.finish == "length" else "refusal"

    def _head(self) -> dict[str, Any]:
        named = {"id": self.id, "type": "message", "role": "assistant", "model": self.body.get("model", "scripted")}
        return {**named, "stop_reason": None, "stop_sequence": None}

    def _event(self, kind: str, **event: object) -> bytes:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **event})}\n\n".encode()


async def _serve_until_stopped(port: int, first_s: float, whole_s: float) -> None:
    gaps = sum(1 for _ in _pieces(Answer())) - 1
    answer = Answer(delay=first_s, gap=max(0.0, whole_s - first_s) / gaps)
    async with ScriptedModel(default=answer, port=port) as model:
        print(model.openai_url, flush=True)
        while True:
            await asyncio.sleep(1)
            model.requests.clear()


def main() -> None:
    parser = argparse.ArgumentParser(description="A model server for benchmarks; prints its address when it is up.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay-ms", type=float, default=0.0, help="until the answer is complete")
    parser.add_argument("--delay-first-ms", type=float, help="until its first piece; default: all of --delay-ms")
    given = parser.parse_args()
    first = given.delay_ms if given.delay_first_ms is None else given.delay_first_ms
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve_until_stopped(given.port, first / 1000, given.delay_ms / 1000))


if __name__ == "__main__":
    main()
