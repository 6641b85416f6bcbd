"""Whether a message forbids further contact, asks for it again, or only puts it off: patterns alone, before any model.

They are no features of the models: what the law asks for must not move when a model is trained again.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import yaml

from predictors.rules import LEXICON, clause_at
from predictors.text import plain

Wish = Literal["stop", "not_now", "again"]
"""``not_now``: sounds like an opt-out and is none (another day, another channel, somebody else's calls)."""

_APOSTROPHE = re.compile(r"[’‘`´]")
_PART = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Wished:
    """``evidence`` are the customer's own words."""

    wish: Wish
    evidence: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """``when``: of these at least one stands in whatever ``say`` matches, so that most patterns need not be tried."""

    when: frozenset[str]
    say: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class ContactRules:
    """Both languages at once, because people mix them."""

    firm: tuple[Pattern, ...]
    soft: tuple[Pattern, ...]
    only_for_now: re.Pattern[str]
    never: re.Pattern[str]
    back: re.Pattern[str]
    back_when: frozenset[str]
    hints: tuple[str, ...]

    def wish_in(self, text: str) -> Wished | None:
        said = _APOSTROPHE.sub("'", plain(text))
        present = frozenset(hint for hint in self.hints if hint in said)
        if present and (match := self.never.search(said)) is not None:
            return Wished("not_now", clause_at(text, said, match.start()))
        firm = _first(self.firm, said, present)
        found = firm or _first(self.soft, said, present)
        if found is not None:
            put_off = firm is None and self.only_for_now.search(said)
            return Wished("not_now" if put_off else "stop", clause_at(text, said, found.start()))
        back = self.back.search(said) if not self.back_when.isdisjoint(present) else None
        return Wished("again", clause_at(text, said, back.start())) if back else None


def _first(patterns: Iterable[Pattern], said: str, present: frozenset[str]) -> re.Match[str] | None:
    tried = (one.say.search(said) for one in patterns if not one.when.isdisjoint(present))
    return next((match for match in tried if match), None)


def contact_wish(text: str) -> Wished | None:
    """What ``text`` wishes of further contact, in Spanish or English; ``None`` when it does not speak of it."""
    return contact_rules().wish_in(text)


@lru_cache(maxsize=1)
def contact_rules() -> ContactRules:
    content: dict[str, dict[str, Any]] = yaml.safe_load((LEXICON / "contact.yaml").read_text(encoding="utf-8"))
    firm = [_pattern(one, entry["parts"]) for entry in content.values() for one in entry["firm"]]
    soft = [_pattern(one, entry["parts"]) for entry in content.values() for one in entry["soft"]]
    single = {
        name: re.compile("|".join(_whole(entry[name], entry["parts"]) for entry in content.values()))
        for name in ("only_for_now", "never", "back")
    }
    hints = {hint for one in (*firm, *soft) for hint in one.when}
    back_when = frozenset(hint for entry in content.values() for hint in entry["back_when"])
    return ContactRules(tuple(firm), tuple(soft), **single, back_when=back_when, hints=tuple(sorted(hints | back_when)))


def _pattern(entry: Mapping[str, Any], parts: Mapping[str, str]) -> Pattern:
    return Pattern(frozenset(entry["when"]), re.compile(_whole(entry["say"], parts)))


def _whole(pattern: str, parts: Mapping[str, str]) -> str:
    while _PART.search(pattern):
        pattern = _PART.sub(lambda match: parts[match.group(1)], pattern)
    return pattern
