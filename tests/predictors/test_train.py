"""Training: figures and thresholds of authors whom the fit has not seen, the agent's line read, the same bytes each time."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse
from sklearn.metrics import f1_score, roc_auc_score

from predictors import train, unseen
from predictors.bundle import Bundle, Manifest, load
from predictors.features import FORM, features, rule_names, width
from predictors.linear import LinearHead
from predictors.text import WIDTH, load_encoder
from training_data.corpora import Labelled, read_corpora

SAMPLE = read_corpora()[::110]
ASKED, TOLD = "Shall I book you in for Tuesday?", "Is anything holding you back?"


def row(text: str = "no", *, source: str = "ann", **given: Any) -> Labelled:
    fields: dict[str, Any] = {"vertical": "fitness", "language": "en", "objections": (), "needs": (), "acts": ()}
    return Labelled(id="1", text=text, source=source, **{**fields, **given})


def encoded(rows: Sequence[Labelled]) -> train.Matrix:
    return train.encode(rows, lambda: None)


def trained_on(rows: Sequence[Labelled], kind: unseen.Kind, folder: Path) -> tuple[Manifest, Bundle]:
    manifest = train.train_head(kind, encoded(rows), folder, lambda _: None, lambda: None)
    return manifest, load(folder / kind, predictor=kind, features=FORM)


@dataclass(frozen=True)
class Heard:
    """Numbers instead of texts, where what is tested is who said them."""

    values: NDArray[np.float64]
    authors: Sequence[str]
    target: NDArray[np.int8]

    def fit(self, label: str = "agree", kind: unseen.Kind = "acts") -> unseen.Fitted:
        values = sparse.csr_matrix(self.values.astype(np.float32))
        task = unseen.Task(kind, label, np.arange(len(self.authors)), self.target)
        return unseen.fit_labels(values, np.array(self.authors), self.values.shape[1], [task])[0]


def noise(authors: Sequence[str], target: NDArray[np.int8]) -> Heard:
    return Heard(np.random.default_rng(0).normal(size=(len(authors), 12)), authors, target)


@pytest.mark.parametrize("authors", [4, 5, 8, 11])
def test_an_author_is_never_judged_by_a_fit_that_has_seen_him(authors: int) -> None:
    """Each author's rows have a mark of their own that tells all about him, and nothing about the others."""
    said = np.arange(40 * authors) % authors
    target = (said % 2).astype(np.int8)
    heard = Heard(3 * np.eye(authors)[said], [f"author-{one}" for one in said], target)
    fitted = heard.fit()
    seen = heard.values @ fitted.weights + fitted.bias
    assert roc_auc_score(target, seen) == 1.0
    assert roc_auc_score(target, fitted.probabilities) <= 0.5


def test_what_one_author_means_is_no_figure_for_the_other() -> None:
    """A yes of the one is a no of the other: whoever judges an author by the other one alone is always wrong."""
    authors = np.repeat(["ann", "bob"], 100)
    said = np.tile([0, 1], 100)
    fitted = Heard(said[:, None] * 2.0 - 1, authors.tolist(), np.where(authors == "ann", said, 1 - said)).fit()
    assert roc_auc_score(fitted.target, fitted.probabilities) <= 0.5
    assert fitted.f1 < 0.7, "no better than to say it always"


def test_the_threshold_of_an_author_is_chosen_on_the_others() -> None:
    rng = np.random.default_rng(1)
    authors = np.repeat(["ann", "bob"], 300)
    said = rng.normal(size=600) + np.where(authors == "ann", 0.8, -0.4)
    target = (rng.normal(size=600) + said > 1).astype(np.int8)
    fitted = Heard(said[:, None], authors.tolist(), target).fit()

    def best(rows: NDArray[np.bool_]) -> float:
        return max(
            unseen.THRESHOLDS.tolist(), key=lambda one: f1_score(target[rows], fitted.probabilities[rows] >= one)
        )

    ann, bob = authors == "ann", authors == "bob"
    assert best(ann) != best(bob)
    assert fitted.chosen[ann].tolist() == (fitted.probabilities[ann] >= best(bob)).tolist()
    assert fitted.chosen[bob].tolist() == (fitted.probabilities[bob] >= best(ann)).tolist()
    assert fitted.f1 == pytest.approx(f1_score(target, fitted.chosen))
    assert fitted.threshold == pytest.approx(best(ann | bob))


def test_an_objection_is_said_from_the_highest_threshold_with_almost_the_best_f1() -> None:
    rng = np.random.default_rng(2)
    said = rng.normal(size=900)
    target = (rng.normal(size=900) + 2 * said > 1.5).astype(np.int8)
    heard = Heard(said[:, None], [f"author-{one % 9}" for one in range(900)], target)
    act, objection = heard.fit("agree", "acts"), heard.fit("price", "objection")
    found = {one: f1_score(target, objection.probabilities >= one) for one in unseen.THRESHOLDS.tolist()}
    near = [one for one, f1 in found.items() if f1 >= max(found.values()) - unseen.ALMOST_BEST]
    assert len(near) > 1
    assert objection.threshold == pytest.approx(max(near)) and act.threshold < objection.threshold


@pytest.mark.parametrize("label", ["medical", "opt_out", "buy", "price", "agree"])
def test_a_grave_act_needs_to_be_more_likely_than_not(label: str) -> None:
    rng = np.random.default_rng(2)
    said = rng.normal(size=400)
    target = (rng.random(400) < 0.35 / (1 + np.exp(-2 * said))).astype(np.int8)
    threshold = Heard(said[:, None], [f"a{n % 8}" for n in range(400)], target).fit(label).threshold
    assert (threshold >= 0.5) is (label in unseen.GRAVE)
    assert 0.24 <= threshold <= 0.8


def test_probabilities_are_calibrated_on_authors_not_seen() -> None:
    rng = np.random.default_rng(3)
    said = rng.normal(size=2_000)
    target = (rng.random(2_000) < 1 / (1 + np.exp(-2 * said))).astype(np.int8)
    fitted = Heard(said[:, None], [f"a{n % 16}" for n in range(2_000)], target).fit()
    assert np.abs(fitted.probabilities - 1 / (1 + np.exp(-2 * said))).mean() < 0.03
    assert fitted.slope > 0


def test_one_author_alone_is_judged_by_his_own_rows() -> None:
    said = np.tile([0.0, 1.0], 50)
    fitted = Heard(said[:, None] * 6, ["ann"] * 100, said.astype(np.int8)).fit()
    assert fitted.f1 == 1.0


def test_noise_is_no_skill() -> None:
    authors = [f"a{n % 8}" for n in range(400)]
    assert noise(authors, (np.random.default_rng(4).random(400) < 0.1).astype(np.int8)).fit().f1 < 0.3


def test_noise_is_no_skill_where_one_author_alone_has_the_label() -> None:
    authors = [f"a{n % 8}" for n in range(400)]
    assert noise(authors, np.array([one == "a3" for one in authors], dtype=np.int8)).fit().f1 < 0.3


def test_a_label_that_all_rows_but_one_author_s_have_is_no_crash() -> None:
    authors = [f"a{n % 8}" for n in range(80)]
    fitted = noise(authors, np.array([one != "a1" for one in authors], dtype=np.int8)).fit()
    assert np.isfinite(fitted.probabilities).all()


def told(found: Sequence[unseen.Task]) -> dict[str, tuple[list[int], list[int]]]:
    return {task.label: (task.rows.tolist(), task.target.tolist()) for task in found}


def test_objections_are_learnt_from_all_rows_if_enough_have_them() -> None:
    rows = (
        [row(objections=("price",)) for _ in range(4)] + [row(objections=("trust",)) for _ in range(2)] + [row(), row()]
    )
    assert told(unseen.tasks("objection", rows)) == {"price": (list(range(8)), [1, 1, 1, 1, 0, 0, 0, 0])}


def test_a_need_is_learnt_from_the_verticals_that_have_it() -> None:
    rows = [row(needs=("energy",)) for _ in range(4)] + [row(vertical="roofing", needs=("leak",)) for _ in range(4)]
    rows += [row(needs=("leak",)), row(vertical="insurance"), row()]
    assert told(unseen.tasks("needs", rows)) == {
        "energy": ([0, 1, 2, 3, 8, 10], [1, 1, 1, 1, 0, 0]),
        "leak": ([0, 1, 2, 3, 4, 5, 6, 7, 8, 10], [0, 0, 0, 0, 1, 1, 1, 1, 1, 0]),
    }


def test_acts_are_learnt_only_where_somebody_marked_them() -> None:
    rows = [row(acts=("agree",)) for _ in range(4)] + [row(acts=None), row(acts=())]
    assert told(unseen.tasks("acts", rows)) == {"agree": ([0, 1, 2, 3, 5], [1, 1, 1, 1, 0])}
    assert unseen.tasks("acts", [row(acts=None)] * 9) == []


def test_the_agent_s_line_is_part_of_what_is_read() -> None:
    encoder = load_encoder()
    alone, asked, again, told = (features("no", "en", encoder, line) for line in ("", ASKED, ASKED, TOLD))
    assert asked.dense.tolist() == again.dense.tolist() != told.dense.tolist()
    assert not alone.dense[-WIDTH:].any() and np.linalg.norm(asked.dense[-WIDTH:]) == pytest.approx(1, rel=1e-3)
    for one in (alone, told):
        assert one.dense[:-WIDTH].tolist() == asked.dense[:-WIDTH].tolist()
        assert one.terms.hashes.tolist() == asked.terms.hashes.tolist()
    assert features("no", "en", encoder, " \n").dense.tolist() == alone.dense.tolist()
    assert len(alone.dense) == width() == 2 * WIDTH + len(rule_names())


def test_rows_are_read_with_their_context_and_each_kind_of_feature_has_its_scale() -> None:
    texts = ["no", "no", "it is too expensive", "no"]
    matrix = encoded([row(text, context=line) for text, line in zip(texts, [ASKED, TOLD, "", ASKED], strict=True)])
    values = matrix.values.toarray()
    assert values.shape == (4, width() + len(matrix.vocabulary)) and values.dtype == np.float32
    assert values[0].tolist() == values[3].tolist() != values[1].tolist()
    context = slice(width() - WIDTH, width())
    apart = np.flatnonzero(values[0] != values[1])
    assert apart.min() >= context.start and apart.max() < context.stop
    assert np.linalg.norm(values[0, context]) == pytest.approx(train.CONTEXT_SCALE, rel=1e-3)
    assert np.linalg.norm(values[:, :WIDTH], axis=1) == pytest.approx(np.ones(4), rel=1e-3)
    rules = values[2, WIDTH : context.start]
    assert rules[rule_names().index("objections.price")] / train.RULE_SCALE == pytest.approx(1)
    phrases = values[:, width() :][:, matrix.vocabulary.phrase]
    assert np.linalg.norm(phrases, axis=1) == pytest.approx(np.full(4, train.PHRASE_SCALE), rel=1e-5)


def test_a_no_means_what_was_asked(tmp_path: Path) -> None:
    answers = ["no", "No.", "nope", "not really", "no, thanks"]
    rows = [
        row(text, context=line, source=f"author-{n}", objections=("stall",) if line == ASKED else ())
        for n, text in enumerate(answers * 4)
        for line in (ASKED, TOLD)
    ]
    _, bundle = trained_on(rows, "objection", tmp_path)
    head, encoder = LinearHead.of(bundle), load_encoder()
    asked, told = (head.probabilities(features("no", "en", encoder, line))[0] for line in (ASKED, TOLD))
    assert asked > 0.8 and told < 0.2


def test_the_fingerprint_of_the_data_tells_texts_contexts_and_labels() -> None:
    same = [encoded([one]).sha256 for one in (row(), row())]
    others = [row("nope"), row(context=ASKED), row(vertical="roofing"), row(objections=("price",))]
    others += [row(needs=("energy",)), row(acts=("agree",)), row(acts=None)]
    assert same[0] == same[1]
    assert len({same[0], *(encoded([one]).sha256 for one in others)}) == 1 + len(others)


@dataclass(frozen=True)
class Run:
    manifest: Manifest
    bundle: Bundle
    steps: list[str]
    files: dict[str, str]
    folder: Path


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """Twice the same."""
    found: list[Run] = []
    for _ in range(2):
        folder, steps = tmp_path_factory.mktemp("run"), list[str]()
        matrix = train.encode(SAMPLE, lambda steps=steps: steps.append("row"))
        manifest = train.train_head(
            "needs",
            matrix,
            folder,
            lambda n, steps=steps: steps.append(f"{n} fits"),
            lambda s=steps: s.append("fit"),
        )
        files = {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in (folder / "needs").iterdir()}
        found.append(Run(manifest, load(folder / "needs", predictor="needs", features=FORM), steps, files, folder))
    return found


def test_the_same_data_give_the_same_bytes(runs: list[Run]) -> None:
    assert set(runs[0].files) == {"arrays.npz", "manifest.json"}
    assert runs[0].files == runs[1].files


def test_progress_is_told_a_row_and_a_fit(runs: list[Run]) -> None:
    """Of a label there is one fit a fold, or fewer where only some authors have it, and one of all."""
    labels, fits = len(runs[0].manifest.labels), runs[0].steps.count("fit")
    assert runs[0].steps == ["row"] * len(SAMPLE) + [f"{fits} fits"] + ["fit"] * fits
    assert 2 * labels < fits <= (1 + unseen.FOLDS) * labels


def test_the_manifest_says_what_was_learnt_from_whom(runs: list[Run]) -> None:
    run = runs[0]
    manifest, metrics = run.manifest, run.manifest.metrics
    assert run.bundle.manifest == manifest and manifest.features == FORM
    assert manifest.labels == tuple(sorted(manifest.labels)) and len(manifest.labels) >= 4
    assert set(manifest.libraries) == {"numpy", "scikit-learn", "onnxruntime"}
    assert set(manifest.columns) == {f"{one.vertical}.{need}" for one in SAMPLE for need in one.needs}
    assert metrics["rows"] == len(SAMPLE) and metrics["authors"] == len({one.source for one in SAMPLE})
    judged = metrics["authors_unseen"]
    assert set(judged) == {"macro_f1", "micro_f1", "ece", "per_label"}
    assert list(judged["per_label"]) == list(manifest.labels)
    for label, one in judged["per_label"].items():
        assert one["n"] == sum(label in said.needs for said in SAMPLE) >= unseen.FOLDS
        assert 0 <= one["f1"] <= 1
    f1 = [one["f1"] for one in judged["per_label"].values()]
    assert judged["macro_f1"] == pytest.approx(np.mean(f1), abs=1e-4)
    assert 0 <= judged["micro_f1"] <= 1 and 0 <= judged["ece"] < 0.1


def test_the_arrays_are_those_of_the_labels_with_thresholds_that_were_allowed(runs: list[Run]) -> None:
    manifest, arrays = runs[0].manifest, runs[0].bundle.arrays
    assert LinearHead.of(runs[0].bundle).labels == manifest.labels
    assert arrays["threshold"].shape == (len(manifest.labels),)
    assert np.isclose(arrays["threshold"][:, None], unseen.THRESHOLDS, atol=1e-6).any(axis=1).all()
    assert (arrays["slope"] >= 0.05 - 1e-6).all()
    assert {array.dtype.kind for array in arrays.values()} == {"f", "u", "b", "U"}
    assert all(np.isfinite(array).all() for array in arrays.values() if array.dtype.kind != "U")


def test_no_text_leaves_with_the_model(runs: list[Run]) -> None:
    content = b"".join(one.read_bytes() for one in (runs[0].folder / "needs").iterdir())
    assert b"hashes" in content and b"pricing_info" in content
    assert not [one.text for one in SAMPLE if len(one.text) > 12 and one.text.encode() in content]


def test_a_row_that_names_no_language_is_read_in_its_own() -> None:
    texts = ["uf, está carísimo para mí", "uf, that is too expensive for me"]
    named = encoded([row(text, language=language) for text, language in zip(texts, ("es", "en"), strict=True)])
    told = encoded([row(text, language=None) for text in texts])
    assert told.values.toarray().tolist() == named.values.toarray().tolist()
    other = encoded([row(text, language="en") for text in texts])
    assert told.values.toarray().tolist() != other.values.toarray().tolist()
