"""What a server does beside turns: it runs those that a dead process left behind, and erases what is past its time."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import structlog

from agent import metrics
from agent.errors import StoreUnavailable
from agent.orchestrator import SalesAgent

log = structlog.get_logger(__name__)

DAY_S = 86_400.0
BETWEEN_ERASURES_S = 60.0
FORGET_S = 3_600.0


@asynccontextmanager
async def housekeeping(agent: SalesAgent) -> AsyncGenerator[None]:
    """Runs beside the block and ends with it."""
    tasks = [asyncio.create_task(work(agent)) for work in (_take_over, _erase_old, _forget)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _take_over(agent: SalesAgent) -> None:
    while True:
        await asyncio.sleep(agent.settings.sweep_s)
        metrics.tasks(len(asyncio.all_tasks()))
        try:
            await agent.take_over()
        except StoreUnavailable as error:
            log.warning("nothing_taken_over", why=str(error))
        except Exception as error:  # one turn that can't be run must not end the looking after the others
            log.error("taking_over_failed", error=type(error).__name__, exc_info=error)


async def _erase_old(agent: SalesAgent) -> None:
    days = agent.settings.retention_days
    while days is not None:
        try:
            while erased := await agent.erase_older(days * DAY_S):
                log.info("conversations_past_retention_erased", count=erased)
        except StoreUnavailable as error:
            log.warning("nothing_erased", why=str(error))
        except Exception as error:  # must not end retention for the life of the process
            log.error("erasing_failed", error=type(error).__name__, exc_info=error)
        await asyncio.sleep(BETWEEN_ERASURES_S)


async def _forget(agent: SalesAgent) -> None:
    """An erasure empties the caches of one process at once; the others forget what they remember of texts within the hour."""
    while True:
        await asyncio.sleep(FORGET_S)
        agent.forget()
