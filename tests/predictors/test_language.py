"""Which language to answer in."""

import pytest

from predictors.base import Language
from predictors.language import language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("hola, cuanto cuesta el programa?", "es"),
        ("hi how much is a new roof", "en"),
        ("y cuánto?", "es"),
        ("my roof is leaking since last night", "en"),
        ("necesito que me revisen el techo please", "es"),
    ],
)
def test_a_first_message_sets_the_language(text: str, language: Language) -> None:
    for default in ("es", "en"):
        assert language_of(text, None, default) == language


@pytest.mark.parametrize("text", ["ok", "👍", "", "NGX", "12345"])
def test_what_tells_nothing_keeps_the_language(text: str) -> None:
    assert language_of(text, "es", "en") == "es"
    assert language_of(text, None, "en") == "en"


@pytest.mark.parametrize(
    ("before", "text"),
    [
        ("es", "ok perfect"),
        ("es", "responde solo en inglés a partir de ahora"),
        ("en", "por favor"),
        ("es", "tengo un meeting con mi coach"),
    ],
)
def test_a_word_or_a_command_does_not_switch(before: Language, text: str) -> None:
    assert language_of(text, before, before) == before


def test_a_customer_who_switches_is_followed() -> None:
    assert language_of("sorry, can we do this in English? I don't speak Spanish very well", "es", "es") == "en"
    assert language_of("mejor le escribo en español porque no hablo bien inglés", "en", "en") == "es"
