"""The fact lock: every price, discount, percentage, duration, date and product name in a reply must be vouched for.

The playbook vouches for figures and names; the customer's own words for dates, durations and, as an echo only, for sums.
A discount is vouched for by nothing but what the decision granted. Model text and customer text are both hostile here.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pydantic import BaseModel

from agent.reply.amounts import Amount, find_amounts
from agent.reply.sentences import split
from agent.turn import Language, Playbook, Violation
from prompts import wording
from prompts.playbook import Lines, Offer, Text

LANGUAGES: tuple[Language, ...] = ("es", "en")
_NOT_SAID = frozenset({"examples", "questions", "never_say", "incentives"})
"""Fields whose texts are not the business's own statements, or hold only when granted."""
_HAS_FIGURE = re.compile(r"[\d$€£%]|https?:|www\.|\S@\S|[*_#`]{2}|^\s*[-*] ", re.MULTILINE)
_MARKUP = re.compile(r"https?:\S+|www\.\S+|\S+@\S+\.\w+|\*\*|__|```|^\s*#+ |^\s*[-*] |\]\(", re.MULTILINE)
_LEAK = re.compile(
    r"system prompt|my instructions|mis instrucciones|as an ai language model|como modelo de lenguaje|ignore (?:all )?previous|"
    r"developer mode|modo desarrollador",
    re.IGNORECASE,
)
_DISCOUNT = re.compile(
    r"descuento|rebaj|menos\b|ahorr|promo|discount|\boff\b|sav(?:e|ing)|cheaper|knock|reduc|de regalo", re.IGNORECASE
)
_ECHO = re.compile(
    r"(?:\btu |\bsu |\byour )(?:presupuesto|budget|cotizaci[óo]n|quote|factura|bill)|mencion|me (?:dij|cuent|coment)|dijiste|"
    r"dijo|you (?:said|mention|told|pay)|te cobra|le cobra|pagas|paga ahora|the other|la otra|el otro|they (?:charge|quote)",
    re.IGNORECASE,
)
_TIER = re.compile(
    r"\b(?:[Pp]lan|[Pp]rograma|[Pp]aquete|[Mm]embres[íi]a|[Pp]ack) (?P<after>[A-ZÁÉÍÓÚÑ][\wáéíóúñ-]+)"
    r"|\b(?P<before>[A-Z][\w-]+) (?:[Pp]lan|[Pp]ackage|[Pp]rogram(?:me)?|[Mm]embership|[Tt]ier)\b"
)
_COMMON_WORDS = "the a an our your this that we my one which each every el la un una tu su nuestro este ese cada otro"
_COMMON = frozenset(_COMMON_WORDS.split())


@dataclass(frozen=True, slots=True)
class Checked:
    """``text`` may be said; it is empty when the sentence could not be repaired."""

    text: str
    violations: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """What one language's playbook texts say. Sets of ``(kind, value, unit)``."""

    sentences: frozenset[str]
    figures: frozenset[tuple[str, Decimal | str, str | None]]
    words: str
    never: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FactBook:
    """What a playbook vouches for. Built once a playbook: ``FactBook.of(playbook)``."""

    playbook: Playbook
    known: Mapping[Language, _Known]
    prices: Mapping[str, frozenset[tuple[Decimal, str | None]]]
    named_after_company: re.Pattern[str]

    @classmethod
    def of(cls, playbook: Playbook) -> "FactBook":
        known = {language: _read(playbook, language) for language in LANGUAGES}
        prices = {offer.id: _prices(offer) for offer in playbook.offers}
        company = re.compile(rf"\b{re.escape(playbook.company.name)} (?P<name>[A-ZÁÉÍÓÚ][\wáéíóúñ-]+)")
        return cls(playbook, known, prices, company)

    def check(
        self,
        sentence: str,
        language: Language,
        *,
        customer_words: Sequence[str] = (),
        granted_percent: Decimal | None = None,
        offer: str | None = None,
    ) -> Checked:
        """The sentence with what could be repaired, and everything that was wrong with it.

        ``granted_percent``: the discount that the decision granted; ``offer``: the one under discussion.
        """
        if sentence.strip() in self.known[language].sentences:
            return Checked(sentence, ())
        judge = _Judge(self, sentence, language, customer_words, granted_percent, offer)
        violations = tuple(judge.violations())
        if not violations:
            return Checked(sentence, ())
        if any(violation.repair is None for violation in violations):
            return Checked("", violations)
        text = sentence
        for violation in violations:
            text = text.replace(violation.found, violation.repair or "", 1)
        return Checked(text, violations)


class _Judge:
    """One sentence on trial."""

    def __init__(
        self,
        book: FactBook,
        sentence: str,
        language: Language,
        customer_words: Sequence[str],
        granted: Decimal | None,
        offer: str | None,
    ) -> None:
        self._book = book
        self._playbook = book.playbook
        self._known = book.known[language]
        self._sentence = sentence
        self._language: Language = language
        self._customer_words = customer_words
        self._granted = granted or Decimal(0)
        named = self._named_offers()
        self._offer = named[0] if len(named) == 1 else None
        self._discussed = self._playbook.offer(offer) if offer else None

    def violations(self) -> Iterator[Violation]:
        plain = _plain(self._sentence)
        for line in self._known.never:
            if line in plain:
                yield self._wrong("never_say", line)
        if match := _LEAK.search(self._sentence):
            yield self._wrong("leak", match.group(0))
        yield from self._names()
        if _HAS_FIGURE.search(self._sentence):
            for match in _MARKUP.finditer(self._sentence):
                if match.group(0).strip().lower() not in self._known.words:
                    yield self._wrong("markup", match.group(0).strip())
        heard = _figures(" \n ".join(self._customer_words), self._language) if self._customer_words else frozenset()
        for amount in find_amounts(self._sentence, self._language):
            yield from self._judge(amount, heard)

    def _judge(self, amount: Amount, heard: frozenset[tuple[str, Decimal | str, str | None]]) -> Iterator[Violation]:
        key = (amount.kind, amount.value, amount.unit)
        match amount.kind:
            case "price":
                yield from self._price(amount, heard)
            case "percent":
                yield from self._percent(amount, heard)
            case "duration":
                if key not in self._known.figures and key not in heard:
                    offer = self._offer
                    repair = (
                        wording.duration(offer.duration, self._playbook, self._language)
                        if offer and offer.duration
                        else None
                    )
                    yield self._wrong("duration", amount.text, repair)
            case "date":
                if key not in self._known.figures and key not in heard:
                    yield self._wrong("date", amount.text)
            case "count":
                values = {value for _, value, _ in self._known.figures | heard}
                if amount.value not in values and not self._is_price_of_an_offer(amount):
                    yield self._wrong("count", amount.text)

    def _price(self, amount: Amount, heard: frozenset[tuple[str, Decimal | str, str | None]]) -> Iterator[Violation]:
        assert isinstance(amount.value, Decimal)
        offers = (self._offer,) if self._offer else self._playbook.offers
        if any(self._is_price_of(offer, amount.value, amount.unit) for offer in offers):
            return
        statement = (amount.kind, amount.value, amount.unit) in self._known.figures
        if statement and not any(
            amount.value == value for offer in self._playbook.offers for value, _ in self._book.prices[offer.id]
        ):
            return
        said = {value for kind, value, _ in heard if kind in ("price", "count")}
        if amount.value in said and _ECHO.search(self._sentence) and not _DISCOUNT.search(self._sentence):
            return
        repair = None
        if self._offer is not None and self._sentence.count(amount.text) == 1 and len(self._prices_in()) == 1:
            repair = wording.price(self._offer.price, self._playbook, self._language)
        yield self._wrong("price", amount.text, repair)

    def _prices_in(self) -> list[Amount]:
        return [one for one in find_amounts(self._sentence, self._language) if one.kind == "price"]

    def _is_price_of(self, offer: Offer, value: Decimal, period: str | None) -> bool:
        for price, per in self._book.prices[offer.id]:
            if value == price and (period == per or period is None or per == "any"):
                return True
        if self._granted:
            reduced = offer.price.amount * (100 - self._granted) / 100
            return offer.price.to is None and abs(value - reduced) < 1 and period in (None, offer.price.per)
        return False

    def _is_price_of_an_offer(self, amount: Amount) -> bool:
        assert isinstance(amount.value, Decimal)
        return any(self._is_price_of(offer, amount.value, None) for offer in self._playbook.offers)

    def _percent(self, amount: Amount, heard: frozenset[tuple[str, Decimal | str, str | None]]) -> Iterator[Violation]:
        assert isinstance(amount.value, Decimal)
        if amount.unit == "discount" or _DISCOUNT.search(self._sentence):
            if not 0 < amount.value <= self._granted:
                granted = wording.percent(self._granted, self._playbook, self._language) if self._granted else None
                yield self._wrong("discount", amount.text, granted if amount.unit != "discount" else None)
        elif not any(kind == "percent" and value == amount.value for kind, value, _ in self._known.figures):
            echoed = any(kind == "percent" and value == amount.value for kind, value, _ in heard)
            if not (echoed and _ECHO.search(self._sentence)):
                yield self._wrong("percent", amount.text)

    def _names(self) -> Iterator[Violation]:
        for match in self._book.named_after_company.finditer(self._sentence):
            if match.group(0).lower() not in self._known.words:
                yield self._wrong("product", match.group(0))
        for match in _TIER.finditer(self._sentence):
            name = match.group("after") or match.group("before")
            if (
                name.lower() not in _COMMON
                and match.group(0).lower() not in self._known.words
                and not self._part_of_a_name(name)
            ):
                yield self._wrong("product", match.group(0))

    def _part_of_a_name(self, word: str) -> bool:
        names = (self._playbook.company.name, *(name for offer in self._playbook.offers for name in _names(offer)))
        return any(word.lower() in name.lower() for name in names)

    def _named_offers(self) -> list[Offer]:
        """The offers whose name or alias stands in the sentence; a name inside a longer one does not count."""
        said = self._sentence.lower()
        found: list[tuple[int, int, Offer]] = []
        for offer in self._playbook.offers:
            for name in _names(offer):
                place = said.find(name.lower())
                if place >= 0:
                    found.append((place, place + len(name), offer))
        longest = [
            offer
            for start, end, offer in found
            if not any(s <= start and end <= e and (s, e) != (start, end) for s, e, _ in found)
        ]
        return list({offer.id: offer for offer in longest}.values())

    def _wrong(self, kind: str, found: str, repair: str | None = None) -> Violation:
        return Violation(kind, found, self._sentence, repair)


def _names(offer: Offer) -> tuple[str, ...]:
    return (offer.name.es, offer.name.en, *offer.aliases)


def _prices(offer: Offer) -> frozenset[tuple[Decimal, str | None]]:
    per = None if offer.price.per == "once" else offer.price.per
    found: set[tuple[Decimal, str | None]] = {(offer.price.amount, per)}
    if offer.price.to is not None:
        found.add((offer.price.to, per))
    if offer.instalments is not None:
        found |= {(offer.instalments.amount, "any"), (offer.instalments.amount * offer.instalments.count, None)}
    return frozenset(found)


def _read(playbook: Playbook, language: Language) -> _Known:
    lines = list(_texts(playbook, language))
    figures = frozenset(figure for line in lines for figure in _figures(line, language))
    durations = {("duration", Decimal(o.duration.amount), o.duration.unit) for o in playbook.offers if o.duration}
    sentences = frozenset(sentence.strip() for line in lines for sentence in split(line))
    words = " \n ".join(lines).lower()
    never = tuple(_plain(line) for line in playbook.never_say.said_in(language))
    return _Known(sentences | frozenset(lines), figures | durations, words, never)


def _texts(value: object, language: Language, field: str = "") -> Iterator[str]:
    """Every text of the playbook that the business says of itself."""
    if field in _NOT_SAID:
        return
    if isinstance(value, Text):
        yield value.said_in(language)
    elif isinstance(value, Lines):
        yield from value.said_in(language)
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _texts(getattr(value, name), language, name)
    elif isinstance(value, Mapping):
        for item in value.values():  # pyright: ignore[reportUnknownVariableType]
            yield from _texts(item, language)  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(value, tuple):
        for item in value:  # pyright: ignore[reportUnknownVariableType]
            yield from _texts(item, language)  # pyright: ignore[reportUnknownArgumentType]


def _figures(text: str, language: Language) -> frozenset[tuple[str, Decimal | str, str | None]]:
    return frozenset((one.kind, one.value, one.unit) for one in find_amounts(text, language))


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text.lower())
    return "".join(char for char in decomposed if not unicodedata.combining(char))
