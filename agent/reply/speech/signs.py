"""Markup, emoji, abbreviations and signs: left out, or said as words."""

import re
from collections.abc import Mapping

from agent.reply.speech.tongue import Tongue
from agent.turn import Language

_LINKED = re.compile(r"!?\[(?P<text>[^\]\n]*)\]\((?P<link>[^)\n]*)\)")
_EMPHASIS = re.compile(r"(?P<mark>\*{1,3}|~~|`{1,3})(?=\S)(?P<text>[^\n]*?\S)(?P=mark)")
_UNDERLINED = re.compile(r"(?<!\w)(?P<mark>_{1,3})(?=\S)(?P<text>[^\n]*?\S)(?P=mark)(?!\w)")
_LINE_START = re.compile(r"^\s*(?:#{1,6}\s+|[-*•·▪]\s+|>\s?)", re.MULTILINE)
_TAG = re.compile(r"</?[a-z][a-z0-9]*(?:\s[^<>]*)?/?>", re.IGNORECASE)
_LINES = re.compile(r"(?P<end>[.!?…:;,]?)[ \t]*\n+\s*(?=\S)")
_PICTURES = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\u2190-\u21ff\u2300-\u23ff\u25a0-\u25ff\ufe0e\ufe0f\u200d\u20e3"
    "\U000e0020-\U000e007f™®©]+"
)
_LEFT_OVER = re.compile(r"[*`_~^|\\<>{}\[\]#]+")
_ARROW = re.compile(r"\s*(?:→|->|=>)\s*")
_DASH = re.compile(r"\s+[-–—]\s+|\s?—\s?|(?<=[^\W\d_])–(?=[^\W\d_])")
_AND = re.compile(r"(?<=\s)&(?=\s)|(?<=\w)\s?&\s?(?=\w)")
_OR = re.compile(r"(?<=[^\W\d_])/(?=[^\W\d_])")
_Y_O = re.compile(r"\b(?:y/o|and/or)\b", re.IGNORECASE)
_ABOUT = re.compile(r"[~≈]\s?(?=\d)")
_EQUALS = re.compile(r"\s=\s")
_PLUS = re.compile(r"\s\+\s")
_SPACE_BEFORE = re.compile(r"\s+(?=[,.;:!?)…](?:\s|$))")
_TWICE = re.compile(r"(?:,\s*){2,}|,\s*(?=[.!?;:])")
_ABBREVIATIONS: Mapping[Language, Mapping[str, str]] = {
    "es": {
        r"aprox\.": "aproximadamente", r"p\.\s?ej\.": "por ejemplo", r"EE\.\s?UU\.": "Estados Unidos",
        r"vs\.?": "contra", r"máx\.": "máximo", r"mín\.": "mínimo", r"tel\.": "teléfono", r"dpto\.": "departamento",
        r"c/u": "cada uno", r"info\.": "información", r"Av\.": "Avenida", r"etc\.": "etcétera",
    },
    "en": {
        r"approx\.": "approximately", r"e\.g\.": "for example", r"i\.e\.": "that is", r"vs\.?": "versus",
        r"tel\.": "telephone", r"dept\.": "department", r"w/o\b": "without", r"etc\.": "et cetera",
        r"Ave\.": "Avenue",
    },
}  # fmt: skip
_SHORTENED = {
    language: re.compile(
        "|".join(rf"(?P<_{place}>(?<!\w){short}(?!\w))" for place, short in enumerate(known)), re.IGNORECASE
    )
    for language, known in _ABBREVIATIONS.items()
}


def abbreviated(text: str) -> bool:
    return "." in text and any(pattern.search(text) for pattern in _SHORTENED.values())


def without_markup(text: str, _tongue: Tongue) -> str:
    """A link keeps its words; lines become sentences of their own."""
    text = _LINKED.sub(lambda match: match["text"] or match["link"], text)
    text = _LINE_START.sub("", text)
    for pattern in (_EMPHASIS, _UNDERLINED):
        text = pattern.sub(lambda match: match["text"], text)
    text = _TAG.sub("", text)
    return _LINES.sub(lambda match: f"{match['end'] or '.'} ", text)


def abbreviations(text: str, tongue: Tongue) -> str:
    """A dot that ended the sentence as well still does."""
    known = tuple(_ABBREVIATIONS[tongue.language].values())

    def whole(match: re.Match[str]) -> str:
        word = known[int(str(match.lastgroup)[1:])]
        ended = match.group(0).endswith(".") and not text[match.end() :].strip()
        return f"{word}{'.' if ended else ''}"

    return _SHORTENED[tongue.language].sub(whole, text)


def symbols(text: str, tongue: Tongue) -> str:
    """What is left of signs; pictures are not said."""
    text = _PICTURES.sub("", _ARROW.sub(", ", text))
    text = _Y_O.sub(tongue.either("o", "or"), text)
    text = _OR.sub(tongue.either(" o ", " or "), text)
    text = _AND.sub(tongue.either(" y ", " and "), text)
    text = _ABOUT.sub(tongue.either("unos ", "about "), text)
    text = _EQUALS.sub(tongue.either(" es igual a ", " equals "), text)
    text = _PLUS.sub(tongue.either(" más ", " plus "), text)
    text = text.replace("°", tongue.either(" grados", " degrees"))
    text = _DASH.sub(", ", text)
    text = _SPACE_BEFORE.sub("", _LEFT_OVER.sub("", text))
    text = " ".join(text.split())
    return _TWICE.sub(
        lambda match: ", " if match.group(0).rstrip().endswith(",") and match.group(0).count(",") > 1 else "", text
    )
