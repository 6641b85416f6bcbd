"""The line of a conversation within this process: who came first is served first. Between processes the store does it."""

import asyncio
from collections.abc import Hashable
from weakref import WeakValueDictionary


class Line:
    """``arriving`` is held while a message is put into the store, ``turn`` while its turn is waited for and run.

    asyncio's locks are fair, and a call that gives up ``arriving`` asks for ``turn`` before the next one arrives: the order
    here is that of the store.
    """

    __slots__ = ("__weakref__", "arriving", "turn")

    def __init__(self) -> None:
        self.arriving = asyncio.Lock()
        self.turn = asyncio.Lock()


class Lines:
    """A line is there as long as somebody stands in it."""

    def __init__(self) -> None:
        self._lines: WeakValueDictionary[Hashable, Line] = WeakValueDictionary()

    def line(self, name: Hashable) -> Line:
        found = self._lines.get(name)
        if found is None:
            found = self._lines[name] = Line()
        return found
