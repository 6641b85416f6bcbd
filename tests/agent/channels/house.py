"""A server that wants keys, with one key of every kind."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2

from agent.access.administration import DAY_S
from agent.access.caller import Role
from agent.access.secret import Key
from agent.settings import Settings
from tests.agent.access.doors import made, revoked
from tests.agent.channels.contract import refusal
from tests.conftest import serving

FIELD = "authorization"


@dataclass
class House:
    """A server that wants keys, with one key of every role, and such as are no good any more."""

    client: httpx2.AsyncClient
    settings: Settings
    keys: dict[str, Key]

    async def ask(self, method: str, path: str, headers: dict[str, str] | None = None) -> httpx2.Response:
        filled = re.sub(r"{\w+}", "1", path)
        ends = {"follow": "false"} if path.endswith("/events") else None
        return await self.client.request(method, filled, params=ends, headers=headers or {})


@asynccontextmanager
async def housed(settings: Settings) -> AsyncIterator[House]:
    keys = {role.value: await made(settings, role) for role in Role}
    keys["revoked"] = await made(settings, Role.ADMIN)
    await revoked(settings, keys["revoked"])
    keys["expired"] = await made(settings, Role.ADMIN, ago_s=DAY_S + 60, days=1)
    async with serving(settings) as client:
        yield House(client, settings, keys)


def unauthorized(answer: httpx2.Response, problem: str) -> None:
    assert problem in refusal(answer, 401, FIELD, "not_authenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["cache-control"] == "no-store"
