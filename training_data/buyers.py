"""Simulated buyers with a hidden truth. Outcomes follow from the hidden state and from what the seller does, with noise.

The visible part of a turn (what the customer does, which objections are open) is drawn from the hidden state and seen
through the errors that real predictors make; the outcome is drawn from the state alone, so saying yes is not buying.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

MOST_TURNS = 12
LABEL_NOISE = 0.08
"""Share of outcomes turned over: people who would have bought and did not, and the other way round."""
MISSED, IMAGINED = 0.2, 0.04
"""How often a predictor misses what the customer does, and sees what he does not."""

_ACTS = ("agree", "decline", "buy", "book", "ask_price", "ask_discount", "ask_info", "ask_proof", "resolved", "inform")


@dataclass(slots=True)
class Buyer:
    """Hidden truth: ``want`` and ``trust`` near zero are neutral, ``means`` is what he can pay over what it costs (log),
    ``politeness`` makes people agree without meaning it; ``patience`` counts turns."""

    want: float
    trust: float
    means: float
    politeness: float
    patience: int
    doubts: dict[str, float] = field(default_factory=dict[str, float])

    def inclination(self) -> float:
        return 1.3 * self.want + 0.8 * self.trust + 1.1 * self.means - 0.7 * sum(self.doubts.values()) - 0.6


@dataclass(frozen=True, slots=True)
class SimulatedTurn:
    """``so_far``: the columns of the conversion model as a seller's machine would count them after this turn."""

    turn: int
    so_far: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class SimulatedConversation:
    turns: tuple[SimulatedTurn, ...]
    bought: bool
    truth: float
    """Probability of buying given the hidden state at the end: no model can know more (the Bayes ceiling)."""


def simulate(conversations: int, seed: int) -> Iterator[SimulatedConversation]:
    """The same conversations for the same seed."""
    rng = np.random.default_rng(seed)
    for _ in range(conversations):
        yield _converse(rng)


def _buyer(rng: np.random.Generator) -> Buyer:
    doubts = {
        name: float(rng.uniform(0.3, 1.4))
        for name in ("price", "timing", "trust", "authority", "fit", "effort", "no_need", "competitor")
        if rng.random() < 0.28
    }
    return Buyer(
        want=float(rng.normal(0.3, 1.0)),
        trust=float(rng.normal(0.0, 0.8)),
        means=float(rng.normal(0.1, 0.9)),
        politeness=float(rng.beta(2, 2)),
        patience=int(rng.integers(3, MOST_TURNS + 1)),
        doubts=doubts,
    )


def _converse(rng: np.random.Generator) -> SimulatedConversation:
    buyer = _buyer(rng)
    seen = {"needs_known": 0.0, "offer_known": 0.0, "price_known": 0.0, "agreed_before": 0.0, "declined_before": 0.0}
    ledger: dict[str, str] = {}
    reopened = 0
    turns: list[SimulatedTurn] = []
    for number in range(1, buyer.patience + 1):
        for doubt, weight in list(buyer.doubts.items()):
            if doubt not in ledger and rng.random() < 0.25 + 0.15 * weight:
                ledger[doubt] = "open"
            elif ledger.get(doubt) == "resolved" and rng.random() < 0.08 * weight:
                ledger[doubt] = "open"
                reopened += 1
        acts = _acts(buyer, number, rng)
        turns.append(SimulatedTurn(number, _counted(number, acts, ledger, reopened, seen)))
        seen["agreed_before"] += acts["agree"]
        seen["declined_before"] += acts["decline"]
        _seller_acts(buyer, ledger, acts, seen, rng)
        if acts["buy"] or rng.random() < 0.1 * _squash(-buyer.inclination()):
            break
    truth = 1.0 / (1.0 + math.exp(-1.6 * buyer.inclination()))
    truth = truth * (1 - LABEL_NOISE) + (1 - truth) * LABEL_NOISE
    return SimulatedConversation(tuple(turns), bool(rng.random() < truth), truth)


def _acts(buyer: Buyer, number: int, rng: np.random.Generator) -> dict[str, float]:
    """What the customer does, through the eyes of imperfect predictors: 0 or 1 an act."""
    warmth = buyer.inclination()
    chance = {
        "agree": 0.12 + 0.25 * _squash(warmth) + 0.2 * buyer.politeness,
        "decline": 0.04 + 0.3 * _squash(-warmth) * (1 - 0.5 * buyer.politeness),
        "buy": 0.22 * _squash(warmth - 0.5) if number >= 3 else 0.01,
        "book": 0.05 + 0.15 * _squash(warmth),
        "ask_price": 0.3 if number <= 3 else 0.1,
        "ask_discount": 0.1 * _squash(-buyer.means) + 0.03,
        "ask_info": 0.2 + 0.12 * _squash(buyer.want),
        "ask_proof": 0.05 + 0.12 * _squash(-buyer.trust),
        "resolved": 0.04 + 0.08 * _squash(warmth),
        "inform": 0.5 if number <= 4 else 0.15,
    }
    return {
        act: float(rng.random() >= MISSED if rng.random() < chance[act] else rng.random() < IMAGINED) for act in _ACTS
    }


def _counted(
    number: int, acts: Mapping[str, float], ledger: Mapping[str, str], reopened: int, seen: Mapping[str, float]
) -> dict[str, float]:
    states = list(ledger.values())
    return {
        "turns": float(number),
        "open_objections": float(states.count("open")),
        "resolved_objections": float(states.count("resolved")),
        "reopened_objections": float(reopened),
        **seen,
        **{f"act_{act}": value for act, value in acts.items()},
    }


def _seller_acts(
    buyer: Buyer, ledger: dict[str, str], acts: Mapping[str, float], seen: dict[str, float], rng: np.random.Generator
) -> None:
    """An ordinary seller: answers doubts with mixed success, asks, presents, tells the price when asked."""
    for doubt in [name for name, state in ledger.items() if state == "open"]:
        if rng.random() < 0.45:
            buyer.doubts[doubt] *= float(rng.uniform(0.2, 0.9))
            if buyer.doubts[doubt] < 0.45:
                ledger[doubt] = "resolved"
    if acts["inform"]:
        seen["needs_known"] = min(4.0, seen["needs_known"] + 1)
    if acts["ask_price"]:
        seen["price_known"] = 1.0
        buyer.want += float(rng.normal(0.1 * buyer.means, 0.1))
    if seen["needs_known"] and rng.random() < 0.5:
        seen["offer_known"] = 1.0
        buyer.want += float(rng.normal(0.05, 0.1))
    buyer.trust += float(rng.normal(0.03, 0.08))


def _squash(value: float) -> float:
    return 1.0 / (1.0 + math.exp(-value))
