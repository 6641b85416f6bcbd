"""Labelled utterances through the nodes of a turn that read and predict: what production would say of each of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from langgraph.runtime import Runtime

from agent.deadline import Deadline
from agent.evaluation.cases import LabelledUtterance, UtteranceCase
from agent.nodes import TurnContext, TurnState, predict, understand
from agent.orchestrator import SalesAgent
from agent.turn import (
    DEFAULT_TENANT,
    Conversation,
    ConversationKey,
    Customer,
    Language,
    Prediction,
    Progress,
    Utterance,
)
from predictors.language import language_of
from prompts.playbook import Playbook


@dataclass(frozen=True, slots=True)
class Answer:
    """What one predictor said of a row. ``known``: the labels that the playbook has, so that could be said."""

    row: LabelledUtterance
    language: Language
    gold: frozenset[str]
    known: tuple[str, ...]
    prediction: Prediction

    @property
    def said(self) -> frozenset[str]:
        return frozenset(label.name for label in self.prediction.labels)


@dataclass(frozen=True, slots=True)
class Answers:
    """Of one utterance: both predictors behind their guards, and the rules alone."""

    objection: Answer
    needs: Answer
    objection_by_rules: Answer
    needs_by_rules: Answer


async def answer_all(
    agent: SalesAgent, cases: Sequence[UtteranceCase], advance: Callable[[], None]
) -> tuple[Answers, ...]:
    found: list[Answers] = []
    for case in cases:
        found.append(await _answers(agent, case.row, case.book))
        advance()
    return tuple(found)


async def _answers(agent: SalesAgent, row: LabelledUtterance, book: Playbook) -> Answers:
    context = TurnContext(agent.workers, agent.shop(book.id), Deadline(agent.settings.turn_budget_s))
    runtime = Runtime(context=context)
    state: TurnState = {"conversation": _conversation(row, book)}
    state = cast(TurnState, {**state, **await understand(state, runtime)})
    state = cast(TurnState, {**state, **await predict(state, runtime)})
    assert "dialogue" in state and "insights" in state
    dialogue, insights = state["dialogue"], state["insights"]

    def objection(prediction: Prediction) -> Answer:
        return Answer(row, dialogue.language, frozenset(row.objections), tuple(book.objections), prediction)

    def needs(prediction: Prediction) -> Answer:
        return Answer(row, dialogue.language, frozenset(row.needs), tuple(book.needs), prediction)

    return Answers(
        objection(insights.objections),
        needs(insights.needs),
        objection(agent.workers.objection.fallback.predict(dialogue)),
        needs(agent.workers.needs.fallback.predict(dialogue)),
    )


def _conversation(row: LabelledUtterance, book: Playbook) -> Conversation:
    """A conversation in which only this was said: the agent's last line, if there is one, and the customer's message. It is
    held in the language of that line, as the product's own lines are in the conversation's."""
    before = (Utterance("agent", row.context),) if row.context and row.context.strip() else ()
    recent = (*before, Utterance("customer", row.text))
    language = language_of(before[0].text, None, book.default_language) if before else None
    return Conversation(
        ConversationKey(DEFAULT_TENANT, row.id),
        book.id,
        "chat",
        Customer(),
        Progress(language=language),
        recent,
        len(recent),
    )
