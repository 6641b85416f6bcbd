"""The door for tests: conversations as ordinary, synchronous calls."""

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from rich.console import Console

from agent.bootstrap import served_books
from agent.errors import InvalidInput
from agent.replay.cases import Case
from agent.replay.plan import Plan
from agent.replay.played import PlayedConversation, Run
from agent.replay.player import Player
from agent.replay.pool import play_all
from agent.replay.reading.files import CaseFile, read_cases
from agent.replay.version import Version
from agent.settings import Settings

DEFAULT = Version("as it is")


def replay(
    *files: str | Path,
    version: Version = DEFAULT,
    settings: Settings | None = None,
    trials: int = 1,
    as_recorded: bool = False,
    jobs: int = 1,
) -> Run:
    """Plays the cases of ``files`` (or folders) and judges them. Lines that can't be read are the run's ``problems``.

    Raises ``InvalidInput`` when no case can be played."""
    settings = settings or Settings()
    found = cases_in(files, settings)
    if not found.cases:
        raise InvalidInput("; ".join(str(problem) for problem in found.problems) or "no case", field="files")
    plan = Plan(version=version, cases=found.cases, trials=trials, as_recorded=as_recorded)
    run = play_all(plan, settings, Console(stderr=True), jobs=jobs)
    return run.model_copy(update={"problems": tuple(str(problem) for problem in found.problems)})


def cases_in(files: Iterable[str | Path], settings: Settings) -> CaseFile:
    return read_cases([Path(file) for file in files], served_books(settings), settings.default_playbook)


class Replayer:
    """Plays case after case on one agent, from ordinary code: for tests that look at one conversation each."""

    def __init__(self, version: Version = DEFAULT, settings: Settings | None = None) -> None:
        self._version = version
        self._settings = settings or Settings()

    def __enter__(self) -> Self:
        self._loop = asyncio.Runner()
        self._folder = TemporaryDirectory()
        plan = Plan(version=self._version)
        self._player = Player(plan, self._settings, Path(self._folder.name))
        self._loop.run(self._player.__aenter__())
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.run(self._player.__aexit__())
        self._loop.close()
        self._folder.cleanup()

    def play(self, case: Case, *, trial: int = 0) -> PlayedConversation:
        return self._loop.run(self._player.play_case(case, trial))

    def cases(self, files: Sequence[str | Path]) -> tuple[Case, ...]:
        """The cases of ``files``. Raises ``InvalidInput`` naming every line that can't be read."""
        found = cases_in(files, self._settings)
        if found.problems:
            raise InvalidInput("; ".join(str(problem) for problem in found.problems), field="files")
        return found.cases
