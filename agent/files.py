"""Files that a command is to read or to write."""

from collections.abc import Iterable
from pathlib import Path

from agent.errors import InvalidInput


def files_in(given: Iterable[Path], kind: str, *, field: str) -> tuple[Path, ...]:
    """The files of ``given``, of a folder those that match the pattern ``kind``, by name. Raises ``InvalidInput``, naming the
    option ``field``, for a folder without such a file."""
    found: list[Path] = []
    for one in given:
        inside = sorted(one.glob(kind)) if one.is_dir() else [one]
        if not inside:
            raise InvalidInput(f"no {kind} in the folder {str(one)!r}", field=field)
        found += inside
    return tuple(found)


def refuse_unwritable(*, read: Iterable[Path] = (), **files: Path | None) -> None:
    """Raises ``InvalidInput``, naming the option, for a file that can't be written, that another option names, too, or that
    is to be ``read``: before the work, not after it."""
    taken = {file.resolve(): "read" for file in read}
    for field, file in files.items():
        if file is None:
            continue
        if not file.parent.is_dir():
            raise InvalidInput(f"no folder {str(file.parent)!r}", field=field)
        meant = file.resolve()
        if meant in taken:
            raise InvalidInput(f"{str(file)!r} is the file that is {taken[meant]}", field=field)
        try:
            if _is_kept(meant):
                taken[meant] = f"written by {field}"
        except OSError as error:
            raise InvalidInput(f"{str(file)!r} can't be written: {error.strerror}", field=field) from None


def _is_kept(file: Path) -> bool:
    """Whether what is written stays there; a device or a pipe keeps nothing. Opens the file as it will be opened, and leaves
    all as it was."""
    there = file.exists()
    if there and not file.is_file():
        return False
    with file.open("ab"):
        pass
    if not there:
        file.unlink()
    return True
