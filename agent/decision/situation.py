"""What the engine looks at: one turn's facts, with the questions that rules and scores ask of them."""

from dataclasses import dataclass
from datetime import datetime

from agent.decision.records import recorded_age, youngest
from agent.turn import ANY_TIME, Act, Action, Customer, Insights, LedgerEntry, Occasion, Progress, Understanding
from predictors.base import Label
from prompts.playbook import SHARED_NEEDS, Discovery, HandoffTopic, Incentive, Offer, Playbook

_TOPICS: tuple[tuple[Act, HandoffTopic], ...] = (
    (Act.MEDICAL, "medical"),
    (Act.LEGAL, "legal"),
    (Act.ANGRY, "angry"),
    (Act.WANTS_HUMAN, "wants_human"),
)
SAME_QUESTION = 0.8
"""Cosine of a message to a prepared question from which they ask the same."""
TOLD_BY_A_NEED = ("situation", "goal")
CLOSING_QUESTIONS = (Action.TRIAL_CLOSE, Action.OFFER_INCENTIVE)
"""Actions whose reply ends in a closing question: a yes to it is a yes to buying."""
QUESTIONS = (Act.ASK_INFO, Act.ASK_PRICE, Act.ASK_DISCOUNT, Act.ASK_PROOF)


@dataclass(frozen=True, slots=True)
class Situation:
    """``heard`` are the objections of this message; ``ledger`` is brought up to date with them; ``progress`` is as the
    last turn left it."""

    playbook: Playbook
    customer: Customer
    progress: Progress
    understanding: Understanding
    insights: Insights
    heard: tuple[Label, ...]
    ledger: tuple[LedgerEntry, ...]
    seq: int
    occasion: Occasion = ANY_TIME

    @property
    def last_action(self) -> Action | None:
        return self.progress.actions[-1] if self.progress.actions else None

    @property
    def age(self) -> int | None:
        return self.understanding.age or self._of_birth_year() or self.progress.age or self.recorded_age()

    def _of_birth_year(self) -> int | None:
        born, now = self.understanding.born, self.occasion.now
        return youngest(born, now) if born is not None and now is not None else None

    def recorded_age(self) -> int | None:
        return recorded_age(self.customer, self.occasion.now)

    @property
    def conversion(self) -> float:
        return self.insights.conversion.probability("converts")

    def said(self, *acts: Act) -> bool:
        return self.understanding.has(*acts)

    def agrees_to_buy(self) -> bool:
        """Whether a closing question was answered with yes. "Yeah no" is none."""
        return self.said(Act.AGREE) and not self.said(Act.DECLINE) and self.last_action in CLOSING_QUESTIONS

    def answer_is_sure(self) -> bool:
        """Whether a prepared answer is to this very question, and not only to one like it."""
        return self.understanding.answer_similarity >= SAME_QUESTION

    def asks(self) -> bool:
        """Whether the customer asks something, in form or in substance."""
        return self.said(*QUESTIONS, Act.ASKS_IDENTITY) or any(
            label.name in SHARED_NEEDS for label in self.insights.needs.labels
        )

    def raised_now(self) -> tuple[LedgerEntry, ...]:
        """Objections of this very message, the most probable first."""
        now = {label.name: index for index, label in enumerate(self.heard)}
        entries = [entry for entry in self.ledger if entry.type in now and entry.open]
        return tuple(sorted(entries, key=lambda entry: now[entry.type]))

    def open_objections(self) -> tuple[LedgerEntry, ...]:
        return tuple(entry for entry in self.ledger if entry.open)

    def blocking(self) -> tuple[LedgerEntry, ...]:
        return tuple(entry for entry in self.open_objections() if self.playbook.objections[entry.type].blocking)

    def unanswered(self) -> tuple[LedgerEntry, ...]:
        return tuple(entry for entry in self.ledger if entry.status in ("raised", "reopened"))

    def handoff_topic(self) -> HandoffTopic | None:
        return next((topic for act, topic in _TOPICS if self.said(act)), None)

    def may_not_buy(self) -> bool:
        minor = self.said(Act.UNDERAGE) or (self.progress.underage and self.understanding.age is None)
        return minor or self.playbook.eligibility.refuses(self.age) or self.contradicts_minority()

    def contradicts_minority(self) -> bool:
        """Whether one who was a minor by his own words, or is on record, calls himself an adult now: a person has to see."""
        rule = self.playbook.eligibility
        was = self.progress.was_minor or rule.is_minor(self.recorded_age())
        return was and rule.minor_corrects_himself == "to_a_person"

    def is_opted_out(self) -> bool:
        """In this conversation or an earlier one, and not taken back. Opting out goes before opting in."""
        if self.said(Act.OPT_OUT):
            return True
        before = self.progress.opted_out or (self.customer.opted_out and not self.progress.opted_in)
        return before and not self.said(Act.OPT_IN)

    def opted_out_before(self) -> bool:
        """Only in an earlier conversation: what he asks now is answered, nothing is sold."""
        return self.is_opted_out() and not (self.said(Act.OPT_OUT) or self.progress.opted_out)

    def is_quiet(self) -> bool:
        """Whether the agent itself began this conversation, at an hour at which it may not."""
        rule, now = self.playbook.quiet_hours, self.occasion.now
        if rule is None or now is None or not self.occasion.outbound or not rule.binds(self.occasion.channel):
            return False
        return rule.is_quiet(now, rule.zone(self.customer.facts.get("time_zone")))

    def contact_from(self) -> datetime | None:
        rule, now = self.playbook.quiet_hours, self.occasion.now
        if rule is None or now is None or not rule.binds(self.occasion.channel):
            return None
        return rule.next_contact(now, rule.zone(self.customer.facts.get("time_zone")))

    def needs(self) -> tuple[str, ...]:
        """What the customer wants from this business, newest first; questions about price or process are not among them."""
        now = [label.name for label in self.insights.needs.labels if label.name not in SHARED_NEEDS]
        return tuple(dict.fromkeys([*now, *self.progress.needs]))

    def known_slots(self) -> frozenset[str]:
        """Discovery slots that are filled: by answers, and what brings the customer by a need that he named."""
        return frozenset((*self.progress.slots, *(TOLD_BY_A_NEED if self.needs() else ())))

    def open_questions(self) -> tuple[Discovery, ...]:
        """Discovery questions that fit the customer's needs and have not been answered, those never asked first."""
        wanted, known = set(self.needs()), self.known_slots()
        fitting = [
            question
            for question in self.playbook.discovery
            if question.slot not in known and (not question.only_needs or wanted.intersection(question.only_needs))
        ]
        return tuple(sorted(fitting, key=lambda question: question.slot in self.progress.asked))

    def needs_now(self) -> tuple[Label, ...]:
        return tuple(label for label in self.insights.needs.labels if label.name not in SHARED_NEEDS)

    def offer(self) -> Offer:
        """The offer that fits: the one the customer names, or under discussion, else what serves the newest needs best."""
        discussed = self.understanding.offer or self.progress.offer
        if discussed in {offer.id for offer in self.playbook.offers}:
            return self.playbook.offer(str(discussed))
        weights = dict(zip(self.needs(), (4, 2, 1), strict=False))
        return max(
            self.playbook.offers, key=lambda offer: sum(weights[need] for need in offer.needs if need in weights)
        )

    def incentive(self) -> Incentive | None:
        """The first incentive not yet given that the agent has authority for on this offer, counting what was given."""
        offer = self.offer()
        given = (entry.percent or 0 for entry in self.playbook.incentives if entry.id in self.progress.incentives)
        authority = min(offer.max_discount_percent, self.playbook.discount_authority_percent) - sum(given)
        left = (
            incentive
            for incentive in self.playbook.incentives
            if incentive.id not in self.progress.incentives
            and offer.id in incentive.offers
            and (incentive.percent or 0) <= authority
        )
        return next(left, None)
