"""The one feature function: the same for training and for serving, computed once a turn and shared by all heads."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from predictors.base import Language, Vector
from predictors.rules import lexicon, scan
from predictors.text import WIDTH, Encoder, SparseRow, plain, sparse_row

FORM = "use-multilingual-v3 + hashed n-grams + rules, 1"
"""Goes into every manifest: a model trained on another form of features is refused."""


@dataclass(frozen=True, slots=True)
class Features:
    """``dense``: sentence embedding, then one number a rule of the lexicon (1 hit, 1.5 several); shape ``(width,)``.

    ``sparse``: the row of hashed words and character n-grams.
    """

    dense: Vector
    sparse: SparseRow


@lru_cache(maxsize=1)
def rule_names() -> tuple[str, ...]:
    """The rules of both languages in a fixed order, as ``group.label``."""
    return tuple(sorted({name for language in ("es", "en") for name in lexicon(language)}))


@lru_cache(maxsize=1024)
def _place(name: str) -> int:
    return rule_names().index(name)


def width() -> int:
    return WIDTH + len(rule_names())


def features(text: str, language: Language, encoder: Encoder) -> Features:
    dense = np.zeros(width(), dtype=np.float32)
    dense[:WIDTH] = encoder.embed(text)
    for name, hits in scan(language, plain(text)).items():
        dense[WIDTH + _place(name)] = 1.0 if len(hits) == 1 else 1.5
    return Features(dense, sparse_row(text))
