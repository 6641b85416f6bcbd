"""The commands' work: plan, play, judge, write; whether all is well decides the exit status."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from agent.errors import InvalidInput
from agent.files import refuse_unwritable
from agent.replay.comparing.comparison import compare
from agent.replay.door import cases_in
from agent.replay.plan import Crowd, Plan, Server
from agent.replay.played import Run, read_run
from agent.replay.pool import play_all
from agent.replay.report.junit import to_junit
from agent.replay.report.pages import render_comparison, render_run
from agent.replay.tables import show_comparison, show_run
from agent.replay.version import Version, base_of, is_changed
from agent.settings import Settings

AT_ONCE = 8
"""Conversations at the same time where a model or a server is waited for."""


@dataclass(frozen=True, slots=True)
class Written:
    """Files to write; ``None``: not wanted. ``base``: the run of the version as it is, read if the file is there."""

    json: Path | None = None
    report: Path | None = None
    junit: Path | None = None
    base: Path | None = None

    def check(self) -> None:
        """Raises ``InvalidInput`` before the work for what can't be written after it."""
        kept = [self.base] if self.base is not None and self.base.exists() else []
        base = None if kept else self.base
        refuse_unwritable(read=kept, json=self.json, report=self.report, junit=self.junit, base=base)


@dataclass(frozen=True, slots=True)
class How:
    """On how many processes, or on which cluster; ``strict``: any conversation that passed and fails now is a regression."""

    jobs: int | None = None
    cluster: str | None = None
    strict: bool = False

    def play(self, plan: Plan, settings: Settings, console: Console, problems: tuple[str, ...]) -> Run:
        jobs = self.jobs
        if plan.waits:
            plan, jobs = plan.model_copy(update={"at_once": AT_ONCE}), 1
        run = play_all(plan, settings, console, jobs=jobs, cluster=self.cluster)
        return run.model_copy(update={"problems": problems})


def replay_files(
    settings: Settings,
    files: Sequence[Path],
    version: Version,
    written: Written,
    console: Console,
    how: How,
    *,
    trials: int = 1,
    as_recorded: bool = False,
    server: Server | None = None,
    customer: str | None = None,
    judge: str | None = None,
) -> bool:
    """Plays the cases and whether all is well: no check failed; where something is changed, nothing got worse by it."""
    written.check()
    found = cases_in(files, settings)
    problems = tuple(str(problem) for problem in found.problems)
    if not found.cases:
        raise InvalidInput("; ".join(problems) or "no case", field="files")
    left_out = [case for case in found.cases if case.scenario is not None and customer is None]
    if left_out:
        problems = (*problems, *(f"{case.source}: customer: needs a model that plays him" for case in left_out))
    cases = tuple(case for case in found.cases if case.scenario is None or customer is not None)
    if not cases:
        raise InvalidInput("; ".join(problems), field="files")
    plan = Plan(
        version=version,
        cases=cases,
        server=server,
        trials=trials,
        as_recorded=as_recorded,
        customer=customer,
        judge=judge,
    )
    return play_and_judge(plan, settings, written, console, problems, how)


def simulate_crowd(
    settings: Settings,
    crowd: Crowd,
    version: Version,
    written: Written,
    console: Console,
    how: How,
    *,
    trials: int = 1,
    customer: str | None = None,
    judge: str | None = None,
) -> bool:
    """As ``replay_files``, with simulated buyers."""
    written.check()
    plan = Plan(version=version, crowd=crowd, trials=trials, customer=customer, judge=judge)
    return play_and_judge(plan, settings, written, console, (), how)


def play_and_judge(
    plan: Plan,
    settings: Settings,
    written: Written,
    console: Console,
    problems: tuple[str, ...],
    how: How,
) -> bool:
    changed = plan.server is None and is_changed(plan.version, settings)
    base = _kept(written.base) if changed else None
    run = how.play(plan, settings, console, problems)
    if changed and base is None:
        base = _base(plan, settings, written.base, console, problems, how)
    if written.json is not None:
        written.json.write_bytes(run.to_json())
    if written.junit is not None:
        written.junit.write_bytes(to_junit(run))
    if base is None:
        if written.report is not None:
            written.report.write_text(render_run(run), encoding="utf-8")
        show_run(console, run)
        return run.passed
    return _compared(base, run, written.report, None, console, how.strict) and not problems


def _kept(file: Path | None) -> Run | None:
    """The run of the version as it is, if it was kept. Raises ``InvalidInput`` for another file, before any work."""
    return read_run(file) if file is not None and file.exists() else None


def _base(
    plan: Plan, settings: Settings, file: Path | None, console: Console, problems: tuple[str, ...], how: How
) -> Run:
    """The same conversations on the version as it is, written into ``file``."""
    as_it_is = plan.model_copy(update={"version": base_of(plan.version, settings)})
    run = how.play(as_it_is, settings, console, problems)
    if file is not None:
        file.write_bytes(run.to_json())
    return run


def compare_runs(
    a: Path, b: Path, report: Path | None, json: Path | None, console: Console, *, strict: bool = False
) -> bool:
    """Whether ``b`` is no worse than ``a``."""
    Written(json=json, report=report).check()
    return _compared(read_run(a), read_run(b), report, json, console, strict)


def _compared(a: Run, b: Run, report: Path | None, json: Path | None, console: Console, strict: bool) -> bool:
    comparison = compare(a, b, strict=strict)
    if report is not None:
        report.write_text(render_comparison(a, b, comparison), encoding="utf-8")
    if json is not None:
        json.write_bytes(comparison.to_json())
    show_comparison(console, comparison)
    return not comparison.regressed
