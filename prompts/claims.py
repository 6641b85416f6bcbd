"""What no reply may claim, whoever wrote it: to be human, or to cure, to work for sure, to diagnose, to replace medicine.

The patterns stand in ``claims.yaml``; which of the medical classes a business forbids is its playbook's rule.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml

FILE = Path(__file__).with_name("claims.yaml")
ClaimClass = Literal["cure", "efficacy", "diagnosis", "medication"]
CLAIM_CLASSES: tuple[ClaimClass, ...] = ("cure", "efficacy", "diagnosis", "medication")
HUMAN = "human"
"""The class that no playbook can allow: to deny being a machine."""
_APOSTROPHE = re.compile(r"[’‘`´]")


@dataclass(frozen=True, slots=True)
class Claim:
    """``found`` is plain text."""

    kind: str
    found: str


@dataclass(frozen=True, slots=True)
class _Class:
    when: tuple[str, ...]
    unless: re.Pattern[str]
    say: tuple[re.Pattern[str], ...]


def claims_in(said: str, classes: Collection[str]) -> Iterator[Claim]:
    """The forbidden claims of ``said``, one sentence as plain text (lower case, without accents). A question asserts
    nothing about the customer's health; that one is human may be asserted by a question, too."""
    said = _APOSTROPHE.sub("'", said)
    asks = said.rstrip(" \"'»)").endswith("?") and ("¿" not in said or said.lstrip().startswith("¿"))
    for name, one in _classes().items():
        if name not in classes or (asks and name != HUMAN) or not any(hint in said for hint in one.when):
            continue
        left = one.unless.sub(lambda match: "~" * len(match.group(0)), said)
        match = next((found for pattern in one.say if (found := pattern.search(left))), None)
        if match is not None:
            yield Claim(name, match.group(0))


@lru_cache(maxsize=1)
def _classes() -> Mapping[str, _Class]:
    content: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    parts: dict[str, str] = content["parts"]

    def compiled(pattern: str) -> re.Pattern[str]:
        for name, written in parts.items():
            pattern = pattern.replace(f"{{{name}}}", written)
        return re.compile(pattern)

    return {
        name: _Class(
            tuple(entry["when"]),
            re.compile("|".join(f"(?:{pattern})" for pattern in entry["unless"])),
            tuple(compiled(pattern) for pattern in entry["say"]),
        )
        for name, entry in content["classes"].items()
    }
