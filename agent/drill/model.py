"""A scripted model in a process of its own: OpenAI's chat completions, streamed, with faults that are switched over HTTP.

    python -m agent.drill.model --port 9000

``POST /control`` with ``{"fault": ..., "share": ...}`` lets that share of the following requests fail. It is written on bare
sockets, because a server that keeps to HTTP can't break it: a reset is a reset here.
"""

import argparse
import asyncio
import contextlib
import random
import socket
import struct
from enum import StrEnum
from typing import Any

import orjson

HOST = "127.0.0.1"
WHOLE_S = 0.15
"""Until a good answer is complete; its first piece comes after a third of that."""
PIECE = 24
STALL_S = 60.0
IN_SPANISH = b"message, in Spanish,"
"""Stands in the product's prompt when the customer is to be answered in Spanish (``prompts/system.md.j2``)."""
_QUESTIONS = ("What matters most to you about this?", "¿Qué es lo más importante para usted?")
_REPLIES = ("Thank you for telling me. ", "Gracias por contármelo. ")


class ModelFault(StrEnum):
    NONE = "none"
    RATE_LIMITED = "rate_limited"
    RATE_LIMITED_UNTIL = "rate_limited_until"
    SERVER_ERROR = "server_error"
    SLOW = "slow"
    STALLED = "stalled"
    BROKEN_JSON = "broken_json"
    WRONG_SCHEMA = "wrong_schema"
    RESET = "reset"
    MIXED = "mixed"


SINGLE = tuple(fault for fault in ModelFault if fault not in (ModelFault.NONE, ModelFault.MIXED))
_HEADS: dict[ModelFault, tuple[str, tuple[str, ...]]] = {
    ModelFault.RATE_LIMITED: ("429 Too Many Requests", ()),
    ModelFault.RATE_LIMITED_UNTIL: ("429 Too Many Requests", ("Retry-After: 1",)),
    ModelFault.SERVER_ERROR: ("500 Internal Server Error", ()),
}
_TEXTS: dict[ModelFault, str] = {
    ModelFault.BROKEN_JSON: '{"reply": "Thank you", "talking_points": [}',
    ModelFault.WRONG_SCHEMA: '{"answer": "Thank you"}',
}


class ScriptedModel:
    """``chance`` draws which requests fail; the same seed, the same draws."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._fault = ModelFault.NONE
        self._share = 0.0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, request by request, until either side has had enough."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = await reader.readexactly(_length(head))
                if head.startswith(b"POST /control "):
                    self._control(orjson.loads(body))
                    writer.write(_whole("200 OK", b"{}"))
                elif not await _answer(writer, self._draw(), IN_SPANISH in body):
                    return
                await writer.drain()
        writer.close()

    def _control(self, wanted: dict[str, Any]) -> None:
        self._fault, self._share = ModelFault(wanted["fault"]), float(wanted["share"])

    def _draw(self) -> ModelFault:
        if self._chance.random() >= self._share:
            return ModelFault.NONE
        return self._chance.choice(SINGLE) if self._fault is ModelFault.MIXED else self._fault


async def _answer(writer: asyncio.StreamWriter, fault: ModelFault, in_spanish: bool) -> bool:
    """``False`` when the connection is gone afterwards."""
    if fault is ModelFault.RESET:
        return _reset(writer)
    if fault in _HEADS:
        status, headers = _HEADS[fault]
        error = {"error": {"message": "scripted fault", "type": "server_error", "code": None, "param": None}}
        writer.write(_whole(status, orjson.dumps(error), headers))
        return True
    text = _TEXTS.get(fault) or _reply(in_spanish)
    pieces = [text[start : start + PIECE] for start in range(0, len(text), PIECE)]
    whole_s = STALL_S / 2 if fault is ModelFault.SLOW else WHOLE_S
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    await asyncio.sleep(WHOLE_S / 3)
    for number, piece in enumerate(pieces):
        if fault is ModelFault.STALLED and number == 1:
            await writer.drain()
            await asyncio.sleep(STALL_S)
        writer.write(_event({"content": piece}))
        await writer.drain()
        await asyncio.sleep((whole_s - WHOLE_S / 3) / len(pieces))
    writer.write(_event({}, "stop") + _chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")
    return True


def _reply(in_spanish: bool) -> str:
    question = _QUESTIONS[in_spanish]
    draft = {"reply": _REPLIES[in_spanish] + question, "talking_points": ["Listen first", "Then match one need"]}
    rest = {"objection_answered": None, "question_asked": question, "next_step": "Wait", "handoff": False}
    return orjson.dumps({**draft, **rest}).decode()


def _reset(writer: asyncio.StreamWriter) -> bool:
    """Without lingering, a close is a RST on the wire."""
    peer: socket.socket = writer.get_extra_info("socket")
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return False


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0


def _whole(status: str, body: bytes, headers: tuple[str, ...] = ()) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def _event(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    head = {"id": "drill", "object": "chat.completion.chunk", "created": 1, "model": "drill"}
    return _chunk(b"data: " + orjson.dumps({**head, "choices": [choice]}) + b"\n\n")


def _chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


async def _serve(port: int, seed: int) -> None:
    server = await asyncio.start_server(ScriptedModel(random.Random(seed)).serve, HOST, port)  # noqa: S311
    async with server:
        await server.serve_forever()


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--port", type=int, required=True)
    given.add_argument("--seed", type=int, default=7)
    asked = given.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(asked.port, asked.seed))


if __name__ == "__main__":
    main()
