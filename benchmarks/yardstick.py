"""How fast this machine is today: what LangGraph itself charges for an empty graph of six nodes.

Absolute figures differ from machine to machine, and on shared cores from minute to minute; this one is measured in the
same run, so that a figure can be read against it. Where the product's aims were set, it was 0.97 ms.
"""

import asyncio
import time
from typing import TypedDict

from langgraph.graph import END, START, StateGraph

NODES = 6
WHERE_AIMS_WERE_SET_MS = 0.97


class _State(TypedDict, total=False):
    number: int


async def _node(state: _State) -> _State:
    return {"number": state.get("number", 0) + 1}


async def _measure(rounds: int) -> float:
    graph = StateGraph(_State)
    names = [f"node_{number}" for number in range(NODES)]
    for name in names:
        graph.add_node(name, _node)
    for left, right in zip([START, *names], [*names, END], strict=True):
        graph.add_edge(left, right)
    compiled = graph.compile()
    best = float("inf")
    for _ in range(5):
        started = time.process_time()
        for _ in range(rounds):
            await compiled.ainvoke({"number": 0})
        best = min(best, (time.process_time() - started) / rounds * 1000)
    return best


def empty_graph_ms(rounds: int = 200) -> float:
    """Milliseconds of CPU for one run of the empty graph, the best of five."""
    return round(asyncio.run(_measure(rounds)), 3)
