"""The one Protocol behind which every writer stands (OpenAI-compatible, Anthropic, LangChain, the offline composer), and
what it is held to."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from agent.deadline import RESERVE_S
from agent.turn import Brief, Delta


class Writer(Protocol):
    """Writes one reply as JSON text, piece by piece, in the shape of ``agent.reply.schema.ReplyDraft``.

    ``stream`` raises ``agent.errors.WriterFailed`` and nothing else; closing the generator ends the request.
    """

    @property
    def name(self) -> str: ...

    def stream(self, brief: Brief) -> AsyncGenerator[Delta]: ...

    async def aclose(self) -> None: ...


@runtime_checkable
class Connects(Protocol):
    """A writer that can open its connection ahead of the first reply, with a request that costs nothing."""

    async def connect(self) -> None:
        """Raises ``agent.errors.WriterFailed`` when nobody answers, or the key is not taken."""
        ...


class Sink(Protocol):
    """Where the pieces go. ``feed`` lets checked sentences out; after ``said`` is true the text can't be taken back."""

    @property
    def said(self) -> bool: ...

    async def feed(self, piece: str) -> None:
        """Raises ``WriterFailed`` when what came can't be a reply."""
        ...

    def reset(self) -> None:
        """Forgets what was fed, because another writer starts from the top. Only called while ``said`` is false."""
        ...


@dataclass(frozen=True, slots=True)
class Stalls:
    """How long a writer may keep a customer waiting, in seconds: to the first useful token, between tokens, in all.

    ``reserve_s`` of the turn's budget is left for what comes after the models: the composer, the check and the commit.
    """

    first_token_s: float = 4.0
    gap_s: float = 3.0
    whole_s: float = 12.0
    reserve_s: float = RESERVE_S


@dataclass(frozen=True, slots=True)
class Limits:
    """What protects a provider from us, and us from a provider; each rung of the ladder has its own.

    ``failures_to_open`` failures in a row skip a writer for ``open_s`` seconds. ``concurrency`` requests run at a time; one
    more waits ``place_s`` seconds and then goes to the next rung. Retries are at most ``retry_share`` of the requests.
    ``hedge_after_s`` without a useful token asks a second writer, too; ``None``: never.
    """

    failures_to_open: int = 5
    open_s: float = 30.0
    concurrency: int = 64
    place_s: float = 0.25
    retry_share: float = 0.1
    hedge_after_s: float | None = None
