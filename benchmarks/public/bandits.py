"""Protocol for off-policy evaluation: what would a policy have earned, from the log of another one."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.public.figures import Figure
from predictors.metrics import Interval
from training_data.public.bandits import Campaign, Choice, Policy, read_obd_small

LEAST_EFFECTIVE_SAMPLE = 100
RESAMPLES = 500
CAMPAIGNS: tuple[Campaign, ...] = ("men", "women")
WAYS: tuple[tuple[Policy, Policy], ...] = (("random", "bts"), ("bts", "random"))
POLICY_NAMES: dict[Policy, str] = {"random": "random", "bts": "Bernoulli Thompson sampling"}


class TooFewEffective(ValueError):
    """The log says too little about the policy: hardly any of its choices were logged often enough."""


def shares(choices: Sequence[Choice]) -> dict[tuple[int, int], float]:
    """How often a policy showed an item at a position, by ``(item, position)``; each position adds up to 1."""
    shown = Counter((choice.item, choice.position) for choice in choices)
    at = Counter(choice.position for choice in choices)
    return {(item, position): n / at[position] for (item, position), n in shown.items()}


def weights(log: Sequence[Choice], policy: Mapping[tuple[int, int], float]) -> NDArray[np.float64]:
    """How much likelier the policy was than the logged one to show what was shown; 0 for what it never shows."""
    return np.array([policy.get((choice.item, choice.position), 0.0) / choice.propensity for choice in log])


def effective_sample(weight: NDArray[np.float64]) -> float:
    """Kish's effective sample size: how many equally weighted cases say as much."""
    square = float(np.sum(weight**2))
    return float(np.sum(weight)) ** 2 / square if square else 0.0


def snips(clicked: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    """Self-normalised inverse propensity estimate of the click rate (Swaminathan and Joachims 2015)."""
    return float(np.dot(weight, clicked) / np.sum(weight))


def estimate(log: Sequence[Choice], policy: Mapping[tuple[int, int], float], seed: int) -> Interval:
    """SNIPS with a bootstrap interval. Raises ``TooFewEffective`` below an effective sample of 100."""
    weight = weights(log, policy)
    effective = effective_sample(weight)
    if effective < LEAST_EFFECTIVE_SAMPLE:
        raise TooFewEffective(f"effective sample {effective:.0f} of {len(log)}, {LEAST_EFFECTIVE_SAMPLE} needed")
    clicked = np.array([choice.clicked for choice in log], dtype=np.float64)
    rng = np.random.default_rng(seed)
    drawn = [rng.integers(0, len(log), len(log)) for _ in range(RESAMPLES)]
    low, high = np.quantile([snips(clicked[pick], weight[pick]) for pick in drawn], (0.025, 0.975))
    return Interval(snips(clicked, weight), float(low), float(high))


def obd_small(data: Path, seed: int, advance: Callable[[int], None]) -> list[Figure]:
    """The policy to judge is the one with the same shares of items as in its own log; its clicks are not looked at."""
    advance(0)
    found: list[Figure] = []
    for campaign in CAMPAIGNS:
        for logged, wanted in WAYS:
            log, own = list(read_obd_small(data, logged, campaign)), list(read_obd_small(data, wanted, campaign))
            policy = shares(own)
            way = f"{campaign}, {POLICY_NAMES[logged]} -> {POLICY_NAMES[wanted]}"
            try:
                value: Interval | str = estimate(log, policy, seed)
            except TooFewEffective as refusal:
                value = f"refused: {refusal}"
            effective = effective_sample(weights(log, policy))
            truth = float(np.mean([choice.clicked for choice in own]))
            found += [
                Figure("obd_small", f"click rate by SNIPS (beside: on-policy), {way}", value, truth, n=len(log)),
                Figure("obd_small", f"effective sample, {way}", round(effective, 1), n=len(log)),
            ]
    return found
