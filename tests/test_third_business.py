"""A business that no code and no training knows: home insurance in euros, given as one YAML file, served over HTTP."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from agent.bootstrap import build_agent
from agent.reply.facts import FactBook
from agent.settings import Settings
from agent.turn import Brief, Delta
from predictors.language import spanish_share
from prompts import load_playbook
from prompts.playbook import Language
from tests.conftest import serving

FOLDER = Path(__file__).parent / "playbooks"
BOOK = load_playbook("insurance", FOLDER).book
FACTS = FactBook.of(BOOK)


def insurance(folder: Path, models: Path) -> Settings:
    (folder / "models").symlink_to(models)
    return Settings(data_dir=folder, log_level="error", playbooks_dir=FOLDER, default_playbook="insurance")


@pytest.fixture(scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory, models: Path) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(insurance(tmp_path_factory.mktemp("insurance"), models)) as client:
        yield client


async def started(door: httpx2.AsyncClient) -> str:
    response = await door.post("/conversations/start", json={"customer_data": {"name": "Ana"}})
    assert response.status_code == 201, response.text
    return response.json()["conversation_id"]


async def said(door: httpx2.AsyncClient, conversation: str, text: str) -> dict[str, Any]:
    response = await door.post(f"/conversations/{conversation}/message", json={"message": text})
    assert response.status_code == 200, response.text
    return response.json()


async def talk(door: httpx2.AsyncClient, *lines: str) -> list[dict[str, Any]]:
    """Every turn of one conversation; each is checked for what must hold of any."""
    conversation = await started(door)
    turns = [await said(door, conversation, line) for line in lines]
    for turn in turns:
        ledger = (await door.get(f"/conversations/{conversation}/turns/{turn['seq']}")).json()
        assert ledger["playbook"]["id"] == "insurance"
        assert ledger["reply"]["writer"] == "composer"
        assert turn["degraded"] == ledger["reply"]["violations"] == []
        assert {used["source"] for used in turn["ml_insights"]["models"].values()} <= {"model", "cache"}
        share, words = spanish_share(turn["response"])
        assert words >= 4
        assert (share > 0.5) == (turn["language"] == "es"), turn["response"]
        known = FACTS.check(turn["response"], turn["language"], granted_percent=Decimal(10))
        assert known.violations == (), turn["response"]
    return turns


def actions(turns: list[dict[str, Any]]) -> list[str]:
    return [turn["recommended_action"]["type"] for turn in turns]


async def test_it_is_the_business_of_every_conversation_that_names_none(door: httpx2.AsyncClient) -> None:
    conversation = await started(door)
    assert (await door.get(f"/conversations/{conversation}")).json()["playbook"] == "insurance"


async def test_the_shipped_businesses_are_unknown_there(door: httpx2.AsyncClient) -> None:
    response = await door.post("/conversations/start", json={"playbook": "ngx"})
    assert response.status_code == 422
    assert "ngx" in response.text


NEEDS: list[tuple[str, Language, str]] = [
    ("home_cover", "es", "Acabo de heredar un piso y querría asegurarlo"),
    ("home_cover", "es", "Busco asegurar la vivienda que hemos comprado este mes"),
    ("home_cover", "en", "we're buying our first home and want it insured"),
    ("home_cover", "en", "I'd like to insure the apartment where I live"),
    ("landlord_cover", "es", "El inquilino me debe tres meses de renta"),
    ("landlord_cover", "es", "Alquilo mi piso y el inquilino ha dejado de pagar"),
    ("landlord_cover", "en", "Hi, my tenants are two months behind with the rent"),
    ("landlord_cover", "en", "My tenant hasn't paid rent since May"),
    ("travel_cover", "es", "Vamos de vacaciones a Perú con los niños"),
    ("travel_cover", "es", "Necesito cobertura médica para ir de viaje a Estados Unidos"),
    ("travel_cover", "en", "holiday in Vietnam next month, need insurance for doctors"),
    ("travel_cover", "en", "We are travelling abroad with the children this summer"),
    ("claims_help", "es", "El vecino de arriba me ha mojado el techo"),
    ("claims_help", "es", "Mi aseguradora lleva semanas sin responder al parte"),
    ("claims_help", "en", "the insurance company won't answer me about my claim"),
    ("lower_premium", "es", "Este año me cobran mucho más que el anterior por el seguro"),
    ("lower_premium", "es", "Quiero rebajar lo que pago de seguro cada año"),
    ("lower_premium", "en", "my premium shot up this year"),
    ("lower_premium", "en", "I'd like a cheaper bill for my cover"),
]


@pytest.mark.parametrize(("need", "language", "text"), NEEDS)
async def test_a_need_of_the_new_business_is_recognised_in_other_words(
    door: httpx2.AsyncClient, need: str, language: Language, text: str
) -> None:
    assert text not in BOOK.needs[need].examples.said_in(language)
    (turn,) = await talk(door, text)
    found = turn["ml_insights"]["predicted_needs"]
    assert turn["language"] == language
    assert found, text
    assert found[0]["type"] == need, found
    assert turn["recommended_action"]["need"] == need


@pytest.mark.parametrize("text", ["Hola, buenas tardes", "good morning", "¿Qué tiempo hace hoy?", "nice to meet you"])
async def test_small_talk_is_no_need(door: httpx2.AsyncClient, text: str) -> None:
    (turn,) = await talk(door, text)
    assert turn["ml_insights"]["predicted_needs"] == []


async def test_nothing_of_the_trained_businesses_is_predicted_or_said(door: httpx2.AsyncClient) -> None:
    for text in ("Quiero bajar de peso y ganar músculo", "my roof is leaking after the hail storm"):
        (turn,) = await talk(door, text)
        assert {need["type"] for need in turn["ml_insights"]["predicted_needs"]} <= set(BOOK.needs)
        assert turn["recommended_action"]["offer"] in {offer.id for offer in BOOK.offers}


PRICES = [
    ("Quiero asegurar la casa que acabo de comprar", "y el precio cuál es", "home", "189,50 € al año"),
    ("Alquilo mi piso y el inquilino ha dejado de pagar", "cuanto vale", "landlord", "27 € al mes"),
    ("Necesito un seguro de viaje", "y el precio cuál es", "trip", "58 €"),
    ("we're buying our first home and want it insured", "and what would the price be", "home", "€189.50 a year"),
    ("My tenant hasn't paid rent since May", "and what would the price be", "landlord", "€27 a month"),
    ("I need travel insurance for Japan", "and what would the price be", "trip", "€58"),
]


@pytest.mark.parametrize(("need", "question", "offer", "price"), PRICES)
async def test_the_price_of_what_the_customer_wants_is_said_in_euros(
    door: httpx2.AsyncClient, need: str, question: str, offer: str, price: str
) -> None:
    turn = (await talk(door, need, question))[-1]
    assert turn["recommended_action"]["type"] == "quote_price"
    assert turn["recommended_action"]["offer"] == offer
    assert price in turn["response"]
    assert "$" not in turn["response"]


OBJECTIONS: list[tuple[str, Language, str]] = [
    ("price", "es", "Es demasiado dinero para mí"),
    ("price", "en", "That's too expensive"),
    ("trust", "es", "No me fío de las aseguradoras"),
    ("trust", "en", "I don't trust insurance companies"),
    ("authority", "es", "Lo tengo que consultar con mi mujer"),
    ("authority", "en", "I need to talk to my wife first"),
    ("competitor", "es", "Ya tengo otra compañía que me lo hace más barato"),
    ("stall", "es", "Me lo tengo que pensar"),
    ("stall", "en", "Let me think it over"),
    ("commitment", "es", "No quiero firmar una permanencia"),
    ("commitment", "en", "I don't want to be tied to a contract"),
    ("no_need", "en", "I don't really need this"),
    ("effort", "es", "Me da pereza tanto papeleo"),
]


@pytest.mark.parametrize(("objection", "language", "text"), OBJECTIONS)
async def test_an_objection_is_answered_from_the_business_own_lines(
    door: httpx2.AsyncClient, objection: Any, language: Language, text: str
) -> None:
    opening = {
        "es": "Busco asegurar la vivienda que hemos comprado",
        "en": "I'd like to insure the apartment where I live",
    }
    turn = (await talk(door, opening[language], text))[-1]
    found = [one["type"] for one in turn["ml_insights"]["predicted_objections"]]
    assert found[0] == objection
    assert turn["recommended_action"]["type"] == "handle_objection"
    assert turn["objection_answered"] == objection
    answers = [answer.said_in(language) for answer in BOOK.objections[objection].answers]
    assert any(answer in turn["response"] for answer in answers)


async def test_a_prepared_answer_is_found(door: httpx2.AsyncClient) -> None:
    for text, answer in [
        ("¿Cómo tengo que dar un parte?", BOOK.answers[0].answer.es),
        ("how would I file a claim?", BOOK.answers[0].answer.en),
        ("¿Estoy hablando con un robot?", BOOK.disclosure.when_asked("es")),
    ]:
        (turn,) = await talk(door, text)
        assert turn["recommended_action"]["type"] == "answer_question"
        assert answer in turn["response"]


@pytest.mark.parametrize(
    ("language", "text", "later"),
    [
        ("es", "Por favor, no me escriban más", "¿Sigue ahí?"),
        ("en", "Please stop contacting me", "Are you still there?"),
        ("es", "Quítenme de su lista", "Hola"),
        ("en", "take my number off your list", "hello"),
    ],
)
async def test_an_opt_out_is_confirmed_in_the_business_words_and_lasts(
    door: httpx2.AsyncClient, language: Language, text: str, later: str
) -> None:
    turns = await talk(door, text, later)
    assert actions(turns) == ["close_politely"] * 2
    assert all(BOOK.opt_out.reply.said_in(language) in turn["response"] for turn in turns)
    assert {turn["stage"] for turn in turns} == {"closed"}


async def test_a_minor_is_refused_kindly(door: httpx2.AsyncClient) -> None:
    (turn,) = await talk(door, "Tengo 15 años y quiero asegurar mi casa")
    assert turn["recommended_action"]["type"] == "close_politely"
    assert BOOK.eligibility.refusal.es in turn["response"]


@pytest.mark.parametrize(
    ("language", "text"),
    [("es", "póngame con alguien de la oficina"), ("en", "put me through to a human please")],
)
async def test_a_person_takes_over_when_asked_for(door: httpx2.AsyncClient, language: Language, text: str) -> None:
    (turn,) = await talk(door, text)
    assert (turn["recommended_action"]["type"], turn["handoff"]) == ("handoff_to_human", "wants_human")
    assert BOOK.handoff["wants_human"].say.said_in(language) in turn["response"]


async def test_a_whole_conversation_in_spanish_ends_in_a_sale(door: httpx2.AsyncClient) -> None:
    turns = await talk(
        door,
        "Buenas, quiero asegurar la casa que acabo de comprar",
        "y el precio cuál es",
        "Uf, es demasiado caro para mí",
        "Además lo tengo que consultar con mi mujer",
        "¿Y cómo tendría que dar un parte?",
        "De acuerdo, ya lo hemos hablado, lo contrato",
    )
    assert {turn["language"] for turn in turns} == {"es"}
    assert "Marta" in turns[0]["response"]
    assert BOOK.disclosure.text.es in turns[0]["response"]
    assert "189,50 € al año" in turns[1]["response"]
    assert actions(turns)[1] == "quote_price"
    assert actions(turns)[2] in ("handle_objection", "offer_incentive")
    assert actions(turns)[3] == "handle_objection"
    assert turns[3]["objection_answered"] == "authority"
    assert actions(turns)[4] == "answer_question"
    assert (actions(turns)[5], turns[5]["stage"]) == ("confirm_sale", "closed")
    assert len({turn["response"] for turn in turns}) == 6


async def test_a_whole_conversation_in_english_ends_in_a_goodbye(door: httpx2.AsyncClient) -> None:
    turns = await talk(
        door,
        "Hi, my tenants are two months behind with the rent",
        "and what would the price be",
        "I don't trust insurance companies, they never pay",
        "how would I file a claim?",
        "I need to talk to my wife first",
        "Please stop contacting me",
    )
    assert {turn["language"] for turn in turns} == {"en"}
    assert BOOK.disclosure.text.en in turns[0]["response"]
    assert "€27 a month" in turns[1]["response"]
    assert turns[2]["objection_answered"] == "trust"
    assert BOOK.answers[0].answer.en in turns[3]["response"]
    assert turns[4]["objection_answered"] == "authority"
    assert actions(turns)[5] == "close_politely"
    assert BOOK.opt_out.reply.en in turns[5]["response"]


class Writer:
    """A model that writes what it is given, and keeps what it was told."""

    name = "scripted"

    def __init__(self, reply: str) -> None:
        self.reply = reply
        self.briefs: list[Brief] = []

    async def stream(self, brief: Brief) -> AsyncGenerator[Delta]:
        self.briefs.append(brief)
        draft = {"reply": self.reply, "talking_points": [], "objection_answered": None, "question_asked": None}
        yield Delta(json.dumps({**draft, "next_step": None, "handoff": False}), finish_reason="stop")

    async def aclose(self) -> None:
        return None


async def written(folder: Path, models: Path, message: str, writer: Writer) -> dict[str, Any]:
    async with serving(insurance(folder, models), partial(build_agent, writers=[writer])) as door:
        return await said(door, await started(door), message)


@pytest.mark.parametrize(
    ("message", "wrong", "right"),
    [
        ("Quiero asegurar mi casa nueva", "Claro. Hogar Faro cuesta 99 € al año.", "189,50 €"),
        ("I'd like to insure the apartment where I live", "Sure. Faro Home is €99 a year.", "€189.50"),
    ],
)
async def test_a_model_cannot_say_a_price_that_the_new_business_does_not_have(
    tmp_path: Path, models: Path, message: str, wrong: str, right: str
) -> None:
    turn = await written(tmp_path, models, message, Writer(wrong))
    assert "99" not in turn["response"]
    assert right in turn["response"]
    assert "facts:price:repaired" in turn["degraded"]


async def test_a_model_may_say_the_prices_that_it_has(tmp_path: Path, models: Path) -> None:
    reply = "Hogar Faro cuesta 189,50 € al año y Viaje Faro, 58 euros. ¿Cuál le interesa?"
    turn = await written(tmp_path, models, "Quiero asegurar mi casa nueva", Writer(reply))
    assert turn["response"].endswith(reply)
    assert turn["degraded"] == []


async def test_the_model_is_told_of_the_new_business_and_its_prompt_has_no_word_of_the_customer(
    tmp_path: Path, models: Path
) -> None:
    writer = Writer("Entendido.")
    await written(tmp_path, models, "Quiero asegurar mi casa de Benimaclet", writer)
    (brief,) = writer.briefs
    assert "You are Marta, asesora virtual de seguros at Faro Seguros." in brief.system
    assert "Hogar Faro; 189,50 € al año" in brief.system
    assert "Benimaclet" not in brief.system
    assert "Ana" not in brief.system
    assert brief.messages[-1].text == "Quiero asegurar mi casa de Benimaclet"
