"""The application behind uvicorn on a real socket: for clients that leave, half a request and what arrives early."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import uvicorn
from uvicorn.config import WSProtocolType

from agent.bootstrap import build_agent
from agent.settings import Settings
from server import Build, create_app


@asynccontextmanager
async def listening(
    settings: Settings, build: Build = build_agent, ws: WSProtocolType = "none"
) -> AsyncIterator[httpx2.AsyncClient]:
    """A client on a server of its own; leaving stops the server the way a signal does."""
    app = create_app(settings, build)
    server = uvicorn.Server(uvicorn.Config(app, lifespan="on", ws=ws, log_config=None))
    with socket.create_server(("127.0.0.1", 0)) as port:
        running = asyncio.create_task(server.serve(sockets=[port]))
        try:
            address = f"http://127.0.0.1:{port.getsockname()[1]}"
            async with httpx2.AsyncClient(base_url=address, timeout=60.0) as client:
                yield client
        finally:
            server.should_exit = True
            await running
