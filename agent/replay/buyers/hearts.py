"""The hidden truth of a simulated customer: who he is, what he wants, can pay and doubts, and how it stands with him now.

It builds on the buyers that the conversion model is trained with (``training_data.buyers``); here they meet the real agent
in the world of a playbook, with money and offers.
"""

import math
from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np

from agent.turn import Action, Playbook
from prompts.playbook import SHARED_NEEDS, Offer
from training_data.buyers import DECISIVENESS, Buyer, Seen, draw_buyer, squash, with_label_noise
from training_data.personas import PERSONAS, Persona

MOST_MESSAGES = 20
"""Messages that a customer sends at most."""
STAMINA = 2.0
"""How many more messages he has patience for here than in the training simulation, where a turn does more."""
GUESSED = 0.8
"""Share of his means that he reckons with while he does not know the price."""
UNKNOWN_PRICE = 0.06
"""How much less he feels he can afford what has no price yet."""
FARTHEST = 0.6
"""How far an offer that costs less or more than the one he has in mind moves his means."""


@dataclass(frozen=True, slots=True)
class Mood:
    name: str
    trust: float = 0.0
    politeness: float = 0.0
    patience: float = 0.0


MOODS: tuple[Mood, ...] = (
    Mood("even"),
    Mood("cheerful", trust=0.2, politeness=0.15, patience=1),
    Mood("hurried", patience=-2),
    Mood("irritable", trust=-0.2, politeness=-0.25, patience=-1),
    Mood("anxious", trust=-0.1, politeness=0.1, patience=1),
)


@dataclass(frozen=True, slots=True)
class Deed:
    """What he does with a message. ``slot``: the discovery question that he answers; ``left``: he walks away with it;
    ``last``: he has nothing to say afterwards."""

    acts: tuple[str, ...] = ()
    objections: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    slot: str | None = None
    left: bool = False
    decided: bool = False
    last: bool = False


@dataclass(slots=True)
class Heart:
    """``buyer.means`` is the log of his budget over the price as he sees it now, ``own`` the same of the offer that he has
    in mind (``wished``), ``budget`` money in the playbook's currency. ``relief``: means that an incentive added.

    ``seen`` is what he has noticed himself: his own objections and whether they were answered, offer and price. ``handled``
    and ``raised`` count by objection, ``acted`` by act, ``slots`` are the discovery questions that he has answered."""

    persona: Persona
    mood: Mood
    buyer: Buyer
    own: float
    budget: float
    wished: Offer
    seen: Seen = field(default_factory=Seen)
    relief: float = 0.0
    done: Counter[Action] = field(default_factory=Counter[Action])
    handled: Counter[str] = field(default_factory=Counter[str])
    raised: Counter[str] = field(default_factory=Counter[str])
    acted: Counter[str] = field(default_factory=Counter[str])
    slots: set[str] = field(default_factory=set[str])
    told: int = 0
    last_action: Action | None = None
    left: bool = False

    def inclination(self) -> float:
        return self.buyer.inclination()

    def open_objections(self) -> tuple[str, ...]:
        """Those that he raised and that nobody has answered since, the newest first."""
        waiting = self.seen.unanswered()
        if len(waiting) > 1:
            waiting.sort(key=lambda name: (-self.seen.changed[name], name))
        return tuple(waiting)

    def means_for(self, offer: Offer) -> float:
        """The log of his budget over what ``offer`` costs, not far from what he had in mind. What is free is a step only."""
        price = money(offer)
        if price == 0 or self.budget == 0:
            return self.own
        return self.own + min(max(math.log(self.budget / price) - self.own, -FARTHEST), FARTHEST)


def chance(inclination: float) -> float:
    """Probability in [0, 1] of buying; nobody is certain."""
    return with_label_noise(squash(DECISIVENESS * inclination))


def money(offer: Offer) -> float:
    """What an offer costs: the geometric middle of a range."""
    low = float(offer.price.amount)
    return low if offer.price.to is None else math.sqrt(low * float(offer.price.to)) if low else float(offer.price.to)


def draw_heart(book: Playbook, seed: int, number: int) -> Heart:
    """The hidden truth of buyer ``number``. It knows nothing of how he speaks."""
    rng = np.random.default_rng((seed, number))
    persona = PERSONAS[int(rng.integers(len(PERSONAS)))]
    mood = MOODS[int(rng.integers(len(MOODS)))]
    drawn = draw_buyer(persona, [need for need in book.needs if need not in SHARED_NEEDS], rng)
    wished = _wished(book, drawn.needs)
    buyer = replace(
        drawn,
        trust=drawn.trust + mood.trust,
        means=drawn.means * GUESSED - UNKNOWN_PRICE,
        politeness=min(max(drawn.politeness + mood.politeness, 0.0), 1.0),
        patience=round(min(max(STAMINA * (drawn.patience + mood.patience), 3), MOST_MESSAGES)),
    )
    return Heart(persona, mood, buyer, drawn.means, money(wished) * math.exp(drawn.means), wished)


def _wished(book: Playbook, needs: tuple[str, ...]) -> Offer:
    """What he would buy: of what costs something, that which serves most of his needs, the cheaper the better."""
    priced = [offer for offer in book.offers if money(offer) > 0] or list(book.offers)
    return max(priced, key=lambda offer: (len(set(needs).intersection(offer.needs)), -money(offer)))
