"""The vocabulary of a turn. Frozen values that every room shares; no behaviour beyond reading them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from predictors.base import Language, Prediction, Role, Utterance
from prompts.playbook import HandoffTopic, ObjectionType, Playbook, Stage

__all__ = ["Language", "ObjectionType", "Playbook", "Prediction", "Role", "Stage", "Utterance"]


DEFAULT_TENANT = "default"
"""Whose conversations are those of callers without a key."""


@dataclass(frozen=True, slots=True)
class ConversationKey:
    """Which conversation: the caller's id for it counts within his tenant only."""

    tenant: str
    id: str


class Action(StrEnum):
    """The thirteen next best actions."""

    ASK_DISCOVERY = "ask_discovery"
    ANSWER_QUESTION = "answer_question"
    HANDLE_OBJECTION = "handle_objection"
    PRESENT_OFFER = "present_offer"
    SHARE_PROOF = "share_proof"
    QUOTE_PRICE = "quote_price"
    OFFER_INCENTIVE = "offer_incentive"
    TRIAL_CLOSE = "trial_close"
    SCHEDULE_FOLLOW_UP = "schedule_follow_up"
    CONFIRM_SALE = "confirm_sale"
    NURTURE = "nurture"
    HANDOFF_TO_HUMAN = "handoff_to_human"
    CLOSE_POLITELY = "close_politely"


class Act(StrEnum):
    """What a customer does with a message; several at once are usual."""

    GREET = "greet"
    THANK = "thank"
    GOODBYE = "goodbye"
    INFORM = "inform"
    ASK_PRICE = "ask_price"
    ASK_DISCOUNT = "ask_discount"
    ASK_INFO = "ask_info"
    ASK_PROOF = "ask_proof"
    AGREE = "agree"
    DECLINE = "decline"
    BUY = "buy"
    BOOK = "book"
    RESOLVED = "resolved"
    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"
    ASKS_IDENTITY = "asks_identity"
    WANTS_HUMAN = "wants_human"
    ANGRY = "angry"
    MEDICAL = "medical"
    LEGAL = "legal"
    UNDERAGE = "underage"
    OFF_TOPIC = "off_topic"
    INJECTION = "injection"


Direction = Literal["inbound", "outbound"]
LedgerStatus = Literal["raised", "addressed", "resolved", "reopened"]
OPEN: frozenset[LedgerStatus] = frozenset({"raised", "addressed", "reopened"})


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One objection's life: raised -> addressed -> resolved, or reopened. ``evidence`` are the customer's own words."""

    type: ObjectionType
    status: LedgerStatus
    evidence: tuple[str, ...]
    raised_at_seq: int
    changed_at_seq: int
    times_addressed: int = 0
    answers_used: tuple[int, ...] = ()

    @property
    def open(self) -> bool:
        return self.status in OPEN


@dataclass(frozen=True, slots=True)
class Customer:
    """Who is being spoken to, as far as the front-end said so or the customer did. ``id`` is the front-end's for the person,
    in whatever conversation; it never enters a prompt. ``opted_out``: in this conversation or another."""

    name: str | None = None
    age: int | None = None
    facts: Mapping[str, str | int | float] = field(default_factory=dict[str, str | int | float])
    id: str | None = None
    opted_out: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """What a conversation remembers between turns. Bounded: it does not grow with the number of messages. ``cut_off``: the
    customer talked over the last reply, and did not hear its end."""

    stage: Stage = "opening"
    language: Language | None = None
    ledger: tuple[LedgerEntry, ...] = ()
    needs: tuple[str, ...] = ()
    slots: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    offer: str | None = None
    priced: tuple[str, ...] = ()
    incentives: tuple[str, ...] = ()
    proofs: tuple[str, ...] = ()
    used_lines: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()
    conversion: float | None = None
    customer_turns: int = 0
    agreed: int = 0
    declined: int = 0
    disclosed: bool = False
    age: int | None = None
    underage: bool = False
    was_minor: bool = False
    opted_out: bool = False
    opted_in: bool = False
    handed_off: bool = False
    sold: bool = False
    cut_off: bool = False

    def open_objections(self) -> tuple[LedgerEntry, ...]:
        return tuple(entry for entry in self.ledger if entry.open)


@dataclass(frozen=True, slots=True)
class Understanding:
    """What one message says, before anything is predicted from it."""

    language: Language
    acts: Mapping[Act, float]
    evidence: Mapping[Act, tuple[str, ...]]
    age: int | None = None
    answer_id: str | None = None
    answer_similarity: float = 0.0
    offer: str | None = None
    born: int | None = None

    def has(self, *acts: Act) -> bool:
        return any(act in self.acts for act in acts)


@dataclass(frozen=True, slots=True)
class Insights:
    objections: Prediction
    needs: Prediction
    conversion: Prediction
    conversion_delta: float | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An action that is not allowed now, with the rule that says so and why, in plain words."""

    action: Action
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class RankedAction:
    action: Action
    score: float
    propensity: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """The next best action and its subject. ``propensity`` sums to one over ``ranked``; ``confidence`` is the chosen one's.

    ``contact_from``: the first moment at which the agent may contact the customer of its own accord, where the playbook
    keeps quiet hours. ``quiet``: this is an outbound conversation at a quiet hour.
    """

    action: Action
    confidence: float
    reasons: tuple[str, ...]
    ranked: tuple[RankedAction, ...]
    refused: tuple[Refusal, ...]
    policy_version: str
    stage: Stage
    ledger: tuple[LedgerEntry, ...]
    objection: ObjectionType | None = None
    second_objection: ObjectionType | None = None
    need: str | None = None
    offer: str | None = None
    slot: str | None = None
    answer_id: str | None = None
    proof_id: str | None = None
    incentive_id: str | None = None
    handoff: HandoffTopic | None = None
    contact_from: datetime | None = None
    quiet: bool = False

    @property
    def alternatives(self) -> tuple[RankedAction, ...]:
        return tuple(ranked for ranked in self.ranked if ranked.action is not self.action)


@dataclass(frozen=True, slots=True)
class Occasion:
    """When and how a turn takes place. ``now`` knows its zone; ``None`` where no clock was given: no hour is quiet then."""

    now: datetime | None = None
    channel: str = "chat"
    outbound: bool = False


ANY_TIME = Occasion()


@dataclass(frozen=True, slots=True)
class Brief:
    """All that a writer gets to phrase one reply. The action is decided; the writer only finds the words. ``opening`` is
    said before them: greeting and disclosure, what the agent is, or a welcome back."""

    playbook: Playbook
    language: Language
    decision: Decision
    understanding: Understanding
    progress: Progress
    customer: Customer
    recent: tuple[Utterance, ...]
    system: str = ""
    messages: tuple[Utterance, ...] = ()
    seed: int = 0
    opening: str = ""
    held: bool = False
    """A person has the conversation: nothing is said, the rep is advised."""


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a writer's JSON as it arrives. The last one may carry usage; ``text`` is then empty."""

    text: str
    input_tokens: int | None = None
    output_tokens: int | None = None
    response_id: str | None = None
    finish_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One writer that was tried for a reply. ``failure`` is ``None`` for the one that wrote it."""

    writer: str
    failure: str | None
    elapsed_ms: float
    first_token_ms: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Violation:
    """A figure, date or name in a draft that neither the playbook nor the customer vouches for."""

    kind: str
    found: str
    sentence: str
    repair: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes out. ``text`` is checked; ``used_lines`` are the playbook lines in it, so that they are not said again.

    ``listener`` says why whoever heard it sentence by sentence was left before the end, ``None`` if he was not.
    ``opening`` names the lines that a rule had said before the writer's: greeting, disclosure, who wants messages again,
    and the words that bridged a slow model.
    ``interrupted``: the customer talked over it; ``text`` is what he heard. ``held``: a person has, or took, the conversation.
    """

    text: str
    talking_points: tuple[str, ...]
    objection_answered: ObjectionType | None
    question_asked: str | None
    next_step: str | None
    handoff: bool
    writer: str
    attempts: tuple[Attempt, ...] = ()
    violations: tuple[Violation, ...] = ()
    used_lines: tuple[str, ...] = ()
    listener: str | None = None
    opening: tuple[str, ...] = ()
    interrupted: bool = False
    held: bool = False


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as a turn sees it: the last messages and what is remembered, never the whole history.

    ``direction``: who began it. A channel called ``outbound-...`` says so, too.
    """

    key: ConversationKey
    playbook: str
    channel: str
    customer: Customer
    progress: Progress
    recent: tuple[Utterance, ...]
    seq: int

    direction: Direction = "inbound"
    held: bool = False
    """A person has taken it over."""

    @property
    def id(self) -> str:
        return self.key.id
