"""The corpora and their data card: labels from the known lists, no text twice between authors, figures that agree."""

import re
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from scipy import sparse

from agent.turn import Act
from prompts import load_playbook
from prompts.playbook import OBJECTION_TYPES
from training_data.corpora import CORPORA, CorpusRefused, Labelled, read_corpora, read_corpus

FILES = sorted(CORPORA.glob("*.jsonl"))
CARD = CORPORA.parent / "README.md"
STRANGERS = CORPORA.parents[1] / "benchmarks" / "strangers"
"""Six authors' lines that nothing is trained on."""
PLAYBOOK = {"fitness": "ngx", "roofing": "roofing"}
NEEDS = {vertical: set(load_playbook(name).book.needs) for vertical, name in PLAYBOOK.items()}
BY_RULE = {Act.INJECTION.value, Act.OPT_IN.value, Act.ASKS_IDENTITY.value}
"""Read by rules alone: nothing is learnt of them."""
ACTS = {act.value for act in Act} - BY_RULE
KINDS = {"price_asked", "negated", "resolved", "irony", "third_party", "other_sense", "implicit", "multiple"}
ROWS_WRITTEN = {("fitness", "es"): 11705, ("fitness", "en"): 10770, ("roofing", "es"): 8752, ("roofing", "en"): 10769}
"""Rows that stood when this was written; a loss of more than five in a hundred is an accident."""
VERY_SHORT, JUDGED, TOO_NEAR = 3, 5, 0.45
"""Words up to which two authors may say the same; words from which they are compared; the Jaccard index not to reach."""
TRAINABLE = 25
"""Rows a label needs, so that each fold of unseen authors has some."""


@pytest.fixture(scope="module")
def rows() -> list[Labelled]:
    return read_corpora()


def plain(text: str) -> str:
    bare = "".join(char for char in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(char))
    return re.sub(r"[\W_]+", " ", bare).strip()


def near_duplicates(rows: list[Labelled], limit: float) -> list[str]:
    """Pairs of different authors whose character 5-grams have a Jaccard index of at least ``limit``."""
    judged = [row for row in rows if len(plain(row.text).split()) >= JUDGED]
    vocabulary: dict[str, int] = {}
    indices: list[int] = []
    ends = [0]
    for row in judged:
        text = plain(row.text)
        grams = {text[start : start + 5] for start in range(max(1, len(text) - 4))}
        indices += [vocabulary.setdefault(gram, len(vocabulary)) for gram in sorted(grams)]
        ends.append(len(indices))
    shape = (len(judged), len(vocabulary))
    grams_of = sparse.csr_matrix((np.ones(len(indices), dtype=np.float32), indices, ends), shape=shape)
    shared = (grams_of @ grams_of.T).tocoo()
    sizes = np.diff(ends)
    index = shared.data / (sizes[shared.row] + sizes[shared.col] - shared.data)
    near = (shared.row < shared.col) & (index >= limit)
    return [
        f"{share:.2f} {judged[one].id} {judged[one].text!r} ~ {judged[two].id} {judged[two].text!r}"
        for one, two, share in zip(shared.row[near], shared.col[near], index[near], strict=True)
        if judged[one].source != judged[two].source
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_reads_and_its_labels_are_known(file: Path) -> None:
    wrong: list[str] = []
    for row in read_corpus(file):
        assert row.source == file.stem
        if row.language is None or row.vertical not in NEEDS or row.acts is None:
            wrong.append(f"{row.id}: language, vertical or acts are missing")
            continue
        unknown = {*row.objections} - {*OBJECTION_TYPES}
        unknown |= {*row.needs} - NEEDS[row.vertical]
        unknown |= {*row.acts} - ACTS
        unknown |= {row.note} - KINDS - {None}
        wrong += [f"{row.id}: {label!r} is not known" for label in unknown]
        twice = [
            label for labels in (row.objections, row.needs, row.acts) for label in labels if labels.count(label) > 1
        ]
        wrong += [f"{row.id}: {label!r} stands twice" for label in twice]
        if row.text != row.text.strip() or row.note == "":
            wrong.append(f"{row.id}: text with space around it, or an empty note")
    assert not wrong, "\n".join(wrong)


def test_ids_are_unique(rows: list[Labelled]) -> None:
    assert [name for name, times in Counter(row.id for row in rows).items() if times > 1] == []


def test_no_line_stands_twice_between_authors_except_very_short_ones(rows: list[Labelled]) -> None:
    authors: dict[str, set[str]] = {}
    for row in rows:
        if len(plain(row.text).split()) > VERY_SHORT:
            authors.setdefault(plain(row.text), set()).add(row.source)
    assert {text: by for text, by in authors.items() if len(by) > 1} == {}


def test_no_author_writes_the_same_line_twice_in_the_same_place(rows: list[Labelled]) -> None:
    """A "sí" may stand several times in a file, after different questions: that is what it depends on."""
    places = Counter((row.source, plain(row.text) or row.text, plain(row.context)) for row in rows)
    assert [place for place, times in places.items() if times > 1] == []


def test_authors_write_no_near_duplicates_of_each_other_nor_of_what_only_judges(rows: list[Labelled]) -> None:
    judging = read_corpora(sorted(STRANGERS.iterdir()))
    assert len(judging) == 388 + 779
    assert near_duplicates([*rows, *judging], TOO_NEAR) == []


def test_the_check_for_near_duplicates_finds_one() -> None:
    first = row_of(id="a-1", text="is there a student discount? I'm doing an executive MBA").model_copy(
        update={"source": "a"}
    )
    second = row_of(id="b-1", text="student discount? i'm doing an executive MBA so technically").model_copy(
        update={"source": "b"}
    )
    other = row_of(id="b-2", text="my roof drips into the kitchen when it rains sideways").model_copy(
        update={"source": "b"}
    )
    assert len(near_duplicates([first, second, other], TOO_NEAR)) == 1
    assert near_duplicates([first, second.model_copy(update={"source": "a"}), other], TOO_NEAR) == []


@pytest.mark.parametrize("place", ROWS_WRITTEN, ids="-".join)
def test_no_rows_get_lost(rows: list[Labelled], place: tuple[str, str]) -> None:
    assert sum((row.vertical, row.language) == place for row in rows) >= 0.95 * ROWS_WRITTEN[place]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_at_least_a_quarter_of_a_file_is_hard(file: Path) -> None:
    found = list(read_corpus(file))
    assert sum(row.note is not None for row in found) / len(found) >= 0.25


def test_every_label_has_enough_rows_of_several_authors_to_be_learnt(rows: list[Labelled]) -> None:
    authors: dict[str, set[str]] = {}
    times: Counter[str] = Counter()
    for row in rows:
        for label in (*row.objections, *row.needs, *(row.acts or ())):
            authors.setdefault(label, set()).add(row.source)
            times[label] += 1
    wanted = {*OBJECTION_TYPES, *ACTS, *(need for needs in NEEDS.values() for need in needs)}
    assert {label: times[label] for label in wanted if times[label] < TRAINABLE} == {}
    assert {label: authors[label] for label in wanted if len(authors[label]) < 3} == {}


def test_the_spanish_of_a_row_is_spanish(rows: list[Labelled]) -> None:
    """Told by letters that only one of the languages writes; code-switching is wanted, so only the mass is judged."""
    marked = [row.language for row in rows if set(row.text.lower()) & set("ñ¿¡")]
    assert len(marked) > 300
    assert marked.count("es") / len(marked) > 0.97


def test_the_card_says_what_the_files_hold() -> None:
    table = CARD.read_text(encoding="utf-8").split("<!-- corpora -->")[1].split("<!-- /corpora -->")[0]
    said = [[cell.strip() for cell in line.strip("| ").split("|")] for line in table.strip().splitlines()[2:]]
    assert all(len(cells) == 6 and cells[3] for cells in said)
    told = [(name.strip("`"), verticals, languages, rows, hard) for name, verticals, languages, _, rows, hard in said]
    assert told == [card_line(file) for file in FILES]


def card_line(file: Path) -> tuple[str, str, str, str, str]:
    found = list(read_corpus(file))
    verticals = ", ".join(sorted({row.vertical for row in found}))
    languages = ", ".join(sorted({row.language or "" for row in found}))
    return file.stem, verticals, languages, str(len(found)), str(sum(row.note is not None for row in found))


def test_the_card_explains_every_label_and_every_hard_kind() -> None:
    explained = set(re.findall(r"`([a-z_]+)`", CARD.read_text(encoding="utf-8")))
    needs = {need for needs in NEEDS.values() for need in needs}
    assert {*OBJECTION_TYPES, *needs, *ACTS, *KINDS, *Labelled.model_fields} - explained == set()


def test_the_row_on_the_card_is_a_row_of_the_corpora(rows: list[Labelled]) -> None:
    shown = CARD.read_text(encoding="utf-8").split("```json\n")[1].split("\n```")[0]
    example = Labelled.model_validate_json(shown)
    assert [row.model_copy(update={"source": ""}) for row in rows if row.id == example.id] == [example]


FAULTY: list[tuple[str, dict[str, Any], str]] = [
    ("no text", {"text": ""}, "text"),
    ("too long", {"text": "a" * 4001}, "text"),
    ("another language", {"language": "fr"}, "language"),
    ("an unknown field", {"mood": "sour"}, "mood"),
    ("a label that is no list", {"objections": "price"}, "objections"),
    ("a label that is no text", {"needs": ["leak_repair", 7]}, "needs.1"),
    ("no id", {"id": None}, "id"),
    ("a number for a text", {"text": 12}, "text"),
]


def row_of(**changes: Any) -> Labelled:
    return Labelled.model_validate_json(line_of(**changes))


def line_of(**changes: Any) -> str:
    good = {"id": "x-1", "vertical": "roofing", "language": "en", "text": "hi", "objections": [], "needs": []}
    return orjson.dumps(good | changes).decode()


@pytest.mark.parametrize(("changes", "field"), [case[1:] for case in FAULTY], ids=[case[0] for case in FAULTY])
def test_a_wrong_line_is_refused_with_file_line_and_field(tmp_path: Path, changes: dict[str, Any], field: str) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text(f"{line_of()}\n\n{line_of(**changes)}\n", encoding="utf-8")
    with pytest.raises(CorpusRefused) as refused:
        list(read_corpus(file))
    assert str(refused.value).startswith(f"{file}:3: {field}: ")


@pytest.mark.parametrize("line", ['{"id": "x-2", "text": ', "hola", "[]", '"text"'])
def test_a_line_that_is_no_object_is_refused_with_file_and_line(tmp_path: Path, line: str) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text(f"{line_of()}\n{line}\n", encoding="utf-8")
    with pytest.raises(CorpusRefused, match=re.escape(f"{file}:2: (line): ")):
        list(read_corpus(file))


def test_a_file_that_is_no_utf8_is_refused_with_its_name_and_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_bytes(f"{line_of()}\n{line_of(text='mañana')}\n".encode("latin-1"))
    with pytest.raises(CorpusRefused, match=re.escape(f"{file}:2: (line): ")):
        list(read_corpus(file))


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + line_of().encode() + b"\n")
    assert [row.id for row in read_corpus(file)] == ["x-1"]


def test_missing_acts_are_told_from_no_acts(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text(f"{line_of()}\n{line_of(id='x-2', acts=[])}\n", encoding="utf-8")
    assert [row.acts for row in read_corpus(file)] == [None, ()]


def test_several_folders_are_read_in_the_order_of_their_files(tmp_path: Path) -> None:
    for folder, name in (("one", "b"), ("one", "a"), ("two", "a")):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / f"{name}.jsonl").write_text(line_of(id=f"{folder}-{name}"), encoding="utf-8")
    found = read_corpora((tmp_path / "one", tmp_path / "two"))
    assert [(row.id, row.source) for row in found] == [("one-a", "a"), ("one-b", "b"), ("two-a", "a")]
