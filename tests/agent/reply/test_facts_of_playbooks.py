"""Every playbook passes its own fact lock, and no sentence gets a price past it that the playbook doesn't have."""

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from agent.reply.amounts import find_amounts
from agent.reply.facts import LANGUAGES, FactBook
from agent.reply.sentences import split
from agent.turn import Language
from prompts import load_playbook, playbook_names, wording
from prompts.connectors import connectors
from prompts.playbook import Lines, Playbook, Text

CUSTOMER_FIELDS = ("examples", "questions", "never_say", "incentives")
OPENINGS: dict[Language, str] = {"es": "Mire, ", "en": "Look, "}


@cache
def book_of(name: str) -> tuple[Playbook, FactBook]:
    playbook = load_playbook(name).book
    return playbook, FactBook.of(playbook)


def own_lines(value: object, language: Language, field: str = "") -> Iterator[str]:
    """What the business says, field by field; neither what customers say nor what needs a grant."""
    if field in CUSTOMER_FIELDS:
        return
    if isinstance(value, Text):
        yield value.said_in(language)
    elif isinstance(value, Lines):
        yield from value.said_in(language)
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from own_lines(getattr(value, name), language, name)
    elif isinstance(value, dict | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from own_lines(item, language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", playbook_names())
def test_every_line_passes_its_own_lock(name: str, language: Language) -> None:
    playbook, facts = book_of(name)
    lines = list(own_lines(playbook, language))
    assert len(lines) > 100
    for line in lines:
        for sentence in (line, *split(line)):
            for offer in (None, *(one.id for one in playbook.offers)):
                assert facts.check(sentence, language, offer=offer).violations == ()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", playbook_names())
def test_lines_still_pass_when_a_writer_leads_into_them(name: str, language: Language) -> None:
    """Not word for word the playbook's any more, so every figure and name is judged."""
    playbook, facts = book_of(name)
    word_for_word = set(own_lines(playbook.quiet_hours, language))
    for line in (line for line in own_lines(playbook, language) if line not in word_for_word):
        for sentence in split(line):
            said = OPENINGS[language] + sentence
            assert facts.check(said, language).violations == ()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", playbook_names())
def test_every_offer_can_be_quoted_in_every_way_that_the_composer_has(name: str, language: Language) -> None:
    playbook, facts = book_of(name)
    say = connectors(language)
    for offer in playbook.offers:
        title = offer.name.said_in(language)
        price = wording.price(offer.price, playbook, language)
        quotes = say.quote_free if offer.price.amount == 0 else say.quote
        sentences = [line.format(offer=title, price=price) for line in quotes]
        if offer.duration is not None:
            duration = wording.duration(offer.duration, playbook, language)
            sentences += [line.format(duration=duration) for line in say.duration]
        if offer.instalments is not None:
            instalments = wording.instalments(offer.instalments, playbook, language)
            sentences += [line.format(instalments=instalments) for line in say.instalments]
        sentences += [line.format(includes=item) for line in say.includes for item in offer.includes.said_in(language)]
        for sentence in sentences:
            assert facts.check(sentence, language, offer=offer.id).violations == ()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", playbook_names())
def test_every_granted_discount_can_be_said(name: str, language: Language) -> None:
    playbook, facts = book_of(name)
    for incentive in playbook.incentives:
        line = incentive.say.said_in(language)
        for sentence in (line, *split(line)):
            assert facts.check(sentence, language, granted_percent=incentive.percent).violations == ()
        for offer in playbook.offers if incentive.percent is not None else ():
            if offer.id not in incentive.offers or offer.price.to is not None:
                continue
            reduced = (offer.price.amount * (100 - Decimal(incentive.percent or 0)) / 100).quantize(Decimal("0.01"))
            price = wording.price(offer.price.model_copy(update={"amount": reduced}), playbook, language)
            percent = wording.percent(Decimal(incentive.percent or 0), playbook, language)
            for line in connectors(language).discount:
                said = line.format(percent=percent, offer=offer.name.said_in(language), price=price)
                assert facts.check(said, language, granted_percent=incentive.percent).violations == ()
                assert facts.check(said, language).text == ""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", playbook_names())
def test_nothing_that_is_never_said_gets_through(name: str, language: Language) -> None:
    playbook, facts = book_of(name)
    for line in playbook.never_say.said_in(language):
        for said in (line, line.upper() + "!", OPENINGS[language] + line + "."):
            assert facts.check(said, language).text == ""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", playbook_names())
def test_the_price_of_one_offer_is_never_said_of_another(name: str, language: Language) -> None:
    playbook, facts = book_of(name)
    verb = {"es": "cuesta", "en": "costs"}[language]
    for named in playbook.offers:
        right = wording.price(named.price, playbook, language)
        for other in playbook.offers:
            wrong = wording.price(other.price, playbook, language)
            if other.id != named.id and other.price.amount > 0:
                title = named.name.said_in(language)
                said = facts.check(f"{title} {verb} {wrong}.", language).text
                assert said in ("", f"{title} {verb} {right}.")


PIECES: dict[Language, tuple[str, ...]] = {
    "es": (
        "le sale en", "cuesta", "por solo", "al mes", "con", "de descuento", "hoy", "el plan", "gratis", "y", "menos",
        "usted dijo", "tu presupuesto es", "pagos de", "mil", "dólares", "%", "por ciento", "el martes a las 5", "semanas",
        "mitad de precio",
    ),
    "en": (
        "it's only", "costs", "for just", "a month", "with", "off", "today", "the plan", "free", "and", "less", "you said",
        "your budget is", "payments of", "grand", "dollars", "%", "percent", "on Tuesday at 5", "weeks", "half off",
    ),
}  # fmt: skip
WRITTEN = ("${}", "{} dollars", "{} dólares", "USD {}", "{},00 $", "$ {}.00", "US${}", "{} bucks")


@st.composite
def sentences_with_prices(draw: st.DrawFn) -> tuple[str, Language, str, list[int]]:
    """A sentence of scraps, its language and playbook, and the sums that were slipped into it."""
    name = draw(st.sampled_from(playbook_names()))
    language: Language = draw(st.sampled_from(LANGUAGES))
    titles = [title for offer in book_of(name)[0].offers for title in (offer.name.said_in(language), *offer.aliases)]
    scrap = st.one_of(st.sampled_from(PIECES[language]), st.sampled_from(titles), st.text(max_size=6))
    pieces = draw(st.lists(scrap, max_size=8))
    sums = draw(st.lists(st.integers(1, 60_000), min_size=1, max_size=3))
    for one in sums:
        pieces.insert(draw(st.integers(0, len(pieces))), draw(st.sampled_from(WRITTEN)).format(one))
    return " ".join(pieces), language, name, sums


def rightful_prices(playbook: Playbook, facts: FactBook, language: Language, percent: Decimal) -> set[Decimal]:
    figures = facts.known[language].figures
    sums = {value for kind, value, _ in figures if kind == "price" and isinstance(value, Decimal)}
    for offer in playbook.offers:
        sums |= {value for value, _ in facts.prices[offer.id]}
        sums |= {offer.price.amount * (100 - percent) / 100}
    return sums


@settings(max_examples=150, deadline=None)
@given(sentences_with_prices(), st.sampled_from([None, 5, 10]), st.booleans())
def test_no_price_leaves_but_the_playbooks(
    made: tuple[str, Language, str, list[int]], granted: int | None, named: bool
) -> None:
    text, language, name, sums = made
    playbook, facts = book_of(name)
    percent = Decimal(granted or 0)
    offer = playbook.offers[-1].id if named else None
    said = facts.check(text, language, granted_percent=percent or None, offer=offer).text
    rightful = rightful_prices(playbook, facts, language, percent)
    most_off = max(one.price.amount for one in playbook.offers) * percent / 100
    for amount in find_amounts(said, language):
        if amount.kind == "price" and isinstance(amount.value, Decimal):
            off = amount.unit == "discount" and amount.value <= most_off
            assert off or any(abs(amount.value - one) < 1 for one in rightful)
    for one in sums:
        if one > most_off and not any(abs(one - price) < 1 for price in rightful):
            assert not re.search(rf"(?<![\d.,]){one}(?!\d|[.,]\d\d\d)", said)


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=200)
    | st.lists(st.sampled_from([*PIECES["es"], *PIECES["en"], "12", "$", "7", "3/5", "\u200b"])).map("".join),
    st.text(max_size=40),
    st.sampled_from(LANGUAGES),
)
def test_no_text_breaks_the_lock(text: str, heard: str, language: Language) -> None:
    facts = book_of("roofing")[1]
    checked = facts.check(text, language, customer_words=(heard,), granted_percent=Decimal(5), offer="cool_home")
    assert checked.text == text or checked.violations
    assert (
        facts.check(
            checked.text, language, customer_words=(heard,), granted_percent=Decimal(5), offer="cool_home"
        ).violations
        == ()
    )
