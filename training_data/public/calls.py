"""Telemarketing calls of a Portuguese bank, in the order in which they were made."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from training_data.public.files import Record, read_table, set_folder

KNOWN_AFTER_THE_CALL = frozenset({"duration"})
"""Left out by the reader: nobody knows the length of a call before it is over."""


@dataclass(frozen=True, slots=True)
class Call:
    """What was known before the call, and whether it ``sold``. ``words`` are categories, ``numbers`` measurements."""

    words: Mapping[str, str]
    numbers: Mapping[str, float]
    sold: bool


_Word = Annotated[str, Field(min_length=1)]


class _CallRow(Record):
    age: float
    job: _Word
    marital: _Word
    education: _Word
    default: _Word
    housing: _Word
    loan: _Word
    contact: _Word
    month: _Word
    day_of_week: _Word
    duration: float
    campaign: float
    pdays: float
    previous: float
    poutcome: _Word
    employment_variation: float = Field(alias="emp.var.rate")
    price_index: float = Field(alias="cons.price.idx")
    confidence_index: float = Field(alias="cons.conf.idx")
    euribor_3_months: float = Field(alias="euribor3m")
    employed: float = Field(alias="nr.employed")
    y: Literal["yes", "no"]


def read_bank_marketing(folder: Path) -> Iterator[Call]:
    """The calls in time order, without their duration."""
    file = set_folder(folder, "bank_marketing") / "bank-additional-oldest-80pct.csv.gz"
    for _, row in read_table(file, _CallRow, delimiter=";"):
        known = {name: value for name, value in row if name != "y" and name not in KNOWN_AFTER_THE_CALL}
        words = {name: value for name, value in known.items() if isinstance(value, str)}
        numbers = {name: value for name, value in known.items() if isinstance(value, float)}
        yield Call(words, numbers, row.y == "yes")
