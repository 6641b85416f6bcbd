"""Simulated buyers: the same whoever asks, with a truth that does not show in how they speak, and worth selling well to."""

import math
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import yaml
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from agent.bootstrap import build_agent
from agent.errors import InvalidInput
from agent.orchestrator import Post, SalesAgent
from agent.replay.buyers.buyer import Message, SimulatedBuyer, crowd
from agent.replay.buyers.hearts import MOODS, MOST_MESSAGES
from agent.replay.buyers.luck import Luck
from agent.replay.buyers.words import WORDS, read_words
from agent.replay.played import PlayedTurn, Truth
from agent.settings import Settings
from agent.store.door import open_door
from agent.store.migrate import migrate_anywhere
from agent.turn import Action, Language
from prompts.playbook import OBJECTION_TYPES
from tests.agent.replay.sellers import (
    BOOKS,
    Deaf,
    Listener,
    Pusher,
    Seller,
    digest,
    sell,
    sell_to_all,
    sold_by,
)
from training_data.buyers import LABEL_NOISE
from training_data.personas import PERSONAS

ROOT = Path(__file__).parents[3]


def chances(seller: Callable[[SimulatedBuyer], Seller]) -> NDArray[np.float64]:
    return np.array([one.chance for one in sold_by(seller)])


def test_the_same_buyers_for_the_same_seed_whatever_other_numbers_are_played() -> None:
    many, few = sell_to_all(3, range(40)), sell_to_all(3, (31, 7, 12))
    assert [digest([one]) for one in few] == [digest([many[number]]) for number in (31, 7, 12)]
    assert digest(many) != digest(sell_to_all(4, range(40)))
    assert [one.buyer.case.id for one in few] == ["buyer-3-31", "buyer-3-7", "buyer-3-12"]


@pytest.mark.parametrize("salt", ["1", "2"])
def test_another_process_meets_the_same_buyers(salt: str) -> None:
    script = "from tests.agent.replay.sellers import *; print(digest(sell_to_all(3, range(12))))"
    there = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": salt, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.strip() == digest(sell_to_all(3, range(12)))


def test_luck_depends_on_who_when_and_what_for_and_on_nothing_drawn_before() -> None:
    drawn_before, fresh = Luck(7, 3), Luck(7, 3)
    for turn in range(5):
        drawn_before.draws(turn, "deed")
    assert drawn_before.draws(9, "deed") == fresh.draws(9, "deed")
    others = [Luck(8, 3).draws(9, "deed"), Luck(7, 4).draws(9, "deed"), fresh.draws(8, "deed"), fresh.draws(9, "over")]
    assert len({fresh.draws(9, "deed"), *others}) == 5


def test_luck_is_even() -> None:
    drawn = np.array([Luck(1, number).draws(2, "deed") for number in range(2_000)])
    assert np.all((drawn > 0) & (drawn < 1))
    counts = np.histogram(drawn, bins=10, range=(0, 1))[0]
    assert np.all(np.abs(counts - 1_600) < 4 * math.sqrt(1_600))
    assert sorted(Luck(1, 2).order("words", 9)) == list(range(9))


def test_two_agents_that_do_the_same_in_other_words_have_the_same_conversation() -> None:
    class Wordy(Listener):
        def answer(self, message: Message, action: Action, **how: Any) -> PlayedTurn:
            plain = super().answer(message, action, **how)
            return plain.model_copy(update={"reply": "Ah. " + plain.reply})

    plain, wordy = sell_to_all(9, range(30)), sell_to_all(9, range(30), Wordy)
    assert digest(plain) == digest(wordy)


def test_a_difference_does_not_deal_what_was_before_it_anew() -> None:
    class LateCloser(Listener):
        def choice(self, message: Message) -> Action:
            return super().choice(message) if self.turn < 4 else Action.TRIAL_CLOSE

    for one, other in zip(sell_to_all(9, range(30)), sell_to_all(9, range(30), LateCloser), strict=True):
        assert one.messages[:4] == other.messages[:4]


def test_the_truth_does_not_depend_on_the_language() -> None:
    """Whoever speaks, it is the same person, who does the same and ends the same."""

    def hidden(language: Language) -> list[tuple[Any, ...]]:
        sold = [sell(buyer, Listener(buyer)) for buyer in crowd(2, range(40), BOOKS, languages=(language,))]
        return [
            (one.buyer.case.tags, [(said.acts, said.objections, said.needs) for said in one.messages], one.chance)
            for one in sold
        ]

    assert hidden("es") == hidden("en")


@pytest.mark.parametrize("tag", ["style: spoken", "words: wordy", "language"])
def test_style_knows_nothing_of_the_outcome(tag: str) -> None:
    sold = sold_by(Listener)
    has = np.array(
        [one.buyer.case.language == "es" if tag == "language" else tag in one.buyer.case.tags for one in sold]
    )
    bought = np.array([one.bought for one in sold])
    noise = math.sqrt(0.25 / has.sum() + 0.25 / (~has).sum())
    assert 0.4 < has.mean() < 0.6
    assert abs(bought[has].mean() - bought[~has].mean()) < 3 * noise
    assert abs(float(roc_auc_score(bought, has)) - 0.5) < 0.07


def test_good_selling_pays_with_the_same_buyers() -> None:
    for worse, least in ((Deaf, 0.1), (Pusher, 0.3)):
        gained = chances(Listener) - chances(worse)
        error = gained.std() / math.sqrt(len(gained))
        assert gained.mean() - 4 * error > least
    converted = [np.mean([one.bought for one in sold_by(seller)]) for seller in (Listener, Deaf, Pusher)]
    assert converted == sorted(converted, reverse=True)
    assert 0.5 < converted[0] < 0.75
    assert converted[2] < 0.25


def test_outcomes_come_as_often_as_the_chance_says() -> None:
    for seller in (Listener, Deaf, Pusher):
        bought = np.array([one.bought for one in sold_by(seller)])
        expected = chances(seller)
        assert abs(bought.sum() - expected.sum()) < 4 * math.sqrt((expected * (1 - expected)).sum())
        assert LABEL_NOISE <= expected.min() <= expected.max() <= 1 - LABEL_NOISE
    assert {one.outcome for one in sold_by(Listener)} == {"converted", "lost", "follow_up"}


def test_some_say_yes_and_do_not_buy_and_some_buy_without_saying_so() -> None:
    said_so = Counter((any("buy" in message.acts for message in one.messages), one.bought) for one in sold_by(Listener))
    assert said_so[True, False] > 10
    assert said_so[False, True] > 10
    assert said_so[True, True] > 2 * said_so[True, False]


def test_all_kinds_of_people_come_with_all_objections_in_both_languages() -> None:
    sold = sold_by(Listener)
    tags = Counter(tag for one in sold for tag in one.buyer.case.tags)
    assert min(tags[f"persona: {persona.name}"] for persona in PERSONAS) > 15
    assert min(tags[f"mood: {mood.name}"] for mood in MOODS) > 60
    assert {(one.buyer.case.playbook, one.buyer.case.language) for one in sold} == {
        (name, language) for name in BOOKS for language in ("es", "en")
    }
    raised = Counter(name for one in sold for name in {name for said in one.messages for name in said.objections})
    assert set(raised) == set(OBJECTION_TYPES)
    assert min(raised.values()) > 20
    acts = Counter(act for one in sold for said in one.messages for act in said.acts)
    assert set(acts) == {
        "greet", "thank", "goodbye", "inform", "agree", "decline", "buy", "book", "resolved", "opt_out", "angry",
        "ask_info", "ask_price", "ask_discount", "ask_proof",
    }  # fmt: skip


def test_needs_are_told_one_after_the_other_and_are_the_playbooks() -> None:
    for one in sold_by(Listener):
        told = [need for said in one.messages for need in said.needs]
        assert len(set(told)) == len(told) <= 3
        assert set(told) <= set(BOOKS[one.buyer.case.playbook].needs)


def test_now_and_then_a_message_says_two_things() -> None:
    both = [
        bool(said.objections) and any(act.startswith("ask_") for act in said.acts)
        for one in sold_by(Listener)
        for said in one.messages
    ]
    assert 0.02 < np.mean(both) < 0.15


def test_conversations_are_about_ten_messages_long_and_bounded() -> None:
    for seller in (Listener, Deaf, Pusher):
        lengths = [len(one.messages) for one in sold_by(seller)]
        assert 8 < np.mean(lengths) < 12
        assert 1 <= min(lengths) <= max(lengths) <= MOST_MESSAGES


def test_a_customer_says_nothing_twice_and_never_nothing() -> None:
    for one in sold_by(Listener):
        said = [message.text for message in one.messages]
        assert len(set(said)) == len(said)
        assert all(text.strip() == text and text for text in said)
        assert one.buyer.misbehaved is None


def test_people_talk_over_the_agent_on_the_telephone_only() -> None:
    cut = {"chat": 0, "voice": 0}
    for one in sold_by(Listener):
        assert one.messages[0].heard_share is None
        for said in one.messages:
            if said.heard_share is not None:
                cut[one.buyer.case.channel] += 1
                assert 0 < said.heard_share < 1
    assert cut["chat"] == 0
    assert cut["voice"] > 50


def test_who_speaks_makes_no_marks_and_who_types_does() -> None:
    marks = {
        channel: np.mean(
            [
                any(mark in said.text for mark in ",.?!")
                for one in sold_by(Listener)
                if one.buyer.case.channel == channel
                for said in one.messages
            ]
        )
        for channel in ("chat", "voice")
    }
    assert marks["voice"] == 0
    assert marks["chat"] > 0.3


def few_words(folder: Path) -> Path:
    """One line of each kind in each file."""
    for file in WORDS.glob("*.yaml"):
        words = read_words(file).model_dump(mode="json")
        short: dict[str, Any] = {**words, "inform": words["inform"][:1]}
        for kind in ("needs", "slots", "objections", "acts"):
            short[kind] = {name: lines[:1] for name, lines in words[kind].items()}
        (folder / file.name).write_text(yaml.safe_dump(short, allow_unicode=True), encoding="utf-8")
    return folder


def test_a_customer_who_has_no_words_left_is_a_simulator_that_misbehaves(tmp_path: Path) -> None:
    sold = [sell(buyer, Listener(buyer)) for buyer in crowd(5, range(20), BOOKS, words=few_words(tmp_path))]
    broken = [one.buyer.misbehaved for one in sold if one.buyer.misbehaved is not None]
    assert len(broken) > 5
    assert all(verdict.kind == "simulator_misbehaved" and not verdict.failed for verdict in broken)
    assert all("no line is left of" in verdict.reason for verdict in broken)


def test_what_cannot_be_played_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no playbook 'bakery'"):
        crowd(1, [1], BOOKS, playbooks=["bakery"])
    with pytest.raises(InvalidInput, match="at least one playbook with words"):
        crowd(1, [1], BOOKS, words=tmp_path)
    with pytest.raises(InvalidInput, match=r"ngx\.es\.yaml: there is no such file"):
        crowd(1, [1], BOOKS, playbooks=["ngx"], words=tmp_path)


def test_only_the_playbooks_and_languages_that_were_asked_for_are_played() -> None:
    cases = [one.case for one in crowd(1, range(20), BOOKS, playbooks=["roofing"], languages=("en",))]
    assert {(case.playbook, case.language, case.turns) for case in cases} == {("roofing", "en", ())}


async def test_buyers_talk_with_the_real_agent(settings: Settings, tmp_path: Path) -> None:
    """In process, on a store of its own, with the offline writer: the conversations end, and are the same the second time."""

    async def conversations(name: str) -> list[tuple[list[Message], list[Truth], object]]:
        url = f"sqlite:///{tmp_path / name}"
        await migrate_anywhere(url)
        agent = await build_agent(settings, writers=(), door=open_door(url))
        try:
            return [await talk(agent, buyer) for buyer in crowd(11, range(6), BOOKS)]
        finally:
            await agent.aclose()

    held = await conversations("first.sqlite3")
    assert held == await conversations("second.sqlite3")
    assert all(1 <= len(messages) <= MOST_MESSAGES for messages, _, _ in held)
    assert sum(len(messages) for messages, _, _ in held) > 20
    assert all(truth.best is not None for _, truths, _ in held for truth in truths)


async def talk(agent: SalesAgent, buyer: SimulatedBuyer) -> tuple[list[Message], list[Truth], object]:
    case = buyer.case
    messages: list[Message] = []
    truths: list[Truth] = []
    message = buyer.says(None)
    while message is not None:
        messages.append(message)
        post = Post(case.id, message.text, playbook=case.playbook, channel=case.channel, locale=case.language)
        answer = played(len(messages), message.text, orjson.loads(await agent.post(post)))
        truths.append(buyer.truth(answer))
        message = buyer.says(answer)
    assert buyer.misbehaved is None
    return messages, truths, buyer.end()


def played(number: int, said: str, turn: dict[str, Any]) -> PlayedTurn:
    action = turn["recommended_action"]
    return PlayedTurn(
        number=number,
        said=said,
        reply=turn["response"],
        action=action["type"],
        language=turn["language"],
        handoff=turn["handoff"],
        objection_answered=turn["objection_answered"],
        question_asked=turn["question_asked"],
        offer=action["offer"],
    )
