"""Labelled files: utterances and dialogues, one JSON object a line. Every bad line is a ``Problem``; good ones are kept."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from agent.errors import field_of
from agent.turn import Action
from prompts.playbook import Playbook
from training_data.corpora import written_lines

Outcome = Literal["converted", "lost", "follow_up"]


def _numbered(given: object) -> object:
    return str(given) if type(given) is int else given


Id = Annotated[str, BeforeValidator(_numbered), Field(min_length=1, max_length=200)]
Name = Annotated[str, Field(min_length=1, max_length=80)]
Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]


class Part(StrEnum):
    """What can be evaluated."""

    OBJECTION = "objection"
    NEEDS = "needs"
    DIALOGUES = "dialogues"


class Line(BaseModel):
    """What both kinds of lines have. ``language`` is what the author says it is; the product finds it out by itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Id
    vertical: Name
    language: Annotated[str, Field(max_length=16)] | None = None


class LabelledUtterance(Line):
    """One customer message. ``context`` is what the agent said before; ``note`` marks a hard case and says which kind."""

    text: Said
    context: Annotated[str, Field(max_length=4000)] | None = None
    objections: tuple[str, ...]
    needs: tuple[str, ...]
    acts: tuple[str, ...] | None = None
    note: Annotated[str, Field(max_length=1000)] | None = None


class DialogueTurn(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Literal["customer", "agent"]
    text: Said
    acceptable_actions: tuple[Action, ...] | None = None
    forbidden_actions: tuple[Action, ...] | None = None


class LabelledDialogue(Line):
    """A recorded conversation, what became of it, and which actions would have been right at each customer's turn."""

    outcome: Outcome
    turns: tuple[DialogueTurn, ...]
    playbook: Name | None = None

    @field_validator("turns")
    @classmethod
    def _somebody_to_sell_to(cls, turns: tuple[DialogueTurn, ...]) -> tuple[DialogueTurn, ...]:
        if all(turn.role != "customer" for turn in turns):
            raise ValueError("expected at least one turn of the customer")
        for place, turn in enumerate(turns):
            if turn.role == "agent" and (turn.acceptable_actions or turn.forbidden_actions):
                raise ValueError(f"turn {place} is the agent's; actions are expected at turns of the customer")
        return turns


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a line can't be used. ``str()`` is ``file:line: field: what was expected``."""

    file: Path
    line: int
    field: str
    expected: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.field}: {self.expected}"


@dataclass(frozen=True, slots=True)
class UtteranceCase:
    row: LabelledUtterance
    book: Playbook


@dataclass(frozen=True, slots=True)
class DialogueCase:
    row: LabelledDialogue
    book: Playbook


@dataclass(frozen=True, slots=True)
class Cases:
    utterances: tuple[UtteranceCase, ...]
    dialogues: tuple[DialogueCase, ...]
    problems: tuple[Problem, ...]


Complain = Callable[[str, str], None]


def read_cases(files: Sequence[Path], books: Sequence[Playbook]) -> Cases:
    """All lines of ``files``. A vertical is served by the first of ``books`` that has it."""
    by_name = {book.id: book for book in books}
    by_vertical = {book.vertical: book for book in reversed(books)}
    utterances: list[UtteranceCase] = []
    dialogues: list[DialogueCase] = []
    problems: list[Problem] = []
    for file in files:
        for number, written in written_lines(file):

            def complain(field: str, expected: str, at: tuple[Path, int] = (file, number)) -> None:
                problems.append(Problem(*at, field, expected))

            row = _parsed(written, complain)
            if isinstance(row, LabelledUtterance):
                book = _book_of_vertical(row, by_vertical, complain)
                if book is not None and _labels_known(row, book, complain):
                    utterances.append(UtteranceCase(row, book))
            elif row is not None:
                book = _book_of_dialogue(row, by_name, by_vertical, complain)
                if book is not None:
                    dialogues.append(DialogueCase(row, book))
    return Cases(tuple(utterances), tuple(dialogues), tuple(problems))


def _parsed(written: bytes, complain: Complain) -> LabelledUtterance | LabelledDialogue | None:
    try:
        value: Any = orjson.loads(written)
    except orjson.JSONDecodeError as error:
        complain("(line)", f"expected one JSON object: {error}")
        return None
    if not isinstance(value, dict):
        complain("(line)", f"expected a JSON object, not {type(value).__name__}")
        return None
    kind = LabelledDialogue if "turns" in value else LabelledUtterance
    try:
        return kind.model_validate_json(written)
    except ValidationError as error:
        for fault in error.errors():
            complain(field_of(fault, "(line)"), fault["msg"].removeprefix("Value error, "))
        return None


def _book_of_vertical(row: Line, by_vertical: Mapping[str, Playbook], complain: Complain) -> Playbook | None:
    book = by_vertical.get(row.vertical)
    if book is None:
        complain("vertical", f"no playbook for {row.vertical!r}; there are {', '.join(sorted(by_vertical))}")
    return book


def _book_of_dialogue(
    row: LabelledDialogue, by_name: Mapping[str, Playbook], by_vertical: Mapping[str, Playbook], complain: Complain
) -> Playbook | None:
    if row.playbook is None:
        return _book_of_vertical(row, by_vertical, complain)
    book = by_name.get(row.playbook)
    if book is None:
        complain("playbook", f"no playbook {row.playbook!r}; there are {', '.join(sorted(by_name))}")
    elif book.vertical != row.vertical:
        complain("playbook", f"{book.id!r} is for {book.vertical!r}, not for {row.vertical!r}")
        return None
    return book


def _labels_known(row: LabelledUtterance, book: Playbook, complain: Complain) -> bool:
    fits = True
    lists: tuple[tuple[str, tuple[str, ...], Collection[str]], ...] = (
        ("objections", row.objections, book.objections),
        ("needs", row.needs, book.needs),
    )
    for field, given, known in lists:
        for label in given:
            if label not in known:
                complain(field, f"{label!r} is none of playbook {book.id!r}: {', '.join(known)}")
                fits = False
    return fits
