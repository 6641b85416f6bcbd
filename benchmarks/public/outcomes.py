"""Protocols for how a dialogue ends, from its first k messages only; and the traps that make such figures too good."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold

from benchmarks.public.acts import persuasion_acts
from benchmarks.public.figures import Figure
from benchmarks.public.heads import fit
from benchmarks.public.views import Ours, Represent, View, both, encode
from predictors.metrics import auc, brier_skill, expected_calibration_error
from training_data.public.dialogues import Message, read_craigslistbargain, read_persuasionforgood, read_promises

FOLDS = 5
INNER_FOLDS = 3
PENALTIES = (0.01, 0.1, 1.0, 10.0)
"""Inverse strengths to choose from on inner folds: with some hundred dialogues the usual one overfits."""
DONATION_PREFIXES = (2, 4, 6, 10)
BARGAIN_PREFIXES = (4, 6, 10)


@dataclass(frozen=True, slots=True)
class Ended:
    """A dialogue and how it ended."""

    messages: tuple[Message, ...]
    happened: bool


def first(dialogues: Sequence[Ended], k: int) -> list[Ended]:
    """The first ``k`` messages of the dialogues that have as many.

    A shorter dialogue is left out: at that point it is over, and a prefix of it would know the length.
    """
    return [Ended(one.messages[:k], one.happened) for one in dialogues if len(one.messages) >= k]


def half(dialogues: Sequence[Ended]) -> list[Ended]:
    """A trap: the first half of each dialogue, which knows the length."""
    return [Ended(one.messages[: (len(one.messages) + 1) // 2], one.happened) for one in dialogues if one.messages]


def probabilities(represent: Represent, dialogues: Sequence[Ended], seed: int) -> NDArray[np.float64]:
    """Of each dialogue the probability from a fold that has not seen it. Both speakers have columns of their own."""
    target = np.array([one.happened for one in dialogues], dtype=np.float32)
    found = np.zeros(len(dialogues))
    for learn, judge in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(target, target):
        seen, unseen = _views(represent, dialogues, learn, judge)
        penalty = best_penalty(seen, target[learn], seed)
        found[judge] = fit(seen, target[learn, None], penalty, "several").probabilities(unseen)[:, 0]
    return found


def _views(
    represent: Represent, dialogues: Sequence[Ended], learn: NDArray[np.int64], judge: NDArray[np.int64]
) -> tuple[View, View]:
    seen: list[View] = []
    unseen: list[View] = []
    for speaker in ("seller", "customer"):
        said = [[message.text for message in one.messages if message.speaker == speaker] for one in dialogues]
        a, b = represent.pooled([said[i] for i in learn], [said[i] for i in judge])
        seen.append(a)
        unseen.append(b)
    return seen[0].beside(seen[1]), unseen[0].beside(unseen[1])


def best_penalty(seen: View, target: NDArray[np.float32], seed: int) -> float:
    """Of ``PENALTIES`` the one with the lowest log loss over inner folds of the training part."""
    costs = np.zeros(len(PENALTIES))
    for learn, judge in StratifiedKFold(INNER_FOLDS, shuffle=True, random_state=seed).split(target, target):
        for i, penalty in enumerate(PENALTIES):
            guess = fit(seen[learn], target[learn, None], penalty, "several").probabilities(seen[judge])[:, 0]
            costs[i] += float(log_loss(target[judge], guess, labels=[0, 1]))
    return PENALTIES[int(np.argmin(costs))]


def _figures(name: str, outcome: str, when: str, ours: Ours, dialogues: Sequence[Ended], seed: int) -> list[Figure]:
    happened = np.array([one.happened for one in dialogues])
    guesses = both(probabilities, ours, dialogues, seed)
    n = len(dialogues)
    return [
        Figure(name, f"{outcome}, AUC, {when}", *(auc(happened, guess, seed=seed) for guess in guesses), n=n),
        Figure(name, f"{outcome}, Brier skill, {when}", *(brier_skill(happened, guess) for guess in guesses), n=n),
        Figure(
            name,
            f"{outcome}, ECE, {when}",
            *(expected_calibration_error(happened, guess) for guess in guesses),
            n=n,
        ),
    ]


def persuasionforgood(data: Path, seed: int, advance: Callable[[int], None]) -> list[Figure]:
    dialogues = [Ended(one.messages, one.given > 0) for one in read_persuasionforgood(data)]
    ours = encode([message.text for one in dialogues for message in one.messages], advance)
    found: list[Figure] = []
    for k in DONATION_PREFIXES:
        found += _figures("persuasionforgood", "gave money", f"first {k} messages", ours, first(dialogues, k), seed)
    found += _figures("persuasionforgood", "gave money", "trap: whole dialogue", ours, dialogues, seed)[:1]
    found.append(_length("persuasionforgood", "gave money", dialogues, seed))
    promises = list(read_promises(data))
    said_yes = [one for one in promises if one.promised > 0]
    given = np.array([one.given > 0 for one in promises])
    broken = sum(one.given == 0 for one in said_yes)
    found += [
        Figure("persuasionforgood", "trap: promised and gave nothing, share", broken / len(said_yes), n=len(said_yes)),
        Figure(
            "persuasionforgood",
            "trap: AUC of the promised amount for having given",
            auc(given, [one.promised for one in promises], seed=seed),
            n=len(promises),
        ),
    ]
    return found + persuasion_acts(data, seed, advance)


def craigslistbargain(data: Path, seed: int, advance: Callable[[int], None]) -> list[Figure]:
    dialogues = [Ended(one.messages, one.deal) for one in read_craigslistbargain(data)]
    ours = encode([message.text for one in dialogues for message in one.messages], advance)
    found: list[Figure] = []
    for k in BARGAIN_PREFIXES:
        found += _figures("craigslistbargain", "deal", f"first {k} messages", ours, first(dialogues, k), seed)
    found += _figures("craigslistbargain", "deal", "trap: first half", ours, half(dialogues), seed)[:1]
    found.append(_length("craigslistbargain", "deal", dialogues, seed))
    return found


def _length(name: str, outcome: str, dialogues: Sequence[Ended], seed: int) -> Figure:
    happened = np.array([one.happened for one in dialogues])
    lengths = length_scores(np.array([len(one.messages) for one in dialogues]), happened, seed)
    return Figure(
        name, f"{outcome}, AUC, trap: number of messages alone", auc(happened, lengths, seed=seed), n=len(happened)
    )


def length_scores(lengths: NDArray[np.int64], happened: NDArray[np.bool_], seed: int) -> NDArray[np.float64]:
    """Lengths, turned round where in the other folds the shorter ones are those that happened."""
    found = np.zeros(len(lengths))
    for learn, judge in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(lengths, happened):
        rises = roc_auc_score(happened[learn], lengths[learn]) >= 0.5
        found[judge] = lengths[judge] if rises else -lengths[judge]
    return found
