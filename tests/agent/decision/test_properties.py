"""What holds for any message in any state of a conversation, at both businesses, and over a whole conversation."""

import math
import random
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.decision.engine import advance, decide
from agent.turn import (
    Act,
    Action,
    Customer,
    Decision,
    Insights,
    LedgerEntry,
    Playbook,
    Progress,
    Understanding,
)
from prompts.playbook import OBJECTION_TYPES, STAGES
from tests.agent.decision.situations import BOOKS, NGX, allowed, says, sees, turn

T = TypeVar("T")
REPRODUCIBLE = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
TO_A_PERSON = {Act.MEDICAL, Act.LEGAL, Act.ANGRY, Act.WANTS_HUMAN}
LAST_WORDS = {*TO_A_PERSON, Act.OPT_OUT, Act.UNDERAGE, Act.BUY}
SELLING = {Action.PRESENT_OFFER, Action.OFFER_INCENTIVE, Action.TRIAL_CLOSE, Action.CONFIRM_SALE, Action.NURTURE}

PROBABILITIES = st.floats(0, 1, allow_nan=False)
WORDS = st.sampled_from(["está caro", "no sé", "¿cuánto?", ""])
AGES = st.one_of(*[st.none()] * 6, st.integers(18, 75), st.integers(1, 110))
SELDOM = st.sampled_from([False] * 7 + [True])
ACTS = [*Act, *[act for act in Act if act not in LAST_WORDS], *[Act.BUY, Act.AGREE, Act.ASK_DISCOUNT] * 5]
"""Every act, the ones that sell more often: most of the promises are about selling."""


def some(of: Iterable[T], most: int = 3) -> st.SearchStrategy[tuple[T, ...]]:
    return st.lists(st.sampled_from(list(of)), max_size=most, unique=True).map(tuple)


def messages(book: Playbook) -> st.SearchStrategy[tuple[Understanding, Insights]]:
    objections = st.just({}) | st.dictionaries(st.sampled_from(OBJECTION_TYPES), PROBABILITIES, max_size=2)
    answer_ids = st.none() | st.sampled_from([answer.id for answer in book.answers])
    said = st.builds(
        lambda acts, words, age, answer_id, offer: says(*acts, words=words, age=age, answer_id=answer_id, offer=offer),
        st.lists(st.sampled_from(ACTS), max_size=3),
        WORDS,
        AGES,
        answer_ids,
        st.none() | st.sampled_from([offer.id for offer in book.offers]),
    )
    return st.tuples(said, st.builds(sees, objections, some(book.needs), PROBABILITIES, WORDS))


def states(book: Playbook) -> st.SearchStrategy[Progress]:
    offers = [offer.id for offer in book.offers]
    slots = [question.slot for question in book.discovery]
    entries = st.builds(
        LedgerEntry,
        type=st.sampled_from(["price", *OBJECTION_TYPES]),
        status=st.sampled_from(["raised", "addressed", "resolved", "reopened"]),
        evidence=st.tuples(WORDS),
        raised_at_seq=st.integers(0, 8),
        changed_at_seq=st.integers(0, 8),
        times_addressed=st.integers(0, 3),
    )
    return st.builds(
        Progress,
        stage=st.sampled_from(STAGES),
        ledger=st.lists(entries, max_size=3, unique_by=lambda entry: entry.type).map(tuple),
        needs=some(book.needs),
        slots=some(slots) | st.just(tuple(slots)),
        asked=some(slots),
        offer=st.none() | st.sampled_from(offers),
        priced=some(offers),
        incentives=some([incentive.id for incentive in book.incentives]),
        proofs=some([proof.id for proof in book.proof]),
        actions=st.sampled_from([*Action, *[Action.TRIAL_CLOSE] * 6]).map(lambda last: (Action.PRESENT_OFFER, last)),
        customer_turns=st.integers(0, 600),
        age=AGES,
        underage=SELDOM,
        opted_out=SELDOM,
        handed_off=SELDOM,
        sold=SELDOM,
    )


@dataclass(frozen=True)
class Case:
    book: Playbook = field(repr=False)
    customer: Customer
    progress: Progress
    message: Understanding
    seen: Insights

    def decide(self) -> Decision:
        seq = self.progress.customer_turns + 1
        return decide(self.book, self.customer, self.progress, self.message, self.seen, seq)


def cases_at(book: Playbook) -> st.SearchStrategy[Case]:
    customers = st.builds(Customer, age=AGES)
    return st.builds(
        lambda customer, progress, message: Case(book, customer, progress, *message),
        customers,
        states(book),
        messages(book),
    )


CASES = st.one_of(*(cases_at(book) for book in BOOKS.values()))
CONVERSATIONS = st.one_of(
    *(st.tuples(st.just(name), st.lists(messages(book), min_size=4, max_size=12)) for name, book in BOOKS.items())
)


def percent(book: Playbook, incentives) -> Decimal:
    return sum((entry.percent or Decimal(0) for entry in book.incentives if entry.id in incentives), Decimal(0))


def within_bounds(case: Case, decision: Decision) -> None:
    """What a decision may never do, said again from the promises of the business, not from the engine's own rules."""
    book, progress, message = case.book, case.progress, case.message
    open_to_it = allowed(decision)
    assert decision.action in open_to_it
    if message.has(Act.OPT_OUT) or (progress.opted_out and not message.has(Act.OPT_IN)):
        assert open_to_it == {Action.CLOSE_POLITELY}
    age = message.age or progress.age or case.customer.age
    too_young_or_old = age is not None and book.eligibility.refuses(age)
    if too_young_or_old or message.has(Act.UNDERAGE, *TO_A_PERSON):
        assert open_to_it <= {Action.CLOSE_POLITELY, Action.HANDOFF_TO_HUMAN}
    if progress.handed_off:
        assert not open_to_it & SELLING
    if progress.sold:
        assert not open_to_it & SELLING - {Action.CONFIRM_SALE}
    if any(entry.open and book.objections[entry.type].blocking for entry in decision.ledger):
        assert not open_to_it & {Action.TRIAL_CLOSE, Action.CONFIRM_SALE}
    if Action.CONFIRM_SALE in open_to_it and not progress.sold:
        assert message.has(Act.BUY) or (
            message.has(Act.AGREE)
            and not message.has(Act.DECLINE)
            and progress.actions[-1] in (Action.TRIAL_CLOSE, Action.OFFER_INCENTIVE)
        )
    if decision.action is Action.CONFIRM_SALE:
        assert message.has(Act.BUY, Act.AGREE)
    if Action.OFFER_INCENTIVE in open_to_it:
        offer = book.offer(decision.offer)
        authority = min(offer.max_discount_percent, book.discount_authority_percent)
        left = [
            incentive.id
            for incentive in book.incentives
            if incentive.id not in progress.incentives
            and offer.id in incentive.offers
            and percent(book, {*progress.incentives, incentive.id}) <= authority
        ]
        assert left
        if decision.action is Action.OFFER_INCENTIVE:
            assert decision.incentive_id in left


def test_no_decision_breaks_a_promise_of_the_business() -> None:
    reached: set[Action] = set()

    @settings(REPRODUCIBLE, max_examples=400)
    @given(CASES)
    def holds(case: Case) -> None:
        decision = case.decide()
        within_bounds(case, decision)
        reached.update(allowed(decision))

    holds()
    assert reached == set(Action), "the cases do not reach what the promises are about"


@settings(REPRODUCIBLE, max_examples=120)
@given(CASES)
def test_the_chosen_action_is_allowed_and_every_other_one_is_accounted_for(case: Case) -> None:
    decision = case.decide()
    ranked = [ranked.action for ranked in decision.ranked]
    refused = [refusal.action for refusal in decision.refused]
    assert sorted([*ranked, *refused]) == sorted(Action)
    assert decision.action is ranked[0]
    assert all(refusal.rule and refusal.reason for refusal in decision.refused)
    assert math.isclose(sum(ranked.propensity for ranked in decision.ranked), 1.0)
    assert decision.confidence == decision.ranked[0].propensity == max(each.propensity for each in decision.ranked)
    order = list(Action)
    places = [(-ranked.score, order.index(ranked.action)) for ranked in decision.ranked]
    assert places == sorted(places)


@settings(REPRODUCIBLE, max_examples=150)
@given(CASES)
def test_a_decision_is_about_what_the_playbook_has(case: Case) -> None:
    decision, book = case.decide(), case.book
    assert decision.offer in {offer.id for offer in book.offers}
    assert decision.slot in {None, *(question.slot for question in book.discovery)}
    assert decision.need in {None, *book.needs}
    assert decision.proof_id in {None, *(proof.id for proof in book.proof)}
    assert (decision.proof_id is not None) == (decision.action is Action.SHARE_PROOF)
    assert (decision.incentive_id is not None) == (decision.action is Action.OFFER_INCENTIVE)
    assert (decision.handoff is not None) == (decision.action is Action.HANDOFF_TO_HUMAN)
    assert decision.stage in STAGES
    if decision.action is Action.HANDLE_OBJECTION:
        assert decision.objection is not None
    if decision.objection is not None:
        assert {entry.type: entry.status for entry in decision.ledger}[decision.objection] == "addressed"


@settings(REPRODUCIBLE, max_examples=100)
@given(CASES)
def test_it_is_a_function_of_its_inputs_and_leaves_them_alone(case: Case) -> None:
    before = deepcopy(case, {id(case.book): case.book})
    decision = case.decide()
    assert before.decide() == decision
    after = advance(case.progress, decision, case.message, case.seen)
    assert after == advance(before.progress, decision, before.message, before.seen)
    assert case == before


@settings(REPRODUCIBLE, max_examples=150)
@given(CASES)
def test_the_ledger_loses_no_objection_and_no_words_but_the_oldest(case: Case) -> None:
    after = {entry.type: entry for entry in case.decide().ledger}
    for before in case.progress.ledger:
        now = after[before.type]
        assert now.raised_at_seq == before.raised_at_seq
        assert now.times_addressed >= before.times_addressed
        assert set(before.evidence) <= set(now.evidence)
        assert before.status == "raised" or now.status != "raised"
    spoken = {said for entry in case.progress.ledger for said in entry.evidence}
    spoken |= {said for evidence in case.message.evidence.values() for said in evidence}
    spoken |= {said for label in case.seen.objections.labels for said in label.evidence}
    assert {said for entry in after.values() for said in entry.evidence} <= spoken


@settings(REPRODUCIBLE, max_examples=60)
@given(CONVERSATIONS)
def test_no_conversation_breaks_a_promise_as_it_goes_on(conversation) -> None:
    book, heard = BOOKS[conversation[0]], conversation[1]
    progress, granted = Progress(), set()
    for message, seen in heard:
        case = Case(book, Customer(), progress, message, seen)
        decision = case.decide()
        within_bounds(case, decision)
        granted |= {decision.incentive_id} - {None}
        before, progress = progress, advance(progress, decision, message, seen)
        for for_good in ("was_minor", "handed_off", "sold"):
            assert getattr(progress, for_good) >= getattr(before, for_good)
        assert progress.opted_out >= (before.opted_out and not message.has(Act.OPT_IN))
        assert set(progress.incentives) == granted
        assert percent(book, granted) <= book.discount_authority_percent


def haggling(number: int) -> tuple[Understanding, Insights]:
    return says(Act.ASK_DISCOUNT, words=f"¿y si lo dejamos en {number}?"), sees(("price",))


@pytest.mark.parametrize("book", BOOKS)
def test_who_haggles_for_a_hundred_turns_gets_each_incentive_once_and_no_more_than_the_authority(book: str) -> None:
    for offer in BOOKS[book].offers:
        progress, granted = Progress(customer_turns=3, offer=offer.id), []
        for number in range(100):
            decision, progress = turn(progress, *haggling(number), BOOKS[book])
            granted += [decision.incentive_id] if decision.incentive_id else []
        assert len(granted) == len(set(granted))
        assert percent(BOOKS[book], granted) <= min(offer.max_discount_percent, BOOKS[book].discount_authority_percent)
        assert bool(granted) == any(offer.id in incentive.offers for incentive in BOOKS[book].incentives)


@pytest.fixture(scope="module")
def plenty() -> Playbook:
    """A business with far more to offer, to ask and to show than any real one."""

    def many(things, key="id"):
        return tuple(thing.model_copy(update={key: f"{key}_{number}"}) for number, thing in enumerate(things * 12))

    offers = many(NGX.offers[1:])
    extra = NGX.incentives[2].model_copy(update={"offers": tuple(offer.id for offer in offers)})
    needs = {f"{name}_{number}": need for name, need in NGX.needs.items() for number in range(4)}
    more = {
        "needs": needs,
        "discovery": many(NGX.discovery, "slot"),
        "proof": many(NGX.proof),
        "incentives": many((extra,) * 3),
    }
    return NGX.model_copy(update={"offers": offers, **more})


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("acts", [list(Act), [act for act in Act if act not in LAST_WORDS]], ids=["any", "no_end"])
def test_nothing_that_is_remembered_grows_over_500_turns(plenty: Playbook, acts: list[Act], seed: int) -> None:
    chance = random.Random(seed)
    progress, longest = Progress(), 0
    for number in range(500):
        message = says(*chance.sample(acts, chance.randint(0, 3)), words=f"dicho en {number:03}")
        kinds = chance.sample(OBJECTION_TYPES, chance.choice((0, 0, 1, 3)))
        needs = tuple(chance.sample(list(plenty.needs), chance.randint(0, 3)))
        seen = sees({kind: chance.random() for kind in kinds}, needs, chance.random(), words=f"oído en {number:03}")
        elsewhere = plenty.offers[number % len(plenty.offers)].id  # the customer turns to another offer, as he may
        _, progress = turn(replace(progress, offer=elsewhere), message, seen, plenty)
        lists = [getattr(progress, each.name) for each in fields(progress)]
        longest = max(longest, *(len(kept) for kept in lists if isinstance(kept, tuple)))
        assert len({entry.type for entry in progress.ledger}) == len(progress.ledger)
        assert all(len(entry.evidence) <= 3 and len(entry.answers_used) <= 3 for entry in progress.ledger)
        assert len(repr(progress)) < 8_000
    assert progress.customer_turns == 500
    assert longest <= 20
