"""Customers who talk to a server over HTTP, and what came of it."""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import cycle

import aiohttp

from benchmarks.servers import Answered
from training_data.corpora import read_corpora

TURNS_A_CONVERSATION = 10
PATIENCE_S = 60.0
BUSINESSES = {"fitness": "ngx", "roofing": "roofing"}
_ENDS_IT = frozenset({"opt_out", "legal", "medical", "underage", "wants_human"})
"""What a conversation is taken away from the model for; after it, the stacks would not do the same work any more."""


@dataclass(frozen=True, slots=True)
class Line:
    playbook: str
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One answered turn in seconds of ``time.monotonic``. ``heard``: when the customer had the first words of the answer."""

    words: str
    sent: float
    answered: float
    heard: float
    number: int

    @property
    def ms(self) -> float:
        return (self.answered - self.sent) * 1000


@dataclass
class Run:
    """What a crowd lived through."""

    turns: list[Turn] = field(default_factory=list)
    errors: int = 0
    rescued: int = 0
    """Turns that ours answered without the model, because the model failed it."""
    seconds: float = 0.0


@lru_cache(maxsize=1)
def _said(seed: int = 1) -> tuple[Line, ...]:
    rows = [row for row in read_corpora() if row.language and not _ENDS_IT & set(row.acts or ())]
    random.Random(seed).shuffle(rows)
    return tuple(Line(BUSINESSES[row.vertical], row.language, row.text.strip()) for row in rows if row.language)


class Mouths:
    """Hands out what customers say: hand-written lines of one business and language, none twice until all were said."""

    def __init__(self) -> None:
        groups: dict[tuple[str, str], dict[Line, None]] = defaultdict(dict)
        for line in _said():
            groups[line.playbook, line.language][line] = None
        self._lines = [cycle(tuple(lines)) for _, lines in sorted(groups.items())]

    def next(self, customer: int) -> Line:
        return next(self._lines[customer % len(self._lines)])


def session() -> aiohttp.ClientSession:
    """As many connections as there are customers."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=PATIENCE_S)
    )


async def say(
    client: aiohttp.ClientSession, url: str, conversation: str, line: Line, run: Run, number: int, *, stream: bool = False
) -> None:  # fmt: skip
    """One turn: the message goes out, the whole answer is read, the answer or the error is written down in ``run``."""
    sent = time.monotonic()
    address = f"{url}/conversations/{conversation}/message" + ("?stream=true" if stream else "")
    try:
        async with client.post(address, json={"message": line.text, "playbook": line.playbook}) as response:
            heard, body = await (_listen(response) if stream else _read(response))
    except (aiohttp.ClientError, TimeoutError):
        run.errors += 1
        return
    answered = time.monotonic()
    if response.status != 200 or b"event: error" in body:
        run.errors += 1
        return
    run.rescued += b'"writer:openai:' in body
    run.turns.append(Turn(line.text, sent, answered, heard or answered, number))


async def _read(response: aiohttp.ClientResponse) -> tuple[float, bytes]:
    return 0.0, await response.read()


async def _listen(response: aiohttp.ClientResponse) -> tuple[float, bytes]:
    """When the first event was there, and all of them."""
    heard, body = 0.0, b""
    async for piece in response.content.iter_any():
        heard = heard or time.monotonic()
        body += piece
    return heard, body


async def crowd(
    url: str, users: int, seconds: float, think_s: tuple[float, float], tag: str, mouths: Mouths, *, stream: bool = False,
    least: int = 1,
) -> Run:  # fmt: skip
    """``users`` customers at once for ``seconds``: each says a line, waits for the answer, thinks, and after ten lines
    another one comes in his place. Turns that run at the end are waited for; each says ``least`` lines, however slow it is."""
    run = Run()
    async with session() as client:
        started = time.monotonic()
        end = started + seconds

        async def customer(user: int) -> None:
            dice = random.Random(user)
            await asyncio.sleep(dice.uniform(0.0, think_s[1]))
            turn = 0
            while turn < least or time.monotonic() < end:
                conversation = f"{tag}-{user}-{turn // TURNS_A_CONVERSATION}"
                number = turn % TURNS_A_CONVERSATION + 1
                await say(client, url, conversation, mouths.next(user), run, number, stream=stream)
                turn += 1
                if think_s[1]:
                    await asyncio.sleep(min(dice.uniform(*think_s), max(0.0, end - time.monotonic())))

        await asyncio.gather(*(customer(user) for user in range(users)))
        run.seconds = time.monotonic() - started
    return run


def with_model(turns: Iterable[Turn], log: Sequence[Answered]) -> list[tuple[Turn, Answered]]:
    """Each turn with the model's answer to the same words within its time; turns that no model wrote are left out."""
    of_words: dict[str, list[Answered]] = defaultdict(list)
    for answered in log:
        of_words[answered.words].append(answered)
    found: list[tuple[Turn, Answered]] = []
    for turn in turns:
        within = [a for a in of_words[turn.words] if turn.sent <= a.arrived <= turn.answered]
        if within:
            found.append((turn, within[0]))
    return found


def percentile(values: Sequence[float], share: float) -> float | None:
    """``None`` of nothing."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2) if ordered else None
