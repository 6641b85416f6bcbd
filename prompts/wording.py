"""How amounts are written, in either language: used to fill playbook placeholders and by the composer."""

from decimal import Decimal

from babel import Locale
from babel.numbers import format_currency, format_decimal
from babel.units import format_unit

from prompts.playbook import Duration, Instalments, Language, Offer, Playbook, Price

_PER = {
    "es": {"week": "a la semana", "month": "al mes", "year": "al año", "session": "por sesión"},
    "en": {"week": "a week", "month": "a month", "year": "a year", "session": "a session"},
}
_FREE = {"es": "sin costo", "en": "free of charge"}


def money(amount: Decimal, playbook: Playbook, language: Language) -> str:
    """``1490`` -> ``$1,490`` (en_US), ``1.490 €`` (es_ES); cents only where there are any."""
    locale = Locale.parse(playbook.locales.of(language))
    pattern = locale.currency_formats["standard"].pattern
    if amount == amount.to_integral_value():
        pattern = pattern.replace(".00", "")
    written = format_currency(amount, playbook.currency, format=pattern, locale=locale, currency_digits=False)
    return written.replace("\xa0", " ")


def price(value: Price, playbook: Playbook, language: Language) -> str:
    if value.amount == 0 and value.to is None:
        return _FREE[language]
    text = money(value.amount, playbook, language)
    if value.to is not None:
        upper = money(value.to, playbook, language)
        text = f"entre {text} y {upper}" if language == "es" else f"between {text} and {upper}"
    return text if value.per == "once" else f"{text} {_PER[language][value.per]}"


def instalments(value: Instalments, playbook: Playbook, language: Language) -> str:
    each = money(value.amount, playbook, language)
    return f"{value.count} pagos de {each}" if language == "es" else f"{value.count} payments of {each}"


def duration(value: Duration, playbook: Playbook, language: Language) -> str:
    return format_unit(value.amount, f"duration-{value.unit}", length="long", locale=playbook.locales.of(language))


def percent(value: Decimal, playbook: Playbook, language: Language) -> str:
    number = format_decimal(value, locale=playbook.locales.of(language))
    return f"{number} %" if language == "es" else f"{number}%"


def placeholders(playbook: Playbook, language: Language) -> dict[str, str]:
    """Everything a playbook text may refer to, written out in one language."""
    words = {
        "company": playbook.company.name,
        "agent": playbook.persona.name,
        "max_discount": percent(playbook.discount_authority_percent, playbook, language),
    }
    for offer in playbook.offers:
        words.update(_offer_words(offer, playbook, language))
    for incentive in playbook.incentives:
        if incentive.percent is not None:
            words[f"{incentive.id}.percent"] = percent(incentive.percent, playbook, language)
    return words


def _offer_words(offer: Offer, playbook: Playbook, language: Language) -> dict[str, str]:
    words = {
        f"{offer.id}.name": offer.name.said_in(language),
        f"{offer.id}.price": price(offer.price, playbook, language),
    }
    if offer.instalments is not None:
        words[f"{offer.id}.instalments"] = instalments(offer.instalments, playbook, language)
    if offer.duration is not None:
        words[f"{offer.id}.duration"] = duration(offer.duration, playbook, language)
    return words
