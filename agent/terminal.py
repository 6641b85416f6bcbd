"""A turn as a person reads it in a terminal: the reply beside what was predicted and why the action was chosen."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

WIDE = 110
"""Columns from which reply and insights stand side by side."""


def show_turn(console: Console, said: str, turn: Mapping[str, Any]) -> None:
    """Prints one finished turn (``agent.channels.shapes.TurnResponse`` as plain values)."""
    reply = Group(
        Text("» ", style="bold cyan").append(said, style="cyan"),
        Text(),
        Text(str(turn["response"]), style="bold"),
    )
    left = Panel(reply, title=f"turn {turn['seq']} · {turn['stage']}", border_style="cyan")
    right = Panel(_insights(turn), title="for the rep", border_style="magenta")
    if console.width >= WIDE:
        grid = Table.grid(expand=True, padding=(0, 1))
        grid.add_column(ratio=5)
        grid.add_column(ratio=4)
        grid.add_row(left, right)
        console.print(grid)
    else:
        console.print(left, right, sep="\n")


def _insights(turn: Mapping[str, Any]) -> RenderableType:
    action, insights = turn["recommended_action"], turn["ml_insights"]
    lines = Text()
    lines.append(f"{action['type']} ", style="bold magenta").append(f"{action['confidence']:.0%}\n")
    for reason in action["reasons"]:
        lines.append(f"  because {reason}\n", style="dim")
    for name, key in (("objection", "predicted_objections"), ("need", "predicted_needs")):
        for label in insights[key]:
            lines.append(f"{name} ", style="bold").append(
                f"{label['type']} {label['probability']:.0%} ({label['source']})"
            )
            if label["evidence"]:
                lines.append(f" “{label['evidence'][0]}”", style="italic dim")
            lines.append("\n")
    lines.append_text(_conversion(insights))
    for point in turn["talking_points"]:
        lines.append(f"• {point}\n")
    if turn["degraded"]:
        lines.append(f"degraded: {', '.join(turn['degraded'])}\n", style="yellow")
    lines.append(f"{turn['timing_ms']['total']:.1f} ms", style="dim")
    return lines


def _conversion(insights: Mapping[str, Any]) -> Text:
    probability, delta = insights["conversion_probability"], insights["conversion_delta"]
    if probability is None:
        return Text("conversion: not enough data\n")
    text = Text("conversion ", style="bold").append(_bar(probability), style="green").append(f" {probability:.0%}")
    if insights["conversion_interval"]:
        low, high = insights["conversion_interval"]
        text.append(f" [{low:.0%} to {high:.0%}]", style="dim")
    if delta is not None:
        text.append(f" {delta:+.0%}", style="green" if delta >= 0 else "red")
    return text.append("\n")


def _bar(share: float, width: int = 12) -> str:
    full = round(share * width)
    return "█" * full + "░" * (width - full)


def show_ledger(console: Console, ledger: Mapping[str, Any]) -> None:
    """Prints a turn's whole ledger: what was understood, predicted, ranked, refused, written and stopped."""
    show_turn(console, ledger["message"], ledger["response"])
    decision = ledger["decision"]
    ranked = Table(title="Ranked actions", title_justify="left")
    for column in ("action", "score", "propensity", "because"):
        ranked.add_column(column)
    for row in decision["ranked"]:
        _add(ranked, row["action"], f"{row['score']:.1f}", f"{row['propensity']:.1%}", "; ".join(row["reasons"]))
    refused = Table(title="Refused actions", title_justify="left")
    for column in ("action", "rule", "because"):
        refused.add_column(column)
    for row in decision["refused"]:
        _add(refused, row["action"], row["rule"], row["reason"])
    objections = Table(title="Objection ledger", title_justify="left")
    for column in ("objection", "status", "customer's words", "answered"):
        objections.add_column(column)
    for row in decision["ledger"]:
        _add(objections, row["type"], row["status"], " | ".join(row["evidence"]), f"{row['times_addressed']}x")
    writers = Table(title="Writers", title_justify="left")
    for column in ("writer", "failure", "ms", "first token ms"):
        writers.add_column(column)
    for row in ledger["reply"]["attempts"]:
        first = f"{row['first_token_ms'] or 0:.1f}"
        _add(writers, row["writer"], row["failure"] or "", f"{row['elapsed_ms']:.1f}", first)
    console.print(ranked, refused, objections, writers, sep="\n")
    for violation in ledger["reply"]["violations"]:
        found = f" {violation['kind']}: {violation['found']!r} -> {violation['repair'] or 'dropped'}"
        console.print(Text("stopped", style="yellow").append(found, style="none"))


def _add(table: Table, *cells: str) -> None:
    """A row of plain text: a customer's brackets are not markup."""
    table.add_row(*(Text(cell) for cell in cells))
