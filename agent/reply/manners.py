"""What no reply may say, sentence by sentence: that it comes from a human, a medical claim, an hour at which nobody calls.

The playbook's rule decides what is forbidden and what is said in its place.
"""

import re
from collections.abc import Collection, Iterator
from datetime import time

from agent.reply.amounts import find_amounts
from agent.turn import Language, Playbook, Violation
from predictors.text import plain
from prompts.claims import HUMAN, claims_in
from prompts.law import WEEKDAYS, Weekday
from prompts.texts import Text

KINDS = frozenset({"ai_denial", "medical_claim", "quiet_hours"})
"""The kinds of violations that this room finds."""
_AT_NIGHT = re.compile(r"\b(?:midnight|medianoche|de la madrugada)\b")
_EVENING = re.compile(r"de la (?:noche|tarde)|at night|in the (?:evening|afternoon)|tonight|esta (?:noche|tarde)")
_CONTACT = re.compile(
    r"\b(?:llam\w+|marc(?:o|amos|are|aremos)|escrib\w+|contact\w+|call\w*|text\w*|ring|message\w*|reach\w*|"
    r"phone\w*|hablamos|"
    r"talk|agend\w+|anot\w+|noted|schedul\w+|book\w*|cita|appointment|visit\w*)\b"
)


def faults(sentence: str, playbook: Playbook, language: Language) -> Iterator[tuple[Violation, Text | None]]:
    """Everything that may not be said in ``sentence``, each with what the playbook says in place of the sentence."""
    said = plain(sentence)
    for claim in claims_in(said, (HUMAN, *playbook.forbidden_claims.classes)):
        if claim.kind == HUMAN:
            yield (
                Violation("ai_denial", claim.found[:80], sentence),
                playbook.disclosure.asked or playbook.disclosure.text,
            )
        else:
            yield Violation("medical_claim", claim.found[:80], sentence), playbook.forbidden_claims.say
    rule = playbook.quiet_hours
    if (
        rule is not None
        and _CONTACT.search(said)
        and (found := outside_hours(sentence, playbook, language)) is not None
    ):
        yield Violation("quiet_hours", found, sentence), rule.say


def outside_hours(text: str, playbook: Playbook, language: Language) -> str | None:
    """The hour in ``text`` at which the agent may not contact anybody, as it is written there; ``None`` if it names none.

    Without a weekday an hour is outside only if it is so on every day; without "am", "pm" or "at night" it may be either.
    """
    rule = playbook.quiet_hours
    if rule is None:
        return None
    said = plain(text)
    named = [amount for amount in find_amounts(text, language) if amount.kind == "date"]
    days: set[Weekday] = {
        day for one in named if one.unit == "weekday" for day in WEEKDAYS if str(one.value).startswith(day)
    }
    if _AT_NIGHT.search(said) and not _allowed(playbook, [time(0), time(1), time(3)], days):
        return "midnight"
    for amount in named:
        if amount.unit == "clock" and not _allowed(playbook, _times(str(amount.value), amount.text, said), days):
            return amount.text
    return "weekday" if days and not any(day in rule.contact for day in days) else None


def _allowed(playbook: Playbook, times: list[time], days: Collection[Weekday]) -> bool:
    rule = playbook.quiet_hours
    wanted = days or WEEKDAYS
    return rule is None or not times or any(rule.allows(at, day) for at in times for day in wanted)


def _times(value: str, written: str, said: str) -> list[time]:
    """The times of day that a clock may mean; none where it can not be read."""
    match = re.match(r"(\d{1,2})(?::(\d{2}))?", value)
    if match is None or int(match.group(1)) > 24:
        return []
    hour, minute = int(match.group(1)) % 24, int(match.group(2) or 0)
    around = plain(written)
    half = re.search(r"([ap])\.? ?m", f"{value} {around}".lower())
    if half is not None:
        return [time(hour % 12 + (12 if half.group(1) == "p" else 0), minute)]
    if hour < 12 and _EVENING.search(said):
        return [time(hour % 12 + 12, minute)]
    return [time(hour, minute)] if hour > 12 or hour == 0 else [time(hour % 24, minute), time((hour + 12) % 24, minute)]
