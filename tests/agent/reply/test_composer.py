"""The offline writer: a whole, true, fresh reply for whatever was decided, in both languages and for every playbook."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from agent.reply.composer import LONGEST_REPLY, Composer, compose
from agent.reply.lines import said_lines
from agent.reply.schema import ReplyDraft
from agent.reply.sentences import split
from agent.reply.stream import ReplyStream
from agent.turn import Act, Action, Brief, Customer, Language, LedgerEntry, ObjectionType, Playbook, Progress
from predictors.base import Utterance
from predictors.language import spanish_share
from prompts.playbook import Text
from tests.agent.reply.briefs import (
    LANGUAGES,
    PLACES,
    Given,
    book_of,
    brief,
    decision,
    lines_of,
    lock_of,
    needs_of,
    refused,
    subjects,
)

TURNS = 12
SEEDS = (0, 1, 7, 4_294_967_295)
TALK = (
    Action.ASK_DISCOVERY,
    Action.ASK_DISCOVERY,
    Action.PRESENT_OFFER,
    Action.HANDLE_OBJECTION,
    Action.SHARE_PROOF,
    Action.QUOTE_PRICE,
    Action.HANDLE_OBJECTION,
    Action.ASK_DISCOVERY,
    Action.HANDLE_OBJECTION,
    Action.NURTURE,
    Action.TRIAL_CLOSE,
    Action.SCHEDULE_FOLLOW_UP,
)


def every_subject(book: Playbook, language: Language, action: Action) -> Iterator[Brief]:
    for about, seed in itertools.product(subjects(book, action), SEEDS):
        yield brief(book, language, decision(book, action, **about), Given(acts=(Act.INFORM,), seed=seed))


def talk(name: str, language: Language, seed: int) -> list[tuple[Action, str, tuple[str, ...]]]:
    """A conversation of twelve turns: action, reply, and the places of its lines that stand in it."""
    book = book_of(name)[0]
    progress = Progress()
    turns: list[tuple[Action, str, tuple[str, ...]]] = []
    for number, action in enumerate(TALK):
        slot = book.discovery[number % 3].slot
        decided = decision(book, action, slot=slot, need=needs_of(book)[number % 2], offer=book.offers[-1].id)
        if action is Action.HANDLE_OBJECTION:
            decided = replace(decided, objection="price")
        if action is Action.SHARE_PROOF:
            decided = replace(decided, proof_id=book.proof[number % len(book.proof)].id)
        said = brief(book, language, decided, Given(acts=(Act.INFORM,), progress=progress, seed=seed))
        reply = compose(said).reply
        places = said_lines(reply, lines_of(name, language), ())
        turns.append((action, reply, places))
        used = said_lines(reply, lines_of(name, language), progress.used_lines)
        progress = replace(progress, used_lines=used, customer_turns=number + 1)
    return turns


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize(("name", "language"), PLACES)
def test_every_action_finds_words_in_the_right_language(name: str, language: Language, action: Action) -> None:
    for said in every_subject(book_of(name)[0], language, action):
        reply = compose(said).reply
        assert reply.strip() == reply != ""
        share, words = spanish_share(reply)
        assert words < 3 or (share > 0.5) == (language == "es"), reply


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize(("name", "language"), PLACES)
def test_every_reply_passes_the_fact_lock_sentence_by_sentence(name: str, language: Language, action: Action) -> None:
    for said in every_subject(book_of(name)[0], language, action):
        lock = lock_of(name, said)
        for sentence in split(compose(said).reply):
            assert lock.admit(sentence) == sentence
        assert lock.violations == []


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize(("name", "language"), PLACES)
def test_a_reply_asks_at_most_one_question_and_asks_it_last(name: str, language: Language, action: Action) -> None:
    for said in every_subject(book_of(name)[0], language, action):
        draft = compose(said)
        assert draft.reply.count("?") <= 1, draft.reply
        if "?" in draft.reply:
            assert draft.question_asked is not None
            assert draft.reply.endswith(draft.question_asked)
            assert split(draft.question_asked) == [draft.question_asked]
        else:
            assert draft.question_asked is None


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize(("name", "language"), PLACES)
async def test_what_is_streamed_is_the_draft_in_the_schema(name: str, language: Language, action: Action) -> None:
    said = brief(book_of(name)[0], language, decision(book_of(name)[0], action))
    deltas = [delta async for delta in Composer().stream(said)]
    json = "".join(delta.text for delta in deltas)
    assert ReplyDraft.model_validate_json(json) == compose(said)
    assert ReplyStream().feed(json) == compose(said).reply
    assert deltas[-1].finish_reason == "stop"
    assert compose(said).handoff is (action is Action.HANDOFF_TO_HUMAN)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("name", "language"), PLACES)
def test_no_line_is_said_again_while_another_one_of_its_kind_is_unsaid(
    name: str, language: Language, seed: int
) -> None:
    known = [line.place for line in lines_of(name, language)]
    said: list[str] = []
    turns = talk(name, language, seed)
    assert len(turns) == TURNS
    for action, reply, places in turns:
        for place in places:
            kind = place.rpartition(".")[0] if place[-1].isdigit() else place
            others = {other for other in known if other.rpartition(".")[0] == kind}
            assert place not in said or others <= set(said), f"{action}: {place} again in {reply!r}"
        said += places
    assert len({reply for _, reply, _ in turns}) == TURNS


@pytest.mark.parametrize(("name", "language"), PLACES)
def test_conversations_of_different_seeds_differ_and_of_the_same_do_not(name: str, language: Language) -> None:
    talks = [tuple(reply for _, reply, _ in talk(name, language, seed)) for seed in (*range(8), 0)]
    assert talks[0] == talks[-1]
    openings = {one[0] for one in talks}
    assert len(set(talks)) == 8
    assert len(openings) > 2


@pytest.mark.parametrize("second", ["effort", None])
@pytest.mark.parametrize(("name", "language"), PLACES)
def test_a_second_objection_is_answered_when_the_decision_names_one(
    name: str, language: Language, second: ObjectionType | None
) -> None:
    """An older one that is merely open is not dragged in."""
    book = book_of(name)[0]
    ledger = (LedgerEntry("price", "addressed", (), 3, 5), LedgerEntry("effort", "raised", (), 3, 3))
    decided = decision(book, Action.HANDLE_OBJECTION, objection="price", second_objection=second, ledger=ledger)
    places = said_lines(compose(brief(book, language, decided)).reply, lines_of(name, language), ())
    answered = {place.split(".")[1] for place in places if ".answers." in place}
    assert answered == {"price", *([second] if second else [])}


@pytest.mark.parametrize(
    ("language", "text", "noted", "asks"),
    [
        ("es", "el martes a las 5 me queda bien", ("martes", "5"), False),
        ("es", "mejor el jueves", ("jueves",), True),
        ("en", "Tuesday at 5 works", ("Tuesday", "5"), False),
        ("en", "thursday is better for me", ("thursday",), True),
    ],
)
@pytest.mark.parametrize("name", ["ngx", "roofing"])
def test_a_day_that_the_customer_named_is_noted_and_nothing_else_is(
    name: str, language: Language, text: str, noted: tuple[str, ...], asks: bool
) -> None:
    book = book_of(name)[0]
    given = Given(acts=(Act.BOOK,), recent=(Utterance("customer", text),))
    said = brief(book, language, decision(book, Action.SCHEDULE_FOLLOW_UP), given)
    reply = compose(said).reply
    assert all(word.lower() in reply.lower() for word in noted), reply
    assert ("?" in reply) is asks
    assert [lock_of(name, said).admit(sentence) for sentence in split(reply)] == split(reply)


@pytest.mark.parametrize(("name", "language"), PLACES)
def test_an_offer_presented_again_is_told_by_what_it_includes(name: str, language: Language) -> None:
    book = book_of(name)[0]
    for offer in book.offers:
        decided = decision(book, Action.PRESENT_OFFER, offer=offer.id)
        again = Given(progress=Progress(used_lines=(f"offers.{offer.id}.summary",)))
        reply = compose(brief(book, language, decided, again)).reply
        assert offer.summary.said_in(language) not in reply
        assert all(item.rstrip(". ") in reply for item in offer.includes.said_in(language))
        lock = lock_of(name, brief(book, language, decided))
        assert [lock.admit(sentence) for sentence in split(reply)] == split(reply)


def closing_lines(book: Playbook, language: Language) -> list[str]:
    return [text.said_in(language) for text in book.phrases.trial_close]


def worn_out(book: Playbook) -> Progress:
    """Everything there is to ask or to check has been said."""
    asked = [f"discovery.{entry.slot}.{index}" for entry in book.discovery for index in range(len(entry.ask))]
    checks = [f"objections.{kind}.question" for kind in book.objections]
    return Progress(used_lines=(*asked, *checks, *(f"needs.{need}.question" for need in book.needs)))


@pytest.mark.parametrize(
    "action",
    [Action.ASK_DISCOVERY, Action.ANSWER_QUESTION, Action.HANDLE_OBJECTION, Action.SHARE_PROOF, Action.QUOTE_PRICE],
)
@pytest.mark.parametrize(("name", "language"), PLACES)
def test_nothing_is_closed_where_closing_is_refused(name: str, language: Language, action: Action) -> None:
    """A blocking objection is open, and all questions have been asked: the reply still must not push for a yes."""
    book = book_of(name)[0]
    given = Given(acts=(Act.INFORM,), progress=worn_out(book))
    allowed = compose(brief(book, language, decision(book, action), given)).reply
    assert any(line in allowed for line in closing_lines(book, language))
    held = decision(book, action, refused=refused(trial_close="blocking_objection"))
    reply = compose(brief(book, language, held, given)).reply
    assert reply
    assert not any(line in reply for line in closing_lines(book, language))


@pytest.mark.parametrize(("name", "language"), PLACES)
def test_an_offer_can_be_closed_on_in_the_reply_that_presents_it_first(name: str, language: Language) -> None:
    book = book_of(name)[0]
    early = refused(trial_close="nothing_to_close_on", ask_discovery="nothing_left_to_ask")
    for action, closes in ((Action.PRESENT_OFFER, True), (Action.QUOTE_PRICE, True), (Action.SHARE_PROOF, False)):
        reply = compose(brief(book, language, decision(book, action, refused=early))).reply
        assert any(line in reply for line in closing_lines(book, language)) is closes


@pytest.mark.parametrize("action", [Action.ANSWER_QUESTION, Action.QUOTE_PRICE, Action.SHARE_PROOF])
@pytest.mark.parametrize(("name", "language"), PLACES)
def test_nothing_is_asked_once_a_person_takes_over(name: str, language: Language, action: Action) -> None:
    book = book_of(name)[0]
    decided = decision(book, action, refused=refused(trial_close="handed_off", ask_discovery="handed_off"))
    assert "?" not in compose(brief(book, language, decided)).reply


@pytest.mark.parametrize(("name", "language"), PLACES)
def test_a_filled_slot_is_not_asked_again(name: str, language: Language) -> None:
    book = book_of(name)[0]
    slot = book.discovery[0].slot
    for action in (Action.ASK_DISCOVERY, Action.PRESENT_OFFER, Action.ANSWER_QUESTION):
        said = brief(book, language, decision(book, action, slot=slot), Given(progress=Progress(slots=(slot,))))
        reply = compose(said).reply
        assert reply
        assert not any(text.said_in(language) in reply for text in book.discovery[0].ask)


@pytest.mark.parametrize(
    ("given", "about"),
    [
        (Given(acts=(Act.OPT_OUT,)), "opt_out"),
        (Given(progress=Progress(opted_out=True)), "opted_out"),
        (Given(acts=(Act.OPT_OUT, Act.UNDERAGE)), "opt_out"),
        (Given(acts=(Act.UNDERAGE,)), "refusal"),
        (Given(progress=Progress(underage=True)), "refusal"),
        (Given(progress=Progress(age=12)), "refusal"),
        (Given(customer=Customer(age=12)), "refusal"),
        (Given(age=12), "refusal"),
        (Given(age=30, progress=Progress(underage=True)), "goodbye"),
        (Given(customer=Customer(age=40), acts=(Act.GOODBYE,)), "goodbye"),
    ],
)
@pytest.mark.parametrize(("name", "language"), PLACES)
def test_an_ending_says_why_it_ends(name: str, language: Language, given: Given, about: str) -> None:
    book = book_of(name)[0]
    reply = compose(brief(book, language, decision(book, Action.CLOSE_POLITELY), given)).reply
    said = {
        "opt_out": [book.opt_out.reply],
        "opted_out": [book.opt_out.afterwards or book.opt_out.reply],
        "refusal": [book.eligibility.refusal],
        "goodbye": list(book.phrases.goodbye),
    }
    assert reply in [text.said_in(language) for text in said[about]]


@pytest.mark.parametrize(("name", "language"), PLACES)
def test_a_price_said_before_is_said_again_without_the_list_of_what_it_includes(name: str, language: Language) -> None:
    book = book_of(name)[0]
    for offer in book.offers:
        decided = decision(book, Action.QUOTE_PRICE, offer=offer.id)
        first = compose(brief(book, language, decided)).reply
        again = compose(brief(book, language, decided, Given(progress=Progress(priced=(offer.id,))))).reply
        item = offer.includes.said_in(language)[0].rstrip(". ")
        assert item in first
        assert item not in again


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_reply_of_very_long_lines_is_shortened_between_lines(language: Language) -> None:
    """A playbook's line may have 1,200 characters: two of them do not fit a reply, and must not break it."""
    book = book_of("ngx")[0]
    long = Text(es=f"{'muy ' * 290}largo.", en=f"{'very ' * 230}long.")
    price = book.objections["price"].model_copy(update={"answers": (long, long)})
    effort = book.objections["effort"].model_copy(update={"answers": (long, long)})
    check = {"question": Text(es=f"¿{'de veras ' * 60}?", en=f"{'really ' * 60}?")}
    changed: dict[str, Any] = {"price": price.model_copy(update=check), "effort": effort}
    book = book.model_copy(update={"objections": {**book.objections, **changed}})
    ledger = (LedgerEntry("price", "addressed", (), 1, 1), LedgerEntry("effort", "raised", (), 1, 1))
    decided = decision(book, Action.HANDLE_OBJECTION, objection="price", second_objection="effort", ledger=ledger)
    draft = compose(brief(book, language, decided))
    assert len(draft.reply) <= LONGEST_REPLY
    assert draft.reply.startswith(long.said_in(language))
    assert ReplyDraft.model_validate(draft.model_dump()) == draft
