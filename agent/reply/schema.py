"""What a language model must return. ``reply`` comes first, so that it can be spoken while the rest is still written."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from agent.turn import ObjectionType

LONGEST_REPLY = 1500
LONGEST_NOTE = 200


def _shortened(note: object) -> object:
    """What a model notes for the rep may be cut: a good reply is not thrown away because a note beside it is long."""
    return note[:LONGEST_NOTE] if isinstance(note, str) else note


Note = Annotated[str, BeforeValidator(_shortened), Field(max_length=LONGEST_NOTE)]


class ReplyDraft(BaseModel):
    """One reply, unchecked. Strings and lists are bounded: small models otherwise loop to their limit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reply: Annotated[
        str, Field(min_length=1, max_length=LONGEST_REPLY, description="What the customer reads or hears.")
    ]
    talking_points: Annotated[
        tuple[Note, ...],
        Field(max_length=4, description="Short points for the sales rep, never shown to the customer."),
    ] = ()
    objection_answered: Annotated[ObjectionType | None, Field(description="The objection that the reply answers.")] = (
        None
    )
    question_asked: Annotated[
        str | None, Field(max_length=300, description="The one question in the reply, if any.")
    ] = None
    next_step: Annotated[Note | None, Field(description="What happens next, in the rep's words.")] = None
    handoff: Annotated[bool, Field(description="True if a person should take over, in the writer's opinion.")] = False


def reply_schema() -> dict[str, Any]:
    """The JSON schema sent to providers: every field required, as strict structured output wants it."""
    schema = ReplyDraft.model_json_schema()
    schema["required"] = list(schema["properties"])
    schema["additionalProperties"] = False
    for field in schema["properties"].values():
        field.pop("default", None)
    return schema
