"""Figures of merit from answers and played dialogues. Pure; ``None`` stands where a figure has nothing to stand on."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from agent.evaluation.dialogues import JudgedTurn, Played
from agent.evaluation.utterances import Answer
from predictors.metrics import FIXED_TURNS, auc, brier_skill, expected_calibration_error


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """Of one label. ``n`` rows have it; a ratio without denominator is 0."""

    precision: float
    recall: float
    f1: float
    n: int


@dataclass(frozen=True, slots=True)
class LabelScores:
    """Of one predictor over ``n`` rows.

    ``macro_f1``: mean over the labels that at least one row has. ``micro_f1``: over all pairs of row and label.
    ``hard_accuracy``: share of hard rows (with a note) whose set of labels is exactly right; ``hard_f1``: micro over them.
    ``none_right``: share of the rows without label of which nothing was said. ``ece``: over all pairs of row and label
    that the playbook has. ``degraded``: rows that the model did not answer.
    """

    macro_f1: float | None
    micro_f1: float | None
    hard_accuracy: float | None
    hard_f1: float | None
    none_right: float | None
    ece: float
    n: int
    n_hard: int
    n_none: int
    degraded: int
    version: str
    per_label: Mapping[str, LabelFigures]


@dataclass(frozen=True, slots=True)
class ConversionScores:
    """After one fixed turn, of the ``n`` dialogues that got that far and were given a probability. ``auc`` with its 95 %
    interval, ``None`` for one outcome only."""

    auc: float | None
    auc_low: float | None
    auc_high: float | None
    brier: float
    brier_skill: float
    ece: float
    n: int


@dataclass(frozen=True, slots=True)
class DialogueScores:
    """Over ``n`` dialogues. ``action_agreement``: share of the ``n_acceptable`` turns with acceptable actions where one of
    them was taken. ``forbidden_taken`` of the ``n_forbidden`` turns with forbidden actions; ``forbidden_share`` of them.
    ``conversion``: by fixed turn, as text; a turn without any dialogue is absent."""

    action_agreement: float | None
    forbidden_taken: int
    forbidden_share: float | None
    n: int
    n_turns: int
    n_acceptable: int
    n_forbidden: int
    degraded: int
    conversion: Mapping[str, ConversionScores]


def label_scores(answers: Sequence[Answer]) -> LabelScores | None:
    """``None`` without answers."""
    if not answers:
        return None
    hard = [answer for answer in answers if answer.row.note]
    unlabelled = [answer for answer in answers if not answer.gold]
    per_label = per_label_figures(answers)
    supported = [figures.f1 for figures in per_label.values() if figures.n]
    target, probability = pairs(answers)
    return LabelScores(
        macro_f1=float(np.mean(supported)) if supported else None,
        micro_f1=micro_f1(answers),
        hard_accuracy=share(answer.said == answer.gold for answer in hard),
        hard_f1=micro_f1(hard),
        none_right=share(not answer.said for answer in unlabelled),
        ece=expected_calibration_error(target, probability),
        n=len(answers),
        n_hard=len(hard),
        n_none=len(unlabelled),
        degraded=sum(answer.prediction.degraded is not None for answer in answers),
        version=", ".join(sorted({answer.prediction.version for answer in answers})),
        per_label=per_label,
    )


def per_label_figures(answers: Iterable[Answer]) -> dict[str, LabelFigures]:
    """By label, those with most rows first; labels that were only said, though no row has them, are there with ``n`` 0."""
    right: Counter[str] = Counter()
    said: Counter[str] = Counter()
    gold: Counter[str] = Counter()
    for answer in answers:
        right.update(answer.gold & answer.said)
        said.update(answer.said)
        gold.update(answer.gold)
    found = {
        name: LabelFigures(
            precision=right[name] / said[name] if said[name] else 0.0,
            recall=right[name] / gold[name] if gold[name] else 0.0,
            f1=2 * right[name] / (said[name] + gold[name]),
            n=gold[name],
        )
        for name in {*gold, *said}
    }
    return dict(sorted(found.items(), key=lambda item: (-item[1].n, item[0])))


def micro_f1(answers: Iterable[Answer]) -> float | None:
    """``None`` where no row has a label and none was said."""
    right = total = 0
    for answer in answers:
        right += len(answer.gold & answer.said)
        total += len(answer.gold) + len(answer.said)
    return 2 * right / total if total else None


def pairs(answers: Iterable[Answer]) -> tuple[list[bool], list[float]]:
    """Whether each label applies and the probability it was given, for all pairs of row and label of the playbook."""
    target: list[bool] = []
    probability: list[float] = []
    for answer in answers:
        for name in answer.known:
            target.append(name in answer.gold)
            probability.append(answer.prediction.probability(name))
    return target, probability


def share(facts: Iterable[bool]) -> float | None:
    """How many of ``facts`` are so, in [0, 1]; ``None`` of nothing."""
    known = list(facts)
    return sum(known) / len(known) if known else None


def dialogue_scores(played: Sequence[Played]) -> DialogueScores | None:
    """``None`` without dialogues."""
    if not played:
        return None
    turns = [turn for one in played for turn in one.turns]
    acceptable = [turn for turn in turns if turn.acceptable]
    forbidden = [turn for turn in turns if turn.forbidden]
    taken = [turn.action in turn.forbidden for turn in forbidden]
    scores = {str(turn): conversion_scores(*converted_after(played, turn)) for turn in FIXED_TURNS}
    return DialogueScores(
        action_agreement=share(turn.action in turn.acceptable for turn in acceptable),
        forbidden_taken=sum(taken),
        forbidden_share=share(taken),
        n=len(played),
        n_turns=len(turns),
        n_acceptable=len(acceptable),
        n_forbidden=len(forbidden),
        degraded=sum(bool(turn.degraded) for turn in turns),
        conversion={turn: found for turn, found in scores.items() if found is not None},
    )


def converted_after(played: Iterable[Played], turn: int) -> tuple[list[bool], list[float]]:
    """Of the dialogues that have ``turn`` customer turns: whether they converted, and the probability given after it.
    Those of which the product gave none are left out."""
    given = [(one, one.turns[turn - 1].conversion) for one in played if len(one.turns) >= turn]
    known = [(one.row.outcome == "converted", probability) for one, probability in given if probability is not None]
    return [converted for converted, _ in known], [probability for _, probability in known]


def conversion_scores(target: Sequence[bool], probability: Sequence[float]) -> ConversionScores | None:
    if not target:
        return None
    area = auc(target, probability)
    error = np.asarray(probability) - np.asarray(target, dtype=np.float64)
    return ConversionScores(
        auc=area.value if area else None,
        auc_low=area.low if area else None,
        auc_high=area.high if area else None,
        brier=float(np.mean(error**2)),
        brier_skill=brier_skill(target, probability),
        ece=expected_calibration_error(target, probability),
        n=len(target),
    )


def unacceptable(turns: Iterable[JudgedTurn]) -> list[JudgedTurn]:
    """Turns whose action was forbidden, or none of the acceptable ones; the forbidden first."""
    wrong = [turn for turn in turns if not turn.right]
    return sorted(wrong, key=lambda turn: turn.action not in turn.forbidden)
