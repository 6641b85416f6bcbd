"""The day and the time that a customer names for an appointment, in his own words."""

import re
from dataclasses import dataclass

from agent.reply.amounts import find_amounts
from agent.turn import Language

_DAY_PART = re.compile(
    r"(?:en|por|de|a) la (?:mañana|tarde|noche)|al mediod[ií]a|temprano|(?:in the |this |that )?(?:morning|afternoon|evening)|"
    r"(?:at |around )?noon|(?:despu[eé]s de|antes de|a partir de|after|before|around|from) (?:las? )?"
    r"(?:\d{1,2}|cinco|seis|siete|five|six|seven)(?::\d{2})?(?: ?[ap]\.?m\.?)?",
    re.IGNORECASE,
)
_NOT = re.compile(r"\b(?:no|not|ni|nor|except|menos) (?:el |la |on |a |en )?$", re.IGNORECASE)
_CANNOT = re.compile(r",? (?:no |can'?t|cannot|won'?t|doesn'?t|is out|imposible|i'?m not)", re.IGNORECASE)
_NEAR = 25
"""Characters between the pieces of one appointment, at most."""


@dataclass(frozen=True, slots=True)
class Appointment:
    """``words`` are the customer's; nothing is worked out from them."""

    words: str
    has_day: bool
    has_time: bool


def appointment(text: str, language: Language) -> Appointment | None:
    """What ``text`` says of a day or a time; ``None`` when it names neither."""
    dates = [
        amount
        for amount in find_amounts(text, language)
        if amount.kind == "date" and not (_NOT.search(text[: amount.start]) or _CANNOT.match(text[amount.end :]))
    ]
    pieces = [(amount.start, amount.end, amount.unit != "clock", amount.unit == "clock") for amount in dates]
    pieces += [(match.start(), match.end(), False, True) for match in _DAY_PART.finditer(text)]
    if not pieces:
        return None
    pieces.sort()
    start, end, has_day, has_time = pieces[0]
    for piece in pieces[1:]:
        if piece[0] - end <= _NEAR:
            end, has_day, has_time = max(end, piece[1]), has_day or piece[2], has_time or piece[3]
    return Appointment(text[start:end].strip(" ,."), has_day, has_time)
