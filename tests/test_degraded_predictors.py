"""Predictors that hang, crash, are missing or do not match, through the HTTP door: rules answer, and the answer says why."""

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

from agent.bootstrap import build_agent
from agent.orchestrator import SalesAgent
from agent.settings import Settings
from predictors.base import Dialogue, Prediction, Predictor
from tests.conftest import serving

NAMES = ("objection", "needs", "conversion")
TOO_DEAR = {"message": "That is too expensive for me.", "locale": "en"}


@dataclass
class Answering:
    """A predictor that answers at once."""

    name: str
    version: str = "test-1"
    blocking: bool = False

    def predict(self, dialogue: Dialogue) -> Prediction:
        return Prediction((), "model", self.version, probabilities={"converts": 0.5})


@dataclass
class Crashing(Answering):
    error: Exception = field(default_factory=lambda: ValueError("a shape that is wrong, said to Ana Pérez"))

    def predict(self, dialogue: Dialogue) -> Prediction:
        raise self.error


@dataclass
class Hanging(Answering):
    """Hangs until ``released``, but only for messages that say so; ``entered`` counts the threads that it took."""

    blocking: bool = True
    released: threading.Event = field(default_factory=threading.Event)
    entered: list[str] = field(default_factory=list)

    def predict(self, dialogue: Dialogue) -> Prediction:
        if "hang" in dialogue.text:
            self.entered.append(dialogue.text)
            self.released.wait(60)
        return Prediction((), "model", self.version, probabilities={"converts": 0.5})


@pytest.fixture
def hanging() -> Iterator[dict[str, Hanging]]:
    """All three; whatever a test does, their threads are let go."""
    made = {name: Hanging(name) for name in NAMES}
    yield made
    for predictor in made.values():
        predictor.released.set()


@asynccontextmanager
async def shop(folder: Path, predictors: Mapping[str, Predictor], **given: Any) -> AsyncIterator[httpx2.AsyncClient]:
    async def build(settings: Settings) -> SalesAgent:
        return await build_agent(settings, predictors=predictors)

    settings = {"log_level": "error", "turn_budget_s": 60.0, **given}
    async with serving(Settings(data_dir=folder, **settings), build) as client:
        yield client


async def post(client: httpx2.AsyncClient, conversation: str, body: Mapping[str, Any] = TOO_DEAR) -> dict[str, Any]:
    answer = await client.post(f"/conversations/{conversation}/message", json=body)
    assert answer.status_code == 200, answer.text
    turn: dict[str, Any] = answer.json()
    assert turn["response"]
    return turn


def sources(turn: dict[str, Any]) -> dict[str, tuple[str, str | None]]:
    return {name: (used["source"], used["degraded"]) for name, used in turn["ml_insights"]["models"].items()}


async def test_without_any_model_rules_answer_and_every_predictor_is_named(tmp_path: Path) -> None:
    async with shop(tmp_path, {}) as client:
        turn = await post(client, "one")
        ledger = (await client.get("/conversations/one/turns/1")).json()
    assert turn["degraded"] == [f"{name}:no_model" for name in NAMES]
    assert sources(turn) == dict.fromkeys(NAMES, ("rules", "no_model"))
    found = turn["ml_insights"]["predicted_objections"]
    assert [(label["type"], label["source"]) for label in found] == [("price", "rules")]
    assert turn["recommended_action"]["type"] == "handle_objection"
    assert {one["degraded"] for one in ledger["insights"].values() if isinstance(one, dict)} == {"no_model"}


@pytest.mark.parametrize("missing", NAMES)
async def test_one_missing_model_is_the_only_one_named(tmp_path: Path, missing: str) -> None:
    there = {name: Answering(name) for name in NAMES if name != missing}
    async with shop(tmp_path, there) as client:
        turn = await post(client, "one")
    assert turn["degraded"] == [f"{missing}:no_model"]
    assert sources(turn) == {**dict.fromkeys(there, ("model", None)), missing: ("rules", "no_model")}


@pytest.mark.parametrize("crashing", NAMES)
async def test_a_model_that_crashes_is_named_with_its_error_and_no_more(tmp_path: Path, crashing: str) -> None:
    predictors = {name: Crashing(name) if name == crashing else Answering(name) for name in NAMES}
    async with shop(tmp_path, predictors) as client:
        answer = await client.post("/conversations/one/message", json=TOO_DEAR)
    assert answer.status_code == 200
    turn = answer.json()
    assert turn["degraded"] == [f"{crashing}:crashed:ValueError"]
    assert sources(turn)[crashing] == ("rules", "crashed:ValueError")
    assert "Ana Pérez" not in answer.text


async def test_a_model_that_keeps_crashing_is_left_alone(tmp_path: Path) -> None:
    async with shop(tmp_path, {**{name: Answering(name) for name in NAMES}, "needs": Crashing("needs")}) as client:
        seen = [(await post(client, f"c{n}", {**TOO_DEAR, "message": f"No, {n}."}))["degraded"] for n in range(7)]
    assert seen == [["needs:crashed:ValueError"]] * 5 + [["needs:breaker_open"]] * 2


async def test_models_that_hang_are_left_at_their_deadline(tmp_path: Path, hanging: dict[str, Hanging]) -> None:
    async with shop(tmp_path, hanging, predictor_deadline_s=0.1) as client, asyncio.timeout(30):
        turn = await post(client, "one", {"message": "It is too expensive, I hang up.", "locale": "en"})
    assert turn["degraded"] == [f"{name}:deadline" for name in NAMES]
    assert [label["type"] for label in turn["ml_insights"]["predicted_objections"]] == ["price"]


async def test_the_turn_s_budget_ends_models_that_may_take_longer(tmp_path: Path, hanging: dict[str, Hanging]) -> None:
    async with (
        shop(tmp_path, hanging, predictor_deadline_s=30.0, turn_budget_s=0.2) as client,
        asyncio.timeout(20),
    ):
        turn = await post(client, "one", {"message": "It is too expensive, I hang up.", "locale": "en"})
    assert turn["degraded"] == [f"{name}:deadline" for name in NAMES]


async def test_six_hung_predictors_hold_up_nobody_else(tmp_path: Path, hanging: dict[str, Hanging]) -> None:
    """Two conversations hang in all three predictors; three others come later and are through before them."""
    ended: list[str] = []

    async def talk(client: httpx2.AsyncClient, conversation: str, text: str) -> dict[str, Any]:
        turn = await post(client, conversation, {"message": text, "locale": "en"})
        ended.append(conversation)
        return turn

    async with shop(tmp_path, hanging, predictor_deadline_s=30.0) as client, asyncio.timeout(30):
        stuck = [asyncio.create_task(talk(client, name, f"{name}: I hang up.")) for name in ("stuck-1", "stuck-2")]
        await until(lambda: sum(len(predictor.entered) for predictor in hanging.values()) == 6)
        others = [await talk(client, name, f"{name} says it is too expensive") for name in ("a", "b", "c")]
        assert ended == ["a", "b", "c"]
        for predictor in hanging.values():
            predictor.released.set()
        late = await asyncio.gather(*stuck)
        assert sorted(ended[3:]) == ["stuck-1", "stuck-2"]
        for turn in others:
            assert turn["degraded"] == [f"{name}:saturated" for name in NAMES]
            assert [label["type"] for label in turn["ml_insights"]["predicted_objections"]] == ["price"]
        assert [turn["degraded"] for turn in late] == [[], []], "they were released in time"


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.005)


@pytest.fixture
def copied(tmp_path: Path, models: Path) -> Path:
    """A data directory with the trained models, to be spoiled."""
    shutil.copytree(models, tmp_path / "models")
    return tmp_path


async def test_trained_models_answer_when_nothing_is_wrong_with_them(copied: Path) -> None:
    async with shop(copied, {}) as client:
        turn = await post(client, "one")
    assert turn["degraded"] == []
    assert sources(turn) == dict.fromkeys(NAMES, ("model", None))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "spoiled", ["another format", "other features", "another predictor", "no labels", "other arrays", "no arrays"]
)
async def test_a_bundle_that_does_not_match_is_refused_at_the_start_and_rules_answer(
    copied: Path, name: str, spoiled: str, capfd: pytest.CaptureFixture[str]
) -> None:
    spoil(copied / "models" / name, spoiled)
    async with shop(copied, {}, log_format="json") as client:
        turn = await post(client, "one")
    assert turn["degraded"] == [f"{name}:no_model"]
    others = {other: ("model", None) for other in NAMES if other != name}
    assert sources(turn) == {**others, name: ("rules", "no_model")}
    seen = capfd.readouterr()
    if spoiled != "no arrays":
        [why] = [line for line in (seen.out + seen.err).splitlines() if "model_refused" in line]
        assert name in why


def spoil(folder: Path, how: str) -> None:
    manifest, arrays = folder / "manifest.json", folder / "arrays.npz"
    fields = orjson.loads(manifest.read_bytes())
    match how:
        case "another format":
            fields["format"] = 99
        case "other features":
            fields["features"] = "words of last year"
        case "another predictor":
            fields["predictor"] = "weather"
        case "no labels":
            del fields["labels"]
        case "other arrays":
            arrays.write_bytes(arrays.read_bytes() + b"\0")
        case _:
            arrays.unlink()
    manifest.write_bytes(orjson.dumps(fields))
