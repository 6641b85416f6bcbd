"""Talking points for the rep: few, short, in the conversation's language, and never untrue."""

import itertools

import pytest

from agent.reply.composer import compose
from agent.reply.points import MOST_CHARACTERS, MOST_WORDS, talking_points
from agent.reply.schema import ReplyDraft
from agent.turn import Action, Language, LedgerEntry, Progress
from predictors.language import spanish_share
from prompts import wording
from prompts.playbook import OBJECTION_TYPES, ObjectionType
from tests.agent.reply.briefs import LANGUAGES, PLACES, Given, book_of, brief, decision, lock_of, subjects

LAST = (Action.CLOSE_POLITELY, Action.HANDOFF_TO_HUMAN)
EVIDENCE = (
    "no sé",
    "it's too much for what it is " * 20,
    "carísimo" * 40,
    "two\nlines and\ta tab",
    "with {braces} and {offer}",
    "   ",
)


def doubt(kind: ObjectionType, *evidence: str, seq: int = 1) -> LedgerEntry:
    return LedgerEntry(kind, "raised", evidence, seq, seq)


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize(("name", "language"), PLACES)
def test_points_are_one_to_four_short_and_in_the_right_language(name: str, language: Language, action: Action) -> None:
    book = book_of(name)[0]
    doubts = [(), (doubt("price", *EVIDENCE[:2]), doubt("trust"))]
    for about, ledger in itertools.product(subjects(book, action), doubts):
        points = talking_points(brief(book, language, decision(book, action, ledger=ledger, **about)))
        assert 1 <= len(points) <= 4
        for point in points:
            assert 1 <= len(point.split()) <= MOST_WORDS
            assert len(point) <= MOST_CHARACTERS
            assert "{" not in point
        share, words = spanish_share(points[0])
        assert words < 3 or (share > 0.5) == (language == "es")


@pytest.mark.parametrize("evidence", EVIDENCE)
@pytest.mark.parametrize("kind", OBJECTION_TYPES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_the_customer_wrote_points_stay_short_and_on_one_line(
    language: Language, kind: ObjectionType, evidence: str
) -> None:
    book = book_of("roofing")[0]
    said = brief(book, language, decision(book, Action.NURTURE, ledger=(doubt(kind, evidence),)))
    for point in talking_points(said):
        assert 1 <= len(point.split()) <= MOST_WORDS
        assert len(point) <= MOST_CHARACTERS
        assert "\n" not in point
    assert ReplyDraft.model_validate(compose(said).model_dump()).talking_points == talking_points(said)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_open_objection_is_quoted_in_the_customers_words(language: Language) -> None:
    book = book_of("ngx")[0]
    said = brief(book, language, decision(book, Action.NURTURE, ledger=(doubt("price", "se me va de presupuesto"),)))
    quote = {"es": "«se me va de presupuesto»", "en": "“se me va de presupuesto”"}[language]
    assert quote in talking_points(said)[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_objection_that_was_only_inferred_has_no_empty_quotation(language: Language) -> None:
    book = book_of("ngx")[0]
    for evidence in ((), ("",), ("  ",)):
        said = brief(book, language, decision(book, Action.NURTURE, ledger=(doubt("effort", *evidence),)))
        assert not set(talking_points(said)[1]) & set("«»“”")
        assert talking_points(said)[1].endswith(".")


def test_the_objection_being_answered_comes_before_older_ones() -> None:
    book = book_of("ngx")[0]
    ledger = (doubt("trust", "is this real", seq=1), doubt("price", "too much", seq=4))
    said = brief(book, "en", decision(book, Action.HANDLE_OBJECTION, objection="price", ledger=ledger))
    assert "too much" in talking_points(said)[1]
    assert not any("is this real" in point for point in talking_points(said))


def test_a_resolved_objection_is_not_called_open() -> None:
    book = book_of("ngx")[0]
    settled = LedgerEntry("price", "resolved", ("too much",), 1, 2)
    said = brief(book, "en", decision(book, Action.TRIAL_CLOSE, ledger=(settled,)))
    assert not any("too much" in point or "objection" in point.lower() for point in talking_points(said))


@pytest.mark.parametrize(("name", "language"), PLACES)
def test_objections_have_different_names_and_none_of_the_codes_underscores(name: str, language: Language) -> None:
    book = book_of(name)[0]
    named = [
        talking_points(brief(book, language, decision(book, Action.NURTURE, ledger=(doubt(kind),))))[1]
        for kind in OBJECTION_TYPES
    ]
    assert len(set(named)) == len(OBJECTION_TYPES)
    assert not any("_" in point for point in named)


@pytest.mark.parametrize(("name", "language"), PLACES)
def test_a_rep_is_told_what_to_ask_unless_that_is_known(name: str, language: Language) -> None:
    book = book_of(name)[0]
    for question in book.discovery:
        decided = decision(book, Action.ASK_DISCOVERY, slot=question.slot)
        asked = " ".join(question.ask[0].said_in(language).split()[:6])
        assert asked in talking_points(brief(book, language, decided))[0]
        known = Given(progress=Progress(slots=(question.slot,)))
        assert asked not in talking_points(brief(book, language, decided, known))[0]


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize(("name", "language"), PLACES)
def test_the_price_of_the_offer_is_there_as_long_as_something_is_sold(
    name: str, language: Language, action: Action
) -> None:
    book = book_of(name)[0]
    for offer in book.offers:
        said = brief(book, language, decision(book, action, offer=offer.id))
        price = wording.price(offer.price, book, language)
        assert any(price in point for point in talking_points(said)) is (action not in LAST)


@pytest.mark.parametrize(("name", "language"), PLACES)
def test_the_highest_discount_is_told_only_where_the_price_is_resisted(name: str, language: Language) -> None:
    book = book_of(name)[0]
    for offer in book.offers:
        most = wording.percent(offer.max_discount_percent, book, language)
        resisted = decision(book, Action.HANDLE_OBJECTION, objection="price", offer=offer.id)
        told = any(most in point for point in talking_points(brief(book, language, resisted)))
        assert told is (offer.max_discount_percent > 0)
        other = decision(book, Action.HANDLE_OBJECTION, objection="trust", offer=offer.id)
        assert not any("%" in point for point in talking_points(brief(book, language, other)))


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize(("name", "language"), PLACES)
def test_points_without_customer_words_pass_the_reps_fact_lock(name: str, language: Language, action: Action) -> None:
    book = book_of(name)[0]
    for about in subjects(book, action):
        said = brief(book, language, decision(book, action, **about))
        assert said.decision.offer is not None
        lock = lock_of(name, said).for_the_rep(book.offer(said.decision.offer).max_discount_percent)
        for point in talking_points(said):
            assert lock.admit(point) == point
