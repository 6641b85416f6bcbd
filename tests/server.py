"""The real server as processes of its own, for tests of what signals do to it."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Served:
    """``process`` is the one that was started: the parent of the workers where there are several."""

    process: asyncio.subprocess.Process
    client: httpx2.AsyncClient

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    async def ended(self, seconds: float = 300.0) -> tuple[int, str]:
        """The exit status and what was logged."""
        async with asyncio.timeout(seconds):
            _, logged = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, logged.decode()

    def workers(self) -> list[int]:
        """The process ids of the workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in children if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()]

    async def answer(self, path: str, status: int, seconds: float = 300.0) -> httpx2.Response:
        """The first answer with ``status``; nobody listening counts as not yet."""
        async with asyncio.timeout(seconds):
            while True:
                try:
                    found = await self.client.get(path)
                    if found.status_code == status:
                        return found
                except httpx2.TransportError:
                    assert self.process.returncode is None, await self.ended()
                await asyncio.sleep(0.02)


@asynccontextmanager
async def served(data_dir: Path, *arguments: str, **settings: object) -> AsyncIterator[Served]:
    """``sales-agent serve``, ready; killed with its workers when a test leaves it running."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = {"data_dir": data_dir, "log_format": "json", **settings}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "agent.cli", "serve", "--port", str(port), *arguments,
        cwd=ROOT,
        env={**os.environ, **{f"SALES_AGENT_{name.upper()}": str(value) for name, value in given.items()}},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    try:
        # A new connection for each request: with several workers the next one may be another's.
        limits = httpx2.Limits(max_keepalive_connections=0)
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=300, limits=limits) as client:
            server = Served(process, client)
            await server.answer("/readyz", 200)
            yield server
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.communicate()
