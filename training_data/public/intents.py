"""Messages with intents: banking77, clinc150 and the banking part of NLU++."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from training_data.public.files import PublicDataRefused, Record, read_json, read_json_list, read_table, set_folder

Part = Literal["train", "validation", "test"]
OUT_OF_SCOPE = "oos"


@dataclass(frozen=True, slots=True)
class Query:
    """A message with its one intent; ``intent`` is ``None`` where it is none of the known ones."""

    text: str
    intent: str | None
    part: Part


@dataclass(frozen=True, slots=True)
class MultiQuery:
    """A message with all its intents (perhaps none) and the number of its fold."""

    text: str
    intents: tuple[str, ...]
    fold: int


class _Banking77Row(Record):
    text: Annotated[str, Field(min_length=1)]
    category: Annotated[str, Field(min_length=1)]


class _NluppRow(Record):
    text: Annotated[str, Field(min_length=1)]
    intents: tuple[str, ...] = ()
    slots: Annotated[dict[str, Any], Field(default_factory=dict)]


_CATEGORIES = TypeAdapter(tuple[str, ...])
_CLINC_PARTS: tuple[tuple[str, Part], ...] = (
    ("train", "train"), ("oos_train", "train"), ("val", "validation"), ("oos_val", "validation"),
    ("test", "test"), ("oos_test", "test"),
)  # fmt: skip
_CLINC = TypeAdapter(dict[Literal["train", "oos_train", "val", "oos_val", "test", "oos_test"], list[tuple[str, str]]])
_FOLD = TypeAdapter(list[_NluppRow])


def read_banking77(folder: Path) -> Iterator[Query]:
    """``train.csv`` and ``test.csv``; their intents must stand in ``categories.json``."""
    here = set_folder(folder, "banking77")
    known = frozenset(read_json(here / "categories.json", _CATEGORIES))
    parts: tuple[Part, ...] = ("train", "test")
    for part in parts:
        file = here / f"{part}.csv"
        for line, row in read_table(file, _Banking77Row):
            if row.category not in known:
                raise PublicDataRefused(f"{file}:{line}: category: {row.category!r} is not in categories.json")
            yield Query(row.text, row.category, part)


def read_clinc150(folder: Path) -> Iterator[Query]:
    """The six lists of ``data_full.json`` (or ``.json.gz``); the out-of-scope ones have no intent."""
    file = set_folder(folder, "clinc150") / "data_full.json.gz"
    if not file.exists():
        file = file.with_suffix("")
    content = read_json(file, _CLINC)
    for name, part in _CLINC_PARTS:
        if name not in content:
            raise PublicDataRefused(f"{file}:1: {name}: the list is missing")
        for number, (text, intent) in enumerate(content[name]):
            if (intent == OUT_OF_SCOPE) != name.startswith("oos"):
                raise PublicDataRefused(f"{file}:1: {name}.{number}.1: {intent!r} does not belong into {name}")
            yield Query(text, None if intent == OUT_OF_SCOPE else intent, part)


def read_nlupp_banking(folder: Path) -> Iterator[MultiQuery]:
    """``folds.json``: a list of folds, each a list of messages. Slots are not read."""
    file = set_folder(folder, "nlupp_banking") / "folds.json"
    for fold, (_, rows) in enumerate(read_json_list(file, _FOLD)):
        for row in rows:
            yield MultiQuery(row.text, row.intents, fold)
