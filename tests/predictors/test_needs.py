"""Needs of a new business: found from its example utterances at once, and not lost by training on them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.training import playbook_rows
from predictors import train
from predictors.base import Dialogue, Language, Prediction, Utterance
from predictors.bundle import Bundle, BundleRefused, load
from predictors.features import FORM, features
from predictors.linear import LinearHead
from predictors.needs import SHARED_NEEDS, NeedsModel, PlaybookNeeds
from predictors.text import load_encoder
from prompts import load_playbook
from training_data.corpora import Labelled, read_corpora

BOOK = load_playbook("insurance", Path(__file__).parent.parent / "playbooks").book
OURS = read_corpora()[::60]
ONLY = [f"insurance.{need}" for need in sorted(BOOK.needs)]
ASKED: list[tuple[Language, str, str]] = [
    ("es", "Acabo de heredar un piso y querría asegurarlo", "home_cover"),
    ("en", "I'd like to insure the apartment where I live", "home_cover"),
    ("es", "El inquilino me debe tres meses de renta", "landlord_cover"),
    ("en", "holiday in Vietnam next month, need insurance for doctors", "travel_cover"),
    ("es", "Mi aseguradora lleva semanas sin responder al parte", "claims_help"),
    ("en", "my premium shot up this year", "lower_premium"),
]


def trained_on(rows: Sequence[Labelled], folder: Path) -> Bundle:
    train.train_head("needs", train.encode(rows, lambda: None), folder, lambda _: None, lambda: None)
    return load(folder / "needs", predictor="needs", features=FORM)


def served(bundle: Bundle) -> NeedsModel:
    needs = {name: (*need.examples.es, *need.examples.en) for name, need in BOOK.needs.items()}
    others = [line for doubt in BOOK.objections.values() for line in (*doubt.examples.es, *doubt.examples.en)]
    return NeedsModel(bundle, load_encoder(), {"insurance": PlaybookNeeds("insurance", needs, others)})


def asked(model: NeedsModel, language: Language, text: str) -> Prediction:
    said = features(text, language, load_encoder())
    recent = (Utterance("customer", text),)
    return model.predict(Dialogue(language, "insurance", "insurance", "discovery", {}, recent, features=said))


def own(found: Prediction) -> list[str]:
    return [label.name for label in found.labels if label.name not in SHARED_NEEDS]


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return trained_on(OURS, tmp_path_factory.mktemp("new"))


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return trained_on([*OURS, *playbook_rows(BOOK)], tmp_path_factory.mktemp("learnt"))


@pytest.mark.parametrize(("language", "text", "need"), ASKED)
def test_a_need_is_found_at_once_and_still_when_its_examples_were_learnt(
    new: Bundle, learnt: Bundle, language: Language, text: str, need: str
) -> None:
    assert need not in new.manifest.labels and need in learnt.manifest.labels
    assert own(asked(served(new), language, text)) == [need]
    assert own(asked(served(learnt), language, text))[:1] == [need]


def test_the_clause_that_means_it_is_shown(new: Bundle) -> None:
    text = (
        "Hola, buenas tardes, le cuento. Mi hijo se casa en mayo. El inquilino me debe tres meses de renta, y ya está."
    )
    [label] = asked(served(new), "es", text).labels
    assert (label.name, label.evidence) == ("landlord_cover", ("El inquilino me debe tres meses de renta,",))


def test_what_is_more_like_an_objection_is_no_need(new: Bundle) -> None:
    model = served(new)
    for doubt in ("ya estoy con otra aseguradora", "no puedo pagar tanto de seguro"):
        assert own(asked(model, "es", doubt)) == []
    probabilities = asked(model, "es", "ya estoy con otra aseguradora").probabilities
    assert set(probabilities) >= set(BOOK.needs) - SHARED_NEEDS
    assert max(probabilities[need] for need in set(BOOK.needs) - SHARED_NEEDS) < 0.1


def test_needs_that_one_source_told_are_named_and_not_scored(learnt: Bundle, new: Bundle) -> None:
    metrics: dict[str, Any] = dict(learnt.manifest.metrics)
    assert scarce(learnt) == ONLY
    assert set(BOOK.needs) & set(metrics["authors_unseen"]["per_label"]) <= SHARED_NEEDS
    assert {"lose_weight", "leak_repair"} <= set(metrics["authors_unseen"]["per_label"])
    assert scarce(new) == []


def scarce(bundle: Bundle) -> list[str]:
    return [need for need in bundle.manifest.metrics.get("examples_only", []) if need.startswith("insurance.")]


def test_what_two_sources_told_is_the_head_s_alone(tmp_path: Path) -> None:
    told = playbook_rows(BOOK)
    again = [row.model_copy(update={"source": "ann", "text": f"{row.text}, please"}) for row in told]
    bundle = trained_on([*OURS, *told, *again], tmp_path)
    assert scarce(bundle) == []
    head = LinearHead.of(bundle)
    for language, text, _ in ASKED:
        found = asked(served(bundle), language, text)
        probabilities = head.probabilities(features(text, language, load_encoder())).tolist()
        by_head = dict(zip(head.labels, probabilities, strict=True))
        assert {need: found.probability(need) for need in BOOK.needs} == {need: by_head[need] for need in BOOK.needs}


def test_a_manifest_that_names_them_otherwise_is_refused(new: Bundle) -> None:
    manifest = replace(new.manifest, metrics={**new.manifest.metrics, "examples_only": "insurance.home_cover"})
    with pytest.raises(BundleRefused, match="examples_only"):
        served(Bundle(manifest, new.arrays))
