"""Frozen values to JSON bytes and back, for the columns that hold them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
from pydantic import TypeAdapter

from agent.turn import Customer, Progress

_progress = TypeAdapter(Progress)
_customer = TypeAdapter(Customer)


def to_json(value: object) -> bytes:
    """Dataclasses, enums, mappings with string keys, numpy numbers: everything a turn is made of."""
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if isinstance(value, frozenset | set):
        return sorted(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return str(value)


def from_json(content: bytes) -> Any:
    return orjson.loads(content)


def progress_from(content: bytes) -> Progress:
    return _progress.validate_json(content)


def customer_to_json(customer: Customer) -> bytes:
    """What the front-end told of him; who he is and whether he opted out are kept elsewhere."""
    return to_json({"name": customer.name, "age": customer.age, "facts": customer.facts})


def customer_from(content: bytes, customer_id: str | None, *, opted_out: bool) -> Customer:
    return replace(_customer.validate_json(content), id=customer_id, opted_out=opted_out)
