"""``sales-agent keys`` and ``sales-agent audit``, and a server that is started to others."""

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
from click.testing import Result
from typer.testing import CliRunner

from agent.access.secret import Key, read_key
from agent.cli import app
from agent.settings import Settings

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run(*arguments: str, **environment: str) -> Result:
        env = {"SALES_AGENT_DATA_DIR": str(tmp_path), "COLUMNS": "200", "NO_COLOR": "1", **environment}
        return CliRunner().invoke(app, arguments, env=env)

    return run


def created(run: Run, *more: str, tenant: str = "acme", role: str = "rep") -> Key:
    result = run("keys", "create", "--tenant", tenant, "--role", role, "--name", "desk [7]", *more)
    assert result.exit_code == 0, result.output
    key = read_key(result.stdout.strip())
    assert key is not None
    assert key.secret not in result.stderr
    return key


def test_a_key_is_printed_once_and_listed_without_its_secret(run: Run) -> None:
    plain, dated = created(run), created(run, "--expires", "7", tenant="zeta", role="qa")
    listed = run("keys", "list")
    assert listed.exit_code == 0
    for key in (plain, dated):
        assert key.id in listed.stdout and key.secret not in listed.output
    [first, second] = [line for line in listed.stdout.splitlines() if "desk [7]" in line]
    assert "acme" in first and "rep" in first and "valid" in first
    assert "zeta" in second and "qa" in second and "until" in second
    only = run("keys", "list", "--tenant", "zeta").stdout
    assert dated.id in only and plain.id not in only


def test_a_revoked_key_is_listed_as_such(run: Run) -> None:
    key = created(run)
    ended = run("keys", "revoke", key.id)
    assert (ended.exit_code, key.id in ended.stdout) == (0, True)
    assert "revoked" in run("keys", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "naming"),
    [
        (("keys", "revoke", "nope"), "UnknownKey key: no key 'nope'"),
        (("keys", "create", "-t", "A b", "-r", "rep", "-n", "x"), "InvalidInput tenant: "),
        (("keys", "create", "-t", "a", "-r", "rep", "-n", " "), "InvalidInput name: "),
        (("keys", "create", "-t", "a", "-r", "rep", "-n", "x", "--expires", "0"), "InvalidInput expires: "),
    ],
)
def test_what_cannot_be_is_one_line_that_names_it(run: Run, arguments: tuple[str, ...], naming: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, len(result.stderr.strip().splitlines())) == (2, 1), result.output
    assert naming in result.stderr


def test_a_role_that_does_not_exist_is_refused(run: Run) -> None:
    assert run("keys", "create", "-t", "a", "-r", "boss", "-n", "x").exit_code == 2


def test_a_wrong_setting_is_one_line_that_does_not_show_its_value(run: Run) -> None:
    result = run("keys", "list", SALES_AGENT_KEYS="hunter2")
    assert (result.exit_code, "keys: " in result.stderr, "hunter2" in result.stderr) == (2, True, False)


def test_the_log_tells_who_made_and_ended_keys_and_verifies(run: Run) -> None:
    key, _ = created(run), created(run, tenant="zeta")
    run("keys", "revoke", key.id)
    listed = run("audit", "list", "--tenant", "acme").stdout
    assert [name in listed for name in ("key_created", "key_revoked", key.id, "local")] == [True] * 4
    assert "key_created" not in run("audit", "list", "--tenant", "acme", "--after", "1").stdout
    verified = run("audit", "verify")
    assert verified.exit_code == 0
    assert [line.split()[:2] for line in verified.stdout.splitlines()] == [["acme:", "2"], ["zeta:", "1"]]
    assert len(run("audit", "verify", "--tenant", "zeta").stdout.splitlines()) == 1


def test_a_changed_log_has_status_1_and_its_first_wrong_row_named(run: Run, tmp_path: Path) -> None:
    key = created(run)
    run("keys", "revoke", key.id)
    with closing(sqlite3.connect(tmp_path / "sales-agent.sqlite3")) as store, store:
        store.execute("drop trigger audit_no_update")
        store.execute("update audit set key_id = 'somebody' where number = 2")
    verified = run("audit", "verify")
    assert verified.exit_code == 1
    assert "acme: row 2 is not what was written" in verified.stderr
    assert "right" not in verified.stdout


def test_a_server_that_listens_to_others_wants_keys_from_everybody(settings: Settings) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "SALES_AGENT_DATA_DIR": str(settings.data_dir), "SALES_AGENT_LOG_FORMAT": "json"}
    command = [sys.executable, "-m", "agent.cli", "serve", "--host", "0.0.0.0", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as server:
        try:
            url = f"http://127.0.0.1:{port}"
            while server.poll() is None:
                try:
                    httpx2.get(f"{url}/readyz", timeout=60)
                    break
                except httpx2.ConnectError:
                    time.sleep(0.1)
            assert httpx2.get(f"{url}/conversations/c-1", timeout=60).status_code == 401
        finally:
            server.terminate()
            _, errors = server.communicate(timeout=60)
    events = [json.loads(line)["event"] for line in errors.splitlines()]
    assert events[0] == "no_api_keys"
