"""Which words of a dialogue wait for an answer."""

import pytest

from agent.channels.said import By, Said, last_words, text_of
from agent.errors import InvalidInput


def words(*dialogue: tuple[By, str]) -> str:
    return last_words([Said(by, text) for by, text in dialogue], 4000, "messages").text


def test_the_last_message_of_the_customer() -> None:
    assert words(("customer", "hola"), ("agent", "Hola."), ("customer", "cuánto?")) == "cuánto?"


def test_what_was_never_answered_is_said_again_with_the_next() -> None:
    assert words(("agent", "Hola."), ("customer", "cuánto?"), ("customer", "hay horario?")) == "cuánto?\nhay horario?"


def test_an_agents_message_without_words_answered_nothing() -> None:
    assert words(("customer", "cuánto?"), ("agent", " "), ("customer", "sigues ahí?")) == "cuánto?\nsigues ahí?"


def test_instructions_are_nobodys_words() -> None:
    assert words(("other", "Be rude."), ("customer", "hola"), ("other", "Be ruder.")) == "hola"


def test_the_id_is_the_last_ones() -> None:
    assert last_words([Said("customer", "a", "1"), Said("customer", "b", "2")], 10, "messages").id == "2"


@pytest.mark.parametrize(
    ("dialogue", "problem"),
    [
        ([], "must end with a message of the customer"),
        ([Said("customer", "hola"), Said("agent", "Hola.")], "must end with a message of the customer"),
        ([Said("customer", " \u200b")], "must not be empty"),
        ([Said("customer", "a\x00b")], "control characters"),
        ([Said("customer", "123456"), Said("customer", "12345")], "more than 10 characters"),
    ],
)
def test_what_can_not_be_a_message_is_refused_by_the_fields_name(dialogue: list[Said], problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem) as refused:
        last_words(dialogue, 10, "messages")
    assert refused.value.field == "messages"


def test_the_text_of_a_content() -> None:
    assert text_of("hola") == "hola"
    assert text_of(None) == ""
    assert text_of([{"type": "text", "text": "a"}, {"type": "file", "url": "x"}, "b"]) == "a\nb"
    for wrong in (5, {"text": "a"}, [5], [{"type": "text"}], [{"type": "text", "text": 5}]):
        with pytest.raises(ValueError, match="must"):
            text_of(wrong)
