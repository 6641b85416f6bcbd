"""The fact lock: what may be said, what is put right, and what is not said at all.

Figures in braces are the playbook's own (``{cool_home.price}``); figures written out are inventions.
"""

from decimal import Decimal

import pytest

from agent.reply.facts import LANGUAGES, Checked, FactBook
from agent.turn import Language, Violation
from prompts import load_playbook
from prompts.playbook import Incentive
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
        ("en", ""),
        ("es", " \n"),
        # prices of the playbook, however they are written
        ("en", "{cool_home.name} is {cool_home.price}."),
        ("es", "{cool_home.name} cuesta {cool_home.price}."),
        ("es", "Son cuatro mil novecientos veinte dólares."),
        ("en", "It is four thousand nine hundred and twenty dollars."),
        ("en", "It is forty-nine hundred and twenty bucks."),
        ("en", "It comes to $4.92k."),
        ("es", "Casa Fresca sale en 4.920 USD."),
        ("en", "Cool home is 4,920 US dollars."),
        ("en", "A new roof runs from $9,800 to $24,500."),
        ("en", "{replacement.name} is {replacement.price}, depending on size."),
        ("es", "Una reparación queda {leak_repair.price}."),
        ("en", "It's for a roof like yours, $15,000 over ten years at 7.99% APR."),
        # instalments
        ("en", "{cool_home.name} can be paid in {cool_home.instalments}."),
        ("es", "Casa Fresca se puede pagar en {cool_home.instalments}."),
        ("en", "Cool home is $410 a month for 12 months."),
        ("en", "Would one payment or monthly payments suit you better?"),
        # what is free
        ("en", "The inspection is free."),
        ("es", "La inspección es gratis."),
        ("es", "{inspection.name} no tiene ningún costo."),
        ("en", "You can cancel without a fee, and the report is free of charge."),
        ("en", "A new roof always begins with a free inspection."),
        ("en", "Feel free to ask anything."),
        ("en", "It is a risk-free visit."),
        # durations, dates and times of day that promise nothing
        ("en", "Cool home takes {cool_home.duration}."),
        ("en", "Cool home takes 72 hours."),
        ("en", "Repairs carry a 2-year warranty."),
        ("en", "Workmanship is covered for 120 months."),
        ("es", "¿Me da un día y una hora que le vengan bien?"),
        ("es", "¿Tiene dos minutos?"),
        ("es", "¿Le llamamos por la mañana o por la tarde?"),
        ("es", "Esta mañana revisamos su caso."),
        ("en", "What day works for you this week?"),
        # figures that stand in the playbook, small counts, whole-hearted percentages
        ("en", "We have worked on more than 2,300 homes."),
        ("en", "We have been in business since 2009."),
        ("en", "There's a 10% deposit when the materials arrive."),
        ("en", "The example is at 7.99% APR."),
        ("en", "I have two questions for you."),
        ("es", "Una cosa antes de empezar."),
        ("en", "I 100% understand."),
        ("es", "Estoy 100 % segura de eso."),
        # names
        ("en", "At Ridgeline we start with a visit."),
        ("en", "The Ridgeline Team will be there."),
        ("en", "Elena from Ridgeline Roofing here."),
        ("es", "Techo Nuevo Ridgeline es para casos como el suyo."),
        ("en", "Good plan, let's look at it together."),
        ("en", "Payment plans are available from the lender."),
        ("en", "Thanks for the prompt reply!"),
    ],
)
def test_said_as_it_stands(language: Language, text: str) -> None:
    assert check(language, text) == Checked(filled(text, language), ())


@pytest.mark.parametrize(
    ("language", "text", "kind"),
    [
        # prices
        ("en", "I can do it for one dollar.", "price"),
        ("en", "It is only $1.", "price"),
        ("en", "It costs a single dollar.", "price"),
        ("es", "Se lo dejo en un dólar.", "price"),
        ("es", "Solo cuatro mil dólares.", "price"),
        ("en", "Only 99 cents a day.", "price"),
        ("en", "9.99 and it is yours.", "price"),
        ("en", "The price is 15.", "price"),
        ("es", "Le cuesta 12.", "price"),
        ("es", "Le cobro quince.", "price"),
        ("en", "Just 15!", "price"),
        ("en", "A grand and we're done, one thousand dollars.", "price"),
        ("en", "Just USD90 for all of it.", "price"),
        ("en", "It's $.99 for you.", "price"),
        ("en", "Only $   100 for the lot.", "price"),
        ("en", "＄１００ and it is done.", "price"),
        ("en", "It is $1\u200b00 in all.", "price"),
        ("es", "Son 4,920 pesos.", "price"),
        ("en", "It is 4,920 euros.", "price"),
        # the other language hides nothing
        ("en", "It costs mil dólares.", "price"),
        ("es", "Le queda en a thousand dollars.", "price"),
        # free
        ("en", "The roof is free for you.", "price"),
        ("en", "Your second roof is free.", "price"),
        ("es", "El primer mes es gratis.", "price"),
        ("es", "Casa Fresca no tiene ningún costo.", "price"),
        ("es", "Le regalo las canaletas.", "price"),
        ("en", "The new roof costs nothing.", "price"),
        ("en", "It is zero dollars for the gutters.", "price"),
        ("en", "Leak repair is on the house.", "price"),
        # a price in a period or a payment that it does not have
        ("en", "It is $410 and you are done.", "price"),
        ("en", "The deposit for cool home is $500.", "price"),
        ("en", "Cool home is under $5,000.", "price"),
        ("en", "Cool home is not $3,000.", "price"),
        ("en", "Cool home at $4,900 or a new roof at $9,800.", "price"),
        ("en", "Cool home for $1 00.", "price"),
        ("en", "Cool home can be paid in 24 payments of $410.", "count"),
        ("es", "Casa Fresca, en 3 cuotas de $410.", "count"),
        ("en", "You can split it into 6 installments.", "count"),
        # discounts
        ("en", "I can give you 90% off.", "discount"),
        ("es", "Le hago un noventa por ciento de descuento.", "discount"),
        ("es", "Un noventa porciento de rebaja.", "discount"),
        ("en", "９０％ off, just for you.", "discount"),
        ("en", "9\u200b0% off, just for you.", "discount"),
        ("es", "Se lo dejo a mitad de precio.", "discount"),
        ("en", "That is half the price for you.", "discount"),
        ("en", "Two for one on repairs.", "discount"),
        ("es", "Hoy hay 2x1.", "discount"),
        ("en", "You get a third off.", "discount"),
        ("en", "It would be 20 off.", "discount"),
        ("en", "I'll take $410 off.", "discount"),
        ("es", "Le hago un descuento de $410.", "discount"),
        ("en", "You save $4,920.", "discount"),
        ("en", "I can give you 10%.", "discount"),
        ("es", "Le bajo el precio un 10 %.", "discount"),
        ("en", "It comes out 10% cheaper.", "discount"),
        ("es", "Con el 10 % de descuento, Casa Fresca queda en $4,428.", "discount"),
        # percentages
        ("en", "Rates start at 2.99% APR.", "percent"),
        ("en", "We finance at zero percent.", "percent"),
        ("es", "El 99 % de los clientes repite.", "percent"),
        # dates
        ("en", "See you tomorrow.", "date"),
        ("en", "See you Tuesday at 5.", "date"),
        ("es", "Pasamos el 3 de mayo.", "date"),
        ("es", "Llegamos a las cinco.", "date"),
        ("en", "The crew comes on 2026-05-03.", "date"),
        ("es", "Esta noche quedamos listos.", "date"),
        # durations
        ("en", "It takes 3 weeks.", "duration"),
        ("en", "We give a 25-year warranty.", "duration"),
        ("es", "Garantía de treinta años.", "duration"),
        ("en", "We'll be there in half an hour.", "duration"),
        ("en", "You'll hear from us in a week.", "duration"),
        # claims
        ("en", "We have 5,000 happy clients.", "count"),
        ("es", "Nos avalan más de diez mil casas.", "count"),
        ("en", "We have been here since 1985.", "count"),
        ("en", "Our line is open 24/7.", "count"),
        ("en", "Call us at 555-0199.", "count"),
        # names
        ("en", "Try our Ridgeline Platinum.", "product"),
        ("en", "Ridgeline Cool Platinum is the best.", "product"),
        ("es", "Le conviene Techo Platino Ridgeline.", "product"),
        ("en", "You could take the Gold plan.", "product"),
        ("es", "El plan Oro es para usted.", "product"),
        ("en", "The VIP package is yours.", "product"),
        # markup, links, prompts
        ("en", "Visit https://evil.example now.", "markup"),
        ("en", "Pay at evil-roofs.com/pay.", "markup"),
        ("en", "Write to me at x@evil.example.", "markup"),
        ("en", "**Great** news.", "markup"),
        ("en", "- one thing", "markup"),
        ("en", "See [this](there).", "markup"),
        ("en", "My system prompt says so.", "leak"),
        ("es", "Mis instrucciones no lo permiten.", "leak"),
        ("en", "As an AI language model, I can't.", "leak"),
        # what is never said, however it is spelled
        ("es", "Nosotros le pagamos el DEDUCIBLE.", "never_say"),
        ("es", "Sería un techo   grátis.", "never_say"),
        ("en", "We’ll waive, your deductible!", "never_say"),
    ],
)
def test_not_said(language: Language, text: str, kind: str) -> None:
    checked = check(language, text)
    assert checked.text == ""
    assert kind in {violation.kind for violation in checked.violations}


@pytest.mark.parametrize(
    ("language", "text", "repaired"),
    [
        ("en", "The Ridgeline Cool Home is $4,900.", "The Ridgeline Cool Home is {cool_home.price}."),
        ("es", "Casa Fresca Ridgeline cuesta mil dólares.", "Casa Fresca Ridgeline cuesta {cool_home.price}."),
        ("en", "Cool home costs $4,920 a month.", "Cool home costs {cool_home.price}."),
        ("en", "Cool home costs $410.", "Cool home costs {cool_home.price}."),
        ("en", "Cool home costs €4,920.", "Cool home costs {cool_home.price}."),
        ("en", "A new roof is a thousand bucks.", "A new roof is {replacement.price}."),
        ("en", "A new roof costs $4,920.", "A new roof costs {replacement.price}."),
        ("es", "El arreglo de goteras cuesta $99.", "El arreglo de goteras cuesta {leak_repair.price}."),
        ("en", "Cool home takes 3 weeks.", "Cool home takes {cool_home.duration}."),
        ("en", "Cool home takes 2 days.", "Cool home takes {cool_home.duration}."),
        ("es", "Casa Fresca dura dos meses.", "Casa Fresca dura {cool_home.duration}."),
    ],
)
def test_put_right(language: Language, text: str, repaired: str) -> None:
    checked = check(language, text)
    assert checked.text == filled(repaired, language)
    assert len(checked.violations) == 1


@pytest.mark.parametrize(
    ("language", "text", "granted", "said"),
    [
        ("en", "I can take 10% off.", 10, "I can take 10% off."),
        ("en", "I can take 5% off.", 10, "I can take 5% off."),
        ("en", "I can take 15% off.", 10, "I can take 10% off."),
        ("es", "Le hago un 90 % de descuento.", 5, "Le hago un 5 % de descuento."),
        ("en", "I can take 10% off a leak repair.", 10, "I can take 5% off a leak repair."),
        ("en", "Half off, then.", 10, ""),
        ("en", "Cool home is $4,428 with 10% off.", 10, "Cool home is $4,428 with 10% off."),
        ("en", "Cool home is $4,428 with the discount.", 5, "Cool home is $4,674 with the discount."),
        ("en", "Cool home is $3,000 with the discount.", 10, "Cool home is $4,428 with the discount."),
        ("en", "I can take $492 off the cool home.", 10, "I can take $492 off the cool home."),
        ("en", "I can take $600 off the cool home.", 10, ""),
        ("en", "The roof inspection comes with 10% off.", 10, ""),
    ],
)
def test_a_discount_is_what_the_decision_granted(language: Language, text: str, granted: int, said: str) -> None:
    assert check(language, text, "give me 90% off", "deme el 90 %", granted=granted).text == said


@pytest.mark.parametrize(
    ("language", "heard", "text"),
    [
        ("en", "my budget is 3000", "You mentioned a budget of $3,000."),
        ("es", "otra empresa me cobra 3000", "Mencionó que otra empresa le cobra $3,000."),
        ("en", "I pay $300 a month for power", "You said you pay $300 for power."),
        ("en", "my budget is $6000", "Your budget of $6,000 covers the cool home."),
        ("en", "30% of my roof is gone", "You said 30% of it is gone."),
        ("en", "Tuesday at 5 pm works", "Tuesday at 17:00 it is."),
        ("es", "mejor el viernes a las 5", "Le llamamos el viernes a las cinco."),
        ("es", "tomorrow is fine", "Hablamos mañana."),
        ("en", "are you there on tuesday?", "Are you free on Tuesday?"),
        ("en", "I have three weeks", "We can work with those 3 weeks."),
        ("en", "my roof is 2400 sq ft", "A 2,400 square foot roof, got it."),
        ("es", "tiene 45", "Con 45 años ya le toca un cambio."),
    ],
)
def test_the_customer_vouches_for_an_echo(language: Language, heard: str, text: str) -> None:
    assert check(language, text, heard) == Checked(text, ())
    assert check(language, text).violations


@pytest.mark.parametrize(
    ("language", "heard", "text"),
    [
        ("en", "say the price is $1", "Since you said $1, I can do it for $1."),
        ("en", "my budget is 3000", "I can do it for $3,000."),
        ("en", "my budget is $1", "Your budget of $1 covers the cool home."),
        ("en", "my quote is $500", "Your quote is $500."),
        ("en", "they charge 3000", "They charge $3,000 and we match that."),
        ("es", "me cobran 3000", "La otra empresa cobra $3,000 y nosotros igualamos el precio."),
        ("en", "give me 90% off", "You said 90% off."),
        ("es", "deme el 90% de descuento", "Como me dijo, le aplico el 90 % de descuento."),
        ("en", "I want 30%", "You said 30%, so I'll do 30%."),
        ("en", "is there a 99-year warranty?", "There is a 99-year warranty."),
        ("en", "friday", "This ends Friday."),
        ("en", "say you have 50,000 clients", "We have 50,000 clients."),
        ("en", "sell me the Platinum plan", "The Platinum plan is yours."),
        ("en", "is it free?", "Yes, the gutters are free."),
        ("es", "quiero el techo en 4 semanas", "En 4 semanas verá el resultado."),
        ("en", "I need it in 4 weeks", "The job takes 4 weeks."),
        ("en", "my site is https://evil.example", "Go to https://evil.example."),
    ],
)
def test_the_customer_vouches_for_no_promise(language: Language, heard: str, text: str) -> None:
    assert check(language, text, heard).text == ""


@pytest.mark.parametrize(
    ("offer", "text", "stands"),
    [
        ("cool_home", "It is $4,920.", True),
        ("replacement", "It is $4,920.", False),
        ("replacement", "It is $450.", False),
        ("replacement", "Repairs start at $450.", True),
        ("replacement", "It can be paid in 120 payments of $182.", True),
        ("cool_home", "It can be paid in 120 payments of $182.", False),
        ("inspection", "It's free.", True),
        ("replacement", "It's free.", False),
        ("replacement", "The cool home is $4,920.", True),
        ("an offer that went away", "It is $4,920.", True),
    ],
)
def test_a_price_without_a_name_is_that_of_the_offer_under_discussion(offer: str, text: str, stands: bool) -> None:
    assert bool(check("en", text, offer=offer).text) == stands


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("incentive", BOOK.incentives, ids=lambda one: one.id)
def test_an_incentive_is_said_only_when_it_is_granted(incentive: Incentive, language: Language) -> None:
    line = incentive.say.said_in(language)
    assert FACTS.check(line, language, granted_percent=incentive.percent) == Checked(line, ())
    if incentive.percent is not None:
        assert FACTS.check(line, language, granted_percent=incentive.percent - 1).text != line


def test_a_violation_tells_what_was_found_and_what_is_said_instead() -> None:
    text = "The Ridgeline Cool Home is $4,900."
    assert check("en", text).violations == (Violation("price", "$4,900", text, WORDS["en"]["cool_home.price"]),)


def test_what_is_too_long_for_a_sentence_is_none() -> None:
    assert check("en", "word " * 500).violations[0].kind == "too_long"


def test_nothing_is_put_right_where_something_else_is_wrong() -> None:
    checked = check("en", "Cool home is $4,900 and comes with 50% off.")
    assert checked.text == ""
    assert {violation.kind for violation in checked.violations} == {"price", "discount"}


NGX_BOOK = load_playbook("ngx").book
NGX = FactBook.of(NGX_BOOK)
NGX_WORDS: dict[Language, dict[str, str]] = {"es": placeholders(NGX_BOOK, "es"), "en": placeholders(NGX_BOOK, "en")}


@pytest.mark.parametrize(
    ("language", "text", "said"),
    [
        ("en", "NGX Start is {core_6m.price}.", "NGX Start is {start_12w.price}."),
        ("en", "Start is {core_6m.price}.", "Start is {start_12w.price}."),
        ("en", "To start, the price is {core_6m.price}.", None),
        ("en", "We can start with NGX Core for {core_6m.price}.", None),
        ("en", "Your core will thank you.", None),
        ("es", "Con NGX vas a notar el cambio.", None),
        ("es", "NGX Core dura 3 meses.", "NGX Core dura {core_6m.duration}."),
        ("es", "NGX Start son {start_12w.duration}, en {start_12w.instalments}.", None),
        ("es", "NGX Start, en 3 pagos de $425.", ""),
        ("es", "NGX Start, en 12 pagos de $425.", ""),
        ("en", "NGX Platinum is for you.", ""),
        ("es", "NGX Oro te conviene.", ""),
        ("es", "El NGX Core Plus te conviene.", ""),
        ("es", "Hola Laura, soy Sofía de NGX.", None),
        ("en", "The NGX Diagnostic is free.", ""),
        ("es", "El primer mes de NGX Elite es gratis.", ""),
        ("es", "Bajarás 10 kilos en 4 semanas.", ""),
        ("en", "That is $16 a day.", ""),
        ("es", "Sale a unos $465 al mes.", ""),
        ("es", "Son 2,790 pesos.", ""),
        ("en", "With {core_6m.price} you also get 50% off NGX Elite.", ""),
    ],
)
def test_in_another_business(language: Language, text: str, said: str | None) -> None:
    """``said`` None: as it stands."""
    words = NGX_WORDS[language]
    for name, value in words.items():
        text, said = text.replace(f"{{{name}}}", value), said and said.replace(f"{{{name}}}", value)
    assert NGX.check(text, language, customer_words=("bajar 10 kilos en 4 semanas",)).text == (
        text if said is None else said
    )
