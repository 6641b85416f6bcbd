"""What a rule of the playbook has said before anything that a writer writes: greeting, disclosure, a welcome back."""

from collections.abc import Iterator

from agent.reply.lines import Line
from agent.turn import Act, Brief, Language, Playbook
from prompts.playbook import Text


def openings(brief: Brief, channel: str) -> Iterator[Line]:
    """Word for word, in the order in which they are said."""
    book, language, heard = brief.playbook, brief.language, brief.understanding
    if silent(brief):
        return
    if discloses(brief, channel):
        if not any(said.role != "customer" and said.text for said in brief.recent):  # nobody greets twice
            yield greeting(book, language, brief.seed)
        if not heard.has(Act.ASKS_IDENTITY):
            yield disclosure(book, language)
    if heard.has(Act.ASKS_IDENTITY):
        yield Line("disclosure.asked", book.disclosure.when_asked(language))
    was_out = brief.progress.opted_out or (brief.customer.opted_out and not brief.progress.opted_in)
    if was_out and heard.has(Act.OPT_IN) and not heard.has(Act.OPT_OUT) and book.opt_out.welcome_back is not None:
        yield Line("opt_out.welcome_back", book.opt_out.welcome_back.said_in(language))


def greeting(book: Playbook, language: Language, seed: int) -> Line:
    greetings: tuple[Text, ...] = book.phrases.greeting
    return Line("phrases.greeting", greetings[seed % len(greetings)].said_in(language))


def disclosure(book: Playbook, language: Language) -> Line:
    return Line("disclosure.text", book.disclosure.text.said_in(language))


def discloses(brief: Brief, channel: str) -> bool:
    return not brief.progress.disclosed and brief.playbook.disclosure.begins(channel)


def silent(brief: Brief) -> bool:
    """Whether there is no answer: a person has the conversation, or the opt-out was confirmed in it, stands, and the playbook
    wants silence then."""
    confirmed = brief.progress.opted_out and not brief.understanding.has(Act.OPT_IN)
    return brief.held or (confirmed and brief.playbook.opt_out.silent_afterwards)
