"""A business as data: what it sells, to whom, how it speaks, what it may promise and what it must not.

Every text stands in both languages. Prices, durations and discounts are written once, as fields, and appear in texts
only through placeholders such as ``{core.price}``, so that no sentence can disagree with the price list.
"""

from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Literal, Self

from babel import Locale, UnknownLocaleError
from babel.numbers import is_currency
from pydantic import AfterValidator, Field, model_validator

from prompts.law import Disclosure, Eligibility, ForbiddenClaims, OptOut, QuietHours
from prompts.texts import Identifier, Language, Lines, Sentence, Strict, Text

ObjectionType = Literal[
    "price", "timing", "stall", "trust", "competitor", "authority", "no_need", "fit", "commitment", "effort"
]
OBJECTION_TYPES: tuple[ObjectionType, ...] = (
    "price", "timing", "stall", "trust", "competitor", "authority", "no_need", "fit", "commitment", "effort",
)  # fmt: skip
Stage = Literal["opening", "discovery", "presentation", "objections", "closing", "follow_up", "closed"]
STAGES: tuple[Stage, ...] = (
    "opening", "discovery", "presentation", "objections", "closing", "follow_up", "closed",
)  # fmt: skip
HandoffTopic = Literal["medical", "legal", "angry", "wants_human"]
SHARED_NEEDS = ("pricing_info", "process_info", "results_proof")

Percent = Annotated[Decimal, Field(ge=0, le=100)]
Amount = Annotated[Decimal, Field(ge=0, le=100_000_000, decimal_places=2)]


def _known_locale(name: str) -> str:
    try:
        Locale.parse(name)
    except UnknownLocaleError:
        raise ValueError(f"there is no CLDR locale {name!r}") from None
    return name


def _known_currency(code: str) -> str:
    if not is_currency(code):
        raise ValueError(f"there is no ISO 4217 currency {code!r}")
    return code


def _none_or_several(texts: tuple[Text, ...]) -> tuple[Text, ...]:
    if len(texts) == 1:
        raise ValueError("needs at least 2 phrases, so that none is said twice running")
    return texts


Variants = Annotated[tuple[Text, ...], Field(min_length=2)]


class Company(Strict):
    name: Sentence
    about: Text


class Persona(Strict):
    name: Sentence
    role: Text
    voice: Text


class Locales(Strict):
    """CLDR locales for writing numbers and money, e.g. ``es_MX`` and ``en_US``."""

    es: Annotated[str, Field(pattern=r"^es(_[A-Z0-9]{2,3})?$"), AfterValidator(_known_locale)]
    en: Annotated[str, Field(pattern=r"^en(_[A-Z0-9]{2,3})?$"), AfterValidator(_known_locale)]

    def of(self, language: Language) -> str:
        return self.es if language == "es" else self.en


class Price(Strict):
    """``amount`` alone is a fixed price; with ``to`` it is a range. Currency is the playbook's."""

    amount: Amount
    to: Amount | None = None
    per: Literal["once", "week", "month", "year", "session"] = "once"

    @model_validator(mode="after")
    def _range_ascends(self) -> Self:
        if self.to is not None and self.to <= self.amount:
            raise ValueError(f"'to' ({self.to}) must be above 'amount' ({self.amount})")
        return self


class Instalments(Strict):
    count: Annotated[int, Field(ge=2, le=240)]
    amount: Amount


class Duration(Strict):
    amount: Annotated[int, Field(ge=1, le=1000)]
    unit: Literal["minute", "hour", "day", "week", "month", "year"]


class Offer(Strict):
    id: Identifier
    name: Text
    aliases: tuple[Sentence, ...] = ()
    summary: Text
    includes: Lines
    price: Price
    instalments: Instalments | None = None
    duration: Duration | None = None
    max_discount_percent: Percent = Decimal(0)
    needs: Annotated[tuple[Identifier, ...], Field(min_length=1)]


class Incentive(Strict):
    """Something the agent may give away. ``percent`` is a discount on the named offers; without it, an extra."""

    id: Identifier
    say: Text
    percent: Percent | None = None
    offers: Annotated[tuple[Identifier, ...], Field(min_length=1)]
    answers_objections: Annotated[tuple[ObjectionType, ...], Field(min_length=1)] = ("price",)


class Objection(Strict):
    """``answers`` each acknowledge and answer in one to three sentences, without a closing question; ``question`` checks."""

    blocking: bool
    answers: Variants
    question: Text
    examples: Lines


class Need(Strict):
    label: Text
    benefit: Text
    question: Text
    examples: Lines


class StageGoal(Strict):
    goal: Text


class Discovery(Strict):
    """A question that fills ``slot``; asked when none of ``only_needs`` rules it out (empty: always)."""

    slot: Identifier
    ask: Variants
    only_needs: tuple[Identifier, ...] = ()


class Proof(Strict):
    id: Identifier
    text: Text
    needs: tuple[Identifier, ...] = ()
    objections: tuple[ObjectionType, ...] = ()
    source: Sentence


class Answer(Strict):
    """Something customers ask (several ways of asking) and what is true."""

    id: Identifier
    need: Identifier | None = None
    questions: Lines
    answer: Text


class Handoff(Strict):
    say: Text
    examples: Lines


class Phrases(Strict):
    """How this business says what every business says. Each variant is complete and free of figures."""

    greeting: Variants
    acknowledge: Variants
    trial_close: Variants
    confirm: Variants
    follow_up: Variants
    nurture: Variants
    goodbye: Variants
    unsure: Variants
    filler: Annotated[tuple[Text, ...], AfterValidator(_none_or_several)] = ()
    """Said while a model thinks, on the telephone; none: silence."""


class Playbook(Strict):
    id: Identifier
    version: Annotated[int, Field(ge=1)]
    vertical: Identifier
    default_language: Language
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$"), AfterValidator(_known_currency)]
    locales: Locales
    company: Company
    persona: Persona
    disclosure: Disclosure
    opt_out: OptOut
    eligibility: Eligibility
    forbidden_claims: ForbiddenClaims = ForbiddenClaims()
    quiet_hours: QuietHours | None = None
    discount_authority_percent: Percent
    offers: Annotated[tuple[Offer, ...], Field(min_length=1)]
    incentives: Annotated[tuple[Incentive, ...], Field(max_length=10)] = ()
    objections: Mapping[ObjectionType, Objection]
    needs: Mapping[Identifier, Need]
    stages: Mapping[Stage, StageGoal]
    discovery: Annotated[tuple[Discovery, ...], Field(min_length=2, max_length=20)]
    proof: Annotated[tuple[Proof, ...], Field(min_length=1, max_length=20)]
    answers: Annotated[tuple[Answer, ...], Field(min_length=1)]
    handoff: Mapping[HandoffTopic, Handoff]
    never_say: Lines
    phrases: Phrases

    def offer(self, offer_id: str) -> Offer:
        return next(offer for offer in self.offers if offer.id == offer_id)

    def incoherences(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """What each field by itself can't know: (place in the file, what is wrong there)."""
        yield from _missing("objections", OBJECTION_TYPES, self.objections)
        yield from _missing("needs", SHARED_NEEDS, self.needs)
        yield from _missing("stages", STAGES, self.stages)
        yield from _missing("handoff", ("medical", "legal", "angry", "wants_human"), self.handoff)
        offers = {offer.id for offer in self.offers}
        for field, key in (
            ("offers", "id"),
            ("incentives", "id"),
            ("discovery", "slot"),
            ("proof", "id"),
            ("answers", "id"),
        ):
            seen: set[str] = set()
            for index, entry in enumerate(getattr(self, field)):
                name = getattr(entry, key)
                if name in seen:
                    yield (field, index, key), f"{name!r} is used twice"
                seen.add(name)
        for index, offer in enumerate(self.offers):
            yield from _unknown(("offers", index, "needs"), offer.needs, self.needs, "need")
            if offer.max_discount_percent > self.discount_authority_percent:
                yield ("offers", index, "max_discount_percent"), "is above discount_authority_percent"
        for index, incentive in enumerate(self.incentives):
            yield from _unknown(("incentives", index, "offers"), incentive.offers, offers, "offer")
            known = [offer for offer in self.offers if offer.id in incentive.offers]
            if any((incentive.percent or 0) > offer.max_discount_percent for offer in known):
                yield ("incentives", index, "percent"), "is above max_discount_percent of an offer it names"
        for index, question in enumerate(self.discovery):
            yield from _unknown(("discovery", index, "only_needs"), question.only_needs, self.needs, "need")
        for index, proof in enumerate(self.proof):
            yield from _unknown(("proof", index, "needs"), proof.needs, self.needs, "need")
        for index, answer in enumerate(self.answers):
            if answer.need is not None and answer.need not in self.needs:
                yield ("answers", index, "need"), f"names need {answer.need!r}, which this playbook does not have"


def _missing(
    field: str, wanted: tuple[str, ...], present: Collection[str]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    missing = [name for name in wanted if name not in present]
    if missing:
        yield (field,), f"lacks {', '.join(missing)}"


def _unknown(
    place: tuple[str | int, ...], names: tuple[str, ...], known: object, what: str
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    assert isinstance(known, Mapping | set)
    for index, name in enumerate(names):
        if name not in known:
            yield (*place, index), f"names {what} {name!r}, which this playbook does not have"
