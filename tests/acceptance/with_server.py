"""Starts a model that speaks slowly, the server on it, and a command that gets the server's address as its last argument:

    python -m tests.acceptance.with_server node tests/acceptance/openai_npm.mjs

The status is the command's."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx2

from agent.drill.stage import free_port
from tests.scripted_model import GOOD, Answer, ScriptedModel

REPLY = "Thank you for telling me. That is good to know. It helps me to help you. What matters most to you about this?"
SLOW = Answer(json.dumps({**GOOD, "question_asked": None, "reply": REPLY}), chunk_size=8, gap=0.08)
"""About a second and a half a reply, sentence by sentence."""


async def run(command: list[str], models: Path) -> int:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        (Path(folder) / "models").symlink_to(models.resolve())
        async with ScriptedModel(default=SLOW) as model:
            port = free_port()
            given = {
                **{name: value for name, value in os.environ.items() if not name.startswith("SALES_AGENT_")},
                "SALES_AGENT_DATA_DIR": folder,
                "SALES_AGENT_LOG_LEVEL": "error",
                "SALES_AGENT_MODELS": "openai",
                "SALES_AGENT_OPENAI_API_KEY": "sk-test",
                "SALES_AGENT_OPENAI_BASE_URL": model.openai_url,
            }
            server = subprocess.Popen([sys.executable, "-m", "agent.cli", "serve", "--port", str(port)], env=given)
            try:
                base = f"http://127.0.0.1:{port}"
                await _ready(base)
                client = await asyncio.create_subprocess_exec(*command, base)
                status = await client.wait()
                await model.idle(10)
                print(f"model: {model.started} asked, {model.closed_by_client} stopped, {model.running} running")
                return status
            finally:
                server.terminate()
                server.wait()


async def _ready(base: str) -> None:
    async with asyncio.timeout(120), httpx2.AsyncClient() as client:
        while True:
            try:
                if (await client.get(f"{base}/readyz")).status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            await asyncio.sleep(0.2)


def main() -> None:
    models = Path(os.environ.get("MODELS", "data/models"))
    raise SystemExit(asyncio.run(run(sys.argv[1:], models)))


if __name__ == "__main__":
    main()
