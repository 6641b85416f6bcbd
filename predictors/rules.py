"""The rules of thumb: what answers when no model does. Read from ``lexicon/<language>.yaml``, negations included."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from predictors.base import Dialogue, Label, Language, Prediction
from predictors.text import plain, words

LEXICON = Path(__file__).parent / "lexicon"
VERSION = "rules-1"
HIT = 0.75
"""Probability given to a label whose pattern is found; a second different pattern makes it ``SURE``."""
SURE = 0.9

_CLAUSE = re.compile(r"[^.,;!?¿¡\n]+[.,;!?]*")
_LONGEST_EVIDENCE = 160
_WORD_ROOM = 40
"""Characters that a word and a little after it need at the end of the evidence; else the evidence begins later."""


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    say: tuple[re.Pattern[str], ...]
    unless: re.Pattern[str] | None

    def hits(self, said: str) -> tuple[tuple[int, int], ...]:
        """Where in ``said`` (plain text) the patterns stand, after what only looks like it has been blanked out."""
        if self.unless is not None:
            said = self.unless.sub(lambda match: "~" * len(match.group(0)), said)
        found = (pattern.search(said) for pattern in self.say)
        return tuple(match.span() for match in found if match is not None)


@lru_cache(maxsize=2)
def lexicon(language: Language) -> Mapping[str, Rule]:
    """All rules of a language by their full name: ``objections.price``, ``acts.buy``, ``needs.fitness.lose_weight``."""
    content = yaml.safe_load((LEXICON / f"{language}.yaml").read_text(encoding="utf-8"))
    groups = {"objections": content["objections"], "acts": content["acts"]}
    groups |= {f"needs.{vertical}": needs for vertical, needs in content["needs"].items()}
    return {f"{group}.{name}": _rule(name, entry) for group, rules in groups.items() for name, entry in rules.items()}


def _rule(name: str, entry: Any) -> Rule:
    given: dict[str, list[str]] = {"say": entry} if isinstance(entry, list) else entry
    say, unless = given["say"], given.get("unless", [])
    return Rule(
        name,
        tuple(re.compile(pattern) for pattern in say),
        re.compile("|".join(f"(?:{pattern})" for pattern in unless)) if unless else None,
    )


@lru_cache(maxsize=256)
def scan(language: Language, said: str) -> Mapping[str, tuple[tuple[int, int], ...]]:
    """Where each rule of the language that applies was found in ``said`` (plain text). Read several times a turn."""
    found = ((name, rule.hits(said)) for name, rule in lexicon(language).items())
    return {name: hits for name, hits in found if hits}


def find(language: Language, groups: Sequence[str], text: str) -> tuple[Label, ...]:
    """The labels of ``groups`` whose patterns ``text`` has, surest first, each with the clause that holds the words."""
    said = plain(text)
    labels: list[Label] = []
    for full_name, hits in scan(language, said).items():
        group, name = full_name.rsplit(".", 1)
        if group in groups:
            (place, _), *more = hits
            labels.append(Label(name, SURE if more else HIT, (clause_at(text, said, place),)))
    return tuple(sorted(labels, key=lambda label: -label.probability))


def clauses(text: str) -> list[str]:
    """The text in its parts, as ``clause_at`` would show them."""
    return [match.group(0).strip() for match in _CLAUSE.finditer(text)]


def clause_at(text: str, said: str, place: int) -> str:
    """The clause of ``text`` around ``place`` of its plain form; the plain clause where lengths differ."""
    source = text if len(plain(text)) == len(text) else said
    for match in _CLAUSE.finditer(source):
        if match.end() > place:
            longest = match.start() + _LONGEST_EVIDENCE
            start = match.start() if place < longest - _WORD_ROOM else place - _LONGEST_EVIDENCE // 2
            return source[start : min(match.end(), start + _LONGEST_EVIDENCE)].strip()
    return source.strip()[:_LONGEST_EVIDENCE]


def _prediction(labels: tuple[Label, ...], started: float) -> Prediction:
    probabilities = {label.name: label.probability for label in labels}
    return Prediction(labels, "rules", VERSION, (time.perf_counter() - started) * 1000, probabilities=probabilities)


class ObjectionRules:
    name = "objection"
    version = VERSION
    blocking = False

    def predict(self, dialogue: Dialogue) -> Prediction:
        started = time.perf_counter()
        return _prediction(find(dialogue.language, ("objections",), dialogue.text), started)


class NeedsRules:
    """``examples``: of each playbook its needs and their example utterances, for needs that the lexicon does not know."""

    name = "needs"
    version = VERSION
    blocking = False

    def __init__(self, examples: Mapping[str, Mapping[str, Sequence[str]]] | None = None) -> None:
        self._examples = {
            playbook: {need: [content_words(line) for line in lines] for need, lines in needs.items()}
            for playbook, needs in (examples or {}).items()
        }

    def predict(self, dialogue: Dialogue) -> Prediction:
        started = time.perf_counter()
        groups = (f"needs.{dialogue.vertical}", "needs.shared")
        labels = list(find(dialogue.language, groups, dialogue.text))
        known = {name.rsplit(".", 1)[1] for name in lexicon(dialogue.language) if name.startswith(groups)}
        said = content_words(dialogue.text)
        for need, lines in self._examples.get(dialogue.playbook, {}).items():
            if need not in known and any(len(said & line) >= 2 or line == said for line in lines):
                labels.append(Label(need, HIT, (clause_at(dialogue.text, plain(dialogue.text), 0),)))
        return _prediction(tuple(labels), started)


def content_words(text: str) -> frozenset[str]:
    """The words of at least five letters: what two sentences about the same thing share."""
    return frozenset(word for word in words(text) if len(word) >= 5)


_WARM = {"buy": 0.3, "book": 0.15, "agree": 0.1, "ask_price": 0.06, "ask_info": 0.03, "resolved": 0.1, "inform": 0.03}
_COLD = {"opt_out": -0.6, "decline": -0.15, "angry": -0.25, "goodbye": -0.05}


class ConversionRules:
    """A base rate, moved by what the customer does and by the objections in the way."""

    name = "conversion"
    version = VERSION
    blocking = False
    base_rate = 0.25

    def predict(self, dialogue: Dialogue) -> Prediction:
        started = time.perf_counter()
        acts = find(dialogue.language, ("acts",), dialogue.text)
        moves = {act.name: (_WARM | _COLD).get(act.name, 0.0) for act in acts}
        moves["open objections"] = -0.06 * dialogue.so_far.get("open_objections", 0.0)
        moves["answered objections"] = 0.03 * dialogue.so_far.get("resolved_objections", 0.0)
        probability = min(0.95, max(0.02, self.base_rate + sum(moves.values())))
        causes = tuple(f"{name} {move:+.2f}" for name, move in moves.items() if move)
        return Prediction(
            (Label("converts", probability),),
            "rules",
            VERSION,
            (time.perf_counter() - started) * 1000,
            probabilities={"converts": probability},
            interval=(max(0.0, probability - 0.25), min(1.0, probability + 0.25)),
            causes=causes,
        )
