"""What a front-end that sends the whole dialogue wants answered: the customer's words since the agent last spoke."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, TypeAdapter, ValidationError

from agent.channels import shapes
from agent.errors import InvalidInput

By = Literal["customer", "agent", "other"]
MessageId = Annotated[shapes.Identity | None, BeforeValidator(lambda given: None if given == "" else given)]

_TEXT: TypeAdapter[str] = TypeAdapter(shapes.MessageText)


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a dialogue. ``other``: instructions, tools and what else is not spoken."""

    by: By
    text: str
    id: str | None = None


def last_words(dialogue: Sequence[Said], longest: int, field: str) -> Said:
    """All that the customer said since the agent did, joined by newlines, under the id of the last of it.

    An agent's message without text said nothing: what the customer wrote before it was never answered, and counts. Raises
    ``InvalidInput`` for ``field`` when there are no such words, or not such as a message may have."""
    said: list[Said] = []
    for message in reversed(dialogue):
        if message.by == "agent" and message.text.strip():
            break
        if message.by == "customer":
            said.insert(0, message)
    if not said:
        raise InvalidInput("must end with a message of the customer", field=field)
    text = "\n".join(message.text for message in said if message.text.strip())
    return Said("customer", message_text(text, longest, field), said[-1].id)


def message_text(text: str, longest: int, field: str) -> str:
    """``text`` as a message may be; what ``shapes.MessageText`` and ``longest`` ask for. Raises ``InvalidInput``."""
    if len(text) > longest:
        raise InvalidInput(f"has more than {longest} characters", field=field)
    try:
        return _TEXT.validate_python(text)
    except ValidationError as error:
        raise InvalidInput(error.errors()[0]["msg"].removeprefix("Value error, "), field=field) from None


def text_of(content: Any) -> str:
    """The text of a message's content, which is text or a list of parts: those of type ``text`` joined by newlines.
    Raises ``ValueError`` when it is neither."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise ValueError("must be text or a list of parts")
    found: list[str] = []
    for part in content:  # pyright: ignore[reportUnknownVariableType]
        if isinstance(part, str):
            found.append(part)
        elif not isinstance(part, dict):
            raise ValueError("each part must be an object or text")
        elif part.get("type") == "text":  # pyright: ignore[reportUnknownMemberType]
            text: Any = part.get("text")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            if not isinstance(text, str):
                raise ValueError("a part of type 'text' must have a text")
            found.append(text)
    return "\n".join(found)
