"""Sentences out of growing text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.reply.sentences import SentenceSplitter, split


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Hola. ¿Cómo estás? ¡Bien!", ["Hola. ", "¿Cómo estás? ", "¡Bien!"]),
        ("It costs $1,490.50 in all. Shall we start?", ["It costs $1,490.50 in all. ", "Shall we start?"]),
        ("Son 1.490 dólares. Dura 12 semanas.", ["Son 1.490 dólares. ", "Dura 12 semanas."]),
        ("La Dra. Pérez te ve a las 5 p. m. y listo.", ["La Dra. Pérez te ve a las 5 p. m. y listo."]),
        ("Mr. Hill comes at 9 a.m. tomorrow. Ok?", ["Mr. Hill comes at 9 a.m. tomorrow. ", "Ok?"]),
        ("Bueno... pues sí. Vamos", ["Bueno... pues sí. ", "Vamos"]),
        ("He said “yes.” Then he left.", ["He said “yes.” ", "Then he left."]),
        ("Primera línea\nSegunda línea", ["Primera línea\n", "Segunda línea"]),
        ("¿Le interesa? No. Entonces lo dejamos.", ["¿Le interesa? ", "No. ", "Entonces lo dejamos."]),
        ("It's house No. 5 on the left. See?", ["It's house No. 5 on the left. ", "See?"]),
        ("Trabajamos en EE. UU. y en México. ¿Usted?", ["Trabajamos en EE. UU. y en México. ", "¿Usted?"]),
        ("Dígame Ud. Cuándo puede.", ["Dígame Ud. Cuándo puede."]),
        (
            "Made in the U.S. Steel, 3.5 h of work, tiles, etc. Ok?",
            ["Made in the U.S. Steel, 3.5 h of work, tiles, etc. Ok?"],
        ),
        ("¡Qué bien! ¿Cuándo? Mañana.", ["¡Qué bien! ", "¿Cuándo? ", "Mañana."]),
        ("", []),
        ("Sin punto final", ["Sin punto final"]),
    ],
)
def test_split(text: str, sentences: list[str]) -> None:
    assert split(text) == sentences


def test_a_sentence_leaves_as_soon_as_the_next_one_begins() -> None:
    splitter = SentenceSplitter()
    assert splitter.feed("Hola, Laura.") == []
    assert splitter.feed(" ") == []
    assert splitter.feed("¿C") == ["Hola, Laura. "]
    assert splitter.feed("ómo va?") == []
    assert splitter.finish() == ["¿Cómo va?"]


@given(st.text(max_size=300), st.integers(1, 7))
def test_nothing_is_lost_whatever_the_pieces(text: str, size: int) -> None:
    splitter = SentenceSplitter()
    found = [one for i in range(0, len(text), size) for one in splitter.feed(text[i : i + size])]
    assert "".join([*found, *splitter.finish()]) == text
