"""What event streams carry: the ``data`` of every server-sent event. For documentation; nothing is validated on its way out."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, RootModel

from agent.channels.shapes import Insights, RecommendedAction


class Happened(BaseModel):
    """``id``: also the server-sent event's, for `Last-Event-ID`."""

    id: str
    conversation_id: str
    at: float = Field(description="Seconds since 1970, UTC.")


class StartedData(BaseModel):
    playbook: str
    channel: str
    locale: str | None
    customer_id: str | None
    customer_name: str | None


class ReceivedData(BaseModel):
    seq: int = Field(description="The message's number in the conversation.")
    message_id: str
    turn_id: str
    text: str = Field(description="The customer's words.")


class ObjectionNow(BaseModel):
    type: str
    status: Literal["raised", "addressed", "resolved", "reopened"]
    evidence: list[str] = Field(description="The customer's own words.")
    answers: list[str] = Field(description="One to three, out of the playbook.")


class Slots(BaseModel):
    filled: list[str]
    missing: list[str]


class TurnData(BaseModel):
    """A rep's card."""

    turn_id: str
    seq: int = Field(description="The turn's number.")
    message_id: str
    said: str = Field(description="The customer's words that it answers.")
    response: str = Field(description="What the agent said; empty while a person has the conversation.")
    interrupted: bool
    held_by: Literal["person"] | None
    stage: str
    language: Literal["es", "en"]
    talking_points: list[str]
    ml_insights: Insights
    recommended_action: RecommendedAction
    next_step: str | None
    handoff: str | None
    degraded: list[str]
    objection: ObjectionNow | None
    risk_flags: list[str] = Field(
        description="Of medical, legal, angry, wants_human, underage, opt_out, injection, opted_out_before, quiet_hours."
    )
    slots: Slots


class CorrectedData(BaseModel):
    turn_id: str
    role: Literal["customer", "agent"]
    text: str = Field(description="What was really heard; empty: nothing, the message was taken back.")


class HandoffData(BaseModel):
    turn_id: str
    topic: Literal["medical", "legal", "angry", "wants_human"]
    evidence: list[str]


class TakenOverData(BaseModel):
    actor: str
    reason: str | None


class HandedBackData(BaseModel):
    actor: str


class SentData(BaseModel):
    seq: int
    text: str
    actor: str
    message_id: str


class OutcomeData(BaseModel):
    number: int
    outcome: str
    value: float | None


class FeedbackData(BaseModel):
    turn_id: str
    number: int
    action: Literal["used", "edited", "dismissed", "wrong"]
    actor: str
    reason: str | None


class ConversationStarted(Happened):
    type: Literal["conversation.started"]
    data: StartedData


class MessageReceived(Happened):
    """The turn for these words has begun."""

    type: Literal["message.received"]
    data: ReceivedData


class TurnCompleted(Happened):
    type: Literal["turn.completed"]
    data: TurnData


class MessageCorrected(Happened):
    type: Literal["message.corrected"]
    data: CorrectedData


class HandoffRequested(Happened):
    type: Literal["handoff.requested"]
    data: HandoffData


class TakenOver(Happened):
    type: Literal["conversation.taken_over"]
    data: TakenOverData


class HandedBack(Happened):
    type: Literal["conversation.handed_back"]
    data: HandedBackData


class MessageSent(Happened):
    """A person wrote to the customer."""

    type: Literal["message.sent"]
    data: SentData


class OutcomeReported(Happened):
    type: Literal["outcome.reported"]
    data: OutcomeData


class SuggestionFeedback(Happened):
    type: Literal["suggestion.feedback"]
    data: FeedbackData


class ConversationErased(Happened):
    """All earlier events of the conversation are gone; forget them, too."""

    type: Literal["conversation.erased"]
    data: dict[str, Any] = Field(description="Empty.")


class Event(
    RootModel[
        Annotated[
            ConversationStarted
            | MessageReceived
            | TurnCompleted
            | MessageCorrected
            | HandoffRequested
            | TakenOver
            | HandedBack
            | MessageSent
            | OutcomeReported
            | SuggestionFeedback
            | ConversationErased,
            Field(discriminator="type"),
        ]
    ]
):
    """One server-sent event's ``data``; its ``event`` is the type, its ``id`` the id."""
