"""A business of which no outcome was learnt: no probability is shown, nobody guesses, and the sale goes on."""

import io
import uuid
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from agent.settings import Settings
from agent.terminal import show_turn
from agent.training import train_bundles
from predictors.bundle import Trained
from tests.conftest import serving

PLAYBOOKS = Path(__file__).parent / "playbooks"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conversion-only")
    settings = Settings(data_dir=folder)
    train_bundles(settings, [Trained.CONVERSION], None, 7, only_missing=False, console=Console(quiet=True))
    return folder


async def said(settings: Settings, *messages: str) -> list[dict[str, Any]]:
    conversation = uuid.uuid4().hex
    async with serving(settings) as door:
        answers = [
            await door.post(f"/conversations/{conversation}/message", json={"message": message, "locale": "en"})
            for message in messages
        ]
    assert [answer.status_code for answer in answers] == [200] * len(messages), answers[0].text
    return [answer.json() for answer in answers]


async def test_a_known_business_has_a_probability_and_its_change(data: Path) -> None:
    settings = Settings(data_dir=data, log_level="error")
    turns = await said(settings, "I want to lose weight", "that is too expensive for me")
    insights = [turn["ml_insights"] for turn in turns]
    assert all(0 < one["conversion_probability"] < 1 for one in insights)
    assert all(one["models"]["conversion"]["source"] == "model" for one in insights)
    change = insights[1]["conversion_probability"] - insights[0]["conversion_probability"]
    assert insights[1]["conversion_delta"] == pytest.approx(change)


async def test_a_new_business_has_none_and_is_told_why(data: Path) -> None:
    settings = Settings(data_dir=data, log_level="error", playbooks_dir=PLAYBOOKS, default_playbook="insurance")
    turns = await said(settings, "we're buying our first home and want it insured", "sounds good, what does it cost")
    for turn in turns:
        insights = turn["ml_insights"]
        assert insights["conversion_probability"] is insights["conversion_interval"] is None
        assert insights["conversion_delta"] is None
        assert insights["conversion_causes"] == ["not enough data: no outcomes of vertical 'insurance'"]
        assert insights["models"]["conversion"]["degraded"] is None
        assert not [why for why in turn["degraded"] if why.startswith("conversion")]
        assert turn["recommended_action"]["type"] != "close_politely"
        console = Console(record=True, width=120, file=io.StringIO())
        show_turn(console, "hello", turn)
        assert "conversion: not enough data" in console.export_text()
