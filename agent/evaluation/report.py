"""The report: one HTML page that needs no network and no script. Figures and views are made here, shown by the template."""

# pyright: reportUnknownMemberType=false
from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from agent.evaluation import plots
from agent.evaluation.cases import Problem
from agent.evaluation.dialogues import JudgedTurn
from agent.evaluation.figures import DialogueScores, LabelScores, converted_after, pairs, unacceptable
from agent.evaluation.run import Dialogues, Evaluation, Labels
from agent.evaluation.tables import number
from agent.evaluation.views import Confusion, Group, Mistake, confusion, false_alarms, groups, language_right, misses

SHOWN_AT = ("4", "2", "6", "1", "10")
"""The fixed turn whose calibration is drawn: the first of these at which some dialogue was given a probability."""


@dataclass(frozen=True, slots=True)
class Tile:
    name: str
    value: str
    beside: str
    bad: bool = False


@dataclass(frozen=True, slots=True)
class LabelSection:
    name: str
    scores: LabelScores
    rules: LabelScores
    tiles: tuple[Tile, ...]
    calibration: Markup
    confusion: Confusion
    kinds: list[Group]
    languages: list[Group]
    language_right: float | None
    verticals: list[Group]
    false_alarms: list[Mistake]
    misses: list[Mistake]


@dataclass(frozen=True, slots=True)
class DialogueSection:
    scores: DialogueScores
    tiles: tuple[Tile, ...]
    auc: Markup | None
    calibration: Markup | None
    shown_at: str | None
    wrong: list[JudgedTurn]


def render_report(evaluation: Evaluation, problems: Sequence[Problem] = ()) -> str:
    """The page. The same evaluation gives the same text."""
    environment = Environment(
        loader=PackageLoader("agent.evaluation", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    return environment.get_template("report.html.j2").render(
        files=evaluation.files,
        problems=[str(problem) for problem in problems],
        sections=[_label_section(labels) for labels in evaluation.predictors],
        dialogues=_dialogue_section(evaluation.dialogues) if evaluation.dialogues else None,
    )


def _label_section(labels: Labels) -> LabelSection:
    scores, rules, answers = labels.scores, labels.rules, labels.answers
    name = labels.name.value
    return LabelSection(
        name=name,
        scores=scores,
        rules=rules,
        tiles=(
            Tile("macro-F1", number(scores.macro_f1), f"rules {number(rules.macro_f1)}"),
            Tile("micro-F1", number(scores.micro_f1), f"rules {number(rules.micro_f1)}"),
            Tile(
                "hard cases all right",
                number(scores.hard_accuracy),
                f"of {scores.n_hard}, rules {number(rules.hard_accuracy)}",
            ),
            Tile(
                "unlabelled rows right",
                number(scores.none_right),
                f"of {scores.n_none}, rules {number(rules.none_right)}",
            ),
            Tile("calibration error", number(scores.ece), f"rules {number(rules.ece)}"),
            Tile("utterances", str(scores.n), f"{scores.degraded} answered by rules", bad=scores.degraded > 0),
        ),
        calibration=_drawn(plots.calibration(f"{name}-calibration", pairs(answers), pairs(labels.answers_by_rules))),
        confusion=confusion(answers),
        kinds=groups(answers, lambda answer: answer.row.note),
        languages=groups(answers, lambda answer: answer.language),
        language_right=language_right(answers),
        verticals=groups(answers, lambda answer: answer.row.vertical),
        false_alarms=false_alarms(answers),
        misses=misses(answers),
    )


def _dialogue_section(dialogues: Dialogues) -> DialogueSection:
    scores, played = dialogues.scores, dialogues.played
    at = next((turn for turn in SHOWN_AT if turn in scores.conversion), None)
    shown = scores.conversion[at] if at else None
    return DialogueSection(
        scores=scores,
        tiles=(
            Tile("action agreement", number(scores.action_agreement), f"of {scores.n_acceptable} turns"),
            Tile(
                "forbidden action taken",
                str(scores.forbidden_taken),
                f"of {scores.n_forbidden} turns",
                bad=scores.forbidden_taken > 0,
            ),
            Tile(f"AUC after turn {at or '-'}", number(shown and shown.auc), f"of {shown.n if shown else 0} dialogues"),
            Tile("dialogues", str(scores.n), f"{scores.n_turns} customer turns"),
        ),
        auc=_drawn(plots.auc_by_turn("auc", scores.conversion)) if at else None,
        calibration=(
            _drawn(plots.calibration("conversion-calibration", converted_after(played, int(at)))) if at else None
        ),
        shown_at=at,
        wrong=unacceptable(turn for one in played for turn in one.turns),
    )


def _drawn(svg: str) -> Markup:
    """A plot of ours goes into the page as it is: it holds numbers and our own words only."""
    return Markup(svg)  # noqa: S704
