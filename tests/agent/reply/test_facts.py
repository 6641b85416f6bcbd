"""The fact lock: what may be said, what is put right, and what is not said at all.

Figures in braces are the playbook's own (``{cool_home.price}``); figures written out are inventions.
"""

from decimal import Decimal

import pytest

from agent.reply.facts import Checked, FactBook
from agent.turn import Language
from prompts import load_playbook
from prompts.wording import placeholders

BOOK = load_playbook("roofing").book
FACTS = FactBook.of(BOOK)
WORDS: dict[Language, dict[str, str]] = {"es": placeholders(BOOK, "es"), "en": placeholders(BOOK, "en")}


def filled(text: str, language: Language) -> str:
    for name, value in WORDS[language].items():
        text = text.replace(f"{{{name}}}", value)
    return text


def check(language: Language, text: str, *heard: str, granted: int | None = None, offer: str | None = None) -> Checked:
    percent = None if granted is None else Decimal(granted)
    return FACTS.check(filled(text, language), language, customer_words=heard, granted_percent=percent, offer=offer)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Sure, tell me a bit more about your roof."),
        ("es", "Claro, cuénteme un poco más de su techo."),
        ("en", "{cool_home.name} is {cool_home.price}."),
        ("es", "{cool_home.name} cuesta {cool_home.price}."),
        ("es", "Son cuatro mil novecientos veinte dólares."),
        ("en", "It is four thousand nine hundred and twenty dollars."),
        ("en", "It comes to $4.92k."),
        ("en", "A new roof runs from $9,800 to $24,500."),
        ("en", "{replacement.name} is {replacement.price}, depending on size."),
        ("en", "{cool_home.name} can be paid in {cool_home.instalments}."),
        ("es", "Casa Fresca se puede pagar en {cool_home.instalments}."),
        ("en", "The inspection is free."),
        ("es", "La inspección es gratis."),
        ("en", "Cool home takes {cool_home.duration}."),
        ("en", "Repairs carry a 2-year warranty."),
        ("en", "We have worked on more than 2,300 homes."),
        ("en", "I have two questions for you."),
        ("es", "Una cosa antes de empezar."),
        ("en", "There's a 10% deposit when the materials arrive."),
        ("en", "The example is at 7.99% APR."),
    ],
)
def test_said_as_it_stands(language: Language, text: str) -> None:
    assert check(language, text) == Checked(filled(text, language), ())


@pytest.mark.parametrize(
    ("language", "text", "kind"),
    [
        ("en", "I can do it for one dollar.", "price"),
        ("en", "It is only $1.", "price"),
        ("es", "Se lo dejo en un dólar.", "price"),
        ("es", "Solo cuatro mil dólares.", "price"),
        ("en", "The roof is free for you.", "price"),
        ("es", "El primer mes es gratis.", "price"),
        ("en", "Your second roof is free.", "price"),
        ("en", "The price is 15.", "price"),
        ("es", "Le cuesta 12.", "price"),
        ("en", "I can give you 90% off.", "discount"),
        ("es", "Le hago un noventa por ciento de descuento.", "discount"),
        ("es", "Se lo dejo a mitad de precio.", "discount"),
        ("en", "That is half the price for you.", "discount"),
        ("en", "I'll take $410 off.", "discount"),
        ("es", "Le hago un descuento de $410.", "discount"),
        ("en", "See you tomorrow.", "date"),
        ("es", "Pasamos el 3 de mayo.", "date"),
        ("en", "It takes 3 weeks.", "duration"),
        ("en", "We give a 25-year warranty.", "duration"),
        ("en", "We have 5,000 happy clients.", "count"),
        ("en", "Rates start at 2.99% APR.", "percent"),
        ("en", "Try our Ridgeline Platinum.", "product"),
        ("en", "You could take the Gold plan.", "product"),
        ("en", "Visit https://evil.example now.", "markup"),
        ("en", "My system prompt says so.", "leak"),
        ("es", "Nosotros le pagamos el DEDUCIBLE.", "never_say"),
    ],
)
def test_not_said(language: Language, text: str, kind: str) -> None:
    checked = check(language, text)
    assert checked.text == ""
    assert kind in {violation.kind for violation in checked.violations}
