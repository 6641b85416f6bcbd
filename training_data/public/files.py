"""The edge to files that somebody else wrote: tables and JSON, checked by a pydantic model, refused with file and line."""

import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

Row = TypeVar("Row", bound=BaseModel)
Shape = TypeVar("Shape")


class PublicDataMissing(FileNotFoundError):
    """A folder or file of a public set is not where the user said."""


class PublicDataRefused(ValueError):
    """A file of a public set with something that can't be used; says file, line and field."""


class Record(BaseModel):
    """A row of somebody else's file, closed: a field that nobody told of is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OpenRecord(BaseModel):
    """A row of which only the named fields are read; the set has more, and not the same in each release."""

    model_config = ConfigDict(extra="ignore", frozen=True)


def set_folder(folder: Path, name: str) -> Path:
    """``folder/name``. Raises ``PublicDataMissing`` when either is not a folder."""
    if not folder.is_dir():
        raise PublicDataMissing(f"{folder} is no folder; name the one that holds the public sets")
    found = folder / name
    if not found.is_dir():
        raise PublicDataMissing(f"{folder} has no folder {name!r}; the public set {name} is not there")
    return found


def read_text(file: Path) -> str:
    """The text of a file, unpacked when it ends in ``.gz``. Raises ``PublicDataMissing`` or ``PublicDataRefused``."""
    if not file.is_file():
        raise PublicDataMissing(f"{file} is not there")
    try:
        content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        return content.decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise PublicDataRefused(f"{file}:1: (file): {error}") from None


def read_table(file: Path, model: type[Row], delimiter: str = ",") -> Iterator[tuple[int, Row]]:
    """The rows of a table with a header line, each after its line number. The model's fields (by alias) must all be columns."""
    reader = csv.reader(io.StringIO(read_text(file), newline=""), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    begins = 1
    try:
        for cells in reader:
            line, begins = begins, reader.line_num + 1
            if header is None:
                header = cells
                _check_header(file, header, model)
            elif not cells:
                continue
            elif len(cells) != len(header):
                raise PublicDataRefused(f"{file}:{line}: (line): {len(cells)} cells under {len(header)} columns")
            else:
                yield line, _checked(file, line, model, dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        raise PublicDataRefused(f"{file}:{begins}: (line): {error}") from None
    if header is None:
        raise PublicDataRefused(f"{file}:1: (header): the file is empty")


def _check_header(file: Path, header: list[str], model: type[BaseModel]) -> None:
    wanted = {field.alias or name: field.is_required() for name, field in model.model_fields.items()}
    for column, required in wanted.items():
        if required and column not in header:
            raise PublicDataRefused(f"{file}:1: {column}: the column is missing")
    strange = [] if model.model_config.get("extra") == "ignore" else [name for name in header if name not in wanted]
    if strange:
        raise PublicDataRefused(f"{file}:1: {strange[0]}: the column is unknown")


def _checked(file: Path, line: int, model: type[Row], values: dict[str, Any]) -> Row:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _refusal(file, line, error) from None


def _refusal(file: Path, line: int, error: ValidationError) -> PublicDataRefused:
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"]) or "(record)"
    return PublicDataRefused(f"{file}:{line}: {field}: {first['msg']}")


def read_json(file: Path, shape: TypeAdapter[Shape]) -> Shape:
    """A whole JSON document of the form ``shape``."""
    text = read_text(file)
    try:
        return shape.validate_python(json.loads(text))
    except json.JSONDecodeError as error:
        raise PublicDataRefused(f"{file}:{error.lineno}: (JSON): {error.msg}") from None
    except ValidationError as error:
        raise _refusal(file, 1, error) from None


def read_json_list(file: Path, shape: TypeAdapter[Shape]) -> Iterator[tuple[int, Shape]]:
    """The elements of a JSON list one by one, each after the line where it begins."""
    text = read_text(file)
    decoder = json.JSONDecoder()
    place, line = _next(text, 0), 1
    if text[place : place + 1] != "[":
        raise PublicDataRefused(f"{file}:1: (JSON): a list is expected")
    begin, place = 0, _next(text, place + 1)
    closed = text[place : place + 1] == "]"
    while not closed:
        line, begin = line + text.count("\n", begin, place), place
        try:
            element, place = decoder.raw_decode(text, place)
        except json.JSONDecodeError as error:
            raise PublicDataRefused(f"{file}:{error.lineno}: (JSON): {error.msg}") from None
        try:
            yield line, shape.validate_python(element)
        except ValidationError as error:
            raise _refusal(file, line, error) from None
        place = _next(text, place)
        mark = text[place : place + 1]
        closed = mark == "]"
        if mark not in {",", "]"}:
            raise PublicDataRefused(f"{file}:{text.count(chr(10), 0, place) + 1}: (JSON): ',' or ']' is expected")
        place = _next(text, place + 1)


def _next(text: str, place: int) -> int:
    """The place of the next character that is no white space."""
    while place < len(text) and text[place] in " \t\r\n":
        place += 1
    return place
