"""Simulated buyers with a hidden truth. Outcomes follow from the hidden state and from what the seller does, with noise.

What a customer does in a turn is drawn from his hidden state and from the seller's last move. The running numbers
(``so_far``) are what a seller's machine would count of it, through predictors that err. The outcome is drawn from the
state alone, so saying yes is not buying. Text is somebody else's job (``spoken.py``).
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Literal, TypeVar

import numpy as np

from predictors.metrics import Interval, auc
from training_data.personas import PERSONAS, Persona

MOST_TURNS = 14
LABEL_NOISE = 0.08
"""Share of outcomes turned over: people who would have bought and did not, and the other way round."""
MISSED, IMAGINED = 0.2, 0.03
"""How often a predictor misses what the customer does, and sees what he does not."""
DECISIVENESS = 1.7
"""How steeply the chance of buying rises with the inclination to buy."""
WANT, TRUST, MEANS, DOUBT = 1.2, 0.9, 1.1, 0.8
"""What each of the hidden state weighs in the inclination to buy; doubts weigh against it."""

Move = Literal[
    "ask", "present", "answer_question", "tell_price", "answer_objection", "show_proof", "offer_incentive", "close",
    "follow_up", "wind_up",
]  # fmt: skip
Outcome = Literal["converted", "lost", "follow_up"]
Language = Literal["es", "en"]
Vertical = Literal["fitness", "roofing"]
Choice = TypeVar("Choice")

OBJECTIONS = (
    "price", "timing", "stall", "trust", "competitor", "authority", "no_need", "fit", "commitment", "effort",
)  # fmt: skip
NEEDS: Mapping[Vertical, tuple[str, ...]] = {
    "fitness": ("lose_weight", "gain_muscle", "improve_health", "reduce_stress", "more_energy", "productivity"),
    "roofing": ("leak_repair", "storm_damage", "full_replacement", "inspection", "insurance_claim", "gutters"),
}
ACTS_SEEN = (
    "agree", "decline", "buy", "book", "ask_price", "ask_discount", "ask_info", "ask_proof", "resolved", "opt_out", "angry",
    "goodbye", "inform",
)  # fmt: skip
_BESIDE: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "price": ((), (), ("inform",)),
    "timing": (("decline", "inform"), ("inform",), ("decline",)),
    "stall": ((),),
    "trust": ((), ("inform",), ("ask_proof",)),
    "competitor": (("inform",),),
    "authority": (("inform",),),
    "no_need": ((), ("inform",), ("decline",)),
    "fit": (("inform",),),
    "commitment": ((), ("decline",)),
    "effort": ((), ("inform",)),
}
"""What people do while they object, as the hand-written corpora have it."""


@dataclass(frozen=True, slots=True)
class Style:
    """How somebody speaks. Drawn from a stream of its own: it knows nothing of the person or of the outcome."""

    language: Language
    spoken: bool
    wordy: bool


@dataclass(slots=True)
class Buyer:
    """Hidden truth. ``want`` is how strong the need is, ``means`` the log of his budget over the price; both, and
    ``trust``, are neutral near zero. ``politeness`` in [0, 1] makes people agree without meaning it; ``patience`` counts
    turns; below an inclination of ``walks_at`` he leaves, above ``decides_at`` he says yes and has no more to ask."""

    want: float
    trust: float
    means: float
    politeness: float
    patience: int
    walks_at: float
    decides_at: float
    needs: tuple[str, ...] = ()
    doubts: dict[str, float] = field(default_factory=dict[str, float])

    def inclination(self) -> float:
        doubts = sum(self.doubts.values())
        return WANT * self.want + TRUST * self.trust + MEANS * self.means - DOUBT * doubts + 0.35


@dataclass(frozen=True, slots=True)
class SimulatedTurn:
    """``acts``, ``objections`` and ``needs`` are what the customer really does, ``move`` what the seller answers;
    ``so_far`` the columns of the conversion model as service counts them while it answers this turn."""

    turn: int
    acts: tuple[str, ...]
    objections: tuple[str, ...]
    needs: tuple[str, ...]
    move: Move
    so_far: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class SimulatedConversation:
    """``truth``: probability of buying given the hidden state at the end. No model can know more (the Bayes ceiling)."""

    persona: str
    vertical: Vertical
    style: Style
    turns: tuple[SimulatedTurn, ...]
    outcome: Outcome
    truth: float

    @property
    def bought(self) -> bool:
        return self.outcome == "converted"


@dataclass(slots=True)
class Seen:
    """What the seller knows: the ledger of objections as the product keeps it, and counts. ``acts`` are this turn's."""

    turn: int = 0
    acts: frozenset[str] = frozenset()
    ledger: dict[str, str] = field(default_factory=dict[str, str])
    changed: dict[str, int] = field(default_factory=dict[str, int])
    needs: set[str] = field(default_factory=set[str])
    offer: bool = False
    price: bool = False
    agreed: int = 0
    declined: int = 0

    def unanswered(self) -> list[str]:
        return [name for name, state in self.ledger.items() if state in ("raised", "reopened")]


Seller = Callable[[Seen, np.random.Generator], Move]


def simulate(conversations: int, seed: int, seller: Seller | None = None) -> Iterator[SimulatedConversation]:
    """The same conversations for the same seed, whatever their number. ``seller``: the ordinary one if none is given."""
    rng, outward = np.random.default_rng((seed, 0)), np.random.default_rng((seed, 1))
    for _ in range(conversations):
        vertical: Vertical = "fitness" if outward.random() < 0.5 else "roofing"
        style = Style(
            "es" if outward.random() < 0.5 else "en", bool(outward.random() < 0.5), bool(outward.random() < 0.5)
        )
        yield _converse(vertical, style, seller or ordinary_seller, rng)


def bayes_ceiling(conversations: Sequence[SimulatedConversation]) -> Interval | None:
    """AUC of the truth itself: what a model would reach that looked into people's heads at the end."""
    return auc([one.bought for one in conversations], [one.truth for one in conversations])


def draw_buyer(persona: Persona, needs: Sequence[str], rng: np.random.Generator) -> Buyer:
    """Somebody of the kind, who has one to three of ``needs``."""
    doubts = {
        name: float(rng.uniform(0.3, 1.3))
        for name in OBJECTIONS
        if rng.random() < (0.5 if name in persona.doubts else 0.16)
    }
    wanted = rng.permutation(needs)[: int(rng.integers(1, 4))]
    return Buyer(
        want=float(rng.normal(0.2 + persona.want, 1.0)),
        trust=float(rng.normal(persona.trust, 0.8)),
        means=float(rng.normal(0.1 + persona.means, 0.8)),
        politeness=float(np.clip(rng.beta(2, 2) + persona.politeness, 0, 1)),
        patience=int(np.clip(rng.normal(8.5 + persona.patience, 3), 2, MOST_TURNS)),
        walks_at=float(rng.normal(-1.6, 0.7)),
        decides_at=float(rng.normal(1.1, 0.7)),
        needs=tuple(str(need) for need in wanted),
        doubts=doubts,
    )


def _converse(vertical: Vertical, style: Style, seller: Seller, rng: np.random.Generator) -> SimulatedConversation:
    persona = PERSONAS[int(rng.integers(len(PERSONAS)))]
    buyer = draw_buyer(persona, NEEDS[vertical], rng)
    seen, last, told, left = Seen(), None, 0, False
    turns: list[SimulatedTurn] = []
    for number in range(1, buyer.patience + 1):
        over = number > 1 and rng.random() < 0.16
        left = over and buyer.inclination() < buyer.walks_at
        decided = over and buyer.inclination() > buyer.decides_at
        acts, objections = (
            (one_of(partings(buyer, left), rng.random()), ()) if left or decided else _behaviour(buyer, seen, last, rng)
        )
        needs = buyer.needs[told : told + 1] if "inform" in acts else ()
        told += len(needs)
        seen.turn, seen.acts = number, _noticed(acts, ACTS_SEEN, rng)
        counts = _counted(seen)
        _hear(seen, _noticed(objections, OBJECTIONS, rng, IMAGINED / 3), needs if rng.random() >= MISSED else ())
        last = seller(seen, rng)
        turns.append(SimulatedTurn(number, acts, objections, needs, last, counts))
        _affect(buyer, seen, last, rng)
        if left or decided or ("buy" in acts and rng.random() < 0.3):
            break
    if left:
        buyer.trust -= 0.8
    chance = squash(DECISIVENESS * buyer.inclination())
    truth = with_label_noise(chance)
    bought = bool(rng.random() < truth)
    later = not left and buyer.inclination() > -0.3
    outcome: Outcome = "converted" if bought else "follow_up" if later else "lost"
    return SimulatedConversation(persona.name, vertical, style, tuple(turns), outcome, truth)


def partings(buyer: Buyer, left: bool) -> Mapping[tuple[str, ...], float]:
    """What somebody does who leaves, or who has decided to buy: acts with their weights."""
    polite = buyer.politeness
    if left:
        return {
            ("goodbye", "thank"): 0.2 + polite,
            ("decline",): 0.5,
            ("opt_out",): 0.3,
            ("angry",): 0.3 * (1 - polite),
        }
    return {
        ("buy",): 0.4,
        ("agree", "buy"): 0.2,
        ("agree", "book"): 0.4,
        ("goodbye", "thank"): 0.2 + 0.3 * polite,
    }


def _behaviour(
    buyer: Buyer, seen: Seen, last: Move | None, rng: np.random.Generator
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the customer does in a turn: acts and objections, one thing at a time, as people do."""
    done = one_of(leanings(buyer, seen, last), rng.random())
    if not isinstance(done, str):
        return done, ()
    beside = _BESIDE[done]
    return beside[int(rng.integers(len(beside)))], (done,)


def leanings(buyer: Buyer, seen: Seen, last: Move | None) -> dict[tuple[str, ...] | str, float]:
    """How much he leans to each thing he may do after the seller's ``last`` move: acts together, or an objection's name."""
    warmth, polite = squash(1.6 * buyer.inclination()), buyer.politeness
    proposed = last in ("present", "close", "follow_up", "offer_incentive", "wind_up")
    settled = any(state == "addressed" and buyer.doubts.get(name, 0.0) < 0.4 for name, state in seen.ledger.items())
    weights: dict[tuple[str, ...], float] = {
        ("inform",): 1.6 if last in (None, "ask") else 0.3,
        ("ask_info", "inform"): 0.2,
        ("ask_info",): 0.15 + 0.4 * squash(1.5 * buyer.want),
        ("ask_price",): 0.1 if seen.price else 0.5,
        ("ask_discount",): 0.08 + 0.3 * squash(-2 * buyer.means) if seen.price else 0.03,
        ("book",): 0.05 + 0.3 * warmth,
        ("decline",): (0.4 if last is None else 1.2 if not proposed else 2.4) * (1 - warmth) * (1 - 0.5 * polite),
        ("ask_proof",): 0.05 + 0.25 * squash(-2 * buyer.trust),
    }
    if last is not None:
        yes = 0.7 * warmth + 0.15 * polite
        weights |= {
            ("agree",): yes * (2 if proposed else 1),
            ("agree", "book"): 0.4 * yes * (2 if proposed else 1),
            ("resolved",): 0.6 if settled else 0.03,
            ("buy",): (0.5 if last == "close" else 0.2) * (0.35 * warmth + 0.5 * polite),
            ("agree", "buy"): 0.15 * polite * proposed,
            ("angry",): 0.12 * (1 - warmth) * (1 - polite),
        }
    shy = 0.5 if last is None else 1.0
    objecting = {name: shy * doubt * (0.5 if name in seen.ledger else 0.9) for name, doubt in buyer.doubts.items()}
    return {**weights, **objecting}


def _noticed(
    done: Sequence[str], known: Sequence[str], rng: np.random.Generator, imagined: float = IMAGINED
) -> frozenset[str]:
    """``done`` through the eyes of an imperfect predictor that knows ``known``."""
    luck = rng.random(len(known))
    return frozenset(
        name for name, drawn in zip(known, luck, strict=True) if (drawn >= MISSED if name in done else drawn < imagined)
    )


def _counted(seen: Seen) -> dict[str, float]:
    """As ``agent.nodes.counted``: the ledger and the sums are as the turn before left them, the acts are this turn's."""
    states = list(seen.ledger.values())
    return {
        "turns": float(seen.turn),
        "open_objections": float(len(states) - states.count("resolved")),
        "resolved_objections": float(states.count("resolved")),
        "reopened_objections": float(states.count("reopened")),
        "needs_known": float(len(seen.needs)),
        "offer_known": float(seen.offer),
        "price_known": float(seen.price),
        "agreed_before": float(seen.agreed),
        "declined_before": float(seen.declined),
        **{f"act_{act}": 1.0 for act in ACTS_SEEN if act in seen.acts},
    }


def _hear(seen: Seen, objections: frozenset[str], needs: Sequence[str]) -> None:
    """As ``agent.decision.ledger.hear``: raised, reopened, or settled by a yes or by silence."""
    heard = objections | {"price"} if "ask_discount" in seen.acts else objections
    yes = bool(seen.acts & {"resolved", "agree", "buy", "book"})
    for name in sorted(heard | set(seen.ledger)):
        state = seen.ledger.get(name)
        moved_on = seen.turn - seen.changed.get(name, seen.turn) >= 2
        if name in heard:
            seen.ledger[name] = "raised" if state in (None, "raised") else "reopened"
            seen.changed[name] = seen.turn
        elif state != "resolved" and (
            seen.acts & {"resolved", "buy"} or (yes or moved_on if state == "addressed" else yes and moved_on)
        ):
            seen.ledger[name] = "resolved"
            seen.changed[name] = seen.turn
    seen.needs.update(needs)
    seen.agreed += "agree" in seen.acts
    seen.declined += "decline" in seen.acts


def ordinary_seller(seen: Seen, rng: np.random.Generator) -> Move:
    """Middling: mostly answers what he hears, asks before he presents, closes now and then; sometimes does anything."""
    free: tuple[Move, ...] = ("ask", "present", "close", "answer_question", "follow_up", "wind_up")
    asked: Mapping[str, Move] = {
        "ask_price": "tell_price",
        "ask_discount": "offer_incentive",
        "ask_proof": "show_proof",
        "ask_info": "answer_question",
    }
    if rng.random() < 0.3:
        return free[int(rng.integers(len(free)))]
    if seen.acts & {"buy", "book", "goodbye", "opt_out", "angry", "decline"} and rng.random() < 0.5:
        return "wind_up"
    if seen.unanswered() and rng.random() < 0.75:
        return "answer_objection"
    for act, move in asked.items():
        if act in seen.acts:
            return move
    if not seen.needs and seen.turn <= 4:
        return "ask"
    if not seen.offer:
        return "present"
    return free[int(rng.choice(len(free), p=(0.3, 0.15, 0.3, 0.1, 0.1, 0.05)))]


def _affect(buyer: Buyer, seen: Seen, move: Move, rng: np.random.Generator) -> None:
    """What the seller's move does to the buyer, and to what is known."""
    unanswered = seen.unanswered()
    if move in ("answer_objection", "show_proof", "offer_incentive") and unanswered:
        helped = {"show_proof": {"trust", "competitor", "fit", "no_need"}, "offer_incentive": {"price", "commitment"}}
        for name in [name for name in unanswered if name in helped.get(move, set(OBJECTIONS))][:2]:
            seen.ledger[name], seen.changed[name] = "addressed", seen.turn
            if name in buyer.doubts:
                buyer.doubts[name] *= float(rng.uniform(0.2, 0.9))
    if move in ("present", "tell_price", "close"):
        seen.offer = True
    if move == "tell_price" and not seen.price:
        seen.price = True
        buyer.want += float(rng.normal(0.15 * buyer.means, 0.1))
    elif move == "present":
        buyer.want += float(rng.normal(0.12 if seen.needs else -0.05, 0.15))
    elif move == "close":
        buyer.trust -= 0.2 if unanswered or not seen.offer else 0.0
        buyer.want += float(rng.normal(0.08, 0.1))
    elif move == "show_proof":
        buyer.trust += float(rng.normal(0.12, 0.1))
    elif move == "offer_incentive":
        buyer.means += 0.1
    elif move in ("ask", "answer_question", "answer_objection"):
        buyer.trust += float(rng.normal(0.04, 0.06))
    if unanswered and move not in ("answer_objection", "show_proof", "offer_incentive"):
        buyer.trust -= 0.08


def one_of(weights: Mapping[Choice, float], luck: float) -> Choice:
    """A key, as often as its weight says. ``luck`` is drawn evenly from [0, 1)."""
    ends = list(accumulate(weights.values()))
    return list(weights)[min(bisect_right(ends, luck * ends[-1]), len(weights) - 1)]


def with_label_noise(chance: float) -> float:
    """``chance`` of buying when some outcomes are turned over."""
    return chance * (1 - LABEL_NOISE) + (1 - chance) * LABEL_NOISE


def squash(value: float) -> float:
    return 1.0 / (1.0 + math.exp(-value))
