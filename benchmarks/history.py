"""What a late turn of a long conversation costs: turn 10 against turn 1,000, ours and the textbook, the model answering at once.

    python -m benchmarks.history [--turns 1000] [--textbook-turns 200] [--quick]

Each length is measured in pairs: a turn of the long conversation, and turn 10 of a new one with the same words. Nothing is
extrapolated: the textbook's conversation is as long as the table says. Writes ``benchmarks/results/history.json`` and ``.svg``.
"""

import argparse
import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import aiohttp
import orjson
from rich.console import Console
from rich.table import Table

from benchmarks.load import Line, Mouths, Run, percentile, say, session
from benchmarks.model_server import Pace
from benchmarks.plots import curves
from benchmarks.servers import TEXTBOOK, Stack, Store, site

RESULTS = Path(__file__).parent / "results"
EARLY = 10
PAIRS = 30


@dataclass
class Talk:
    """One conversation that goes on, and what its turns took."""

    stack: Stack
    id: str
    run: Run
    length: int = 0

    async def say(self, client: aiohttp.ClientSession, line: Line) -> None:
        self.length += 1
        await say(client, self.stack.url, self.id, line, self.run, self.length)


@dataclass(frozen=True, slots=True)
class Length:
    """Medians of ``PAIRS`` turns; ``messages``: how many the long conversation held in the middle of them, both sides'."""

    turns: int
    messages: int
    early_ms: float | None
    late_ms: float | None

    def summary(self) -> dict[str, Any]:
        ratio = round(self.late_ms / self.early_ms, 3) if self.early_ms and self.late_ms else None
        return {
            "turns": self.turns,
            "messages": self.messages,
            "turn_10_ms": self.early_ms,
            "late_turn_ms": self.late_ms,
            "ratio": ratio,
        }


async def at_length(client: aiohttp.ClientSession, long: Talk, turns: int, mouths: Mouths, pairs: int) -> Length:
    """Lets ``long`` grow until the pairs stand around its turn ``turns``, and measures them."""
    while long.length < turns - pairs // 2:
        await long.say(client, mouths.next(0))
    early, late = Run(), Run()
    for pair in range(pairs):
        fresh = Talk(long.stack, f"early-{turns}-{pair}", Run())
        for _ in range(EARLY - 1):
            await fresh.say(client, mouths.next(0))
        line = mouths.next(0)
        fresh.run, long.run = early, late
        await fresh.say(client, line)
        await long.say(client, Line(line.playbook, line.language, f"{line.text} "))  # not out of the encoder's cache
        long.run = Run()
    if early.errors or late.errors:
        raise RuntimeError(f"{long.stack.name}: {early.errors + late.errors} turns failed at length {turns}")
    middle = [percentile([turn.ms for turn in run.turns], 0.5) for run in (early, late)]
    return Length(turns, 2 * turns, middle[0], middle[1])


def lengths(longest: int) -> list[int]:
    """30, 100, 300, 1,000, as far as ``longest`` goes, and that itself."""
    return sorted({*(length for length in (30, 100, 300, 1000) if length < longest), longest})


async def measure(stacks: dict[Stack, int], pairs: int = PAIRS) -> dict[str, list[dict[str, Any]]]:
    """Of each stack the lengths up to its longest conversation; all stacks at one length before the next."""
    found: dict[str, list[dict[str, Any]]] = {stack.name: [] for stack in stacks}
    talks = {stack: Talk(stack, "long", Run()) for stack in stacks}
    mouths = {stack: Mouths() for stack in stacks}
    async with session() as client:
        for length in sorted({length for longest in stacks.values() for length in lengths(longest)}):
            for stack, longest in stacks.items():
                if length in lengths(longest):
                    measured = await at_length(client, talks[stack], length, mouths[stack], pairs)
                    found[stack.name].append(measured.summary())
    return found


async def run(chosen: argparse.Namespace) -> dict[str, Any]:
    async with site(chosen.models, 1, chosen.store) as at:
        await at.model.pace(Pace())
        longest = {stack: chosen.textbook_turns if stack.name == TEXTBOOK else chosen.turns for stack in at.stacks}
        found = await measure(longest, chosen.pairs)
    return {
        "measured_at": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        "cores": os.cpu_count(),
        "workers": 1,
        "pairs": chosen.pairs,
        "stacks": found,
    }


def show(result: dict[str, Any]) -> None:
    table = Table(title="a late turn against turn 10 of a new conversation, medians", title_justify="left")
    for column in ("stack", "turns", "messages", "turn 10, ms", "late, ms", "ratio"):
        table.add_column(column)
    for name, measured in result["stacks"].items():
        for figures in measured:
            table.add_row(name, *(str(value) for value in figures.values()))
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("data/models"), help="trained bundles of ours")
    parser.add_argument("--store", choices=get_args(Store), default="both", help="where ours keeps its turns")
    parser.add_argument("--turns", type=int, default=1000, help="of our longest conversation")
    parser.add_argument("--textbook-turns", type=int, default=200, help="of the textbook's")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--quick", action="store_true", help="100 turns of ours, 40 of the textbook's, 10 pairs")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.turns, chosen.textbook_turns, chosen.pairs = 100, 40, 10
    result = asyncio.run(run(chosen))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "history.json").write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2))
    series = {name: {one["turns"]: one["ratio"] for one in measured} for name, measured in result["stacks"].items()}
    curves("A late turn against turn 10", "turn", "times the milliseconds of turn 10", series, RESULTS / "history.svg")
    show(result)


if __name__ == "__main__":
    main()
