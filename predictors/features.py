"""The one feature function: the same for training and for serving, computed once a turn and shared by all heads."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from predictors.base import Language, Vector
from predictors.rules import lexicon, scan
from predictors.terms import Terms, terms
from predictors.text import WIDTH, Encoder, plain

FORM = "use-multilingual-v3 of message and context + rules + hashed terms, 3"
"""Goes into every manifest: a model trained on another form of features is refused."""


@dataclass(frozen=True, slots=True)
class Features:
    """``dense``: the message's sentence embedding, one number a rule of the lexicon (1 hit, 1.5 several), the embedding of
    what the agent said before (zeros where nothing was said); shape ``(width(),)``. ``terms``: the message's words."""

    dense: Vector
    terms: Terms


@lru_cache(maxsize=1)
def rule_names() -> tuple[str, ...]:
    """The rules of both languages in a fixed order, as ``group.label``."""
    return tuple(sorted({name for language in ("es", "en") for name in lexicon(language)}))


@lru_cache(maxsize=1024)
def _place(name: str) -> int:
    return rule_names().index(name)


def width() -> int:
    return 2 * WIDTH + len(rule_names())


def features(text: str, language: Language, encoder: Encoder, context: str = "") -> Features:
    """``context`` is the agent's last line: a "no" means what was asked."""
    dense = np.zeros(width(), dtype=np.float32)
    dense[:WIDTH] = encoder.embed(text)
    for name, hits in scan(language, plain(text)).items():
        dense[WIDTH + _place(name)] = 1.0 if len(hits) == 1 else 1.5
    if context.strip():
        dense[-WIDTH:] = encoder.embed(context)
    return Features(dense, terms(text))
