"""A turn ends within its budget whatever hangs: a table of hangs and places, the time of the event loop's own clock.

What can't be interrupted is not in it: CPU work on the loop itself (an inline predictor, the encoder). Its input is bounded.
"""

import asyncio
import json
import threading
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from agent.bootstrap import build_agent
from agent.errors import WriterFailed
from agent.orchestrator import Post, SalesAgent
from agent.settings import Settings
from agent.turn import DEFAULT_TENANT, Brief, ConversationKey, Delta
from predictors.base import Dialogue, Prediction, Predictor

BUDGET_S = 0.6
SLACK_S = 0.05
TRIES = 5
"""The best of so many counts: a machine that is busy is late by itself, a turn that waits for a hang is late each time."""

Say = Callable[[str], Coroutine[Any, Any, None]]
WHOLE = json.dumps({"reply": "Thank you for telling me. I hear that often. What matters most to you?"})
NAMES = ("objection", "needs", "conversion")


async def for_ever() -> None:
    await asyncio.sleep(3600)


async def deaf() -> None:
    """Ignores the first cancellation, as code does that catches too much."""
    with suppress(asyncio.CancelledError):
        await for_ever()
    await for_ever()


@dataclass
class Model:
    """Writes ``before``, hangs in ``hang``, and hangs again where it is closed."""

    before: str = ""
    hang: Callable[[], Coroutine[Any, Any, None]] | None = None
    close: Callable[[], Coroutine[Any, Any, None]] | None = None
    fails: bool = False
    name: str = "model"

    async def stream(self, brief: Brief) -> AsyncGenerator[Delta]:
        try:
            if self.before:
                yield Delta(self.before)
            if self.hang is not None:
                await self.hang()
            if self.fails:
                raise WriterFailed("server_error")
        finally:
            if self.close is not None:
                await self.close()

    async def aclose(self) -> None:
        return None


@dataclass
class Predicting:
    name: str
    released: threading.Event | None = None
    version: str = "test-1"
    blocking: bool = True

    def predict(self, dialogue: Dialogue) -> Prediction:
        if self.released is not None:
            self.released.wait(60)
        return Prediction((), "model", self.version)


MODELS: dict[str, Callable[[], Model]] = {
    "no first token": lambda: Model("", for_ever),
    "no first token, and deaf": lambda: Model("", deaf),
    "silence in the middle": lambda: Model(WHOLE[:40], for_ever),
    "silence in the middle, and deaf": lambda: Model(WHOLE[:40], deaf),
    "silence at the end": lambda: Model(WHOLE, for_ever),
    "a close that hangs after silence": lambda: Model(WHOLE[:40], for_ever, deaf),
    "a close that hangs after a whole reply": lambda: Model(WHOLE, None, deaf),
    "a close that hangs after a failure": lambda: Model("", None, deaf, fails=True),
    "only blanks": lambda: Model("  ", for_ever),
}


@pytest.fixture
def released() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


@dataclass
class Switch:
    """A rung whose model the test chooses."""

    name: str
    model: Model = field(default_factory=lambda: Model(WHOLE))

    async def stream(self, brief: Brief) -> AsyncGenerator[Delta]:
        async with aclosing(self.model.stream(brief)) as deltas:
            async for delta in deltas:
                yield delta

    async def aclose(self) -> None:
        return None


@dataclass
class House:
    """An agent with two models and a budget of ``BUDGET_S``. No hang of a model opens a breaker here: the turn's budget
    ends it, and that is not the model's fault."""

    agent: SalesAgent
    first: Switch
    second: Switch

    async def fastest(self, say: Say | None = None) -> dict[str, Any]:
        """The quickest of a few turns, each in a conversation of its own, with its ``seconds``."""
        clock = asyncio.get_running_loop().time
        best: dict[str, Any] = {}
        for _ in range(TRIES):
            started = clock()
            content = await self.agent.post(Post(uuid.uuid4().hex, "That is too expensive for me.", locale="en"), say)
            seconds = clock() - started
            if not best or seconds < best["seconds"]:
                best = {**orjson.loads(content), "seconds": seconds}
            if seconds <= BUDGET_S + SLACK_S:
                break
        return best


@asynccontextmanager
async def building(folder: Path, predictors: Mapping[str, Predictor]) -> AsyncGenerator[House]:
    given = Settings(data_dir=folder, turn_budget_s=BUDGET_S, predictor_deadline_s=30.0, log_level="error")
    first, second = Switch("first"), Switch("second")
    agent = await build_agent(given, predictors=predictors, writers=[first, second])
    yield House(agent, first, second)
    await agent.aclose()


@pytest.fixture(scope="module")
async def one_house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with building(tmp_path_factory.mktemp("budget"), {n: Predicting(n, blocking=False) for n in NAMES}) as house:
        yield house


@pytest.fixture
def house(one_house: House) -> House:
    one_house.first.model = one_house.second.model = Model(WHOLE)
    return one_house


def in_time(turn: dict[str, Any]) -> None:
    assert turn["response"]
    assert turn["seconds"] <= BUDGET_S + SLACK_S, (turn["seconds"], turn["degraded"], turn["timing_ms"])


@pytest.mark.parametrize("hang", MODELS)
async def test_a_model_that_hangs_while_somebody_listens(house: House, hang: str) -> None:
    heard: list[str] = []

    async def say(sentence: str) -> None:
        heard.append(sentence)

    house.first.model = MODELS[hang]()
    turn = await house.fastest(say)
    in_time(turn)
    wrote = hang in ("silence at the end", "a close that hangs after a whole reply")
    assert [why for why in turn["degraded"] if why.startswith("writer:first:")] == [] or not wrote
    assert turn["degraded"] or wrote
    assert "".join(heard).strip().endswith(turn["response"][-20:])


@pytest.mark.parametrize("hang", MODELS)
async def test_two_models_that_hang(house: House, hang: str) -> None:
    house.first.model, house.second.model = MODELS[hang](), MODELS[hang]()
    in_time(await house.fastest())


@pytest.mark.parametrize("which", [*NAMES, "all"])
async def test_predictors_that_hang(tmp_path: Path, which: str, released: threading.Event) -> None:
    hung = {name: Predicting(name, released if which in (name, "all") else None) for name in NAMES}
    async with building(tmp_path, hung) as house:
        turn = await house.fastest()
        in_time(turn)
        assert {why.rpartition(":")[2] for why in turn["degraded"] if why.split(":")[0] in NAMES} <= {
            "deadline",
            "saturated",
        }
        assert {why.split(":")[0] for why in turn["degraded"]} >= ({which} if which != "all" else set(NAMES))
        released.set()


async def test_predictors_models_and_a_listener_that_hang(tmp_path: Path, released: threading.Event) -> None:
    async def say(sentence: str) -> None:
        await deaf()

    async with building(tmp_path, {name: Predicting(name, released) for name in NAMES}) as house:
        house.first.model = house.second.model = Model(WHOLE[:40], deaf, deaf)
        turn = await house.fastest(say)
        in_time(turn)
        assert "listener:too_slow" in turn["degraded"]
        released.set()


@pytest.mark.parametrize(
    "model", [Model(WHOLE), Model(WHOLE[:60], for_ever), Model("", for_ever)], ids=["whole", "half", "nothing"]
)
async def test_a_listener_that_hangs_is_left_and_the_reply_is_stored(house: House, model: Model) -> None:
    async def say(sentence: str) -> None:
        await for_ever()

    house.first.model = model
    turn = await house.fastest(say)
    in_time(turn)
    assert "listener:too_slow" in turn["degraded"]
    stored = await house.agent.messages(ConversationKey(DEFAULT_TENANT, turn["conversation_id"]))
    assert stored[-1]["text"] == turn["response"]


async def test_a_listener_that_breaks_ends_no_turn(house: House) -> None:
    async def say(sentence: str) -> None:
        raise ConnectionResetError("Ana Pérez hung up")

    turn = await house.fastest(say)
    in_time(turn)
    assert turn["degraded"] == ["listener:crashed:ConnectionResetError"]


async def test_a_listener_that_is_only_slow_hears_everything_in_its_order(house: House) -> None:
    heard: list[str] = []

    async def say(sentence: str) -> None:
        await asyncio.sleep(0.01)
        heard.append(sentence)

    turn = await house.fastest(say)
    assert "".join(heard[-3:]).strip() in turn["response"]
    assert "".join(heard).strip().endswith(turn["response"])
    assert turn["degraded"] == []
