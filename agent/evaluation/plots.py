"""Plots as SVG text to stand inside a page: no file, no network, the same bytes for the same figures.

Ink takes the page's colours (``currentColor``, ``--accent``, ``--rules``), so that a plot is right in light and dark.
"""

# pyright: reportUnknownMemberType=false
import re
from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from agent.evaluation.figures import ConversionScores
from predictors.metrics import BINS, Bin, calibration_curve

INK, ACCENT, RULES = "#010203", "#010204", "#010205"
_PAGE = {INK: "currentColor", ACCENT: "var(--accent)", RULES: "var(--rules)"}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 11,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": INK,
    "grid.alpha": 0.15,
    "legend.frameon": False,
}
Pairs = tuple[Sequence[bool], Sequence[float]]
"""What happened, and the probability that was given for it."""


def calibration(name: str, model: Pairs, rules: Pairs | None = None) -> str:
    """Share that happened over what was predicted, and below it how many cases each point stands for (logarithmic)."""

    def draw(figure: Figure) -> None:
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        above.plot((0, 1), (0, 1), color=INK, alpha=0.4, linewidth=1, linestyle="--")
        curve = calibration_curve(*model)
        if rules is not None:
            _curve(above, calibration_curve(*rules), RULES, "rules", "s")
        _curve(above, curve, ACCENT, "model" if rules is not None else "probability", "o")
        above.set(xlim=(0, 1), ylim=(-0.02, 1.02), ylabel="share that is so")
        above.legend(loc="upper left")
        middles = [(min(int(point.predicted * BINS), BINS - 1) + 0.5) / BINS for point in curve]
        below.bar(middles, [point.n for point in curve], width=0.8 / BINS, color=ACCENT)
        below.set(yscale="log", ylim=(0.5, None), xlabel="predicted probability", ylabel="cases")

    return svg_of(name, (5.2, 4.6), draw)


def _curve(axes: Axes, curve: Sequence[Bin], color: str, label: str, marker: str) -> None:
    places = [point.predicted for point in curve]
    axes.plot(places, [point.happened for point in curve], color=color, marker=marker, label=label)


def auc_by_turn(name: str, scores: Mapping[str, ConversionScores]) -> str:
    """Area under the ROC curve after each fixed turn with its 95 % interval; 0.5 is a coin."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        known = [
            (place, at.auc, max(0.0, at.auc - at.auc_low), max(0.0, at.auc_high - at.auc))
            for place, at in enumerate(scores.values())
            if at.auc is not None and at.auc_low is not None and at.auc_high is not None
        ]
        places, values = [place for place, *_ in known], [value for _, value, *_ in known]
        spread = [down for *_, down, _ in known], [up for *_, up in known]
        axes.axhline(0.5, color=INK, alpha=0.4, linewidth=1, linestyle="--")
        axes.errorbar(places, values, yerr=spread, color=ACCENT, marker="o", capsize=4)
        ticks = [f"{turn}\nn={at.n}" for turn, at in scores.items()]
        axes.set_xticks(range(len(ticks)), ticks)
        axes.set(xlim=(-0.5, len(ticks) - 0.5), ylim=(0, 1.02), xlabel="after customer turn", ylabel="AUC")

    return svg_of(name, (5.2, 3.6), draw)


def svg_of(name: str, inches: tuple[float, float], draw: Callable[[Figure], None]) -> str:
    """What ``draw`` puts on a figure of that size, in the page's style. ``name`` sets its ids apart from other plots'."""
    written = StringIO()
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=inches, layout="constrained")
        figure.patch.set_alpha(0.0)
        draw(figure)
        for axes in figure.axes:
            axes.patch.set_alpha(0.0)
        metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(written, format="svg", metadata=metadata)
    return _for_the_page(name, written.getvalue())


def _for_the_page(name: str, svg: str) -> str:
    """The ``svg`` element alone, as wide as its place, with ids that no other plot of the page has."""
    svg = svg[svg.index("<svg") :]
    head, rest = svg.split(">", 1)
    svg = re.sub(r'\s(?:width|height)="[^"]*"', "", head) + ' role="img">' + rest
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    for ink, colour in _PAGE.items():
        svg = svg.replace(ink, colour)
    return svg
