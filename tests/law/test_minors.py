"""Who says, or is on record, that he is too young to buy."""

from datetime import UTC, datetime

import pytest

from agent.decision.records import recorded_age
from agent.turn import Customer
from predictors.ages import age_said

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "tengo 15", "cumplo 18 en mayo", "todavía no tengo 18", "tengo dieciseis pero pago yo", "soy menor pero mi mamá paga",
        "no soy mayor de edad", "voy en segundo de prepa", "soy una chica de 16 años", "quiero inscribir a mi hijo de quince",
        "I turn 18 in May", "I'm not 18 yet", "I'm only 16 lol", "im fifteen", "I'm a 17-year-old student", "I'm in 10th grade",
        "my daughter is 16 and wants to join", "I'm a minor but my mom pays",
    ],
)  # fmt: skip
def test_a_minor_is_heard(text: str) -> None:
    said = age_said(text)
    assert said.minor or (said.age is not None and said.age < 18)


@pytest.mark.parametrize(
    "text",
    [
        "tengo 15 años de experiencia", "tengo 12 ventanas", "soy menor que mi esposo", "soy la menor de tres hermanos",
        "cuando tenía 15 años hacía deporte", "mi techo tiene 17 años", "cumplo 45 en mayo", "mi hijo de 12 rompió el techo",
        "I'll be 15 minutes late", "I'm 15 minutes away", "my roof is 15 years old", "I've done this since I was 15",
        "I just turned 18", "I'm turning 50 this year", "my son is 12 and broke a tile",
    ],
)  # fmt: skip
def test_an_adult_is_no_minor(text: str) -> None:
    said = age_said(text)
    assert not said.minor
    assert said.age is None or said.age >= 18


@pytest.mark.parametrize(
    ("facts", "age"),
    [
        ({"edad": "15 años"}, 15), ({"birthdate": "2010-11-22"}, 15), ({"birthdate": "2010-11-21"}, 16),
        ({"fecha de nacimiento": "03/04/2009"}, 16), ({"birth_year": 1980}, 45), ({"note": "15"}, None),
    ],
)  # fmt: skip
def test_the_record_says_it_under_other_names(facts: dict[str, str | int | float], age: int | None) -> None:
    assert recorded_age(Customer(facts=facts), NOW) == age
