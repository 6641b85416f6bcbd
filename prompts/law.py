"""What the law and good manners ask of a business: that its agent says what it is, stops when told to, keeps the hours,
sells nothing to minors and promises no cures. Each is a rule of the playbook; the defaults are the careful ones."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from prompts.claims import CLAIM_CLASSES, ClaimClass
from prompts.texts import Language, Lines, Strict, Text

Channel = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[a-z][a-z0-9_-]*$")]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LOOK_AHEAD_DAYS = 15


class Disclosure(Strict):
    """``text`` is said in the first reply of a conversation on ``channels`` (none named: on every one); ``asked``
    whenever a customer asks whether he speaks with a machine, on every channel (left out: ``text``)."""

    at_start: bool
    channels: tuple[Channel, ...] = ()
    text: Text
    asked: Text | None = None

    def begins(self, channel: str) -> bool:
        return self.at_start and (not self.channels or channel in self.channels)

    def when_asked(self, language: Language) -> str:
        return (self.asked or self.text).said_in(language)


class OptOut(Strict):
    """``reply`` confirms it, once. ``afterwards`` answers whatever else such a customer writes (left out: ``reply``),
    unless the agent is to be ``silent_afterwards``. ``welcome_back`` is said to one who wants messages again."""

    reply: Text
    afterwards: Text | None = None
    silent_afterwards: bool = False
    welcome_back: Text | None = None
    examples: Lines

    @model_validator(mode="after")
    def _silence_says_nothing(self) -> Self:
        if self.silent_afterwards and self.afterwards is not None:
            raise ValueError("'afterwards' is never said where 'silent_afterwards' is true")
        return self


class Eligibility(Strict):
    """``minor_corrects_himself``: what an adult age is worth from one who was a minor a moment ago, or on record."""

    min_age: Annotated[int, Field(ge=0, le=120)] | None = None
    max_age: Annotated[int, Field(ge=0, le=120)] | None = None
    minor_corrects_himself: Literal["to_a_person", "believed"] = "to_a_person"
    refusal: Text

    @model_validator(mode="after")
    def _ages_ascend(self) -> Self:
        if self.min_age is not None and self.max_age is not None and self.max_age < self.min_age:
            raise ValueError(f"'max_age' ({self.max_age}) must not be below 'min_age' ({self.min_age})")
        return self

    def refuses(self, age: int | None) -> bool:
        if age is None:
            return False
        return self.is_minor(age) or (self.max_age is not None and age > self.max_age)

    def is_minor(self, age: int | None) -> bool:
        return age is not None and self.min_age is not None and age < self.min_age


class ForbiddenClaims(Strict):
    """Classes of claims that no reply may make; ``say`` takes the place of the first such sentence of a reply."""

    classes: tuple[ClaimClass, ...] = CLAIM_CLASSES
    say: Text | None = None


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no IANA time zone {name!r}") from None
    return name


class Hours(Strict):
    """A stretch of one day by the wall clock; ``until`` is not in it. It does not pass midnight."""

    since: Annotated[time, Field(alias="from")]
    until: time

    @model_validator(mode="after")
    def _ascends(self) -> Self:
        if self.until <= self.since:
            raise ValueError(f"'until' ({self.until:%H:%M}) must be after 'from' ({self.since:%H:%M})")
        return self

    def holds(self, at: time) -> bool:
        return self.since <= at < self.until


class QuietHours(Strict):
    """When the agent may contact somebody of its own accord, in the customer's time zone where it is known, else in
    ``time_zone``. A day that is left out is quiet as a whole. ``channels``: where it binds (none named: everywhere)."""

    time_zone: Annotated[str, AfterValidator(_known_zone)]
    contact: Annotated[Mapping[Weekday, Annotated[tuple[Hours, ...], Field(min_length=1)]], Field(min_length=1)]
    channels: tuple[Channel, ...] = ()
    say: Text

    def binds(self, channel: str) -> bool:
        return not self.channels or channel in self.channels

    def zone(self, customers: object = None) -> ZoneInfo:
        """The customer's own zone if ``customers`` names one."""
        if isinstance(customers, str):
            try:
                return ZoneInfo(customers)
            except (KeyError, ValueError, OSError):
                pass
        return ZoneInfo(self.time_zone)

    def on(self, day: date) -> tuple[Hours, ...]:
        return self.on_weekday(WEEKDAYS[day.weekday()])

    def on_weekday(self, day: Weekday) -> tuple[Hours, ...]:
        return tuple(sorted(self.contact.get(day, ()), key=lambda hours: hours.since))

    def is_quiet(self, at: datetime, zone: ZoneInfo) -> bool:
        """``at`` must know its zone; it is read by the wall clock of ``zone``."""
        there = at.astimezone(zone)
        return not any(hours.holds(there.time()) for hours in self.on(there.date()))

    def next_contact(self, at: datetime, zone: ZoneInfo) -> datetime:
        """The first moment from ``at`` on that is not quiet, in ``zone``."""
        if not self.is_quiet(at, zone):
            return at.astimezone(zone)
        return next(moment for moment in self._openings(at.astimezone(zone)) if moment >= at)

    def _openings(self, there: datetime) -> Iterator[datetime]:
        """Through UTC and back: a wall-clock time that the change to summer time skips becomes a real one."""
        for ahead in range(LOOK_AHEAD_DAYS):
            day = there.date() + timedelta(days=ahead)
            for hours in self.on(day):
                local = datetime.combine(day, hours.since, there.tzinfo)
                yield local.astimezone(ZoneInfo("UTC")).astimezone(there.tzinfo)

    def allows(self, at: time, day: Weekday | None = None) -> bool:
        """Whether a time of day is inside the hours of ``day``; without a day, of any."""
        days: tuple[Weekday, ...] = WEEKDAYS if day is None else (day,)
        return any(hours.holds(at) for name in days for hours in self.on_weekday(name))
