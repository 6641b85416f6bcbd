"""The command's work: files in, tables on the console, JSON and report on the disk."""

import asyncio
from collections.abc import Collection, Sequence
from pathlib import Path

import orjson
from rich.console import Console

from agent.errors import InvalidInput
from agent.evaluation.cases import Part, Problem
from agent.evaluation.run import evaluate_cases, read_files
from agent.evaluation.tables import show
from agent.files import files_in, refuse_unwritable
from agent.settings import Settings


def evaluate_files(
    settings: Settings,
    data: Sequence[Path],
    parts: Collection[Part],
    report: Path | None,
    figures: Path | None,
    console: Console,
) -> tuple[Problem, ...]:
    """Evaluates the good lines and returns the bad ones. ``data``: files, or folders of ``*.jsonl``. Raises ``InvalidInput``
    where no line is bad and none is there, and for a file that can't be written or would be one that is read, before the
    work."""
    files = files_in(data, "*.jsonl", field="data")
    refuse_unwritable(read=files, report=report, json=figures)
    cases = read_files(settings, files)
    try:
        evaluation = asyncio.run(evaluate_cases(settings, cases, parts, files, console))
    except InvalidInput:
        if cases.problems:
            return cases.problems
        raise
    if figures is not None:
        figures.write_bytes(orjson.dumps(evaluation.as_json(), option=orjson.OPT_INDENT_2) + b"\n")
    if report is not None:
        from agent.evaluation.report import render_report

        report.write_text(render_report(evaluation, cases.problems), encoding="utf-8")
    show(console, evaluation)
    return cases.problems
