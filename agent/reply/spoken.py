"""Text as a speech synthesiser can say it: no markup, links or emoji; prices, percentages, times and units in words.

Figures stay digits where synthesisers read digits well. It runs after the fact lock and changes no figure, so that what is
stored is what was said.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from agent.reply.lines import Line
from agent.reply.speech import contacts, days, figures, measures, signs
from agent.reply.speech.tongue import Tongue, tongue_of
from agent.turn import Language, Playbook

Form = Callable[[str], str]
"""What is done to a sentence before it leaves."""
_SAID_AS_IT_IS = re.compile(r"(?:[^\W\d_]++|[ ,;:!?¿¡'’\"“”«»()]++|\.(?!\w)|(?<=\w)-(?=\w))*+")
_STEPS: tuple[Callable[[str, Tongue], str], ...] = (
    signs.without_markup,
    contacts.links,
    days.dates,
    contacts.telephones,
    days.clock_times,
    figures.money,
    figures.percentages,
    measures.measures,
    figures.ordinals,
    figures.ranges,
    figures.numbers,
    signs.abbreviations,
    signs.symbols,
)


def as_written(text: str) -> str:
    """The form of a channel that is read."""
    return text


@lru_cache(maxsize=64)
def _form(tongue: Tongue) -> Form:
    return lambda text: spoken(text, tongue)


def spoken_form(playbook: Playbook, language: Language) -> Form:
    """How a voice channel of this business says text in ``language``: by its currency and locale."""
    return _form(tongue_of(playbook, language))


def spoken(text: str, tongue: Tongue) -> str:
    """``text`` to be said; white space around it stays, empty when nothing of it can be said."""
    core = text.strip()
    if not core:
        return text
    if not _SAID_AS_IT_IS.fullmatch(core) or signs.abbreviated(core):
        for step in _STEPS:
            core = step(core, tongue)
        core = core.strip()
    if not any(char.isalnum() for char in core):
        return ""
    start, end = len(text) - len(text.lstrip()), len(text.rstrip())
    return f"{' ' if start else ''}{core}{' ' if end < len(text) else ''}"


def spoken_lines(lines: tuple[Line, ...], playbook: Playbook, language: Language) -> tuple[Line, ...]:
    """``lines``, and again those that sound different from how they are written: a reply may hold them in either form."""
    form = spoken_form(playbook, language)
    said = (Line(line.place, form(line.text)) for line in lines)
    return (*lines, *(new for new, line in zip(said, lines, strict=True) if new.text != line.text))
