"""The served head says what the trained model says, shows the words for it, and is refused if it is not itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from predictors import train, unseen
from predictors.base import Language
from predictors.bundle import ARRAYS, MANIFEST, Bundle, BundleRefused, Manifest, load, save
from predictors.features import FORM, features, width
from predictors.linear import LinearHead
from predictors.rules import find
from predictors.terms import Vocabulary, terms
from predictors.text import load_encoder, plain, words
from training_data.corpora import Labelled, read_corpora

ROWS = read_corpora()[::19]
INPUTS = range(1_000)
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Trained:
    matrix: train.Matrix
    folder: Path

    def bundle(self) -> Bundle:
        return load(self.folder / "objection", predictor="objection", features=FORM)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("objections")
    matrix = train.encode(ROWS, lambda: None)
    train.train_head("objection", matrix, folder, lambda _: None, lambda: None)
    return Trained(matrix, folder)


@pytest.fixture(scope="module")
def head(trained: Trained) -> LinearHead:
    return LinearHead.of(trained.bundle())


@pytest.fixture(scope="module")
def served(head: LinearHead) -> NDArray[np.float32]:
    """What is answered to the first thousand training rows, computed as in a conversation: ``(inputs, labels)``."""
    encoder = load_encoder()
    rows = (ROWS[at] for at in INPUTS)
    return np.stack([head.probabilities(features(r.text, r.language or "en", encoder, r.context)) for r in rows])


def test_what_is_served_is_what_was_trained(trained: Trained, head: LinearHead, served: NDArray[np.float32]) -> None:
    label = "price"
    matrix = trained.matrix
    fitted = unseen.fit_labels(matrix.values, matrix.groups, width(), unseen.tasks("objection", ROWS))
    model = next(one for one in fitted if one.label == label)
    score = matrix.values[: len(INPUTS)] @ model.weights + model.bias
    wanted = 1 / (1 + np.exp(-(model.slope * score + model.shift)))
    found = served[:, head.labels.index(label)]
    assert np.abs(found - wanted).max() < 1e-5
    assert wanted.min() < 0.02 and wanted.max() > 0.8, "or any constant would do"
    assert head.threshold[head.labels.index(label)] == pytest.approx(model.threshold)


def test_probabilities_follow_what_was_labelled(head: LinearHead, served: NDArray[np.float32]) -> None:
    for place, label in enumerate(head.labels):
        meant = np.array([label in ROWS[at].objections for at in INPUTS])
        assert served[meant, place].mean() > 4 * served[~meant, place].mean()


def test_labels_above_their_thresholds_come_surest_first_with_words_of_the_customer(head: LinearHead) -> None:
    encoder, spoken = load_encoder(), 0
    for row in ROWS[:120]:
        said = features(row.text, row.language or "en", encoder, row.context)
        labels, probabilities = head.above_threshold(said, row.text)
        assert list(probabilities) == list(head.labels)
        over = dict(zip(head.labels, head.threshold.tolist(), strict=True))
        assert {label.name for label in labels} == {n for n, p in probabilities.items() if p >= over[n]}
        assert [label.probability for label in labels] == sorted((label.probability for label in labels), reverse=True)
        for label in labels:
            spoken += 1
            [clause] = label.evidence
            assert clause and (clause in row.text or clause in plain(row.text))
    assert spoken > 20


def test_evidence_is_the_clause_with_the_word_that_pulled_most(trained: Trained, head: LinearHead) -> None:
    """Reckoned here term by term from the arrays on disk, where the word is said once and as no part of another."""
    encoder, arrays, seen = load_encoder(), trained.bundle().arrays, 0
    names = zip(arrays["hashes"].tolist(), arrays["phrase"].tolist(), strict=True)
    known = {name: column for column, name in enumerate(names)}
    for row in ROWS[:150]:
        said = features(row.text, row.language or "en", encoder)
        for place, label in enumerate(head.labels):
            best, margin = pulled_most(row.text, known, arrays, place)
            if margin < 1e-4 or plain(row.text).count(best) != 1 or len(row.text) > 150:
                continue
            labels, _ = head.above_threshold(said, row.text, dict.fromkeys(head.labels, 0.0))
            [evidence] = next(one.evidence for one in labels if one.name == label)
            assert best in words(evidence), (row.text, label)
            seen += 1
    assert seen > 300


def pulled_most(
    text: str, known: Mapping[tuple[int, bool], int], arrays: Mapping[str, NDArray[Any]], label: int
) -> tuple[str, float]:
    """The word that carries most of the label's score, and how far it is before the next one."""
    said = words(text)
    marked, ends = ("<", *said, ">"), len(said) - 1
    where: dict[tuple[int, bool], list[tuple[int, ...]]] = {}
    for size in (1, 2, 3):
        for at in range(len(marked) - size + 1):
            covered = tuple(i for i in range(at - 1, at + size - 1) if 0 <= i <= ends)
            where.setdefault((crc32(f"w:{' '.join(marked[at : at + size])}".encode()), True), []).append(covered)
    for i, word in enumerate(said):
        whole = f"<{word}>"
        for gram in {whole[at : at + size] for size in (2, 3, 4, 5) for at in range(max(1, len(whole) - size + 1))}:
            where.setdefault((crc32(f"c:{gram}".encode()), False), []).append((i,))
    there = {term: covered for term, covered in where.items() if term in known}
    weights = {term: (1 + np.log(len(covered))) * arrays["rarity"][known[term]] for term, covered in there.items()}
    length = {kind: np.sqrt(sum(w**2 for (_, of), w in weights.items() if of == kind)) for kind in (True, False)}
    carried = np.zeros(len(said))
    for term, places in there.items():
        share = weights[term] / length[term[1]] * arrays["sparse"][known[term], label] / len(places)
        for covered in places:
            carried[list(covered)] += share / max(1, len(covered))
    best = np.argsort(-carried)
    return said[best[0]], float(carried[best[0]] - carried[best[1]]) if len(best) > 1 else 1.0


def made(pulls: Mapping[str, float], texts: tuple[str, ...]) -> tuple[Manifest, Arrays]:
    """A head of one label that hears nothing but the words of ``pulls``."""
    vocabulary = Vocabulary.of([terms(text) for text in texts for _ in range(3)])
    sparse = np.zeros((len(vocabulary), 1), np.float32)
    for word, weight in pulls.items():
        sparse[(vocabulary.hashes == crc32(f"w:{word}".encode())) & vocabulary.phrase] = weight
    numbers = {"bias": -1.0, "slope": 1.0, "shift": 0.0, "threshold": 0.5}
    arrays: Arrays = {name: np.array([number], np.float32) for name, number in numbers.items()}
    arrays |= {"hashes": vocabulary.hashes, "rarity": vocabulary.rarity, "phrase": vocabulary.phrase}
    arrays |= {"labels": np.array(["price"]), "dense": np.zeros((width(), 1), np.float32), "sparse": sparse}
    return Manifest("objection", ("price",), FORM, "data", {}), arrays


def evidence_of(pulls: Mapping[str, float], text: str, language: Language = "es") -> tuple[str, ...]:
    head = LinearHead.of(Bundle(*made(pulls, (text,))))
    labels, _ = head.above_threshold(features(text, language, load_encoder()), text, {"price": 0.0})
    return labels[0].evidence


@pytest.mark.parametrize(
    ("text", "word", "clause"),
    [
        ("Hola, mire: se me hace CARÍSIMO. Gracias", "carisimo", "mire: se me hace CARÍSIMO."),
        ("Mucho dinero, hola", "dinero", "Mucho dinero,"),
        ("no sé 😀, caro", "😀", "no sé 😀,"),
        ("caro", "caro", "caro"),
    ],
)
def test_evidence_is_written_as_the_customer_wrote_it(text: str, word: str, clause: str) -> None:
    assert evidence_of({word: 5.0}, text) == (clause,)


def test_the_stronger_of_two_words_is_shown() -> None:
    text = "es caro, y no tengo tiempo"
    assert evidence_of({"caro": 5.0, "tiempo": 1.0}, text) == ("es caro,",)
    assert evidence_of({"caro": 1.0, "tiempo": 5.0}, text) == ("y no tengo tiempo",)
    assert evidence_of({"caro": 5.0}, "") == ()


def test_a_word_inside_another_word_is_no_evidence() -> None:
    assert evidence_of({"no": 5.0}, "Bueno, ya veo. No me interesa.") == ("No me interesa.",)


def test_evidence_of_a_long_clause_holds_the_word() -> None:
    [clause] = evidence_of({"expensive": 5.0}, "so i was thinking " * 12 + "it is too expensive for us", "en")
    assert "expensive" in clause


def test_another_threshold_can_be_given_for_a_label() -> None:
    text = "es caro"
    head = LinearHead.of(Bundle(*made({"caro": 0.5}, (text,))))
    said = features(text, "es", load_encoder())
    [probability] = head.probabilities(said).tolist()
    assert 0.25 < probability < 0.5
    assert head.above_threshold(said, text)[0] == ()
    assert [one.name for one in head.above_threshold(said, text, {"price": probability})[0]] == ["price"]
    assert head.above_threshold(said, text, {"another": 0.0}) == ((), {"price": probability})


def test_two_heads_of_one_matrix_look_a_message_up_once() -> None:
    manifest, arrays = made({"caro": 5.0}, ("es caro",))
    copies = {name: array.copy() for name, array in arrays.items()}
    assert LinearHead.of(Bundle(manifest, arrays)).vocabulary is LinearHead.of(Bundle(manifest, copies)).vocabulary


SHAPES: Mapping[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "one row less": lambda array: array[:-1],
    "one more axis": lambda array: array[None],
    "two labels": lambda array: np.stack([array, array], axis=-1),
}


@pytest.mark.parametrize("name", ["bias", "dense", "phrase", "rarity", "shift", "slope", "sparse", "threshold"])
@pytest.mark.parametrize("how", [*SHAPES, "missing"])
def test_arrays_that_do_not_fit_are_refused_by_name(name: str, how: str, tmp_path: Path) -> None:
    manifest, arrays = made({"caro": 5.0}, ("es caro",))
    assert LinearHead.of(saved(tmp_path, manifest, arrays)).labels == ("price",)
    if how == "missing":
        del arrays[name]
    else:
        arrays[name] = SHAPES[how](arrays[name])
    with pytest.raises(BundleRefused, match=rf"^objection: array '{name}' must have the shape \(\d"):
        LinearHead.of(saved(tmp_path, manifest, arrays))


@pytest.mark.parametrize("how", [*SHAPES, "missing"])
def test_hashes_that_do_not_fit_are_refused(how: str, tmp_path: Path) -> None:
    manifest, arrays = made({"caro": 5.0}, ("es caro",))
    if how == "missing":
        del arrays["hashes"]
    else:
        arrays["hashes"] = SHAPES[how](arrays["hashes"])
    with pytest.raises(BundleRefused, match=r"^objection: array '\w+' must have the shape"):
        LinearHead.of(saved(tmp_path, manifest, arrays))


def test_labels_without_their_columns_are_refused(tmp_path: Path) -> None:
    manifest, arrays = made({"caro": 5.0}, ("es caro",))
    with pytest.raises(BundleRefused, match="'dense'"):
        LinearHead.of(saved(tmp_path, replace(manifest, labels=("price", "trust")), arrays))


def saved(folder: Path, manifest: Manifest, arrays: Arrays) -> Bundle:
    save(folder / "objection", manifest, arrays)
    return load(folder / "objection", predictor="objection", features=FORM)


@pytest.fixture
def copied(trained: Trained, tmp_path: Path) -> Path:
    for name in (ARRAYS, MANIFEST):
        (tmp_path / name).write_bytes((trained.folder / "objection" / name).read_bytes())
    return tmp_path


@pytest.mark.parametrize("place", [0, 0.3, 0.6, 0.999])
def test_a_trained_head_with_another_byte_is_refused(copied: Path, place: float) -> None:
    load(copied, predictor="objection", features=FORM)
    content = bytearray((copied / ARRAYS).read_bytes())
    content[int(place * len(content))] ^= 1
    (copied / ARRAYS).write_bytes(content)
    with pytest.raises(BundleRefused, match="sha256 is not the one in the manifest"):
        load(copied, predictor="objection", features=FORM)


def test_a_head_of_another_form_of_features_is_refused(copied: Path) -> None:
    fields = orjson.loads((copied / MANIFEST).read_bytes())
    assert fields["features"] == FORM
    (copied / MANIFEST).write_bytes(orjson.dumps({**fields, "features": FORM[:-1] + "1"}))
    with pytest.raises(BundleRefused, match=r"features is '.*, 1', this version serves '.*, 3'"):
        load(copied, predictor="objection", features=FORM)


TEXT = st.text(max_size=700) | st.sampled_from([row.text for row in ROWS])


@settings(deadline=None, max_examples=120)
@given(text=TEXT, context=st.just("") | TEXT, language=st.sampled_from(["es", "en"]))
def test_anything_said_after_anything_gets_probabilities(
    head: LinearHead, text: str, context: str, language: Language
) -> None:
    row = features(text, language, load_encoder(), context)
    assert row.dense.shape == (width(),) and np.isfinite(row.dense).all()
    probabilities = head.probabilities(row)
    assert probabilities.shape == (len(head.labels),)
    assert np.isfinite(probabilities).all() and (probabilities >= 0).all() and (probabilities <= 1).all()
    labels, _ = head.above_threshold(row, text, dict.fromkeys(head.labels, 0.0))
    assert len(labels) == len(head.labels)
    assert all(clause for label in labels for clause in label.evidence) or not words(text)


def test_case_and_spaces_change_nothing_and_a_slip_of_the_finger_little(head: LinearHead) -> None:
    def price(text: str) -> float:
        return float(head.probabilities(features(text, "en", load_encoder()))[head.labels.index("price")])

    said = price("That is way too expensive for me")
    assert find("en", ("objections",), "That is way too expensive for me")
    assert price("  that IS way too\nexpensive   for me ") == said > 0.5
    assert abs(price("That is way too expensive for mee") - said) < 0.2
    assert price("That sounds great, thank you") < 0.1


def test_one_row_has_the_same_answer_whatever_was_asked_before(head: LinearHead) -> None:
    rows: list[Labelled] = ROWS[:20]
    encoder = load_encoder()

    def ask(row: Labelled) -> list[float]:
        return head.probabilities(features(row.text, row.language or "en", encoder, row.context)).tolist()

    assert [ask(row) for row in rows] == [ask(row) for row in reversed(rows)][::-1]
