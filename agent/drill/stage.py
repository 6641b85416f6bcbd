"""All that a drill runs on: the server, its PostgreSQL and Valkey, the scripted model; each a process of its own."""

import asyncio
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2
from sqlalchemy.engine import make_url

from agent.drill.backends import Cache, Database
from agent.drill.model import HOST, ModelFault
from agent.drill.serving import Server
from agent.drill.stored import watch_arrivals
from agent.errors import InvalidInput

BUDGET_S = 3.0
LEASE_S = 2.0
TIMES = {
    "turn_budget_s": f"{BUDGET_S:g}",
    "first_token_s": "0.6",
    "token_gap_s": "0.6",
    "reply_s": "1.5",
    "predictor_deadline_s": "0.3",
    "lease_s": f"{LEASE_S:g}",
}
"""The product's own, a fifth of their defaults, in the same relation to each other: else every fault would take minutes."""
START_S = 240.0


@dataclass(slots=True)
class Stage:
    """``data_dir`` is the server's; ``faulty`` says whether the server that runs has predictors that can be made to fail."""

    data_dir: Path
    database: Database
    cache: Cache
    server: Server
    model_url: str
    workers: int
    faulty: bool = False
    budget_s: float = BUDGET_S
    settle_s: float = 3 * LEASE_S
    start_s: float = START_S

    async def switch_model(self, fault: ModelFault, share: float) -> None:
        async with httpx2.AsyncClient(trust_env=False) as client:
            await client.post(f"{self.model_url}/control", json={"fault": fault, "share": share})

    async def serve(self, *, faulty: bool) -> None:
        """The production server, or the one whose predictors can fail, whichever runs now. Ready when it returns."""
        if faulty != self.faulty:
            self.server.stop()
            self.server = _server(self.data_dir, self.database, self.cache, self.model_url, self.workers, faulty)
            self.server.start()
            self.faulty = faulty
        await self.server.until_serving(self.start_s)


@asynccontextmanager
async def staged(models_dir: Path, workers: int, *, faulty: bool = False) -> AsyncGenerator[Stage]:
    """Everything up and ready; gone without a trace afterwards. Raises ``DrillExtraMissing``, ``InvalidInput``."""
    if not (models_dir / "objection").exists():
        raise InvalidInput(f"no trained models in {str(models_dir)!r}; run `sales-agent train`", field="data_dir")
    with tempfile.TemporaryDirectory(prefix="drill-", ignore_cleanup_errors=True) as folder:
        data_dir = Path(folder) / "data"
        data_dir.mkdir()
        (data_dir / "models").symlink_to(models_dir.resolve())  # noqa: ASYNC240  nothing else runs yet
        database, cache = Database(Path(folder) / "postgres"), Cache(Path(folder) / "valkey", free_port())
        model_port = free_port()
        model = subprocess.Popen(  # noqa: ASYNC220, S603
            [sys.executable, "-m", "agent.drill.model", "--port", str(model_port)], start_new_session=True
        )
        model_url = f"http://{HOST}:{model_port}"
        try:
            await asyncio.to_thread(database.start)
            await asyncio.to_thread(cache.start)
            await _until_open(model_port)
            server = _server(data_dir, database, cache, model_url, workers, faulty)
            stage = Stage(data_dir, database, cache, server, model_url, workers, faulty)
            try:
                server.start()
                await stage.server.until_serving(START_S)
                await watch_arrivals(database.url)
                yield stage
            finally:
                await asyncio.to_thread(stage.server.stop)
        finally:
            model.kill()
            model.wait()
            await asyncio.to_thread(cache.close)
            await asyncio.to_thread(database.close)


def _server(data_dir: Path, database: Database, cache: Cache, model_url: str, workers: int, faulty: bool) -> Server:
    port = free_port()
    settings = {
        "data_dir": str(data_dir),
        "database_url": make_url(database.url).set(drivername="postgresql+asyncpg").render_as_string(False),
        "valkey_url": cache.url,
        "rate_limit": "999999/minute",
        "models": "openai",
        "openai_api_key": "drill",
        "openai_base_url": f"{model_url}/v1",
        "log_level": "warning",
        "log_format": "json",
        **TIMES,
    }
    return Server(_command(port, workers, faulty), settings, port, workers, data_dir / "server.log")


def _command(port: int, workers: int, faulty: bool) -> Sequence[str]:
    if not faulty:
        return (sys.executable, "-m", "agent.cli", "serve", "--port", str(port), "--workers", str(workers))
    application = ("agent.drill.application:create_app", "--factory", "--loop", "uvloop", "--http", "httptools")
    quiet = ("--no-access-log", "--log-level", "warning", "--timeout-worker-healthcheck", "60")
    return (sys.executable, "-m", "uvicorn", *application, *quiet, "--port", str(port), "--workers", str(workers))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


async def _until_open(port: int) -> None:
    async with asyncio.timeout(START_S):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection(HOST, port)
                writer.close()
                return
            await asyncio.sleep(0.05)
