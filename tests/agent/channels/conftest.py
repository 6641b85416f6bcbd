"""One server for all tests here that need no other parts; every test has conversations of its own."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from agent.settings import Settings
from tests.conftest import serving


@pytest.fixture(scope="session")
async def api(tmp_path_factory: pytest.TempPathFactory, models: Path) -> AsyncIterator[httpx2.AsyncClient]:
    folder = tmp_path_factory.mktemp("api")
    (folder / "models").symlink_to(models)
    async with serving(Settings(data_dir=folder, log_level="error")) as client:
        yield client


@pytest.fixture
def here() -> str:
    """The path of a conversation that nobody has."""
    return f"/conversations/{uuid.uuid4().hex}"
