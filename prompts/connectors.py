"""The sentences around figures that every business shares (``connectors.yaml``)."""

from functools import lru_cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field

from prompts.playbook import Language, Strict

FILE = Path(__file__).with_name("connectors.yaml")

Variants = Annotated[tuple[str, ...], Field(min_length=1)]


class Connectors(Strict):
    quote: Variants
    quote_free: Variants
    duration: Variants
    instalments: Variants
    includes: Variants
    discount: Variants
    booked: Variants
    which_day: Variants
    which_time: Variants
    confirmed_here: Variants
    and_: Annotated[str, Field(alias="and")]


@lru_cache(maxsize=2)
def connectors(language: Language) -> Connectors:
    return Connectors.model_validate(yaml.safe_load(FILE.read_text(encoding="utf-8"))[language])
