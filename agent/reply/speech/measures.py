"""Units of measure, in words."""

import re
from decimal import Decimal

from agent.reply.numerals import read_digits
from agent.reply.speech.tongue import FIGURE, Tongue, counted, digits

_NAMES: dict[str, tuple[str, str, str, str]] = {
    "km/h": ("kilómetro por hora", "kilómetros por hora", "kilometer per hour", "kilometers per hour"),
    "km²": ("kilómetro cuadrado", "kilómetros cuadrados", "square kilometer", "square kilometers"),
    "m²": ("metro cuadrado", "metros cuadrados", "square meter", "square meters"),
    "m³": ("metro cúbico", "metros cúbicos", "cubic meter", "cubic meters"),
    "ft²": ("pie cuadrado", "pies cuadrados", "square foot", "square feet"),
    "kwh": ("kilovatio hora", "kilovatios hora", "kilowatt hour", "kilowatt hours"),
    "kw": ("kilovatio", "kilovatios", "kilowatt", "kilowatts"),
    "km": ("kilómetro", "kilómetros", "kilometer", "kilometers"),
    "cm": ("centímetro", "centímetros", "centimeter", "centimeters"),
    "mm": ("milímetro", "milímetros", "millimeter", "millimeters"),
    "m": ("metro", "metros", "meter", "meters"),
    "ft": ("pie", "pies", "foot", "feet"),
    "mph": ("milla por hora", "millas por hora", "mile per hour", "miles per hour"),
    "mi": ("milla", "millas", "mile", "miles"),
    "kg": ("kilo", "kilos", "kilo", "kilos"),
    "mg": ("miligramo", "miligramos", "milligram", "milligrams"),
    "g": ("gramo", "gramos", "gram", "grams"),
    "lb": ("libra", "libras", "pound", "pounds"),
    "oz": ("onza", "onzas", "ounce", "ounces"),
    "ml": ("mililitro", "mililitros", "milliliter", "milliliters"),
    "l": ("litro", "litros", "liter", "liters"),
    "kcal": ("kilocaloría", "kilocalorías", "kilocalorie", "kilocalories"),
    "h": ("hora", "horas", "hour", "hours"),
    "min": ("minuto", "minutos", "minute", "minutes"),
    "seg": ("segundo", "segundos", "second", "seconds"),
    "°c": ("grado", "grados", "degree Celsius", "degrees Celsius"),
    "°f": ("grado Fahrenheit", "grados Fahrenheit", "degree Fahrenheit", "degrees Fahrenheit"),
    "gb": ("giga", "gigas", "gigabyte", "gigabytes"),
    "mb": ("mega", "megas", "megabyte", "megabytes"),
}
_SAME = {
    "m2": "m²", "m3": "m³", "km2": "km²", "ft2": "ft²", "sqft": "ft²", "lbs": "lb", "hr": "h", "hrs": "h", "mins": "min",
    "sec": "seg", "secs": "seg", "ºc": "°c", "ºf": "°f",
}  # fmt: skip
_FEMININE = frozenset({"mph", "mi", "lb", "oz", "kcal", "h"})
_ENGLISH_ONLY = frozenset({"mi"})
"""In Spanish a word of its own."""
_MEASURE = re.compile(
    rf"(?P<value>{FIGURE})\s?(?P<unit>km/h|km²|km2|m²|m2|m³|m3|ft²|ft2|sq\.?\s?ft|sqft|kwh|kw|km|cm|mm|mph|mi|kcal|kg|mg|ml|"
    r"lbs?|oz|ft|gb|mb|hrs?|mins?|seg|secs?|[°º]\s?[cf]|(?-i:[hmgl]))(?P<stop>\.)?(?![\w²³/'’.])",
    re.IGNORECASE,
)


def measures(text: str, tongue: Tongue) -> str:
    """ "30 min" -> "30 minutos", "25 m²" -> "25 metros cuadrados"."""

    def said(match: re.Match[str]) -> str:
        written = re.sub(r"[\s.]", "", match["unit"].lower())
        unit = _SAME.get(written, written)
        if tongue.spanish and unit in _ENGLISH_ONLY:
            return match.group(0)
        value = read_digits(match["value"])
        ended = match["stop"] if match["stop"] and _ends(match.string, match.end()) else ""
        return f"{_count(value, unit, tongue)} {_name(unit, value, tongue)}{ended}"

    return _MEASURE.sub(said, text)


def _ends(text: str, place: int) -> bool:
    """Whether the dot there ends the sentence, too."""
    return not text[place:].strip() or text[place:].lstrip()[0].isupper()


def _count(value: Decimal, unit: str, tongue: Tongue) -> str:
    """Voices put "un" and "una" right before hours themselves; a duration keeps its digits."""
    if unit in _FEMININE or unit in ("min", "seg"):
        return digits(value, tongue)
    return counted(value, tongue)


def _name(unit: str, value: Decimal, tongue: Tongue) -> str:
    one, many, single, several = _NAMES[unit]
    if tongue.spanish:
        return one if value == 1 else many
    return single if value == 1 else several
