"""Where the CPU of a turn goes: a worker of ours under load, sampled by its own CPU clock.

    python -m benchmarks.shares [--seconds 30] [--users 8]

``own``: whose code (or whose library) was running; ``within``: in whose call it was. Shares of the interpreter's main thread,
which SQLite's thread is not part of. Writes ``benchmarks/results/shares.json``.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from agent.drill.stage import free_port
from benchmarks.load import Mouths, crowd
from benchmarks.model_server import Pace
from benchmarks.servers import ModelServer, ready, running

RESULTS = Path(__file__).parent / "results"
EVERY_S = 0.002
OWNERS = (
    ("predictors/text.py:_embed", "sentence encoder"), ("predictors/terms", "terms"), ("predictors/rules", "rules"),
    ("predictors/", "predictors"), ("agent/reply/prompt", "prompt"), ("jinja2", "prompt"), ("agent/reply/", "reply, fact lock"),
    ("agent/decision", "decision"), ("agent/llm", "model client"), ("/openai/", "model client"), ("httpx2", "model client"),
    ("httpcore2", "model client"), ("h11", "model client"), ("anyio", "model client"), ("purgatory", "breakers"),
    ("sqlalchemy", "store"), ("asyncpg", "store"), ("agent/store", "store"), ("structlog", "logs"),
    ("langchain_core", "LangGraph"), ("langgraph", "LangGraph"), ("langsmith", "LangGraph"), ("fastapi", "HTTP"),
    ("starlette", "HTTP"), ("uvicorn", "HTTP"), ("pydantic", "HTTP"), ("server.py", "HTTP"), ("agent/channels", "HTTP"),
    ("agent/", "agent, rest"), ("asyncio", "asyncio"),
)  # fmt: skip
"""Whose a line of code is: the first part of ``file:function`` that fits."""


class Sampler:
    """SIGUSR2 starts it, and again ends it and writes ``file``."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._on = False
        self._own: Counter[str] = Counter()
        self._within: Counter[str] = Counter()
        signal.signal(signal.SIGPROF, self._sample)
        signal.signal(signal.SIGUSR2, self._toggle)

    def _sample(self, _signal: int, frame: FrameType | None) -> None:
        owners: list[str] = []
        while frame is not None:
            where = f"{frame.f_code.co_filename}:{frame.f_code.co_name}"
            owner = next((owner for part, owner in OWNERS if part in where), None)
            if owner is not None:
                owners.append(owner)
            frame = frame.f_back
        self._own[owners[0] if owners else "rest"] += 1
        self._within.update(set(owners))

    def _toggle(self, _signal: int, _frame: FrameType | None) -> None:
        self._on = not self._on
        signal.setitimer(signal.ITIMER_PROF, EVERY_S if self._on else 0.0, EVERY_S)
        if self._on:
            return
        total = max(1, self._own.total())
        shares = {
            name: {owner: round(count / total, 3) for owner, count in counted.most_common()}
            for name, counted in (("own", self._own), ("within", self._within))
        }
        unfinished = self._file.with_suffix(".part")
        unfinished.write_bytes(orjson.dumps({"samples": total, **shares}))
        unfinished.rename(self._file)


def serve(port: int, file: Path) -> None:
    """One worker as ``sales-agent serve`` runs it, with a sampler in it."""
    import uvicorn

    from server import create_app

    sampler = Sampler(file)
    uvicorn.run(create_app(), port=port, loop="uvloop", http="httptools", access_log=False, log_config=None)
    del sampler


async def measure(models: Path, seconds: float, users: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "models").symlink_to(models.resolve())
        port, model_port, file = free_port(), free_port(), folder / "shares.json"
        model = ModelServer(f"http://127.0.0.1:{model_port}")
        settings = {"DATA_DIR": name, "MODELS": "openai", "OPENAI_API_KEY": "none", "LOG_LEVEL": "warning",
                    "OPENAI_BASE_URL": f"{model.url}/v1"}  # fmt: skip
        environment = {f"SALES_AGENT_{key}": value for key, value in settings.items()}
        command = ["-m", "benchmarks.shares", "--serve", str(port), "--file", str(file)]
        with (
            running(["-m", "benchmarks.model_server", "--port", str(model_port)], {}),
            running(command, environment) as process,
        ):
            url, mouths = f"http://127.0.0.1:{port}", Mouths()
            await ready(url, process)
            await model.pace(Pace())
            await crowd(url, users, 5, (0, 0), "warm", mouths)
            process.send_signal(signal.SIGUSR2)
            run = await crowd(url, users, seconds, (0, 0), "sampled", mouths)
            process.send_signal(signal.SIGUSR2)
            async with asyncio.timeout(10):
                while not file.exists():
                    await asyncio.sleep(0.05)
            measured_at = time.strftime("%Y-%m-%d %H:%M", time.gmtime())
            found = {"measured_at": measured_at, "cores": os.cpu_count(), "turns": len(run.turns), "errors": run.errors}
            return {**found, **orjson.loads(file.read_bytes())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("data/models"), help="trained bundles of ours")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--users", type=int, default=8)
    parser.add_argument("--serve", type=int, metavar="PORT", help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve is not None:
        sys.path.insert(0, str(Path.cwd()))
        serve(chosen.serve, chosen.file)
        return
    result = asyncio.run(measure(chosen.models, chosen.seconds, chosen.users))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "shares.json").write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2))
    table = Table(title=f"CPU of {result['turns']} turns, {result['errors']} errors", title_justify="left")
    for column in ("", "own", "within"):
        table.add_column(column)
    for owner, share in result["own"].items():
        table.add_row(owner, f"{share:.1%}", f"{result['within'].get(owner, 0.0):.1%}")
    Console().print(table)


if __name__ == "__main__":
    main()
