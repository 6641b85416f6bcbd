"""Dialogues with an outcome or with what each message does: PersuasionForGood, CraigslistBargain, CaSiNo."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, TypeAdapter

from training_data.public.files import (
    OpenRecord,
    PublicDataRefused,
    Record,
    read_json_list,
    read_table,
    set_folder,
)


@dataclass(frozen=True, slots=True)
class Message:
    """``speaker``: ``seller`` persuades or sells, ``customer`` is persuaded or buys."""

    speaker: Literal["seller", "customer"]
    text: str


@dataclass(frozen=True, slots=True)
class Persuasion:
    """A dialogue about a donation. ``given``: dollars that the customer really gave, which is not what he promised."""

    id: str
    messages: tuple[Message, ...]
    given: float


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of an annotated dialogue, in order, with the ``act`` of its speaker."""

    dialogue: str
    speaker: Literal["seller", "customer"]
    text: str
    act: str


@dataclass(frozen=True, slots=True)
class Promise:
    """``promised``: dollars that the customer named in an annotated dialogue, 0 when he named none; ``given``: paid."""

    dialogue: str
    promised: float
    given: float


@dataclass(frozen=True, slots=True)
class Bargain:
    """``deal``: both accepted a price. ``asked`` is the listed price in dollars."""

    id: str
    category: str
    asked: float
    messages: tuple[Message, ...]
    deal: bool


@dataclass(frozen=True, slots=True)
class Strategies:
    """One message of a negotiation between equals, with what it does (several labels)."""

    dialogue: str
    text: str
    strategies: tuple[str, ...]


def _or_nothing(cell: object) -> object:
    return None if cell == "" else cell


_Amount = Annotated[Annotated[float, Field(ge=0)] | None, BeforeValidator(_or_nothing)]
_Role = Literal["0", "1"]
_ROLES: dict[str, Literal["seller", "customer"]] = {"0": "seller", "1": "customer"}


class _DialogRow(OpenRecord):
    text: str = Field(alias="Unit")
    role: _Role = Field(alias="B4")
    dialogue: str = Field(alias="B2", min_length=1)


class _InfoRow(OpenRecord):
    dialogue: str = Field(alias="B2", min_length=1)
    role: _Role = Field(alias="B4")
    given: _Amount = Field(alias="B6")


class _PromiseRow(_InfoRow):
    promised: _Amount = Field(alias="B5")


class _ActRow(_DialogRow):
    seller_act: str = Field(alias="er_label_1")
    customer_act: str = Field(alias="ee_label_1")


def read_persuasionforgood(folder: Path) -> Iterator[Persuasion]:
    """All dialogues whose customer's donation is known. The outcome is money that was given."""
    here = set_folder(folder, "persuasionforgood")
    given = {row.dialogue: row.given for _, row in read_table(here / "full_info.csv", _InfoRow) if row.role == "1"}
    messages: dict[str, list[Message]] = {}
    for _, row in read_table(here / "full_dialog.csv", _DialogRow):
        messages.setdefault(row.dialogue, []).append(Message(_ROLES[row.role], row.text))
    for dialogue, said in messages.items():
        money = given.get(dialogue)
        if money is not None:
            yield Persuasion(dialogue, tuple(said), money)


def read_persuasion_acts(folder: Path) -> Iterator[Sentence]:
    """The annotated sentences of both speakers. A sentence without an act of its speaker is refused."""
    file = set_folder(folder, "persuasionforgood") / "300_dialog_acts.csv"
    for line, row in read_table(file, _ActRow):
        act = row.seller_act if row.role == "0" else row.customer_act
        if not act:
            column = "er_label_1" if row.role == "0" else "ee_label_1"
            raise PublicDataRefused(f"{file}:{line}: {column}: the act is missing")
        yield Sentence(row.dialogue, _ROLES[row.role], row.text, act)


def read_promises(folder: Path) -> Iterator[Promise]:
    """Of the annotated dialogues: what the customer promised and what he gave."""
    file = set_folder(folder, "persuasionforgood") / "300_info.csv"
    for _, row in read_table(file, _PromiseRow):
        if row.role == "1" and row.given is not None:
            yield Promise(row.dialogue, row.promised or 0.0, row.given)


class _Event(OpenRecord):
    action: Literal["message", "offer", "accept", "reject", "quit"]
    agent: Literal[0, 1]
    data: Any


class _Outcome(OpenRecord):
    reward: Literal[0, 1]


class _Item(OpenRecord):
    price: float = Field(alias="Price", ge=0)


class _Personal(OpenRecord):
    role: Literal["buyer", "seller"] = Field(alias="Role")


class _Side(OpenRecord):
    personal: _Personal
    item: _Item


class _Scenario(OpenRecord):
    category: str
    kbs: tuple[_Side, _Side]


class _Bargain(OpenRecord):
    uuid: str
    scenario: _Scenario
    outcome: _Outcome
    events: tuple[_Event, ...]


def read_craigslistbargain(folder: Path) -> Iterator[Bargain]:
    """``dev.json`` (or ``.json.gz``), as cocoa writes it. Offers and answers to them are not among the messages."""
    file = set_folder(folder, "craigslistbargain") / "dev.json.gz"
    if not file.exists():
        file = file.with_suffix("")
    for line, row in read_json_list(file, TypeAdapter(_Bargain)):
        said: list[Message] = []
        for number, event in enumerate(row.events):
            if event.action != "message":
                continue
            if not isinstance(event.data, str):
                raise PublicDataRefused(f"{file}:{line}: events.{number}.data: a message is no text")
            seller = row.scenario.kbs[event.agent].personal.role == "seller"
            said.append(Message("seller" if seller else "customer", event.data))
        asked = row.scenario.kbs[0].item.price
        yield Bargain(row.uuid, row.scenario.category, asked, tuple(said), row.outcome.reward == 1)


class _CasinoRow(Record):
    dialogue_id: int
    chat_logs: list[dict[str, Any]]
    participant_info: dict[str, Any]
    annotations: tuple[tuple[str, Annotated[str, Field(min_length=1)]], ...] = ()


def read_casino(folder: Path) -> Iterator[Strategies]:
    """The annotated messages of ``casino_train.json`` and ``casino_valid.json``; dialogues without annotation have none."""
    here = set_folder(folder, "casino")
    for name in ("casino_train.json", "casino_valid.json"):
        for _, row in read_json_list(here / name, TypeAdapter(_CasinoRow)):
            for text, labels in row.annotations:
                yield Strategies(str(row.dialogue_id), text, tuple(label.strip() for label in labels.split(",")))
