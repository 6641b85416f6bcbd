"""What a whole turn says on a voice channel: in a form that can be spoken, stored as it was said, and known again."""

import uuid
from typing import Any

import orjson
import pytest

from agent.orchestrator import Post, SalesAgent
from agent.settings import Settings
from prompts import load_playbook
from tests.agent.test_line import process

SIGNS = set("$€%*_#/")


async def asked(agent: SalesAgent, conversation: str, text: str, **more: Any) -> dict[str, Any]:
    return orjson.loads(await agent.post(Post(conversation, text, **more)))


@pytest.mark.parametrize("channel", ["voice", "phone", "call"])
@pytest.mark.parametrize(
    ("text", "locale", "currency"), [("¿cuánto cuesta?", "es", "dólares"), ("how much is it?", "en", "dollars")]
)
async def test_prices_are_said_in_words(
    settings: Settings, channel: str, text: str, locale: str, currency: str
) -> None:
    async with process(settings) as agent:
        conversation = uuid.uuid4().hex
        answer = await asked(agent, conversation, text, channel=channel, locale=locale)
        stored = await agent.messages(Post(conversation, "").key)
    assert answer["recommended_action"]["type"] == "quote_price"
    assert currency in answer["response"]
    assert not SIGNS & set(answer["response"])
    assert stored[1]["text"] == answer["response"]


async def test_where_it_is_read_it_stays_as_it_is_written(settings: Settings) -> None:
    async with process(settings) as agent:
        answer = await asked(agent, uuid.uuid4().hex, "how much is it?", locale="en")
    assert "$" in answer["response"]


async def test_a_line_with_a_figure_counts_as_said(settings: Settings) -> None:
    """Otherwise it would be said again and again."""
    book = load_playbook("ngx").book
    written = {entry.answer.en: f"answers.{entry.id}" for entry in book.answers if SIGNS & set(entry.answer.en)}
    text, place = next(iter(written.items()))
    question = next(entry.questions.en[0] for entry in book.answers if entry.answer.en == text)
    async with process(settings) as agent:
        conversation = uuid.uuid4().hex
        await asked(agent, conversation, "hello", channel="voice", locale="en")
        answer = await asked(agent, conversation, question)
        turn = await agent.turn(Post(conversation, "").key, answer["turn_id"])
    assert text not in answer["response"]
    assert place in turn["reply"]["used_lines"]
