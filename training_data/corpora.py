"""Hand-written, labelled utterances: ``corpora/*.jsonl``, one file an author. Format in ``training_data/README.md``."""

from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

CORPORA = Path(__file__).parent / "corpora"


class Labelled(BaseModel):
    """One customer utterance. ``context`` is what the agent said before; ``note`` marks a hard case and says which kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(min_length=1, max_length=80)]
    vertical: Annotated[str, Field(min_length=1, max_length=40)]
    text: Annotated[str, Field(min_length=1, max_length=4000)]
    language: Literal["es", "en"] | None = None
    context: Annotated[str, Field(max_length=4000)] = ""
    objections: tuple[str, ...]
    needs: tuple[str, ...]
    acts: tuple[str, ...] | None = None
    note: str | None = None
    source: str = ""


class CorpusRefused(ValueError):
    """A labelled file with a line that can't be used; says file, line and field."""


def written_lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a ``.jsonl`` file that are not empty, each with its number from 1; a byte order mark is no part of it."""
    with file.open("rb") as lines:
        for number, written in enumerate(lines, start=1):
            line = (written.removeprefix(BOM_UTF8) if number == 1 else written).strip()
            if line:
                yield number, line


Fault = Callable[[Labelled], str | None]
"""What is wrong with a row that fits the format, as ``field: problem``."""


def read_corpus(file: Path, fault: Fault | None = None) -> Iterator[Labelled]:
    """The rows of one file. Raises ``CorpusRefused`` at the first line that does not fit the format, or has a ``fault``."""
    for number, line in written_lines(file):
        try:
            row = Labelled.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"]) or "(line)"
            raise CorpusRefused(f"{file}:{number}: {field}: {first['msg']}") from None
        if fault is not None and (wrong := fault(row)) is not None:
            raise CorpusRefused(f"{file}:{number}: {wrong}")
        yield row.model_copy(update={"source": file.stem})


def read_corpora(folders: Iterable[Path] = (CORPORA,), fault: Fault | None = None) -> list[Labelled]:
    """All rows of all files of the folders, in the order of file names. Raises as ``read_corpus``, and for a folder without
    a file."""
    rows: list[Labelled] = []
    for folder in folders:
        files = sorted(folder.glob("*.jsonl"))
        if not files:
            raise CorpusRefused(f"{folder}: no *.jsonl file")
        rows += [row for file in files for row in read_corpus(file, fault)]
    return rows
