"""Ten minutes under steady load: memory within 5 %, and no growing number of threads, tasks, connections or files.

    python -m benchmarks.soak [--minutes 10] [--users 30] [--workers 2]

The server runs as it is installed, with PostgreSQL, Valkey and the scripted model. A third of the customers wait for the
whole answer, a third stream it, and a third hang up in the middle of a stream and go on with the next message. New
conversations begin all the time. Every ``EVERY_S`` the workers are looked at from outside; the first minutes are warm-up.
What is compared is the first and the last quarter after it. Writes ``benchmarks/results/soak.json`` and ``soak.svg``; the
status is 1 when something grew.
"""

import argparse
import asyncio
import random
import re
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import psutil
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.load import TURNS_A_CONVERSATION, Mouths, Run, percentile, say, session
from benchmarks.model_server import Pace
from benchmarks.plots import lines
from benchmarks.servers import Stack, site

RESULTS = Path(__file__).parent / "results"
EVERY_S = 5.0
WARM_SHARE = 0.2
THINK_S = (0.5, 1.5)
HANG_UP_S = 0.1
PACE = Pace(0.05, 0.15)
MEMORY_GROWTH = 1.05
MORE = 2
"""How many more of something may be open at the end by chance: what is counted is a moment's."""
COUNTED = ("threads", "tasks", "connections", "files")


@dataclass(frozen=True, slots=True)
class Sample:
    """The server's processes together. ``memory_mb`` counts shared pages once a process, ``connections`` those of TCP and
    Unix sockets, ``files`` every open descriptor."""

    at_s: float
    memory_mb: float
    threads: int
    tasks: int
    connections: int
    files: int


@dataclass
class Load:
    run: Run = field(default_factory=Run)
    hung_up: int = 0


async def customer(stack: Stack, number: int, end: float, load: Load, mouths: Mouths) -> None:
    dice = random.Random(number)
    kind = ("waits", "streams", "hangs up")[number % 3]
    turn = 0
    async with session() as client:
        while time.monotonic() < end:
            await asyncio.sleep(dice.uniform(*THINK_S))
            conversation = f"soak-{number}-{turn // TURNS_A_CONVERSATION}"
            line = mouths.next(number)
            said = say(client, stack.url, conversation, line, load.run, turn, stream=kind != "waits")
            if kind == "hangs up" and turn % 2:
                load.hung_up += await _cut(said)
            else:
                await said
            turn += 1


async def _cut(said: Any) -> bool:
    try:
        async with asyncio.timeout(HANG_UP_S):
            await said
    except TimeoutError:
        return True
    return False


async def sample(stack: Stack, client: aiohttp.ClientSession, began: float) -> Sample:
    async with client.get(f"{stack.url}/metrics") as response:
        found = re.search(r"^sales_agent_tasks (\S+)$", await response.text(), re.MULTILINE)
    return await asyncio.to_thread(
        _look, stack.process, round(time.monotonic() - began, 1), int(float(found[1])) if found else 0
    )


def _look(process: psutil.Process, at_s: float, tasks: int) -> Sample:
    processes = [process, *process.children(recursive=True)]
    return Sample(
        at_s,
        round(sum(one.memory_info().rss for one in processes) / 2**20, 1),
        sum(one.num_threads() for one in processes),
        tasks,
        sum(len(one.net_connections("all")) for one in processes),
        sum(one.num_fds() for one in processes),
    )


async def soak(models: Path, workers: int, users: int, minutes: float) -> tuple[list[Sample], Load]:
    samples: list[Sample] = []
    load, mouths = Load(), Mouths()
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[now]}"))
    async with site(models, workers, "postgresql", textbook=False, cache=True) as at:
        stack = at.stacks[0]
        await at.model.pace(PACE)
        began = time.monotonic()
        end = began + minutes * 60
        with Progress(*columns, console=Console(stderr=True)) as progress:
            bar = progress.add_task("soak", total=minutes * 60, now="")
            async with session() as client, asyncio.TaskGroup() as talking:
                for number in range(users):
                    talking.create_task(customer(stack, number, end, load, mouths))
                while time.monotonic() < end:
                    await asyncio.sleep(EVERY_S)
                    samples.append(await sample(stack, client, began))
                    progress.update(bar, completed=time.monotonic() - began, now=f"{samples[-1].memory_mb:.0f} MB")
    return samples, load


def verdict(samples: Sequence[Sample]) -> dict[str, Any]:
    """Of every figure the medians of the first and the last quarter after the warm-up, and whether it grew."""
    steady = samples[int(len(samples) * WARM_SHARE) :]
    quarter = max(1, len(steady) // 4)
    found: dict[str, Any] = {}
    for what in ("memory_mb", *COUNTED):
        first, last = (
            statistics.median(getattr(one, what) for one in part) for part in (steady[:quarter], steady[-quarter:])
        )
        most = first * MEMORY_GROWTH if what == "memory_mb" else first + MORE
        found[what] = {
            "first": first,
            "last": last,
            "ratio": round(last / first, 3) if first else None,
            "grew": last > most,
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("data/models"))
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--users", type=int, default=30)
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    samples, load = asyncio.run(soak(chosen.models, chosen.workers, chosen.users, chosen.minutes))
    judged = verdict(samples)
    result = {
        "minutes": chosen.minutes,
        "users": chosen.users,
        "workers": chosen.workers,
        "turns": len(load.run.turns),
        "hung_up": load.hung_up,
        "errors": load.run.errors,
        "p95_ms": percentile([turn.ms for turn in load.run.turns], 0.95),
        "figures": judged,
        "samples": [asdict(one) for one in samples],
        "measured_at": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "soak.json").write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2))
    panels = {what.replace("_mb", ", MB"): {one.at_s: getattr(one, what) for one in samples} for what in judged}
    lines(panels, "seconds", RESULTS / "soak.svg")
    Console().print({key: value for key, value in result.items() if key != "samples"})
    sys.exit(load.run.errors > 0 or any(one["grew"] for one in judged.values()))


if __name__ == "__main__":
    main()
