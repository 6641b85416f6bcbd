"""Before the first customer: everything that is slow once is done once, and nothing of it is kept.

The port opens when this is done (uvicorn listens after the lifespan has started). It does not open earlier, because
several workers share it: one that is not ready would take conversations away from those that are.
"""

import asyncio
import time
from dataclasses import replace

import structlog

from agent.deadline import Deadline
from agent.errors import StoreUnavailable
from agent.graph import build_graph
from agent.llm.failover import Failover
from agent.nodes import TurnContext
from agent.orchestrator import SalesAgent
from agent.reply.composer import Composer
from agent.reply.schema import ReplyDraft
from agent.turn import DEFAULT_TENANT, Conversation, ConversationKey, Customer, Language, Progress, Utterance

log = structlog.get_logger(__name__)

CONNECTIONS = 4
"""Of the database's pool: more are opened when more is asked of it."""
MODEL_S = 3.0
"""A model that does not answer by then is left to the first turn."""
_SAID: dict[Language, tuple[str, str]] = {
    "es": ("¿Qué es lo más importante para ti?", "hola, cuánto cuesta? me parece caro"),
    "en": ("What matters most to you?", "hi, how much is it? sounds expensive"),
}


async def warm_up(agent: SalesAgent) -> None:
    """One turn a playbook and language in memory, written offline; the store's and the models' connections."""
    started = time.perf_counter()
    graph = build_graph()
    workers = replace(
        agent.workers,
        writers=Failover((Composer(),), ReplyDraft.model_validate_json),
        objection=agent.workers.objection.apart(),
        needs=agent.workers.needs.apart(),
        conversion=agent.workers.conversion.apart(),
    )
    for shop in agent.shops.values():
        for language, (asked, said) in _SAID.items():
            conversation = Conversation(
                key=ConversationKey(DEFAULT_TENANT, "warm-up"),
                playbook=shop.playbook.id,
                channel="chat",
                customer=Customer(),
                progress=Progress(language=language),
                recent=(Utterance("agent", asked), Utterance("customer", said)),
                seq=2,
            )
            context = TurnContext(workers, shop, Deadline(agent.settings.turn_budget_s))
            await graph.ainvoke({"conversation": conversation}, context=context)  # type: ignore[arg-type]
            await asyncio.sleep(0)
    try:
        await asyncio.gather(*(agent.ready() for _ in range(CONNECTIONS)))
    except StoreUnavailable as error:
        log.warning("store_not_reached", error=str(error))
    await agent.workers.writers.connect(MODEL_S)
    log.debug("warm", ms=round((time.perf_counter() - started) * 1000))
