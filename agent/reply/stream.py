"""The reply's text out of JSON that is still being written."""

from typing import Any

from pydantic_core import from_json

LONGEST_JSON = 20_000
"""Characters of JSON that are read at most: a model that loops is cut off here."""


class ReplyStream:
    """``feed`` takes JSON as it comes and gives back what is new of the field ``reply``."""

    def __init__(self) -> None:
        self._json = ""
        self._given = 0

    @property
    def json(self) -> str:
        return self._json

    def feed(self, piece: str) -> str:
        """New reply text, maybe empty. Raises ``ValueError`` when what came is no JSON object, or too long."""
        self._json += piece
        if len(self._json) > LONGEST_JSON:
            raise ValueError(f"more than {LONGEST_JSON} characters")
        text = _reply_of(self._json)
        new = text[self._given :]
        self._given = len(text)
        return new


def _reply_of(json: str) -> str:
    if not json.strip():
        return ""
    parsed: Any = from_json(json, allow_partial="trailing-strings")
    if not isinstance(parsed, dict):
        raise ValueError("the model did not write a JSON object")
    reply: Any = parsed.get("reply", "")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return _without_half_character(reply) if isinstance(reply, str) else ""


def _without_half_character(text: str) -> str:
    """A surrogate at the very end is the first half of a character whose other half has not come yet."""
    return text[:-1] if text and "\ud800" <= text[-1] <= "\udfff" else text
