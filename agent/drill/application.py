"""The product's application with predictors that can be made to hang or crash. For the drill only; started by uvicorn as
``agent.drill.application:create_app``. Production code knows nothing of it: what is put in is a predictor like any other.
"""

import time
from pathlib import Path
from typing import Literal

from fastapi import FastAPI

from agent.bootstrap import build_agent
from agent.orchestrator import SalesAgent
from agent.settings import Settings
from predictors.base import Dialogue, Prediction, Predictor
from server import create_app as production_app

CONTROL = "drill-predictors"
"""A file in the data folder: ``hang``, ``crash``, or not there. A file reaches every worker, whichever starts when."""
LOOK_S = 0.02

Trouble = Literal["hang", "crash"]


class PredictorCrashed(RuntimeError):
    """The drill made it crash."""


class Faulty:
    """``predictor``, in trouble while ``control`` says so. A hang ends only when the file is gone; deadlines must hold before.

    It blocks, so that the guard runs it in its bounded pool: a model that may hang belongs there.
    """

    blocking = True

    def __init__(self, predictor: Predictor, control: Path) -> None:
        self._predictor = predictor
        self._control = control

    @property
    def name(self) -> str:
        return self._predictor.name

    @property
    def version(self) -> str:
        return self._predictor.version

    def predict(self, dialogue: Dialogue) -> Prediction:
        while (trouble := self._trouble()) == "hang":
            time.sleep(LOOK_S)
        if trouble == "crash":
            raise PredictorCrashed
        return self._predictor.predict(dialogue)

    def _trouble(self) -> str:
        try:
            return self._control.read_text(encoding="ascii")
        except FileNotFoundError:
            return ""


async def build_faulty_agent(settings: Settings) -> SalesAgent:
    agent = await build_agent(settings)
    for guard in (agent.workers.objection, agent.workers.needs, agent.workers.conversion):
        if guard.predictor is not None:
            guard.use(Faulty(guard.predictor, settings.data_dir / CONTROL))
    return agent


def create_app(settings: Settings | None = None) -> FastAPI:
    return production_app(settings, build_faulty_agent)
