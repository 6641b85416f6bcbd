"""The command's work: faults in their order, a bar for each, then the table, JSON and report."""

import asyncio
from collections.abc import Collection, Sequence
from pathlib import Path

import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from agent.drill.course import Drilled, Plan, drill
from agent.drill.customers import lines
from agent.drill.fault import Fault
from agent.drill.faults import NEEDS_FAULTY_PREDICTORS
from agent.drill.stage import staged
from agent.drill.tables import show
from agent.files import refuse_unwritable
from agent.settings import Settings


def drill_faults(
    settings: Settings,
    faults: Collection[Fault],
    plan: Plan,
    workers: int,
    figures: Path | None,
    report: Path | None,
    console: Console,
) -> bool:
    """Whether nothing was lost, doubled, out of order or unanswered. Raises ``InvalidInput`` for a file that can't be
    written, before the work, and what ``staged`` raises."""
    refuse_unwritable(json=figures, report=report)
    ordered = [fault for fault in Fault if fault in faults]
    drilled = asyncio.run(drill_all(settings, ordered, plan, workers, console))
    rows = [one.row for one in drilled]
    if figures is not None:
        found = {"plan": plan, "workers": workers, "faults": [row.as_json() for row in rows]}
        figures.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")
    if report is not None:
        from agent.drill.report import render_report

        report.write_text(render_report(drilled, plan, workers), encoding="utf-8")
    show(console, rows)
    return not any(row.failed for row in rows)


async def drill_all(
    settings: Settings, faults: Sequence[Fault], plan: Plan, workers: int, console: Console
) -> list[Drilled]:
    """One after the other on the same server, as a bad week would have it; only predictors in trouble need another one."""
    said = lines(plan.seed)
    columns = (TextColumn("{task.description:<22}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[now]}"))
    with Progress(*columns, console=console) as progress:
        bars = {fault: progress.add_task(fault.value, start=False, total=1.0, now="") for fault in faults}
        start = progress.add_task("server starts", total=None, now="")
        drilled: list[Drilled] = []
        async with staged(settings.models_dir, workers, faulty=faults[0] in NEEDS_FAULTY_PREDICTORS) as stage:
            progress.remove_task(start)
            for fault in faults:
                bar = bars[fault]
                progress.start_task(bar)

                def told(now: str, share: float, bar: object = bar) -> None:
                    progress.update(bar, completed=share, now=now)  # pyright: ignore[reportArgumentType]

                drilled.append(await drill(stage, fault, plan, said, told))
                progress.update(bar, completed=1.0, now=drilled[-1].row.verdict[:60])
                progress.stop_task(bar)
    return drilled
