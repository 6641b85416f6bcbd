"""Protocols for what a message does, grouped by dialogue: strategies of negotiators, acts of the persuaded."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from sklearn.model_selection import GroupKFold

from benchmarks.public.figures import Figure
from benchmarks.public.heads import best_threshold, f1, fit, inner_probabilities, many_hot, one_hot
from benchmarks.public.views import Represent, both, encode
from training_data.public.dialogues import Sentence, Strategies, read_casino, read_persuasion_acts

FOLDS = 5
NO_STRATEGY = "non-strategic"
FIRST = "(first)"
"""Stands for the line before the first one."""


def strategy_f1(represent: Represent, messages: Sequence[Strategies]) -> dict[str, float]:
    """F1 of each strategy over 5 folds of unseen dialogues; thresholds come from inner folds of the training part."""
    texts = [message.text for message in messages]
    names = sorted({name for message in messages for name in message.strategies} - {NO_STRATEGY})
    target = many_hot([message.strategies for message in messages], names)
    groups = np.array([message.dialogue for message in messages])
    guess = np.zeros(target.shape, dtype=bool)

    for learn, judge in GroupKFold(FOLDS).split(texts, groups=groups):
        seen, unseen = represent.views([texts[i] for i in learn], [texts[i] for i in judge])
        inner = inner_probabilities(seen, target[learn], represent.penalty, groups[learn])
        least = [best_threshold(target[learn, i, None], inner[:, i, None]) for i in range(len(names))]
        head = fit(seen, target[learn], represent.penalty, "several")
        guess[judge] = head.probabilities(unseen) >= np.array(least)
    return {name: f1(target[:, i], guess[:, i]) for i, name in enumerate(names)}


def casino(data: Path, seed: int, advance: Callable[[int], None]) -> list[Figure]:
    messages = list(read_casino(data))
    ours = encode([message.text for message in messages], advance)
    mine, plain = both(strategy_f1, ours, messages)
    macro = Figure(
        "casino",
        "macro-F1 of 9 strategies",
        float(np.mean(list(mine.values()))),
        float(np.mean(list(plain.values()))),
        n=len(messages),
    )
    each = [
        Figure("casino", f"F1 {name}", mine[name], plain[name], n=sum(name in one.strategies for one in messages))
        for name in mine
    ]
    return [macro, *each]


def act_scores(represent: Represent, sentences: Sequence[Sentence], with_line_before: bool) -> tuple[float, float]:
    """Accuracy and macro-F1 of the customer's acts over 5 folds of unseen dialogues.

    ``with_line_before`` adds what the other one said last, as columns of its own.
    """
    before = lines_before(sentences)
    own = [i for i, sentence in enumerate(sentences) if sentence.speaker == "customer"]
    acts = [sentences[i].act for i in own]
    names = sorted(set(acts))
    groups = np.array([sentences[i].dialogue for i in own])
    guess = np.zeros(len(own), dtype=int)
    for learn, judge in GroupKFold(FOLDS).split(own, groups=groups):
        seen, unseen = represent.views([sentences[own[i]].text for i in learn], [sentences[own[i]].text for i in judge])
        if with_line_before:
            heard, asked = represent.views([before[own[i]] for i in learn], [before[own[i]] for i in judge])
            seen, unseen = seen.beside(heard), unseen.beside(asked)
        head = fit(seen, one_hot([acts[i] for i in learn], names), represent.penalty, "one")
        guess[judge] = head.probabilities(unseen).argmax(axis=1)
    truth = np.array([names.index(act) for act in acts])
    return float((truth == guess).mean()), f1(truth, guess, "macro")


def lines_before(sentences: Sequence[Sentence]) -> list[str]:
    """Of each sentence the last one of the other speaker in the same dialogue."""
    last: dict[tuple[str, str], str] = {}
    found: list[str] = []
    for sentence in sentences:
        other = "seller" if sentence.speaker == "customer" else "customer"
        found.append(last.get((sentence.dialogue, other), FIRST))
        last[sentence.dialogue, sentence.speaker] = sentence.text
    return found


def persuasion_acts(data: Path, seed: int, advance: Callable[[int], None]) -> list[Figure]:
    sentences = list(read_persuasion_acts(data))
    ours = encode([*(sentence.text for sentence in sentences), FIRST], advance)
    n = sum(sentence.speaker == "customer" for sentence in sentences)
    kinds = len({sentence.act for sentence in sentences if sentence.speaker == "customer"})
    found: list[Figure] = []
    for note, context in (("", False), (", with the line before", True)):
        mine, plain = both(act_scores, ours, sentences, context)
        found += [
            Figure("persuasionforgood", f"accuracy of {kinds} acts{note}", mine[0], plain[0], n=n),
            Figure("persuasionforgood", f"macro-F1 of {kinds} acts{note}", mine[1], plain[1], n=n),
        ]
    return found
