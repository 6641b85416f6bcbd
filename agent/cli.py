"""The command ``sales-agent``."""

import asyncio
import sys
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Literal

import orjson
import typer
import uvicorn
from rich.console import Console

from agent import telemetry
from agent.bootstrap import build_agent
from agent.channels.shapes import MessageRequest
from agent.errors import AgentError
from agent.orchestrator import Post, SalesAgent
from agent.settings import Settings
from agent.store.migrate import migrate
from agent.terminal import show_ledger, show_turn
from agent.training import Predictor, train_bundles
from prompts import PlaybookRefused

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
console = Console()
errors = Console(stderr=True)

Playbook = Annotated[str | None, typer.Option("--playbook", "-p", help="Which business; see prompts/playbooks.")]
ConversationId = Annotated[str | None, typer.Option("--conversation", "-c", help="Go on with this conversation.")]


@app.command()
def serve(
    host: str | None = None,
    port: int | None = None,
    workers: Annotated[int | None, typer.Option(help="Processes; one a core is right.")] = None,
) -> None:
    """Run the HTTP server. The API is described at /docs and /openapi.json."""
    settings = Settings()
    migrate(settings.store_url)
    _warn_without_models(settings)
    uvicorn.run(
        "server:create_app",
        factory=True,
        host=host or settings.host,
        port=settings.port if port is None else port,
        workers=workers or settings.workers,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )


@app.command()
def turn(
    text: Annotated[str, typer.Argument(help="What the customer says.")],
    playbook: Playbook = None,
    conversation: ConversationId = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the response as JSON.")] = False,
) -> None:
    """Run one turn and show reply, predictions and decision."""
    message = MessageRequest(message=text)

    async def run() -> None:
        async with _agent() as agent:
            post = Post(conversation or uuid.uuid4().hex, message.message, playbook=playbook)
            response = orjson.loads(await agent.post(post))
        if as_json:
            sys.stdout.write(orjson.dumps(response, option=orjson.OPT_INDENT_2).decode() + "\n")
        else:
            show_turn(console, text, response)
            console.print(f"[dim]conversation {response['conversation_id']}, turn {response['turn_id']}[/]")

    asyncio.run(run())


@app.command()
def chat(playbook: Playbook = None, conversation: ConversationId = None) -> None:
    """Talk to the agent in the terminal; what it predicts and decides stands beside each reply."""

    async def run() -> None:
        async with _agent() as agent:
            conversation_id = conversation or uuid.uuid4().hex
            console.print(f"[dim]conversation {conversation_id} · an empty line ends it[/]")
            while text := (await asyncio.to_thread(_ask)).strip():
                response = await agent.post(Post(conversation_id, text, playbook=playbook))
                show_turn(console, text, orjson.loads(response))

    asyncio.run(run())


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
                    await agent.erase(conversation_id)

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
            ledger = await agent.turn(conversation, turn)
        if as_json:
            sys.stdout.write(orjson.dumps(ledger, option=orjson.OPT_INDENT_2).decode() + "\n")
        else:
            show_ledger(console, ledger)

    asyncio.run(run())


@app.command()
def train(
    predictor: Annotated[list[Predictor] | None, typer.Option(help="Only this one; may be repeated.")] = None,
    data: Annotated[Path | None, typer.Option(help="A folder with more labelled *.jsonl files.", exists=True)] = None,
    seed: int = 7,
    if_missing: Annotated[bool, typer.Option(help="Train only what is not there yet.")] = False,
) -> None:
    """Train the turn predictors from the hand-written corpora, the playbooks' examples and simulated buyers."""
    train_bundles(Settings(), predictor or list(Predictor), data, seed, only_missing=if_missing, console=console)


@asynccontextmanager
async def _agent() -> AsyncGenerator[SalesAgent]:
    settings = Settings()
    telemetry.configure(settings.log_format, "error", customer_text=settings.log_customer_text)
    agent = await build_agent(settings)
    try:
        yield agent
    finally:
        await agent.aclose()


def _ask() -> str:
    try:
        return console.input("[bold cyan]customer » [/]")
    except EOFError:
        return ""


def _warn_without_models(settings: Settings) -> None:
    if not (settings.models_dir / "objection").exists():
        errors.print("[yellow]no trained models yet: rules answer; run `sales-agent train`[/]")


def main() -> None:
    """The entry point: what goes wrong on purpose is one line, not a traceback."""
    try:
        app()
    except (AgentError, PlaybookRefused) as error:
        errors.print(f"[red]{type(error).__name__}[/] {error}")
        sys.exit(2)


if __name__ == "__main__":
    main()
