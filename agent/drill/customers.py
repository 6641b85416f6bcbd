"""The load: simulated customers with a front-end that does what a good front-end does, and a book of all that was sent.

Most wait for the answer, think and go on. Every fourth sends bursts without waiting. Every tenth never repeats a
message that failed: what was stored of it must be answered all the same.
"""

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import httpx2
import orjson

from training_data.corpora import read_corpora

SILENCING = frozenset({"opt_out", "wants_human", "legal", "medical", "angry", "underage"})
"""Acts after which an agent may rightly say nothing more; the drill leaves them out, because silence is what it looks for."""
BURST = 6
BURST_GAP_S = 0.12
"""Faster than a turn with the scripted model, so that several messages wait; slow enough that one is mostly in the database
before the next is sent, so that their order is judged."""
ATTEMPT_S = 40.0
PATIENCE_S = 240.0
"""How long a front-end waits for one attempt, and how long it repeats a message under the same id: a killed server may need
minutes to start on a slow machine."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 1.0
REPEATED = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Line:
    playbook: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What of a turn's response the drill judges."""

    turn_id: str
    seq: int
    reply: str
    total_ms: float
    degraded: tuple[str, ...]


@dataclass(slots=True)
class Sent:
    """One message and its fate; ``alone`` when no other of its conversation was on its way. ``sent_at`` is when its first
    attempt began, ``tried_at`` its last, in seconds of ``time.monotonic``."""

    conversation: str
    message_id: str
    line: Line
    gives_up: bool = False
    alone: bool = True
    sent_at: float = 0.0
    tried_at: float = 0.0
    attempts: int = 0
    answered_at: float | None = None
    answer: Answer | None = None

    @property
    def ms(self) -> float | None:
        """From the first attempt to the answer, repeats and pauses included."""
        return None if self.answered_at is None else (self.answered_at - self.sent_at) * 1000


@dataclass(frozen=True, slots=True)
class Failed:
    """An attempt without an answer. ``status`` is ``None`` where the connection failed."""

    at: float
    status: int | None


def client() -> httpx2.AsyncClient:
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    timeout = httpx2.Timeout(ATTEMPT_S, connect=5.0)
    return httpx2.AsyncClient(limits=limits, timeout=timeout, trust_env=False, verify=False)


def lines(seed: int) -> list[Line]:
    """What customers say: each sentence of the hand-written corpora once, shuffled, without what may silence an agent."""
    rows = (row for row in read_corpora() if not SILENCING.intersection(row.acts or ()))
    said = list(dict.fromkeys(Line("ngx" if row.vertical == "fitness" else "roofing", row.text) for row in rows))
    random.Random(seed).shuffle(said)  # noqa: S311
    return said


@dataclass(slots=True)
class Crowd:
    """Customers who talk to ``url`` until they are told to stop. Conversations are named after ``tag``."""

    url: str
    tag: str
    said: Sequence[Line]
    chance: random.Random
    think_s: float
    sent: list[Sent] = field(default_factory=list[Sent])
    failed: list[Failed] = field(default_factory=list[Failed])
    stopping: bool = False

    async def talk(self, customers: int) -> None:
        """Returns when every customer has finished what he had begun."""
        async with client() as browser, asyncio.TaskGroup() as talking:
            for number in range(customers):
                talking.create_task(self._customer(browser, number))

    async def _customer(self, browser: httpx2.AsyncClient, number: int) -> None:
        messages = self._messages(number)
        await asyncio.sleep(self.chance.random() * self.think_s)
        while not self.stopping:
            if number % 4 == 3:
                async with asyncio.TaskGroup() as burst:
                    for _ in range(BURST):
                        sent = next(messages)
                        sent.alone = False
                        burst.create_task(self.post(browser, sent))
                        await asyncio.sleep(BURST_GAP_S)
            else:
                await self.post(browser, next(messages))
            await asyncio.sleep(self.think_s * (0.5 + self.chance.random()))

    def _messages(self, number: int) -> Iterator[Sent]:
        """One business a conversation, and no sentence twice in it before all were said."""
        playbook = self.said[number % len(self.said)].playbook
        own = [line for line in self.said if line.playbook == playbook]
        for count in range(10**9):
            line = own[(number * 37 + count) % len(own)]
            if count >= len(own):
                line = Line(playbook, f"{line.text} ({count // len(own)})")
            sent = Sent(f"{self.tag}-{number}", f"m-{count}", line, number % 10 == 9)
            self.sent.append(sent)
            yield sent

    async def post(self, browser: httpx2.AsyncClient, sent: Sent) -> bytes | None:
        """The answer's bytes, after as many attempts as it takes; ``None`` when this front-end gave the message up."""
        body = orjson.dumps({"message": sent.line.text, "message_id": sent.message_id, "playbook": sent.line.playbook})
        url = f"{self.url}/conversations/{sent.conversation}/message"
        pause = FIRST_PAUSE_S
        while True:
            sent.attempts += 1
            sent.tried_at = time.monotonic()
            if sent.attempts == 1:
                sent.sent_at = sent.tried_at
            status: int | None = None
            try:
                response = await browser.post(url, content=body, headers={"Content-Type": "application/json"})
                status = response.status_code
            except httpx2.TransportError:
                response = None
            now = time.monotonic()
            if response is not None and status == 200:
                sent.answered_at, sent.answer = now, _answer(response.content)
                return response.content
            self.failed.append(Failed(now, status))
            if sent.gives_up or now - sent.sent_at > PATIENCE_S or (status is not None and status not in REPEATED):
                return None
            await asyncio.sleep(pause * (0.5 + self.chance.random()))
            pause = min(LONGEST_PAUSE_S, pause * 2)


def _answer(content: bytes) -> Answer:
    turn = orjson.loads(content)
    return Answer(turn["turn_id"], turn["seq"], turn["response"], turn["timing_ms"]["total"], tuple(turn["degraded"]))
