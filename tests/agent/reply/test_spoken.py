"""What a synthesiser is given: no markup, and figures that sound right in Mexico, Spain and the United States."""

import re
from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.reply.amounts import Amount, find_amounts
from agent.reply.lines import all_lines
from agent.reply.speech.tongue import Tongue, tongue_of
from agent.reply.spoken import spoken, spoken_lines
from prompts import load_playbook
from prompts.playbook import Language

MX = Tongue("es", "es_MX", "MXN")
US_ES = Tongue("es", "es_US", "USD")
SPAIN = Tongue("es", "es_ES", "EUR")
US = Tongue("en", "en_US", "USD")
UK = Tongue("en", "en_GB", "GBP")
IRELAND = Tongue("en", "en_IE", "EUR")

TABLE = [
    # prices
    (US_ES, "Cuesta $199/mes.", "Cuesta 199 dólares al mes."),
    (US_ES, "Son $1,490.", "Son 1490 dólares."),
    (US_ES, "Son $1,250.50 en total.", "Son 1250 dólares con 50 centavos en total."),
    (US_ES, "Solo $1.", "Solo un dólar."),
    (US_ES, "Solo $21 más.", "Solo veintiún dólares más."),
    (US_ES, "Son $131.", "Son ciento treinta y un dólares."),
    (US_ES, "Son $111.", "Son 111 dólares."),
    (US_ES, "Faltan $0.99.", "Faltan 99 centavos."),
    (US_ES, "$199 USD al mes", "199 dólares al mes"),
    (US_ES, "US$ 45 por sesión", "45 dólares por sesión"),
    (US_ES, "Vale 1,490 dólares.", "Vale 1490 dólares."),
    (US_ES, "entre $8,000 y $12,000", "entre 8000 y 12000 dólares"),
    (US_ES, "$200-$300", "de 200 a 300 dólares"),
    (US_ES, "de $200 a $300", "de 200 a 300 dólares"),
    (US_ES, "$5k", "5000 dólares"),
    (US_ES, "$2 millones", "2 millones de dólares"),
    (US_ES, "$1,500,000", "1.5 millones de dólares"),
    (US_ES, "$1,000,000", "un millón de dólares"),
    (US_ES, "$45/sesión", "45 dólares por sesión"),
    (US_ES, "$30/persona", "30 dólares por persona"),
    (MX, "Cuesta $3,499 al mes.", "Cuesta 3499 pesos al mes."),
    (MX, "$1", "un peso"),
    (MX, "$99.90", "99 pesos con 90 centavos"),
    (MX, "US$50", "50 dólares"),
    (MX, "$500 MXN", "500 pesos"),
    (MX, "$12,000/año", "12000 pesos al año"),
    (MX, "12.5 km", "12.5 kilómetros"),
    (SPAIN, "1.250,50 €", "1250 euros con 50 céntimos"),
    (SPAIN, "Son 39 €/mes.", "Son 39 euros al mes."),
    (SPAIN, "1 €", "un euro"),
    (SPAIN, "21,01 €", "veintiún euros con un céntimo"),
    (SPAIN, "200-300 €", "de 200 a 300 euros"),
    (SPAIN, "entre 200 € y 300 €", "entre 200 y 300 euros"),
    (SPAIN, "€1.490", "1490 euros"),
    (SPAIN, "2.000.000 €", "2 millones de euros"),
    (SPAIN, "$50", "50 dólares"),
    (SPAIN, "12,5 km", "12,5 kilómetros"),
    (SPAIN, "Hay 1.490 clientes.", "Hay 1490 clientes."),
    (US, "It is $199/mo.", "It is 199 dollars a month."),
    (US, "It is $1,490.", "It is 1,490 dollars."),
    (US, "$19.99", "19 dollars and 99 cents"),
    (US, "$0.05", "5 cents"),
    (US, "$1", "1 dollar"),
    (US, "$8,000 - $12,000", "8,000 to 12,000 dollars"),
    (US, "between $8,000 and $12,000", "between 8,000 and 12,000 dollars"),
    (US, "$1.5 million", "1.5 million dollars"),
    (US, "$14/sq ft", "14 dollars per square foot"),
    (US, "12 payments of $410", "12 payments of 410 dollars"),
    (UK, "£49.50 a month", "49 pounds sterling and 50 pence a month"),
    (UK, "£1", "1 pound sterling"),
    (IRELAND, "€1,250.50", "1,250 euros and 50 cents"),
    # percentages
    (US_ES, "un 25% menos", "un 25 por ciento menos"),
    (US_ES, "un 25 % menos", "un 25 por ciento menos"),
    (US_ES, "10-15%", "de 10 a 15 por ciento"),
    (US_ES, "entre 10% y 15%", "entre 10 y 15 por ciento"),
    (SPAIN, "el 12,5%", "el 12,5 por ciento"),
    (MX, "el 12.5%", "el 12.5 por ciento"),
    (US, "25% off", "25 percent off"),
    (US, "10–15% off", "10 to 15 percent off"),
    # times and dates
    (US_ES, "a las 9:30", "a las 9:30"),
    (US_ES, "a las 9:00", "a las 9"),
    (US_ES, "a las 17:00", "a las 5 de la tarde"),
    (US_ES, "a las 17:30", "a las 5:30 de la tarde"),
    (US_ES, "a las 13:00", "a la una de la tarde"),
    (US_ES, "a las 9:30 am", "a las 9:30 de la mañana"),
    (US_ES, "a las 5 pm.", "a las 5 de la tarde."),
    (US_ES, "a las 12:00 pm", "a las 12 del mediodía"),
    (US_ES, "lunes a viernes de 9:00 a 20:00", "lunes a viernes de 9 de la mañana a 8 de la noche"),
    (US_ES, "9:00-18:00", "9 de la mañana a 6 de la tarde"),
    (SPAIN, "el 15/03/2026", "el 15 de marzo de 2026"),
    (SPAIN, "el 2026-03-15", "el 15 de marzo de 2026"),
    (MX, "el 05/11", "el 5 de noviembre"),
    (US, "at 9:30", "at 9:30"),
    (US, "at 9:00", "at 9 o'clock"),
    (US, "at 17:00", "at 5 p.m."),
    (US, "from 9:00 am to 8:00 pm", "from 9 a.m. to 8 p.m."),
    (US, "at 5pm", "at 5 p.m."),
    (US, "on 03/15/2026", "on March 15, 2026"),
    (UK, "on 15/03/2026", "on March 15, 2026"),
    (US_ES, "atención 24/7", "atención 24 horas al día, 7 días a la semana"),
    (US, "24/7 support", "24/7 support"),
    # ordinals, ranges, counts
    (US_ES, "la 1.ª sesión", "la primera sesión"),
    (US_ES, "el 3er mes", "el tercer mes"),
    (US_ES, "el 2º paso", "el segundo paso"),
    (US_ES, "la 2da visita", "la segunda visita"),
    (US_ES, "el 15.º piso", "el 15 piso"),
    (US_ES, "el 1º de enero", "el 1 de enero"),
    (US, "the 1st visit", "the 1st visit"),
    (US_ES, "5-7 días", "de 5 a 7 días"),
    (US_ES, "de 5-7 días", "de 5 a 7 días"),
    (US_ES, "entre 5-7 días", "entre 5 y 7 días"),
    (US, "3-5 days", "3 to 5 days"),
    (US, "between 3-5 days", "between 3 and 5 days"),
    (US_ES, "+500 clientes", "más de 500 clientes"),
    (US, "500+ homes", "more than 500 homes"),
    (US_ES, "2x1", "2 por 1"),
    (US, "2x1", "2 for 1"),
    (US_ES, "somos el #1", "somos el número 1"),
    # units
    (US_ES, "30 min", "30 minutos"),
    (US_ES, "2 h", "2 horas"),
    (US_ES, "25 m²", "25 metros cuadrados"),
    (US_ES, "1 kg", "un kilo"),
    (US, "1,200 sq ft", "1,200 square feet"),
    (US, "110 mph", "110 miles per hour"),
    (US, "90°F", "90 degrees Fahrenheit"),
    # telephones and addresses
    (US_ES, "Llama al +1 (305) 555-0134.", "Llama al más 1, 3 0 5, 5 5 5, 0 1 3 4."),
    (MX, "Llama al 55 1234 5678.", "Llama al 5 5, 1 2 3 4, 5 6 7 8."),
    (SPAIN, "Llame al 900 123 456.", "Llame al 9 0 0, 1 2 3, 4 5 6."),
    (US, "Call us at (305) 555-0134.", "Call us at 3 0 5, 5 5 5, 0 1 3 4."),
    (US, "Call 3055550134 now", "Call 3 0 5, 5 5 5, 0 1 3 4 now"),
    (US_ES, "Entra en https://www.ngx.com/plan?x=1.", "Entra en ngx punto com barra plan."),
    (US, "See ngx.com today.", "See ngx dot com today."),
    (US_ES, "Escribe a hola@ngx.com.", "Escribe a hola arroba ngx punto com."),
    (US, "Mail hi@ngx.com", "Mail hi at ngx dot com"),
    # markup, emoji and signs
    (US_ES, "**Hola**, _soy_ `Ana` 😊", "Hola, soy Ana"),
    (US, "# Plans\n- Core\n- Plus", "Plans. Core. Plus"),
    (US, "Read [our plans](https://ngx.com/p).", "Read our plans."),
    (US_ES, "👍🏽", ""),
    (US_ES, "Plan A → Plan B", "Plan A, Plan B"),
    (US_ES, "tú & yo", "tú y yo"),
    (US, "you & me", "you and me"),
    (US_ES, "techo y/o canal", "techo o canal"),
    (US_ES, "son aprox. 3 semanas", "son aproximadamente 3 semanas"),
    (US, "approx. 3 weeks, i.e. fast", "approximately 3 weeks, that is fast"),
    (US_ES, "Bien — gracias.", "Bien, gracias."),
    (US_ES, "¿Te parece bien? ", "¿Te parece bien? "),
    (US, "Great!\n", "Great! "),
    (US, "We re-roof well-built homes.", "We re-roof well-built homes."),
]  # fmt: skip


@pytest.mark.parametrize(("tongue", "written", "said"), TABLE, ids=[f"{one[0].locale} {one[1]!r}" for one in TABLE])
def test_it_is_said_like_this(tongue: Tongue, written: str, said: str) -> None:
    assert spoken(written, tongue) == said


@pytest.mark.parametrize(("tongue", "said"), [(one[0], one[2]) for one in TABLE])
def test_what_can_be_said_is_not_changed_again(tongue: Tongue, said: str) -> None:
    assert spoken(said, tongue) == said


def figures(text: str, language: Language) -> list[tuple[str, object, str | None]]:
    """Kind, value and unit of every amount; "19 dollars and 99 cents" is one price."""
    return [(one.kind, one.value, one.unit) for one in _whole(text, find_amounts(text, language))]


def _whole(text: str, found: tuple[Amount, ...]) -> Iterator[Amount]:
    last: Amount | None = None
    for one in found:
        cents = one.kind == "price" and isinstance(one.value, Decimal) and one.value < 1
        if last is not None and cents and re.fullmatch(r" (?:con|and) ", text[last.end : one.start]):
            assert isinstance(last.value, Decimal) and isinstance(one.value, Decimal)
            last = Amount("price", last.value + one.value, one.unit or last.unit, last.start, one.end, "")
            continue
        if last is not None:
            yield last
        last = one
    if last is not None:
        yield last


def number(value: Decimal, tongue: Tongue) -> str:
    """As the locale writes it."""
    written = f"{value:,}"
    return written.translate(str.maketrans(",.", ".,")) if tongue.locale == "es_ES" else written


tongues = st.sampled_from([MX, US_ES, SPAIN, US, IRELAND])
whole = st.integers(2, 3_000_000).map(Decimal)
with_cents = st.integers(101, 9_999_999).map(lambda cents: Decimal(cents) / 100)
PERIODS = {"es": ["", "/mes", " al mes", "/año", " a la semana"], "en": ["", "/mo", " a month", "/yr", " a week"]}
FRAMES = {"es": ["Cuesta {} para ti.", "El plan sale en {}."], "en": ["It costs {} for you.", "The plan comes to {}."]}


@example(Tongue("es", "es_MX", "MXN"), Decimal(1_500_000), 0, 0)
@example(Tongue("es", "es_MX", "MXN"), Decimal(2_000_000), 0, 0)
@given(tongues, whole | with_cents, st.integers(0, 4), st.integers(0, 1))
def test_a_price_stays_what_it_was(tongue: Tongue, value: Decimal, period: int, frame: int) -> None:
    sign = "€" if tongue.currency == "EUR" else "$"
    figure = number(value, tongue)
    price = f"{figure} {sign}" if tongue.locale == "es_ES" else f"{sign}{figure}"
    text = FRAMES[tongue.language][frame].format(price + PERIODS[tongue.language][period])
    said = spoken(text, tongue)
    assert sign not in said
    assert figures(said, tongue.language) == figures(text, tongue.language)


@given(tongues, st.integers(1, 1000).map(lambda tenths: Decimal(tenths) / 10), st.integers(1, 90), st.integers(1, 9))
def test_percentages_and_durations_stay_what_they_were(tongue: Tongue, percent: Decimal, low: int, more: int) -> None:
    unit, discount = ("días", "de descuento") if tongue.spanish else ("days", "discount")
    text = f"{number(percent.normalize() + 0, tongue)}% {discount}, {low}-{low + more} {unit}, {low} min"
    said = spoken(text, tongue)
    assert "%" not in said
    assert figures(said, tongue.language) == figures(text, tongue.language)


@given(tongues, st.integers(0, 23), st.sampled_from([0, 5, 15, 30, 45]))
def test_an_hour_stays_the_hour_on_the_dial(tongue: Tongue, hour: int, minute: int) -> None:
    text = f"{'a las' if tongue.spanish else 'at'} {hour}:{minute:02d}"
    assert figures(spoken(text, tongue), tongue.language) == figures(text, tongue.language)


@given(st.text(max_size=60), tongues)
def test_nothing_breaks_it(text: str, tongue: Tongue) -> None:
    said = spoken(text, tongue)
    assert "\n" not in said.strip()
    assert bool(said.strip()) == any(char.isalnum() for char in said)


@pytest.mark.parametrize("name", ["ngx", "roofing"])
def test_every_line_of_the_playbooks_keeps_its_figures(name: str) -> None:
    book = load_playbook(name).book
    languages: tuple[Language, ...] = ("es", "en")
    for language in languages:
        tongue = tongue_of(book, language)
        for line in all_lines(book, language):
            said = spoken(line.text, tongue)
            assert not re.search(r"[$€£%*_#/&]", said), line.place
            values = [value for _, value, _ in figures(line.text, language)]
            assert [value for _, value, _ in figures(said, language)] == values, line.place


def test_a_line_is_known_in_both_its_forms() -> None:
    book = load_playbook("ngx").book
    lines = all_lines(book, "es")
    both = spoken_lines(lines, book, "es")
    assert both[: len(lines)] == lines
    said = both[len(lines) :]
    assert said
    written = {line.place: line.text for line in lines}
    assert all(line.text != written[line.place] for line in said)
