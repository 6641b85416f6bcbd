"""Twilio's ConversationRelay, played over a real socket: turns, hand-off, talking over the agent, and what is refused."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from agent.settings import Settings
from tests.agent.channels.voice.calls import Caller, House, house, with_model
from tests.scripted_model import GOOD, Answer, ScriptedModel, Stall

REPLY: str = GOOD["reply"]
FIRST = "Thank you for telling me."
AFTER_FIRST = Stall(after=4)
"""Silence when the first sentence is out and the second one has begun."""


@pytest.fixture
async def model() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel() as model:
        yield model


@pytest.fixture
async def server(settings: Settings, model: ScriptedModel) -> AsyncIterator[House]:
    async with house(settings, **with_model(model)) as server:
        yield server


async def asked(model: ScriptedModel, times: int) -> None:
    async with asyncio.timeout(60):
        while model.started < times:
            await asyncio.sleep(0.01)


async def opened(server: House, caller: Caller, **parameters: str) -> str:
    """After the first turn, with its greeting; what was said in it."""
    await caller.setup(**parameters)
    await caller.says("hello there")
    return (await caller.hears()).said


async def test_three_turns(server: House) -> None:
    async with server.relay() as caller:
        await caller.setup(conversation_id="call-1", name="Ana")
        await caller.says("hello there, how are you?")
        first = await caller.hears()
        assert len(first.texts) > 3  # sentence by sentence, and the end
        assert first.said.endswith(REPLY)
        await caller.says("my roof is fine, ", last=False)
        await caller.says("I want more energy")
        second = await caller.hears()
        await caller.says("I sleep badly")
        third = await caller.hears()
    assert [second.said, third.said] == [REPLY, REPLY]
    assert first.others == second.others == third.others == []
    assert await server.stored("call-1") == [
        ("customer", "hello there, how are you?"), ("agent", first.said),
        ("customer", "my roof is fine, I want more energy"), ("agent", second.said),
        ("customer", "I sleep badly"), ("agent", third.said),
    ]  # fmt: skip
    known = (await server.client.get("/conversations/call-1")).json()
    assert (known["channel"], known["customer_data"]["name"]) == ("voice", "Ana")


async def test_without_a_conversation_of_its_own_the_call_is_one(server: House) -> None:
    async with server.relay() as caller:
        await opened(server, caller)
    assert len(await server.stored("CA1")) == 2


async def test_what_is_said_can_be_spoken(server: House, model: ScriptedModel) -> None:
    price = next(line for line in (await _fact(server)) if "$" in line)
    model.default = Answer(json.dumps({**GOOD, "reply": f"It costs {price} in all. Is that fine?"}))
    async with server.relay() as caller:
        await caller.setup(conversation_id="spoken")
        await caller.says("what does it cost?")
        said = (await caller.hears()).said
    assert "dollars" in said
    assert "$" not in said
    assert (await server.stored("spoken"))[1] == ("agent", said)


async def _fact(server: House) -> list[str]:
    from prompts import load_playbook, wording

    book = load_playbook("ngx").book
    return [wording.price(offer.price, book, "en") for offer in book.offers]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("I want to talk to a real person, please", "live-agent-handoff"),
        ("Take me off your list and never contact me again.", "closed"),
    ],
)
async def test_the_call_ends_when_it_is_no_longer_the_agents(server: House, words: str, code: str) -> None:
    async with server.relay() as caller:
        await opened(server, caller, conversation_id=code)
        await caller.says(words)
        heard = await caller.hears(ends=True)
    assert heard.said
    about = orjson.loads(heard.others[0]["handoffData"])
    assert (about["reasonCode"], about["conversation_id"]) == (code, code)
    assert about["reason"] and about["turn_id"]
    assert not {"talking_points"} & about.keys()


async def test_while_a_person_has_the_call_it_does_not_end(server: House) -> None:
    async with server.relay() as caller:
        await opened(server, caller, conversation_id="held")
        taken = await server.client.post("/conversations/held/takeover", json={"actor": "Eva"})
        assert taken.status_code == 200
        for words in (
            "I want to talk to a real person, please",
            "Take me off your list and never contact me again.",
            "bye",
        ):
            await caller.says(words)
            heard = await caller.hears()
            assert (heard.said, heard.others) == ("", [])


async def test_who_talks_over_the_agent_has_heard_what_he_has_heard(server: House, model: ScriptedModel) -> None:
    async with server.relay() as caller:
        await opened(server, caller, conversation_id="cut")
        model.script.append(AFTER_FIRST)
        await caller.says("I have no time")
        await caller.until(FIRST)
        await caller.interrupts("thank YOU, for")
        await caller.says("are you there?")
        after = await caller.hears()
    assert after.said == REPLY
    assert (await server.stored("cut"))[2:] == [
        ("customer", "I have no time"), ("agent", "Thank you for"),
        ("customer", "are you there?"), ("agent", REPLY),
    ]  # fmt: skip
    assert "interrupted your last message" in model.requests[-1]["messages"][0]["content"]
    async with asyncio.timeout(60):
        while model.closed_by_client == 0:  # the generation has ended, too
            await asyncio.sleep(0.01)


async def test_before_the_first_word_the_next_prompt_carries_both(server: House, model: ScriptedModel) -> None:
    async with server.relay() as caller:
        await opened(server, caller, conversation_id="early")
        model.script.append(Stall(after=None))
        await caller.says("I have no time")
        await asked(model, 2)
        await caller.interrupts("")
        await caller.says("and no money")
        assert (await caller.hears()).said == REPLY
    stored = await server.stored("early")
    assert stored[2:] == [("customer", "I have no time and no money"), ("agent", REPLY)]


async def test_a_prompt_without_an_interrupt_before_it_is_one(server: House, model: ScriptedModel) -> None:
    async with server.relay() as caller:
        await opened(server, caller, conversation_id="hasty")
        model.script.append(AFTER_FIRST)
        await caller.says("I have no time")
        await caller.until(FIRST)
        await caller.says("hello?")
        assert (await caller.hears()).said == REPLY
    assert (await server.stored("hasty"))[3] == ("agent", FIRST)


async def test_talking_over_what_was_sent_long_ago(server: House) -> None:
    async with server.relay() as caller:
        said = await opened(server, caller, conversation_id="late")
        await caller.interrupts(said[:40].upper())
        await caller.says("yes?")
        again = (await caller.hears()).said
    stored = await server.stored("late")
    assert stored[1] == ("agent", said[: len(stored[1][1])])
    assert len(stored[1][1]) <= 44
    assert "AI" in again  # what the agent is was not heard, and is said again


async def test_what_can_not_be_found_is_kept_as_it_was_reported(server: House) -> None:
    async with server.relay() as caller:
        await opened(server, caller, conversation_id="other")
        await caller.interrupts("something else entirely")
        await caller.says("yes?")
        await caller.hears()
    assert (await server.stored("other"))[1] == ("agent", "something else entirely")


async def test_who_hangs_up_has_heard_what_was_sent(server: House, model: ScriptedModel) -> None:
    async with server.relay() as caller:
        await opened(server, caller, conversation_id="gone")
        model.script.append(AFTER_FIRST)
        await caller.says("I have no time")
        await caller.until(FIRST)
    async with asyncio.timeout(60):
        while len(await server.stored("gone")) < 4:
            await asyncio.sleep(0.01)
    assert (await server.stored("gone"))[3] == ("agent", FIRST)


async def test_the_voice_follows_the_language(server: House, model: ScriptedModel) -> None:
    spanish = {**GOOD, "reply": "Gracias por contarme eso. ¿Qué es lo más importante para ti?"}
    async with server.relay() as caller:
        await opened(server, caller, conversation_id="two")
        model.default = Answer(json.dumps(spanish))
        await caller.says("¿podemos hablar en español, por favor?")
        turn = await caller.hears()
        assert turn.others == [{"type": "language", "ttsLanguage": "es-US", "transcriptionLanguage": "es-US"}]
        await caller.says("muchas gracias, quiero bajar de peso", lang="es-US")
        assert (await caller.hears()).others == []


async def test_keys_and_platform_errors_are_let_by(server: House) -> None:
    async with server.relay() as caller:
        await caller.setup(conversation_id="dtmf")
        for frame in (
            {"type": "dtmf", "digit": "1"},
            {"type": "error", "description": "x"},
            {"type": "news", "a": [1]},
        ):
            await caller.line.send(frame)
        await caller.says("")
        await caller.says("hello there")
        assert (await caller.hears()).said.endswith(REPLY)


SETUP = {"type": "setup", "callSid": "CA1"}
BAD: list[tuple[list[Any], int, str]] = [
    (["no json"], 1007, "frame"),
    (["[1]"], 1007, "frame"),
    ([{"kind": "setup"}], 1008, "type"),
    ([{"type": 7}], 1008, "type"),
    ([{"type": "setup"}], 1008, "callSid"),
    ([{"type": "setup", "callSid": "a b"}], 1008, "callSid"),
    ([{"type": "setup", "callSid": "CA1", "customParameters": []}], 1008, "customParameters"),
    ([{"type": "setup", "callSid": "CA1", "customParameters": {"locale": "??"}}], 1008, "customParameters.locale"),
    ([{"type": "setup", "callSid": "CA1", "customParameters": {"playbook": "none"}}], 1008, "playbook"),
    ([SETUP, SETUP], 1008, "type"),
    ([{"type": "prompt", "voicePrompt": "hi"}], 1008, "type"),
    ([SETUP, {"type": "prompt"}], 1008, "voicePrompt"),
    ([SETUP, {"type": "prompt", "voicePrompt": "a\x00b"}], 1008, "voicePrompt"),
    ([SETUP, {"type": "prompt", "voicePrompt": "a" * 4001}], 1008, "voicePrompt"),
    ([SETUP, {"type": "prompt", "voicePrompt": "hi", "last": {}}], 1008, "last"),
    ([SETUP, {"type": "interrupt", "utteranceUntilInterrupt": 7}], 1008, "utteranceUntilInterrupt"),
    (['{"type":"x","y":"' + "a" * 64_001 + '"}'], 1009, "frame"),
]


@pytest.mark.parametrize(
    ("frames", "code", "field"), BAD, ids=[f"{code} {field} {len(frames)}" for frames, code, field in BAD]
)
async def test_what_can_not_be_used_ends_the_call_and_says_why(
    standing: House, frames: list[Any], code: int, field: str
) -> None:
    async with standing.relay() as caller:
        for frame in frames:
            await caller.line.send(frame)
        ended, reason = await caller.line.ended()
    assert ended == code
    assert reason.partition(": ")[0] == field
    assert reason.partition(": ")[2]


async def test_bytes_are_no_frame(standing: House) -> None:
    async with standing.relay() as caller:
        await caller.line.socket.send_bytes(b"{}")
        assert (await caller.line.ended())[0] == 1007
