"""The report: one HTML page without network and script, in the style of the evaluation's."""

# pyright: reportUnknownMemberType=false
from collections.abc import Sequence

import numpy as np
from jinja2 import Environment, PackageLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from agent.drill.course import Drilled, Plan
from agent.drill.tables import COLUMNS, cells
from agent.evaluation.plots import ACCENT, INK, RULES, svg_of

BIN_S = 1.0


def render_report(drilled: Sequence[Drilled], plan: Plan, workers: int) -> str:
    environment = Environment(
        loader=PrefixLoader(
            {"drill": PackageLoader("agent.drill", "."), "page": PackageLoader("agent.evaluation", ".")}
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("drill/report.html.j2").render(
        columns=COLUMNS,
        rows=[(one.row, cells(one.row)) for one in drilled],
        plan=plan,
        workers=workers,
        timeline=Markup(timeline("timeline", drilled)),  # noqa: S704  numbers and our own words only
    )


def timeline(name: str, drilled: Sequence[Drilled]) -> str:
    """Answered turns a second, and their 95th percentile; each fault shaded from its beginning to its end. What lies
    between two faults (a database being read, a server starting) is left out."""

    def draw(figure: Figure) -> None:
        rate, slow = figure.subplots(2, 1, sharex=True)
        offset = 0.0
        for one in drilled:
            times = np.array([at for at, _ in one.answered] or [one.window.began])
            first, last = min(float(times.min()), one.window.began), max(float(times.max()), one.window.ended)
            places, per_s, p95 = _binned(one, first, last)
            for axes, values in ((rate, per_s), (slow, p95)):
                axes.plot(places + offset, values, color=ACCENT, linewidth=1.2)
                if one.row.times:
                    window = (
                        one.window.began - first + offset,
                        max(one.window.ended, one.window.began + 0.2) - first + offset,
                    )
                    axes.axvspan(*window, color=RULES, alpha=0.25, linewidth=0)
            rate.text(
                one.window.began - first + offset, 1.01, one.row.name, rotation=55, fontsize=8, color=INK,
                transform=rate.get_xaxis_transform(),
            )  # fmt: skip
            offset += last - first + BIN_S
        rate.set(ylabel="answered turns/s", ylim=(0, None))
        slow.set(ylabel="p95 ms", xlabel="seconds of drill", yscale="log")

    return svg_of(name, (11.0, 5.4), draw)


def _binned(one: Drilled, first: float, last: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Middles of bins from ``first`` on, turns a second in each, and the 95th percentile of their milliseconds."""
    bins = max(1, int(np.ceil((last - first) / BIN_S)))
    taken: list[list[float]] = [[] for _ in range(bins)]
    for at, ms in one.answered:
        taken[min(bins - 1, int((at - first) / BIN_S))].append(ms)
    p95 = [float(np.percentile(each, 95)) if each else float("nan") for each in taken]
    return (np.arange(bins) + 0.5) * BIN_S, np.array([len(each) / BIN_S for each in taken]), np.array(p95)
