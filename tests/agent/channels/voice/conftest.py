"""One server for all calls that need no other parts; every test has a call of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.settings import Settings
from tests.agent.channels.voice.calls import House, house


@pytest.fixture(scope="session")
async def standing(tmp_path_factory: pytest.TempPathFactory, models: Path) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("calls")
    (folder / "models").symlink_to(models)
    async with house(Settings(data_dir=folder, log_level="error")) as server:
        yield server
