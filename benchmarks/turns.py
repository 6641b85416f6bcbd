"""What a turn costs under load: ours against the textbook, asking the same model on the same machine, taking turns.

    python -m benchmarks.turns [--store both] [--seconds 60] [--rounds 2] [--quick]

Every row plays its customers against each stack in rounds (ours, the textbook, ours, ...), so that a machine that is busy for
a while is busy for all. Writes ``benchmarks/results/turns.json`` and ``turns.svg``. ``own`` is the time of a turn at the
customer less the time that the model server held its request.
"""

import argparse
import asyncio
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import orjson
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.load import Mouths, Run, crowd, percentile, with_model
from benchmarks.model_server import PIECE, Pace
from benchmarks.plots import bars
from benchmarks.servers import TEXTBOOK, Answered, Site, Stack, Store, cpu_s, site
from benchmarks.yardstick import WHERE_AIMS_WERE_SET_MS, empty_graph_ms

RESULTS = Path(__file__).parent / "results"
MODEL_S = 0.15


@dataclass(frozen=True, slots=True)
class Row:
    """``users`` customers who think ``think_s`` seconds between answer and message; the model takes ``model_s`` seconds."""

    name: str
    users: int
    think_s: tuple[float, float]
    model_s: float = MODEL_S


ROWS = (
    Row("one customer, model at once", 1, (0, 0), 0.0),
    Row("100 users, thinking 2-5 s", 100, (2, 5)),
    Row("300 users, thinking 1 s", 300, (1, 1)),
    Row("100 users, no thinking", 100, (0, 0)),
    Row("100 users, no thinking, model at once", 100, (0, 0), 0.0),
)


@dataclass(frozen=True, slots=True)
class Aim:
    """``figure`` of ``row`` is to be at most (``at_least``: at least) ``value``; ``ratio``: ours over the textbook's."""

    row: str
    figure: str
    value: float
    ratio: bool = False


AIMS = (
    Aim(ROWS[1].name, "own_p50_ms", 5),
    Aim(ROWS[1].name, "own_p95_ms", 15),
    Aim(ROWS[2].name, "p95_ms", 300),
    Aim(ROWS[3].name, "p95_ms", 500),
    Aim(ROWS[4].name, "turns_per_s", 6, ratio=True),
)


@dataclass
class Tally:
    """All rounds of one stack in one row."""

    turns: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    per_round: list[float] = field(default_factory=list)
    errors: int = 0
    rescued: int = 0
    model_calls: int = 0
    seconds: float = 0.0
    cpu_s: float = 0.0
    database_cpu_s: float = 0.0

    def add(self, run: Run, log: list[Answered], cpu: float, database_cpu: float) -> None:
        self.turns += [turn.ms for turn in run.turns]
        self.own += [turn.ms - (answer.ended - answer.arrived) * 1000 for turn, answer in with_model(run.turns, log)]
        self.per_round.append(round(len(run.turns) / run.seconds, 1))
        self.errors += run.errors
        self.rescued += run.rescued
        self.model_calls += len(log)
        self.seconds += run.seconds
        self.cpu_s += cpu
        self.database_cpu_s += database_cpu

    def summary(self) -> dict[str, Any]:
        """``turns_without_model``: turns that no answer of the model could be found for."""
        each = 1000 / max(1, len(self.turns))
        return {
            "turns": len(self.turns),
            "errors": self.errors,
            "rescued_by_the_composer": self.rescued,
            "turns_without_model": len(self.turns) - len(self.own),
            "model_calls": self.model_calls,
            "seconds": round(self.seconds, 2),
            "turns_per_s": round(len(self.turns) / self.seconds, 1),
            "turns_per_s_by_round": self.per_round,
            **{f"p{share}_ms": percentile(self.turns, share / 100) for share in (50, 95, 99)},
            **{f"own_p{share}_ms": percentile(self.own, share / 100) for share in (50, 95, 99)},
            "cpu_ms_a_turn": round(self.cpu_s * each, 2),
            "database_cpu_ms_a_turn": round(self.database_cpu_s * each, 2),
        }


async def one_round(stack: Stack, row: Row, seconds: float, tag: str, mouths: Mouths, at: Site) -> tuple[Any, ...]:
    await at.model.log()
    cpu, database = cpu_s(stack.process), cpu_s(stack.database)
    run = await crowd(stack.url, row.users, seconds, row.think_s, tag, mouths)
    cpu, database = cpu_s(stack.process) - cpu, cpu_s(stack.database) - database
    return run, await at.model.log(), cpu, database


async def play(
    row: Row, at: Site, seconds: float, rounds: int, mouths: Mapping[str, Mouths], piece: int = PIECE
) -> dict[str, Any]:
    """One row: ``rounds`` times each stack for ``seconds / rounds``; its figures, and of ours the ratios to the textbook's."""
    await at.model.pace(Pace(row.model_s, row.model_s, piece))
    tallies = {stack.name: Tally() for stack in at.stacks}
    for number in range(rounds):
        for stack in at.stacks:
            tag = f"{row.name}-{number}".replace(" ", "-").replace(",", "")
            tallies[stack.name].add(*await one_round(stack, row, seconds / rounds, tag, mouths[stack.name], at))
    stacks = {name: tally.summary() for name, tally in tallies.items()}
    textbook = stacks[TEXTBOOK]
    ratios = {stack.name: _ratios(stacks[stack.name], textbook) for stack in at.ours}
    return {
        "row": row.name,
        "users": row.users,
        "think_s": row.think_s,
        "model_ms": row.model_s * 1000,
        "stacks": stacks,
        "ratios": ratios,
    }


def _ratios(ours: dict[str, Any], textbook: dict[str, Any]) -> dict[str, float]:
    """More turns a second, and how many times faster or cheaper a turn is."""
    found = {"turns_per_s": (ours["turns_per_s"], textbook["turns_per_s"])}
    found |= {
        key: (textbook[key], ours[key]) for key in ("p50_ms", "p95_ms", "own_p50_ms", "own_p95_ms", "cpu_ms_a_turn")
    }
    return {key: round(above / below, 2) for key, (above, below) in found.items() if above and below}


async def measure(
    at: Site, seconds: float, rounds: int, warm_s: float = 5.0, piece: int = PIECE
) -> list[dict[str, Any]]:
    """All rows, after a crowd that warms every stack and is not counted."""
    mouths = {stack.name: Mouths() for stack in at.stacks}
    for stack in at.stacks:
        await crowd(stack.url, 20, warm_s, (0, 0), "warm", mouths[stack.name])
    return [
        await play(row, at, seconds, rounds, mouths, piece) for row in track(ROWS, "rows", console=Console(stderr=True))
    ]


def reached(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every aim beside what came out, for each of our stacks."""
    by_name = {row["row"]: row for row in rows}
    found: list[dict[str, Any]] = []
    for aim in AIMS:
        row = by_name[aim.row]
        for name, ratios in row["ratios"].items():
            value = ratios.get(aim.figure) if aim.ratio else row["stacks"][name][aim.figure]
            met = value is not None and (value >= aim.value if aim.ratio else value <= aim.value)
            errors = row["stacks"][name]["errors"]
            written = f"{'>=' if aim.ratio else '<='} {aim.value:g}{' times the textbook' if aim.ratio else ''}"
            found.append({"row": aim.row, "figure": aim.figure, "stack": name, "aim": written, "value": value,
                          "errors": errors, "met": met and errors == 0})  # fmt: skip
    return found


def show(result: dict[str, Any]) -> None:
    console = Console()
    console.print(f"{result['workers']} workers on {result['cores']} cores, times in ms")
    keys = ("turns", "errors", "turns_per_s", "p50_ms", "p95_ms", "own_p50_ms", "own_p95_ms", "cpu_ms_a_turn")
    for row in result["rows"]:
        table = Table(title=row["row"], title_justify="left")
        for column in ("", "turns", "errors", "turns/s", "p50", "p95", "own p50", "own p95", "CPU"):
            table.add_column(column)
        for name, figures in row["stacks"].items():
            table.add_row(name, *(str(figures[key]) for key in keys))
        console.print(table)
    for row in result["rows"]:
        for name, ratios in row["ratios"].items():
            console.print(f"{row['row']}, {name} against the textbook: {ratios}", highlight=False)
    for aim in result["aims"]:
        sign = "yes" if aim["met"] else "NO "
        console.print(
            f"{sign} {aim['row']}, {aim['stack']}: {aim['figure']} {aim['value']} ({aim['aim']})", highlight=False
        )
    slower = max(result["empty_graph_of_six_nodes_ms"]) / WHERE_AIMS_WERE_SET_MS
    console.print(
        f"this machine now: {slower:.1f} times as slow as the one where the aims were set; milliseconds above"
    )


def plot(result: dict[str, Any]) -> None:
    rows = {row["row"]: row["stacks"] for row in result["rows"]}
    charts = [
        ("turns a second", {name: {s: f["turns_per_s"] for s, f in stacks.items()} for name, stacks in rows.items()}),
        ("p95 of a turn, ms", {name: {s: f["p95_ms"] for s, f in stacks.items()} for name, stacks in rows.items()}),
        ("CPU a turn, ms", {name: {s: f["cpu_ms_a_turn"] for s, f in stacks.items()} for name, stacks in rows.items()}),
    ]
    bars(charts, RESULTS / "turns.svg")


async def run(chosen: argparse.Namespace) -> dict[str, Any]:
    yardstick = [await asyncio.to_thread(empty_graph_ms)]
    async with site(chosen.models, chosen.workers, chosen.store) as at:
        rows = await measure(at, chosen.seconds, chosen.rounds, piece=chosen.piece)
    yardstick.append(await asyncio.to_thread(empty_graph_ms))
    return {
        "measured_at": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        "cores": os.cpu_count(),
        "workers": chosen.workers,
        "seconds_a_row": chosen.seconds,
        "rounds": chosen.rounds,
        "characters_an_event": chosen.piece,
        "empty_graph_of_six_nodes_ms": yardstick,
        "rows": rows,
        "aims": reached(rows),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2, help="processes of each stack")
    parser.add_argument("--models", type=Path, default=Path("data/models"), help="trained bundles of ours")
    parser.add_argument("--store", choices=get_args(Store), default="both", help="where ours keeps its turns")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each row and stack")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--piece", type=int, default=PIECE, help="characters of one event of the model's stream")
    parser.add_argument("--quick", action="store_true", help="10 seconds a row and stack")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.seconds = 10.0
    result = asyncio.run(run(chosen))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "turns.json").write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2))
    plot(result)
    show(result)


if __name__ == "__main__":
    main()
