"""Connections of which it is known which worker holds the other end."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import httpx2

from agent.drill.customers import client
from agent.drill.serving import Server

OPENED_FOR_ONE = 10


@asynccontextmanager
async def by_worker(server: Server, each: int) -> AsyncGenerator[Sequence[Sequence[httpx2.AsyncClient]]]:
    """For every worker at most ``each`` clients with an open connection to it. The kernel deals connections out as it
    likes, so a worker that is passed over again and again may get fewer, or is not there at all."""
    async with AsyncExitStack() as open_ones:
        found: Mapping[int, list[httpx2.AsyncClient]] = {worker: [] for worker in server.worker_ids()}
        for _ in range(each * len(found) * OPENED_FOR_ONE):
            browser = await open_ones.enter_async_context(client())
            response = await browser.get(f"{server.url}/livez")
            local_port = response.extensions["network_stream"].get_extra_info("client_addr")[1]
            worker = server.worker_of(local_port)
            if worker in found and len(found[worker]) < each:
                found[worker].append(browser)
            else:
                await browser.aclose()
            if all(len(browsers) == each for browsers in found.values()):
                break
        yield [browsers for browsers in found.values() if browsers]
