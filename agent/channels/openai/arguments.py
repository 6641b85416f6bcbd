"""Arguments that satisfy a tool's own JSON schema, out of what is known: the reason, the language, and what the schema or the
description itself names. What can't be known is left out; where it is required there are no arguments."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

DEEPEST = 4
_NOT_KNOWN = object()
_REASON = re.compile(r"reason|summary|agent_?message|explanation|notes?$|comment", re.IGNORECASE)
_SAID_ALREADY = re.compile(r"^(client_?|customer_?|farewell_?)?message$", re.IGNORECASE)
"""What the platform would say to the customer; the reply has said it."""
_PLACE = re.compile(r"destination|number|phone|sip|extension|target|^to$", re.IGNORECASE)
_LANGUAGE = re.compile(r"^(language|lang|language_?code|locale)$", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.+])\+?\(?\d[\d ().-]{5,}\d(?!\w)|sips?:[^\s,:;\"'<>]+@[^\s,;\"'<>]+")
_DATE = re.compile(r"(?:19|20)\d\d-\d\d-\d\d")
_EXAMPLE = re.compile(r"\b(?:e\.? ?g\b|examples?\b|such as\b|like\b|formats?\b|ej(?:emplo)?\b)[^+\d]*$", re.IGNORECASE)
"""What stands before a number that nobody is to call."""
_FEWEST_DIGITS, _FEWEST_WITHOUT_PLUS, _MOST_DIGITS, _BEFORE = 7, 10, 15, 30
LONGEST_READ = 10_000
"""Characters of a description in which numbers are looked for."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What we know for a tool. ``topic``: what a person has to take over, e.g. ``legal``."""

    reason: str
    topic: str | None = None
    language: str | None = None


def arguments_for(schema: Mapping[str, Any], described: str, wanted: Wanted) -> dict[str, Any] | None:
    """``None`` when something that is required can't be known. ``described``: the tool's own description."""
    found = _object(schema, described, wanted, DEEPEST)
    return None if found is _NOT_KNOWN else cast(dict[str, Any], found)


def _object(schema: Mapping[str, Any], described: str, wanted: Wanted, levels: int) -> object:
    given = schema.get("properties")
    properties = cast(dict[str, Any], given) if isinstance(given, dict) else {}
    listed = schema.get("required")
    required = [name for name in cast(list[Any], listed) if isinstance(name, str)] if isinstance(listed, list) else []
    found: dict[str, Any] = {}
    for name in dict.fromkeys([*properties, *required]):
        inner = properties.get(name)
        needed = name in required
        value = _value(
            name, cast(dict[str, Any], inner) if isinstance(inner, dict) else {}, described, wanted, levels, needed
        )
        if value is not _NOT_KNOWN and (needed or value != {}):
            found[name] = value
        elif needed:
            return _NOT_KNOWN
    return found


def _value(
    name: str, schema: Mapping[str, Any], described: str, wanted: Wanted, levels: int, needed: bool
) -> object:  # fmt: skip
    if "const" in schema:
        return schema["const"]
    kinds = _kinds(schema)
    if "object" in kinds or "properties" in schema:
        return (
            _object(schema, described, wanted, levels - 1) if levels and (needed or _PLACE.search(name)) else _NOT_KNOWN
        )
    named = schema.get("enum")
    choices = cast(list[Any], named) if isinstance(named, list) else None
    own = schema.get("description")
    value = _known(name, choices, own if isinstance(own, str) else "", described, wanted, needed)
    if value is not _NOT_KNOWN and (choices is not None or _fits(value, schema, kinds)):
        return value
    if "default" in schema:
        return schema["default"]
    if choices is not None and len(choices) == 1 and needed and not _LANGUAGE.search(name):
        return choices[0]
    return None if needed and "null" in kinds else _NOT_KNOWN


def _known(
    name: str, choices: Sequence[Any] | None, own: str, described: str, wanted: Wanted, needed: bool
) -> object:  # fmt: skip
    if _LANGUAGE.search(name):
        return _language(choices, wanted)
    if _PLACE.search(name):
        if choices is not None:
            return _meant(choices, wanted.topic) if choices else _NOT_KNOWN
        return next((number for text in (own, described) for number in numbers_in(text)), _NOT_KNOWN)
    if choices is not None:
        return _NOT_KNOWN
    if _REASON.search(name):
        return wanted.reason
    return "" if needed and _SAID_ALREADY.search(name) else _NOT_KNOWN


def _language(choices: Sequence[Any] | None, wanted: Wanted) -> object:
    if wanted.language is None or choices is None:
        return wanted.language or _NOT_KNOWN
    texts = [choice for choice in choices if isinstance(choice, str)]
    exact = [choice for choice in texts if choice.lower() == wanted.language]
    alike = [choice for choice in texts if choice.lower()[:3] in (f"{wanted.language}-", f"{wanted.language}_")]
    return next(iter([*exact, *alike]), _NOT_KNOWN)


def _meant(choices: Sequence[Any], topic: str | None) -> object:
    """The place that names the topic, else the first."""
    return next((choice for choice in choices if topic and topic in str(choice).lower()), choices[0])


def numbers_in(text: str) -> list[str]:
    """Telephone numbers and SIP addresses, as they stand in ``text``; no examples of them, and no dates."""
    text = text[:LONGEST_READ]
    found = (match for match in _NUMBER.finditer(text) if not _EXAMPLE.search(text[: match.start()][-_BEFORE:]))
    return [one for match in found if _is_number(one := match.group().strip())]


def _is_number(text: str) -> bool:
    digits = sum(map(str.isdigit, text))
    fewest = _FEWEST_DIGITS if text.startswith("+") else _FEWEST_WITHOUT_PLUS
    return text.startswith("sip") or (fewest <= digits <= _MOST_DIGITS and not _DATE.match(text))


def _kinds(schema: Mapping[str, Any]) -> list[str]:
    kind = schema.get("type")
    if isinstance(kind, str):
        return [kind]
    return [one for one in cast(list[Any], kind) if isinstance(one, str)] if isinstance(kind, list) else []


def _fits(value: object, schema: Mapping[str, Any], kinds: Sequence[str]) -> bool:
    """Whether a text may stand where ``schema`` is. Of its bounds the lengths are read; a pattern is not tried."""
    if not isinstance(value, str) or (kinds and "string" not in kinds):
        return False
    least, most = schema.get("minLength", 0), schema.get("maxLength", len(value))
    return isinstance(least, int) and isinstance(most, int) and least <= len(value) <= most and "pattern" not in schema
