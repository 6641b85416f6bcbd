"""What the REST API takes and gives. Requests forbid what they don't know; responses document, they are not re-validated."""

import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

DEEPEST = 20
"""How many levels of lists and objects ``metadata`` and its like may have."""
LONGEST_FACT = 500
_UNSEEN = re.compile("[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]")
SMALLEST_INTEGER, LARGEST_INTEGER = -(2**63), 2**64 - 1


def _no_control_characters(text: str) -> str:
    if any(char < " " and char not in "\t\n\r" for char in text) or "\x7f" in text:
        raise ValueError("must not contain control characters")
    return text


def _something_said(text: str) -> str:
    """Spaces, and what is not seen at all (zero-width, direction marks), say nothing."""
    if all(unicodedata.category(char)[0] in "CZ" for char in text):
        raise ValueError("must not be empty")
    return text


def _visible(text: str) -> str:
    """Without what is not seen and can hide words or turn them round: zero-width, direction marks, tag characters."""
    return _UNSEEN.sub("", text)


def _one_line(text: str) -> str:
    return " ".join(_visible(text).split())


def _not_a_truth_value(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a number")
    return value


def _storable(value: Any, levels: int = DEEPEST) -> object:
    """Lets through what every JSON reader takes back: Unicode text, finite numbers of 64 bits, a bounded depth."""
    if isinstance(value, dict | list):
        if not levels:
            raise ValueError(f"must not be nested deeper than {DEEPEST} levels")
        for inner in cast(list[Any], [*value, *value.values()] if isinstance(value, dict) else value):
            _storable(inner, levels - 1)
    elif isinstance(value, str):
        if any("\ud800" <= char <= "\udfff" for char in value):
            raise ValueError("must be Unicode text, without lone surrogates")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("must be a finite number")
    elif isinstance(value, int) and not SMALLEST_INTEGER <= value <= LARGEST_INTEGER:
        raise ValueError("must be a number of at most 64 bits")
    return cast(object, value)


def _one_value(value: Any) -> object:
    """Checked before the union of types is tried, so that a refusal is one problem and not one for each type."""
    if not isinstance(value, str | int | float | None):
        raise ValueError("must be text, a number, true, false or null")
    if isinstance(value, str):
        if len(value) > LONGEST_FACT:
            raise ValueError(f"must have at most {LONGEST_FACT} characters")
        _no_control_characters(value)
        _storable(value)
        return _visible(value)
    return _storable(value)


Clean = AfterValidator(_no_control_characters)
Identity = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\s/?#\x00-\x1f\x7f\ufffd]+$")]
"""Without U+FFFD, which stands for bytes that are not UTF-8: two ids must not become one."""
CustomerId = Annotated[
    Identity | None,
    Field(description="Yours for the person, whatever the conversation: an opt-out and an erasure reach him by it."),
]
TurnId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z_-]+$")]
MessageText = Annotated[str, Field(max_length=4_000), Clean, AfterValidator(_something_said)]
ShortText = Annotated[str, Field(min_length=1, max_length=200), Clean, AfterValidator(_something_said)]
Name = Annotated[ShortText, AfterValidator(_one_line)]
CustomerValue = Annotated[
    Annotated[str, Field(max_length=LONGEST_FACT)] | int | float | bool | None, BeforeValidator(_one_value)
]
LOCALE = r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$"
Attached = Annotated[dict[str, Any], Field(max_length=50), BeforeValidator(_storable)]


class Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CustomerData(BaseModel):
    """Whatever the front-end knows of the customer; ``name`` and ``age`` are understood, the rest is kept as facts."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, CustomerValue] = Field(init=False)  # pyright: ignore[reportIncompatibleVariableOverride]

    name: Name | None = None
    age: Annotated[int | None, Field(ge=0, le=120), BeforeValidator(_not_a_truth_value)] = None


class StartRequest(Request):
    customer_id: CustomerId = None
    customer_data: CustomerData = CustomerData()
    playbook: ShortText | None = None
    channel: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[a-z][a-z0-9_-]*$")] = "chat"
    locale: Annotated[str, Field(max_length=40, pattern=LOCALE)] | None = None
    conversation_id: Identity | None = None
    metadata: Attached = {}


class MessageRequest(Request):
    """``message_id`` (or the header ``Idempotency-Key``) makes a repeat return the stored turn. ``playbook``,
    ``channel``, ``locale``, ``customer_id`` and ``customer_data`` count only when the message begins the conversation."""

    message: MessageText
    message_id: Identity | None = None
    playbook: ShortText | None = None
    channel: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[a-z][a-z0-9_-]*$")] = "chat"
    locale: Annotated[str, Field(max_length=40, pattern=LOCALE)] | None = None
    customer_id: CustomerId = None
    customer_data: CustomerData = CustomerData()
    platform_context: Attached = {}


class OutcomeRequest(Request):
    outcome: Literal["converted", "lost", "follow_up"]
    value: Annotated[float | None, Field(ge=0, allow_inf_nan=False), BeforeValidator(_not_a_truth_value)] = None
    details: Attached = {}


class TakeoverRequest(Request):
    actor: Name
    reason: ShortText | None = None


class HandbackRequest(Request):
    actor: Name


class PersonMessageRequest(Request):
    """``message_id`` (or the header ``Idempotency-Key``) makes a repeat harmless."""

    text: MessageText
    actor: Name
    message_id: Identity | None = None


class FeedbackRequest(Request):
    action: Literal["used", "edited", "dismissed", "wrong"]
    actor: Name
    reason: Annotated[str, Field(max_length=1_000), Clean, AfterValidator(_something_said)] | None = None


class Holding(BaseModel):
    """A person who has taken a conversation over."""

    actor: str
    since: float = Field(description="Seconds since 1970, UTC.")


class ConversationResponse(BaseModel):
    conversation_id: str
    playbook: str
    channel: str
    locale: str | None
    customer_id: str | None
    customer_data: dict[str, Any]
    metadata: dict[str, Any]
    stage: str
    language: Literal["es", "en"] | None
    objections: list[dict[str, Any]] = Field(
        description="The objection ledger: type, status, evidence, times addressed."
    )
    needs: list[str]
    messages: int
    turns: int
    outcome: str | None
    held: Holding | None = Field(description="The person who has the conversation; null while the agent speaks.")
    created_at: float = Field(description="Seconds since 1970, UTC.")
    updated_at: float


class PredictedLabel(BaseModel):
    type: str
    probability: Annotated[float, Field(ge=0, le=1)]
    source: Literal["model", "rules", "cache"]
    evidence: list[str] = Field(description="The customer's words that carried it.")


class ModelUsed(BaseModel):
    version: str
    source: Literal["model", "rules", "cache"]
    elapsed_ms: float
    degraded: str | None = Field(description="Why the model did not answer itself, if it did not.")


class Insights(BaseModel):
    predicted_objections: list[PredictedLabel]
    predicted_needs: list[PredictedLabel]
    conversion_probability: float | None
    conversion_interval: tuple[float, float] | None
    conversion_delta: float | None
    conversion_causes: list[str]
    variant_id: str | None
    models: Mapping[str, ModelUsed]


class Alternative(BaseModel):
    type: str
    propensity: float
    reasons: list[str]


class RecommendedAction(BaseModel):
    type: str
    confidence: float
    reasons: list[str]
    alternatives: list[Alternative]
    policy_version: str
    objection: str | None
    need: str | None
    offer: str | None
    contact_from: str | None = Field(
        default=None,
        description="From when on the customer may be contacted unasked (ISO 8601), where the playbook keeps quiet hours.",
    )


class TurnResponse(BaseModel):
    response: str = Field(description="The reply to the customer. Every figure in it is vouched for by the playbook.")
    interrupted: bool = Field(
        default=False, description="The customer talked over the reply; `response` is what he heard of it."
    )
    held_by: Literal["person"] | None = Field(
        default=None, description="A person has the conversation: `response` is empty, or as far as it had gone out."
    )
    conversation_id: str
    turn_id: str
    seq: int
    stage: str
    language: Literal["es", "en"]
    ml_insights: Insights
    recommended_action: RecommendedAction
    talking_points: list[str] = Field(description="For the sales rep; never for the customer.")
    objection_answered: str | None
    question_asked: str | None
    next_step: str | None
    handoff: str | None = Field(description="Why a person has to take over: medical, legal, angry, wants_human.")
    degraded: list[str]
    timing_ms: dict[str, float]


class StoredMessage(BaseModel):
    seq: int
    role: Literal["customer", "agent", "person"]
    text: str
    turn_id: str | None
    created_at: float


class MessagesResponse(BaseModel):
    conversation_id: str
    messages: list[StoredMessage]


class Feedback(BaseModel):
    """What a person did with a turn's suggestions."""

    number: int
    action: Literal["used", "edited", "dismissed", "wrong"]
    actor: str
    reason: str | None
    created_at: float


class TurnLedger(BaseModel):
    """Everything of one turn. Nested values are those of ``agent.turn``."""

    conversation_id: str
    turn_id: str
    seq: int
    message: str
    platform_context: dict[str, Any]
    playbook: dict[str, Any]
    understanding: dict[str, Any]
    insights: dict[str, Any]
    decision: dict[str, Any]
    reply: dict[str, Any]
    prompt_sha256: str | None
    response: TurnResponse
    feedback: list[Feedback] = []
    finished_at: float


class TakeoverResponse(BaseModel):
    conversation_id: str
    held: Holding


class HandbackResponse(BaseModel):
    conversation_id: str
    held: None


class PersonMessageResponse(BaseModel):
    conversation_id: str
    message_id: str
    seq: int
    actor: str
    text: str


class FeedbackResponse(BaseModel):
    conversation_id: str
    turn_id: str
    number: int
    action: Literal["used", "edited", "dismissed", "wrong"]


class OutcomeResponse(BaseModel):
    conversation_id: str
    outcome: str
    number: int


class ErasedResponse(BaseModel):
    conversation_id: str
    messages_erased: int


class Problem(BaseModel):
    field: str | None = Field(description="The part of the request that is wrong, e.g. ``message``.")
    problem: str


class CustomerErasedResponse(BaseModel):
    customer_id: str
    conversations_erased: int


class ErrorResponse(BaseModel):
    """Every error that this API answers."""

    type: str
    message: str
    problems: list[Problem]
