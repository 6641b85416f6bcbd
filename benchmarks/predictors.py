"""What the predictions of one message cost: three labels' worth of insight, CPU of one process, nothing out of a cache.

    python -m benchmarks.predictors [--messages 500] [--quick]

Ours reads a message once (sentence embedding, terms, rules) and shares that among its heads. It is put beside three
``Pipeline.predict_proba`` as the textbook has them (TF-IDF and logistic regression, no embedding), and beside three pipelines
that read what ours reads (TF-IDF and the same sentence embedding). Taken in turn, message by message, in one run. Every
message follows another line of the agent, as a model writes them. Writes ``benchmarks/results/predictors.json`` and ``.svg``.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer

from benchmarks.load import percentile
from benchmarks.plots import bars
from benchmarks.textbook.pipelines import ROWS, Pipelines, some_rows, terms, texts_and_labels, train
from predictors import bundle, conversion, features
from predictors.base import Dialogue, Predictor, Utterance
from predictors.conversion import ConversionModel
from predictors.needs import NeedsModel, PlaybookNeeds
from predictors.objection import ObjectionModel
from predictors.text import Encoder, load_encoder
from prompts import load_playbook, playbook_names
from prompts.playbook import OBJECTION_TYPES
from training_data.corpora import Labelled

RESULTS = Path(__file__).parent / "results"
WARM = 30
SHARED, WHOLE, TEXTBOOK, SAME_KIND = (
    "ours, message already read",
    "ours, reading included",
    "three Pipelines (TF-IDF)",
    "three Pipelines (TF-IDF + embedding)",
)
Serve = Callable[[Labelled], object]


def ours(models: Path, encoder: Encoder) -> tuple[Predictor, ...]:
    books = [load_playbook(name).book for name in playbook_names()]
    needs = {
        book.id: PlaybookNeeds(
            book.vertical, {name: (*need.examples.es, *need.examples.en) for name, need in book.needs.items()}
        )
        for book in books
    }
    load = {name: bundle.load(models / name, predictor=name, features=features.FORM) for name in ("objection", "needs")}
    outcome = bundle.load(models / "conversion", predictor="conversion", features=conversion.FORM)
    return (
        ObjectionModel(load["objection"], OBJECTION_TYPES),
        NeedsModel(load["needs"], encoder, needs),
        ConversionModel(outcome),
    )


def dialogue(row: Labelled, encoder: Encoder) -> Dialogue:
    """The message as a turn hands it to the predictors: encoded, with the agent's line before it."""
    language = row.language or "en"
    return Dialogue(
        language=language,
        playbook="ngx" if row.vertical == "fitness" else "roofing",
        vertical=row.vertical,
        stage="discovery",
        profile={},
        recent=(Utterance("agent", row.context), Utterance("customer", row.text)),
        so_far={"turns": 3.0, "open_objections": 1.0},
        features=features.features(row.text, language, encoder, row.context),
    )


def same_kind(rows: Sequence[Labelled], encoder: Encoder) -> Pipelines:
    """Pipelines over TF-IDF and the encoder, as scikit-learn composes them: each reads for itself, past the encoder's cache."""

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([encoder.embed.__wrapped__(text) for text in texts])

    texts, labels = texts_and_labels(rows)
    fitted = {}
    for name, wanted in labels.items():
        union = FeatureUnion([("terms", terms()), ("embedding", FunctionTransformer(embed))])
        fitted[name] = Pipeline([("union", union), ("model", LogisticRegression(max_iter=200))]).fit(texts, wanted)
    return Pipelines(**fitted)


def all_three(pipelines: Pipelines) -> Serve:
    def serve(row: Labelled) -> object:
        three = (pipelines.objection, pipelines.need, pipelines.conversion)
        return [pipeline.predict_proba([row.text]) for pipeline in three]

    return serve


def messages(count: int, seed: int) -> list[Labelled]:
    """Rows of which neither message nor line before occurs twice, ``WARM`` more than ``count``."""
    known: set[str] = set()
    found: list[Labelled] = []
    for row in some_rows(10**9, seed):
        if row.language and row.context and not {row.text, row.context} & known:
            known |= {row.text, row.context}
            found.append(row)
        if len(found) == count + WARM:
            break
    return found


def measure(models: Path, count: int, rows: int = ROWS, kind_rows: int = 500) -> dict[str, Any]:
    """Milliseconds of CPU a message and the ratios to ours with reading."""
    encoder = load_encoder()
    predictors = ours(models, encoder)
    with tempfile.TemporaryDirectory() as folder:
        textbook = all_three(train(Path(folder), rows))
    alike = all_three(same_kind(some_rows(kind_rows, 11), encoder))
    spent: dict[str, list[float]] = {name: [] for name in (WHOLE, SHARED, TEXTBOOK, SAME_KIND)}
    for row in messages(count, 3):
        encoder.embed.cache_clear()
        spent[TEXTBOOK].append(_cpu_ms(textbook, row))
        spent[SAME_KIND].append(_cpu_ms(alike, row))
        encoder.embed.cache_clear()
        started = time.process_time()
        read = dialogue(row, encoder)
        between = time.process_time()
        for predictor in predictors:
            predictor.predict(read)
        ended = time.process_time()
        spent[SHARED].append((ended - between) * 1000)
        spent[WHOLE].append((ended - started) * 1000)
    found = {
        name: {f"p{share}_ms": percentile(values[WARM:], share / 100) for share in (50, 95)}
        for name, values in spent.items()
    }
    whole = found[WHOLE]["p50_ms"]
    ratios = {
        name: round((found[name]["p50_ms"] or 0.0) / whole, 2) if whole else None for name in (TEXTBOOK, SAME_KIND)
    }
    return {
        "measured_at": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        "cores": os.cpu_count(),
        "messages": count,
        "cpu_of_one_message": found,
        "times_ours": ratios,
    }


def _cpu_ms(serve: Serve, row: Labelled) -> float:
    started = time.process_time()
    serve(row)
    return (time.process_time() - started) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("data/models"), help="trained bundles of ours")
    parser.add_argument("--messages", type=int, default=500)
    parser.add_argument("--quick", action="store_true", help="60 messages")
    chosen = parser.parse_args()
    result = measure(chosen.models, 60 if chosen.quick else chosen.messages)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "predictors.json").write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2))
    by_name = result["cpu_of_one_message"]
    shares = ("p50_ms", "p95_ms")
    bars(
        [("CPU of one message's predictions, ms", {s: {name: by_name[name][s] for name in by_name} for s in shares})],
        RESULTS / "predictors.svg",
    )
    table = Table(title="CPU of one message's three predictions, ms", title_justify="left")
    for column in ("way", "p50", "p95"):
        table.add_column(column)
    for name, figures in by_name.items():
        table.add_row(name, *(str(value) for value in figures.values()))
    Console().print(table)
    for name, ratio in result["times_ours"].items():
        print(f"{name}: {ratio} times the CPU of ours")


if __name__ == "__main__":
    main()
