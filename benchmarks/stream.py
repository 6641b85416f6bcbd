"""How soon the customer hears the first word: from the model's first useful token to the first words at the customer.

    python -m benchmarks.stream [--users 1 20] [--seconds 30] [--quick]

The model writes for a second after a first pause of 150 ms. Ours lets a sentence out when it is whole and checked; the
textbook can't answer before the structured output is complete. Two times are given: ``after_first_token``, and
``after_first_sentence``, from the moment at which the model had written that sentence: what our own work adds. First turns
are left out, as ours opens them with a greeting that needs no model. Writes ``benchmarks/results/stream.json`` and ``.svg``.
"""

import argparse
import asyncio
import os
import time
from pathlib import Path
from typing import Any, get_args

import orjson
from rich.console import Console
from rich.table import Table

from benchmarks.load import Mouths, Run, crowd, percentile, with_model
from benchmarks.model_server import PIECE, Pace
from benchmarks.plots import bars
from benchmarks.servers import TEXTBOOK, Answered, Site, Store, site

RESULTS = Path(__file__).parent / "results"
PACE = Pace(first_s=0.15, whole_s=1.15)
THINK_S = (0.5, 1.0)


def figures(run: Run, log: list[Answered]) -> dict[str, Any]:
    heard = [(turn, answer) for turn, answer in with_model(run.turns, log) if turn.number > 1]
    token = [(turn.heard - answer.first) * 1000 for turn, answer in heard]
    sentence = [(turn.heard - answer.sentence) * 1000 for turn, answer in heard]
    return {
        "turns": len(heard),
        "errors": run.errors,
        **{f"after_first_token_p{share}_ms": percentile(token, share / 100) for share in (50, 95)},
        **{f"after_first_sentence_p{share}_ms": percentile(sentence, share / 100) for share in (50, 95)},
    }


async def measure(at: Site, users: list[int], seconds: float, pace: Pace = PACE) -> dict[str, dict[str, Any]]:
    """By number of users and stack. Everybody speaks twice at least, as first turns do not count."""
    await at.model.pace(pace)
    mouths = {stack.name: Mouths() for stack in at.stacks}
    found: dict[str, dict[str, Any]] = {}
    for stack in at.stacks:
        await crowd(stack.url, 5, min(3.0, seconds), (0, 0), "warm", mouths[stack.name], stream=stack.streams)
    for count in users:
        row = found[f"{count} user{'s' * (count > 1)}"] = {}
        for stack in at.stacks:
            await at.model.log()
            tag = f"stream-{count}"
            run = await crowd(
                stack.url, count, seconds, THINK_S, tag, mouths[stack.name], stream=stack.streams, least=2
            )
            row[stack.name] = figures(run, await at.model.log())
    return found


async def run(chosen: argparse.Namespace) -> dict[str, Any]:
    async with site(chosen.models, chosen.workers, chosen.store) as at:
        rows = await measure(at, chosen.users, chosen.seconds, Pace(PACE.first_s, PACE.whole_s, chosen.piece))
    return {
        "measured_at": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        "cores": os.cpu_count(),
        "workers": chosen.workers,
        "model_first_ms": PACE.first_s * 1000,
        "model_whole_ms": PACE.whole_s * 1000,
        "characters_an_event": chosen.piece,
        "rows": rows,
    }


def show(result: dict[str, Any]) -> None:
    table = Table(title="first words at the customer, ms", title_justify="left")
    columns = ("turns", "errors", "after token p50", "p95", "after sentence p50", "p95")
    for column in ("row", "stack", *columns):
        table.add_column(column)
    for row, stacks in result["rows"].items():
        for name, found in stacks.items():
            table.add_row(row, name, *(str(value) for value in found.values()))
    Console().print(table)
    for row, stacks in result["rows"].items():
        textbook = stacks[TEXTBOOK]["after_first_token_p50_ms"]
        for name, found in stacks.items():
            ours = found["after_first_token_p50_ms"]
            if name != TEXTBOOK and ours and textbook:
                print(f"{row}, {name}: first words {textbook / ours:.1f} times sooner than the textbook")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2, help="processes of each stack")
    parser.add_argument("--models", type=Path, default=Path("data/models"), help="trained bundles of ours")
    parser.add_argument("--store", choices=get_args(Store), default="both", help="where ours keeps its turns")
    parser.add_argument("--users", type=int, nargs="+", default=[1, 20])
    parser.add_argument("--seconds", type=float, default=30.0, help="of each row and stack")
    parser.add_argument("--piece", type=int, default=PIECE, help="characters of one event of the model's stream")
    parser.add_argument("--quick", action="store_true", help="8 seconds a row and stack")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.seconds = 8.0
    result = asyncio.run(run(chosen))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "stream.json").write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2))
    keys = ("after_first_token_p50_ms", "after_first_sentence_p50_ms")
    charts = [
        (key, {row: {name: found[key] for name, found in stacks.items()} for row, stacks in result["rows"].items()})
        for key in keys
    ]
    bars(charts, RESULTS / "stream.svg")
    show(result)


if __name__ == "__main__":
    main()
