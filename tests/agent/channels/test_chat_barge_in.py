"""Whoever closes the connection talks over the agent: the model stops, and the transcript is what was sent."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from agent.settings import Settings
from tests.agent.channels.parts import PATIENT
from tests.agent.channels.sockets import listening
from tests.agent.channels.wires import arriving
from tests.scripted_model import GOOD, Answer, ScriptedModel, Stall

AT_ONCE = 20
IN_THE_REPLY = Stall(after=5)
"""The model has written its first sentence and a little more, and then nothing for an hour."""
IDLE_S = 30.0


@dataclass
class UiChat:
    """How ``useChat`` sends its dialogue, and where its words arrive."""

    thread: str = field(default_factory=lambda: uuid.uuid4().hex)
    dialogue: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    @property
    def path(self) -> str:
        return "/api/chat"

    def body(self) -> dict[str, Any]:
        messages = [
            {"id": f"m-{number}", "role": role, "parts": [{"type": "text", "text": text}]}
            for number, (role, text) in enumerate(self.dialogue)
        ]
        return {"id": self.thread, "messages": messages, "locale": "en"}

    def word(self, event: Any) -> str:
        return event.get("delta", "") if isinstance(event, dict) else ""


class Agui(UiChat):
    @property
    def path(self) -> str:
        return "/agui"

    def body(self) -> dict[str, Any]:
        messages = [
            {"id": f"m-{number}", "role": role, "content": text} for number, (role, text) in enumerate(self.dialogue)
        ]
        given = {"threadId": self.thread, "runId": uuid.uuid4().hex, "messages": messages}
        return {**given, "tools": [], "context": [], "state": {}, "forwardedProps": {"locale": "en"}}


class LangGraph(UiChat):
    @property
    def path(self) -> str:
        return f"/threads/{self.thread}/runs/stream"

    def body(self) -> dict[str, Any]:
        newest = {"role": "user", "content": self.dialogue[-1][1]}
        return {
            "assistant_id": "ngx",
            "input": {"messages": [newest]},
            "stream_mode": "messages-tuple",
            "config": {"configurable": {"locale": "en"}},
        }

    def word(self, event: Any) -> str:
        return event[0]["content"] if isinstance(event, list) else ""


Surface = type[UiChat]
SURFACES: list[Surface] = [UiChat, Agui, LangGraph]


@dataclass
class Shop:
    client: httpx2.AsyncClient
    model: ScriptedModel

    async def whole(self, chat: UiChat, text: str) -> str:
        """One turn to its end, kept in the dialogue as the page keeps it."""
        return await self._turn(chat, text, None)

    async def cut(self, chat: UiChat, text: str, after: str) -> str:
        """One turn until the words ``after`` have come; then the connection is closed."""
        return await self._turn(chat, text, after)

    async def _turn(self, chat: UiChat, text: str, after: str | None) -> str:
        chat.dialogue.append(("user", text))
        heard = ""
        async with self.client.stream("POST", chat.path, json=chat.body()) as answer:
            assert answer.status_code == 200
            async for event in arriving(answer):
                heard += chat.word(event)
                if after is not None and after in heard:
                    break
        if heard:
            chat.dialogue.append(("assistant", heard))
        return heard

    async def transcript(self, chat: UiChat) -> list[tuple[str, str]]:
        rows = (await self.client.get(f"/conversations/{chat.thread}/messages")).json()["messages"]
        return [(row["role"], row["text"]) for row in rows]

    async def transcript_of(self, chat: UiChat, messages: int) -> list[tuple[str, str]]:
        """Once so many messages stand in it."""
        async with asyncio.timeout(IDLE_S):
            while len(found := await self.transcript(chat)) != messages:
                await asyncio.sleep(0.02)
        return found


@pytest.fixture
async def shop(settings: Settings) -> AsyncIterator[Shop]:
    async with ScriptedModel() as model:
        given: dict[str, Any] = {"models": "openai", "openai_api_key": "k", "openai_base_url": model.openai_url}
        async with listening(settings.model_copy(update={**PATIENT, **_secret(given)})) as client:
            yield Shop(client, model)


def _secret(given: dict[str, Any]) -> dict[str, Any]:
    parsed = Settings(**given)
    return {name: getattr(parsed, name) for name in given}


@pytest.mark.parametrize("surface", SURFACES)
async def test_many_talk_over_it_at_once_and_no_generation_is_left(shop: Shop, surface: Surface) -> None:
    chats = [surface() for _ in range(AT_ONCE)]
    await asyncio.gather(*(shop.whole(chat, "hi, how much is it?") for chat in chats))
    shop.model.default = IN_THE_REPLY
    began = shop.model.started
    heard = await asyncio.gather(*(shop.cut(chat, "and the schedule?", "Thank you for telling me.") for chat in chats))
    await shop.model.idle(IDLE_S)
    assert shop.model.started - began == shop.model.closed_by_client == AT_ONCE
    for chat, text in zip(chats, heard, strict=True):
        transcript = await shop.transcript_of(chat, 4)
        assert transcript[2:] == [("customer", "and the schedule?"), ("agent", text)]
        assert text.endswith("Thank you for telling me.")


@pytest.mark.parametrize("surface", SURFACES)
async def test_the_next_turn_goes_on_from_what_was_heard(shop: Shop, surface: Surface) -> None:
    chat = surface()
    await shop.whole(chat, "hi")
    shop.model.then(IN_THE_REPLY)
    await shop.cut(chat, "how much is it?", "Thank you for telling me.")
    await shop.model.idle(IDLE_S)
    await shop.transcript_of(chat, 4)
    await shop.whole(chat, "wait, and the schedule?")
    prompt = str(shop.model.requests[-1]["messages"])
    assert "interrupted your last message" in prompt
    transcript = await shop.transcript_of(chat, 6)
    assert transcript[4] == ("customer", "wait, and the schedule?")


@pytest.mark.parametrize("surface", [UiChat, Agui])
async def test_who_heard_nothing_says_it_again_with_the_next_message(shop: Shop, surface: Surface) -> None:
    chat = surface()
    await shop.whole(chat, "hi")
    shop.model.then(Stall(after=0))
    waiting = asyncio.create_task(shop.whole(chat, "how much is it?"))
    async with asyncio.timeout(IDLE_S):
        while not shop.model.running:
            await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.wait({waiting})
    await shop.model.idle(IDLE_S)
    assert len(await shop.transcript_of(chat, 2)) == 2
    await shop.whole(chat, "and the schedule?")
    assert (await shop.transcript_of(chat, 4))[2] == ("customer", "how much is it?\nand the schedule?")


async def test_a_run_that_is_to_go_on_without_its_reader_is_written_to_its_end(shop: Shop) -> None:
    chat = LangGraph()
    await shop.whole(chat, "hi")
    last = "Then let us look at that together."
    shop.model.then(Answer(json.dumps({**GOOD, "reply": f"Thank you for telling me. {last}"}), gap=0.02))
    chat.dialogue.append(("user", "how much is it?"))
    given = {**chat.body(), "on_disconnect": "continue"}
    async with shop.client.stream("POST", chat.path, json=given) as answer:
        async for event in arriving(answer):
            if chat.word(event):
                break
    transcript = await shop.transcript_of(chat, 4)
    assert transcript[-1][1].endswith(last)
