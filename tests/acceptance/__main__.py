"""All real clients, one after the other, each against a server of its own: ``make acceptance``.

    python -m tests.acceptance PYTHON_OF_THE_CLIENTS

A client that is not installed is left out, and named. The status is 1 when one failed or was left out.
"""

import asyncio
import shutil
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.acceptance.with_server import run

HERE = Path(__file__).parent
PYTHON = {"chat_langgraph.py": "langgraph_sdk", "openai_livekit.py": "livekit.agents", "openai_pipecat.py": "pipecat"}
NODE = {"chat_agui.mjs": "@ag-ui/client", "chat_ai_sdk.mjs": "ai", "openai_npm.mjs": "openai"}


def commands(python: str) -> dict[str, list[str] | None]:
    """What runs each script; ``None`` where its client is not installed."""
    node = shutil.which("node")
    found: dict[str, list[str] | None] = {}
    for script, module in PYTHON.items():
        there = subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False).returncode == 0
        found[script] = [python, str(HERE / script)] if there else None
    for script, package in NODE.items():
        there = node is not None and (HERE / "node_modules" / package).is_dir()
        found[script] = [str(node), str(HERE / script)] if there else None
    return found


def main() -> None:
    table = Table(title="Real clients", title_justify="left")
    for column in ("script", "", "seconds"):
        table.add_column(column)
    models, good = Path("data/models"), True
    for script, command in commands(sys.argv[1]).items():
        began = time.monotonic()
        status = None if command is None else asyncio.run(run(command, models))
        said = {None: "left out: not installed", 0: "passed"}.get(status, f"FAILED with status {status}")
        table.add_row(script, said, f"{time.monotonic() - began:.0f}")
        good = good and status == 0
    Console().print(table)
    raise SystemExit(not good)


if __name__ == "__main__":
    main()
