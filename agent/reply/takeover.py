"""What a sentence says when somebody else has taken the pen: it obeys, tells secrets, is somebody else, gives things away.

The patterns (``takeover.yaml``) are general and in both languages. A playbook's own sentence is never asked.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

PATTERNS = Path(__file__).with_name("takeover.yaml")
_NO = (
    r"(?:no|not|never|nunca|jamas|ni|nadie|nobody|cannot|can'?t|won'?t|don'?t|doesn'?t|isn'?t|wouldn'?t|without|sin|"
    r"ningun[ao]?)"
)
_DENIED = re.compile(rf"\b{_NO}\b(?:\W+\w+){{0,5}}")
"""A denial and what it reaches: "we can't promise that" promises nothing."""
_DENIABLE = frozenset({"promise", "reduction"})
_FIGURE = re.compile(r"\d")


class Takeover:
    """The patterns with the names of one house in them: of the company and of the persona, in lower case without accents."""

    def __init__(self, house: str, persona: str) -> None:
        names = {"house": re.escape(house), "persona": re.escape(persona)}
        self._patterns = tuple((kind, re.compile(_filled("|".join(some), names))) for kind, some in _kinds().items())

    def found(self, bare: str, granted: bool) -> Iterator[tuple[str, str]]:
        """Kind and words of what ``bare`` (lower case, no accents, with its punctuation) says that nobody of the house says.

        ``granted``: a discount may be spoken of, if with its figure; the fact lock has judged that one.
        """
        affirmed = _DENIED.sub(" ", bare)
        for kind, pattern in self._patterns:
            if kind == "reduction" and granted and _FIGURE.search(bare):
                continue
            if match := pattern.search(affirmed if kind in _DENIABLE else bare):
                yield kind, match.group(0).strip()


@lru_cache(maxsize=1)
def _kinds() -> Mapping[str, tuple[str, ...]]:
    content: Any = yaml.safe_load(PATTERNS.read_text(encoding="utf-8"))
    return {kind: tuple(_filled(one, content["parts"]) for one in some) for kind, some in content["kinds"].items()}


def _filled(pattern: str, words: Mapping[str, str]) -> str:
    for name, word in words.items():
        pattern = pattern.replace(f"{{{name}}}", word)
    return pattern
