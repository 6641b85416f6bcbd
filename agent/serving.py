"""The server's processes: one, or several behind one port with a parent that restarts those that die."""

import os
import signal
import sys
import tempfile
from math import ceil
from pathlib import Path
from types import FrameType

import structlog
import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from agent.life import LAST_WORDS_S, READS_S, STOPPING
from agent.settings import Settings

log = structlog.get_logger(__name__)

_SPARE_S = 5.0
_START_S = 60
"""How long a worker may take to start when it replaces another one (SIGHUP)."""


def run_server(settings: Settings) -> None:
    """Serves until a signal ends it. Status 0 after SIGTERM: it was asked for, and everything was finished."""
    signal.signal(signal.SIGTERM, _end)
    config = uvicorn.Config(
        "server:create_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        log_config=None,
        timeout_graceful_shutdown=ceil(settings.drain_s + 2 * LAST_WORDS_S + READS_S + _SPARE_S),
        timeout_worker_healthcheck=_START_S,
    )
    if settings.workers > 1:
        began = _run_workers(config)
    else:
        server = uvicorn.Server(config)
        try:
            server.run()
        except KeyboardInterrupt:
            return
        began = server.started
    if not began:
        sys.exit(STARTUP_FAILURE)


def _run_workers(config: uvicorn.Config) -> bool:
    """Whether all workers could start."""
    with tempfile.TemporaryDirectory(prefix="sales-agent-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = os.environ["SALES_AGENT_WORKERS_DIR"] = folder
        supervisor = Supervisor(config, Path(folder))
        supervisor.run()
    return not supervisor.failed


class Supervisor(Multiprocess):
    """uvicorn's parent of workers, which also tells them when the whole server ends (``agent.life``)."""

    def __init__(self, config: uvicorn.Config, folder: Path) -> None:
        super().__init__(config, [config.bind_socket()])
        self.failed = False
        self._folder = folder

    def terminate_all(self) -> None:
        """The parent's own hold on the port goes first: nobody shall wait for a server that is gone."""
        (self._folder / STOPPING).touch()
        for listening in self.sockets:
            listening.close()
        super().terminate_all()

    def keep_subprocess_alive(self) -> None:
        """Replaces workers that ended. uvicorn's own way asks each one and waits for its answer; a worker that is just
        starting, or was killed while it was asked, would hold up the others and every signal."""
        for place, worker in enumerate(self.processes):
            if self.should_exit.is_set() or worker.process.is_alive():
                continue
            log.warning("worker_died", pid=worker.pid, status=worker.exitcode)
            worker.kill()
            if worker.exitcode == STARTUP_FAILURE:
                self.failed = True
                self.should_exit.set()
                return
            self.processes[place] = Process(self.config, self.sockets)
            self.processes[place].start()


def _end(_number: int, _frame: FrameType | None) -> None:
    """Outside of the server's own handlers: before it began, and after it has finished."""
    sys.exit(0)
