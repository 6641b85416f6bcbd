"""``sales-agent train``: gathers corpora, playbook examples and simulated buyers, trains, and shows how far it is."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from agent.errors import InvalidInput
from agent.settings import Settings
from agent.turn import Act
from predictors import bundle, conversion, features, train, train_conversion
from predictors.bundle import Manifest, Trained
from prompts import load_playbooks, playbook_names
from prompts.playbook import OBJECTION_TYPES, Language, Playbook
from training_data.buyers import SimulatedConversation, simulate
from training_data.corpora import CorpusRefused, Labelled, read_corpora

CONVERSATIONS = 4_000
_KINDS: dict[Trained, train.Kind] = {
    Trained.OBJECTION: "objection",
    Trained.NEEDS: "needs",
    Trained.ACTS: "acts",
}


def train_bundles(
    settings: Settings,
    predictors: Sequence[Trained],
    data: Path | None,
    seed: int,
    *,
    playbooks: Sequence[str] | None = None,
    only_missing: bool,
    console: Console,
) -> None:
    """Trains and writes the bundles of ``predictors``. The same corpora and seed give the same metrics, byte for byte.

    ``playbooks``: whose examples are learnt from, all by default. ``only_missing``: a bundle that would be refused is
    missing, too. Raises ``PlaybookRefused`` for a wrong playbook, and ``InvalidInput`` for an unknown one and for ``data``
    that can't be learnt from.
    """
    folder = settings.models_dir
    todo = [one for one in predictors if not (only_missing and _is_there(folder, one))]
    manifests: list[Manifest] = []
    columns = (TextColumn("{task.description:24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    kinds: list[train.Kind] = [_KINDS[one] for one in todo if one in _KINDS]
    rows = _rows(settings, data, playbooks or playbook_names(settings.playbooks_dir)) if kinds else []
    with Progress(*columns, console=console) as progress:
        if kinds:
            bar = progress.add_task("read messages", total=len(rows))
            matrix = train.encode(rows, lambda bar=bar: progress.advance(bar))
            for kind in kinds:
                bar = progress.add_task(f"train {kind}", total=None)
                manifests.append(
                    train.train_head(
                        kind,
                        matrix,
                        folder,
                        lambda total, bar=bar: progress.update(bar, total=total),
                        lambda bar=bar: progress.advance(bar),
                    )
                )
        if Trained.CONVERSION in todo:
            manifests.append(_conversion(folder, seed, progress))
    if manifests:
        console.print(_summary(manifests))


def _is_there(folder: Path, predictor: Trained) -> bool:
    form = conversion.FORM if predictor is Trained.CONVERSION else features.FORM
    try:
        bundle.load(folder / predictor.value, predictor=predictor.value, features=form)
    except (FileNotFoundError, bundle.BundleRefused):
        return False
    return True


def _conversion(folder: Path, seed: int, progress: Progress) -> Manifest:
    meeting = progress.add_task("meet buyers", total=CONVERSATIONS)
    buyers: list[SimulatedConversation] = []
    for buyer in simulate(CONVERSATIONS, seed):
        buyers.append(buyer)
        progress.advance(meeting)
    bar = progress.add_task("train conversion", total=train_conversion.steps(buyers))
    return train_conversion.train_conversion(buyers, folder, seed, lambda: progress.advance(bar))


def _rows(settings: Settings, data: Path | None, playbooks: Sequence[str]) -> list[Labelled]:
    books = {loaded.file.stem: loaded.book for loaded in load_playbooks(settings.playbooks_dir)}
    if unknown := [name for name in playbooks if name not in books]:
        raise InvalidInput(f"no playbook {unknown[0]!r}; there are {', '.join(books) or 'none'}", field="playbook")
    rows = read_corpora()
    if data is not None:
        try:
            rows += read_corpora((data,), lambda row: _unknown_label(row, books.values()))
        except CorpusRefused as refused:
            raise InvalidInput(str(refused), field="data") from None
    for name in playbooks:
        rows += playbook_rows(books[name])
    return rows


def _unknown_label(row: Labelled, books: Iterable[Playbook]) -> str | None:
    """A label that no bundle could serve. Needs of a business that has no playbook here may be any."""
    needs = [need for book in books if book.vertical == row.vertical for need in book.needs]
    lists = (
        ("objections", row.objections, OBJECTION_TYPES),
        ("needs", row.needs, needs or row.needs),
        ("acts", row.acts or (), tuple(act.value for act in Act)),
    )
    for field, given, known in lists:
        for label in given:
            if label not in known:
                return f"{field}: {label!r} is none of {', '.join(dict.fromkeys(known))}"
    return None


def playbook_rows(book: Playbook) -> list[Labelled]:
    """A playbook's own example utterances as labelled rows; they are a source (an author) of their own."""
    rows: list[Labelled] = []
    languages: tuple[Language, ...] = ("es", "en")
    for language in languages:
        for need, entry in book.needs.items():
            rows += [_row(book, language, line, needs=(need,)) for line in entry.examples.said_in(language)]
        for kind, objection in book.objections.items():
            rows += [_row(book, language, line, objections=(kind,)) for line in objection.examples.said_in(language)]
        for topic, handoff in book.handoff.items():
            rows += [_row(book, language, line, acts=(topic,)) for line in handoff.examples.said_in(language)]
        rows += [_row(book, language, line, acts=("opt_out",)) for line in book.opt_out.examples.said_in(language)]
        informative = [answer for answer in book.answers if answer.need != "pricing_info"]
        asked = [line for answer in informative for line in answer.questions.said_in(language)]
        rows += [_row(book, language, line, acts=("ask_info",)) for line in asked]
    return rows


def _row(
    book: Playbook,
    language: Language,
    text: str,
    *,
    objections: tuple[str, ...] = (),
    needs: tuple[str, ...] = (),
    acts: tuple[str, ...] | None = None,
) -> Labelled:
    return Labelled(
        id=f"{book.id}-{language}",
        vertical=book.vertical,
        text=text,
        language=language,
        objections=objections,
        needs=needs,
        acts=acts,
        source=f"playbook-{book.id}",
    )


def _summary(manifests: Sequence[Manifest]) -> Table:
    table = Table(title="Trained (scores on authors the model has not seen)", title_justify="left")
    for column in ("predictor", "version", "labels", "score"):
        table.add_column(column)
    for manifest in manifests:
        if manifest.predictor == "conversion":
            held_out = manifest.metrics["held_out"]
            score = " ".join(f"turn {turn}: AUC {found['auc']:.2f}" for turn, found in held_out.items())
        else:
            score = f"macro-F1 {manifest.metrics['authors_unseen']['macro_f1']:.2f}"
        table.add_row(manifest.predictor, manifest.version, str(len(manifest.labels)), score)
    return table
