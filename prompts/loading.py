"""From a YAML file to a checked ``Playbook``; every fault is reported with file, line and field."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from prompts.errors import Fault, PlaybookRefused
from prompts.playbook import Language, Lines, Playbook, Strict, Text
from prompts.wording import placeholders

MAX_BYTES = 1_000_000
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")

Place = tuple[str | int, ...]
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class LoadedPlaybook:
    """``book`` has its placeholders filled; ``sha256`` is that of the file's bytes."""

    book: Playbook
    sha256: str
    file: Path


def read_playbook(file: Path) -> LoadedPlaybook:
    """Reads and checks one file. Raises ``PlaybookRefused`` with every fault found, ``OSError`` if it can't be read."""
    content = file.read_bytes()
    if len(content) > MAX_BYTES:
        raise PlaybookRefused((Fault(file, 1, "(file)", f"has {len(content)} bytes, more than {MAX_BYTES}"),))
    root = _parse(file, content)
    faults = tuple(Fault(file, line, _field(place), problem) for line, place, problem in _duplicate_keys(root, ()))
    if faults:
        raise PlaybookRefused(faults)
    try:
        book = Playbook.model_validate(_plain(root))
    except ValidationError as error:
        raise PlaybookRefused(
            tuple(_fault(file, root, tuple(item["loc"]), item["msg"]) for item in error.errors())
        ) from None
    problems = list(book.incoherences())
    if book.id != file.stem:
        problems.append((("id",), f"is {book.id!r}, but the file is called {file.name!r}"))
    words: dict[Language, dict[str, str]] = {"es": placeholders(book, "es"), "en": placeholders(book, "en")}
    filled = _fill(book, words, (), problems)
    if problems:
        raise PlaybookRefused(tuple(_fault(file, root, place, problem) for place, problem in problems))
    return LoadedPlaybook(filled, hashlib.sha256(content).hexdigest(), file)


def _parse(file: Path, content: bytes) -> yaml.Node:
    try:
        root = yaml.compose(content.decode("utf-8"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise PlaybookRefused((Fault(file, line, "(file)", f"is not UTF-8: {error.reason}"),)) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "is not YAML"
        raise PlaybookRefused((Fault(file, mark.line + 1 if mark else 1, "(file)", problem),)) from None
    if not isinstance(root, yaml.MappingNode):
        raise PlaybookRefused((Fault(file, 1, "(file)", "must be a mapping of fields"),))
    return root


def _plain(node: yaml.Node) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(node)  # pyright: ignore[reportUnknownMemberType]
    finally:
        loader.dispose()


def _duplicate_keys(node: yaml.Node, place: Place) -> Iterator[tuple[int, Place, str]]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                yield key.start_mark.line + 1, (*place, key.value), "is given twice"
            seen.add(key.value)
            yield from _duplicate_keys(value, (*place, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _duplicate_keys(value, (*place, index))


def _fault(file: Path, root: yaml.Node, place: Place, problem: str) -> Fault:
    return Fault(file, _line(root, place), _field(place), problem)


def _line(node: yaml.Node, place: Place) -> int:
    """The line of the deepest part of ``place`` that the file has."""
    for step in place:
        if isinstance(node, yaml.MappingNode):
            found = next((value for key, value in node.value if key.value == step), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            found = node.value[step]
        else:
            found = None
        if found is None:
            break
        node = found
    return node.start_mark.line + 1


def _field(place: Place) -> str:
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text or "(file)"


def _fill(
    value: _Value, words: Mapping[Language, Mapping[str, str]], place: Place, problems: list[tuple[Place, str]]
) -> _Value:
    """``value`` with the placeholders of all its texts filled in; unknown ones go to ``problems``."""
    if isinstance(value, Text | Lines):
        return value.model_copy(
            update={
                language: _fill_side(getattr(value, language), words[language], (*place, language), problems)
                for language in ("es", "en")
            }
        )
    nested: Any = value
    if isinstance(value, Strict):
        update = {
            name: _fill(getattr(value, name), words, (*place, name), problems) for name in type(value).model_fields
        }
        return value.model_copy(update=update)
    if isinstance(value, Mapping):
        return {key: _fill(item, words, (*place, key), problems) for key, item in nested.items()}  # type: ignore[return-value]
    if isinstance(value, tuple) and any(isinstance(item, Strict) for item in nested):
        return tuple(_fill(item, words, (*place, i), problems) for i, item in enumerate(nested))  # type: ignore[return-value]
    return nested


def _fill_side(
    side: str | tuple[str, ...], words: Mapping[str, str], place: Place, problems: list[tuple[Place, str]]
) -> str | tuple[str, ...]:
    if isinstance(side, tuple):
        return tuple(_fill_line(line, words, (*place, i), problems) for i, line in enumerate(side))
    return _fill_line(side, words, place, problems)


def _fill_line(line: str, words: Mapping[str, str], place: Place, problems: list[tuple[Place, str]]) -> str:
    def word(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in words:
            problems.append((place, f"uses {{{name}}}, which is none of {', '.join(sorted(words))}"))
            return match.group(0)
        return words[name]

    return _PLACEHOLDER.sub(word, line)
