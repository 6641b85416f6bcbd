"""Prices, percentages, durations, dates and large counts in a text, with what each is counted in."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from agent.reply.numerals import Numeral, numerals
from agent.turn import Language

Kind = Literal["price", "percent", "duration", "date", "count"]


@dataclass(frozen=True, slots=True)
class Amount:
    """``unit``: the period of a price (``month``), the unit of a duration (``week``), the kind of a date (``weekday``)."""

    kind: Kind
    value: Decimal | str
    unit: str | None
    start: int
    end: int
    text: str


_CURRENCY_BEFORE = re.compile(r"(?:US\s?\$|MX\s?\$|\$|€|£|\bUSD|\bEUR|\bMXN)\s?$", re.IGNORECASE)
_CURRENCY_AFTER = re.compile(
    r"\s?(?:US\$|\$|€|£|USD\b|EUR\b|MXN\b|(?:de\s)?(?:d[óo]lares|d[óo]lar|euros?|pesos?|dollars?|bucks?|pounds sterling)\b)",
    re.IGNORECASE,
)
_PERCENT_AFTER = re.compile(r"\s?(?:%|por\s?ciento\b|percent\b|per cent\b|pct\b|puntos porcentuales\b)", re.IGNORECASE)
_DURATION_UNITS = {
    "minute": r"minutos?|minutes?|mins?|min",
    "hour": r"horas?|hours?|hrs?|hr|h",
    "day": r"d[ií]as?|days?",
    "week": r"semanas?|weeks?|wks?",
    "month": r"mes(?:es)?|months?|mos?",
    "year": r"años?|years?|yrs?",
}
_DURATION_AFTER = re.compile(
    r"[\s-]?(?:" + "|".join(f"(?P<{unit}>(?:{words})\\b)" for unit, words in _DURATION_UNITS.items()) + ")",
    re.IGNORECASE,
)
_PERIODS = {
    "week": r"a la semana|por semana|semanales?|a week|per week|weekly|/\s?(?:wk|week|semana|sem)\b",
    "month": r"al mes|por mes|mensuales?|cada mes|a month|per month|monthly|each month|/\s?(?:mo|month|mes)\b",
    "year": r"al año|por año|anual(?:es)?|a year|per year|yearly|annually|/\s?(?:yr|year|año)\b",
    "session": r"por sesi[óo]n|cada sesi[óo]n|la sesi[óo]n|a session|per session|each session",
}
_PERIOD_AFTER = re.compile(
    r"[\s,]{0,2}(?:" + "|".join(f"(?P<{unit}>{words})" for unit, words in _PERIODS.items()) + ")", re.IGNORECASE
)
_FREE = re.compile(
    r"\b(?:gratis|gratuit[oa]s?|sin (?:ning[úu]n )?costo|sin cargo|de regalo|free(?: of charge)?(?!\s+to\b)|no charge|at no cost|"
    r"on the house|complimentary)\b",
    re.IGNORECASE,
)
_HALF = re.compile(
    r"\b(?:a mitad de precio|mitad de precio|la mitad del precio|half (?:off|price)|2\s?x\s?1|dos por uno|two for one|"
    r"buy one,? get one)\b",
    re.IGNORECASE,
)
_MONTHS = (
    ("enero", "january", "jan"), ("febrero", "february", "feb"), ("marzo", "march", "mar"), ("abril", "april", "apr"),
    ("mayo", "may", "may"), ("junio", "june", "jun"), ("julio", "july", "jul"), ("agosto", "august", "aug"),
    ("septiembre", "september", "sep"), ("octubre", "october", "oct"), ("noviembre", "november", "nov"),
    ("diciembre", "december", "dec"),
)  # fmt: skip
_MONTH_NUMBER = {name: index for index, names in enumerate(_MONTHS, start=1) for name in names}
_MONTH = "|".join(sorted((name for names in _MONTHS for name in names), key=len, reverse=True))
_DATES = (
    re.compile(r"\b(?P<day>\d{1,2})(?:ro|°|º)? de (?P<month>" + _MONTH + r")\b", re.IGNORECASE),
    re.compile(r"\b(?P<month>" + _MONTH + r")\.? (?P<day>\d{1,2})(?:st|nd|rd|th)?\b", re.IGNORECASE),
    re.compile(r"\b(?P<day>\d{1,2})(?:st|nd|rd|th)? (?:of )?(?P<month>" + _MONTH + r")\b", re.IGNORECASE),
    re.compile(r"\b\d{4}-(?P<month>\d{2})-(?P<day>\d{2})\b"),
    re.compile(r"(?<![\d/])(?P<day>\d{1,2})/(?P<month>\d{1,2})(?:/\d{2,4})?(?![\d/])"),
)
_WEEKDAYS = {
    "mon": "lunes|mondays?", "tue": "martes|tuesdays?", "wed": "mi[ée]rcoles|wednesdays?", "thu": "jueves|thursdays?",
    "fri": "viernes|fridays?", "sat": "s[áa]bados?|saturdays?", "sun": "domingos?|sundays?",
}  # fmt: skip
_WEEKDAY = re.compile("|".join(f"(?P<{day}>\\b(?:{words})\\b)" for day, words in _WEEKDAYS.items()), re.IGNORECASE)
_CLOCK = re.compile(
    r"(?:\ba las?\s(?P<es>\d{1,2})(?::(?P<es_minute>\d{2}))?(?:\s?(?P<es_half>[ap]\.?\s?m\.?))?"
    r"|(?:\bat\s)?\b(?P<en>\d{1,2})(?::(?P<en_minute>\d{2}))?\s?(?P<en_half>[ap]\.?m\b\.?)"
    r"|\bat (?P<bare>\d{1,2})(?::(?P<bare_minute>\d{2}))?(?![\d%:]|\s?%)"
    r"|\b(?P<colon>[01]?\d|2[0-3]):(?P<colon_minute>[0-5]\d)\b)",
    re.IGNORECASE,
)
_SOON = re.compile(r"\b(?:mañana|pasado mañana|hoy mismo|tomorrow|tonight|esta noche)\b", re.IGNORECASE)
_MORNING = re.compile(r"(?:\b(?:por|en|de|a) la |\bcada |\buna )$", re.IGNORECASE)
SMALL = 20
"""Counts up to this are ordinary talk ("two questions"), not claims."""


def find_amounts(text: str, language: Language) -> tuple[Amount, ...]:
    """All amounts in the order of the text; a number belongs to one of them only."""
    found = [*_dates(text)]
    found += [Amount("price", Decimal(0), None, m.start(), m.end(), m.group(0)) for m in _FREE.finditer(text)]
    found += [Amount("percent", Decimal(50), "discount", m.start(), m.end(), m.group(0)) for m in _HALF.finditer(text)]
    for number in numerals(text, language):
        if any(one.start < number.end and number.start < one.end for one in found):
            continue
        found.append(_classified(text, number))
    return tuple(one for one in _with_ranges(sorted(found, key=lambda one: one.start), text) if not _small_talk(one))


def _small_talk(amount: Amount) -> bool:
    return amount.kind == "count" and isinstance(amount.value, Decimal) and amount.value <= SMALL


def _classified(text: str, number: Numeral) -> Amount:
    before = _CURRENCY_BEFORE.search(text[max(0, number.start - 6) : number.start])
    start = number.start - (len(before.group(0)) if before else 0)
    if match := _PERCENT_AFTER.match(text, number.end):
        return Amount("percent", number.value, None, start, match.end(), text[start : match.end()])
    after = _CURRENCY_AFTER.match(text, number.end)
    if before or after:
        end = after.end() if after else number.end
        period = _PERIOD_AFTER.match(text, end)
        end = period.end() if period else end
        return Amount("price", number.value, period.lastgroup if period else None, start, end, text[start:end])
    if match := _DURATION_AFTER.match(text, number.end):
        return Amount("duration", number.value, match.lastgroup, start, match.end(), text[start : match.end()])
    return Amount("count", number.value, None, start, number.end, text[start : number.end])


_RANGE = re.compile(r"\s?(?:-|–|y|a|and|to|o|or)\s?", re.IGNORECASE)


def _with_ranges(amounts: list[Amount], text: str) -> list[Amount]:
    """ "between 8,500 and $14,000", "3 a 5 días": the first figure is counted in what the second one is."""
    joined: list[Amount] = []
    for index, one in enumerate(amounts):
        following = amounts[index + 1] if index + 1 < len(amounts) else None
        ranged = following is not None and _RANGE.fullmatch(text[one.end : following.start])
        if one.kind == "count" and ranged and following is not None and following.kind != "date":
            one = Amount(following.kind, one.value, following.unit, one.start, one.end, one.text)
        joined.append(one)
    return joined


def _dates(text: str) -> Iterator[Amount]:
    taken: list[tuple[int, int]] = []
    for pattern in _DATES:
        for match in pattern.finditer(text):
            month = match.group("month").lower()
            number = _MONTH_NUMBER.get(month) or (int(month) if month.isdigit() else 0)
            if not 1 <= number <= 12 or not 1 <= int(match.group("day")) <= 31 or _overlaps(match, taken):
                continue
            taken.append(match.span())
            value = f"{number:02d}-{int(match.group('day')):02d}"
            yield Amount("date", value, "day", match.start(), match.end(), match.group(0))
    for match in _WEEKDAY.finditer(text):
        yield Amount("date", str(match.lastgroup), "weekday", match.start(), match.end(), match.group(0))
    for match in _CLOCK.finditer(text):
        if not _overlaps(match, taken):
            taken.append(match.span())
            yield Amount("date", _clock(match), "clock", match.start(), match.end(), match.group(0))
    for match in _SOON.finditer(text):
        if not _MORNING.search(text[: match.start()]):
            yield Amount("date", match.group(0).lower(), "soon", match.start(), match.end(), match.group(0))


def _overlaps(match: re.Match[str], taken: list[tuple[int, int]]) -> bool:
    return any(start < match.end() and match.start() < end for start, end in taken)


def _clock(match: re.Match[str]) -> str:
    """Hour and minute on a twelve-hour dial: "a las 17:00" and "at 5 pm" are the same time."""
    hour = int(next(match.group(name) for name in ("es", "en", "bare", "colon") if match.group(name)))
    minute = next(
        (match.group(f"{name}_minute") for name in ("es", "en", "bare", "colon") if match.group(f"{name}_minute")), "00"
    )
    return f"{hour % 12:02d}:{minute}"
