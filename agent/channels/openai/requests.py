"""What comes in: chat completions as OpenAI's clients, Vapi and ElevenLabs send them. Unknown fields are left alone."""

from collections.abc import Mapping
from typing import Annotated, Any, cast

from pydantic import BeforeValidator, Field

from agent.channels import shapes
from agent.channels.beginning import Tolerant

MOST_MESSAGES = 2_000
MOST_TOOLS = 128
MOST_FACTS = 50


def _text_of(content: Any) -> object:
    """The text of a message: as it is, or of its parts; pictures and sounds say nothing here."""
    if content is None:
        return ""
    if not isinstance(content, list):
        if not isinstance(content, str):
            raise ValueError("must be text, or a list of parts")
        return content
    texts: list[str] = []
    for part in cast(list[Any], content):
        if not isinstance(part, dict):
            raise ValueError("must have parts like {'type': 'text', 'text': '...'}")
        text = cast(dict[str, Any], part).get("text", "")
        if not isinstance(text, str):
            raise ValueError("must have text in its text parts")
        texts.append(text)
    return "\n".join(text for text in texts if text)


def _customer(given: Any) -> object:
    """A name alone is a customer, too."""
    if isinstance(given, str):
        return {"name": given}
    if isinstance(given, dict) and len(cast(dict[str, Any], given)) > MOST_FACTS:
        raise ValueError(f"must have at most {MOST_FACTS} entries")
    return cast(object, given)


class Message(Tolerant):
    role: Annotated[str, Field(min_length=1, max_length=40)]
    content: Annotated[
        str, BeforeValidator(_text_of, json_schema_input_type=str | list[dict[str, Any]] | None)
    ] = ""  # fmt: skip


class Metadata(Tolerant):
    """What an OpenAI client can say of a conversation, and we understand."""

    conversation_id: shapes.Identity | None = None
    channel: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[a-z][a-z0-9_-]*$")] | None = None
    locale: Annotated[str, Field(max_length=40, pattern=shapes.LOCALE)] | None = None
    direction: Annotated[str, Field(max_length=40)] | None = None
    customer: Annotated[
        shapes.CustomerData | None,
        BeforeValidator(_customer, json_schema_input_type=str | dict[str, shapes.CustomerValue] | None),
    ] = None
    customer_id: shapes.Identity | None = None
    livekit_room: Annotated[str, Field(max_length=200)] | None = None


class StreamOptions(Tolerant):
    include_usage: bool | None = None


class Call(Tolerant):
    """Vapi's: ``type`` is e.g. ``inboundPhoneCall`` or ``outboundPhoneCall``."""

    id: shapes.Identity | None = None
    type: Annotated[str, Field(max_length=80)] | None = None


class Called(Tolerant):
    """Vapi's customer. His number is not kept; an empty name is none."""

    name: Annotated[shapes.Name | None, BeforeValidator(lambda given: None if given == "" else given)] = None


class ElevenLabs(Tolerant):
    conversation_id: shapes.Identity | None = None


class ChatCompletion(Tolerant):
    """``model`` chooses the playbook. ``messages`` hold what was really spoken; instructions in them (roles ``system`` and
    ``developer``) never override the playbook and are not read. Sampling parameters have no effect."""

    model: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    messages: Annotated[list[Message], Field(min_length=1, max_length=MOST_MESSAGES)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: Annotated[list[shapes.Attached], Field(max_length=MOST_TOOLS)] | None = None
    tool_choice: Any = None
    metadata: Metadata | None = None
    call: Call | None = None
    customer: Called | None = None
    elevenlabs_extra_body: ElevenLabs | None = None

    @property
    def forced_tool(self) -> str | None:
        """The only tool that may be called; ``""`` when none may."""
        choice: object = self.tool_choice
        if not isinstance(choice, dict):
            return "" if choice == "none" else None
        chosen = cast(Mapping[str, Any], choice)
        function = chosen.get("function", chosen)
        name = cast(Mapping[str, Any], function).get("name") if isinstance(function, dict) else None
        return name if isinstance(name, str) else None
