"""Orders to the machine in a text: to drop its rules, show its insides, be somebody else, write in another form.

It only ever takes something away (no model reads the message, no command buys or discounts); nothing rests on it alone.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml

from predictors.rules import LEXICON

LONGEST = 4_000
_LONGEST_EVIDENCE = 160
_UNSEEN = re.compile("[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff\U000e0000-\U000e007f]")
_MARKS = re.compile(r"[\u0300-\u036f]")
_SPACED_OUT = re.compile(r"(?<!\w)\w(?:[ .*_-]\w){4,}(?!\w)")
_LOOK_ALIKE = str.maketrans("аеорсухіѕјԁοενα", "aeopcyxisjdoeva")
_LEET = str.maketrans("013457@$", "oieastas")
_LEET_WORD = re.compile(r"(?<![\w$@])(?=[\w$@]{0,30}[a-z][013457@$]{1,3}[a-z])[\w$@]{4,40}(?![\w$@])")
_TAGS = re.compile("[\U000e0020-\U000e007e]{4,}")


@dataclass(frozen=True, slots=True)
class _Patterns:
    say: tuple[re.Pattern[str], ...]
    unless: re.Pattern[str]


@lru_cache(maxsize=1)
def _patterns() -> _Patterns:
    content: Any = yaml.safe_load((LEXICON / "orders.yaml").read_text(encoding="utf-8"))
    say: list[re.Pattern[str]] = []
    for one in content["say"]:
        for name, part in content["parts"].items():
            one = one.replace(f"{{{name}}}", part)
        say.append(re.compile(one))
    return _Patterns(tuple(say), re.compile("|".join(content["unless"])))


@lru_cache(maxsize=1024)
def orders(text: str) -> tuple[str, ...]:
    """The words that give an order to the machine, at most three; empty where there are none."""
    if _TAGS.search(text):
        return ("(invisible text)",)
    said = revealed(text[:LONGEST])
    said = _patterns().unless.sub(lambda match: "~" * len(match.group(0)), said)
    hits = [match for pattern in _patterns().say if (match := pattern.search(said))]
    return tuple(dict.fromkeys(match.group(0).strip()[:_LONGEST_EVIDENCE] for match in hits))[:3]


def revealed(text: str) -> str:
    """Lower case without accents and disguise: invisible characters, look-alikes, digits for letters, spaced-out words."""
    said = _UNSEEN.sub("", unicodedata.normalize("NFKC", text)).lower()
    if not said.isascii():
        said = _MARKS.sub("", unicodedata.normalize("NFD", said)).translate(_LOOK_ALIKE)
    said = _SPACED_OUT.sub(lambda match: re.sub(r"[ .*_-]", "", match.group(0)), said)
    return _LEET_WORD.sub(lambda match: match.group(0).translate(_LEET), said)
