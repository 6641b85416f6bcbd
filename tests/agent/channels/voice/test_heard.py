"""Where in our own words a platform's report of them ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.channels.voice.heard import heard_of

SENT = "Hola, soy Ana. ¿Qué día te queda bien: lunes o martes?"


@pytest.mark.parametrize(
    ("utterance", "heard"),
    [
        ("Hola, soy", "Hola, soy"),
        ("hola  SOY ana", "Hola, soy Ana."),
        ("Hola soy Ana que dia", "Hola, soy Ana. ¿Qué día"),
        ("te queda bien", "Hola, soy Ana. ¿Qué día te queda bien:"),
        ("Hola, soy Ana. ¿Qué día te queda bien: lunes o martes?", SENT),
        ("Hola, so", "Hola, so"),
        ("", ""),
        (" ... ", ""),
        ("algo distinto", "algo distinto"),
        ("Gracias por llamar. Hola, soy Ana. ¿Qué día", "Hola, soy Ana. ¿Qué día"),
        (f"{SENT} ¿Qué día te queda bien?", SENT),
    ],
)
def test_our_words_are_cut_where_the_report_ends(utterance: str, heard: str) -> None:
    assert heard_of(SENT, utterance) == heard


@given(st.text(alphabet="abc áñ.,¿? ", max_size=80), st.integers(0, 80))
def test_a_report_of_the_beginning_is_found_without_its_marks(sent: str, length: int) -> None:
    bare = "".join(char for char in sent[:length].upper() if char.isalnum() or char == " ")
    heard = heard_of(sent, bare)
    assert sent.startswith(heard)
    assert sum(map(str.isalnum, heard)) == sum(map(str.isalnum, bare))
