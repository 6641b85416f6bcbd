"""Protocols for messages with intents: full data, few examples, none of the known intents, several intents at once."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.public.figures import Figure
from benchmarks.public.heads import INNER_FOLDS, best_threshold, f1, fit, inner_probabilities, many_hot, one_hot
from benchmarks.public.views import Represent, both, encode
from training_data.public.intents import MultiQuery, Query, read_banking77, read_clinc150, read_nlupp_banking

SHOTS = 10
DRAWS = 5


def accuracy(represent: Represent, learn: Sequence[Query], judge: Sequence[Query]) -> float:
    names = sorted({query.intent or "" for query in learn})
    seen, unseen = represent.views([query.text for query in learn], [query.text for query in judge])
    head = fit(seen, one_hot([query.intent or "" for query in learn], names), represent.penalty, "one")
    guess = head.probabilities(unseen).argmax(axis=1)
    return float(np.mean([names[i] == query.intent for i, query in zip(guess, judge, strict=True)]))


def few(queries: Sequence[Query], shots: int, seed: int) -> list[Query]:
    """``shots`` examples of each intent, drawn at random."""
    order = np.random.default_rng(seed).permutation(len(queries))
    taken: dict[str | None, int] = {}
    drawn: list[Query] = []
    for i in order:
        if taken.get(queries[i].intent, 0) < shots:
            taken[queries[i].intent] = taken.get(queries[i].intent, 0) + 1
            drawn.append(queries[i])
    return drawn


def _few_shot_accuracy(represent: Represent, learn: Sequence[Query], judge: Sequence[Query], seed: int) -> float:
    return float(np.mean([accuracy(represent, few(learn, SHOTS, seed + i), judge) for i in range(DRAWS)]))


def banking77(data: Path, seed: int, advance: Callable[[int], None]) -> list[Figure]:
    queries = list(read_banking77(data))
    learn = [query for query in queries if query.part == "train"]
    judge = [query for query in queries if query.part == "test"]
    ours = encode([query.text for query in queries], advance)
    full = both(accuracy, ours, learn, judge)
    shots = both(_few_shot_accuracy, ours, learn, judge, seed)
    return [
        Figure("banking77", "accuracy, all 10,003 examples", *full, n=len(judge)),
        Figure("banking77", f"accuracy, {SHOTS} examples an intent (mean of {DRAWS} draws)", *shots, n=len(judge)),
    ]


def threshold_for(
    inside: NDArray[np.float64], right: NDArray[np.bool_], outside: NDArray[np.float64], *, even: bool
) -> float:
    """The threshold on the top probability below which a message is "none of these".

    ``inside``: top probabilities of in-scope messages, of which ``right`` got their intent; ``outside``: of the others.
    Best is the accuracy over all, or with ``even`` the mean of in-scope accuracy and out-of-scope recall. The lowest of
    equally good thresholds is taken.
    """
    values = np.unique(np.concatenate([inside, outside]))
    candidates = np.concatenate([[0.0], (values[1:] + values[:-1]) / 2, [1.0]])
    kept = np.sort(inside[right])
    hits = len(kept) - np.searchsorted(kept, candidates, side="left")
    refused = np.searchsorted(np.sort(outside), candidates, side="left")
    worth = hits / len(inside) + refused / len(outside) if even else hits + refused
    return float(candidates[int(np.argmax(worth))])


def _scope(represent: Represent, queries: Sequence[Query]) -> dict[str, float]:
    learn = [query for query in queries if query.part == "train" and query.intent is not None]
    rest = [query for query in queries if query.part != "train"]
    names = sorted({query.intent for query in learn if query.intent})
    seen, unseen = represent.views([query.text for query in learn], [query.text for query in rest])
    head = fit(seen, one_hot([query.intent or "" for query in learn], names), represent.penalty, "one")
    found = head.probabilities(unseen)
    top, guess = found.max(axis=1), found.argmax(axis=1)
    right = np.array([names[i] == query.intent for i, query in zip(guess, rest, strict=True)])
    inside = np.array([query.intent is not None for query in rest])
    choose = np.array([query.part == "validation" for query in rest])
    figures = {"in-scope accuracy": float(right[inside & ~choose].mean())}
    for name, even in (("accuracy", False), ("both alike", True)):
        at = threshold_for(top[inside & choose], right[inside & choose], top[~inside & choose], even=even)
        figures[f"out-of-scope recall, threshold for {name}"] = float((top[~inside & ~choose] < at).mean())
        figures[f"in-scope accuracy left, threshold for {name}"] = float((right & (top >= at))[inside & ~choose].mean())
    return figures


def clinc150(data: Path, seed: int, advance: Callable[[int], None]) -> list[Figure]:
    """The threshold is chosen on the validation part; the out-of-scope training messages are not used."""
    queries = list(read_clinc150(data))
    ours = encode([query.text for query in queries if query.part != "train" or query.intent], advance)
    mine, plain = both(_scope, ours, queries)
    test = [query for query in queries if query.part == "test"]
    outside = sum(query.intent is None for query in test)
    return [
        Figure("clinc150", name, mine[name], plain[name], n=outside if "recall" in name else len(test) - outside)
        for name in mine
    ]


def micro_f1(represent: Represent, queries: Sequence[MultiQuery], learn_from_one: bool) -> float:
    """Over all folds: learn from the others and judge one, or learn from one and judge the others.

    The threshold, one for all intents, comes from inner folds of the part that is learnt from.
    """
    folds = np.array([query.fold for query in queries])
    texts = [query.text for query in queries]
    all_names = sorted({name for query in queries for name in query.intents})
    target = many_hot([query.intents for query in queries], all_names)
    truth: list[NDArray[np.float32]] = []
    guess: list[NDArray[np.bool_]] = []
    for fold in np.unique(folds):
        learn = np.flatnonzero((folds == fold) == learn_from_one)
        judge = np.flatnonzero((folds == fold) != learn_from_one)
        seen, unseen = represent.views([texts[i] for i in learn], [texts[i] for i in judge])
        inner = inner_probabilities(seen, target[learn], represent.penalty, np.arange(len(learn)) % INNER_FOLDS)
        head = fit(seen, target[learn], represent.penalty, "several")
        truth.append(target[judge])
        guess.append(head.probabilities(unseen) >= best_threshold(target[learn], inner))
    return f1(np.vstack(truth), np.vstack(guess), "micro")


def nlupp_banking(data: Path, seed: int, advance: Callable[[int], None]) -> list[Figure]:
    queries = list(read_nlupp_banking(data))
    ours = encode([query.text for query in queries], advance)
    return [
        Figure(
            "nlupp_banking", "micro-F1, nineteen folds to learn", *both(micro_f1, ours, queries, False), n=len(queries)
        ),
        Figure(
            "nlupp_banking", "micro-F1, one fold to learn", *both(micro_f1, ours, queries, True), n=len(queries) * 19
        ),
    ]
