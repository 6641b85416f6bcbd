"""The one feature function: the same for training and for serving, computed once a turn and shared by all heads."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from predictors.base import Language, Vector
from predictors.rules import Lexicon, Rule, lexicon
from predictors.text import WIDTH, Encoder, buckets, plain

FORM = "use-multilingual-v3 + hashed n-grams + rules, 1"
"""Goes into every manifest: a model trained on another form of features is refused."""


@dataclass(frozen=True, slots=True)
class Features:
    """``dense``: sentence embedding, then one number a rule of the lexicon (1 hit, 1.5 several); shape ``(width,)``.

    ``columns`` and ``weights``: the sparse row of hashed words and character n-grams.
    """

    dense: Vector
    columns: NDArray[np.int64]
    weights: NDArray[np.float32]


@lru_cache(maxsize=1)
def rule_names() -> tuple[str, ...]:
    """The rules of both languages in a fixed order, as ``group.label``."""
    return tuple(sorted({name for language in ("es", "en") for name, _ in _rules(lexicon(language))}))


def width() -> int:
    return WIDTH + len(rule_names())


def _rules(words: Lexicon) -> list[tuple[str, Rule]]:
    named = [(f"objections.{rule.name}", rule) for rule in words.objections]
    named += [(f"acts.{rule.name}", rule) for rule in words.acts]
    for vertical, rules in words.needs.items():
        named += [(f"needs.{vertical}.{rule.name}", rule) for rule in rules]
    return named


@lru_cache(maxsize=2)
def _ordered_rules(language: Language) -> tuple[tuple[int, Rule], ...]:
    place = {name: index for index, name in enumerate(rule_names())}
    return tuple((place[name], rule) for name, rule in _rules(lexicon(language)))


def features(text: str, language: Language, encoder: Encoder) -> Features:
    dense = np.zeros(width(), dtype=np.float32)
    dense[:WIDTH] = encoder.embed(text)
    said = plain(text)
    for place, rule in _ordered_rules(language):
        hits = len(rule.hits(said))
        if hits:
            dense[WIDTH + place] = 1.0 if hits == 1 else 1.5
    columns, weights = buckets(text)
    return Features(dense, columns, weights)
