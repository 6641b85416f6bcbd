"""Understanding one message: its language, what the customer does with it, an age if he says one, and which prepared
answer fits a question. Also makes the shared features, so that a text is encoded once a turn."""

import re
from dataclasses import dataclass

from agent.turn import Act, Conversation, Language, Playbook, Understanding
from predictors.acts import ActReader, AnswerFinder
from predictors.base import Label, answered
from predictors.features import Features, features
from predictors.language import language_of, wished_language
from predictors.orders import orders
from predictors.rules import HIT, find
from predictors.text import Encoder, plain

_AGE = re.compile(
    r"\b(?:tengo|cumpli|cumplo|i'?m|i am|im|age[d]?:?|edad:?)\s+(?:solo |apenas |only |just )?(\d{1,3})(?!\s*%|\d)"
    r"(?=\s*(?:an(?:os|itos)\b(?!\s+(?:de (?!edad)|con\b|en\b|sin\b|desde\b|\w+[aei]ndo\b))|"
    r"years? old|yrs?|yo\b|y/o|[.,!?]|$|and\b|y\b))"
)
_OLDEST = 110
SURELY_ASKED = 0.66
"""Cosine to a prepared question from which a message is that question, whatever its form."""
WORD_FOR_WORD = 0.7
"""Cosine to a prepared question from which the message asks that, and not for somebody else."""
SAME_SIGNAL = 0.75
"""Cosine to one of the playbook's examples of a hand-over or an opt-out from which a message is one."""
_NOT_BY_COMMAND = (Act.ASK_DISCOUNT, Act.BUY, Act.AGREE, Act.BOOK, Act.RESOLVED)
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
        if Act.INJECTION in found:
            found = {act: label for act, label in found.items() if act not in _NOT_BY_COMMAND}
        age = age_in(text)
        if Act.INJECTION in found and age is not None and not playbook.eligibility.refuses(age):
            age = None
        if age is not None and playbook.eligibility.min_age is not None and age >= playbook.eligibility.min_age:
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
                age=age,
                answer_id=answer,
                answer_similarity=likeness,
            ),
            row,
        )


def age_in(text: str) -> int | None:
    """The age that a customer gives for himself ("tengo 44 años", "I'm 61"), if there is one."""
    match = _AGE.search(plain(text))
    age = int(match.group(1)) if match else None
    return age if age is not None and 5 <= age <= _OLDEST else None


def default_language(playbook: Playbook, locale: str | None) -> Language:
    """What to start in when a front-end names a locale such as ``es-MX``."""
    if locale and locale[:2].lower() == "en":
        return "en"
    if locale and locale[:2].lower() == "es":
        return "es"
    return playbook.default_language
