"""A server of our own on a free port, and customers who talk to it over HTTP."""

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from training_data.corpora import read_corpora


@dataclass
class Timings:
    """Milliseconds of every answered turn, and how many were not answered."""

    ms: list[float] = field(default_factory=list)
    errors: int = 0
    seconds: float = 0.0

    def percentile(self, share: float) -> float:
        ordered = sorted(self.ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def summary(self) -> dict[str, float]:
        return {
            "turns": len(self.ms),
            "errors": self.errors,
            "seconds": round(self.seconds, 2),
            "turns_per_s": round(len(self.ms) / self.seconds, 1),
            "p50_ms": round(self.percentile(0.50), 2),
            "p95_ms": round(self.percentile(0.95), 2),
            "p99_ms": round(self.percentile(0.99), 2),
        }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def serving(data_dir: Path, models_dir: Path, workers: int, **settings: str) -> AsyncGenerator[str]:
    """``sales-agent serve`` in processes of its own, with trained models and an empty store; gives its URL."""
    data_dir.mkdir(parents=True, exist_ok=True)
    if not (data_dir / "models").exists():
        (data_dir / "models").symlink_to(models_dir.resolve())
    port = free_port()
    environment = {
        **os.environ,
        "SALES_AGENT_DATA_DIR": str(data_dir),
        "SALES_AGENT_LOG_LEVEL": "warning",
        **{f"SALES_AGENT_{name.upper()}": value for name, value in settings.items()},
    }
    command = [sys.executable, "-m", "agent.cli", "serve", "--port", str(port), "--workers", str(workers)]
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        await _until_ready(url, process)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


async def _until_ready(url: str, process: "subprocess.Popen[bytes]", seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < end:
            if process.poll() is not None:
                raise RuntimeError(f"the server ended with status {process.returncode}")
            try:
                async with session.get(f"{url}/readyz") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
    raise RuntimeError("the server was not ready in time")


def sentences(seed: int = 1) -> list[tuple[str, str]]:
    """What customers say, as (playbook, text): the hand-written corpora, shuffled."""
    said = [("ngx" if row.vertical == "fitness" else "roofing", row.text) for row in read_corpora()]
    random.Random(seed).shuffle(said)
    return said


async def talk(
    session: aiohttp.ClientSession, url: str, conversation: str, said: Sequence[tuple[str, str]],
    think_s: float, timings: Timings,
) -> None:  # fmt: skip
    """One customer: says each line, waits for the answer, thinks."""
    await asyncio.sleep(random.random() * think_s)
    for playbook, text in said:
        started = time.perf_counter()
        body = {"message": text, "playbook": playbook}
        try:
            async with session.post(f"{url}/conversations/{conversation}/message", json=body) as response:
                await response.read()
                if response.status == 200:
                    timings.ms.append((time.perf_counter() - started) * 1000)
                else:
                    timings.errors += 1
        except aiohttp.ClientError:
            timings.errors += 1
        if think_s:
            await asyncio.sleep(think_s)


async def crowd(url: str, customers: int, turns: int, think_s: float, tag: str, distinct: int | None = None) -> Timings:
    """Many customers at once. ``distinct``: how many different messages they know between them (all, if not given)."""
    lines = sentences()[:distinct]
    timings = Timings()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as session:
        started = time.perf_counter()
        await asyncio.gather(
            *(talk(session, url, f"{tag}-{n}", _lines(lines, n, turns), think_s, timings) for n in range(customers))
        )
        timings.seconds = time.perf_counter() - started
    return timings


def _lines(lines: Sequence[tuple[str, str]], customer: int, turns: int) -> list[tuple[str, str]]:
    """The lines of one customer: all of one business, no two customers the same."""
    playbook = lines[customer % len(lines)][0]
    own = [line for line in lines if line[0] == playbook]
    start = customer * turns
    return [own[(start + turn) % len(own)] for turn in range(turns)]
