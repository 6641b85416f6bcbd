"""The picture of a turn: understand, three predictors in parallel, decide, respond, check."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from agent import nodes
from agent.nodes import TurnContext, TurnState

PREDICTORS = ("predict_objection", "predict_needs", "predict_conversion")

TurnGraph = CompiledStateGraph[TurnState, TurnContext, TurnState, TurnState]


def build_graph() -> TurnGraph:
    """The compiled graph. No checkpointer: a turn is claimed, run and committed by the store, and holds no history."""
    graph = StateGraph(TurnState, context_schema=TurnContext)
    graph.add_node("understand", nodes.understand)
    graph.add_node("predict_objection", nodes.predict_objection)
    graph.add_node("predict_needs", nodes.predict_needs)
    graph.add_node("predict_conversion", nodes.predict_conversion)
    graph.add_node("decide", nodes.decide)
    graph.add_node("respond", nodes.respond)
    graph.add_node("check", nodes.check)
    graph.add_edge(START, "understand")
    for predictor in PREDICTORS:
        graph.add_edge("understand", predictor)
    graph.add_edge(list(PREDICTORS), "decide")
    graph.add_edge("decide", "respond")
    graph.add_edge("respond", "check")
    graph.add_edge("check", END)
    return graph.compile(name="turn")
