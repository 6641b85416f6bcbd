"""Prices, percentages, ordinals, ranges and plain numbers, as they are said."""

import re
from decimal import Decimal

from agent.reply.numerals import read_digits
from agent.reply.speech.tongue import FIGURE, Tongue, digits, sum_of_money

_SIGN = r"US\s?\$|MX\s?\$|[$€£]|\b(?:USD|EUR|MXN|GBP|COP)\b"
_WORD = r"d[óo]lar(?:es)?|euros?|pesos?|dollars?|libras esterlinas|pounds sterling"
_SCALE = r"\s?(?:(?-i:[kKM])(?!\w)|(?:mil|millones|millón|million|thousand)\b)"


def _price(name: str) -> str:
    """A figure with its currency before it, behind it, or both ("$199 USD"); the groups end in ``name``."""
    return (
        rf"(?:(?P<before{name}>{_SIGN})\s{{0,2}}(?P<first{name}>{_BARE})(?P<scale{name}>{_SCALE})?"
        rf"(?:\s?(?P<also{name}>\b(?:USD|EUR|MXN|GBP|COP|{_WORD})\b))?"
        rf"|(?P<second{name}>{FIGURE})(?P<thousands{name}>{_SCALE})?\s{{0,2}}"
        rf"(?P<after{name}>(?:{_SIGN})(?!\s?\d)|(?:de\s)?\b(?:{_WORD})\b))"
    )


_BARE = FIGURE.removeprefix(r"(?<![\w.,])")
"""A figure that may stand right behind a currency."""
_CURRENCY = re.compile(rf"{_SIGN}|\b(?:{_WORD})\b", re.IGNORECASE)
_PRICE = re.compile(_price("a"))
_DASH = r"\s?[-–—]\s?"
_JOIN = rf"(?P<join>{_DASH}|\s(?:a|y|o|to|and|or)\s)"
_PRICES = re.compile(
    rf"(?P<lead>\b(?:de|desde|entre|from|between)\s)?(?:{_price('a')}|(?P<plain>{FIGURE})){_JOIN}"
    rf"(?:{_price('b')}|(?P<bare>{_BARE}))",
    re.IGNORECASE,
)
_PER = re.compile(
    r"(?<=\w)\s?/\s?(?P<per>m²|m2|ft²|ft2|sq\.?\s?ft\b|[^\W\d_]+(?![/\w]))",
    re.IGNORECASE,
)  # fmt: skip
_PERIODS = {
    "es": {
        ("mes", "month", "mo"): "al mes", ("año", "year", "yr"): "al año", ("semana", "sem", "week", "wk"): "a la semana",
        ("día", "dia", "day"): "al día", ("hora", "hour", "hr", "h"): "por hora", ("sesión", "sesion", "session"): "por sesión",
        ("m²", "m2"): "por metro cuadrado", ("ft²", "ft2", "sq ft", "sqft"): "por pie cuadrado", ("kg",): "por kilo",
        ("km",): "por kilómetro", ("kwh",): "por kilovatio hora",
    },
    "en": {
        ("mes", "month", "mo"): "a month", ("año", "year", "yr"): "a year", ("semana", "sem", "week", "wk"): "a week",
        ("día", "dia", "day"): "a day", ("hora", "hour", "hr", "h"): "an hour", ("sesión", "sesion", "session"): "a session",
        ("m²", "m2"): "per square meter", ("ft²", "ft2", "sq ft", "sqft"): "per square foot", ("kg",): "per kilo",
        ("km",): "per kilometer", ("kwh",): "per kilowatt hour",
    },
}  # fmt: skip
NEAR = 40
"""Characters before a "/" in which a price may end."""
_PERCENT = r"\s{0,2}[%٪]"
_PERCENTS = re.compile(
    rf"(?P<lead>\b(?:de|desde|entre|from|between)\s)?(?P<low>{FIGURE})(?:{_PERCENT})?{_JOIN}(?P<high>{_BARE}){_PERCENT}",
    re.IGNORECASE,
)
_ONE_PERCENT = re.compile(rf"(?P<value>{FIGURE}){_PERCENT}")
_RANGE = re.compile(
    rf"(?P<lead>\b(?:de|desde|entre|from|between)\s)?(?<![\w/-])(?P<low>{FIGURE}){_DASH}(?P<high>{_BARE})(?=\s+[^\W\d_]|[.,;:!?)]?$)",
    re.IGNORECASE,
)
_TIMES = re.compile(r"\b(?P<one>\d)\s?[x×]\s?(?P<other>\d)\b", re.IGNORECASE)
_ORDINAL = re.compile(
    r"\b(?P<value>\d{1,2})\.?(?:(?P<short>er)|(?P<him>[º°](?!\s?[CF]\b)|ro|do|to|mo|vo|no)|(?P<her>ª|ra|da|ta|ma|va|na))(?!\w)"
    r"(?P<date>\sde\s(?:enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre)\b)?"
)
_NTH = ("primero", "segundo", "tercero", "cuarto", "quinto", "sexto", "séptimo", "octavo", "noveno", "décimo")
_MORE = re.compile(r"(?<![\w)+])\+\s?(?=\d)|(?P<behind>\b\d[\d.,]*)\+(?!\w)")
_NUMBERED = re.compile(r"(?:#\s?|\bn[º°]\.?\s?|\bnúm\.\s?|\bNo\.\s)(?=\d)", re.IGNORECASE)
_NUMBER = re.compile(FIGURE)
_MARKED = re.compile(r"\d[.,\u00a0\u202f]\d")
_CODES = (("us", "USD"), ("mx", "MXN"), ("€", "EUR"), ("eur", "EUR"), ("£", "GBP"), ("gbp", "GBP"), ("libra", "GBP"),
          ("pound", "GBP"), ("cop", "COP"))  # fmt: skip
_PESOS = frozenset({"MXN", "COP", "ARS", "CLP", "UYU", "DOP"})
_NO_DOLLAR_SIGN = frozenset({"EUR", "GBP", "CHF", "PEN", "GTQ", "VES"})
_DOLLARS = frozenset({"USD", "CAD", "AUD"})


def money(text: str, tongue: Tongue) -> str:
    """ "$199/mes" -> "199 dólares al mes"; "$200-300" -> "de 200 a 300 dólares"."""
    if not _CURRENCY.search(text):
        return text
    text = _PRICES.sub(lambda match: _between(match, tongue), text)
    text = _PRICE.sub(lambda match: _one_price(match, "a", tongue), text)
    return _PER.sub(lambda match: _per(match, tongue), text)


def percentages(text: str, tongue: Tongue) -> str:
    percent = tongue.either("por ciento", "percent")

    def ranged(match: re.Match[str]) -> str:
        low, high = (digits(read_digits(match.group(name)), tongue) for name in ("low", "high"))
        return f"{_from_to(match.group('lead'), low, match.group('join'), high, tongue)} {percent}"

    text = _PERCENTS.sub(ranged, text)
    return _ONE_PERCENT.sub(lambda match: f"{digits(read_digits(match.group('value')), tongue)} {percent}", text)


def ordinals(text: str, tongue: Tongue) -> str:
    """ "3.º" -> "tercero"; beyond the tenth the number is said. English voices read "3rd" well."""
    text = _TIMES.sub(lambda match: f"{match.group('one')} {tongue.either('por', 'for')} {match.group('other')}", text)
    return _ORDINAL.sub(_nth, text) if tongue.spanish else text


def ranges(text: str, tongue: Tongue) -> str:
    """ "5-7 días" -> "de 5 a 7 días"."""

    def ranged(match: re.Match[str]) -> str:
        low, high = (read_digits(match.group(name)) for name in ("low", "high"))
        if low >= high:
            return match.group(0)
        return _from_to(match.group("lead"), digits(low, tongue), "-", digits(high, tongue), tongue)

    return _RANGE.sub(ranged, text)


def numbers(text: str, tongue: Tongue) -> str:
    """Grouped numbers and fractions with the marks that the locale's voices read; "+500" -> "más de 500"."""
    text = _NUMBERED.sub(tongue.either("número ", "number "), text)
    more = tongue.either("más de ", "more than ")
    text = _MORE.sub(lambda match: f"{more}{match.group('behind') or ''}", text)

    def rewritten(match: re.Match[str]) -> str:
        written = match.group(0)
        return digits(read_digits(written), tongue) if _MARKED.search(written) else written

    return _NUMBER.sub(rewritten, text)


def _from_to(lead: str | None, low: str, join: str, high: str, tongue: Tongue) -> str:
    """``join`` is a dash or the word that stands between both; ``lead`` the one before them."""
    before = (lead or "").strip().lower()
    word = join.strip().lower()
    if word in ("-", "–", "—"):
        both = before in ("entre", "between")
        word = tongue.either("y" if both else "a", "and" if both else "to")
        if not before and tongue.spanish:
            return f"de {low} {word} {high}"
    return f"{lead or ''}{low} {word} {high}"


def _between(match: re.Match[str], tongue: Tongue) -> str:
    first, second = _read_price(match, "a", tongue), _read_price(match, "b", tongue)
    if first is None and second is None:
        return match.group(0)
    code = (second or first or (Decimal(0), ""))[1]
    low = first[0] if first else read_digits(match.group("plain"))
    high = second[0] if second else read_digits(match.group("bare"))
    joined, spoken = match.group("join"), match.group("join").strip()
    ranged = spoken in ("-", "–", "—") or match.group("lead") is not None
    other = (first is not None and first[1] != code) or (second is None and spoken not in ("-", "–", "—"))
    if other or not ranged or low >= high or low % 1 or high % 1:
        return match.group(0)
    said_low, said_high = digits(low, tongue), sum_of_money(high, code, tongue)
    return _from_to(match.group("lead"), said_low, joined, said_high, tongue)


def _read_price(match: re.Match[str], name: str, tongue: Tongue) -> tuple[Decimal, str] | None:
    """The value and the currency's code."""
    figure = match.group(f"first{name}") or match.group(f"second{name}")
    if figure is None:
        return None
    scale = (match.group(f"scale{name}") or match.group(f"thousands{name}") or "").strip()
    value = read_digits(figure)
    if scale:
        value *= 1_000_000 if scale.lower().startswith("mill") or scale == "M" else 1_000
    written = match.group(f"also{name}") or match.group(f"before{name}") or match.group(f"after{name}")
    return value, _code(written, tongue)


def _one_price(match: re.Match[str], name: str, tongue: Tongue) -> str:
    read = _read_price(match, name, tongue)
    assert read is not None
    scale = (match.group(f"scale{name}") or match.group(f"thousands{name}") or "").strip()
    in_millions = scale.lower().startswith("mill") or scale == "M"
    return sum_of_money(*read, tongue, in_millions=in_millions)


def _code(written: str, tongue: Tongue) -> str:
    """A bare "$", "pesos" and "dólares" are the playbook's own, where they can be."""
    bare = written.lower().removeprefix("de ").replace(" ", "")
    if bare == "$":
        return tongue.currency if tongue.currency not in _NO_DOLLAR_SIGN else "USD"
    if bare.startswith("peso"):
        return tongue.currency if tongue.currency in _PESOS else "MXN"
    if bare.startswith(("dólar", "dolar", "dollar")):
        return tongue.currency if tongue.currency in _DOLLARS else "USD"
    return next(code for start, code in _CODES if bare.startswith(start))


def _per(match: re.Match[str], tongue: Tongue) -> str:
    what = match.group("per").replace(".", "").lower()
    known = next((said for names, said in _PERIODS[tongue.language].items() if what in names), None)
    if known is None and not _AFTER_A_PRICE.search(match.string[max(0, match.start() - NEAR) : match.start()]):
        return match.group(0)
    return f" {known or tongue.either(f'por {what}', f'per {what}')}"


_AFTER_A_PRICE = re.compile(rf"(?:{_WORD}|centavos?|cents?|céntimos?|mil|millón|million)$", re.IGNORECASE)


def _nth(match: re.Match[str]) -> str:
    value, date = int(match.group("value")), match.group("date") or ""
    if date or not 1 <= value <= len(_NTH):
        return f"{value}{date}"
    word = _NTH[value - 1]
    if match.group("short"):
        return word.removesuffix("o") if value in (1, 3) else word
    return f"{word[:-1]}a" if match.group("her") else word
