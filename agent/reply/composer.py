"""The offline writer: puts a reply together from the playbook's own lines and the decision. Never fails, never invents."""

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from decimal import Decimal

from agent.reply.appointment import appointment
from agent.reply.lines import (
    Line,
    freshest,
    may_ask,
    may_close,
    may_not_buy,
    next_question,
    opted_out_before,
    variants,
)
from agent.reply.manners import outside_hours
from agent.reply.points import talking_points
from agent.reply.schema import LONGEST_REPLY, ReplyDraft
from agent.reply.sentences import split
from agent.turn import Act, Action, Brief, Delta, Language, ObjectionType
from prompts import wording
from prompts.connectors import connectors
from prompts.playbook import Offer, Text

LONGEST_QUESTION = 300
"""Characters, as ``ReplyDraft`` wants them: a playbook's lines may be long, and two of them longer."""


class Composer:
    """The last rung of the ladder: takes microseconds, does no I/O."""

    name = "composer"

    async def stream(self, brief: Brief) -> AsyncGenerator[Delta]:
        yield Delta(compose(brief).model_dump_json(), finish_reason="stop")

    async def aclose(self) -> None:
        return None


def compose(brief: Brief) -> ReplyDraft:
    """The reply for ``brief``, in its language, of lines that were said least recently in this conversation."""
    parts = _fitting([line.text for line in _Saying(brief).lines()])
    asked = next((split(part)[-1].strip() for part in reversed(parts) if part.rstrip().endswith("?")), None)
    decision = brief.decision
    return ReplyDraft(
        reply=" ".join(parts),
        talking_points=talking_points(brief),
        objection_answered=decision.objection,
        question_asked=asked if asked and len(asked) <= LONGEST_QUESTION else None,
        next_step=decision.action.value.replace("_", " "),
        handoff=decision.action is Action.HANDOFF_TO_HUMAN,
    )


def _fitting(parts: list[str]) -> list[str]:
    """The parts that fit into a reply, the first of them in any case."""
    kept, length = [parts[0][:LONGEST_REPLY]], len(parts[0])
    for part in parts[1:]:
        if length + 1 + len(part) <= LONGEST_REPLY:
            kept.append(part)
            length += 1 + len(part)
    return kept


class _Saying:
    """One reply in the making: finds lines, prefers unsaid ones, and takes none twice."""

    def __init__(self, brief: Brief) -> None:
        self._brief = brief
        self._book = brief.playbook
        self._language: Language = brief.language
        self._words = connectors(brief.language)
        self._taken: list[str] = []

    def lines(self) -> list[Line]:
        action = self._brief.decision.action
        return [line for line in _PARTS[action](self) if line.text] or [self._phrase("acknowledge")]

    def _pick(self, place: str, texts: tuple[Text, ...]) -> Line:
        used = (*self._brief.progress.used_lines, *self._taken)
        line = freshest(variants(place, texts, self._language), used, self._brief.seed)
        self._taken.append(line.place)
        return line

    def _phrase(self, name: str) -> Line:
        return self._pick(f"phrases.{name}", getattr(self._book.phrases, name))

    def _connect(self, name: str, **words: str) -> Line:
        texts: tuple[str, ...] = getattr(self._words, name)
        turn = self._brief.progress.customer_turns + self._brief.seed
        return Line(f"connectors.{name}", texts[turn % len(texts)].format(**words))

    def _was_said(self, line: Line) -> bool:
        return line.place in self._brief.progress.used_lines

    def _offer(self) -> Offer:
        wanted = self._brief.decision.offer
        return self._book.offer(wanted) if wanted else self._book.offers[0]

    def _question(self) -> Iterator[Line]:
        """A discovery question that moves on, else one about the need, else a closing one: the first that is allowed
        and new; none where none is allowed."""
        asked, need = next_question(self._brief), self._brief.decision.need
        line = self._pick(f"discovery.{asked.slot}", asked.ask) if asked else None
        fresh = [line] if line and not self._was_said(line) else []
        if not fresh and need is not None and may_ask(self._brief):
            about = Line(f"needs.{need}.question", self._book.needs[need].question.said_in(self._language))
            fresh = [] if self._was_said(about) else [about]
        if not fresh and may_close(self._brief):
            fresh = [self._phrase("trial_close")]
        yield from fresh or ([line] if line else [])

    def _benefit(self) -> Iterator[Line]:
        need = self._brief.decision.need
        if need is not None:
            line = Line(f"needs.{need}.benefit", self._book.needs[need].benefit.said_in(self._language))
            if not self._was_said(line):
                yield line

    def ask_discovery(self) -> Iterator[Line]:
        if self._brief.understanding.has(Act.INFORM, Act.AGREE, Act.DECLINE):
            yield self._phrase("acknowledge")
        if self._brief.understanding.has(Act.INFORM):
            yield from self._benefit()
        yield from self._question()

    def answer_question(self) -> Iterator[Line]:
        answer = next((entry for entry in self._book.answers if entry.id == self._brief.decision.answer_id), None)
        if self._brief.understanding.has(Act.ASKS_IDENTITY):
            yield from () if self._brief.opening else (Line("disclosure.asked", self._identity()),)
        elif answer is None:
            yield self._phrase("unsure")
        else:
            yield Line(f"answers.{answer.id}", answer.answer.said_in(self._language))
        yield from self._question()

    def _identity(self) -> str:
        return self._book.disclosure.when_asked(self._language)

    def handle_objection(self) -> Iterator[Line]:
        kind = self._brief.decision.objection
        assert kind is not None, "an objection is handled only where one is open"
        yield self._answer_to(kind)
        second = self._brief.decision.second_objection
        if second is not None:
            yield self._answer_to(second)
        objection = self._book.objections[kind]
        check = Line(f"objections.{kind}.question", objection.question.said_in(self._language))
        yield from self._question() if self._was_said(check) else (check,)

    def _answer_to(self, kind: ObjectionType) -> Line:
        return self._pick(f"objections.{kind}.answers", self._book.objections[kind].answers)

    def present_offer(self) -> Iterator[Line]:
        yield from self._benefit()
        offer = self._offer()
        summary = Line(f"offers.{offer.id}.summary", offer.summary.said_in(self._language))
        if self._was_said(summary):
            includes = self._listed(offer.includes.said_in(self._language))
            yield Line(f"offers.{offer.id}.includes", f"{offer.name.said_in(self._language)}: {includes}.")
        else:
            yield summary
            yield from self._reduced(offer, self._granted(offer))
        yield from self._question()

    def share_proof(self) -> Iterator[Line]:
        decision = self._brief.decision
        proof = next((entry for entry in self._book.proof if entry.id == decision.proof_id), self._book.proof[0])
        if decision.objection is not None:
            yield self._answer_to(decision.objection)
        yield Line(f"proof.{proof.id}", proof.text.said_in(self._language))
        yield from self._question()

    def quote_price(self) -> Iterator[Line]:
        offer, book, language = self._offer(), self._book, self._language
        name = offer.name.said_in(language)
        free = offer.price.amount == 0 and offer.price.to is None
        if free:
            yield self._connect("quote_free", offer=name)
        else:
            yield self._connect("quote", offer=name, price=wording.price(offer.price, book, language))
            yield from self._reduced(offer, self._granted(offer))
        if offer.duration is not None:
            yield self._connect("duration", duration=wording.duration(offer.duration, book, language))
        if offer.id not in self._brief.progress.priced:
            yield self._connect("includes", includes=self._listed(offer.includes.said_in(language)[:3]))
        if offer.instalments is not None:
            yield self._connect("instalments", instalments=wording.instalments(offer.instalments, book, language))
        yield from self._question()

    def _listed(self, items: tuple[str, ...]) -> str:
        items = tuple(item.rstrip(". ") for item in items)
        if len(items) == 1:
            return items[0]
        return f"{', '.join(items[:-1])} {self._words.and_} {items[-1]}"

    def offer_incentive(self) -> Iterator[Line]:
        wanted = self._brief.decision.incentive_id
        incentive = next(entry for entry in self._book.incentives if entry.id == wanted)
        yield Line(f"incentives.{incentive.id}", incentive.say.said_in(self._language))
        offer = self._offer()
        yield from self._reduced(offer, incentive.percent)
        yield self._phrase("trial_close")

    def _reduced(self, offer: Offer, percent: Decimal | None) -> Iterator[Line]:
        """What ``offer`` costs with the discount; nothing where there is none or the price is a range."""
        if percent and offer.price.to is None:
            reduced = offer.price.model_copy(update={"amount": _less(offer.price.amount, percent)})
            yield self._connect(
                "discount",
                percent=wording.percent(percent, self._book, self._language),
                offer=offer.name.said_in(self._language),
                price=wording.price(reduced, self._book, self._language),
            )

    def _granted(self, offer: Offer) -> Decimal | None:
        """The discount that was granted on ``offer`` before in this conversation."""
        given = (entry for entry in self._book.incentives if entry.id in self._brief.progress.incentives)
        return max((entry.percent for entry in given if entry.percent and offer.id in entry.offers), default=None)

    def schedule_follow_up(self) -> Iterator[Line]:
        """Notes the day and the hour that the customer named, and asks for what is missing."""
        said = self._brief.recent[-1].text
        rule, named = self._book.quiet_hours, appointment(said, self._language)
        if rule is not None and (self._brief.decision.quiet or outside_hours(said, self._book, self._language)):
            yield Line("quiet_hours.say", rule.say.said_in(self._language))
            return
        if named is None:
            yield self._phrase("follow_up")
            return
        yield self._connect("booked", when=named.words)
        if not named.has_day:
            yield self._connect("which_day")
        elif not named.has_time:
            yield self._connect("which_time")
        else:
            yield self._connect("confirmed_here")

    def handoff(self) -> Iterator[Line]:
        topic = self._brief.decision.handoff or "wants_human"
        yield Line(f"handoff.{topic}", self._book.handoff[topic].say.said_in(self._language))

    def close_politely(self) -> Iterator[Line]:
        if opted_out_before(self._brief):
            yield Line(
                "opt_out.afterwards",
                (self._book.opt_out.afterwards or self._book.opt_out.reply).said_in(self._language),
            )
        elif self._brief.understanding.has(Act.OPT_OUT):
            yield Line("opt_out.reply", self._book.opt_out.reply.said_in(self._language))
        elif may_not_buy(self._brief):
            yield Line("eligibility.refusal", self._book.eligibility.refusal.said_in(self._language))
        else:
            yield self._phrase("goodbye")

    def one_phrase(self, name: str) -> Iterator[Line]:
        yield self._phrase(name)


_PARTS: Mapping[Action, Callable[[_Saying], Iterator[Line]]] = {
    Action.ASK_DISCOVERY: _Saying.ask_discovery,
    Action.ANSWER_QUESTION: _Saying.answer_question,
    Action.HANDLE_OBJECTION: _Saying.handle_objection,
    Action.PRESENT_OFFER: _Saying.present_offer,
    Action.SHARE_PROOF: _Saying.share_proof,
    Action.QUOTE_PRICE: _Saying.quote_price,
    Action.OFFER_INCENTIVE: _Saying.offer_incentive,
    Action.TRIAL_CLOSE: lambda said: said.one_phrase("trial_close"),
    Action.SCHEDULE_FOLLOW_UP: _Saying.schedule_follow_up,
    Action.CONFIRM_SALE: lambda said: said.one_phrase("confirm"),
    Action.NURTURE: lambda said: said.one_phrase("nurture"),
    Action.HANDOFF_TO_HUMAN: _Saying.handoff,
    Action.CLOSE_POLITELY: _Saying.close_politely,
}


def _less(amount: Decimal, percent: Decimal) -> Decimal:
    """``amount`` after a discount, to the cent."""
    return (amount * (100 - percent) / 100).quantize(Decimal("0.01")).normalize() + Decimal(0)
