"""A person takes a conversation over: the agent is silent and goes on advising, and afterwards knows what was said."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from agent.errors import HeldAlready, KeyReused, NotHeld, UnknownConversation
from agent.llm.chat import chat
from agent.orchestrator import Post, SalesAgent
from agent.settings import Settings
from agent.store import events
from tests.agent.channels.parts import FIRST, PATIENT, SECOND, Told, at_once, settings_with
from tests.agent.test_line import process

CALM = "Hola, soy Ana, le hablo yo directamente."


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    return settings_with(settings, **PATIENT, database_url=url)


@pytest.fixture
async def told(store: Settings) -> AsyncIterator[tuple[SalesAgent, Told]]:
    writer = at_once()
    async with process(store, writer) as agent:
        yield agent, writer


def post(text: str, where: Post | None = None) -> Post:
    return Post(where.conversation_id if where else uuid.uuid4().hex, text, locale="es")


async def said(agent: SalesAgent, about: Post) -> list[tuple[str, str]]:
    return [(row["role"], row["text"]) for row in await agent.messages(about.key)]


async def answered(agent: SalesAgent, about: Post, say: Any = None) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(await agent.post(about, say))
    return found


async def test_the_agent_is_silent_no_model_is_asked_and_the_rep_is_advised(told: tuple[SalesAgent, Told]) -> None:
    agent, writer = told
    first = post("hola")
    assert (await answered(agent, first))["held_by"] is None
    await agent.person_takes(first.key, "ana", "angry customer")
    heard: list[str] = []

    async def say(sentence: str) -> None:
        heard.append(sentence)

    held = await answered(agent, post("está carísimo, no puedo pagar eso", first), say)
    assert (held["response"], held["held_by"], held["interrupted"]) == ("", "person", False)
    assert held["talking_points"] and held["ml_insights"]["predicted_objections"]
    assert "".join(heard) == "" and len(writer.heard) == 1
    ledger = await agent.turn(first.key, held["turn_id"])
    assert ledger["reply"]["writer"] == "silence"


async def test_after_handback_the_agent_knows_what_was_said_and_does_not_greet_again(
    told: tuple[SalesAgent, Told],
) -> None:
    agent, writer = told
    first = post("hola")
    await agent.start(Post(first.conversation_id, ""))
    await agent.person_takes(first.key, "ana", None)
    await answered(agent, first)
    await agent.person_writes(first.key, "ana", CALM, "p-1")
    await answered(agent, post("quiero saber cuánto cuesta", first))
    await agent.person_writes(first.key, "ana", "Se lo mando en un momento.", "p-2")
    await agent.person_hands_back(first.key, "ana")
    after = await answered(agent, post("y el horario?", first))
    assert after["response"].endswith(f"{FIRST} {SECOND}") and after["held_by"] is None
    brief = writer.briefs[-1]
    assert [one.role for one in brief.recent] == ["customer", "person", "customer", "person", "customer"]
    assert [role for role, _ in chat(brief)] == ["user", "assistant", "user", "assistant", "user"]
    assert ("assistant", CALM) in chat(brief)
    assert "human colleague" in brief.system
    book = agent.shop("ngx").playbook
    assert not any(greeting.said_in("es") in after["response"] for greeting in book.phrases.greeting)
    assert book.disclosure.text.said_in("es") in after["response"], "what it is, it still has to say"
    later = await answered(agent, post("vale", first))
    assert later["response"] == f"{FIRST} {SECOND}"


async def test_what_the_agent_did_not_say_counts_as_unsaid(told: tuple[SalesAgent, Told]) -> None:
    agent, _ = told
    first = post("hola")
    await answered(agent, first)
    before = (await agent.conversation(first.key))["stage"]
    assert before
    await agent.person_takes(first.key, "ana", None)
    await answered(agent, post("cuánto cuesta?", first))

    def progress(connection: Any) -> dict[str, Any]:
        from agent.store.conversations import read_conversation

        return read_conversation(connection, first.key)["progress"]

    kept = await agent.door.run(progress)
    assert kept["priced"] == [] and kept["incentives"] == [] and kept["cut_off"] is False
    assert kept["customer_turns"] == 2


async def test_a_handed_off_conversation_goes_on_after_handback(told: tuple[SalesAgent, Told]) -> None:
    agent, _ = told
    first = post("quiero hablar con una persona por favor")
    assert (await answered(agent, first))["handoff"] == "wants_human"
    await agent.person_takes(first.key, "ana", None)
    await agent.person_hands_back(first.key, "ana")
    after = await answered(agent, post("gracias. cuánto cuesta?", first))
    assert after["recommended_action"]["type"] != "handoff_to_human"


async def test_a_running_reply_is_cut_where_it_is(store: Settings) -> None:
    writer = Told()
    async with process(store, writer) as agent:
        first = post("hola, cuánto cuesta?")
        heard: list[str] = []

        async def say(sentence: str) -> None:
            heard.append(sentence)

        turn = asyncio.create_task(answered(agent, first, say))
        async with asyncio.timeout(20):
            await writer.reached.wait()
            while FIRST not in "".join(heard):
                await asyncio.sleep(0.01)
        await agent.person_takes(first.key, "ana", None)
        response = await turn
        assert response["held_by"] == "person" and response["interrupted"] is True
        assert response["response"] == "".join(heard).strip()
        assert SECOND not in response["response"]
        assert (await said(agent, first))[-1] == ("agent", response["response"])
        assert agent._speaking == {}


async def test_a_running_reply_that_nobody_has_heard_is_none_and_the_message_stays(store: Settings) -> None:
    writer = Told()
    async with process(store, writer) as agent:
        first = post("hola, cuánto cuesta?")
        turn = asyncio.create_task(answered(agent, first))
        async with asyncio.timeout(20):
            await writer.reached.wait()
        await agent.person_takes(first.key, "ana", None)
        response = await turn
        assert (response["response"], response["held_by"]) == ("", "person")
        assert response["talking_points"]
        assert await said(agent, first) == [("customer", first.text), ("agent", "")]
        writer.gate.set()
        await agent.person_hands_back(first.key, "ana")
        after = await answered(agent, post("sigue ahí?", first))
        assert after["response"].endswith(SECOND)
        assert "interrupted your last message" not in writer.briefs[-1].system


async def test_another_process_knows_at_the_next_turn(store: Settings) -> None:
    writer = at_once()
    async with process(store, writer) as one, process(store) as two:
        first = post("hola")
        await answered(one, first)
        await two.person_takes(first.key, "ana", None)
        assert (await answered(one, post("y el precio?", first)))["response"] == ""
        await two.person_hands_back(first.key, "ana")
        assert (await answered(one, post("y el horario?", first)))["response"] != ""


async def test_while_another_process_writes_a_reply_it_may_finish(store: Settings) -> None:
    writer = Told()
    async with process(store, writer) as one, process(store) as two:
        first = post("hola, cuánto cuesta?")
        turn = asyncio.create_task(answered(one, first))
        async with asyncio.timeout(20):
            await writer.reached.wait()
        await two.person_takes(first.key, "ana", None)
        await two.person_writes(first.key, "ana", CALM, None)
        writer.gate.set()
        assert (await turn)["response"].endswith(SECOND)
        assert [role for role, _ in await said(one, first)] == ["customer", "person", "agent"]


async def test_what_makes_no_sense_is_refused(told: tuple[SalesAgent, Told]) -> None:
    agent, _ = told
    first = post("hola")
    with pytest.raises(UnknownConversation):
        await agent.person_takes(first.key, "ana", None)
    await answered(agent, first)
    with pytest.raises(NotHeld):
        await agent.person_hands_back(first.key, "ana")
    with pytest.raises(NotHeld):
        await agent.person_writes(first.key, "ana", CALM, None)
    taken = await agent.person_takes(first.key, "ana", None)
    assert (await agent.person_takes(first.key, "ana", None)).since == taken.since
    with pytest.raises(HeldAlready):
        await agent.person_takes(first.key, "pedro", None)
    with pytest.raises(HeldAlready):
        await agent.person_writes(first.key, "pedro", CALM, None)
    await agent.person_writes(first.key, "ana", CALM, "p-1")
    with pytest.raises(KeyReused):
        await agent.person_writes(first.key, "ana", "otra cosa", "p-1")
    await agent.person_hands_back(first.key, "pedro")
    repeated, new = await agent.person_writes(first.key, "ana", CALM, "p-1")
    assert (repeated["seq"], new) == (3, False)
    assert [role for role, _ in await said(agent, first)] == ["customer", "agent", "person"]


async def test_messages_of_a_person_and_of_the_customer_at_once_keep_their_places(
    told: tuple[SalesAgent, Told],
) -> None:
    agent, _ = told
    first = post("hola")
    await answered(agent, first)
    await agent.person_takes(first.key, "ana", None)
    calls: list[Any] = [agent.person_writes(first.key, "ana", f"respuesta {n}", f"p-{n}") for n in range(10)]
    calls += [agent.post(post(f"pregunta {n}", first)) for n in range(10)]
    await asyncio.gather(*calls)
    rows = await agent.messages(first.key, 0, 100)
    assert [row["seq"] for row in rows] == list(range(1, 33))
    assert sum(row["role"] == "person" for row in rows) == 10


async def test_those_who_follow_are_told_in_order(told: tuple[SalesAgent, Told]) -> None:
    agent, _ = told
    first = Post(uuid.uuid4().hex, "hola", f"t-{uuid.uuid4().hex}", locale="es")
    await answered(agent, first)
    await agent.person_takes(first.key, "ana", "angry")
    await agent.person_writes(first.key, "ana", CALM, "p-1")
    await agent.post(Post(first.conversation_id, "vale", first.tenant))
    await agent.person_hands_back(first.key, "ana")
    found, _ = await agent.door.run(events.read_after, first.tenant, events.START, 100)
    assert [one.type for one in found] == [
        "conversation.started", "message.received", "turn.completed", "conversation.taken_over", "message.sent",
        "message.received", "turn.completed", "conversation.handed_back",
    ]  # fmt: skip
    held = json.loads(found[-2].content)
    assert (held["response"], held["held_by"]) == ("", "person") and held["talking_points"]
