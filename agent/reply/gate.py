"""What a writer's text passes on its way out: JSON -> sentences -> fact lock -> the customer. Nothing leaves unchecked."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from decimal import Decimal

from agent.errors import WriterFailed
from agent.reply import manners
from agent.reply.facts import FactBook
from agent.reply.schema import LONGEST_REPLY
from agent.reply.sentences import SentenceSplitter
from agent.reply.spoken import Form, as_written
from agent.reply.stream import ReplyStream
from agent.turn import Language, Violation
from predictors.language import spanish_share
from prompts.texts import Text

Say = Callable[[str], Awaitable[None]]

WORDS_TO_TELL = 5
"""Tell-tale words that a sentence needs before its language is judged."""


class FactLock:
    """The fact book with everything that this turn vouches for."""

    def __init__(
        self,
        facts: FactBook,
        language: Language,
        *,
        customer_words: Sequence[str],
        granted_percent: Decimal | None,
        offer: str | None,
        opening: str = "",
    ) -> None:
        self._facts = facts
        self._language: Language = language
        self._customer_words = customer_words
        self._granted = granted_percent
        self._offer = offer
        self._opening = opening
        self.violations: list[Violation] = []

    def for_the_rep(self, authority_percent: Decimal) -> "FactLock":
        """The same lock for talking points: a rep is told how far he may go, a customer only what was granted."""
        return FactLock(
            self._facts,
            self._language,
            customer_words=self._customer_words,
            granted_percent=authority_percent,
            offer=self._offer,
        )

    def admit(self, sentence: str) -> str:
        """The sentence as it may be said; empty when it may not. What was wrong is kept in ``violations``."""
        share, seen = spanish_share(sentence)
        if seen >= WORDS_TO_TELL and (share if self._language == "en" else 1 - share) > 0.8:
            self.violations.append(Violation("language", sentence.strip()[:80], sentence))
            return ""
        wrong = list(manners.faults(sentence, self._facts.playbook, self._language))
        if wrong:
            return self._in_its_place(sentence, wrong)
        checked = self._facts.check(
            sentence,
            self._language,
            customer_words=self._customer_words,
            granted_percent=self._granted,
            offer=self._offer,
        )
        self.violations.extend(checked.violations)
        if not checked.text or self._facts.vouches(checked.text, self._language, self._granted):
            return checked.text
        breaches = tuple(self._facts.conduct.breaches(sentence, self._customer_words, bool(self._granted)))
        self.violations.extend(breaches)
        return "" if breaches else checked.text

    def _in_its_place(self, sentence: str, wrong: Sequence[tuple[Violation, Text | None]]) -> str:
        """What the playbook says instead of what may not be said at all: once a reply, and not after the opening said it."""
        text = next((text.said_in(self._language) for _, text in wrong if text is not None), "")
        said = self._opening + "".join(violation.repair or "" for violation in self.violations)
        repair = text if text and text not in said else None
        self.violations.extend(replace(violation, repair=repair) for violation, _ in wrong)
        return f"{repair}{sentence[len(sentence.rstrip()) :] or ' '}" if repair else ""


class Gate:
    """The sink of the model ladder. ``say`` is called with each admitted sentence; without it sentences are collected.
    ``form`` makes what is admitted fit for its channel."""

    def __init__(self, lock: FactLock, say: Say | None, form: Form = as_written) -> None:
        self._lock = lock
        self._say = say
        self._form = form
        self._start()

    def _start(self) -> None:
        self._stream = ReplyStream()
        self._length = 0
        self._splitter = SentenceSplitter()
        self._lock.violations.clear()
        self.sentences: list[str] = []

    @property
    def said(self) -> bool:
        return self._say is not None and bool(self.sentences)

    @property
    def text(self) -> str:
        return "".join(self.sentences).strip()

    def reset(self) -> None:
        self._start()

    async def feed(self, piece: str) -> None:
        try:
            new = self._stream.feed(piece)
        except ValueError as error:
            raise WriterFailed("broken_json", str(error)[:120]) from None
        self._length += len(new)
        if self._length > LONGEST_REPLY:
            raise WriterFailed("wrong_schema", f"the reply has more than {LONGEST_REPLY} characters")
        for sentence in self._splitter.feed(new):
            await self._let_out(sentence)

    async def finish(self) -> None:
        """The writer is done: what is left of the text is a sentence, too."""
        for sentence in self._splitter.finish():
            await self._let_out(sentence)

    async def _let_out(self, sentence: str) -> None:
        admitted = self._form(self._lock.admit(sentence))
        if admitted.strip():
            self.sentences.append(admitted)
            if self._say is not None:
                await self._say(admitted)
