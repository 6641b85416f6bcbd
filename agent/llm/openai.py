"""The writer behind OpenAI's chat completions: OpenAI itself and every server that speaks its protocol."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any, Literal, cast

import httpx2
import openai

from agent.errors import WriterFailed
from agent.llm import faults
from agent.llm.chat import chat, told_schema
from agent.llm.events import read_events
from agent.turn import Brief, Delta

Structured = Literal["json_schema", "json_object", "off"]
OPENAI_URL = "https://api.openai.com/v1"
_FAULTS = (openai.OpenAIError, *faults.TRANSPORT, ValueError)


class OpenAIWriter:
    """``structured`` says how the server is held to ``schema``; below ``json_schema`` the model is only told about it.

    ``longest`` bounds the answer in tokens, thinking included. ``timeout_s`` is only a backstop: the ladder has stricter limits.
    """

    name = "openai"

    def __init__(
        self,
        *,
        model: str,
        api_key: str,
        base_url: str | None,
        schema: Mapping[str, Any],
        structured: Structured = "json_schema",
        longest: int = 2_000,
        timeout_s: float = 60.0,
    ) -> None:
        limits = httpx2.Timeout(timeout_s, connect=min(5.0, timeout_s))
        self._client = openai.AsyncOpenAI(
            api_key=api_key,
            base_url=base_url or OPENAI_URL,
            max_retries=0,
            http_client=openai.DefaultAioHttpClient(timeout=limits),
        )
        self._told = "" if structured == "json_schema" else told_schema(schema)
        self._request: dict[str, Any] = {
            "model": model,
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_completion_tokens" if structured == "json_schema" else "max_tokens": longest,
            **_response_format(structured, schema),
        }

    async def stream(self, brief: Brief) -> AsyncGenerator[Delta]:
        answer = _Answer()
        try:
            async with await self._open(brief) as events:
                async for event in read_events(events.response):
                    if text := answer.read(event):
                        yield Delta(text)
        except _FAULTS as error:
            failed = None if answer.finish == "stop" else failure(error)
        else:
            failed = answer.failure()
        # Raised out here, the client's error is not its context: that one holds the request with the key and the texts.
        if failed is not None:
            raise failed
        yield answer.last()

    async def _open(self, brief: Brief) -> openai.AsyncStream[object]:
        """``post`` instead of ``chat.completions.create``: the same request without its walk through all types."""
        system = {"role": "system", "content": brief.system + self._told}
        messages = [system, *({"role": role, "content": text} for role, text in chat(brief))]
        return await self._client.post(
            "/chat/completions",
            cast_to=object,
            body={**self._request, "messages": messages},
            stream=True,
            stream_cls=openai.AsyncStream[object],
        )

    async def connect(self) -> None:
        """Asks for the list of models, which is free."""
        try:
            await self._client.get("/models", cast_to=object)
            failed = None
        except _FAULTS as error:
            failed = failure(error)
        if failed is not None:
            raise failed

    async def aclose(self) -> None:
        await self._client.close()


def _response_format(structured: Structured, schema: Mapping[str, Any]) -> dict[str, Any]:
    if structured == "json_schema":
        named = {"name": "reply", "strict": True, "schema": dict(schema)}
        return {"response_format": {"type": "json_schema", "json_schema": named}}
    return {"response_format": {"type": "json_object"}} if structured == "json_object" else {}


class _Answer:
    """Reads the events of one answer and remembers how it ended."""

    __slots__ = ("finish", "id", "input_tokens", "output_tokens", "refused")

    def __init__(self) -> None:
        self.id: str | None = None
        self.finish: str | None = None
        self.refused = False
        self.input_tokens: int | None = None
        self.output_tokens: int | None = None

    def read(self, event: object) -> str:
        """The event's piece of text, empty if it carries something else. Raises ``WriterFailed`` for an error event, and
        ``ValueError`` for another shape."""
        try:
            return self._read(cast("dict[str, Any]", event))
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError("not an event of this protocol") from error

    def _read(self, event: dict[str, Any]) -> str:
        if error := event.get("error"):
            raise faults.of_code(error.get("code") or error.get("type"))
        self.id = self.id or event.get("id")
        if usage := event.get("usage"):
            self.input_tokens = usage.get("prompt_tokens")
            self.output_tokens = usage.get("completion_tokens")
        choices: list[dict[str, Any]] = event.get("choices") or []
        if not choices:
            return ""
        self.finish = choices[0].get("finish_reason") or self.finish
        delta: dict[str, Any] = choices[0].get("delta") or {}
        self.refused = self.refused or bool(delta.get("refusal"))
        return delta.get("content") or ""

    def failure(self) -> WriterFailed | None:
        if self.refused or self.finish == "content_filter":
            return WriterFailed("refused", "refusal" if self.refused else "content_filter")
        if self.finish == "stop":
            return None
        return WriterFailed("cut_off", f"finish_reason {self.finish}" if self.finish == "length" else "no finish")

    def last(self) -> Delta:
        return Delta("", self.input_tokens, self.output_tokens, self.id, self.finish)


def failure(error: Exception) -> WriterFailed:
    """Any exception of OpenAI's client. The message of the client's error is dropped, as it may show part of the key."""
    if isinstance(error, openai.APITimeoutError):
        return faults.of_timeout(error.__cause__)
    if isinstance(error, openai.APIConnectionError):
        return faults.of_transport(error.__cause__ or error)
    if isinstance(error, openai.APIStatusError):
        return faults.of_status(error.status_code, error.code or error.type, error.response.headers)
    if isinstance(error, openai.LengthFinishReasonError):
        return WriterFailed("cut_off", "finish_reason length")
    if isinstance(error, openai.ContentFilterFinishReasonError):
        return WriterFailed("refused", "content_filter")
    if isinstance(error, openai.APIError):
        return faults.of_code(error.code or error.type)
    if isinstance(error, faults.TRANSPORT):
        return faults.of_transport(error)
    return WriterFailed("server_error", f"unreadable answer: {type(error).__name__}")
