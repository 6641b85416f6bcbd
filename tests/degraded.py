"""What the tests of failing parts share: the application with two scripted models behind its real clients."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from agent.bootstrap import build_agent
from agent.orchestrator import SalesAgent
from agent.settings import Settings
from predictors.base import Dialogue, Prediction
from predictors.language import spanish_share
from tests.conftest import serving
from tests.scripted_model import ScriptedModel

KEY = "sk-test-very-secret"
PATIENT = {"first_token_s": 60.0, "token_gap_s": 60.0, "reply_s": 60.0, "turn_budget_s": 60.0, "retry_share": 0}


@dataclass
class Silent:
    """A predictor that is there and sees nothing, so that ``degraded`` speaks of writers alone."""

    name: str
    version: str = "test-1"
    blocking: bool = False

    def predict(self, dialogue: Dialogue) -> Prediction:
        return Prediction((), "model", self.version)


async def build(settings: Settings) -> SalesAgent:
    return await build_agent(settings, predictors={name: Silent(name) for name in ("objection", "needs", "conversion")})


@dataclass
class Shop:
    """The application with OpenAI's client on ``first`` and Anthropic's on ``second``."""

    client: httpx2.AsyncClient
    first: ScriptedModel
    second: ScriptedModel

    async def post(self, text: str, *, to: str = "", locale: str = "en") -> tuple[dict[str, Any], dict[str, Any]]:
        """The turn and its ledger."""
        conversation = to or uuid.uuid4().hex
        answer = await self.client.post(
            f"/conversations/{conversation}/message", json={"message": text, "locale": locale}, timeout=20
        )
        assert answer.status_code == 200, answer.text
        turn: dict[str, Any] = answer.json()
        ledger = await self.client.get(f"/conversations/{conversation}/turns/{turn['turn_id']}")
        assert ledger.status_code == 200
        return turn, ledger.json()


@asynccontextmanager
async def shop(folder: Path, **given: Any) -> AsyncIterator[Shop]:
    async with ScriptedModel(api_key=KEY) as first, ScriptedModel(api_key=KEY) as second:
        settings = {
            "models": "openai,anthropic",
            "openai_api_key": KEY,
            "openai_base_url": first.openai_url,
            "anthropic_api_key": KEY,
            "anthropic_base_url": second.url,
            "log_level": "error",
            **PATIENT,
        }
        async with serving(Settings(data_dir=folder, **{**settings, **given}), build) as client:
            yield Shop(client, first, second)


def tried(ledger: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(attempt["writer"], attempt["failure"]) for attempt in ledger["reply"]["attempts"]]


def told(attempts: list[tuple[str, str | None]]) -> list[str]:
    """What ``degraded`` must say of these attempts."""
    return [f"writer:{writer}:{failure}" for writer, failure in attempts if failure]


def is_sensible(turn: dict[str, Any], language: str = "en") -> bool:
    """Words for a customer, in his language and whole; no JSON, no provider's prose."""
    reply: str = turn["response"]
    share, words = spanish_share(reply)
    return words >= 2 and (share > 0.5) == (language == "es") and reply.endswith((".", "?", "!")) and "{" not in reply
