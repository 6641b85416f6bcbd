"""Attempts to give the machine orders, and harmless sentences that look like them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from training_data.public.files import Record, read_json_list, set_folder


@dataclass(frozen=True, slots=True)
class Prompt:
    """``kind``: the category of a harmless sentence, or the source that a labelled one was taken from."""

    text: str
    attack: bool
    kind: str


_Text = Annotated[str, Field(min_length=1)]


class _HarmlessRow(Record):
    prompt: _Text
    word_list: tuple[str, ...]
    category: str


class _LabelledRow(Record):
    prompt: _Text
    label: Literal[0, 1]
    source: str


def read_notinject(folder: Path) -> Iterator[Prompt]:
    """Harmless sentences with one or two words that set detectors off."""
    here = set_folder(folder, "injection")
    for name in ("NotInject_one.json", "NotInject_two.json"):
        for _, row in read_json_list(here / name, TypeAdapter(_HarmlessRow)):
            yield Prompt(row.prompt, False, row.category)


def read_labelled_prompts(folder: Path) -> Iterator[Prompt]:
    """``valid.json``: attacks and harmless prompts from several collections."""
    here = set_folder(folder, "injection")
    for _, row in read_json_list(here / "valid.json", TypeAdapter(_LabelledRow)):
        yield Prompt(row.prompt, row.label == 1, row.source)
