"""One run as the LangGraph server streams it: ``metadata``, then the events of the modes that were asked for."""

from collections.abc import Awaitable, Callable, Collection
from typing import Any

from agent.channels import sse
from agent.channels.langgraph_shapes import NODE, StreamMode, ai
from agent.channels.ui_chat import insights_of

Messages = list[dict[str, Any]]
Transcript = Callable[[dict[str, Any]], Awaitable[Messages]]


class GraphStream:
    """``before``: what stood in the thread when the run began. ``after``: what stands there when its turn is over. ``insights``:
    whether the caller may have them as a ``custom`` event."""

    def __init__(
        self,
        run_id: str,
        thread_id: str,
        modes: Collection[StreamMode],
        before: Messages,
        after: Transcript,
        *,
        insights: bool,
    ) -> None:
        self._run_id = run_id
        self._modes = modes
        self._before = before
        self._after = after
        self._insights = insights
        self._text = ""
        self._about = {"run_id": run_id, "thread_id": thread_id, "langgraph_node": NODE}

    def begin(self) -> bytes:
        told = sse.event("metadata", {"run_id": self._run_id, "attempt": 1})
        if "values" in self._modes:
            told += sse.event("values", {"messages": self._before})
        if "messages" in self._modes:
            told += sse.event("messages/metadata", {ai_id(self._run_id): {"metadata": self._about}})
        return told

    def sentence(self, text: str) -> bytes:
        self._text += text
        told = b""
        if "messages" in self._modes:
            told += sse.event("messages/partial", [ai(self._text, ai_id(self._run_id))])
        if "messages-tuple" in self._modes:
            told += sse.event("messages", [ai(text, ai_id(self._run_id), "AIMessageChunk"), self._about])
        return told

    async def end(self, response: dict[str, Any]) -> bytes:
        said = [ai(response["response"], ai_id(self._run_id))] if response["response"] else []
        told = b""
        if "messages" in self._modes and said:
            told += sse.event("messages/complete", said)
        if "updates" in self._modes:
            told += sse.event("updates", {NODE: {"messages": said}})
        if "custom" in self._modes and self._insights:
            told += sse.event("custom", {"insights": insights_of(response)})
        if "values" in self._modes:
            told += sse.event("values", {"messages": await self._after(response)})
        return told

    def failed(self, kind: str, message: str) -> bytes:
        return sse.event("error", {"error": kind, "message": message})


def ai_id(run_id: str) -> str:
    return f"run-{run_id}"
