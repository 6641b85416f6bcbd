"""How money, durations and percentages are written, locale by locale."""

from decimal import Decimal
from pathlib import Path

import pytest

from prompts import load_playbook, wording
from prompts.connectors import connectors
from prompts.playbook import Duration, Instalments, Language, Locales, Playbook, Price

FOLDER = Path(__file__).parents[1] / "playbooks"
LANGUAGES: tuple[Language, ...] = ("es", "en")


def business(locale: str, currency: str) -> tuple[Playbook, Language]:
    """The test business as it would speak in ``locale``."""
    language: Language = "es" if locale.startswith("es") else "en"
    locales = Locales(es=locale, en="en_US") if language == "es" else Locales(es="es_US", en=locale)
    book = load_playbook("insurance", FOLDER).book
    return book.model_copy(update={"locales": locales, "currency": currency}), language


@pytest.mark.parametrize(
    ("locale", "currency", "amount", "written"),
    [
        ("es_US", "USD", "1490", "$1,490"),
        ("es_US", "USD", "189.5", "$189.50"),
        ("es_US", "USD", "1000000", "$1,000,000"),
        ("en_US", "USD", "1490", "$1,490"),
        ("en_US", "USD", "1490.00", "$1,490"),
        ("en_US", "USD", "12345.67", "$12,345.67"),
        ("en_US", "USD", "0.5", "$0.50"),
        ("es_ES", "EUR", "1490", "1.490 €"),
        ("es_ES", "EUR", "189.5", "189,50 €"),
        ("es_ES", "EUR", "12345.67", "12.345,67 €"),
        ("es_ES", "EUR", "27", "27 €"),
        ("en_GB", "EUR", "1490", "€1,490"),
        ("en_GB", "GBP", "189.5", "£189.50"),
        ("en_GB", "GBP", "27", "£27"),
        ("es_MX", "MXN", "1490", "$1,490"),
    ],
)
def test_money_is_written_as_the_locale_writes_it(locale: str, currency: str, amount: str, written: str) -> None:
    book, language = business(locale, currency)
    assert wording.money(Decimal(amount), book, language) == written


@pytest.mark.parametrize(
    ("locale", "currency", "value", "written"),
    [
        ("es_US", "USD", Price(amount=Decimal(150)), "$150"),
        ("es_US", "USD", Price(amount=Decimal(27), per="month"), "$27 al mes"),
        ("es_US", "USD", Price(amount=Decimal(9500), to=Decimal(22000)), "entre $9,500 y $22,000"),
        ("es_US", "USD", Price(amount=Decimal(0)), "sin costo"),
        ("en_US", "USD", Price(amount=Decimal(9500), to=Decimal(22000)), "between $9,500 and $22,000"),
        ("en_US", "USD", Price(amount=Decimal(0), to=Decimal(50)), "between $0 and $50"),
        ("en_US", "USD", Price(amount=Decimal(0), per="month"), "free of charge"),
        ("en_US", "USD", Price(amount=Decimal(40), per="session"), "$40 a session"),
        ("es_ES", "EUR", Price(amount=Decimal("189.50"), per="year"), "189,50 € al año"),
        ("es_ES", "EUR", Price(amount=Decimal(12), to=Decimal(15), per="week"), "entre 12 € y 15 € a la semana"),
        ("es_ES", "EUR", Price(amount=Decimal(40), per="session"), "40 € por sesión"),
        ("en_GB", "EUR", Price(amount=Decimal("189.50"), per="year"), "€189.50 a year"),
        ("en_GB", "EUR", Price(amount=Decimal(12), per="week"), "€12 a week"),
    ],
)
def test_a_price_is_written_with_its_range_and_its_period(
    locale: str, currency: str, value: Price, written: str
) -> None:
    book, language = business(locale, currency)
    assert wording.price(value, book, language) == written


@pytest.mark.parametrize(
    ("locale", "amount", "unit", "written"),
    [
        ("es_US", 1, "year", "1 año"),
        ("es_US", 12, "week", "12 semanas"),
        ("es_ES", 90, "minute", "90 minutos"),
        ("es_ES", 1, "month", "1 mes"),
        ("es_ES", 2, "hour", "2 horas"),
        ("en_US", 12, "week", "12 weeks"),
        ("en_US", 1, "day", "1 day"),
        ("en_GB", 90, "minute", "90 minutes"),
        ("en_GB", 6, "month", "6 months"),
    ],
)
def test_a_duration_is_written_in_words_with_its_plural(locale: str, amount: int, unit: str, written: str) -> None:
    book, language = business(locale, "EUR")
    assert wording.duration(Duration.model_validate({"amount": amount, "unit": unit}), book, language) == written


@pytest.mark.parametrize(
    ("locale", "value", "written"),
    [
        ("es_US", "10", "10 %"),
        ("es_US", "7.5", "7.5 %"),
        ("es_ES", "7.5", "7,5 %"),
        ("en_US", "10", "10%"),
        ("en_US", "7.50", "7.5%"),
        ("en_GB", "12.5", "12.5%"),
    ],
)
def test_a_percentage_is_written_as_the_locale_writes_it(locale: str, value: str, written: str) -> None:
    book, language = business(locale, "EUR")
    assert wording.percent(Decimal(value), book, language) == written


def test_instalments_name_count_and_amount() -> None:
    value = Instalments(count=3, amount=Decimal("510.5"))
    for locale, written in [
        ("es_US", "3 pagos de $510.50"),
        ("en_US", "3 payments of $510.50"),
        ("es_ES", "3 pagos de 510,50 US$"),
        ("en_GB", "3 payments of US$510.50"),
    ]:
        book, language = business(locale, "USD")
        assert wording.instalments(value, book, language) == written


def test_no_blank_in_a_figure_is_an_invisible_one() -> None:
    """A non-breaking space would keep the fact lock from finding the playbook's own words."""
    for locale in ("es_US", "en_US", "es_ES", "en_GB", "es_CO", "es_419"):
        for currency in ("USD", "EUR", "GBP", "MXN"):
            book, language = business(locale, currency)
            figures = wording.placeholders(book, language).values()
            assert not any(char in figure for figure in figures for char in "\xa0\u202f\u2009")


def test_placeholders_cover_every_offer_and_discount_in_either_language() -> None:
    book = load_playbook("insurance", FOLDER).book
    spanish, english = wording.placeholders(book, "es"), wording.placeholders(book, "en")
    assert spanish.keys() == english.keys()
    assert spanish == {
        "company": "Faro Seguros",
        "agent": "Marta",
        "max_discount": "15 %",
        "home.name": "Hogar Faro",
        "home.price": "189,50 € al año",
        "home.duration": "1 año",
        "landlord.name": "Alquiler Faro",
        "landlord.price": "27 € al mes",
        "trip.name": "Viaje Faro",
        "trip.price": "58 €",
        "trip.duration": "30 días",
        "bundle.percent": "10 %",
    }
    assert (english["home.price"], english["trip.price"], english["max_discount"]) == ("€189.50 a year", "€58", "15%")


def test_texts_are_filled_in_their_own_language() -> None:
    book = load_playbook("insurance", FOLDER).book
    assert book.offer("trip").summary.es.endswith("durante 30 días por 58 €.")
    assert book.offer("trip").summary.en.endswith("for 30 days, at €58.")
    assert "10 % de descuento" in book.incentives[0].say.es
    assert "take 10% off" in book.incentives[0].say.en


@pytest.mark.parametrize("language", LANGUAGES)
def test_connectors_take_exactly_the_words_that_the_composer_has(language: Language) -> None:
    words = {
        "quote": {"offer": "Hogar", "price": "27 €"},
        "quote_free": {"offer": "Hogar"},
        "duration": {"duration": "1 año"},
        "instalments": {"instalments": "3 pagos de 9 €"},
        "includes": {"includes": "robo y agua"},
        "discount": {"percent": "10 %", "offer": "Hogar", "price": "24 €"},
        "booked": {"when": "martes a las 5"},
    }
    say = connectors(language)
    assert set(words) < set(type(say).model_fields)
    for name in type(say).model_fields:
        known = words.get(name, {})
        for line in getattr(say, name) if name != "and_" else ():
            filled = line.format(**known)
            assert all(word in filled for word in known.values())
            assert filled.endswith((".", "?"))
            assert not any(char.isdigit() for char in line)


def test_connectors_differ_between_the_languages() -> None:
    spanish, english = connectors("es"), connectors("en")
    assert (spanish.and_, english.and_) == ("y", "and")
    assert not set(spanish.quote) & set(english.quote)


def test_connectors_avoid_forms_of_address_because_a_playbook_chooses_them() -> None:
    say = connectors("es")
    lines = " ".join(line for name in type(say).model_fields if name != "and_" for line in getattr(say, name))
    forms = {"tú", "te", "ti", "tu", "tus", "usted", "le", "su", "sus", "puedes", "puede usted", "vos"}
    assert not forms & set(lines.lower().replace(".", "").replace(",", "").split())
