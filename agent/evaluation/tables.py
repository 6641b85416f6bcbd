"""The figures as tables in a terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.evaluation.figures import DialogueScores, LabelScores
from agent.evaluation.run import Evaluation, Labels


def show(console: Console, evaluation: Evaluation) -> None:
    for labels in evaluation.predictors:
        console.print(_labels(labels))
        console.print(_summary(labels.scores, labels.rules), Text())
    if evaluation.dialogues is not None:
        if evaluation.dialogues.scores.conversion:
            console.print(_conversion(evaluation.dialogues.scores))
        console.print(_decisions(evaluation.dialogues.scores))


def _labels(labels: Labels) -> Table:
    scores, rules = labels.scores, labels.rules
    table = _table(f"{labels.name.value}: {scores.n} utterances, {scores.version}", ("label",))
    for column in ("n", "precision", "recall", "F1", "F1 of the rules"):
        table.add_column(column, justify="right")
    for name, figures in scores.per_label.items():
        by_rules = rules.per_label.get(name)
        cells = (figures.precision, figures.recall, figures.f1, by_rules.f1 if by_rules else 0.0)
        table.add_row(name, str(figures.n), *(number(cell) for cell in cells))
    return table


def _summary(scores: LabelScores, rules: LabelScores) -> Text:
    figures = {
        "macro-F1": (scores.macro_f1, rules.macro_f1),
        "micro-F1": (scores.micro_f1, rules.micro_f1),
        f"hard cases all right (of {scores.n_hard})": (scores.hard_accuracy, rules.hard_accuracy),
        f"unlabelled rows right (of {scores.n_none})": (scores.none_right, rules.none_right),
        "ECE": (scores.ece, rules.ece),
    }
    text = Text()
    for name, (ours, theirs) in figures.items():
        text.append(f"{name} ").append(number(ours), style="bold").append(f" (rules {number(theirs)})  ", style="dim")
    if scores.degraded:
        text.append(f"{scores.degraded} rows answered by the rules, not by the model", style="yellow")
    return text


def _conversion(scores: DialogueScores) -> Table:
    table = _table(f"dialogues: {scores.n}, conversion after a customer's turn", ("turn",))
    for column in ("n", "AUC", "95 %", "Brier", "skill", "ECE"):
        table.add_column(column, justify="right")
    for turn, at in scores.conversion.items():
        interval = f"{number(at.auc_low)} to {number(at.auc_high)}" if at.auc is not None else "-"
        table.add_row(
            turn, str(at.n), number(at.auc), interval, number(at.brier), number(at.brier_skill), number(at.ece)
        )
    return table


def _decisions(scores: DialogueScores) -> Text:
    text = Text("action agreement ").append(number(scores.action_agreement), style="bold")
    text.append(f" of {scores.n_acceptable} turns  forbidden action taken ")
    style = "bold red" if scores.forbidden_taken else "bold"
    return text.append(str(scores.forbidden_taken), style=style).append(f" of {scores.n_forbidden} turns")


def _table(title: str, columns: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column)
    return table


def number(value: float | None) -> str:
    """With three places; ``-`` for what has nothing to stand on."""
    return "-" if value is None else f"{value:.3f}"
