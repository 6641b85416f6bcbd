"""Understanding one message: its language, what the customer does with it, an age if he says one, and which prepared
answer fits a question. Also makes the shared features, so that a text is encoded once a turn."""

from dataclasses import dataclass, replace

from agent.turn import Act, Conversation, Language, Playbook, Understanding
from predictors.acts import ActReader, AnswerFinder
from predictors.ages import age_said
from predictors.base import Label, answered
from predictors.contact import contact_wish
from predictors.features import Features, features
from predictors.identity import asks_identity, wants_a_person
from predictors.language import language_of, wished_language
from predictors.orders import orders
from predictors.rules import HIT, find
from predictors.text import Encoder

CERTAIN = 1.0
SURELY_ASKED = 0.66
"""Cosine to a prepared question from which a message is that question, whatever its form."""
WORD_FOR_WORD = 0.7
"""Cosine to a prepared question from which the message asks that, and not for somebody else."""
SAME_SIGNAL = 0.75
"""Cosine to one of the playbook's examples of a hand-over or an opt-out from which a message is one."""
_NOT_BY_COMMAND = (Act.OPT_IN, Act.ASK_DISCOUNT, Act.BUY, Act.AGREE, Act.BOOK, Act.RESOLVED)
"""What a message that tries to command the machine does not do."""
_QUESTIONS = (Act.ASK_INFO, Act.ASK_PRICE, Act.ASK_DISCOUNT, Act.ASK_PROOF)


@dataclass(frozen=True, slots=True)
class Reader:
    """``signals`` knows each playbook's own examples of what goes to a person and of an opt-out.

    ``encoder`` is ``None`` when the extra is not installed: rules read alone then.
    """

    acts: ActReader
    answers: AnswerFinder
    signals: AnswerFinder
    encoder: Encoder | None

    def read(self, text: str, conversation: Conversation, playbook: Playbook) -> tuple[Understanding, Features | None]:
        language = wished_language(text) or language_of(text, conversation.progress.language, playbook.default_language)
        before = answered(conversation.recent[-3:])
        row = features(text, language, self.encoder, before) if self.encoder is not None else None
        found = {Act(label.name): label for label in self.acts.acts(text, language, row)}
        signal, alike = self.signals.find(playbook.id, text, row)
        if signal is not None and alike >= SAME_SIGNAL:
            found.setdefault(Act(signal), Label(signal, alike, (text[:160],)))
        if Act.INJECTION not in found and (commands := orders(text)):
            found[Act.INJECTION] = Label(Act.INJECTION, HIT, commands)
        _by_rule(found, text)
        if Act.INJECTION in found:
            found = {act: label for act, label in found.items() if act not in _NOT_BY_COMMAND}
        said = age_said(text)
        if Act.INJECTION in found and said.age is not None and not playbook.eligibility.refuses(said.age):
            said = replace(said, age=None)
        if said.minor or playbook.eligibility.is_minor(said.age):
            found[Act.UNDERAGE] = Label(Act.UNDERAGE, CERTAIN, (text[:160],))
        elif said.age is not None:
            found.pop(Act.UNDERAGE, None)
        answer, likeness = self.answers.find(playbook.id, text, row)
        if likeness >= WORD_FOR_WORD:
            ruled = {label.name for label in find(language, ("acts",), text)}
            if Act.WANTS_HUMAN not in ruled:
                found.pop(Act.WANTS_HUMAN, None)
        if likeness >= SURELY_ASKED and not any(Act(act) in found for act in _QUESTIONS):
            found[Act.ASK_INFO] = Label(Act.ASK_INFO, likeness, (text[:160],))
        return (
            Understanding(
                language=language,
                acts={act: label.probability for act, label in found.items()},
                evidence={act: label.evidence for act, label in found.items()},
                age=said.age,
                born=said.born,
                answer_id=answer,
                answer_similarity=likeness,
            ),
            row,
        )


def _by_rule(found: dict[Act, Label], text: str) -> None:
    """What the law asks for is read by rules, and no model has a say in it where a rule speaks."""
    wish = contact_wish(text)
    if wish is not None:
        found.pop(Act.OPT_OUT, None)
        act = {"stop": Act.OPT_OUT, "again": Act.OPT_IN, "not_now": None}[wish.wish]
        if act is not None:
            found[act] = Label(act, CERTAIN, (wish.evidence,))
    if (asked := asks_identity(text)) is not None:
        found[Act.ASKS_IDENTITY] = Label(Act.ASKS_IDENTITY, CERTAIN, (asked,))
        if not wants_a_person(text):
            found.pop(Act.WANTS_HUMAN, None)


def age_in(text: str) -> int | None:
    """The age that a customer gives for himself ("tengo 44 años", "I'm 61"), if there is one."""
    return age_said(text).age


def default_language(playbook: Playbook, locale: str | None) -> Language:
    """What to start in when a front-end names a locale such as ``es-MX``."""
    if locale and locale[:2].lower() == "en":
        return "en"
    if locale and locale[:2].lower() == "es":
        return "es"
    return playbook.default_language
