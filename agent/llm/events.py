"""Server-sent events out of an answer's bytes. The official clients' own readers cost a turn more CPU than the predictors do."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import httpx2
import orjson

LONGEST = 1_000_000
"""Bytes of one event."""
DRAIN_S = 0.1
_DONE = b"[DONE]"


async def read_events(response: httpx2.Response) -> AsyncGenerator[Any]:
    """The JSON of each event, until the answer or the connection ends. What stands behind ``[DONE]`` is read and dropped for a
    moment, so that the connection can serve again. Raises ``ValueError`` for what is no event, and the transport's errors."""
    pieces = response.aiter_bytes()
    rest, data = b"", b""
    async for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) + len(data) > LONGEST:
            raise ValueError("an event without an end")
        for line in lines:
            data, whole = _joined(data, line.rstrip(b"\r"))
            if whole == _DONE:
                await _drain(pieces)
                return
            if whole:
                yield orjson.loads(whole)
    data, _ = _joined(data, rest.rstrip(b"\r"))
    if data and data != _DONE:
        yield orjson.loads(data)


def _joined(data: bytes, line: bytes) -> tuple[bytes, bytes]:
    """What is gathered of an event so far, and the event when ``line`` ends it."""
    if not line:
        return b"", data
    if not line.startswith(b"data:"):
        return data, b""
    more = line[5:].strip()
    return (data + b"\n" + more if data else more), b""


async def _drain(pieces: AsyncIterator[bytes]) -> None:
    try:
        async with asyncio.timeout(DRAIN_S):
            async for _ in pieces:
                pass
    except (TimeoutError, httpx2.HTTPError, httpx2.StreamError):
        pass
