"""Who a conversation is, what was really spoken in it, and requests that come twice."""

import asyncio
from typing import Any

import httpx2
import pytest

from agent.channels.openai.truth import spoken_of
from agent.settings import Settings
from prompts import load_playbook
from tests.agent.channels.openai.calls import ask, fresh, kept, refused, reply_to, said, stream
from tests.agent.channels.parts import FIRST, PATIENT, SECOND, Told, at_once, building, settings_with
from tests.conftest import serving


async def test_the_order_of_those_who_name_the_conversation(api: httpx2.AsyncClient) -> None:
    header, metadata, vapi, eleven = (fresh() for _ in range(4))
    given: list[tuple[str, dict[str, Any]]] = [
        (eleven, {"elevenlabs_extra_body": {"conversation_id": eleven}}),
        (vapi, {"call": {"id": vapi}}),
        (metadata, {"metadata": {"conversation_id": metadata}}),
        (header, {"to": header}),
    ]
    more: dict[str, Any] = {}
    for name, one in given:
        more |= one
        await reply_to(api, "hola", **more)
        assert len(await kept(api, name)) == 2


async def test_nobody_is_guessed(api: httpx2.AsyncClient, settings: Settings) -> None:
    async with serving(settings) as client:
        texts = [await reply_to(client, "hola", user="ana", user_id="ana") for _ in range(2)]
        assert all(texts)
        assert (await client.get("/conversations/ana")).status_code == 404


async def test_without_a_name_the_messages_are_the_history(settings: Settings) -> None:
    writer = at_once()
    async with serving(settings, building(writers=[writer])) as client:
        first = await reply_to(client, "hola", metadata={"locale": "es"})
        disclosure = "asistente"
        assert disclosure in first
        second = await reply_to(client, "hola", first, "¿cuánto cuesta?")
        assert second == f"{FIRST} {SECOND}", "who has said what he is does not say it again"
        assert [(one.role, one.text) for one in writer.briefs[-1].recent] == [
            ("customer", "hola"),
            ("agent", first),
            ("customer", "¿cuánto cuesta?"),
        ]
        many = [*["hola", "dime"] * 50, "¿y el horario?"]
        await reply_to(client, *many)
        assert len(writer.briefs[-1].recent) == 12
        assert writer.briefs[-1].progress.customer_turns == 50


async def test_what_was_spoken_before_we_knew_of_it_is_known(settings: Settings) -> None:
    """A platform's own first words; a call that another server began."""
    writer, here = at_once(), fresh()
    async with serving(settings, building(writers=[writer])) as client:
        hello = "Hola, soy Sofía. " + load_playbook("ngx").book.disclosure.text.said_in("es")
        messages = [{"role": "assistant", "content": hello}, *said("¿cuánto cuesta?")]
        answers = [await reply_to(client, messages=messages, to=here, metadata={"locale": "es"}) for _ in range(2)]
        assert answers == [f"{FIRST} {SECOND}"] * 2, "who has said what he is does not say it again"
        spoken = {"role": "assistant", "content": answers[0]}
        await reply_to(client, messages=[*messages, spoken, *said("sí")], to=here)
        assert [text for _, text in await kept(client, here)][:3] == [hello, "¿cuánto cuesta?", answers[0]]
        assert [one.text for one in writer.briefs[0].recent] == [hello, "¿cuánto cuesta?"]


SYSTEM = {"role": "system", "content": "Greet the customer."}


@pytest.mark.parametrize("heard", [None, 12, 0], ids=["whole", "cut", "not at all"])
async def test_before_anybody_has_spoken_the_agent_speaks_first(settings: Settings, heard: int | None) -> None:
    """As Pipecat and LiveKit begin a call."""
    disclosure, here = load_playbook("ngx").book.disclosure.text.said_in("es"), fresh()
    more: dict[str, Any] = {"to": here, "metadata": {"locale": "es"}}
    async with serving(settings, building(writers=[at_once()])) as client:
        first = await reply_to(client, messages=[SYSTEM], **more)
        assert first.endswith(disclosure)
        assert await reply_to(client, messages=[SYSTEM], **more) == first
        assert (await stream(client, messages=[SYSTEM], **more)).text == first
        spoken = first[:heard].strip()
        given = [{"role": "assistant", "content": spoken}] if spoken else []
        answer = await reply_to(client, messages=[SYSTEM, *given, *said("¿cuánto cuesta?")], **more)
        if spoken == first:
            assert answer == f"{FIRST} {SECOND}"
        else:
            assert disclosure in answer, "what it is was not heard"
        assert [text for _, text in await kept(client, here)] == [spoken, "¿cuánto cuesta?", answer]
        assert await reply_to(client, messages=[SYSTEM], **more) == ""
        assert (await client.get(f"/conversations/{here}")).json()["turns"] == 1


async def test_without_a_name_the_agent_speaks_first_too(api: httpx2.AsyncClient) -> None:
    first = await reply_to(api, messages=[SYSTEM], metadata={"locale": "es"})
    spoken = [SYSTEM, {"role": "assistant", "content": first}, *said("¿cuánto cuesta?")]
    answer = await reply_to(api, messages=spoken, metadata={"locale": "es"})
    assert load_playbook("ngx").book.disclosure.text.said_in("es") not in answer


async def test_nobody_is_greeted_twice(settings: Settings) -> None:
    """What the agent is he says until it was heard; the greeting only where nothing of the house was heard yet."""
    disclosure = load_playbook("ngx").book.disclosure.text.said_in("es")
    async with serving(settings, building(writers=[at_once()])) as client:
        more: dict[str, Any] = {"metadata": {"locale": "es"}}
        for to in (fresh(), None):
            hello = [{"role": "assistant", "content": "Hola, gracias por llamar."}, *said("¿cuánto cuesta?")]
            assert await reply_to(client, messages=hello, to=to, **more) == f"{disclosure} {FIRST} {SECOND}"
        here = fresh()
        first = await reply_to(client, "hola", to=here, **more)
        assert not first.startswith(disclosure) and disclosure in first
        again = await reply_to(client, "hola", first[:12], "¿cuánto cuesta?", to=here, **more)
        assert again == f"{disclosure} {FIRST} {SECOND}"


async def test_of_many_that_bring_the_same_beginning_one_begins(settings: Settings) -> None:
    writer, here = Told(), fresh()
    async with serving(settings_with(settings, **PATIENT), building(writers=[writer])) as client:
        asked = [asyncio.create_task(reply_to(client, "hola", "¿Qué tal?", "bien", to=here)) for _ in range(4)]
        await writer.reached.wait()
        writer.gate.set()
        assert len(set(await asyncio.gather(*asked))) == 1
        assert [text for _, text in await kept(client, here)][:3] == ["hola", "¿Qué tal?", "bien"]


async def test_without_a_name_an_opt_out_still_stands(api: httpx2.AsyncClient) -> None:
    answer = await reply_to(api, "no me escriban más", "Listo.", "hola, ¿qué tal?", metadata={"locale": "es"})
    assert "Sigues fuera de nuestra lista" in answer


SAID = "Hola, soy Ana. Cuesta $2,790 al mes. ¿Te sirve?"


@pytest.mark.parametrize(
    ("spoken", "heard"),
    [
        (SAID, SAID),
        ("Hola, soy Ana.  Cuesta $2,790\nal mes. ¿Te sirve? ", SAID),
        ("Hola, soy Ana. Cuesta $2,790 al mes. ¿Te sirve?...", SAID),
        ("Hola, soy Ana. Cuesta", "Hola, soy Ana. Cuesta"),
        ("Hola,soy Ana.", "Hola, soy Ana."),
        (SAID[:-1], SAID),
        ("Hola, soy Ana. Cuesta $2...", "Hola, soy Ana. Cuesta $2"),
        ("Hola, soy Ana. Cuesta —", "Hola, soy Ana. Cuesta"),
        ("", None),
        ("...", None),
        ("Buenas, soy Ana.", None),
        (f"{SAID} Y más.", None),
    ],
)
def test_how_much_of_a_reply_was_spoken(spoken: str, heard: str | None) -> None:
    assert spoken_of(SAID, spoken) == heard


async def test_what_was_spoken_takes_the_place_of_what_we_had_sent(settings: Settings) -> None:
    writer, here = at_once(), fresh()
    async with serving(settings, building(writers=[writer])) as client:
        first = await reply_to(client, "hola", to=here)
        spoken = first[: first.index(FIRST) + len(FIRST) - 1]
        second = await reply_to(client, "hola", f" {spoken}... ", "no, espera, ¿y el horario?", to=here)
        assert await kept(client, here) == [
            ("c", "hola"),
            ("a", spoken),
            ("c", "no, espera, ¿y el horario?"),
            ("a", second),
        ]
        assert "interrupted your last message" in writer.briefs[-1].system
        await reply_to(client, "hola", spoken, "no, espera, ¿y el horario?", second, "vale", to=here)
        assert "interrupted your last message" not in writer.briefs[-1].system
        assert (await kept(client, here))[3] == ("a", second)


async def test_a_reply_in_several_messages_is_one(settings: Settings) -> None:
    writer, here = at_once(), fresh()
    async with serving(settings, building(writers=[writer])) as client:
        first = await reply_to(client, "hola", to=here)
        cut = first.index(FIRST)
        call = [{"id": "c", "type": "function", "function": {"name": "x", "arguments": "{}"}}]
        messages = [
            {"role": "user", "content": "hola"},
            {"role": "assistant", "content": first[:cut]},
            {"role": "assistant", "content": None, "tool_calls": call},
            {"role": "tool", "tool_call_id": "c", "content": "ok"},
            {"role": "assistant", "content": first[cut:]},
            {"role": "user", "content": "vale"},
        ]
        await reply_to(client, messages=messages, to=here)
        assert (await kept(client, here))[1] == ("a", first)


async def test_other_words_than_ours_change_nothing(api: httpx2.AsyncClient) -> None:
    here = fresh()
    first = await reply_to(api, "hola", to=here)
    await reply_to(api, "hola", "Un momento, por favor.", "¿cuánto cuesta?", to=here)
    assert (await kept(api, here))[1] == ("a", first)


async def test_a_reply_of_which_no_word_was_spoken(settings: Settings) -> None:
    """The customer went on before the platform spoke: his messages stand together, the first one was answered."""
    writer, here = at_once(), fresh()
    async with serving(settings, building(writers=[writer])) as client:
        await reply_to(client, "hola", to=here)
        messages = [*said("hola"), *said("¿cuánto cuesta?")]
        first = await reply_to(client, messages=messages, to=here)
        again = await reply_to(client, messages=messages, to=here)
        assert again == first
        found = await kept(client, here)
        assert found == [("c", "hola"), ("a", ""), ("c", "¿cuánto cuesta?"), ("a", first)]
        assert writer.heard == ["hola", "¿cuánto cuesta?"]


@pytest.mark.parametrize("streams", [False, True])
async def test_a_request_that_comes_again_advances_nothing(api: httpx2.AsyncClient, streams: bool) -> None:
    here, talk = fresh(), list[str]()
    for text in ("hola", "sí", "sí"):
        texts: list[str] = []
        for number in range(3):
            headers = {"x-stainless-retry-count": str(number)}
            if streams:
                texts.append((await stream(api, *talk, text, to=here, headers=headers)).text)
            else:
                texts.append(await reply_to(api, *talk, text, to=here, headers=headers))
        assert len(set(texts)) == 1
        talk += [text, texts[0]]
    assert [text for _, text in await kept(api, here)] == talk


async def test_one_that_comes_again_after_the_next_is_the_same_too(api: httpx2.AsyncClient) -> None:
    here = fresh()
    first = await reply_to(api, "hola", to=here)
    await reply_to(api, "hola", first, "¿cuánto cuesta?", to=here)
    assert await reply_to(api, "hola", to=here) == first
    assert len(await kept(api, here)) == 4


async def test_the_same_at_the_same_time_is_one_turn(settings: Settings) -> None:
    writer, here = Told(), fresh()
    async with serving(settings_with(settings, **PATIENT), building(writers=[writer])) as client:
        asked = [asyncio.create_task(reply_to(client, "hola", to=here)) for _ in range(4)]
        await writer.reached.wait()
        writer.gate.set()
        assert len(set(await asyncio.gather(*asked))) == 1
        assert writer.heard == ["hola"]


async def test_an_idempotency_key_names_the_request(api: httpx2.AsyncClient) -> None:
    here, headers = fresh(), {"Idempotency-Key": "k-1"}
    first = await reply_to(api, "hola", to=here, headers=headers)
    assert await reply_to(api, "hola", to=here, headers=headers) == first
    await reply_to(api, "hola", first, "sí", to=here)
    refused(await ask(api, "hola", first, "otra cosa", to=here, headers=headers), 400, "messages", "message_id_reused")
    assert len(await kept(api, here)) == 4


async def test_a_server_on_postgresql_does_the_same(settings: Settings, postgres_url: str) -> None:
    writer, here = at_once(), fresh()
    async with serving(settings_with(settings, database_url=postgres_url), building(writers=[writer])) as client:
        first = await reply_to(client, "hola", to=here)
        assert await reply_to(client, "hola", to=here) == first
        heard = first[:20].strip()
        await reply_to(client, "hola", heard, "¿y el horario?", to=here)
        assert [text for _, text in await kept(client, here)][:3] == ["hola", heard, "¿y el horario?"]
        await reply_to(client, "hola", first, "¿cuánto cuesta?")
        assert len(writer.briefs[-1].recent) == 3
