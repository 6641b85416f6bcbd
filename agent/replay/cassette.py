"""Recorded model answers, so that a replay needs no model and says the same every time.

A cassette is a JSONL file, an answer a line. An answer is found by what the model was asked: a hash of the writer's name, the
model, the system message and the chat. Of the question nothing is kept but that hash; where a question stands twice, the first
answer counts.
"""

import asyncio
import fcntl
import hashlib
import json
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import IO, Annotated
from weakref import WeakValueDictionary

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.errors import InvalidInput, WriterFailed, first_fault
from agent.llm.base import Limits, Writer
from agent.llm.chat import chat
from agent.turn import Brief, Delta

PIECE = 24
"""Characters of a replayed piece: what hears a reply hears a stream, as it does from a model."""
LIMITS = Limits(failures_to_open=sys.maxsize, place_s=120.0, retry_share=0.0)
"""What a recorded answer is like depends on no answer before it: nothing is skipped, nothing is asked again."""
_FORM = "sales-agent-cassette/1"


class Recorded(BaseModel):
    """One line. ``text`` is the whole answer as the model wrote it: JSON, mostly."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    writer: Annotated[str, Field(min_length=1, max_length=80)]
    model: Annotated[str, Field(min_length=1, max_length=200)]
    text: str
    finish_reason: str | None = None
    input_tokens: Annotated[int, Field(ge=0)] | None = None
    output_tokens: Annotated[int, Field(ge=0)] | None = None


def key_of(writer: str, model: str, brief: Brief) -> str:
    """SHA-256, in hexadecimal, of what is asked."""
    asked = json.dumps([_FORM, writer, model, brief.system, chat(brief)], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(asked.encode()).hexdigest()


class Cassette:
    """The answers of one file. Several processes may record into it: lines are added whole, one process at a time."""

    def __init__(self, file: Path) -> None:
        """A file that is not there has no answers yet. Raises ``InvalidInput`` naming file, line and field."""
        self.file = file
        self._answers: dict[str, Recorded] = {}
        self._read, self._lines, self._ended = 0, 0, True
        if file.exists():
            with file.open("rb") as opened:
                fcntl.flock(opened, fcntl.LOCK_SH)
                self._take_in(opened)

    def __len__(self) -> int:
        return len(self._answers)

    def find(self, key: str) -> Recorded | None:
        return self._answers.get(key)

    def add(self, recorded: Recorded) -> Recorded:
        """What counts for this question from now on: an answer that another process gave first goes before."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a+b", buffering=0) as opened:
            fcntl.flock(opened, fcntl.LOCK_EX)
            self._take_in(opened)
            if (known := self._answers.get(recorded.key)) is not None:
                return known
            line = (b"" if self._ended else b"\n") + recorded.model_dump_json(exclude_none=True).encode() + b"\n"
            opened.write(line)
            self._read += len(line)
            self._lines += line.count(b"\n")
            self._ended = True
            self._answers[recorded.key] = recorded
        return recorded

    def _take_in(self, opened: IO[bytes]) -> None:
        """What was added since the file was last read."""
        opened.seek(self._read)
        content = opened.read()
        for number, line in enumerate(content.split(b"\n"), start=self._lines + 1):
            if line.strip():
                found = self._parsed(line, number)
                self._answers.setdefault(found.key, found)
        if content:
            self._ended = content.endswith(b"\n")
        self._read += len(content)
        self._lines += content.count(b"\n")

    def _parsed(self, line: bytes, number: int) -> Recorded:
        try:
            return Recorded.model_validate_json(line)
        except ValidationError as error:
            field, problem = first_fault(error, "(line)")
            raise InvalidInput(f"{self.file}:{number}: {field}: {problem}", field="cassette") from None


class CassetteWriter:
    """Says what was recorded of a writer. ``real`` is asked for what was not, and its answer is recorded if it ends well;
    without it, such a question fails at once as ``not_recorded``, and nothing leaves the process."""

    def __init__(self, cassette: Cassette, name: str, model: str, real: Writer | None = None) -> None:
        self.name = name
        self._cassette = cassette
        self._model = model
        self._real = real
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def stream(self, brief: Brief) -> AsyncGenerator[Delta]:
        key = key_of(self.name, self._model, brief)
        if (found := self._cassette.find(key)) is None:
            if self._real is None:
                raise WriterFailed("not_recorded", key[:12])
            lock = self._asking.setdefault(key, asyncio.Lock())
            async with lock:  # who asks the same at the same time is given the same answer
                if (found := self._cassette.find(key)) is None:
                    async with aclosing(self._record(key, self._real, brief)) as deltas:
                        async for delta in deltas:
                            yield delta
                    return
        for piece in _pieces(found.text):
            yield Delta(piece)
            await asyncio.sleep(0)
        yield Delta("", found.input_tokens, found.output_tokens, None, found.finish_reason)

    async def _record(self, key: str, real: Writer, brief: Brief) -> AsyncGenerator[Delta]:
        pieces: list[str] = []
        last = Delta("")
        async with aclosing(real.stream(brief)) as deltas:
            async for delta in deltas:
                pieces.append(delta.text)
                last = delta
                yield delta
        self._cassette.add(
            Recorded(
                key=key,
                writer=self.name,
                model=self._model,
                text="".join(pieces),
                finish_reason=last.finish_reason,
                input_tokens=last.input_tokens,
                output_tokens=last.output_tokens,
            )
        )

    async def aclose(self) -> None:
        if self._real is not None:
            await self._real.aclose()


def _pieces(text: str) -> Iterator[str]:
    for start in range(0, len(text), PIECE):
        yield text[start : start + PIECE]
