"""Figures in text, in digits and in words, in both languages."""

from decimal import Decimal

import pytest

from agent.reply.amounts import find_amounts
from agent.turn import Language


def found(text: str, language: Language) -> list[tuple[str, object, str | None]]:
    return [
        (one.kind, float(one.value) if isinstance(one.value, Decimal) else one.value, one.unit)
        for one in find_amounts(text, language)
    ]


@pytest.mark.parametrize(
    ("language", "text", "amounts"),
    [
        ("es", "cuesta $1,490", [("price", 1490, None)]),
        ("es", "son 1.490 €", [("price", 1490, None)]),
        ("es", "1.490,50 euros", [("price", 1490.5, None)]),
        ("es", "US$ 1490", [("price", 1490, None)]),
        ("es", "mil cuatrocientos noventa dólares", [("price", 1490, None)]),
        ("es", "treinta y cinco mil pesos", [("price", 35000, None)]),
        ("es", "ciento veinte dólares al mes", [("price", 120, "month")]),
        ("es", "$149 al mes", [("price", 149, "month")]),
        ("es", "$60 por sesión", [("price", 60, "session")]),
        ("es", "te sale gratis", [("price", 0, None)]),
        ("es", "no tiene ningún costo, es sin costo", [("price", 0, None), ("price", 0, None)]),
        ("es", "a mitad de precio", [("percent", 50, "discount")]),
        ("es", "un 2x1", [("percent", 50, "discount")]),
        ("es", "noventa por ciento de descuento", [("percent", 90, None)]),
        ("es", "el 10 %", [("percent", 10, None)]),
        ("es", "dura doce semanas", [("duration", 12, "week")]),
        ("es", "en 3 meses", [("duration", 3, "month")]),
        ("es", "un año de garantía", [("duration", 1, "year")]),
        ("es", "nos vemos el martes a las 5", [("date", "tue", "weekday"), ("date", "05:00", "clock")]),
        ("es", "el 3 de mayo", [("date", "05-03", "day")]),
        ("es", "mañana por la mañana", [("date", "tomorrow", "soon")]),
        ("es", "más de 5.000 clientes", [("count", 5000, None)]),
        ("es", "tengo dos preguntas", []),
        ("es", "hola, ¿cómo va todo?", []),
        ("en", "it's $1,490.50 in total", [("price", 1490.5, None)]),
        ("en", "fifteen hundred bucks", [("price", 1500, None)]),
        ("en", "twelve thousand five hundred dollars", [("price", 12500, None)]),
        ("en", "about $12k", [("price", 12000, None)]),
        ("en", "between $8,500 and $14,000", [("price", 8500, None), ("price", 14000, None)]),
        ("en", "between 8,500 and 14,000 dollars", [("price", 8500, None), ("price", 14000, None)]),
        ("en", "$99 a month", [("price", 99, "month")]),
        ("en", "ninety percent off", [("percent", 90, None)]),
        ("en", "half off today", [("percent", 50, "discount")]),
        ("en", "completely free of charge", [("price", 0, None)]),
        ("en", "feel free to ask", []),
        ("en", "a ten-year warranty", [("duration", 10, "year")]),
        ("en", "3 to 5 days", [("duration", 3, "day"), ("duration", 5, "day")]),
        ("en", "on May 3rd", [("date", "05-03", "day")]),
        ("en", "2026-05-03", [("date", "05-03", "day")]),
        ("en", "Tuesday at 5 pm", [("date", "tue", "weekday"), ("date", "05:00", "clock")]),
        ("en", "at 17:00", [("date", "05:00", "clock")]),
        ("en", "one thing before we start", []),
        ("en", "over 5,000 homes", [("count", 5000, None)]),
    ],
)
def test_amounts(language: Language, text: str, amounts: list[tuple[str, object, str | None]]) -> None:
    assert found(text, language) == amounts
