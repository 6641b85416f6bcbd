"""The writer behind Anthropic's messages. The model must call one tool, whose input is the reply."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any, cast

import anthropic
import httpx2

from agent.errors import WriterFailed
from agent.llm import faults
from agent.llm.chat import alternating, chat
from agent.llm.events import read_events
from agent.turn import Brief, Delta

ANTHROPIC_URL = "https://api.anthropic.com"
_TOOL = "reply"
_WHOLE = frozenset({"tool_use", "end_turn", "stop_sequence"})
_FAULTS = (anthropic.AnthropicError, *faults.TRANSPORT, ValueError)


class AnthropicWriter:
    """``longest`` bounds the answer in tokens. ``timeout_s`` is only a backstop: the ladder has stricter limits."""

    name = "anthropic"

    def __init__(
        self,
        *,
        model: str,
        api_key: str,
        base_url: str | None,
        schema: Mapping[str, Any],
        longest: int = 2_000,
        timeout_s: float = 60.0,
    ) -> None:
        limits = httpx2.Timeout(timeout_s, connect=min(5.0, timeout_s))
        self._client = anthropic.AsyncAnthropic(
            api_key=api_key,
            base_url=base_url or ANTHROPIC_URL,
            max_retries=0,
            http_client=anthropic.DefaultAioHttpClient(timeout=limits),
        )
        tool = {"name": _TOOL, "description": "Says the reply to the customer.", "input_schema": dict(schema)}
        self._request: dict[str, Any] = {
            "model": model,
            "stream": True,
            "max_tokens": longest,
            "tools": [tool],
            "tool_choice": {"type": "tool", "name": _TOOL, "disable_parallel_tool_use": True},
        }

    async def stream(self, brief: Brief) -> AsyncGenerator[Delta]:
        answer = _Answer()
        try:
            async with await self._open(brief) as events:
                async for event in read_events(events.response):
                    if text := answer.read(event):
                        yield Delta(text)
        except _FAULTS as error:
            failed = None if answer.ended else failure(error)
        else:
            failed = None
        failed = failed or answer.failure()
        # Raised out here, the client's error is not its context: that one holds the request with the key and the texts.
        if failed is not None:
            raise failed
        yield answer.last()

    async def _open(self, brief: Brief) -> anthropic.AsyncStream[object]:
        """``post`` instead of ``messages.create``: the same request without its walk through all types."""
        messages = [{"role": role, "content": text} for role, text in alternating(chat(brief))]
        system = {"system": brief.system} if brief.system else {}
        return await self._client.post(
            "/v1/messages",
            cast_to=object,
            body={**self._request, **system, "messages": messages},
            stream=True,
            stream_cls=anthropic.AsyncStream[object],
        )

    async def connect(self) -> None:
        """Asks for the list of models, which is free."""
        try:
            await self._client.get("/v1/models", cast_to=object)
            failed = None
        except _FAULTS as error:
            failed = failure(error)
        if failed is not None:
            raise failed

    async def aclose(self) -> None:
        await self._client.close()


class _Answer:
    """Reads the events of one answer and remembers how it ended.

    Only one block counts, the first that is JSON: a tool's input, or a text that begins with a brace. A sentence that the
    model says before it calls the tool is no part of the reply.
    """

    __slots__ = ("_block", "ended", "id", "input_tokens", "output_tokens", "stop_reason")

    def __init__(self) -> None:
        self.id: str | None = None
        self.ended = False
        self.stop_reason: str | None = None
        self.input_tokens: int | None = None
        self.output_tokens: int | None = None
        self._block: int | None = None

    def read(self, event: object) -> str:
        """The event's piece of JSON, empty if it carries something else. Raises ``WriterFailed`` for an error event, and
        ``ValueError`` for another shape."""
        try:
            return self._read(cast("dict[str, Any]", event))
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError("not an event of this protocol") from error

    def _read(self, event: dict[str, Any]) -> str:
        match event["type"]:
            case "content_block_delta":
                return self._piece(event["index"], event["delta"])
            case "message_start":
                message = event["message"]
                usage: dict[str, Any] = message.get("usage") or {}
                self.id = message.get("id")
                self.input_tokens = usage.get("input_tokens")
            case "message_delta":
                self.stop_reason = event["delta"].get("stop_reason") or self.stop_reason
                counted: dict[str, Any] = event.get("usage") or {}
                self.output_tokens = counted.get("output_tokens", self.output_tokens)
            case "error":
                raise faults.of_code(event["error"].get("type"))
            case "message_stop":
                self.ended = True
            case _:
                pass
        return ""

    def _piece(self, block: int, delta: dict[str, Any]) -> str:
        text: str = delta.get("partial_json") or delta.get("text") or ""
        if self._block is None and ("partial_json" in delta or text.lstrip().startswith("{")):
            self._block = block
        return text if self._block == block else ""

    def failure(self) -> WriterFailed | None:
        if self.stop_reason == "refusal":
            return WriterFailed("refused", "refusal")
        if not self.ended:
            return WriterFailed("cut_off", "no message_stop")
        if self.stop_reason not in _WHOLE:
            return WriterFailed("cut_off", f"stop_reason {self.stop_reason}")
        if self._block is None:
            return WriterFailed("broken_json", "neither a tool call nor JSON")
        return None

    def last(self) -> Delta:
        return Delta("", self.input_tokens, self.output_tokens, self.id, self.stop_reason)


def failure(error: Exception) -> WriterFailed:
    """Any exception of Anthropic's client. Its message is dropped, as it may repeat what was sent."""
    if isinstance(error, anthropic.APITimeoutError):
        return faults.of_timeout(error.__cause__)
    if isinstance(error, anthropic.APIConnectionError):
        return faults.of_transport(error.__cause__ or error)
    if isinstance(error, anthropic.APIStatusError):
        return faults.of_status(error.status_code, error.type, error.response.headers)
    if isinstance(error, faults.TRANSPORT):
        return faults.of_transport(error)
    return WriterFailed("server_error", f"unreadable answer: {type(error).__name__}")
