"""A telephone platform as its socket has it: frames out, frames in, and how the line ended."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import httpx2
import orjson

from agent.bootstrap import build_agent
from agent.settings import Settings
from server import Build
from tests.agent.channels.parts import PATIENT, settings_with
from tests.agent.channels.sockets import listening
from tests.scripted_model import ScriptedModel

RELAY = "/ws/conversation-relay"
WAIT_S = 60.0


@dataclass
class Line:
    socket: aiohttp.ClientWebSocketResponse

    async def send(self, frame: Any) -> None:
        await self.socket.send_str(frame if isinstance(frame, str) else orjson.dumps(frame).decode())

    async def frame(self) -> dict[str, Any]:
        message = await self.socket.receive(timeout=WAIT_S)
        assert message.type is aiohttp.WSMsgType.TEXT, (message, self.socket.close_code)
        return orjson.loads(message.data)

    async def ended(self) -> tuple[int, str]:
        """The code and the reason it was closed with; frames before that are let by."""
        while (message := await self.socket.receive(timeout=WAIT_S)).type is aiohttp.WSMsgType.TEXT:
            pass
        assert message.type is aiohttp.WSMsgType.CLOSE, message
        return message.data, message.extra or ""


@dataclass
class Exchanged:
    """``texts``: what was said; ``others``: frames of any other kind."""

    texts: list[str]
    others: list[dict[str, Any]]

    @property
    def said(self) -> str:
        return "".join(self.texts)


@dataclass
class Caller:
    """On a ConversationRelay."""

    line: Line

    async def setup(self, **parameters: str) -> None:
        parameters = {"locale": "en-US", **parameters}
        frame = {
            "type": "setup",
            "sessionId": "VX1",
            "callSid": "CA1",
            "from": "+1",
            "to": "+2",
            "direction": "inbound",
        }
        await self.line.send({**frame, "customParameters": parameters})

    async def says(self, text: str, lang: str = "en-US", last: bool = True) -> None:
        await self.line.send({"type": "prompt", "voicePrompt": text, "lang": lang, "last": last})

    async def interrupts(self, heard: str) -> None:
        frame = {"type": "interrupt", "utteranceUntilInterrupt": heard, "durationUntilInterruptMs": 460}
        await self.line.send(frame)

    async def until(self, end: str) -> str:
        """What is said until ``end`` was."""
        said = ""
        while not said.endswith(end):
            frame = await self.line.frame()
            assert frame["type"] == "text", frame
            said += frame["token"]
        return said

    async def hears(self, ends: bool = False) -> Exchanged:
        """A whole reply, and with ``ends`` what ends the call."""
        found = Exchanged([], [])
        while True:
            frame = await self.line.frame()
            if frame["type"] != "text":
                found.others.append(frame)
                if frame["type"] == "end":
                    return found
                continue
            found.texts.append(frame["token"])
            if frame["last"] and not ends:
                return found


@dataclass
class House:
    """A server with a socket of its own. ``client`` reads what it has stored."""

    client: httpx2.AsyncClient
    session: aiohttp.ClientSession

    @asynccontextmanager
    async def dial(self, path: str, **options: Any) -> AsyncIterator[Line]:
        address = str(self.client.base_url).rstrip("/")
        async with self.session.ws_connect(address + path, **options) as socket:
            yield Line(socket)

    @asynccontextmanager
    async def relay(self, query: str = "", **options: Any) -> AsyncIterator[Caller]:
        async with self.dial(RELAY + query, **options) as line:
            yield Caller(line)

    async def stored(self, conversation: str, headers: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
        answer = await self.client.get(f"/conversations/{conversation}/messages", headers=headers)
        assert answer.status_code == 200, answer.text
        return [(row["role"], row["text"]) for row in answer.json()["messages"]]

    async def last_turn(self, conversation: str) -> dict[str, Any]:
        known = (await self.client.get(f"/conversations/{conversation}")).json()
        return (await self.client.get(f"/conversations/{conversation}/turns/{known['turns']}")).json()


@asynccontextmanager
async def house(settings: Settings, build: Build = build_agent, **changes: Any) -> AsyncIterator[House]:
    settings = settings_with(settings, **{"filler_after_s": None, **changes})
    async with listening(settings, build, ws="auto") as client, aiohttp.ClientSession() as session:
        yield House(client, session)


def with_model(model: ScriptedModel) -> dict[str, Any]:
    """Settings under which that model writes, however long it takes."""
    given = Settings(models="openai", openai_api_key="k", openai_base_url=model.openai_url)  # pyright: ignore[reportArgumentType]
    names = ("models", "openai_api_key", "openai_base_url")
    return {**PATIENT, **{name: getattr(given, name) for name in names}}
