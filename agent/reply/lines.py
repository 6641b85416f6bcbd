"""The lines a playbook offers for a reply, and which of them were said already."""

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

from agent.turn import Act, Action, Brief, Language, Playbook
from prompts.playbook import Discovery, Text

KEPT = 60
"""How many said lines a conversation remembers."""


@dataclass(frozen=True, slots=True)
class Line:
    """``place`` names the line in its playbook, like ``objections.price.answers.1``."""

    place: str
    text: str


def variants(place: str, texts: Sequence[Text], language: Language) -> tuple[Line, ...]:
    return tuple(Line(f"{place}.{index}", text.said_in(language)) for index, text in enumerate(texts))


def freshest(lines: Sequence[Line], used: Sequence[str], seed: int) -> Line:
    """A line that was not said yet, where ``seed`` sets the one to begin with; else the one said longest ago."""
    start = crc32(f"{seed}{lines[0].place}".encode()) % len(lines)
    turned = (*lines[start:], *lines[:start])
    order = {place: index for index, place in enumerate(used)}
    return min(turned, key=lambda line: order.get(line.place, -1))


def may_ask(brief: Brief) -> bool:
    """Whether the decision allows a discovery question, be it beside another action."""
    return all(refusal.action is not Action.ASK_DISCOVERY for refusal in brief.decision.refused)


def may_close(brief: Brief) -> bool:
    """Whether the decision allows a closing question. What this very reply presents can be closed on."""
    presents = brief.decision.action in (Action.PRESENT_OFFER, Action.QUOTE_PRICE)
    refused = {refusal.rule for refusal in brief.decision.refused if refusal.action is Action.TRIAL_CLOSE}
    return not refused or (presents and refused == {"nothing_to_close_on"})


def next_question(brief: Brief) -> Discovery | None:
    """The discovery question of the decision's slot, unless the slot is filled or asking is refused."""
    slot = brief.decision.slot
    if slot in brief.progress.slots or not may_ask(brief):
        return None
    return next((entry for entry in brief.playbook.discovery if entry.slot == slot), None)


def opted_out_before(brief: Brief) -> bool:
    """Whether the customer opted out in an earlier conversation or message, and does not do so just now."""
    heard, progress = brief.understanding, brief.progress
    if heard.has(Act.OPT_OUT) or (heard.has(Act.OPT_IN) and not heard.has(Act.OPT_OUT)):
        return False
    return progress.opted_out or (brief.customer.opted_out and not progress.opted_in)


def may_not_buy(brief: Brief) -> bool:
    """Whether the customer is too young or too old, by what was said so far."""
    heard, progress = brief.understanding, brief.progress
    minor = heard.has(Act.UNDERAGE) or (progress.underage and heard.age is None)
    by_rule = any(refusal.rule == "may_not_buy" for refusal in brief.decision.refused)
    return minor or by_rule or brief.playbook.eligibility.refuses(heard.age or progress.age or brief.customer.age)


def all_lines(playbook: Playbook, language: Language) -> tuple[Line, ...]:
    """Every line of the playbook that can stand in a reply as it is."""
    found: list[Line] = []
    for kind, objection in playbook.objections.items():
        found += variants(f"objections.{kind}.answers", objection.answers, language)
        found.append(Line(f"objections.{kind}.question", objection.question.said_in(language)))
    for name, need in playbook.needs.items():
        found.append(Line(f"needs.{name}.benefit", need.benefit.said_in(language)))
        found.append(Line(f"needs.{name}.question", need.question.said_in(language)))
    for offer in playbook.offers:
        found.append(Line(f"offers.{offer.id}.summary", offer.summary.said_in(language)))
    for question in playbook.discovery:
        found += variants(f"discovery.{question.slot}", question.ask, language)
    for proof in playbook.proof:
        found.append(Line(f"proof.{proof.id}", proof.text.said_in(language)))
    for answer in playbook.answers:
        found.append(Line(f"answers.{answer.id}", answer.answer.said_in(language)))
    for incentive in playbook.incentives:
        found.append(Line(f"incentives.{incentive.id}", incentive.say.said_in(language)))
    for name in type(playbook.phrases).model_fields:
        found += variants(f"phrases.{name}", getattr(playbook.phrases, name), language)
    return tuple(found)


def said_lines(reply: str, lines: Sequence[Line], used: Sequence[str]) -> tuple[str, ...]:
    """``used`` with the places of the lines that stand in ``reply``, newest last."""
    new = [line.place for line in lines if line.text in reply]
    return (*(place for place in used if place not in new), *new)[-KEPT:]
