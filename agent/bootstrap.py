"""The only place where things are put together."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import structlog
from cachetools import LRUCache, cached

from agent.decision.policy import RULES, Policy
from agent.errors import InvalidInput
from agent.graph import Straight, TurnGraph, build_graph
from agent.health import Breakers
from agent.llm.base import Limits, Stalls, Writer
from agent.llm.failover import Failover
from agent.nodes import Shop, Workers
from agent.orchestrator import SalesAgent
from agent.policies import read_policy
from agent.reading import Reader
from agent.reply.composer import Composer
from agent.reply.facts import FactBook
from agent.reply.lines import Line, all_lines
from agent.reply.schema import ReplyDraft, reply_schema
from agent.reply.spoken import spoken_lines
from agent.settings import Settings
from agent.store.door import Door, open_door
from agent.store.migrate import migrate_anywhere
from agent.turn import Act, Language
from predictors import bundle, conversion, features
from predictors.acts import ActModel, ActReader, ActRules, AnswerFinder, Question
from predictors.base import Predictor
from predictors.breaker import Tell
from predictors.conversion import ConversionModel
from predictors.guard import Guard, GuardSettings
from predictors.needs import NeedsModel, PlaybookNeeds
from predictors.objection import ObjectionModel
from predictors.rules import ConversionRules, NeedsRules, ObjectionRules
from predictors.text import Encoder, EncoderMissing, load_encoder
from prompts import (
    LoadedPlaybook,
    PromptTemplate,
    TemplateRefused,
    load_playbooks,
    packaged,
    read_template,
)
from prompts.playbook import OBJECTION_TYPES, Lines, Playbook

log = structlog.get_logger(__name__)

Model = TypeVar("Model")


async def build_agent(
    settings: Settings,
    *,
    predictors: Mapping[str, Predictor] | None = None,
    writers: Sequence[Writer] | None = None,
    door: Door | None = None,
    wall_clock: Callable[[], float] = time.time,
    playbooks: Sequence[LoadedPlaybook] = (),
    models_dir: Path | None = None,
    policy: Policy | None = None,
    prompt: PromptTemplate | None = None,
    limits: Limits | None = None,
    graph: TurnGraph | Straight | None = None,
) -> SalesAgent:
    """The whole agent. Named arguments put other parts in: predictors by name, the model ladder, the database, the clock
    (seconds since 1970) by which quiet hours are kept; playbooks beside those of the settings, or in the place of their
    namesakes; the folder of the bundles, the policy, the prompt's template, what the models are held to, and
    what runs the nodes of a turn."""
    books = {loaded.book.id: loaded for loaded in (*_playbooks(settings), *playbooks)}
    policy = policy or policy_of(settings)
    prompt = prompt or prompt_of(settings)
    if door is None:
        await migrate_anywhere(settings.store_url)
        door = open_door(settings.store_url)
    shops = {loaded.book.id: _shop(loaded, prompt) for loaded in books.values()}
    models = model_writers(settings) if writers is None else tuple(writers)
    given = _Given(predictors or {}, models_dir or settings.models_dir, limits or _limits(settings))
    workers = _workers(settings, tuple(books.values()), models, given)
    workers = replace(workers, wall_clock=wall_clock, policy=policy, prompt=prompt)
    return SalesAgent(settings, graph or build_graph(), workers, shops, door, wall_clock=wall_clock)


def policy_of(settings: Settings) -> Policy:
    """Raises ``InvalidInput`` with what is wrong in the file that is set, ``OSError`` if it can't be read."""
    return RULES if settings.policy is None else read_policy(settings.policy)


def prompt_of(settings: Settings) -> PromptTemplate:
    """Raises ``InvalidInput`` with what is wrong in the file that is set, ``OSError`` if it can't be read."""
    if settings.prompt is None:
        return packaged()
    try:
        return read_template(settings.prompt)
    except TemplateRefused as refused:
        raise InvalidInput(str(refused), field="prompt") from None


def _playbooks(settings: Settings) -> tuple[LoadedPlaybook, ...]:
    found = load_playbooks(settings.playbooks_dir)
    if not found:
        raise InvalidInput(f"no playbook in {settings.playbooks_dir}", field="playbooks_dir")
    return found


def served_books(settings: Settings) -> list[Playbook]:
    """The playbooks of the settings, the default one first."""
    return sorted(
        (loaded.book for loaded in _playbooks(settings)), key=lambda book: book.id != settings.default_playbook
    )


def _content(loaded: LoadedPlaybook, prompt: PromptTemplate) -> tuple[str, str]:
    return loaded.sha256, prompt.sha256


@cached(LRUCache[tuple[str, str], Shop](64), key=_content)
def _shop(loaded: LoadedPlaybook, prompt: PromptTemplate) -> Shop:
    """The same files give the same shop; a process that builds agents again and again reads them once."""
    book = loaded.book
    languages: tuple[Language, ...] = ("es", "en")
    lines: dict[Language, tuple[Line, ...]] = {
        language: spoken_lines(all_lines(book, language), book, language) for language in languages
    }
    return Shop(book, loaded.sha256, FactBook.of(book, prompt), lines)


@dataclass(frozen=True, slots=True)
class _Given:
    predictors: Mapping[str, Predictor]
    models_dir: Path
    limits: Limits


def _limits(settings: Settings) -> Limits:
    return Limits(
        concurrency=settings.model_concurrency,
        retry_share=settings.retry_share,
        hedge_after_s=settings.hedge_after_s,
    )


def _workers(
    settings: Settings, playbooks: Sequence[LoadedPlaybook], models: Sequence[Writer], given: _Given
) -> Workers:
    encoder = _encoder()
    needs = {
        loaded.book.id: PlaybookNeeds(
            loaded.book.vertical,
            {name: (*need.examples.es, *need.examples.en) for name, need in loaded.book.needs.items()},
            [line for doubt in loaded.book.objections.values() for line in (*doubt.examples.es, *doubt.examples.en)],
        )
        for loaded in playbooks
    }
    stalls = Stalls(settings.first_token_s, settings.token_gap_s, settings.reply_s)
    guard = GuardSettings(deadline_s=settings.predictor_deadline_s, cache_s=settings.cache_s)
    trained = {**_trained(given.models_dir, encoder, needs), **given.predictors}
    examples = {name: playbook.examples for name, playbook in needs.items()}
    breakers = Breakers()
    tell = _about("predictor", breakers)
    return Workers(
        reader=Reader(
            _act_reader(given.models_dir, encoder),
            _answers(playbooks, encoder),
            _signals(playbooks, encoder),
            encoder,
        ),
        objection=Guard(
            trained.get("objection"), ObjectionRules(), guard, labels=lambda _: OBJECTION_TYPES, on_breaker=tell
        ),
        needs=Guard(
            trained.get("needs"),
            NeedsRules(examples),
            guard,
            labels=lambda said: examples[said.playbook],
            on_breaker=tell,
        ),
        conversion=Guard(
            trained.get("conversion"), ConversionRules(), guard, labels=lambda _: ("converts",), on_breaker=tell
        ),
        writers=Failover(
            (*models, Composer()),
            ReplyDraft.model_validate_json,
            stalls,
            given.limits,
            on_breaker=_about("writer", breakers),
        ),
        models_configured=bool(models),
        breakers=breakers,
    )


def _about(kind: str, breakers: Breakers) -> Tell:
    return lambda name, state: breakers.changed(f"{kind}:{name}", state)


def _encoder() -> Encoder | None:
    try:
        return load_encoder()
    except EncoderMissing as missing:
        log.warning("encoder_missing", why=str(missing))
        return None


def _trained(folder: Path, encoder: Encoder | None, needs: Mapping[str, PlaybookNeeds]) -> dict[str, Predictor]:
    """The predictors whose bundles are there and match; the others answer by rules, and every turn says so."""
    found: dict[str, Predictor | None] = {"conversion": _model(folder, "conversion", conversion.FORM, ConversionModel)}
    if encoder is not None:
        found["objection"] = _model(
            folder, "objection", features.FORM, lambda loaded: ObjectionModel(loaded, OBJECTION_TYPES)
        )
        found["needs"] = _model(folder, "needs", features.FORM, lambda loaded: NeedsModel(loaded, encoder, needs))
    return {name: predictor for name, predictor in found.items() if predictor is not None}


def _model(folder: Path, name: str, form: str, build: Callable[[bundle.Bundle], Model]) -> Model | None:
    """What ``build`` makes of a bundle; ``None`` when it is missing or refused, which is logged with its reason."""
    try:
        return build(bundle.load(folder / name, predictor=name, features=form))
    except FileNotFoundError:
        log.warning("model_missing", predictor=name, folder=str(folder))
    except bundle.BundleRefused as refused:
        log.error("model_refused", predictor=name, why=str(refused))
    return None


def _act_reader(folder: Path, encoder: Encoder | None) -> ActReader:
    model = _model(folder, "acts", features.FORM, lambda loaded: ActModel(loaded, list(Act))) if encoder else None
    return model or ActRules()


def _answers(playbooks: Sequence[LoadedPlaybook], encoder: Encoder | None) -> AnswerFinder:
    asked = {
        loaded.book.id: [
            Question(answer.id, line)
            for answer in loaded.book.answers
            for line in (*answer.questions.es, *answer.questions.en)
        ]
        for loaded in playbooks
    }
    return AnswerFinder(asked, encoder)


def _signals(playbooks: Sequence[LoadedPlaybook], encoder: Encoder | None) -> AnswerFinder:
    examples: dict[str, list[Question]] = {}
    for loaded in playbooks:
        told: list[tuple[str, Lines]] = [(topic, handoff.examples) for topic, handoff in loaded.book.handoff.items()]
        told.append(("opt_out", loaded.book.opt_out.examples))
        examples[loaded.book.id] = [Question(act, line) for act, said in told for line in (*said.es, *said.en)]
    return AnswerFinder(examples, encoder)


def model_writers(settings: Settings) -> tuple[Writer, ...]:
    """The configured model clients in the order of ``settings.models``. Raises ``InvalidInput`` for an unknown one."""
    return tuple(_writer(name.strip(), settings) for name in settings.models.split(",") if name.strip())


def _writer(name: str, settings: Settings) -> Writer:
    if name == "openai":
        from agent.llm.openai import OpenAIWriter

        return OpenAIWriter(
            model=settings.openai_model,
            api_key=_secret(settings, "openai_api_key"),
            base_url=settings.openai_base_url,
            schema=reply_schema(),
            structured=settings.openai_structured,
        )
    if name == "anthropic":
        from agent.llm.anthropic import AnthropicWriter

        return AnthropicWriter(
            model=settings.anthropic_model,
            api_key=_secret(settings, "anthropic_api_key"),
            base_url=settings.anthropic_base_url,
            schema=reply_schema(),
        )
    if name == "langchain":
        from agent.llm.langchain import LangChainWriter, chat_openai

        model = chat_openai(settings.openai_model, _secret(settings, "openai_api_key"), settings.openai_base_url)
        return LangChainWriter(model, schema=reply_schema())
    raise InvalidInput(f"no model client {name!r}; there are openai, anthropic, langchain", field="models")


def _secret(settings: Settings, field: str) -> str:
    value = getattr(settings, field)
    if value is None:
        raise InvalidInput("is not set, but its provider is in SALES_AGENT_MODELS", field=field)
    secret: str = value.get_secret_value()
    return secret
