"""The graph of the textbook: understand -> three predictors in parallel -> decide -> respond; the messages are its state."""

from typing import Any, Literal

from langchain_core.messages import AIMessage, SystemMessage
from langchain_core.runnables import Runnable
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph
from pydantic import BaseModel, Field

from benchmarks.textbook.pipelines import NONE, Pipelines, likeliest
from prompts.playbook import Playbook

PROMPT_MESSAGES = 10
LIKELY = 0.5
_SPANISH = frozenset(
    {
        "de",
        "la",
        "que",
        "el",
        "en",
        "los",
        "un",
        "por",
        "con",
        "una",
        "para",
        "es",
        "lo",
        "como",
        "pero",
        "si",
        "mi",
        "hola",
    }
)


class SalesReply(BaseModel):
    """One reply to the customer."""

    reply: str = Field(description="What the customer reads or hears.")
    talking_points: list[str] = Field(description="Short points for the sales rep, never shown to the customer.")
    objection_answered: str | None = Field(description="The objection that the reply answers.")
    question_asked: str | None = Field(description="The one question in the reply, if any.")
    next_step: str | None = Field(description="What happens next, in the rep's words.")
    handoff: bool = Field(description="True if a person should take over.")


class State(MessagesState, total=False):
    playbook: str
    language: Literal["es", "en"]
    objection: str
    objection_probability: float
    need: str
    need_probability: float
    conversion_probability: float
    action: str
    reasons: list[str]
    talking_points: list[str]


def build(
    model: Runnable[Any, Any], pipelines: Pipelines, playbooks: dict[str, Playbook], saver: BaseCheckpointSaver[Any]
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """``model`` gives a ``SalesReply`` for a list of messages."""

    async def understand(state: State) -> dict[str, Any]:
        words = set(str(state["messages"][-1].content).lower().split())
        spanish = len(words & _SPANISH)
        return {"language": "es" if spanish >= 1 else state.get("language", "en")}

    async def predict_objection(state: State) -> dict[str, Any]:
        label, probability = likeliest(pipelines.objection, str(state["messages"][-1].content))
        return {"objection": label, "objection_probability": probability}

    async def predict_need(state: State) -> dict[str, Any]:
        label, probability = likeliest(pipelines.need, str(state["messages"][-1].content))
        return {"need": label, "need_probability": probability}

    async def predict_conversion(state: State) -> dict[str, Any]:
        probabilities = pipelines.conversion.predict_proba([str(state["messages"][-1].content)])[0]
        return {"conversion_probability": float(probabilities[list(pipelines.conversion.classes_).index("yes")])}

    async def decide(state: State) -> dict[str, Any]:
        if state["objection"] != NONE and state["objection_probability"] > LIKELY:
            return {"action": "handle_objection", "reasons": [f"objection {state['objection']}"]}
        if state["conversion_probability"] > LIKELY:
            return {"action": "trial_close", "reasons": ["likely to convert"]}
        if state["need"] != NONE and state["need_probability"] > LIKELY:
            return {"action": "present_offer", "reasons": [f"need {state['need']}"]}
        return {"action": "ask_discovery", "reasons": ["nothing known yet"]}

    async def respond(state: State) -> dict[str, Any]:
        system = SystemMessage(system_prompt(playbooks[state["playbook"]], state))
        written = await model.ainvoke([system, *state["messages"][-PROMPT_MESSAGES:]])
        return {"messages": [AIMessage(written.reply)], "talking_points": written.talking_points}

    predictors = ("predict_objection", "predict_need", "predict_conversion")
    graph = StateGraph(State)
    for node in (understand, predict_objection, predict_need, predict_conversion, decide, respond):
        graph.add_node(node.__name__, node)
    graph.add_edge(START, "understand")
    for name in predictors:
        graph.add_edge("understand", name)
    graph.add_edge(list(predictors), "decide")
    graph.add_edge("decide", "respond")
    graph.add_edge("respond", END)
    return graph.compile(checkpointer=saver)


def system_prompt(book: Playbook, state: State) -> str:
    language: Literal["es", "en"] = state["language"]
    offers = "\n".join(f"- {offer.name.said_in(language)}: {offer.price}" for offer in book.offers)
    objection = book.objections.get(state["objection"])  # type: ignore[call-overload]
    answers = "\n".join(f"- {text.said_in(language)}" for text in objection.answers) if objection else ""
    return f"""You are {book.persona.name}, {book.persona.role.said_in(language)} at {book.company.name}.
{book.company.about.said_in(language)}
Write ONE reply to the customer's last message, in {"Spanish" if language == "es" else "English"}.
ACTION: {state["action"]}
{answers}
FACTS
{offers}
Two to four short spoken sentences, at most one question. talking_points: up to four short points for the sales rep."""
