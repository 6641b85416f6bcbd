"""Numbers in text, written with digits or with words, in Spanish and English."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from agent.turn import Language

_UNITS = {
    "es": {
        "cero": 0, "un": 1, "uno": 1, "una": 1, "dos": 2, "tres": 3, "cuatro": 4, "cinco": 5, "seis": 6, "siete": 7,
        "ocho": 8, "nueve": 9, "diez": 10, "once": 11, "doce": 12, "trece": 13, "catorce": 14, "quince": 15, "dieciseis": 16,
        "diecisiete": 17, "dieciocho": 18, "diecinueve": 19, "veinte": 20, "veintiun": 21, "veintiuno": 21,
        "veintiuna": 21, "veintidos": 22, "veintitres": 23, "veinticuatro": 24, "veinticinco": 25, "veintiseis": 26,
        "veintisiete": 27, "veintiocho": 28, "veintinueve": 29, "treinta": 30, "cuarenta": 40, "cincuenta": 50,
        "sesenta": 60, "setenta": 70, "ochenta": 80, "noventa": 90, "cien": 100, "ciento": 100, "doscientos": 200,
        "doscientas": 200, "trescientos": 300, "trescientas": 300, "cuatrocientos": 400, "cuatrocientas": 400,
        "quinientos": 500, "quinientas": 500, "seiscientos": 600, "seiscientas": 600, "setecientos": 700,
        "setecientas": 700, "ochocientos": 800, "ochocientas": 800, "novecientos": 900, "novecientas": 900,
    },
    "en": {
        "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
        "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17,
        "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60,
        "seventy": 70, "eighty": 80, "ninety": 90,
    },
}  # fmt: skip
_MULTIPLIERS = {
    "es": {"docena": 12, "docenas": 12, "mil": 1_000, "millon": 1_000_000, "millones": 1_000_000},
    "en": {"dozen": 12, "hundred": 100, "thousand": 1_000, "grand": 1_000, "million": 1_000_000},
}
_JOINERS = {"y", "and"}
_NO_NUMBER: dict[Language, set[str]] = {"es": {"ten"}, "en": {"once"}}
"""Number words of the other language that mean something else in this one."""
_WORDS: dict[Language, dict[str, int]] = {
    language: {word: value for words in _UNITS.values() for word, value in words.items() if word not in other}
    for language, other in _NO_NUMBER.items()
}
HOUR_WORDS = {word: value for words in _UNITS.values() for word, value in words.items() if 0 < value <= 12}
_ALL_MULTIPLIERS = _MULTIPLIERS["es"] | _MULTIPLIERS["en"]
_WORD = re.compile(r"[^\W\d_]+")
_DIGITS = re.compile(
    r"(?<!\d)(?<!\d[.,])(?:\d{1,3}(?:[.,\u00a0\u202f ]\d{3})+(?!\d)(?:[.,]\d{1,2}(?!\d))?|\d+(?:[.,]\d+)?)|(?<=[$€£])\.\d+"
)
_SCALE = re.compile(r"\s?(?:k\b|mil\b|thousand\b|grand\b|million\b|mill[oó]n(?:es)?\b)", re.IGNORECASE)
_ACCENTS = str.maketrans("áéíóúü", "aeiouu")


@dataclass(frozen=True, slots=True)
class Numeral:
    value: Decimal
    start: int
    end: int


def numerals(text: str, language: Language) -> list[Numeral]:
    """Every number with its place; "1.490" and "1,490" are both 1490, "3.5" and "3,5" both three and a half."""
    found = list(_digits(text))
    taken = [(one.start, one.end) for one in found]
    for one in _spelled(text, language):
        if not any(start < one.end and one.start < end for start, end in taken):
            found.append(one)
    return sorted(found, key=lambda one: one.start)


def _digits(text: str) -> Iterator[Numeral]:
    for match in _DIGITS.finditer(text):
        value, end = read_digits(match.group(0)), match.end()
        scale = _SCALE.match(text, end)
        if scale is not None:
            word = scale.group(0).strip().lower()
            value *= 1_000_000 if word.startswith("mill") else 1_000
            end = scale.end()
        yield Numeral(value, match.start(), end)


def read_digits(digits: str) -> Decimal:
    """A number as it is written in digits, with whatever marks."""
    digits = re.sub(r"[\u00a0\u202f ]", "", digits)
    marks = [char for char in digits if char in ".,"]
    if not marks:
        return Decimal(digits)
    last = marks[-1]
    whole, _, fraction = digits.rpartition(last)
    if len(fraction) == 3 and (len(marks) == 1 or len(set(marks)) == 1) and whole != "0":
        return Decimal(digits.replace(last, ""))
    return Decimal(f"{whole.replace('.', '').replace(',', '')}.{fraction}")


def _spelled(text: str, language: Language) -> Iterator[Numeral]:
    """Runs of number words, joined by "y"/"and" or a hyphen. Words of both languages count: a price hides in either."""
    units, multipliers, joiners = _WORDS[language], _ALL_MULTIPLIERS, _JOINERS
    words = [(m.group(0).lower().translate(_ACCENTS), m.start(), m.end()) for m in _WORD.finditer(text)]
    index = 0
    while index < len(words):
        word, start, end = words[index]
        if word not in units and word not in multipliers:
            index += 1
            continue
        if word in multipliers and index and words[index - 1][0] == "a" and start - words[index - 1][2] == 1:
            start = words[index - 1][1]
        total, current = 0, 0
        while index < len(words):
            word, next_start, next_end = words[index]
            if next_start - end > 1:
                break
            if word in units:
                current += units[word]
            elif word in multipliers:
                factor = multipliers[word]
                if factor < 1_000:
                    current = max(1, current) * factor
                else:
                    total, current = total + max(1, current) * factor, 0
            elif not (word in joiners and index + 1 < len(words) and words[index + 1][0] in units and current):
                break
            end = next_end
            index += 1
        yield Numeral(Decimal(total + current), start, end)
