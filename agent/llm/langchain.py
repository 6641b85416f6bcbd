"""The writer behind any chat model of LangChain. It costs several times the CPU of the direct clients."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, cast

import httpx2
import openai
from langchain_core import exceptions as langchain
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from langchain_openai.chat_models.base import BaseChatOpenAI
from pydantic import SecretStr

from agent.errors import FailureKind, WriterFailed
from agent.llm import faults
from agent.llm.chat import chat, told_schema
from agent.llm.openai import OPENAI_URL
from agent.llm.openai import failure as openai_failure
from agent.turn import Brief, Delta

_OF_CLASS: tuple[tuple[type[Exception], FailureKind], ...] = (
    (langchain.ModelRateLimitError, "rate_limited"),
    (langchain.ModelAuthenticationError, "auth"),
    (langchain.ModelPermissionDeniedError, "auth"),
    (langchain.ModelInvalidRequestError, "bad_request"),
    (langchain.ModelNotFoundError, "bad_request"),
    (langchain.ContextOverflowError, "bad_request"),
    (langchain.ModelAPIError, "server_error"),
    (langchain.ModelConnectionError, "unreachable"),
    (langchain.ModelTimeoutError, "too_slow"),
    (TimeoutError, "too_slow"),
    (AssertionError, "cut_off"),  # how OpenAI's accumulating stream says that nothing came
)
_STOPPED = frozenset({"stop", "end_turn", "stop_sequence", "STOP", "COMPLETE"})
_REFUSED = frozenset({"content_filter", "refusal", "SAFETY"})
_TOO_LONG = frozenset({"length", "max_tokens", "MAX_TOKENS"})


class LangChainWriter:
    """``ChatOpenAI`` is held to ``schema`` by its server; every other model is told about it in words.

    A ``ChatOpenAI`` must say why it finished. Of other models that is not known, so silence counts as a finish.
    The model's ``http_async_client``, if one was given to it, is closed with the writer.
    """

    name = "langchain"

    def __init__(self, model: BaseChatModel, *, schema: Mapping[str, Any]) -> None:
        self._is_openai = isinstance(model, BaseChatOpenAI)
        self._model = model
        named = {"name": "reply", "strict": True, "schema": dict(schema)}
        self._bound: dict[str, Any] = (
            {"response_format": {"type": "json_schema", "json_schema": named}} if self._is_openai else {}
        )
        self._told = "" if self._is_openai else told_schema(schema)

    async def stream(self, brief: Brief) -> AsyncGenerator[Delta]:
        answer = _Answer()
        runnable = self._model.bind(**self._bound) if self._bound else self._model
        events = cast("AsyncGenerator[AIMessageChunk]", runnable.astream(self._messages(brief)))
        try:
            async with aclosing(events):
                async for event in events:
                    if text := answer.read(event):
                        yield Delta(text)
        except Exception as error:  # noqa: BLE001 -- a foreign model, and its callbacks, may raise anything
            failed = None if answer.finish in _STOPPED else failure(error)
        else:
            failed = None
        failed = answer.refusal() or failed or answer.failure(must_finish=self._is_openai)
        # Raised out here, the client's error is not its context: that one holds the request with the key and the texts.
        if failed is not None:
            raise failed
        yield answer.last()

    def _messages(self, brief: Brief) -> list[BaseMessage]:
        said = (HumanMessage(text) if role == "user" else AIMessage(text) for role, text in chat(brief))
        return [SystemMessage(brief.system + self._told), *said]

    async def aclose(self) -> None:
        client = getattr(self._model, "http_async_client", None)
        if isinstance(client, httpx2.AsyncClient):
            await client.aclose()


def chat_openai(model: str, key: str, base_url: str | None, *, timeout_s: float = 60.0) -> ChatOpenAI:
    """LangChain's OpenAI client with a connection pool of its own; the one it has by default is shared in the process."""
    limits = httpx2.Timeout(timeout_s, connect=min(5.0, timeout_s))
    return ChatOpenAI(
        model=model,
        api_key=SecretStr(key),
        base_url=base_url or OPENAI_URL,
        max_retries=0,
        timeout=limits,
        stream_usage=True,
        stream_chunk_timeout=None,
        max_completion_tokens=2_000,
        http_async_client=openai.DefaultAsyncHttpxClient(timeout=limits),
    )


class _Answer:
    """Reads the chunks of one answer and remembers how it ended."""

    __slots__ = ("finish", "id", "input_tokens", "output_tokens", "refused")

    def __init__(self) -> None:
        self.id: str | None = None
        self.finish: str | None = None
        self.refused = False
        self.input_tokens: int | None = None
        self.output_tokens: int | None = None

    def read(self, chunk: AIMessageChunk) -> str:
        metadata = cast("dict[str, Any]", chunk.response_metadata)
        self.id = metadata.get("id") or self.id or chunk.id
        self.finish = metadata.get("finish_reason") or metadata.get("stop_reason") or self.finish
        self.refused = self.refused or bool(cast("dict[str, Any]", chunk.additional_kwargs).get("refusal"))
        if usage := chunk.usage_metadata:
            self.input_tokens, self.output_tokens = usage["input_tokens"], usage["output_tokens"]
        return str(chunk.text)

    def refusal(self) -> WriterFailed | None:
        return WriterFailed("refused", "refusal") if self.refused or self.finish in _REFUSED else None

    def failure(self, *, must_finish: bool) -> WriterFailed | None:
        if self.finish in _TOO_LONG:
            return WriterFailed("cut_off", "finish_reason length")
        if must_finish and self.finish is None:
            return WriterFailed("cut_off", "no finish")
        return None

    def last(self) -> Delta:
        return Delta("", self.input_tokens, self.output_tokens, self.id, self.finish)


def failure(error: Exception) -> WriterFailed:
    """Any exception of a LangChain model: what its client says if that is OpenAI's, else its status, else its class."""
    if isinstance(error, openai.OpenAIError):
        return openai_failure(_root(error))
    if isinstance(status := getattr(error, "status_code", None), int):
        headers = getattr(getattr(error, "response", None), "headers", {})
        return faults.of_status(status, getattr(error, "type", None), headers)
    if isinstance(error, faults.TRANSPORT) and not isinstance(error, TimeoutError):
        return faults.of_transport(error)
    for known, kind in _OF_CLASS:
        if isinstance(error, known):
            return WriterFailed(kind, type(error).__name__)
    return WriterFailed("server_error", type(error).__name__)


def _root(error: openai.OpenAIError) -> openai.OpenAIError:
    """LangChain raises its own subclass from the client's error; only the original knows the cause of a timeout."""
    return error.__cause__ if isinstance(error.__cause__, openai.OpenAIError) else error
