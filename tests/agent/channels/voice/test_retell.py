"""Retell's custom LLM, played over a real socket: the agent speaks first, and the transcript is the truth."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from agent.settings import Settings
from prompts import load_playbook
from tests.agent.channels.voice.calls import House, Line, house, with_model
from tests.scripted_model import GOOD, Answer, ScriptedModel, Stall

REPLY: str = GOOD["reply"]
FIRST = "Thank you for telling me."
DISCLOSURE = load_playbook("ngx").book.disclosure.text.said_in("en")


class Call:
    """Keeps the transcript as the platform does."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.transcript: list[dict[str, str]] = []
        self.number = 0

    def user(self, words: str) -> None:
        self.transcript.append({"role": "user", "content": words})

    def agent(self, words: str) -> None:
        self.transcript.append({"role": "agent", "content": words})

    async def wants(self, kind: str = "response_required") -> int:
        self.number += 1
        frame = {"interaction_type": kind, "response_id": self.number, "transcript": self.transcript}
        await self.line.send(frame)
        return self.number

    async def hears(self, number: int) -> tuple[str, dict[str, Any]]:
        """The whole reply, and its last frame."""
        said = ""
        while True:
            frame = await self.line.frame()
            assert (frame["response_type"], frame["response_id"]) == ("response", number), frame
            said += frame["content"]
            if frame["content_complete"]:
                return said, frame

    async def turn(self, words: str) -> str:
        self.user(words)
        said, _ = await self.hears(await self.wants())
        self.agent(said)
        return said


@asynccontextmanager
async def calling(server: House, call_id: str, query: str = "?locale=en-US") -> AsyncIterator[tuple[Call, str]]:
    """A call, and what was said when it began."""
    async with server.dial(f"/ws/retell/{call_id}{query}") as line:
        call = Call(line)
        assert (await line.frame())["response_type"] == "config"
        opening, _ = await call.hears(0)
        if opening:
            call.agent(opening)
        yield call, opening


@pytest.fixture
async def model() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel() as model:
        yield model


@pytest.fixture
async def server(settings: Settings, model: ScriptedModel) -> AsyncIterator[House]:
    async with house(settings, **with_model(model), transfer_number="+13055550134") as server:
        yield server


async def test_the_agent_speaks_first_and_says_once_what_it_is(server: House) -> None:
    async with calling(server, "r-1") as (call, opening):
        assert opening.endswith(DISCLOSURE)
        assert await server.stored("r-1") == [("agent", opening)]
        said = [await call.turn(words) for words in ("I want more energy", "I sleep badly", "I am tired")]
    assert said == [REPLY] * 3
    stored = await server.stored("r-1")
    assert stored[0] == ("agent", opening)
    assert [text for role, text in stored if role == "customer"] == [
        "I want more energy",
        "I sleep badly",
        "I am tired",
    ]
    assert [text for role, text in stored[1:] if role == "agent"] == said


async def test_who_connects_again_goes_on(server: House) -> None:
    async with calling(server, "r-2") as (call, opening):
        assert opening
        await call.turn("I want more energy")
    async with calling(server, "r-2") as (call, opening):
        assert opening == ""
        assert await call.turn("and I sleep badly") == REPLY
    assert len(await server.stored("r-2")) == 5


async def test_an_opening_that_was_not_heard_to_the_end_is_said_again(server: House) -> None:
    async with calling(server, "r-3") as (call, opening):
        call.transcript[0]["content"] = opening[:6]
        said = await call.turn("who is this?")
    assert DISCLOSURE in said or "AI" in said
    assert (await server.stored("r-3"))[0] == ("agent", opening[:6].strip())


async def test_a_later_wish_ends_the_reply_before_it(server: House, model: ScriptedModel) -> None:
    async with calling(server, "r-4") as (call, _):
        model.script.append(Stall(after=4))
        call.user("I want more energy")
        first = await call.wants()
        frame = await call.line.frame()
        assert (frame["response_id"], frame["content"]) == (first, FIRST)
        call.agent("Thank you for")
        call.user("wait")
        said, _ = await call.hears(await call.wants())
        call.agent(said)
        await call.line.send({"interaction_type": "response_required", "response_id": first, "transcript": []})
        assert await call.turn("yes") == REPLY  # the one that came late was not answered
    assert said == REPLY
    assert (await server.stored("r-4"))[1:5] == [
        ("customer", "I want more energy"), ("agent", "Thank you for"), ("customer", "wait"), ("agent", REPLY),
    ]  # fmt: skip


async def test_before_the_first_word_both_are_answered(server: House, model: ScriptedModel) -> None:
    async with calling(server, "r-5") as (call, _):
        model.script.append(Stall(after=None))
        call.user("I want more energy")
        await call.wants()
        async with asyncio.timeout(60):
            while model.started == 0:
                await asyncio.sleep(0.01)
        call.user("and sleep")
        said, _ = await call.hears(await call.wants())
    assert said == REPLY
    assert (await server.stored("r-5"))[1:] == [("customer", "I want more energy and sleep"), ("agent", REPLY)]


async def test_the_transcript_says_what_was_heard_of_a_reply_that_was_sent(server: House) -> None:
    async with calling(server, "r-6") as (call, _):
        await call.turn("I want more energy")
        call.transcript[-1]["content"] = "thank you for telling"
        await call.turn("sorry?")
    assert (await server.stored("r-6"))[2] == ("agent", "Thank you for telling")


async def test_pings_news_and_reminders(server: House) -> None:
    async with calling(server, "r-7") as (call, opening):
        await call.line.send({"interaction_type": "call_details", "call": {"call_id": "r-7", "from_number": "+1"}})
        await call.line.send({"interaction_type": "update_only", "transcript": [], "turntaking": "user_turn"})
        await call.line.send({"interaction_type": "ping_pong", "timestamp": 1753000000000})
        assert await call.line.frame() == {"response_type": "ping_pong", "timestamp": 1753000000000}
        said, _ = await call.hears(await call.wants("reminder_required"))
        assert said == ""  # nobody has said anything yet
        await call.turn("I want more energy")
        for _ in range(2):
            said, _ = await call.hears(await call.wants("reminder_required"))
            assert REPLY.endswith(said) and said.endswith("?")  # the question, once more
            call.agent(said)
        await call.turn("I sleep badly")
        taken = await server.client.post("/conversations/r-7/takeover", json={"actor": "Eva"})
        assert taken.status_code == 200
        said, _ = await call.hears(await call.wants("reminder_required"))
        assert said == ""
    async with calling(server, "r-7") as (again, _):
        again.transcript = call.transcript
        said, _ = await again.hears(await again.wants("reminder_required"))
        assert said == ""
    assert await server.stored("r-7") == [
        ("agent", opening), ("customer", "I want more energy"), ("agent", REPLY), ("customer", "I sleep badly"), ("agent", REPLY),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "words", ["I want to talk to a real person, please", "Take me off your list and never contact me again."]
)
async def test_who_has_the_call_is_the_one_to_end_it(server: House, words: str) -> None:
    async with calling(server, "r-11") as (call, _):
        await call.turn("I want more energy")
        taken = await server.client.post("/conversations/r-11/takeover", json={"actor": "Eva"})
        assert taken.status_code == 200
        call.user(words)
        said, last = await call.hears(await call.wants())
    assert (said, last["end_call"]) == ("", False)
    assert "transfer_number" not in last


async def test_a_person_gets_the_call_transferred_and_a_goodbye_ends_it(server: House) -> None:
    async with calling(server, "r-8") as (call, _):
        call.user("I want to talk to a real person, please")
        _, last = await call.hears(await call.wants())
        assert (last["transfer_number"], last["end_call"]) == ("+13055550134", False)
    async with calling(server, "r-9") as (call, _):
        call.user("Take me off your list and never contact me again.")
        _, last = await call.hears(await call.wants())
        assert last["end_call"] is True
        assert "transfer_number" not in last


async def test_what_is_said_is_in_the_language_it_began_in(server: House, model: ScriptedModel) -> None:
    model.default = Answer(json.dumps({**GOOD, "reply": "Gracias por contarme eso. ¿Qué es lo más importante?"}))
    async with calling(server, "r-10", "?locale=es-MX&playbook=roofing") as (call, opening):
        book = load_playbook("roofing").book
        assert opening.endswith(book.disclosure.text.said_in("es"))
        assert "Gracias" in await call.turn("tengo una gotera en el techo de la casa")


BAD: list[tuple[Any, int, str]] = [
    ("nothing", 1007, "frame"),
    ({"type": "x"}, 1008, "interaction_type"),
    ({"interaction_type": "response_required", "transcript": []}, 1008, "response_id"),
    ({"interaction_type": "response_required", "response_id": "1", "transcript": []}, 1008, "response_id"),
    ({"interaction_type": "response_required", "response_id": 1}, 1008, "transcript"),
    (
        {"interaction_type": "response_required", "response_id": 1, "transcript": [{"role": "user"}]},
        1008,
        "transcript.0.content",
    ),
    (
        {
            "interaction_type": "response_required",
            "response_id": 1,
            "transcript": [{"role": "user", "content": "a" * 4001}],
        },
        1008,
        "transcript",
    ),
    ({"interaction_type": "ping_pong", "timestamp": "x"}, 1008, "timestamp.int"),
]


@pytest.mark.parametrize(
    ("frame", "code", "field"), BAD, ids=[f"{place} {field}" for place, (_, _, field) in enumerate(BAD)]
)
async def test_what_can_not_be_used_ends_the_call_and_says_why(
    standing: House, frame: Any, code: int, field: str
) -> None:
    async with calling(standing, "bad") as (call, _):
        await call.line.send(frame)
        ended, reason = await call.line.ended()
    assert (ended, reason.partition(": ")[0]) == (code, field)


@pytest.mark.parametrize("path", ["/ws/retell/a%20b", "/ws/retell/c?locale=!", "/ws/retell/c?playbook=none"])
async def test_a_call_that_can_not_begin_is_refused(standing: House, path: str) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as error:
        async with standing.dial(path):
            pass
    assert error.value.status == 422
