"""The server's processes: one, or several behind one port with a parent that restarts those that die."""

import os
import signal
import sys
import tempfile
from math import ceil
from pathlib import Path
from types import FrameType

import uvicorn
from uvicorn.supervisors import Multiprocess

from agent.life import LAST_WORDS_S, READS_S, STOPPING
from agent.settings import Settings

_SPARE_S = 5.0
_HEALTHCHECK_S = 30
"""How long a worker may take to start when it replaces another one (SIGHUP), or to answer its parent."""


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
        timeout_worker_healthcheck=_HEALTHCHECK_S,
    )
    if settings.workers > 1:
        _run_workers(config)
        return
    server = uvicorn.Server(config)
    try:
        server.run()
    except KeyboardInterrupt:
        return
    if not server.started:
        sys.exit(3)


def _run_workers(config: uvicorn.Config) -> None:
    with tempfile.TemporaryDirectory(prefix="sales-agent-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        Supervisor(config, Path(folder)).run()


class Supervisor(Multiprocess):
    """Tells its workers, before it ends them, that the whole server ends (``agent.life``)."""

    def __init__(self, config: uvicorn.Config, folder: Path) -> None:
        super().__init__(config, [config.bind_socket()])
        self._folder = folder

    def terminate_all(self) -> None:
        (self._folder / STOPPING).touch()
        for listening in self.sockets:
            listening.close()
        super().terminate_all()


def _end(_number: int, _frame: FrameType | None) -> None:
    """Outside of the server's own handlers: before it began, and after it has finished."""
    sys.exit(0)
