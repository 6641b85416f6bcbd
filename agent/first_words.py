"""What the agent says before a customer has said anything: a call that it answers, or makes."""

from dataclasses import replace
from zlib import crc32

from agent.nodes import on_the_telephone
from agent.orchestrator import Post, SalesAgent
from agent.reply.lines import said_lines
from agent.reply.opening import disclosure, greeting
from agent.reply.spoken import as_written, spoken_form
from agent.store.conversations import Start
from agent.turn import Progress


async def first_words(agent: SalesAgent, post: Post) -> str | None:
    """Greets, and says what the agent is where the playbook wants that at the start; stored, and counted as disclosed, before
    it is said. ``None`` when the conversation has begun already. Raises ``InvalidInput`` and ``StoreUnavailable``.

    ``post.text`` is not read. The customer's language is not settled by it: his own first words do that."""
    start, said = words_that_begin(agent, post)
    return said if await agent.begin(start, said) else None


def words_that_begin(agent: SalesAgent, post: Post) -> tuple[Start, str]:
    """The first words, always the same of one conversation, and the conversation as it begins with them."""
    start, shop = agent.start_of(post), agent.shop(post.playbook)
    book, language = shop.playbook, start.progress.language or shop.playbook.default_language
    form = spoken_form(book, language) if on_the_telephone(post.channel) else as_written
    lines = [greeting(book, language, crc32(post.conversation_id.encode()))]
    discloses = book.disclosure.begins(post.channel)
    if discloses:
        lines.append(disclosure(book, language))
    said = " ".join(form(line.text) for line in lines)
    progress = replace(start.progress, disclosed=discloses, used_lines=said_lines(said, shop.lines[language], ()))
    return replace(start, progress=progress), said


async def first_words_heard(agent: SalesAgent, post: Post, said: str, heard: str) -> None:
    """The customer talked over them: only ``heard`` of what was ``said`` counts. What the agent is must be said again when
    it was not heard to its end."""
    shop = agent.shop(post.playbook)
    book, language = shop.playbook, agent.start_of(post).progress.language or shop.playbook.default_language
    form = spoken_form(book, language) if on_the_telephone(post.channel) else as_written
    told = form(disclosure(book, language).text)

    def revise(progress: Progress) -> Progress:
        unheard = {line.place for line in shop.lines[language] if line.text in said and line.text not in heard}
        used = tuple(place for place in progress.used_lines if place not in unheard)
        return replace(progress, disclosed=progress.disclosed and told in heard, used_lines=used, cut_off=True)

    await agent.began(post.key, heard, revise)
