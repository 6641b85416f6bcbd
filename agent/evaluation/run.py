"""An evaluation from files to figures: read, build the agent on a temporary store, answer, play, count."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from agent.bootstrap import build_agent, served_books
from agent.errors import InvalidInput
from agent.evaluation.cases import Cases, Part, read_cases
from agent.evaluation.dialogues import Played, play_all
from agent.evaluation.figures import DialogueScores, LabelScores, dialogue_scores, label_scores
from agent.evaluation.utterances import Answer, answer_all
from agent.settings import Settings
from agent.store.door import open_door
from agent.store.migrate import migrate_anywhere


@dataclass(frozen=True, slots=True)
class Labels:
    """One predictor on the utterances: its answers, their figures, and the figures of the rules alone."""

    name: Part
    answers: tuple[Answer, ...]
    answers_by_rules: tuple[Answer, ...]
    scores: LabelScores
    rules: LabelScores


@dataclass(frozen=True, slots=True)
class Dialogues:
    played: tuple[Played, ...]
    scores: DialogueScores


@dataclass(frozen=True, slots=True)
class Evaluation:
    """``None`` where the files have nothing of the kind, or it was not asked for."""

    files: tuple[str, ...]
    objection: Labels | None
    needs: Labels | None
    dialogues: Dialogues | None

    @property
    def predictors(self) -> tuple[Labels, ...]:
        return tuple(one for one in (self.objection, self.needs) if one is not None)

    def as_json(self) -> dict[str, object]:
        """The figures for machines. All keys are there; a kind without cases is null."""
        objection, needs = self.objection, self.needs
        return {
            "objection": objection and objection.scores,
            "needs": needs and needs.scores,
            "dialogues": self.dialogues and self.dialogues.scores,
            "rules": {"objection": objection and objection.rules, "needs": needs and needs.rules},
        }


def read_files(settings: Settings, files: Sequence[Path]) -> Cases:
    """The labelled lines, by the playbooks that are served. The default playbook comes first for its vertical."""
    return read_cases(files, served_books(settings))


async def evaluate_cases(
    settings: Settings, cases: Cases, parts: Collection[Part], files: Sequence[Path], console: Console
) -> Evaluation:
    """Raises ``InvalidInput`` when there is nothing to evaluate."""
    labelled = cases.utterances if set(parts) - {Part.DIALOGUES} else ()
    recorded = cases.dialogues if Part.DIALOGUES in parts else ()
    if not (labelled or recorded):
        raise InvalidInput(f"no labelled line for {', '.join(sorted(parts))}", field="data")
    columns = (TextColumn("{task.description:12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with TemporaryDirectory() as folder, Progress(*columns, console=console, transient=True) as progress:
        url = f"sqlite:///{Path(folder) / 'evaluation.sqlite3'}"
        await migrate_anywhere(url)
        door = open_door(url)
        agent = await build_agent(settings, writers=(), door=door)
        try:
            bar = progress.add_task("utterances", total=len(labelled), visible=bool(labelled))
            answers = await answer_all(agent, labelled, lambda: progress.advance(bar))
            bar = progress.add_task("dialogues", total=len(recorded), visible=bool(recorded))
            played = await play_all(agent, door, recorded, lambda: progress.advance(bar))
        finally:
            await agent.aclose()
    objection = _labels(Part.OBJECTION, [(one.objection, one.objection_by_rules) for one in answers], parts)
    needs = _labels(Part.NEEDS, [(one.needs, one.needs_by_rules) for one in answers], parts)
    scores = dialogue_scores(played)
    dialogues = Dialogues(played, scores) if scores is not None else None
    return Evaluation(tuple(file.name for file in files), objection, needs, dialogues)


def _labels(name: Part, answers: Sequence[tuple[Answer, Answer]], parts: Collection[Part]) -> Labels | None:
    said, by_rules = tuple(answer for answer, _ in answers), tuple(ruled for _, ruled in answers)
    scores, rules = label_scores(said), label_scores(by_rules)
    if name not in parts or scores is None or rules is None:
        return None
    return Labels(name, said, by_rules, scores, rules)
