"""The pictures of the benchmarks: plain SVG that looks the same for the same figures."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

mpl.use("Agg")
SAME = {"svg.hashsalt": "benchmarks", "svg.fonttype": "none"}
Chart = tuple[str, Mapping[str, Mapping[str, float]]]
"""A title, and of each group the value of each stack."""


def bars(charts: Sequence[Chart], file: Path) -> None:
    """One chart below the other: a group of bars for each row, a bar for each stack, its value beside it."""
    with mpl.rc_context(SAME):
        figure = Figure(figsize=(9, 0.6 + 2.7 * len(charts)), layout="constrained")
        drawn = figure.subplots(len(charts), 1, squeeze=False)[:, 0]
        for axes, (title, groups) in zip(drawn, charts, strict=True):
            _bars(axes, title, groups)
        _save(figure, file)


def _bars(axes: Axes, title: str, groups: Mapping[str, Mapping[str, float]]) -> None:
    stacks = list(dict.fromkeys(stack for group in groups.values() for stack in group))
    places = np.arange(len(groups))
    height = 0.8 / len(stacks)
    for number, stack in enumerate(stacks):
        values = [group.get(stack) or 0.0 for group in groups.values()]
        drawn = axes.barh(places + number * height, values, height, label=stack)
        axes.bar_label(drawn, fmt="%.4g", padding=3, fontsize=8)
    axes.set_yticks(places + 0.4 - height / 2, list(groups))
    axes.invert_yaxis()
    axes.set_title(title, loc="left")
    axes.margins(x=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8)


def curves(title: str, below: str, beside: str, series: Mapping[str, Mapping[float, float]], file: Path) -> None:
    """A line for each series, its points marked."""
    with mpl.rc_context(SAME):
        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.subplots()
        for name, points in series.items():
            axes.plot(list(points), list(points.values()), marker="o", label=name)
        axes.set(title=title, xlabel=below, ylabel=beside, xscale="log")
        axes.set_ylim(bottom=0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend()
        _save(figure, file)


def _save(figure: Figure, file: Path) -> None:
    file.parent.mkdir(exist_ok=True)
    figure.savefig(file, metadata={"Date": None})


def lines(panels: Mapping[str, Mapping[float, float]], below: str, file: Path) -> None:
    """One small panel below the other, all over the same axis, each from nothing up."""
    with mpl.rc_context(SAME):
        figure = Figure(figsize=(8, 1.4 * len(panels)), layout="constrained")
        drawn = figure.subplots(len(panels), 1, squeeze=False, sharex=True)[:, 0]
        for axes, (title, points) in zip(drawn, panels.items(), strict=True):
            axes.plot(list(points), list(points.values()))
            axes.set_ylim(bottom=0)
            axes.set_title(title, loc="left", fontsize=9)
            axes.spines[["top", "right"]].set_visible(False)
        drawn[-1].set_xlabel(below)
        _save(figure, file)
