"""From a YAML file to a checked ``Playbook``; every fault is reported with file, line and field."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError
from yaml.composer import ComposerError
from yaml.reader import ReaderError

from prompts.errors import Fault, PlaybookRefused
from prompts.playbook import Language, Lines, Playbook, Strict, Text
from prompts.wording import placeholders

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
"""Levels of nesting; a playbook has eight."""
_TAG = "tag:yaml.org,2002:"
_BRACE = re.compile(r"[{}]")
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
    with file.open("rb") as opened:
        content = opened.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise PlaybookRefused((Fault(file, 1, "(file)", f"has more than {MAX_BYTES} bytes"),))
    root = _parse(file, content)
    faults: list[Fault] = []
    plain = _plain(root, file, (), faults)
    if faults:
        raise PlaybookRefused(tuple(faults))
    try:
        book = Playbook.model_validate(plain)
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


class _Loader(yaml.SafeLoader):
    """No aliases (a few lines of them can stand for gigabytes), no bottomless nesting."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        parser: Any = self
        mark = parser.peek_event().start_mark
        if self.check_event(yaml.AliasEvent):
            raise ComposerError(None, None, "aliases (*name) are not allowed", mark)
        if self._depth > MAX_DEPTH:
            raise ComposerError(None, None, f"is nested deeper than {MAX_DEPTH} levels", mark)
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


def _parse(file: Path, content: bytes) -> yaml.Node:
    try:
        root = yaml.compose(content.decode("utf-8"), Loader=_Loader)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise PlaybookRefused((Fault(file, line, "(file)", f"is not UTF-8: {error.reason}"),)) from None
    except ReaderError as error:
        line = content.decode("utf-8")[: error.position].count("\n") + 1
        raise PlaybookRefused((Fault(file, line, "(file)", f"has a forbidden character: {error.reason}"),)) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "is not YAML"
        raise PlaybookRefused((Fault(file, mark.line + 1 if mark else 1, "(file)", problem),)) from None
    if not isinstance(root, yaml.MappingNode):
        raise PlaybookRefused((Fault(file, 1, "(file)", "must be a mapping of fields"),))
    return root


def _plain(node: yaml.Node, file: Path, place: Place, faults: list[Fault]) -> Any:
    """What the node holds, with every key as it is written; what YAML itself gets wrong goes to ``faults``."""
    if isinstance(node, yaml.MappingNode):
        values: dict[str, Any] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                faults.append(Fault(file, line, _field(place), "has a key that is not a word"))
                continue
            if key.value in values:
                faults.append(Fault(file, line, _field((*place, key.value)), "is given twice"))
            values[key.value] = _plain(value, file, (*place, key.value), faults)
        return values
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, file, (*place, index), faults) for index, item in enumerate(node.value)]
    if node.tag == _TAG + "str":
        return node.value
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node)  # pyright: ignore[reportUnknownMemberType]
    except (yaml.YAMLError, ValueError):
        kind = node.tag.removeprefix(_TAG)
        faults.append(Fault(file, node.start_mark.line + 1, _field(place), f"can't be read as {kind!r}"))
        return None
    finally:
        loader.dispose()


def _fault(file: Path, root: yaml.Node, place: Place, problem: str) -> Fault:
    if place[-1:] == ("[key]",):  # pydantic's way to say that a key itself is wrong
        place, problem = place[:-1], f"is not a name that belongs here: {problem}"
    return Fault(file, _line(root, place), _field(place), problem)


def _line(node: yaml.Node, place: Place) -> int:
    """The line where the deepest part of ``place`` that the file has begins, its key included."""
    line = node.start_mark.line + 1
    for step in place:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == step), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            found = (node.value[step], node.value[step])
        else:
            found = None
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line


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
    if isinstance(value, tuple):
        return tuple(_fill(item, words, (*place, i), problems) for i, item in enumerate(nested))  # type: ignore[return-value]
    if isinstance(value, str) and _BRACE.search(value):
        problems.append((place, "has braces, but only texts in two languages can use placeholders"))
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
            return ""
        return words[name]

    filled = _PLACEHOLDER.sub(word, line)
    if _BRACE.search(filled):
        problems.append((place, "has braces left when its placeholders are filled"))
    return filled
