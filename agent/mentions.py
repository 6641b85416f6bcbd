"""Which offer a customer speaks of: by its name, an alias, or the way people call it ("el de 6 meses", "the 12 weeks one")."""

import re
from functools import lru_cache

from agent.reply.amounts import find_amounts
from agent.turn import Language, Playbook
from predictors.text import plain

_THE_ONE = re.compile(
    r"\b(?:el|al|del|los|plan|programa|opcion|paquete|the|program|programme|package|option)(?: (?:de|of))? $"
)
_UNIT = re.compile(r"\b(?:semanas?|mes(?:es)?|anos?|weeks?|months?|years?)\b")
_MONTHS = {"week": 12 / 52, "month": 1.0, "year": 12.0}


def offer_named(text: str, language: Language, playbook: Playbook) -> str | None:
    """The id of the one offer that ``text`` names; ``None`` when it names none or several."""
    said = plain(text)
    named = {offer for offer, name in _names(playbook) if name.search(said)}
    if not named:
        named = set(_by_duration(said, language, playbook))
    return named.pop() if len(named) == 1 else None


@lru_cache(maxsize=64)
def _patterns(names: tuple[tuple[str, str], ...]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((offer, re.compile(rf"\b{re.escape(name)}\b")) for offer, name in names)


def _names(playbook: Playbook) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return _patterns(
        tuple(
            (offer.id, plain(name))
            for offer in playbook.offers
            for name in (offer.name.es, offer.name.en, *offer.aliases)
        )
    )


def _by_duration(said: str, language: Language, playbook: Playbook) -> list[str]:
    found: list[str] = []
    if _UNIT.search(said) is None:
        return found
    for amount in find_amounts(said, language):
        if amount.kind != "duration" or amount.unit not in _MONTHS or not _THE_ONE.search(said[: amount.start]):
            continue
        months = float(amount.value) * _MONTHS[amount.unit]
        for offer in playbook.offers:
            if offer.duration and offer.duration.unit in _MONTHS:
                lasts = offer.duration.amount * _MONTHS[offer.duration.unit]
                if abs(lasts - months) < 0.3:
                    found.append(offer.id)
    return found
