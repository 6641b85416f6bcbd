"""Server-sent events as another's client reads them: ``data`` lines, some with a name before them."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2

Named = tuple[str, Any]


def named(text: str) -> list[Named]:
    """(name, data) of every event; without a name the name is empty, and what is not JSON stays text."""
    blocks = text.split("\n\n")
    assert blocks.pop() == ""
    found: list[Named] = []
    for block in blocks:
        *name, data = block.split("\n")
        assert data.startswith("data: ") and all(line.startswith("event: ") for line in name), block
        found.append((name[0].removeprefix("event: ") if name else "", _value(data.removeprefix("data: "))))
    return found


def values(text: str) -> list[Any]:
    """The data of events that have no names."""
    found = named(text)
    assert {name for name, _ in found} <= {""}
    return [data for _, data in found]


async def arriving(answer: httpx2.Response) -> AsyncIterator[Any]:
    """The data of every event, as it comes."""
    async for line in answer.aiter_lines():
        if line.startswith("data: "):
            yield _value(line.removeprefix("data: "))


def _value(data: str) -> Any:
    return data if data == "[DONE]" else json.loads(data)
