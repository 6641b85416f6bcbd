"""The product's processes, seen and treated as an operator would: started, watched from outside, killed."""

import asyncio
import os
import random
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.drill.backends import required
from agent.errors import AgentError

HOST = "127.0.0.1"
_PROBE = b"GET /readyz HTTP/1.1\r\nHost: drill\r\n\r\n"
PROBE_S = 2.0
LOOK_S = 0.05
STOP_S = 20.0
LOG_TAIL = 300


class NotServing(AgentError):
    """The server did not get ready, or not with all its workers."""


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """That of this process with ``settings`` in the place of its own: a drill is the same whoever starts it."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SALES_AGENT_")}
    return {**inherited, **{f"SALES_AGENT_{name.upper()}": value for name, value in settings.items()}}


class Server:
    """``command`` must serve on ``port`` with ``workers`` processes of uvicorn. What it logs goes to the end of ``log``."""

    def __init__(self, command: Sequence[str], settings: Mapping[str, str], port: int, workers: int, log: Path) -> None:
        self._psutil: Any = required("psutil")
        self._command = tuple(command)
        self._settings = settings
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self.port = port
        self.workers = workers

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """A session of its own: a signal to its group reaches every worker, and nothing else."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                self._command, env=environment(self._settings), stdout=log, stderr=log, start_new_session=True
            )

    async def until_serving(self, seconds: float) -> None:
        """Returns when every worker has answered that it is ready. Raises ``NotServing``."""
        end = time.monotonic() + seconds
        seen: set[int] = set()
        while time.monotonic() < end:
            if self._process is None or self._process.poll() is not None:
                raise NotServing(f"the server ended; its log ends with {self._last_words()!r}")
            worker = await self._probe()
            seen = (seen | {worker} if worker else seen) & set(self.worker_ids())
            if len(seen) >= self.workers:
                return
            await asyncio.sleep(LOOK_S)
        problem = f"{len(seen)} of {self.workers} workers were ready after {seconds:g} s"
        raise NotServing(f"{problem}; the log ends with {self._last_words()!r}")

    def worker_ids(self) -> list[int]:
        """Of the worker processes that live, oldest first."""
        return [worker.pid for worker in self._worker_processes()]

    def worker_of(self, local_port: int) -> int | None:
        """The process at the other end of our connection from ``local_port``."""
        for worker in self._worker_processes():
            try:
                if any(one.raddr and one.raddr.port == local_port for one in worker.net_connections("tcp")):
                    return worker.pid
            except self._psutil.Error:
                continue
        return None

    def kill_worker(self, chance: random.Random) -> int:
        """kill -9 of one worker, in the middle of whatever it does; its process id."""
        worker = chance.choice(self.worker_ids())
        os.kill(worker, signal.SIGKILL)
        return worker

    def kill(self) -> None:
        """kill -9 of the server and all its workers at once."""
        self._signal(signal.SIGKILL)
        self._wait(STOP_S)

    def stop(self) -> None:
        self._signal(signal.SIGTERM)
        if not self._wait(STOP_S):
            self.kill()
        self._process = None

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, number)

    def _wait(self, seconds: float) -> bool:
        try:
            if self._process is not None:
                self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _worker_processes(self) -> list[Any]:
        """uvicorn spawns its workers; multiprocessing's resource tracker is a child, too, and no worker."""
        try:
            children: list[Any] = self._psutil.Process(self._process.pid).children() if self._process else []
        except self._psutil.NoSuchProcess:
            return []
        return [child for child in children if self._is_worker(child)]

    def _is_worker(self, child: Any) -> bool:
        try:
            return child.status() != self._psutil.STATUS_ZOMBIE and any("spawn_main" in one for one in child.cmdline())
        except self._psutil.Error:
            return False

    async def _probe(self) -> int | None:
        """Which worker answered 200 on a new connection."""
        try:
            async with asyncio.timeout(PROBE_S):
                reader, writer = await asyncio.open_connection(HOST, self.port)
                try:
                    writer.write(_PROBE)
                    status = await reader.readline()
                    worker = self.worker_of(writer.get_extra_info("sockname")[1])
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return None
        return worker if b" 200 " in status else None

    def _last_words(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[-LOG_TAIL:] if self._log.exists() else ""
