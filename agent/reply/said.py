"""The texts of a playbook that the business says of itself: what vouches for a figure or a sentence."""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from agent.turn import Language
from prompts.playbook import Lines, Text

NOT_SAID = frozenset({"examples", "questions", "never_say", "incentives", "voice", "quiet_hours"})
"""Fields whose texts are not the business's own statements, or hold only when granted or word for word."""


def said_texts(value: object, language: Language, field: str = "") -> Iterator[str]:
    """Every text of the playbook that the business says of itself."""
    if field in NOT_SAID:
        return
    if isinstance(value, Text):
        yield value.said_in(language)
    elif isinstance(value, Lines):
        yield from value.said_in(language)
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from said_texts(getattr(value, name), language, name)
    elif isinstance(value, Mapping | tuple):
        items = value.values() if isinstance(value, Mapping) else value  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        for item in items:  # pyright: ignore[reportUnknownVariableType]
            yield from said_texts(item, language)  # pyright: ignore[reportUnknownArgumentType]
