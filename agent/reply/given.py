"""What a conversation remembers whose earlier messages another program kept: as much of it as their texts say for sure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from agent.reply.lines import Line, said_lines
from agent.turn import Language, Playbook, Progress, Utterance
from predictors.ages import age_said
from predictors.contact import contact_wish

_DISCOVERY = "discovery."


def remembered(
    playbook: Playbook,
    lines: Mapping[Language, Sequence[Line]],
    given: Sequence[Utterance],
    progress: Progress,
) -> Progress:
    """``progress`` after the ``given`` messages: what was said of the playbook's lines, whether the agent said what it is, what
    the law asks to be remembered of the customer's own words. Objections, stage and needs are not made up again."""
    for said in given:
        heard = _after_customer if said.role == "customer" else _after_agent
        progress = heard(progress, said.text, playbook, lines)
    asked = [place.removeprefix(_DISCOVERY).rpartition(".")[0] for place in progress.used_lines if _is_asked(place)]
    return replace(progress, asked=tuple(dict.fromkeys(asked)))


def _after_customer(
    progress: Progress, text: str, playbook: Playbook, _lines: Mapping[Language, Sequence[Line]]
) -> Progress:
    wish, age = contact_wish(text), age_said(text)
    if wish is not None and wish.wish != "not_now":
        progress = replace(progress, opted_out=wish.wish == "stop", opted_in=wish.wish == "again")
    minor = age.minor or playbook.eligibility.is_minor(age.age)
    return replace(
        progress,
        customer_turns=progress.customer_turns + 1,
        age=age.age or progress.age,
        was_minor=progress.was_minor or minor,
        underage=minor or (progress.underage and age.age is None),
    )


def _after_agent(
    progress: Progress, text: str, playbook: Playbook, lines: Mapping[Language, Sequence[Line]]
) -> Progress:
    disclosure = playbook.disclosure
    for language, offered in lines.items():
        told = (disclosure.text.said_in(language), disclosure.when_asked(language))
        progress = replace(
            progress,
            used_lines=said_lines(text, offered, progress.used_lines),
            disclosed=progress.disclosed or any(words in text for words in told),
        )
    return progress


def _is_asked(place: str) -> bool:
    return place.startswith(_DISCOVERY)
