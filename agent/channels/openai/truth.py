"""The front-end's messages are the truth: what stands in them as the agent's last words is what was really spoken. Our own
transcript is put right before the next turn."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import structlog

from agent.channels.openai.talk import Talk
from agent.errors import StoreUnavailable
from agent.first_words import first_words, first_words_heard, words_that_begin
from agent.orchestrator import Post, SalesAgent
from agent.store.transcript import Ending, LastTurn
from agent.turn import ConversationKey, Language

log = structlog.get_logger(__name__)

QUIET_S, LOOK_S = 1.0, 0.01
"""How long a turn that still runs is waited for: mostly one that the customer has just interrupted, being cut."""
_CUT_MARKS = " .…-–—?!"
"""Some platforms put these where a reply was cut, or leave them out at its end."""
_WORDS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Settled:
    """What the customer says that was not answered yet, and the language that was spoken before. ``new``: we know nothing of the
    conversation."""

    text: str
    language: Language | None
    new: bool = False


async def settle(agent: SalesAgent, post: Post, talk: Talk) -> Settled:
    """Compares ``talk`` with our transcript. A request that came before is left as it was understood then."""
    key, text = post.key, post.text
    try:
        ending = await _quiet(agent, key)
        if ending is not None and ending.last is None:
            await _put_beginning_right(agent, post, talk)
    except StoreUnavailable as error:
        log.warning("transcript_not_compared", why=str(error))
        return Settled(text, None)
    if ending is None or ending.last is None:
        return Settled(text, ending and ending.language, new=ending is None)
    last = ending.last
    if last.message_id == post.message_id:
        return Settled(last.asked, ending.language)
    if (heard := spoken_of(last.said, talk.spoken)) is not None:
        if heard != last.kept:
            await agent.heard(key, last.turn_id, heard)
    elif rest := _after(last, talk.new):
        await agent.heard(key, last.turn_id, "")
        text = rest
    return Settled(text, ending.language)


async def first_words_of(agent: SalesAgent, post: Post) -> str:
    """What the agent says before anybody has spoken, the same when it is asked again; nothing when the conversation has gone
    on since."""
    said = await first_words(agent, post)
    if said is None:
        ending = await agent.ending(post.key)
        return "" if ending is None or ending.busy or ending.last is not None else words_that_begin(agent, post)[1]
    return said


async def _put_beginning_right(agent: SalesAgent, post: Post, talk: Talk) -> None:
    """Of our first words, if there were such, what was spoken."""
    _, said = words_that_begin(agent, post)
    heard = spoken_of(said, talk.spoken) if talk.spoken else ""
    if heard is not None and heard != said:
        await first_words_heard(agent, post, said, heard)


async def _quiet(agent: SalesAgent, key: ConversationKey) -> Ending | None:
    loop = asyncio.get_running_loop()
    until = loop.time() + QUIET_S
    while True:
        ending = await agent.ending(key)
        if ending is None or not ending.busy or loop.time() >= until:
            return ending
        await asyncio.sleep(LOOK_S)


def spoken_of(said: str, spoken: str) -> str | None:
    """How much of ``said`` stands in ``spoken``, word for word, whatever the white space: ``said`` itself, or its beginning.
    ``None``: these are other words, or none."""
    whole = _WORDS.sub("", said)
    tried = (_WORDS.sub("", text) for text in (spoken, spoken.rstrip(_CUT_MARKS)))
    words = next((words for words in tried if words.strip(_CUT_MARKS) and whole.startswith(words)), None)
    if words is None:
        return None
    if not whole[len(words) :].strip(_CUT_MARKS):
        return said
    return said[: _end_of(len(words), said)]


def _end_of(count: int, text: str) -> int:
    """Where so many characters of ``text`` end, blanks not counted."""
    solid = (end for end, char in enumerate(text, 1) if not char.isspace())
    return next(islice(solid, count - 1, None))


def _after(last: LastTurn, new: Sequence[str]) -> str:
    """The customer's words after those that were answered already; nothing when they are not the first of ``new``.

    They stand together when no word of the answer was spoken: he talked before, and our store still has it."""
    for count in range(1, len(new)):
        if "\n".join(new[:count]) == last.asked:
            return "\n".join(new[count:])
    return ""
