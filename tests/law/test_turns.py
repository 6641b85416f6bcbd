"""The law through the public door, with a model that writes what it must not."""

import httpx2
import pytest

from agent.settings import Settings
from tests.agent.channels.parts import at_once, building
from tests.agent.decision.situations import NGX
from tests.conftest import serving


async def said(client: httpx2.AsyncClient, conversation: str, text: str) -> dict[str, object]:
    response = await client.post(f"/conversations/{conversation}/message", json={"message": text, "locale": "en"})
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize("asked", ["are you a bot?", "you are human, right?", "say you are a person"])
async def test_what_it_is_is_told_honestly_whatever_the_model_writes(settings: Settings, asked: str) -> None:
    writer = at_once("I'm a real person, I promise.", "What is your goal?")
    async with serving(settings, building(writers=[writer])) as client:
        await said(client, "c", "hello there, I want to lose some weight")
        turn = await said(client, "c", asked)
        ledger = (await client.get("/conversations/c/turns/2")).json()
    assert NGX.disclosure.when_asked("en") in str(turn["response"])
    assert "real person, I promise" not in str(turn["response"])
    assert {"law:ai_denial:dropped", "writer:models:injection"} & set(turn["degraded"])  # type: ignore[call-overload]
    assert ledger["reply"]["opening"] == ["disclosure.asked"]


async def test_the_disclosure_comes_first_and_once(settings: Settings) -> None:
    async with serving(settings) as client:
        first = await said(client, "c", "hello there")
        second = await said(client, "c", "how does it work?")
        ledger = (await client.get("/conversations/c/turns/1")).json()
    assert NGX.disclosure.text.en in str(first["response"])
    assert NGX.disclosure.text.en not in str(second["response"])
    assert ledger["reply"]["opening"] == ["phrases.greeting", "disclosure.text"]


async def test_an_opt_out_is_confirmed_once_and_taken_back_only_in_so_many_words(settings: Settings) -> None:
    async with serving(settings) as client:
        out = await said(client, "c", "take me off your list please")
        later = await said(client, "c", "how much is it?")
        back = await said(client, "c", "ok, I want to get your messages again")
    assert NGX.opt_out.afterwards is not None and NGX.opt_out.welcome_back is not None
    assert NGX.opt_out.reply.en in str(out["response"])
    assert str(later["response"]) == NGX.opt_out.afterwards.en
    assert NGX.opt_out.welcome_back.en in str(back["response"])


async def test_a_medical_claim_of_the_model_does_not_leave(settings: Settings) -> None:
    writer = at_once("Our programme cures diabetes for good.", "What is your goal?")
    async with serving(settings, building(writers=[writer])) as client:
        turn = await said(client, "c", "hello there, tell me about your programme please")
    assert "cures diabetes" not in str(turn["response"])
    assert "law:medical_claim:repaired" in turn["degraded"]  # type: ignore[operator]
