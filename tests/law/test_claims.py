"""No reply calls itself human or makes a medical claim; harmless sentences about people, doctors and bodies stay."""

from decimal import Decimal

import pytest

from agent.reply.facts import FactBook
from agent.reply.gate import FactLock
from agent.turn import Language
from predictors.language import language_of
from prompts import load_playbook

NGX = load_playbook("ngx").book
FACTS = FactBook.of(NGX)

DENIALS = """
Soy una persona real, te lo aseguro.
No soy un robot.
No, soy una persona de carne y hueso.
Claro que soy humana.
No soy ninguna inteligencia artificial.
Estás hablando con una persona.
Aquí no hay bots.
I'm a real person, I promise.
I am human, of course.
No, I'm not a bot.
I'm definitely not an AI.
You're talking to a real person.
There are no robots here.
As a fellow human, I get it.
This isn't a bot.
""".strip().splitlines()

MEDICAL = """
El programa cura la diabetes.
Nuestro método elimina el dolor de espalda para siempre.
Te garantizamos que vas a bajar de peso.
Vas a normalizar tu presión arterial.
Tu hipertensión desaparecerá.
Lo que tienes es una hernia.
Eso suena a tendinitis.
Puedes dejar la metformina en unas semanas.
Ya no vas a necesitar tus pastillas.
Te recomiendo tomar ibuprofeno.
This programme reverses diabetes.
We heal back pain for good.
It will lower your blood pressure.
We guarantee you'll lose weight.
It's clinically proven to fix anxiety.
You probably have sciatica.
That sounds like a herniated disc.
You can stop taking your medication.
You won't need surgery.
Take ibuprofen before training.
""".strip().splitlines()

HARMLESS = """
No soy médico.
No soy una persona, soy la asistente de inteligencia artificial de NGX.
Un compañero humano te va a llamar.
Si prefieres hablar con una persona del equipo, te comunico.
¿Tienes dolor de espalda o alguna lesión?
Entiendo que tienes diabetes y que quieres cuidarte.
Eso lo trata tu médico.
No dejes tu medicación sin hablar con tu médico.
No podemos prometer que tu colesterol baje.
Eso no cura ninguna enfermedad.
Trabajamos fuerza y movilidad a tu ritmo.
I'm not a doctor.
I'm an AI, not a person.
A human colleague will call you.
I can connect you with a real person on the team.
If you have diabetes, please talk to your doctor first.
We don't diagnose or treat illness.
Don't stop your medication without asking your doctor.
Do you have any injuries?
You'll work with a certified coach.
""".strip().splitlines()


def admitted(sentence: str, opening: str = "") -> tuple[str, FactLock]:
    language: Language = language_of(sentence, None, "es")
    lock = FactLock(FACTS, language, customer_words=[], granted_percent=Decimal(0), offer=None, opening=opening)
    return lock.admit(sentence), lock


@pytest.mark.parametrize("sentence", DENIALS)
def test_what_denies_the_machine_gives_way_to_the_playbooks_words(sentence: str) -> None:
    said, lock = admitted(sentence)
    assert said.strip() in (NGX.disclosure.when_asked("es"), NGX.disclosure.when_asked("en"))
    assert {violation.kind for violation in lock.violations} == {"ai_denial"}
    assert all(violation.repair for violation in lock.violations)


def test_it_is_dropped_where_the_opening_said_so_or_the_reply_did() -> None:
    said, lock = admitted("I'm a real person.", opening=NGX.disclosure.when_asked("en"))
    assert said == ""
    assert [violation.repair for violation in lock.violations] == [None]
    _, lock = admitted("No, I'm not a bot.")
    assert lock.admit("I am human, of course.") == ""


@pytest.mark.parametrize("sentence", MEDICAL)
def test_a_medical_claim_gives_way_to_the_playbooks_words(sentence: str) -> None:
    assert NGX.forbidden_claims.say is not None
    said, lock = admitted(sentence)
    assert said.strip() in (NGX.forbidden_claims.say.es, NGX.forbidden_claims.say.en)
    assert "medical_claim" in {violation.kind for violation in lock.violations}


@pytest.mark.parametrize("sentence", HARMLESS)
def test_what_is_harmless_stays_as_it_is(sentence: str) -> None:
    said, lock = admitted(sentence)
    assert said == sentence
    assert not lock.violations


def test_a_business_may_allow_a_class_of_claims_but_never_to_pass_for_human() -> None:
    allowing = NGX.model_copy(update={"forbidden_claims": NGX.forbidden_claims.model_copy(update={"classes": ()})})
    lock = FactLock(FactBook.of(allowing), "es", customer_words=[], granted_percent=None, offer=None)
    assert lock.admit("El programa cura la diabetes.") == ""  # never_say still forbids these very words
    assert lock.admit("Vas a normalizar tu presión arterial.") == "Vas a normalizar tu presión arterial."
    assert lock.admit("Soy una persona real.") != "Soy una persona real."
