"""For whoever runs the service: is it alive, is it ready, what does it count."""

import asyncio
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from agent import metrics
from agent.access.admission import Admission
from agent.access.caller import Permission
from agent.access.route import Guarded, needs
from agent.channels.conversations import GUARDED
from agent.health import Health
from agent.life import Life
from agent.orchestrator import SalesAgent
from agent.settings import Settings

router = APIRouter(tags=["operations"])
counted = APIRouter(tags=["operations"], route_class=Guarded)


class ReadyResponse(BaseModel):
    """``parts``: a word for each (``ok``, ``absent``, ``unreachable``, ...). ``breakers``: those that were used so far."""

    status: Literal["ready", "not ready", "draining"]
    parts: dict[str, str]
    breakers: dict[str, Literal["closed", "half-opened", "opened"]]


@router.get("/livez", summary="The process answers")
async def livez() -> dict[str, str]:
    return {"status": "alive"}


@router.get(
    "/readyz",
    summary="New conversations may come here",
    responses={503: {"model": ReadyResponse, "description": "Not now: a part is missing, or the process is ending."}},
)
async def readyz(request: Request, response: Response) -> ReadyResponse:
    """Each part, and whether this process takes work. Parts are asked at most once a second."""
    life: Life = request.app.state.life
    agent: SalesAgent = request.app.state.agent
    if life.leaving:
        response.status_code = 503
        return ReadyResponse(status="draining", parts={}, breakers=agent.workers.breakers.states)
    health: Health = request.app.state.health
    report = await health.report()
    response.status_code = 200 if report.ready else 503
    return ReadyResponse(
        status="ready" if report.ready else "not ready",
        parts=dict(report.parts),
        breakers=agent.workers.breakers.states,
    )


@counted.get(
    "/metrics",
    openapi_extra=needs(Permission.READ_METRICS),
    summary="What is counted, for Prometheus",
    response_class=Response,
    responses={
        **GUARDED,
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Of all workers."},
    },
)
async def exposition(request: Request) -> Response:
    settings: Settings = request.app.state.agent.settings
    if settings.workers_dir is None:
        content = metrics.exposition(None)
    else:
        content = await asyncio.to_thread(metrics.exposition, settings.workers_dir)
    return Response(content, media_type=metrics.CONTENT_TYPE)


def health_of(agent: SalesAgent, admission: Admission) -> Health:
    """The parts of a process."""
    health = Health()

    async def store() -> str:
        await agent.ready()
        return "ok"

    async def models() -> str:
        workers = agent.workers
        missing = [
            guard.name for guard in (workers.objection, workers.needs, workers.conversion) if not guard.predictor
        ]
        return f"rules only: {', '.join(missing)}" if missing else "loaded"

    health.add("store", store, required=True, timeout_s=3.0)
    health.add("models", models, required=False)
    health.add("valkey", admission.valkey, required=False)
    return health
