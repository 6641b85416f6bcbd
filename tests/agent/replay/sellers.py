"""Scripted agents for simulated buyers: they answer from what the buyer really does, in the shape of a played turn."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from agent.replay.buyers.buyer import Message, SimulatedBuyer, crowd
from agent.replay.played import Outcome, PlayedTurn, Truth
from agent.turn import Action, Language, Playbook
from prompts import load_playbook, wording

MANY = 500
BOOKS: Mapping[str, Playbook] = {name: load_playbook(name).book for name in ("ngx", "roofing")}
Seller = Callable[[Message], PlayedTurn]
_WHEN_ASKED: Mapping[str, Action] = {
    "buy": Action.CONFIRM_SALE,
    "book": Action.SCHEDULE_FOLLOW_UP,
    "ask_price": Action.QUOTE_PRICE,
    "ask_discount": Action.OFFER_INCENTIVE,
    "ask_proof": Action.SHARE_PROOF,
    "ask_info": Action.ANSWER_QUESTION,
    "angry": Action.HANDOFF_TO_HUMAN,
    "opt_out": Action.CLOSE_POLITELY,
    "goodbye": Action.CLOSE_POLITELY,
    "decline": Action.NURTURE,
}


class Listener:
    """Sells well: answers what is objected and asked, asks before it presents, closes when the customer agrees."""

    def __init__(self, buyer: SimulatedBuyer) -> None:
        self.book = BOOKS[buyer.case.playbook]
        self.language = buyer.case.language or "en"
        self.turn, self.asked, self.presented = 0, 0, False
        self.needs: list[str] = []
        self.open: list[str] = []

    def __call__(self, message: Message) -> PlayedTurn:
        self.turn += 1
        self.needs += message.needs
        self.open = [*message.objections, *(name for name in self.open if name not in message.objections)]
        if self.open:
            return self.answer(message, Action.HANDLE_OBJECTION, objection=self.open.pop(0))
        return self.answer(message, self.choice(message))

    def choice(self, message: Message) -> Action:
        for act, action in _WHEN_ASKED.items():
            if act in message.acts:
                return action
        if self.presented and {"agree", "resolved"}.intersection(message.acts):
            return Action.TRIAL_CLOSE
        if self.needs and self.asked >= 2 and not self.presented:
            return Action.PRESENT_OFFER
        return Action.ASK_DISCOVERY if self.asked < 4 else Action.SHARE_PROOF

    def answer(self, message: Message, action: Action, *, objection: str | None = None, says: str = "") -> PlayedTurn:
        priced = max(
            (offer for offer in self.book.offers if offer.price.amount),
            key=lambda offer: len(set(self.needs).intersection(offer.needs)),
        )
        question = None
        if action is Action.ASK_DISCOVERY:
            question = self.book.discovery[self.asked % len(self.book.discovery)].ask[0].said_in(self.language)
            self.asked += 1
        self.presented = self.presented or action in (Action.PRESENT_OFFER, Action.QUOTE_PRICE)
        tells = action in (Action.PRESENT_OFFER, Action.QUOTE_PRICE)
        says = says or (wording.price(priced.price, self.book, self.language) + "." if tells else "Well.")
        return PlayedTurn(
            number=self.turn,
            said=message.text,
            reply=f"({self.turn}) {says} {question or ''}",
            action=action,
            language=self.language,
            objection_answered=objection,
            question_asked=question,
            offer=priced.id,
        )


class Deaf(Listener):
    """The same, but hears no objection."""

    def __call__(self, message: Message) -> PlayedTurn:
        return super().__call__(Message(message.text, message.acts, (), message.needs, message.heard_share))


class Pusher(Listener):
    """Only closes."""

    def __call__(self, message: Message) -> PlayedTurn:
        self.turn += 1
        return self.answer(message, Action.TRIAL_CLOSE)


@dataclass(frozen=True, slots=True)
class Sold:
    """A conversation as it went."""

    buyer: SimulatedBuyer
    messages: tuple[Message, ...]
    answers: tuple[PlayedTurn, ...]
    truths: tuple[Truth, ...]
    outcome: Outcome
    chance: float

    @property
    def bought(self) -> bool:
        return self.outcome == "converted"


def sell(buyer: SimulatedBuyer, seller: Seller) -> Sold:
    messages: list[Message] = []
    answers: list[PlayedTurn] = []
    truths: list[Truth] = []
    message = buyer.says(None)
    while message is not None:
        messages.append(message)
        answers.append(seller(message))
        truths.append(buyer.truth(answers[-1]))
        message = buyer.says(answers[-1])
    return Sold(buyer, tuple(messages), tuple(answers), tuple(truths), *buyer.end())


def sell_to_all(seed: int, numbers: Iterable[int], seller: Callable[[SimulatedBuyer], Seller] = Listener) -> list[Sold]:
    return [sell(buyer, seller(buyer)) for buyer in crowd(seed, numbers, BOOKS)]


def digest(sold: Iterable[Sold]) -> str:
    """Of everything that was said, was so and came of it."""
    told = [(one.buyer.case, one.messages, one.truths, one.outcome, one.chance) for one in sold]
    return hashlib.sha256(repr(told).encode()).hexdigest()


@cache
def sold_by(seller: Callable[[SimulatedBuyer], Seller]) -> list[Sold]:
    """A crowd that several tests look at: met once a process."""
    return sell_to_all(5, range(MANY), seller)


def one_buyer(number: int, languages: tuple[Language, ...] = ("es", "en"), seed: int = 5) -> SimulatedBuyer:
    return next(crowd(seed, [number], BOOKS, languages=languages))
