"""What telephone platforms send over a WebSocket. Unknown fields and kinds of frames are let by: platforms add some at any time.

A frame that can't be used raises ``BadFrame``, which names the field as it stands on the wire.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeVar, cast

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from agent.channels import shapes

NOT_THE_DATA, NOT_ALLOWED, TOO_BIG = 1007, 1008, 1009
"""Close codes (RFC 6455): what came is no JSON object at all; it is one with something wrong in it; it is too long."""
LONGEST_FRAME = 1_000_000
"""Characters. Retell sends the whole call again with every turn."""
LONGEST_NAME = 60


class BadFrame(Exception):
    """``code`` and ``reason`` are those to close the connection with."""

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(reason)


class Frame(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


Spoken = Annotated[str, Field(max_length=20_000), shapes.Clean]
Locale = Annotated[str, Field(max_length=40, pattern=shapes.LOCALE)]


class Parameters(shapes.CustomerData):
    """``<Parameter>`` elements of the TwiML. What is not named here is known of the customer. An empty one is none."""

    conversation_id: shapes.Identity | None = None
    playbook: shapes.ShortText | None = None
    locale: Locale | None = None
    customer_id: shapes.Identity | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {name: value for name, value in cast(dict[str, Any], given).items() if value != ""}


class Setup(Frame):
    call_sid: Annotated[shapes.Identity | None, Field(alias="callSid")] = None
    direction: Annotated[str, Field(max_length=40)] | None = None
    parameters: Annotated[
        Parameters, Field(alias="customParameters"), BeforeValidator(lambda given: {} if given is None else given)
    ] = Parameters()


class Prompt(Frame):
    text: Annotated[Spoken, Field(alias="voicePrompt")]
    language: Annotated[str | None, Field(alias="lang", max_length=40)] = None
    last: bool = True


class Interrupt(Frame):
    heard: Annotated[str, Field(alias="utteranceUntilInterrupt", max_length=20_000)] = ""


class Ping(Frame):
    timestamp: int | float | None = None


class Said(Frame):
    role: Annotated[str, Field(max_length=40)]
    content: Spoken


class Wanted(Frame):
    """A reply is wanted. ``transcript``: the whole call as it was heard on both sides."""

    kind: Annotated[Literal["response_required", "reminder_required"], Field(alias="interaction_type")]
    response_id: Annotated[int, Field(ge=0, le=2**53, strict=True)]
    transcript: Annotated[list[Said], Field(max_length=10_000)]


Kinds = Mapping[str, type[Frame]]
RELAY: Kinds = {"setup": Setup, "prompt": Prompt, "interrupt": Interrupt}
RETELL: Kinds = {"ping_pong": Ping, "response_required": Wanted, "reminder_required": Wanted}
Named = TypeVar("Named", bound=Frame)


class Other(Frame):
    """Nothing that we need: key presses, the platform's own errors, news."""

    kind: ClassVar[str] = "other"


def read_frame(text: str, kinds: Kinds, tag: str, longest: int = LONGEST_FRAME) -> Frame:
    """``tag``: the field that says what kind of frame it is. Raises ``BadFrame``."""
    if len(text) > longest:
        raise BadFrame(TOO_BIG, f"frame: has more than {longest} characters")
    try:
        content: Any = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise BadFrame(NOT_THE_DATA, "frame: is not JSON") from None
    if not isinstance(content, dict):
        raise BadFrame(NOT_THE_DATA, "frame: must be a JSON object")
    kind = cast(dict[str, Any], content).get(tag)
    if not isinstance(kind, str):
        raise BadFrame(NOT_ALLOWED, f"{tag}: must be text")
    try:
        return kinds.get(kind, Other).model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part)[:LONGEST_NAME] for part in first["loc"]) or tag
        raise BadFrame(NOT_ALLOWED, f"{place}: {first['msg'].removeprefix('Value error, ')}") from None
