"""The command ``sales-agent``, as a person or a script uses it."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import httpx2
import pytest
from click.testing import Result
from typer.testing import CliRunner

from agent.cli import app
from agent.settings import Settings

COMMANDS = ("turn", "chat", "explain", "train", "demo", "serve")
Run = Callable[..., Result]


@pytest.fixture
def run(settings: Settings) -> Run:
    """``run("turn", "hola", input=None, columns=80)``: the command with the test's data directory."""

    def run(*arguments: str, input: str | None = None, columns: int = 160, **environment: str) -> Result:
        env = {"SALES_AGENT_DATA_DIR": str(settings.data_dir), "COLUMNS": str(columns), "NO_COLOR": "1", **environment}
        return CliRunner().invoke(app, arguments, input=input, env=env)

    return run


def refused(result: Result, *, naming: str) -> bool:
    """Status 2, one line on stderr that names the offender, nothing else."""
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit)
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    assert result.stdout == ""
    return naming in result.stderr


@pytest.mark.parametrize(
    ("command", "does"),
    [
        ("turn", "Run one turn and show reply, predictions and decision."),
        ("chat", "Talk to the agent in the terminal"),
        ("explain", "Show why a turn went as it did"),
        ("train", "Train the turn predictors"),
        ("demo", "Play a short conversation in each language"),
        ("serve", "Run the HTTP server."),
    ],
)
def test_every_command_says_what_it_does(run: Run, command: str, does: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert does in result.output


def test_the_bare_command_lists_all_commands(run: Run) -> None:
    listed = run().output
    assert [command for command in COMMANDS if command not in listed] == []


def test_turn_as_json_is_one_object_and_nothing_else(run: Run) -> None:
    result = run("turn", "--json", "--playbook", "ngx", "uf, está carísimo")
    assert result.exit_code == 0, result.output
    turn = json.loads(result.stdout)
    assert result.stderr == ""
    assert turn["response"]
    assert turn["seq"] == 1
    assert [objection["type"] for objection in turn["ml_insights"]["predicted_objections"]] == ["price"]
    assert turn["recommended_action"]["reasons"]


def test_turn_shows_reply_predictions_and_decision_and_where_to_look_further(run: Run) -> None:
    result = run("turn", "-p", "roofing", "-c", "roof-1", "hi, that is too expensive for me")
    assert result.exit_code == 0, result.output
    assert "too expensive" in result.stdout
    assert "objection price" in result.stdout
    assert "because " in result.stdout
    assert "conversation roof-1, turn " in result.stdout


def test_turn_goes_on_with_a_conversation(run: Run) -> None:
    seen = [json.loads(run("turn", "--json", "-c", "call-9", text).stdout) for text in ("hola", "cuánto cuesta?")]
    assert [turn["seq"] for turn in seen] == [1, 2]
    assert {turn["conversation_id"] for turn in seen} == {"call-9"}


def test_an_unknown_playbook_is_one_line_that_names_it_in_a_narrow_terminal_too(run: Run) -> None:
    assert refused(run("turn", "--playbook", "nope", "hola", columns=30), naming="'nope'; there are ngx, roofing")


@pytest.mark.parametrize("text", ["", "   ", "\t\n"])
def test_an_empty_message_is_one_line_that_names_the_field(run: Run, text: str) -> None:
    assert refused(run("turn", text), naming="message:")


def test_a_message_that_is_too_long_is_refused_as_over_http_and_not_echoed(run: Run) -> None:
    result = run("turn", "hola " * 1_000)
    assert refused(result, naming="message:")
    assert "hola" not in result.stderr


@pytest.mark.parametrize("conversation", ["a b", "a/b", "x" * 201])
def test_a_conversation_id_that_http_could_not_reach_is_refused(run: Run, conversation: str) -> None:
    assert refused(run("turn", "-c", conversation, "hola"), naming="conversation")


@pytest.mark.parametrize("conversation", ["gone", "[/red]"])
def test_explaining_an_unknown_conversation_is_one_line_that_names_it(run: Run, conversation: str) -> None:
    assert refused(run("explain", conversation, "1"), naming=f"'{conversation}'")


def test_explaining_an_unknown_turn_is_one_line_that_names_it(run: Run) -> None:
    run("turn", "-c", "known", "hola")
    assert refused(run("explain", "known", "99"), naming="'99'")


@pytest.mark.parametrize(
    ("variable", "value", "field"),
    [
        ("SALES_AGENT_PORT", "many", "port"),
        ("SALES_AGENT_TURN_BUDGET_S", "-1", "turn_budget_s"),
        ("SALES_AGENT_LOG_FORMAT", "xml", "log_format"),
        ("SALES_AGENT_MODELS", "opnai", "models"),
        ("SALES_AGENT_MODELS", "openai", "openai_api_key"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(run: Run, variable: str, value: str, field: str) -> None:
    assert refused(run("turn", "hola", **{variable: value}), naming=f"{field}: ")


@pytest.mark.parametrize(("option", "value", "field"), [("--port", "70000", "port"), ("--workers", "0", "workers")])
def test_serve_refuses_an_option_out_of_bounds(run: Run, option: str, value: str, field: str) -> None:
    assert refused(run("serve", option, value), naming=f"{field}: ")


@pytest.mark.parametrize("setting", ["SALES_AGENT_MODELS", "SALES_AGENT_DEFAULT_PLAYBOOK"])
def test_serve_refuses_a_wrong_setting_before_it_starts(run: Run, setting: str) -> None:
    assert refused(run("serve", "--port", "0", **{setting: "opnai"}), naming="'opnai'")


def test_a_data_directory_that_cannot_be_made_is_one_line_that_names_it(run: Run, settings: Settings) -> None:
    (settings.data_dir / "file").write_text("")
    folder = str(settings.data_dir / "file" / "data")
    assert refused(run("turn", "hola", SALES_AGENT_DATA_DIR=folder), naming=folder)


def test_what_typer_refuses_has_status_2_and_no_traceback(run: Run) -> None:
    for arguments in (("turn",), ("turn", "--nope", "hola"), ("nope",), ("demo", "-p", "cars"), ("explain", "one")):
        result = run(*arguments)
        assert result.exit_code == 2, arguments
        assert "Traceback" not in result.output


def test_chat_answers_line_by_line_and_ends_on_an_empty_line(run: Run) -> None:
    result = run("chat", "-p", "ngx", "-c", "chat-1", input="hola\nuf, está carísimo\n\nesto ya no lo lee\n")
    assert result.exit_code == 0, result.output
    assert result.stdout.count("for the rep") == 2
    assert "objection price" in result.stdout
    assert "esto ya no lo lee" not in result.stdout


def test_chat_ends_with_its_input(run: Run) -> None:
    result = run("chat", "-p", "ngx", input="hola")
    assert result.exit_code == 0, result.output
    assert result.stdout.count("for the rep") == 1


def test_chat_takes_brackets_for_text(run: Run) -> None:
    result = run("chat", "-p", "ngx", "-c", "[b]", input="es [/red] muy caro [bold]\n\n")
    assert result.exit_code == 0, result.output
    assert "es [/red] muy caro [bold]" in result.stdout
    assert "conversation [b]" in result.stdout


def test_chat_with_an_unknown_playbook_is_refused(run: Run) -> None:
    result = run("chat", "-p", "nope", input="hola\n\n")
    assert result.exit_code == 2
    assert "no playbook 'nope'" in result.stderr
    assert "Traceback" not in result.output


def test_explain_shows_predictions_and_every_ranked_and_refused_action_with_its_reason(run: Run) -> None:
    run("turn", "-p", "ngx", "-c", "why-1", "hola, quiero bajar de peso")
    run("turn", "-p", "ngx", "-c", "why-1", "uf, está carísimo")
    ledger = json.loads(run("explain", "why-1", "2", "--json").stdout)
    shown = run("explain", "why-1", "2", columns=240)
    assert shown.exit_code == 0, shown.output
    assert "objection price" in shown.stdout
    assert "uf, está carísimo" in shown.stdout
    ranked, refused_actions = ledger["decision"]["ranked"], ledger["decision"]["refused"]
    assert len(ranked) > 1
    assert len(refused_actions) > 1
    lines = shown.stdout.splitlines()
    for row in ranked:
        assert any(row["action"] in line and "; ".join(row["reasons"]) in line for line in lines), row
    for row in refused_actions:
        assert any(row["action"] in line and row["rule"] in line and row["reason"] in line for line in lines), row
    assert {row["action"] for row in ranked}.isdisjoint(row["action"] for row in refused_actions)


def test_a_turn_is_explained_by_its_id_and_by_its_number(run: Run) -> None:
    turn = json.loads(run("turn", "--json", "-c", "why-2", "hola").stdout)
    by_id = json.loads(run("explain", "why-2", turn["turn_id"], "--json").stdout)
    by_number = json.loads(run("explain", "why-2", "1", "--json").stdout)
    assert by_id == by_number
    assert by_id["response"] == turn


def test_demo_plays_a_conversation_in_each_language_and_keeps_nothing(run: Run, settings: Settings) -> None:
    result = run("demo")
    assert result.exit_code == 0, result.output
    assert "ngx" in result.stdout
    assert "roofing" in result.stdout
    assert "apúntame" in result.stdout
    assert "Friday" in result.stdout
    with closing(sqlite3.connect(settings.data_dir / "sales-agent.sqlite3")) as store:
        kept = [store.execute(f"select count(*) from {table}").fetchone() for table in ("conversations", "messages")]
    assert kept == [(0,), (0,)]


def test_training_only_what_is_missing_leaves_what_is_there(run: Run, settings: Settings) -> None:
    before = {path: path.stat().st_mtime_ns for path in settings.models_dir.rglob("*") if path.is_file()}
    result = run("train", "--if-missing")
    assert result.exit_code == 0, result.output
    assert {path: path.stat().st_mtime_ns for path in settings.models_dir.rglob("*") if path.is_file()} == before


def test_training_refuses_a_predictor_and_a_folder_that_do_not_exist(run: Run) -> None:
    assert run("train", "--predictor", "mood").exit_code == 2
    assert run("train", "--data", "/nowhere").exit_code == 2
    assert run("train", "--data", __file__).exit_code == 2
    assert run("train", "--seed", "-1").exit_code == 2
    assert refused(run("train", "--playbook", "nope"), naming="playbook: no playbook 'nope'; there are ngx, roofing")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"objections": None}, "objections: Input should be a valid"),
        ({"objections": ["prise"]}, "objections: 'prise' is none of price, timing"),
        ({"acts": ["by"]}, "acts: 'by' is none of greet"),
        ({"needs": ["gutters"]}, "needs: 'gutters' is none of lose_weight"),
    ],
)
def test_training_names_the_line_of_own_data_that_it_cannot_learn_from(
    run: Run, settings: Settings, changes: dict[str, object], says: str
) -> None:
    folder = settings.data_dir / "mine"
    folder.mkdir()
    row = {"id": "1", "vertical": "fitness", "text": "hola", "objections": [], "needs": ["lose_weight"], **changes}
    other = {**row, "vertical": "surfing", "objections": [], "needs": ["waves"], "acts": None}
    (folder / "ann.jsonl").write_text(f"{json.dumps(other)}\n{json.dumps(row)}\n")
    assert refused(run("train", "--data", str(folder)), naming=f"data: {folder / 'ann.jsonl'}:2: {says}")


def test_training_refuses_a_folder_without_lines(run: Run, settings: Settings) -> None:
    folder = settings.data_dir / "mine"
    folder.mkdir()
    (folder / "ann.json").write_text("{}")
    assert refused(run("train", "--data", str(folder)), naming=f"data: {folder}: no *.jsonl file")


def test_a_model_that_is_refused_counts_as_missing(run: Run, settings: Settings) -> None:
    models = settings.data_dir / "mine" / "conversion"
    shutil.copytree(settings.models_dir / "conversion", models)
    before = (models / "arrays.npz").read_bytes()
    (models / "arrays.npz").write_bytes(before[:-1])
    train = ("train", "--predictor", "conversion", "--if-missing")
    assert run(*train, SALES_AGENT_MODELS_DIR=str(models.parent)).exit_code == 0
    assert (models / "arrays.npz").read_bytes() == before
    assert "Trained" not in run(*train, SALES_AGENT_MODELS_DIR=str(models.parent)).stdout


Process = subprocess.Popen[str]
Start = Callable[..., Process]


def hear_ctrl_c() -> None:
    """A test run in the background has SIGINT ignored, and its children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def start(settings: Settings) -> Iterator[Start]:
    """``start("chat")``: the command as a process of its own, killed when a test leaves it running."""
    environment = {**os.environ, "SALES_AGENT_DATA_DIR": str(settings.data_dir), "SALES_AGENT_LOG_FORMAT": "json"}
    with ExitStack() as started:

        def start(*arguments: str) -> Process:
            pipe = subprocess.PIPE
            command = [sys.executable, "-m", "agent.cli", *arguments]
            process = started.enter_context(
                subprocess.Popen(
                    command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True, preexec_fn=hear_ctrl_c
                )
            )
            started.callback(process.kill)
            return process

        yield start


def ready(process: Process, url: str) -> httpx2.Response:
    """The first answer of a server that is starting. Fails when it ends instead."""
    while process.poll() is None:
        try:
            return httpx2.get(url, timeout=60)
        except httpx2.ConnectError:
            time.sleep(0.1)
    raise AssertionError(process.communicate())


def test_serve_answers_and_on_sigterm_closes_its_store_and_ends(start: Start, settings: Settings) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server, url = start("serve", "--port", str(port)), f"http://127.0.0.1:{port}"
    answer = ready(server, f"{url}/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    turn = httpx2.post(f"{url}/conversations/c-1/message", json={"message": "hola", "playbook": "ngx"}, timeout=60)
    assert turn.status_code == 200
    journal = settings.data_dir / "sales-agent.sqlite3-wal"
    assert journal.exists()
    server.send_signal(signal.SIGTERM)
    out, err = server.communicate(timeout=60)
    assert server.returncode == 0
    assert not journal.exists()
    assert out == ""
    assert [json.loads(line)["event"] for line in err.splitlines()] == ["ready", "turn", "leaving"]


def test_chat_ends_on_ctrl_c_at_once(start: Start) -> None:
    chat = start("chat", "-p", "ngx")
    assert chat.stdout
    while "»" not in (seen := chat.stdout.read(1)):
        assert seen or chat.poll() is None, chat.communicate()
    chat.send_signal(signal.SIGINT)
    assert chat.wait(timeout=60) == 0
    assert chat.stderr
    assert chat.stderr.read() == ""
