"""Whose speech it is: language, locale and currency, and what depends on nothing else."""

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from babel.numbers import get_currency_name, get_decimal_symbol

from agent.turn import Language, Playbook

FIGURE = r"(?<![\w.,])(?:\d{1,3}(?:[.,\u00a0\u202f]\d{3})+(?![\d\w])(?:[.,]\d{1,2}(?!\d))?|\d+(?:[.,]\d+)?)(?![.,]?\d)"
"""A number in digits, grouped or not, as ``agent.reply.numerals.read_digits`` takes it."""
_MILLION = 1_000_000
_UNITS = ("", "un", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve")
_TENS = ("", "", "veinte", "treinta", "cuarenta", "cincuenta", "sesenta", "setenta", "ochenta", "noventa")
_HUNDREDS = (
    "", "ciento", "doscientos", "trescientos", "cuatrocientos", "quinientos", "seiscientos", "setecientos",
    "ochocientos", "novecientos",
)  # fmt: skip
_CENTS = {
    "es": {"EUR": ("céntimo", "céntimos"), "GBP": ("penique", "peniques")},
    "en": {"GBP": ("penny", "pence")},
}
_USUAL_CENTS = {"es": ("centavo", "centavos"), "en": ("cent", "cents")}
_POUNDS = {"es": ("libra esterlina", "libras esterlinas"), "en": ("pound sterling", "pounds sterling")}


@dataclass(frozen=True, slots=True)
class Tongue:
    """``currency``: ISO 4217, what a bare "$" means. ``locale``: CLDR, like ``es_MX``."""

    language: Language
    locale: str
    currency: str

    @property
    def spanish(self) -> bool:
        return self.language == "es"

    def either(self, spanish: str, english: str) -> str:
        return spanish if self.language == "es" else english


def tongue_of(playbook: Playbook, language: Language) -> Tongue:
    return Tongue(language, playbook.locales.of(language), playbook.currency)


@lru_cache(maxsize=16)
def _decimal_mark(locale: str) -> str:
    return get_decimal_symbol(locale)


def digits(value: Decimal, tongue: Tongue) -> str:
    """``1250``, ``1,250`` in English; a fraction with the mark that the locale's voices read."""
    whole, _, fraction = f"{value:f}".partition(".")
    written = whole if tongue.spanish or len(whole) < 4 else f"{int(whole):,}"
    return f"{written}{_decimal_mark(tongue.locale)}{fraction}" if fraction else written


def counted(value: Decimal, tongue: Tongue) -> str:
    """``value`` before a masculine noun: synthesisers say "uno dólares" for "1", and "veintiuno" for "21"."""
    shortened = tongue.spanish and value == value.to_integral_value() and 0 < value < 1_000
    if shortened and value % 10 == 1 and value % 100 != 11:
        return _with_short_one(int(value))
    return digits(value, tongue)


def _with_short_one(value: int) -> str:
    hundreds, rest = divmod(value, 100)
    tens = rest // 10
    ending = "veintiún" if tens == 2 else f"{_TENS[tens]} y un" if tens else "un"
    return f"{_HUNDREDS[hundreds]} {ending}".strip()


def sum_of_money(value: Decimal, code: str, tongue: Tongue, *, in_millions: bool = False) -> str:
    """``19.99`` -> "19 dólares con 99 centavos"."""
    whole, fraction = divmod(value, 1)
    cents = fraction * 100
    if value and value % (_MILLION // 10) == 0 and value >= _MILLION and (tongue.spanish or in_millions):
        return f"{_millions(value, tongue)} {currency_word(code, Decimal(2), tongue)}"
    if cents != cents.to_integral_value() or not fraction:
        exact = value if fraction else whole
        return f"{counted(exact, tongue)} {currency_word(code, exact, tongue)}"
    small = f"{counted(cents.normalize() + 0, tongue)} {_cent_word(code, cents, tongue)}"
    if not whole:
        return small
    large = f"{counted(whole, tongue)} {currency_word(code, whole, tongue)}"
    return f"{large} {tongue.either('con', 'and')} {small}"


def _millions(value: Decimal, tongue: Tongue) -> str:
    millions = (value / _MILLION).normalize() + 0
    if not tongue.spanish:
        return f"{digits(millions, tongue)} million"
    return f"{counted(millions, tongue)} {'millón' if millions == 1 else 'millones'} de"


@lru_cache(maxsize=256)
def _currency_words(code: str, language: Language) -> tuple[str, str]:
    """Singular and plural without the country: "dólar", "dollars"."""
    if code == "GBP":
        return _POUNDS[language]
    names = (get_currency_name(code, 1, language), get_currency_name(code, 2, language))
    one, many = (name.split()[0] if language == "es" else name.split()[-1] for name in names)
    return one, many


def currency_word(code: str, count: Decimal, tongue: Tongue) -> str:
    """A currency that is not the playbook's keeps its country where its word alone would mislead."""
    one, many = _currency_words(code, tongue.language)
    word = one if count == 1 else many
    if code != tongue.currency and _currency_words(tongue.currency, tongue.language) == (one, many):
        return get_currency_name(code, 1 if count == 1 else 2, tongue.language)
    return word


def _cent_word(code: str, count: Decimal, tongue: Tongue) -> str:
    one, many = _CENTS[tongue.language].get(code, _USUAL_CENTS[tongue.language])
    return one if count == 1 else many
