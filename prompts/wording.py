"""How amounts are written, in either language: used to fill playbook placeholders and by the composer."""

from datetime import time
from decimal import Decimal

from babel import Locale
from babel.numbers import format_currency, format_decimal
from babel.units import format_unit

from prompts.law import WEEKDAYS, Hours, QuietHours
from prompts.playbook import Duration, Instalments, Language, Offer, Playbook, Price

_PER = {
    "es": {"week": "a la semana", "month": "al mes", "year": "al año", "session": "por sesión"},
    "en": {"week": "a week", "month": "a month", "year": "a year", "session": "a session"},
}
_DAYS: dict[Language, tuple[str, ...]] = {
    "es": ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_TO: dict[Language, str] = {"es": " a ", "en": " to "}
_AND: dict[Language, str] = {"es": " y ", "en": " and "}
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


def contact_hours(rule: QuietHours, language: Language) -> str:
    """``lunes a viernes de 9:00 a 20:00 y sábado de 10:00 a 14:00``; days with the same hours stand together."""
    groups: list[tuple[list[int], str]] = []
    for place, day in enumerate(WEEKDAYS):
        if day not in rule.contact:
            continue
        hours = _AND[language].join(_stretch(one, language) for one in rule.on_weekday(day))
        if groups and groups[-1][1] == hours and groups[-1][0][-1] == place - 1:
            groups[-1][0].append(place)
        else:
            groups.append(([place], hours))
    names = _DAYS[language]
    written = [
        f"{names[days[0]]}{_TO[language] + names[days[-1]] if len(days) > 1 else ''} {hours}" for days, hours in groups
    ]
    return _AND[language].join(filter(None, (", ".join(written[:-1]), written[-1])))


def _stretch(hours: Hours, language: Language) -> str:
    if language == "es":
        return f"de {hours.since.hour}:{hours.since:%M} a {hours.until.hour}:{hours.until:%M}"
    return f"{_half(hours.since)} to {_half(hours.until)}"


def _half(at: time) -> str:
    return f"{at.hour % 12 or 12}:{at:%M} {'am' if at.hour < 12 else 'pm'}"


def placeholders(playbook: Playbook, language: Language) -> dict[str, str]:
    """Everything a playbook text may refer to, written out in one language."""
    words = {
        "company": playbook.company.name,
        "agent": playbook.persona.name,
        "max_discount": percent(playbook.discount_authority_percent, playbook, language),
    }
    if playbook.quiet_hours is not None:
        words["contact_hours"] = contact_hours(playbook.quiet_hours, language)
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
