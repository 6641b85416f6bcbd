"""Conversations out of the store as chat JSONL that ``read_cases`` reads, without personal data (``sales-agent export``)."""

import asyncio
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import AsyncIterator, Collection, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from agent.channels.shapes import LONGEST_FACT
from agent.errors import InvalidInput, UnknownConversation
from agent.files import refuse_unwritable
from agent.replay.reading.formats.written import MOST_TURNS
from agent.replay.reading.masking.conversation import Message, mask_conversation
from agent.replay.reading.pieces import LONGEST_PIECE
from agent.settings import Settings
from agent.store.door import Door, open_door
from agent.store.exports import Kept, Wanted, find, take
from agent.store.migrate import migrate_anywhere
from agent.turn import ConversationKey
from prompts import load_playbooks
from prompts.playbook import Playbook

LONGEST_TEXT = 4_000
_ROOM = 100_000
"""Bytes of a line that are kept free for what is no message."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|[\ud800-\udfff]")
_UNSEEN = re.compile(r"[\s\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+")


@dataclass(frozen=True, slots=True)
class Exported:
    """``silent``: conversations in which no customer spoke, left out. ``cut``: those that were longer than a case may be."""

    conversations: int = 0
    silent: int = 0
    cut: int = 0


def export_conversations(settings: Settings, file: Path, wanted: Wanted, console: Console) -> Exported:
    """Writes ``file`` when all of it is there, never a part, for its owner alone to read. Ids are hashes under a key that is
    thrown away afterwards: the file by itself can't be joined to the store again.

    Raises ``InvalidInput`` where nothing is to be written or no folder is there, and ``UnknownConversation``.
    """
    refuse_unwritable(file=file)
    return asyncio.run(_export(settings, file, wanted, console))


async def _export(settings: Settings, file: Path, wanted: Wanted, console: Console) -> Exported:
    await migrate_anywhere(settings.store_url)
    door = open_door(settings.store_url)
    try:
        found = await door.run(find, wanted)
        missing = sorted(set(wanted.ids) - set(found))
        if missing:
            raise UnknownConversation(f"no conversation {missing[0]!r} among those that were asked for")
        if not found:
            raise InvalidInput("no conversation fits", field="export")
        names = Hashes(secrets.token_bytes(32), wanted.tenant)
        columns = (TextColumn("{task.description:12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            bar = progress.add_task("export", total=len(found))
            count = {"conversations": 0, "silent": 0, "cut": 0}
            with _whole(file) as half:
                async for line, cut in _lines(
                    door, wanted.tenant, sorted(found, key=names.conversation), names, settings
                ):
                    count["silent" if line is None else "conversations"] += 1
                    count["cut"] += cut
                    half.write(line or b"")
                    progress.advance(bar)
                if not count["conversations"]:
                    raise InvalidInput("no customer spoke in any of these conversations", field="export")
    finally:
        await door.aclose()
    return Exported(**count)


@contextmanager
def _whole(file: Path) -> Generator[IO[bytes]]:
    """A file that takes the place of ``file`` when all has been written to it; of what fails nothing is left."""
    with NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.", delete=False) as half:
        try:
            yield half
            half.flush()
            os.fsync(half.fileno())
            Path(half.name).replace(file)
        except BaseException:
            with suppress(OSError):
                Path(half.name).unlink()
            raise


async def _lines(
    door: Door, tenant: str, found: Collection[str], names: "Hashes", settings: Settings
) -> AsyncIterator[tuple[bytes | None, bool]]:
    """Each conversation's line, in an order that says nothing, and whether it was cut; ``None`` for one without a customer."""
    books = {loaded.book.id: loaded.book for loaded in load_playbooks(settings.playbooks_dir)}
    for name in found:
        try:
            kept = await door.run(take, ConversationKey(tenant, name), MOST_TURNS + 1)
        except UnknownConversation:  # erased meanwhile
            yield None, False
            continue
        yield await asyncio.to_thread(line_of, kept, names, books)


class Hashes:
    """Names that stand for ids: the same for the same id within one export, another in the next."""

    def __init__(self, key: bytes, tenant: str) -> None:
        self._key, self._tenant = key, tenant

    def conversation(self, name: str) -> str:
        return f"conversation-{self._of('conversation', name)}"

    def customer(self, name: str) -> str:
        return f"customer-{self._of('customer', name)}"

    def _of(self, *parts: str) -> str:
        content = "\0".join((self._tenant, *parts)).encode(errors="surrogatepass")
        return hmac.new(self._key, content, hashlib.sha256).hexdigest()[:20]


def line_of(kept: Kept, names: Hashes, books: Mapping[str, Playbook]) -> tuple[bytes | None, bool]:
    """The conversation as one line of chat JSONL, and whether it was cut; ``None`` when no customer speaks in it."""
    row = kept.row
    said = [(seq, Message(role, _CONTROL.sub(" ", text))) for seq, role, text in kept.said if _UNSEEN.sub("", text)]
    masked = mask_conversation([message for _, message in said], row["customer"], _spared(books.get(row["playbook"])))
    messages: list[dict[str, str]] = []
    recorded: dict[str, str] = {}
    size = customer_turns = 0
    for (seq, message), text in zip(said, masked.texts, strict=True):
        content = text[:LONGEST_TEXT].rstrip() or "…"
        size += len(orjson.dumps(content)) + 40
        if len(messages) == MOST_TURNS or size > LONGEST_PIECE - _ROOM:
            break
        messages.append({"role": "user" if message.role == "customer" else "assistant", "content": content})
        if message.role == "customer":
            customer_turns += 1
            if seq in kept.actions:
                recorded[str(customer_turns)] = kept.actions[seq]
    if not customer_turns:
        return None, False
    metadata = {
        "id": names.conversation(row["id"]),
        "playbook": row["playbook"],
        "language": row["progress"]["language"],
        "channel": row["channel"],
        "customer": {key: _bounded(value) for key, value in masked.customer.items()} or None,
        "customer_id": row["customer_id"] and names.customer(row["customer_id"]),
        "outcome": row["outcome"],
        "recorded": recorded or None,
    }
    told = {key: value for key, value in metadata.items() if value is not None}
    return orjson.dumps({"messages": messages, "metadata": told}) + b"\n", len(messages) < len(said)


def _bounded(value: Any) -> Any:
    return _CONTROL.sub(" ", value)[:LONGEST_FACT] if isinstance(value, str) else value


def _spared(book: Playbook | None) -> tuple[str, ...]:
    """What sounds like a name and is the business's own."""
    if book is None:
        return ()
    offers = [name for offer in book.offers for name in (offer.name.es, offer.name.en, *offer.aliases)]
    return (book.persona.name, book.company.name, *offers)
