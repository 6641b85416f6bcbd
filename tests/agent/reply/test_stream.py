"""The reply out of JSON that comes in pieces of any size."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.reply.schema import ReplyDraft, reply_schema
from agent.reply.stream import LONGEST_JSON, ReplyStream

REPLY = 'Hola, Laura: el plan "Core" cuesta $1,490.\n¿Empezamos el lunes? 💪 \\o/ ñ'


def told(pieces: list[str]) -> list[str]:
    stream = ReplyStream()
    return [stream.feed(piece) for piece in pieces]


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_token_by_token(size: int, ascii_only: bool) -> None:
    written = json.dumps({"reply": REPLY, "talking_points": ["uno", "dos"], "handoff": False}, ensure_ascii=ascii_only)
    given_back = told([written[i : i + size] for i in range(0, len(written), size)])
    assert "".join(given_back) == REPLY


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200), st.integers(1, 9))
def test_any_text_survives(reply: str, size: int) -> None:
    written = json.dumps({"reply": reply, "handoff": True})
    assert "".join(told([written[i : i + size] for i in range(0, len(written), size)])) == reply


def test_text_comes_before_the_object_is_complete() -> None:
    stream = ReplyStream()
    assert stream.feed('{"reply": "Hola, soy') == "Hola, soy"
    assert stream.feed(" Sofía. ") == " Sofía. "


def test_only_the_field_reply_is_spoken() -> None:
    assert "".join(told(['{"talking_points": ["cede 10 %"], ', '"reply": "Hola."}'])) == "Hola."


@pytest.mark.parametrize("written", ["[1, 2]", '"hola"', "{,}", "Sorry, I can't do that", '{"reply": oops}'])
def test_what_is_no_object_is_refused(written: str) -> None:
    with pytest.raises(ValueError):
        told([written])


def test_a_model_that_never_ends_is_cut_off() -> None:
    with pytest.raises(ValueError, match="characters"):
        told(['{"reply": "' + "a" * LONGEST_JSON])


def test_a_reply_of_the_wrong_type_is_no_text() -> None:
    assert told(['{"reply": 5}']) == [""]


def test_the_schema_names_reply_first_and_requires_everything() -> None:
    schema = reply_schema()
    assert next(iter(schema["properties"])) == "reply"
    assert schema["required"] == list(ReplyDraft.model_fields)
    assert schema["additionalProperties"] is False
