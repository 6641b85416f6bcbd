"""The two businesses that are shipped: what the product promises to know of them, in both languages."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from predictors.language import spanish_share
from prompts import PLAYBOOKS, load_playbook, playbook_names, wording
from prompts.playbook import OBJECTION_TYPES, SHARED_NEEDS, STAGES, Language, Lines, Playbook, Text

NEEDS = {
    "ngx": {
        "lose_weight", "gain_muscle", "improve_health", "reduce_stress", "more_energy", "prepare_event",
        "rehabilitation", "productivity",
    },
    "roofing": {
        "leak_repair", "storm_damage", "full_replacement", "inspection", "insurance_claim", "financing",
        "energy_efficiency", "gutters",
    },
}  # fmt: skip
TEN_OBJECTIONS = {
    "price", "timing", "stall", "trust", "competitor", "authority", "no_need", "fit", "commitment", "effort",
}  # fmt: skip
LANGUAGES: tuple[Language, ...] = ("es", "en")


@pytest.fixture(params=sorted(NEEDS))
def book(request: pytest.FixtureRequest) -> Playbook:
    return load_playbook(request.param).book


@cache
def raw(name: str) -> dict[str, Any]:
    """The file as it is written, placeholders and all."""
    return yaml.safe_load((PLAYBOOKS / f"{name}.yaml").read_text(encoding="utf-8"))


def texts(value: object, place: str = "") -> Iterator[tuple[str, Language, str]]:
    """Every text of a playbook: where it stands, its language, its words."""
    if isinstance(value, Text):
        yield from ((place, language, value.said_in(language)) for language in LANGUAGES)
    elif isinstance(value, Lines):
        yield from ((place, language, line) for language in LANGUAGES for line in value.said_in(language))
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from texts(getattr(value, name), f"{place}.{name}")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts(item, f"{place}.{key}")
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from texts(item, f"{place}[{index}]")


def test_the_shipped_playbooks_are_those_two() -> None:
    assert playbook_names() == ("ngx", "roofing")
    assert {load_playbook(name).book.vertical for name in playbook_names()} == {"fitness", "roofing"}


def test_a_playbook_is_read_once() -> None:
    assert load_playbook("ngx") is load_playbook("ngx")


def test_the_needs_are_those_that_the_product_promises(book: Playbook) -> None:
    assert set(SHARED_NEEDS) == {"pricing_info", "process_info", "results_proof"}
    assert set(book.needs) == NEEDS[book.id] | set(SHARED_NEEDS)


def test_all_ten_objections_have_two_or_more_different_answers(book: Playbook) -> None:
    assert set(OBJECTION_TYPES) == set(book.objections) == TEN_OBJECTIONS
    for name, objection in book.objections.items():
        for language in LANGUAGES:
            answers = {answer.said_in(language) for answer in objection.answers}
            assert len(answers) == len(objection.answers) >= 2, name
            assert len(objection.examples.said_in(language)) >= 6, name


def test_an_answer_to_an_objection_leaves_the_question_to_the_question(book: Playbook) -> None:
    for name, objection in book.objections.items():
        for language in LANGUAGES:
            assert objection.question.said_in(language).endswith("?"), name
            for answer in objection.answers:
                assert not answer.said_in(language).endswith("?"), name


def test_nobody_closes_over_a_serious_objection(book: Playbook) -> None:
    blocking = {name for name, objection in book.objections.items() if objection.blocking}
    assert blocking >= {"price", "trust", "authority", "competitor", "fit", "commitment"}


def test_every_need_is_served_by_an_offer(book: Playbook) -> None:
    served = {need for offer in book.offers for need in offer.needs}
    assert served == set(book.needs)


def test_every_need_has_examples_to_be_recognised_by(book: Playbook) -> None:
    for need in book.needs.values():
        for language in LANGUAGES:
            lines = need.examples.said_in(language)
            assert len(set(lines)) == len(lines) >= 8


def test_an_example_belongs_to_one_need_only(book: Playbook) -> None:
    lines = [
        line.casefold()
        for need in book.needs.values()
        for side in (need.examples.es, need.examples.en)
        for line in side
    ]
    assert len(lines) == len(set(lines))


def test_every_text_stands_in_both_languages_and_is_translated(book: Playbook) -> None:
    found = list(texts(book))
    assert len(found) > 800
    assert all(text.strip() for _, _, text in found)
    for place, language, text in found:
        share, words = spanish_share(text)
        assert words < 8 or (share > 0.5) == (language == "es"), f"{place} is not in {language}: {text}"


def test_sentences_differ_between_the_languages(book: Playbook) -> None:
    def pairs(value: object) -> Iterator[Text]:
        if isinstance(value, Text):
            yield value
        elif isinstance(value, BaseModel):
            for name in type(value).model_fields:
                yield from pairs(getattr(value, name))
        elif isinstance(value, dict | tuple):
            for item in value.values() if isinstance(value, dict) else value:
                yield from pairs(item)

    same = [text.es for text in pairs(book) if text.es == text.en]
    assert set(same) <= {offer.name.en for offer in book.offers}


def test_no_placeholder_is_left_in_what_customers_hear(book: Playbook) -> None:
    assert [text for _, _, text in texts(book) if "{" in text or "}" in text] == []


@pytest.mark.parametrize("name", sorted(NEEDS))
def test_figures_in_offers_and_incentives_come_from_placeholders(name: str) -> None:
    book = raw(name)
    said = [
        book_text for offer in book["offers"] for book_text in (*offer["name"].values(), *offer["summary"].values())
    ]
    said += [text for incentive in book["incentives"] for text in incentive["say"].values()]
    assert len(said) >= 16
    for text in said:
        typed = re.sub(r"\{[^{}]*\}", "", text)
        assert not re.search(r"\d|[$€%]|\b(per ?cent|por ciento|dollars?|dólares)\b", typed), text


@pytest.mark.parametrize("name", sorted(NEEDS))
def test_every_offer_says_its_price_by_placeholder(name: str) -> None:
    for offer in raw(name)["offers"]:
        for language in LANGUAGES:
            assert f"{{{offer['id']}.price}}" in offer["summary"][language]


def test_the_price_that_is_said_is_that_of_the_field(book: Playbook) -> None:
    for offer in book.offers:
        for language in LANGUAGES:
            assert wording.price(offer.price, book, language) in offer.summary.said_in(language)


def test_no_discount_goes_beyond_what_the_agent_may_give(book: Playbook) -> None:
    percentages = [incentive.percent for incentive in book.incentives if incentive.percent is not None]
    assert percentages
    assert all(0 < percent <= book.discount_authority_percent for percent in percentages)
    for incentive in book.incentives:
        for offer in map(book.offer, incentive.offers):
            assert (incentive.percent or 0) <= offer.max_discount_percent


def test_instalments_are_never_cheaper_than_paying_at_once(book: Playbook) -> None:
    spread = [offer for offer in book.offers if offer.instalments is not None]
    assert spread
    for offer in spread:
        assert offer.instalments is not None
        assert offer.instalments.count * offer.instalments.amount >= offer.price.amount


def test_the_agent_says_that_it_is_an_ai(book: Playbook) -> None:
    assert book.disclosure.at_start
    assert "inteligencia artificial" in book.disclosure.text.es
    assert re.search(r"\bAI\b", book.disclosure.text.en)


def test_an_opt_out_is_confirmed_without_selling(book: Playbook) -> None:
    for language in LANGUAGES:
        reply = book.opt_out.reply.said_in(language)
        assert "?" not in reply
        assert not re.search(r"\d|[$€%]", reply)
        assert not any(offer.name.said_in(language) in reply for offer in book.offers)
        assert len(book.opt_out.examples.said_in(language)) >= 10


def test_every_stage_has_its_goal_and_the_questions_are_questions(book: Playbook) -> None:
    assert set(book.stages) == set(STAGES)
    asked = [text for entry in book.discovery for text in entry.ask] + [need.question for need in book.needs.values()]
    for text in (*asked, *book.phrases.trial_close, *book.phrases.follow_up):
        for language in LANGUAGES:
            assert text.said_in(language).endswith("?"), text


def test_evidence_names_its_source_and_serves_the_hard_objections(book: Playbook) -> None:
    assert all(proof.source for proof in book.proof)
    assert {kind for proof in book.proof for kind in proof.objections} >= {"trust", "price", "competitor", "fit"}


def test_phrases_are_free_of_figures(book: Playbook) -> None:
    for place, _, text in texts(book.phrases):
        assert not re.search(r"\d|[$€%]", text), f"{place}: {text}"


def test_nothing_would_trip_over_a_speech_synthesiser(book: Playbook) -> None:
    for place, _, text in texts(book):
        assert not re.search(r"[*_#`|<>\\]|https?://|\n|[\U0001F300-\U0001FAFF]", text), f"{place}: {text}"
