"""The words of a text as numbers: word n-grams and character n-grams, weighted by how rare they are (TF-IDF).

A term is known by its 32-bit hash, so that a model needs no list of words and none of the corpora's text leaves with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from predictors.text import words

LONGEST_PHRASE = 3
CHARACTERS = (2, 3, 4, 5)
IN_TEXTS = 3
"""A term must stand in so many texts of the training data, or it is left out."""

Hashes = NDArray[np.uint32]


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """All terms of one text, repeated ones too.

    ``hashes``: shape ``(terms,)``, the first ``phrases`` are word n-grams, the others character n-grams. Term ``i`` covers
    the words ``first[i]`` to ``last[i]`` of ``said``.
    """

    said: tuple[str, ...]
    hashes: Hashes
    phrases: int
    first: NDArray[np.int64]
    last: NDArray[np.int64]


def terms(text: str) -> Terms:
    said = words(text)
    marked = ("<", *said, ">")
    top = len(said) - 1
    phrases = [
        (phrase_hash(" ".join(marked[start : start + size])), max(0, start - 1), min(top, start + size - 2))
        for size in range(1, LONGEST_PHRASE + 1)
        for start in range(len(marked) - size + 1)
    ]
    inside = [word_hashes(word) for word in said]
    owner = np.repeat(np.arange(len(said)), [len(one) for one in inside])
    hashes, first, last = (np.array(column, dtype=np.int64) for column in zip(*phrases, strict=True))
    return Terms(
        said,
        np.concatenate([hashes.astype(np.uint32), *inside]),
        len(phrases),
        np.concatenate([first, owner]),
        np.concatenate([last, owner]),
    )


@lru_cache(maxsize=100_000)
def phrase_hash(phrase: str) -> int:
    return crc32(f"w:{phrase}".encode())


@lru_cache(maxsize=20_000)
def word_hashes(word: str) -> Hashes:
    """The character n-grams of one word, its ends marked."""
    marked = f"<{word}>"
    grams = {marked[i : i + size] for size in CHARACTERS for i in range(max(1, len(marked) - size + 1))}
    return np.array([crc32(f"c:{gram}".encode()) for gram in sorted(grams)], dtype=np.uint32)


@dataclass(frozen=True, slots=True)
class Placed:
    """A text in a vocabulary. ``columns`` are its distinct known terms, ``weights`` theirs; each kind of term has length
    one together. ``where``: for every known occurrence its place in ``columns``, ``occurs`` its index in ``Terms``."""

    columns: NDArray[np.int64]
    weights: NDArray[np.float32]
    where: NDArray[np.int64]
    occurs: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """``hashes``: sorted, shape ``(size,)``; ``rarity``: inverse document frequency; ``phrase``: word n-gram or not."""

    hashes: Hashes
    rarity: NDArray[np.float32]
    phrase: NDArray[np.bool_]

    @classmethod
    def of(cls, texts: Sequence[Terms]) -> "Vocabulary":
        """What occurs often enough in ``texts``. Smooth inverse document frequency, as scikit-learn computes it."""
        kinds: list[tuple[Hashes, NDArray[np.float32], NDArray[np.bool_]]] = []
        for phrase in (True, False):
            parts = [one.hashes[: one.phrases] if phrase else one.hashes[one.phrases :] for one in texts]
            seen = np.concatenate([np.unique(part) for part in parts]) if parts else np.empty(0, np.uint32)
            found, times = np.unique(seen, return_counts=True)
            found, times = found[times >= IN_TEXTS], times[times >= IN_TEXTS]
            rarity = np.log((1 + len(texts)) / (1 + times)) + 1
            kinds.append((found, rarity.astype(np.float32), np.full(len(found), phrase)))
        hashes, rarities, phrases = (np.concatenate(column) for column in zip(*kinds, strict=True))
        order = np.argsort(hashes, kind="stable")
        return cls(hashes[order], rarities[order], phrases[order])

    def __len__(self) -> int:
        return len(self.hashes)

    def place(self, said: Terms) -> Placed:
        """Where the text's known terms stand. Computed once a text for all heads of one vocabulary."""
        return placed(self, said)


@lru_cache(maxsize=64)
def placed(vocabulary: Vocabulary, said: Terms) -> Placed:
    spot = np.searchsorted(vocabulary.hashes, said.hashes)
    spot[spot == len(vocabulary)] = 0
    occurs = np.flatnonzero(vocabulary.hashes[spot] == said.hashes) if len(vocabulary) else np.empty(0, np.int64)
    columns, where, times = np.unique(spot[occurs], return_inverse=True, return_counts=True)
    weights = (1 + np.log(times)) * vocabulary.rarity[columns]
    for kind in (vocabulary.phrase[columns], ~vocabulary.phrase[columns]):
        length = float(np.sqrt(np.sum(weights[kind] ** 2)))
        if length:
            weights[kind] /= length
    return Placed(columns, weights.astype(np.float32), where, occurs)


@lru_cache(maxsize=8)
def shared_vocabulary(hashes: bytes, rarity: bytes, phrase: bytes) -> Vocabulary:
    """One object for heads that were trained on the same texts, so that a message is looked up once."""
    return Vocabulary(
        np.frombuffer(hashes, np.uint32), np.frombuffer(rarity, np.float32), np.frombuffer(phrase, np.bool_)
    )


def pull(said: Terms, placed: Placed, carried: NDArray[np.float32]) -> NDArray[np.float64]:
    """How much each word of ``said`` carried, shape ``(words,)``; ``carried``: each column's share of the score."""
    found = np.zeros(len(said.said))
    times = np.bincount(placed.where, minlength=len(placed.columns))
    share = carried[placed.where] / times[placed.where]
    first, last = said.first[placed.occurs], said.last[placed.occurs]
    for step in range(LONGEST_PHRASE):
        inside = first + step <= last
        np.add.at(found, (first + step)[inside], (share / np.maximum(last - first + 1, 1))[inside])
    return found
