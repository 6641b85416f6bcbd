"""What the report shows beside the figures: confusions, groups of rows, the worst errors. Pure, in a fixed order."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from agent.evaluation.figures import micro_f1, share
from agent.evaluation.utterances import Answer

NONE = "none"
WORST = 20
"""How many errors of each sort are shown."""
MOST_GROUPS = 30
"""How many groups are shown: notes may be sentences, each another one."""


@dataclass(frozen=True, slots=True)
class Confusion:
    """``counts[i][j]``: rows whose only label is ``gold[i]``, of which ``said[j]`` was said. ``shares``: of the row."""

    gold: tuple[str, ...]
    said: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    shares: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that have something in common. ``exact``: share whose set of labels is right. ``None``: nothing to divide by."""

    name: str
    n: int
    exact: float | None
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class Mistake:
    """A label that was said and is not so, or is so and was not said; ``probability`` is what the predictor gave it."""

    answer: Answer
    label: str
    probability: float
    evidence: tuple[str, ...]


def confusion(answers: Iterable[Answer]) -> Confusion:
    """Over rows with one label or none. Of several said labels the right one counts, else the most probable."""
    counted: dict[tuple[str, str], int] = {}
    names: dict[str, None] = {}
    for answer in answers:
        if len(answer.gold) > 1:
            continue
        names.update(dict.fromkeys(answer.known))
        gold = next(iter(answer.gold), NONE)
        first = next((label.name for label in answer.prediction.labels), NONE)
        place = (gold, gold if gold in answer.said else first)
        counted[place] = counted.get(place, 0) + 1
    said = tuple(name for name in (*names, NONE) if any(name in place for place in counted))
    gold = tuple(name for name in said if any(name == place[0] for place in counted))
    counts = tuple(tuple(counted.get((row, column), 0) for column in said) for row in gold)
    return Confusion(gold, said, counts, tuple(tuple(cell / sum(row) for cell in row) for row in counts))


def groups(answers: Sequence[Answer], of: Callable[[Answer], str | None]) -> list[Group]:
    """The rows by what ``of`` says of them, the largest groups first; those of which it says nothing are left out."""
    found: dict[str, list[Answer]] = {}
    for answer in answers:
        name = of(answer)
        if name:
            found.setdefault(name, []).append(answer)
    made = [_group(name, rows) for name, rows in found.items()]
    return sorted(made, key=lambda group: (-group.n, group.name))[:MOST_GROUPS]


def _group(name: str, answers: Sequence[Answer]) -> Group:
    right = sum(len(answer.gold & answer.said) for answer in answers)
    said = sum(len(answer.said) for answer in answers)
    gold = sum(len(answer.gold) for answer in answers)
    return Group(
        name=name,
        n=len(answers),
        exact=share(answer.said == answer.gold for answer in answers),
        precision=right / said if said else None,
        recall=right / gold if gold else None,
        f1=micro_f1(answers),
    )


def language_right(answers: Iterable[Answer]) -> float | None:
    """Share of the rows that name their language where the product found the same; ``None`` where no row names one."""
    return share(answer.language == answer.row.language[:2].lower() for answer in answers if answer.row.language)


def false_alarms(answers: Iterable[Answer]) -> list[Mistake]:
    """Said and not so, the surest first."""
    found = [
        Mistake(answer, label.name, label.probability, label.evidence)
        for answer in answers
        for label in answer.prediction.labels
        if label.name not in answer.gold
    ]
    return sorted(found, key=lambda mistake: -mistake.probability)[:WORST]


def misses(answers: Iterable[Answer]) -> list[Mistake]:
    """So and not said, the least probable first."""
    found = [
        Mistake(answer, name, answer.prediction.probability(name), ())
        for answer in answers
        for name in sorted(answer.gold - answer.said)
    ]
    return sorted(found, key=lambda mistake: mistake.probability)[:WORST]
