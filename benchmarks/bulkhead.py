"""What hung predictors cost the other conversations: their p95 with six hung calls against their p95 without, in one run.

    python -m benchmarks.bulkhead [--rounds 10] [--turns 40]

All three predictors block (they run in their pools) and take a millisecond. In every second round two conversations hang in
each of them, so that six threads are stuck and every pool is full; the others fall back to rules and say so. Rounds
alternate, so that a machine that slows down does so for both. Writes ``benchmarks/results/bulkhead.json``.
"""

import argparse
import asyncio
import statistics
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from rich.console import Console

from agent import telemetry
from agent.bootstrap import build_agent
from agent.orchestrator import Post, SalesAgent
from agent.settings import Settings
from benchmarks.load import percentile
from predictors.base import Dialogue, Prediction

RESULTS = Path(__file__).parent / "results"
NAMES = ("objection", "needs", "conversion")
AT_ONCE = 2
STUCK = 2
"""As many as a pool has threads; more conversations at once would fill the pools by themselves."""
PROMISED = 1.2
HANG = "please hang"


@dataclass
class Blocking:
    """Takes a millisecond; hangs until ``released`` for messages that ask for it."""

    name: str
    version: str = "bench-1"
    blocking: bool = True
    released: threading.Event = field(default_factory=threading.Event)
    hung: int = 0

    def predict(self, dialogue: Dialogue) -> Prediction:
        if HANG in dialogue.text:
            self.hung += 1
            self.released.wait(120)
            self.hung -= 1
        time.sleep(0.001)
        return Prediction((), "model", self.version, probabilities={"converts": 0.5})


async def others(agent: SalesAgent, turns: int, ms: list[float], degraded: Counter[str]) -> None:
    """``AT_ONCE`` conversations of ``turns`` turns; no two messages the same, so that no cache answers."""

    async def talk() -> None:
        conversation = uuid.uuid4().hex
        for _ in range(turns):
            post = Post(conversation, f"It is too expensive for me, {uuid.uuid4().hex}.", locale="en")
            started = time.perf_counter()
            turn = orjson.loads(await agent.post(post))
            ms.append((time.perf_counter() - started) * 1000)
            degraded.update(why.partition(":")[2] for why in turn["degraded"])

    await asyncio.gather(*(talk() for _ in range(AT_ONCE)))


@asynccontextmanager
async def six_hung(agent: SalesAgent, predictors: list[Blocking]) -> AsyncGenerator[None]:
    """All threads of all pools are stuck while the block runs."""
    for predictor in predictors:
        predictor.released.clear()
    posts = [Post(uuid.uuid4().hex, f"{HANG} {uuid.uuid4().hex}", locale="en") for _ in range(STUCK)]
    stuck = [asyncio.create_task(agent.post(post)) for post in posts]
    while sum(predictor.hung for predictor in predictors) < STUCK * len(predictors):
        await asyncio.sleep(0.005)
    yield
    for predictor in predictors:
        predictor.released.set()
    await asyncio.gather(*stuck)


async def measure(folder: Path, rounds: int, turns: int) -> dict[str, object]:
    predictors = [Blocking(name) for name in NAMES]
    settings = Settings(
        data_dir=folder, turn_budget_s=120.0, predictor_deadline_s=30.0, cache_s=0.0, lease_s=300.0, log_level="error"
    )
    agent = await build_agent(settings, predictors={predictor.name: predictor for predictor in predictors})
    free: list[float] = []
    held: list[float] = []
    said_free, said_held = Counter[str](), Counter[str]()
    ratios: list[float] = []
    await others(agent, turns, [], Counter())
    for _ in range(rounds):
        one: list[float] = []
        two: list[float] = []
        await others(agent, turns, one, said_free)
        async with six_hung(agent, predictors):
            await others(agent, turns, two, said_held)
        ratios.append(_p95(two) / _p95(one))
        free += one
        held += two
    await agent.aclose()
    return {
        "hung": STUCK * len(NAMES),
        "turns": len(free),
        "p50_free_ms": percentile(free, 0.5),
        "p50_hung_ms": percentile(held, 0.5),
        "p95_free_ms": percentile(free, 0.95),
        "p95_hung_ms": percentile(held, 0.95),
        "p95_ratio": round(_p95(held) / _p95(free), 3),
        "p95_ratio_median_of_rounds": round(statistics.median(ratios), 3),
        "promised_ratio": PROMISED,
        "degraded_free": dict(said_free),
        "degraded_hung": dict(said_held),
        "measured_at": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
    }


def _p95(ms: list[float]) -> float:
    """Of at least one."""
    return percentile(ms, 0.95) or 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--turns", type=int, default=40)
    chosen = parser.parse_args()
    telemetry.configure("console", "error", customer_text=False)
    with tempfile.TemporaryDirectory() as folder:
        result = asyncio.run(measure(Path(folder), chosen.rounds, chosen.turns))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "bulkhead.json").write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2))
    Console().print(result)


if __name__ == "__main__":
    main()
