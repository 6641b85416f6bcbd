"""A model server for benchmarks: OpenAI's chat completions, streamed and whole, in a process of its own, as cheap as can be.

    python -m benchmarks.model_server --port 9000

It answers every request in the language that the system message asks for ("in Spanish", "in English"), each time with another
reply, at the pace that ``POST /pace`` set last. ``GET /log`` gives and forgets what happened: of every answer the customer's last
words, when the request was there, when the first useful token, the end of the first sentence and the end left (seconds of
``time.monotonic``, which all processes of a machine share). Of an answer that is not streamed the first two are the moments
at which a stream would have had them. Every fault on demand is the job of ``tests.scripted_model``; this one has none.
"""

import argparse
import asyncio
import time
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import httptools
import orjson
import uvloop

from benchmarks.spoken import POINTS, REPLIES

STRIDE = 7_919
"""From one reply to the next: a prime, so that every one is said before one comes again, and neighbours differ."""
PIECE = 16
"""Characters of one event of a stream: about four tokens, as providers send them when they write fast."""
_USAGE = {"prompt_tokens": 1100, "completion_tokens": 70, "total_tokens": 1170}
_HEAD = {"id": "chatcmpl-1", "created": 1, "model": "scripted"}


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds from the request to the first piece and to the end; characters of a piece."""

    first_s: float = 0.0
    whole_s: float = 0.0
    piece: int = PIECE


class Script:
    """One answer as bytes: the whole one, and the events of a stream with the share of the time at which each is due."""

    def __init__(self, language: str, number: int, pace: Pace) -> None:
        self.pace = pace
        sentences = REPLIES[language][number]
        reply = " ".join(sentences)
        written: dict[str, Any] = {"reply": reply, "talking_points": POINTS[language], "objection_answered": None}
        written |= {"question_asked": sentences[-1], "next_step": None, "handoff": False}
        text = orjson.dumps(written).decode()
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        self.whole = _http(orjson.dumps({**_HEAD, "object": "chat.completion", "choices": [choice], "usage": _USAGE}))
        pieces = [text[start : start + pace.piece] for start in range(0, len(text), pace.piece)]
        step = (pace.whole_s - pace.first_s) / max(1, len(pieces) - 1)
        due = [pace.first_s + number * step for number in range(len(pieces))]
        begin = text.index(reply)
        self.first_s = due[begin // pace.piece]
        self.sentence_s = due[(begin + len(sentences[0]) + 1) // pace.piece]
        events = [_event({"content": piece}) for piece in pieces]
        events[0] = _event({"role": "assistant", "content": ""}) + events[0]
        events[-1] += _event({}, "stop") + _usage_event() + b"data: [DONE]\n\n"
        timed = groupby(zip(due, events, strict=True), key=lambda one: one[0])
        self.stream = [(at, _chunk(b"".join(event for _, event in group))) for at, group in timed]


def _event(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: %b\n\n" % orjson.dumps({**_HEAD, "object": "chat.completion.chunk", "choices": [choice]})


def _usage_event() -> bytes:
    return b"data: %b\n\n" % orjson.dumps({**_HEAD, "object": "chat.completion.chunk", "choices": [], "usage": _USAGE})


def _http(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
    return head + body


_STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_STREAM_END = b"0\r\n\r\n"


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Desk:
    """What all connections share: the pace and the log."""

    def __init__(self) -> None:
        self.log: list[tuple[str, float, float, float, float]] = []
        self.pace = Pace()
        self._number = 0
        self._scripts: dict[tuple[str, int], Script] = {}

    def set(self, pace: Pace) -> None:
        self.pace = pace
        self._scripts.clear()

    def script(self, language: str) -> Script:
        """The next answer; put together when it is given for the first time."""
        self._number += STRIDE
        key = language, self._number % len(REPLIES[language])
        if key not in self._scripts:
            self._scripts[key] = Script(*key, self.pace)
        return self._scripts[key]


class Connection(asyncio.Protocol):
    """One connection; a client sends its next request when it has the answer to the last."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._parser = httptools.HttpRequestParser(self)
        self._transport: Any = None
        self._url = b""
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._url = self._body = b""

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        arrived = time.monotonic()
        if self._url.endswith(b"/chat/completions"):
            self._answer(orjson.loads(self._body), arrived)
        elif self._url == b"/pace":
            self._desk.set(Pace(**orjson.loads(self._body)))
            self._transport.write(_http(b"{}"))
        else:
            log, self._desk.log = self._desk.log, []
            self._transport.write(_http(orjson.dumps(log)))

    def _answer(self, request: dict[str, Any], arrived: float) -> None:
        said: list[dict[str, str]] = request["messages"]
        script = self._desk.script("es" if "in Spanish" in said[0]["content"] else "en")
        words = next(message["content"] for message in reversed(said) if message["role"] == "user")
        streamed = bool(request.get("stream"))
        parts = script.stream if streamed else [(script.pace.whole_s, script.whole)]
        loop = asyncio.get_running_loop()

        def write(number: int) -> None:
            if self._transport.is_closing():
                return
            data = parts[number][1]
            if streamed and number == 0:
                data = _STREAM_HEAD + data
            last = number == len(parts) - 1
            left.append(time.monotonic())
            self._transport.write(data + _STREAM_END if streamed and last else data)
            if last:
                self._desk.log.append((words, arrived, *_moments(script, parts, left, arrived), left[-1]))
            else:
                _at(loop, arrived + parts[number + 1][0], write, number + 1)

        left: list[float] = []
        _at(loop, arrived + parts[0][0], write, 0)


def _at(loop: asyncio.AbstractEventLoop, moment: float, write: Any, number: int) -> None:
    wait = moment - time.monotonic()
    if wait <= 0:
        write(number)
    else:
        loop.call_later(wait, write, number)


def _moments(
    script: Script, parts: list[tuple[float, bytes]], left: list[float], arrived: float
) -> tuple[float, float]:
    """When the first useful token and the end of the first sentence really left; of a whole answer, when they were due."""
    if parts is not script.stream:
        return arrived + script.first_s, arrived + script.sentence_s
    by_due = dict(zip((due for due, _ in parts), left, strict=True))
    return by_due[script.first_s], by_due[script.sentence_s]


async def serve(port: int) -> None:
    desk = Desk()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(desk), "127.0.0.1", port, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description="A model server for benchmarks; prints its address when it is up.")
    parser.add_argument("--port", type=int, default=0)
    uvloop.run(serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
