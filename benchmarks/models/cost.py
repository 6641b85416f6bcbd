"""What a message costs: processor time of its features and scores, one message at a time, nothing of it in a cache."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from benchmarks.models.candidates import DEFAULT, RULES, Weights, groups
from benchmarks.models.engineered import Trees, looks_of
from predictors.features import features, rule_names, width
from predictors.linear import LinearHead
from predictors.rules import find, scan
from predictors.terms import Vocabulary, terms
from predictors.text import WIDTH, Encoder, load_encoder, plain, words
from predictors.train import CHARACTER_SCALE, PHRASE_SCALE, Kind, Utterance

WARM = 30
Serve = Callable[[Utterance], object]


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds of processor time a message."""

    p50_ms: float
    p95_ms: float


def strangers(rows: Sequence[Utterance], count: int, seed: int) -> list[Utterance]:
    """``count`` rows and ``WARM`` more, none of whose messages and lines before it occurs twice."""
    found: list[Utterance] = []
    known: set[str] = set()
    for i in np.random.default_rng(seed).permutation(len(rows)).tolist():
        said = {plain(rows[i].text), plain(rows[i].context)}
        if len(said) == 2 and rows[i].context.strip() and not said & known:
            known |= said
            found.append(rows[i])
        if len(found) == count + WARM:
            break
    return found


def measure(serve: Serve, rows: Sequence[Utterance], advance: Callable[[], None]) -> Cost:
    """The first ``WARM`` rows warm the machine and are not counted."""
    for cached in (scan, plain, words, load_encoder().embed):
        cached.cache_clear()
    spent: list[float] = []
    for row in rows:
        started = time.process_time()
        serve(row)
        spent.append((time.process_time() - started) * 1000)
        advance()
    p50, p95 = np.quantile(spent[WARM:], (0.5, 0.95))
    return Cost(float(p50), float(p95))


def server(name: str, kind: Kind, model: Weights | Trees | None, vocabulary: Vocabulary) -> Serve:
    """How ``name`` would be served; ``model`` is ``None`` for the rules."""
    if isinstance(model, Trees):
        return _trees(model, vocabulary)
    if model is None or name == RULES:
        return lambda row: find(row.language or "en", groups(kind, row.vertical), row.text)
    if name == "TF-IDF":
        return _terms(model, vocabulary)
    encoder = load_encoder()
    if name == "embedding":
        dense, bias = model.values[:WIDTH], model.bias
        return lambda row: encoder.embed(row.text) @ dense + bias
    return _product(model, vocabulary, encoder, with_context=name == DEFAULT)


def _terms(model: Weights, vocabulary: Vocabulary) -> Serve:
    weights = np.ascontiguousarray(model.values[width() :])

    def serve(row: Utterance) -> object:
        placed = vocabulary.place(terms(row.text))
        return placed.weights @ weights[placed.columns] + model.bias

    return serve


def _product(model: Weights, vocabulary: Vocabulary, encoder: Encoder, *, with_context: bool) -> Serve:
    """The product's own head; thresholds and calibration cost the same whatever they are."""
    one = np.ones_like(model.bias)
    dense, sparse_ = np.ascontiguousarray(model.values[: width()]), np.ascontiguousarray(model.values[width() :])
    labels = tuple(str(i) for i in range(len(one)))
    head = LinearHead(labels, vocabulary, dense, sparse_, model.bias, one, one, one)
    return lambda row: head.probabilities(
        features(row.text, row.language or "en", encoder, row.context if with_context else "")
    )


def _trees(model: Trees, vocabulary: Vocabulary) -> Serve:
    scale = np.where(vocabulary.phrase, PHRASE_SCALE, CHARACTER_SCALE).astype(np.float32)
    places = {name: place for place, name in enumerate(rule_names())}

    def serve(row: Utterance) -> object:
        placed = vocabulary.place(terms(row.text))
        weights = placed.weights * scale[placed.columns]
        grams = sparse.csr_matrix((weights, placed.columns, [0, len(weights)]), shape=(1, len(vocabulary)))
        rules = np.zeros((1, len(places)), dtype=np.float32)
        for name, hits in scan(row.language or "en", plain(row.text)).items():
            rules[0, places[name]] = 1.0 if len(hits) == 1 else 1.5
        return model.scores(model.features.table(grams, rules, looks_of([row.text])))

    return serve
