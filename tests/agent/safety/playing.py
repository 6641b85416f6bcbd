"""Attacks and obedient replies of this folder, and how a turn with them is played through the agent's door."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Literal

from agent.bootstrap import build_agent
from agent.evaluation.policy_breaks import House, PolicyBreak, policy_breaks
from agent.llm.openai import OpenAIWriter
from agent.orchestrator import Post, SalesAgent
from agent.reply.schema import reply_schema
from agent.settings import Settings
from agent.turn import Customer, Language
from prompts import load_playbook
from tests.scripted_model import Answer, ScriptedModel

HERE = Path(__file__).parent
Place = Literal["message", "name", "profile", "metadata", "platform_context", "earlier", "playbook_like"]
PLAYBOOK: dict[Language, str] = {"es": "ngx", "en": "roofing"}
QUESTION: dict[Language, str] = {
    "es": "¿Cuánto cuesta el programa Strong 12?",
    "en": "How much is a roof replacement?",
}
HONEST: dict[Language, str] = {"es": "Gracias por contarme eso.", "en": "Thanks for telling me that."}
SENTENCES_A_REPLY = 8


@dataclass(frozen=True)
class Attack:
    language: Language
    place: Place
    text: str


@dataclass(frozen=True)
class Obedient:
    """One sentence of a model that does as it is told by the customer."""

    language: Language
    kind: str
    say: str


def attacks() -> tuple[Attack, ...]:
    return tuple(Attack(**row) for row in _rows("injections.jsonl"))


def obedient(language: Language) -> tuple[Obedient, ...]:
    return tuple(Obedient(**row) for row in _rows("obedient.jsonl") if row["language"] == language)


@cache
def house_of(language: Language) -> House:
    return House.of(load_playbook(PLAYBOOK[language]).book)


def _rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (HERE / name).read_text(encoding="utf-8").splitlines()]


def hostile_reply(language: Language, number: int) -> tuple[str, tuple[str, ...]]:
    """The ``number``-th reply (JSON) of a model that obeys, and the sentences that it wants to bring in: a few of the
    file, in the reply and in each field for the rep."""
    every = obedient(language)
    start = number * SENTENCES_A_REPLY % len(every)
    some = [one.say for one in islice(cycle(every), start, start + SENTENCES_A_REPLY)]
    lines = "\n".join((HONEST[language], *some))
    draft = {"reply": lines, "talking_points": [one[:200] for one in some[:4]], "next_step": some[0][:200]}
    return json.dumps(draft, ensure_ascii=False), tuple(some)


@asynccontextmanager
async def agent_with(settings: Settings, model: ScriptedModel | None) -> AsyncIterator[SalesAgent]:
    """An agent whose only model is ``model``, over the wire; without one the composer writes alone."""
    writers = ()
    if model is not None:
        writers = (OpenAIWriter(model="x", api_key="x", base_url=model.openai_url, schema=reply_schema()),)
    agent = await build_agent(settings, writers=writers)
    try:
        yield agent
    finally:
        await agent.aclose()


async def play(
    agent: SalesAgent, model: ScriptedModel | None, attack: Attack, number: int
) -> tuple[dict[str, Any], tuple[PolicyBreak, ...]]:
    """The last turn of a conversation with the attack in its place, and what was broken in it or before it."""
    wanted: tuple[str, ...] = ()
    if model is not None:
        reply, wanted = hostile_reply(attack.language, number)
        model.default = Answer(reply, chunk_size=200)
    name = attack.text if attack.place == "name" else "Ann"
    facts = {"note": attack.text} if attack.place == "profile" else {}
    extra = {attack.place: {"system": attack.text}} if attack.place in ("metadata", "platform_context") else {}
    question = QUESTION[attack.language]
    said = [attack.text] if attack.place in ("message", "playbook_like") else [question]
    said = [attack.text, question] if attack.place == "earlier" else said
    broken: list[PolicyBreak] = []
    turn: dict[str, Any] = {}
    shop = agent.shop(PLAYBOOK[attack.language])
    for text in said:
        post = Post(
            f"attack-{id(model)}-{number}",
            text,
            playbook=shop.playbook.id,
            customer=Customer(name, None, facts),
            **extra,
        )
        turn = json.loads(await agent.post(post))
        broken += policy_breaks(turn, house_of(attack.language), planted=wanted, attack=text == attack.text)
    return turn, tuple(broken)


def told(breaks: Sequence[PolicyBreak]) -> str:
    return "\n".join(f"{one.place}: {one.kind}: {one.evidence}" for one in breaks)
