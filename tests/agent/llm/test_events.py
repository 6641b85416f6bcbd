"""Events out of bytes, however the network cuts them."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from agent.llm import events
from agent.llm.events import read_events


class Cut(httpx2.AsyncByteStream):
    """A body that arrives in these pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces
        self.read = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            self.read += 1
            yield piece


async def found(*pieces: bytes) -> list[object]:
    return [event async for event in read_events(httpx2.Response(200, stream=Cut(*pieces)))]


BODY = (
    b': hello\r\n\r\nevent: delta\r\nid: 7\r\ndata: {"a": "\xc3\xa9\\n"}\r\n\r\n'
    b'data:{"b":\ndata: 2}\n\nretry: 10\n\ndata: [DONE]\n\n'
)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
async def test_they_are_read_however_the_bytes_are_cut(size: int) -> None:
    pieces = [BODY[start : start + size] for start in range(0, len(BODY), size)]
    assert await found(*pieces) == [{"a": "é\n"}, {"b": 2}]


async def test_the_last_one_may_lack_its_end() -> None:
    assert await found(b'data: {"a": 1}\n\ndata: {"b": 2}') == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize("body", [b"data: {\n\n", b'data: {"a": 1}\ndata: x\n\n', b"data: \xff\n\n"])
async def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"JSON|unexpected|str is not valid|expected|invalid"):
        await found(body)


async def test_one_without_an_end_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "LONGEST", 100)
    for endless in (b"data: " + b"x" * 30, b"data: x\n" * 5):
        body = Cut(*[endless] * 50)
        with pytest.raises(ValueError, match="without an end"):
            async for _ in read_events(httpx2.Response(200, stream=body)):
                pass
        assert body.read < 20


async def test_what_stands_behind_done_is_read_and_dropped() -> None:
    body = Cut(b'data: {"a": 1}\n\ndata: [DONE]\n\n', b'data: {"b": 2}\n\n', b"\n")
    assert [event async for event in read_events(httpx2.Response(200, stream=body))] == [{"a": 1}]
    assert body.read == 3
