"""Writing that hides what it says: other alphabets, invisible and overstruck characters, spaced-out words, ciphers.

A reply in Spanish or English needs none of it, and no other check can read it.
"""

import re
import unicodedata
from collections.abc import Iterator

_UNSEEN = re.compile(
    r"\w[\u00ad\u180e\u200b-\u200f\u2060-\u2064\ufeff]+(?=\w)|[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]"
)
_DRESSED_UP = re.compile(r"[\U0001d400-\U0001d7ff\uff10-\uff5a\u2460-\u24ff\U0001f100-\U0001f1ff]")
"""Letters and digits of mathematics, of full width, in circles and squares."""
_OTHER_ALPHABET = re.compile(r"[^\W\d_\u0000-\u024f]|(?![0-9])\d|[\u0300-\u036f]")
_SPACED_OUT = re.compile(r"(?:(?<![^\W\d_])[^\W\d_](?:[\s.*·|/-]|\s-\s){1,3}){3,}[^\W\d_](?![^\W\d_])")
_LETTERED_DIGITS = re.compile(r"[^\W\d_]\d+[^\W\d_]|\b[01345]{1,2}(?!(?:am|pm|st|nd|rd|th|ro|[hkmx])\b)[^\W\d_]{3,}")
_NO_WORD = re.compile(
    r"[A-Za-z0-9+/=]{25,}|\b(?=\w*\d)(?=\w*[a-z])(?=\w*[A-Z])[A-Za-z0-9]{8,}\b|\b\w*(?:[a-z][A-Z]\w*?){3,}"
)
_BACKWARDS = re.compile(r"\b[a-záéíóúñ]+[A-ZÁÉÍÓÚÑ]\b")
_ROMAN = re.compile(r"\b(?=[IVXLCDM]{2,})M*(?:CM|CD|D?C*)(?:XC|XL|L?X*)(?:IX|IV|V?I*)\b")
_LATIN_SIGNS = frozenset("ªº°²³№™")
_SHOUTED = re.compile(r"^\W*[A-ZÁÉÍÓÚÑ]{5,}(?:\W+[A-ZÁÉÍÓÚÑ]{2,})*\W*$")


def hidden(text: str) -> Iterator[re.Match[str]]:
    """What of ``text``, as the model wrote it, is not written to be read."""
    for pattern in (_SPACED_OUT, _LETTERED_DIGITS, _NO_WORD, _BACKWARDS, _SHOUTED):
        yield from pattern.finditer(text)
    if text.isascii():
        yield from _amounts_in_roman(text)
        return
    yield from _UNSEEN.finditer(text)
    yield from _DRESSED_UP.finditer(text)
    composed = unicodedata.normalize("NFC", text)
    yield from (match for match in _OTHER_ALPHABET.finditer(composed) if match.group(0) not in _LATIN_SIGNS)
    yield from _amounts_in_roman(text)


def _amounts_in_roman(text: str) -> Iterator[re.Match[str]]:
    """Roman figures beside a currency or a percentage; "plan II" is a name."""
    for match in _ROMAN.finditer(text):
        if re.match(r"\s?(?:%|[$€£]|d[óo]lar|dollar|euro|peso|percent|por ?ciento|USD\b)", text[match.end() :]):
            yield match
