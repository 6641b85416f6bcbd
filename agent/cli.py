"""The command ``sales-agent``."""

import asyncio
import os
import sys
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from typer.core import TyperGroup

from agent import telemetry
from agent.access.command import audit, keys
from agent.bootstrap import build_agent, model_writers, policy_of, prompt_of
from agent.channels.shapes import Identity, MessageRequest
from agent.drill.fault import Fault
from agent.errors import AgentError, InvalidInput, field_of
from agent.evaluation.cases import Part
from agent.orchestrator import Post, SalesAgent
from agent.replay import commands as replays
from agent.serving import run_server
from agent.settings import Settings
from agent.store.migrate import migrate
from agent.terminal import show_ledger, show_turn
from agent.turn import DEFAULT_TENANT, ConversationKey
from predictors.bundle import Trained
from prompts import PlaybookRefused, load_playbooks

console = Console()
errors = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)


class OneLine(TyperGroup):
    """What goes wrong on purpose ends a command with one line and status 2, not with a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise
        except (AgentError, PlaybookRefused, OSError) as error:
            errors.print(f"{type(error).__name__} {error}")
            raise typer.Exit(2) from error
        except ValidationError as error:
            errors.print(f"InvalidInput {_refused(error)}")
            raise typer.Exit(2) from None


app = typer.Typer(cls=OneLine, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(keys, name="keys")
app.add_typer(audit, name="audit")
for command in (replays.replay, replays.simulate, replays.compare, replays.work):
    app.command()(command)

Playbook = Annotated[str | None, typer.Option("--playbook", "-p", help="Which business; see prompts/playbooks.")]
ConversationId = Annotated[str | None, typer.Option("--conversation", "-c", help="Go on with this conversation.")]


@app.command()
def serve(
    host: str | None = None,
    port: int | None = None,
    workers: Annotated[int | None, typer.Option(help="Processes; one a core is right.")] = None,
) -> None:
    """Run the HTTP server. The API is described at /docs and /openapi.json."""
    settings = _settings(host=host, port=port, workers=workers)
    telemetry.configure(settings.log_format, settings.log_level, customer_text=settings.log_customer_text)
    _refuse_early(settings)
    migrate(settings.store_url)
    _warn_without_models(settings)
    os.environ["SALES_AGENT_HOST"] = settings.host  # The workers read settings anew; where they listen decides on keys.
    run_server(settings)


@app.command()
def turn(
    text: Annotated[str, typer.Argument(help="What the customer says.")],
    playbook: Playbook = None,
    conversation: ConversationId = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the response as JSON.")] = False,
) -> None:
    """Run one turn and show reply, predictions and decision."""
    post = _post(conversation or uuid.uuid4().hex, text, playbook)

    async def run() -> None:
        async with _agent() as agent:
            response = orjson.loads(await agent.post(post))
        if as_json:
            sys.stdout.write(orjson.dumps(response, option=orjson.OPT_INDENT_2).decode() + "\n")
        else:
            show_turn(console, text, response)
            console.print(f"conversation {post.conversation_id}, turn {response['turn_id']}", style="dim", markup=False)

    asyncio.run(run())


@app.command()
def chat(playbook: Playbook = None, conversation: ConversationId = None) -> None:
    """Talk to the agent in the terminal; what it predicts and decides stands beside each reply."""
    conversation_id = conversation or uuid.uuid4().hex
    with asyncio.Runner() as runner:
        agent = runner.run(_open())
        try:
            console.print(f"conversation {conversation_id} · an empty line ends it", style="dim", markup=False)
            while text := _ask().strip():
                response = runner.run(agent.post(_post(conversation_id, text, playbook)))
                show_turn(console, text, orjson.loads(response))
        finally:
            runner.run(agent.aclose())


@app.command()
def demo(
    playbook: Annotated[Literal["ngx", "roofing", "both"], typer.Option("--playbook", "-p")] = "both",
) -> None:
    """Play a short conversation in each language, to see what a turn is. Nothing is kept."""
    from agent.demo import CONVERSATIONS

    async def run() -> None:
        async with _agent() as agent:
            for name, said in CONVERSATIONS.items():
                if playbook in (name, "both"):
                    console.rule(f"[bold]{name}")
                    conversation_id = f"demo-{uuid.uuid4().hex}"
                    for text in said:
                        response = await agent.post(Post(conversation_id, text, playbook=name))
                        show_turn(console, text, orjson.loads(response))
                    await agent.erase(ConversationKey(DEFAULT_TENANT, conversation_id))

    asyncio.run(run())


@app.command()
def explain(
    conversation: Annotated[str, typer.Argument(help="The conversation's id.")],
    turn: Annotated[str, typer.Argument(help="The turn's id or number.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the ledger as JSON.")] = False,
) -> None:
    """Show why a turn went as it did: predictions, ranked and refused actions, writers, stopped figures."""

    async def run() -> None:
        async with _agent() as agent:
            ledger = await agent.turn(ConversationKey(DEFAULT_TENANT, conversation), turn)
        if as_json:
            sys.stdout.write(orjson.dumps(ledger, option=orjson.OPT_INDENT_2).decode() + "\n")
        else:
            show_ledger(console, ledger)

    asyncio.run(run())


@app.command()
def train(
    predictor: Annotated[list[Trained] | None, typer.Option(help="Only this one; may be repeated.")] = None,
    playbook: Annotated[
        list[str] | None, typer.Option("--playbook", "-p", help="Learn from these businesses' examples; default all.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="A folder with more labelled *.jsonl files.", exists=True, file_okay=False)
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 7,
    if_missing: Annotated[bool, typer.Option(help="Train only what is not there yet.")] = False,
) -> None:
    """Train the turn predictors from the hand-written corpora, the playbooks' examples and simulated buyers."""
    from agent.training import train_bundles

    train_bundles(
        _settings(),
        predictor or list(Trained),
        data,
        seed,
        playbooks=playbook,
        only_missing=if_missing,
        console=console,
    )


@app.command()
def evaluate(
    data: Annotated[
        list[Path], typer.Option(help="Labelled lines, or a folder of *.jsonl; may be repeated.", exists=True)
    ],
    predictor: Annotated[list[Part] | None, typer.Option(help="Only this; may be repeated.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write an HTML report here.", dir_okay=False)] = None,
    json: Annotated[Path | None, typer.Option(help="Write the figures as JSON here.", dir_okay=False)] = None,
) -> None:
    """Score predictors and decisions on labelled utterances and dialogues (*.jsonl), exactly as production runs them.

    Bad lines are listed and left out; the status is 1 then.
    """
    from agent.evaluation.command import evaluate_files

    settings = _settings(models="")
    telemetry.configure(settings.log_format, "error", customer_text=settings.log_customer_text)
    problems = evaluate_files(settings, data, set(predictor or Part), report, json, console)
    for problem in problems:
        errors.print(str(problem))
    if problems:
        raise typer.Exit(1)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="The file to write: chat JSONL.", dir_okay=False)],
    conversation: Annotated[
        list[str] | None, typer.Option("--conversation", "-c", help="Only this conversation; may be repeated.")
    ] = None,
    playbook: Playbook = None,
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Only those in which something happened on that day (UTC) or later."),
    ] = None,
    tenant: Annotated[str, typer.Option("--tenant", "-t", help="Whose conversations.")] = DEFAULT_TENANT,
    limit: Annotated[int | None, typer.Option(help="The latest so many.", min=1)] = None,
) -> None:
    """Write conversations of the store as cases that can be replayed, their personal data masked.

    Rules find e-mail addresses, telephone numbers, names, street addresses, links and long numbers; they do not find
    everything: read an export before you pass it on.
    """
    from agent.replay.reading.export import export_conversations
    from agent.store.exports import Wanted

    settings = _settings(models="")
    telemetry.configure(settings.log_format, "error", customer_text=settings.log_customer_text)
    from_second = since.replace(tzinfo=UTC).timestamp() if since is not None else None
    wanted = Wanted(tenant, tuple(conversation or ()), playbook, from_second, limit)
    done = export_conversations(settings, file, wanted, console)
    left = f", {done.silent} without a customer left out" if done.silent else ""
    cut = f", {done.cut} cut" if done.cut else ""
    console.print(f"{done.conversations} conversations{left}{cut} -> {file}", markup=False, soft_wrap=True)


@app.command()
def drill(
    seconds: Annotated[float, typer.Option(help="How long each fault lasts.", min=0.5)] = 8.0,
    only: Annotated[list[Fault] | None, typer.Option(help="Only this fault; may be repeated.")] = None,
    kills: Annotated[int, typer.Option(help="How often a worker is killed.", min=1)] = 5,
    customers: Annotated[int, typer.Option(help="How many talk at once.", min=1, max=500)] = 24,
    think: Annotated[float, typer.Option(help="Seconds that a customer thinks.", min=0.0)] = 0.5,
    workers: Annotated[int, typer.Option(help="Processes of the server.", min=1, max=16)] = 2,
    json: Annotated[Path | None, typer.Option(help="Write the figures as JSON here.", dir_okay=False)] = None,
    report: Annotated[Path | None, typer.Option(help="Write an HTML report here.", dir_okay=False)] = None,
) -> None:
    """Break everything under load: model, predictors, database, cache, workers. Needs the extra `drill`.

    A server, a PostgreSQL, a Valkey and a scripted model are started for it. The status is 1 when a message was lost,
    doubled, out of order or unanswered.
    """
    from agent.drill.command import drill_faults
    from agent.drill.course import Plan

    settings = _settings()
    telemetry.configure(settings.log_format, "error", customer_text=settings.log_customer_text)
    plan = Plan(seconds=seconds, customers=customers, think_s=think, kills=kills)
    if not drill_faults(settings, set(only or Fault), plan, workers, json, report, console):
        raise typer.Exit(1)


@asynccontextmanager
async def _agent() -> AsyncGenerator[SalesAgent]:
    agent = await _open()
    try:
        yield agent
    finally:
        await agent.aclose()


async def _open() -> SalesAgent:
    settings = _settings()
    telemetry.configure(settings.log_format, "error", customer_text=settings.log_customer_text)
    return await build_agent(settings)


def _settings(**given: Any) -> Settings:
    """Settings with what was ``given`` on the command line. Raises ``InvalidInput`` naming what is wrong."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise _refused(error) from None


def _refuse_early(settings: Settings) -> None:
    """What a server can't start with, said once, before there are processes that would each say it with a traceback."""
    model_writers(settings)
    policy_of(settings)
    prompt_of(settings)
    known = [loaded.book.id for loaded in load_playbooks(settings.playbooks_dir)]
    if settings.default_playbook not in known:
        problem = f"no playbook {settings.default_playbook!r}; there are {', '.join(known) or 'none'}"
        raise InvalidInput(problem, field="default_playbook")


def _post(conversation_id: str, text: str, playbook: str | None) -> Post:
    """The customer's words under the same bounds as over HTTP."""
    try:
        identity = TypeAdapter[str](Identity).validate_python(conversation_id)
        return Post(identity, MessageRequest(message=text).message, playbook=playbook)
    except ValidationError as error:
        raise _refused(error) from None


def _refused(error: ValidationError) -> InvalidInput:
    """The problems without the values: one of them may be a key."""
    return InvalidInput("; ".join(f"{field_of(fault, 'conversation')}: {fault['msg']}" for fault in error.errors()))


def _ask() -> str:
    """What the customer says; nothing at the end of the input and on Ctrl-C."""
    try:
        return console.input("[bold cyan]customer » [/]")
    except (EOFError, KeyboardInterrupt):
        return ""


def _warn_without_models(settings: Settings) -> None:
    if not (settings.models_dir / "objection").exists():
        errors.print("no trained models yet: rules answer; run `sales-agent train`", style="yellow")


def main() -> None:
    app()


if __name__ == "__main__":
    main()
