"""Two trials without a fault: every message sent more than once, and many posts to one conversation at the same time."""

import asyncio
import time

import httpx2

from agent.drill.connections import by_worker
from agent.drill.customers import Crowd, Line, Sent
from agent.drill.faults import Force
from agent.drill.figures import Window
from agent.drill.stage import Stage

CONVERSATIONS = 20
POST_GAP_S = 0.02
ONE_WORKER = "one worker took every connection"


async def repeats(stage: Stage, crowd: Crowd, force: Force, messages: int) -> tuple[Window, list[str]]:
    """``messages`` ids, each posted three times: twice at once on two workers, and again on the second when both are
    answered. All bytes must be equal; one id in ten is sent with another text, too, which must be refused."""
    done = unequal = unrefused = 0
    talks = min(CONVERSATIONS, messages)
    async with by_worker(stage.server, talks) as ways:
        first, second = ways[0], ways[-1]
        began = time.monotonic()

        async def talk(conversation: int) -> None:
            nonlocal done, unequal, unrefused
            here, there = first[conversation % len(first)], second[conversation % len(second)]
            for number in range(conversation, messages, talks):
                sent, again, later = (_message(crowd, conversation, number) for _ in range(3))
                crowd.sent.append(sent)
                at_once = await asyncio.gather(crowd.post(here, sent), crowd.post(there, again))
                bodies = {*at_once, await crowd.post(there, later)}
                unequal += len(bodies) > 1
                if number % 10 == 0:
                    unrefused += not await _refused(there, crowd.url, sent)
                done += 1
                force.told(done / messages)

        async with asyncio.TaskGroup() as talking:
            for conversation in range(talks):
                talking.create_task(talk(conversation))
    notes = [f"{unequal} repeats answered otherwise"] if unequal else []
    notes += [f"{unrefused} ids taken for another text"] if unrefused else []
    return Window(began, time.monotonic(), messages), notes + _both(stage, len(ways))


async def parallel_posts(stage: Stage, crowd: Crowd, force: Force, posts: int) -> tuple[Window, list[str]]:
    """``posts`` to one conversation, ``POST_GAP_S`` apart, each on a connection of its own that is open before; one worker
    and the other by turns, so that no order within a process can help."""
    async with by_worker(stage.server, -(-posts // stage.workers)) as ways:
        began = time.monotonic()
        async with asyncio.TaskGroup() as posting:
            for number in range(posts):
                browsers = ways[number % len(ways)]
                sent = _message(crowd, 0, number)
                crowd.sent.append(sent)
                posting.create_task(crowd.post(browsers[number // len(ways) % len(browsers)], sent))
                await asyncio.sleep(POST_GAP_S)
    force.told(1.0)
    return Window(began, time.monotonic(), posts), _both(stage, len(ways))


def _both(stage: Stage, workers: int) -> list[str]:
    return [ONE_WORKER] if workers < min(2, stage.workers) else []


def _message(crowd: Crowd, conversation: int, number: int) -> Sent:
    line = crowd.said[number % len(crowd.said)]
    return Sent(f"{crowd.tag}-{conversation}", f"m-{number}", Line("ngx", f"{line.text} ({number})"), alone=False)


async def _refused(browser: httpx2.AsyncClient, url: str, sent: Sent) -> bool:
    body = {"message": f"{sent.line.text} or not", "message_id": sent.message_id}
    response = await browser.post(f"{url}/conversations/{sent.conversation}/message", json=body)
    return response.status_code == 422
