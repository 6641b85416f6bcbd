"""The result as tables and as a picture."""

# pyright: reportUnknownMemberType=false
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from rich.table import Table

from predictors.metrics import Interval

Row = Mapping[str, Any]
"""One candidate's figures as they stand in the results."""

BAR, FLATTERED, SPANISH, ENGLISH = "#4c78a8", "#b9b9b9", "#e45756", "#2b2b2b"


def interval(found: Interval | Mapping[str, float] | None, *, sign: str = "") -> str:
    if found is None:
        return "-"
    value = found if isinstance(found, Mapping) else {"value": found.value, "low": found.low, "high": found.high}
    return f"{value['value']:{sign}.3f} ({value['low']:{sign}.3f} to {value['high']:{sign}.3f})"


def figures_table(title: str, rows: Mapping[str, Row]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("candidate")
    for column in (
        "macro-F1",
        "behind default",
        "micro-F1",
        "hard exact",
        "plain",
        "ECE",
        "es",
        "en",
        "CPU p50",
        "p95 ms",
    ):
        table.add_column(column, justify="right")
    for name, row in rows.items():
        cost = row["cost"]
        table.add_row(
            name,
            interval(row["macro_f1"]),
            interval(row["behind"], sign="+"),
            *(
                f"{row[key]:.3f}"
                for key in ("micro_f1", "hard_exact", "macro_f1_plain", "ece", "macro_f1_es", "macro_f1_en")
            ),
            *(("-", "-") if cost is None else (f"{cost['p50_ms']:.2f}", f"{cost['p95_ms']:.2f}")),
        )
    return table


def languages_table(rows: Sequence[Row]) -> Table:
    table = Table(title="Default combination, trained in one language, judged in the other", title_justify="left")
    for column in ("head", "trained", "judged", "macro-F1", "trained in both"):
        table.add_column(column)
    for row in rows:
        values = (f"{row['macro_f1']:.3f}", f"{row['macro_f1_both']:.3f}")
        table.add_row(str(row["head"]), str(row["trained"]), str(row["judged"]), *values)
    return table


def draw(heads: Mapping[str, Mapping[str, Row]], flattered: str, file: Path) -> None:
    """Horizontal bars of macro-F1 with their intervals, a dot a language; the row ``flattered`` in grey."""
    style: dict[Any, Any] = {
        "svg.hashsalt": "models",
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.size": 11,
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=(11, 4.4), layout="constrained", facecolor="white")
        panels = figure.subplots(1, len(heads), sharey=True, squeeze=False)[0]
        for axes, (head, rows) in zip(panels, heads.items(), strict=True):
            names, found = list(rows), list(rows.values())
            places = range(len(names))
            values = [row["macro_f1"]["value"] for row in found]
            low = [max(0.0, row["macro_f1"]["value"] - row["macro_f1"]["low"]) for row in found]
            high = [max(0.0, row["macro_f1"]["high"] - row["macro_f1"]["value"]) for row in found]
            colours = [FLATTERED if name == flattered else BAR for name in names]
            axes.barh(places, values, color=colours, height=0.62)
            axes.errorbar(values, places, xerr=(low, high), fmt="none", ecolor="#1a1a1a", capsize=3, linewidth=1)
            for key, label, colour, up in (("es", "Spanish", SPANISH, 0.2), ("en", "English", ENGLISH, -0.2)):
                dots = [row[f"macro_f1_{key}"] for row in found]
                axes.scatter(dots, [place - up for place in places], s=18, color=colour, zorder=3, label=label)
            for place, value, more in zip(places, values, high, strict=True):
                axes.text(value + more + 0.02, place, f"{value:.3f}", va="center")
            axes.set(xlim=(0, 1.08), xlabel="macro-F1", title=head)
            axes.set_yticks(places, names)
            axes.spines[["top", "right"]].set_visible(False)
            axes.grid(axis="x", alpha=0.25)
            axes.set_axisbelow(True)
        panels[0].invert_yaxis()
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
        figure.savefig(file, format="svg", metadata={"Date": None})
