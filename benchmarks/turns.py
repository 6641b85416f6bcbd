"""How fast a turn is over HTTP with the offline composer: thinking crowds, a crowd without pause, a very long conversation.

    python -m benchmarks.turns [--workers 2] [--quick]

Writes ``benchmarks/results/turns.json``.
"""

import argparse
import asyncio
import os
import random
import statistics
import tempfile
import time
from pathlib import Path

import aiohttp
import orjson
from rich.console import Console
from rich.table import Table

from benchmarks.load import Timings, crowd, sentences, serving, talk
from benchmarks.yardstick import WHERE_AIMS_WERE_SET_MS, empty_graph_ms

RESULTS = Path(__file__).parent / "results"
THINK_S = 1.0
COMMON = 60


async def long_conversation(url: str, turns: int) -> dict[str, float]:
    """Alternates between a conversation of about ten turns and one that grows to ``turns``; medians of the same lines.

    Pairs in one run, so that a machine that slows down does so for both.
    """
    lines = [line for line in sentences(3) if line[0] == "ngx"]
    grown, young, old = Timings(), Timings(), Timings()
    async with aiohttp.ClientSession() as session:
        await talk(session, url, "long", [lines[i % len(lines)] for i in range(turns - 60)], 0, grown)
        for pair in range(60):
            line = lines[pair % len(lines)]
            fresh = f"young-{pair}"
            await talk(session, url, fresh, [lines[(pair + i) % len(lines)] for i in range(9)], 0, Timings())
            await talk(session, url, fresh, [line], 0, young)
            await talk(session, url, "long", [line], 0, old)
    at_10, at_n = statistics.median(young.ms), statistics.median(old.ms)
    return {"turn_10_ms": round(at_10, 3), f"turn_{turns}_ms": round(at_n, 3), "ratio": round(at_n / at_10, 3)}


async def measure(
    models: Path, workers: int, quick: bool, database_url: str | None, yardstick: float
) -> dict[str, object]:
    settings = {"database_url": database_url} if database_url else {}
    with tempfile.TemporaryDirectory() as folder:
        async with serving(Path(folder) / "data", models, workers, **settings) as url:
            await crowd(url, 20, 5, 0, "warm")
            thinking = await crowd(url, 100, 5 if quick else 10, THINK_S, f"think-{random.random()}")
            rushing = await crowd(url, 100, 10 if quick else 40, 0, f"rush-{random.random()}")
            common = await crowd(url, 100, 10 if quick else 40, 0, f"common-{random.random()}", COMMON)
            history = await long_conversation(url, 200 if quick else 1000)
    return {
        "empty_graph_of_six_nodes_ms": yardstick,
        "workers": workers,
        "store": "postgresql" if database_url else "sqlite",
        "cores": os.cpu_count(),
        "measured_at": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        "100 conversations, 1 s of thinking": thinking.summary(),
        "100 conversations, no thinking": rushing.summary(),
        f"100 conversations, no thinking, {COMMON} common messages": common.summary(),
        "history": history,
    }


def show(result: dict[str, object]) -> None:
    table = Table(
        title=f"{result['workers']} workers on {result['cores']} cores, {result['store']}", title_justify="left"
    )
    for column in ("row", "turns", "errors", "turns/s", "p50 ms", "p95 ms", "p99 ms"):
        table.add_column(column)
    for name, row in result.items():
        if isinstance(row, dict) and "p95_ms" in row:
            table.add_row(
                name, *(str(row[key]) for key in ("turns", "errors", "turns_per_s", "p50_ms", "p95_ms", "p99_ms"))
            )
    console = Console()
    console.print(table)
    slower = float(str(result["empty_graph_of_six_nodes_ms"])) / WHERE_AIMS_WERE_SET_MS
    console.print(f"this machine now: {slower:.1f} times as slow as the one where the aims were set")
    console.print(f"cost of a late turn against turn 10: {result['history']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--models", type=Path, default=Path("data/models"))
    parser.add_argument("--database-url")
    parser.add_argument("--quick", action="store_true")
    chosen = parser.parse_args()
    yardstick = empty_graph_ms()
    result = asyncio.run(measure(chosen.models, chosen.workers, chosen.quick, chosen.database_url, yardstick))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "turns.json").write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2))
    show(result)


if __name__ == "__main__":
    main()
