"""The comparison of candidates: its protocol worked out by hand, and serving that gives the scores that were judged."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from benchmarks.models.candidates import DEFAULT, LINEAR, TREES, columns, fit, rule_scores
from benchmarks.models.cost import WARM, measure, server, strangers
from benchmarks.models.engineered import learn, look
from benchmarks.models.languages import across, by_other_language
from benchmarks.models.protocol import (
    Board,
    Judged,
    best_threshold,
    figures,
    folds_at_random,
    folds_by_author,
    judge,
    macro_f1,
    platt,
)
from benchmarks.models.tables import draw, figures_table, interval
from predictors import features, train
from predictors.metrics import Interval
from predictors.terms import Vocabulary, terms
from predictors.text import WIDTH, load_encoder
from training_data.corpora import Labelled

AUTHORS = ("a", "b", "c", "d")


def said(text: str, source: str = "a", **given: Any) -> Labelled:
    fields = {"id": text, "vertical": "fitness", "language": "en", "objections": (), "needs": ()} | given
    return Labelled(text=text, source=source, **fields)


def board_of(target: Sequence[Sequence[int]], authors: str, **given: Any) -> Board:
    marked = np.array(target, dtype=np.bool_)
    rows = len(marked)
    fields: dict[str, Any] = {
        "applies": np.ones_like(marked),
        "hard": np.zeros(rows, dtype=np.bool_),
        "spanish": np.zeros(rows, dtype=np.bool_),
    } | {name: np.array(value, dtype=np.bool_) for name, value in given.items()}
    return Board(tuple(f"label {i}" for i in range(marked.shape[1])), marked, authors=np.array(list(authors)), **fields)


def chosen(board: Board, said_yes: Sequence[Sequence[int]]) -> Judged:
    marked = np.array(said_yes, dtype=np.bool_)
    return Judged(np.where(marked, 0.9, 0.1), marked)


def test_no_author_stands_in_two_folds_and_a_random_split_mixes_them() -> None:
    authors = np.repeat(AUTHORS, 25)
    by_author, at_random = folds_by_author(authors, 2), folds_at_random(100, 2, 0)
    assert all(len(set(by_author[authors == one].tolist())) == 1 for one in AUTHORS)
    assert set(by_author.tolist()) == {0, 1}
    assert all(len(set(at_random[authors == one].tolist())) == 2 for one in AUTHORS)


def test_a_need_is_asked_only_of_its_own_verticals_rows() -> None:
    rows = [said(f"thin {i}", needs=("lose_weight",), note="implicit" if i else None) for i in range(4)]
    rows += [said(f"roof {i}", vertical="roofing", language="es", needs=("gutters",)) for i in range(4)]
    rows += [said("hello"), said("hola", vertical="roofing", language="es")]
    board = Board.of("needs", rows)
    assert board.labels == ("gutters", "lose_weight")
    assert board.applies[:, 1].tolist() == [True] * 4 + [False] * 4 + [True, False]
    assert (board.applies[:, 0] == ~board.applies[:, 1]).all()
    assert (board.target[:8] == board.applies[:8]).all()
    assert not board.target[8:].any()
    assert board.hard.tolist() == [False, True, True, True] + [False] * 6
    assert board.spanish.tolist() == [False] * 4 + [True] * 4 + [False, True]


def test_figures_worked_out_by_hand() -> None:
    board = board_of(
        [[1, 0], [1, 0], [0, 1], [0, 0]],
        "aabb",
        applies=[[1, 1], [1, 1], [1, 1], [1, 0]],
        hard=[0, 1, 1, 1],
        spanish=[1, 0, 0, 1],
    )
    judged = chosen(board, [[1, 0], [0, 0], [1, 1], [0, 1]])
    found = figures(board, judged, seed=0)
    assert found.per_label == {"label 0": 0.5, "label 1": 1.0}
    assert found.macro_f1.value == 0.75
    assert found.micro_f1 == pytest.approx(2 * 2 / (3 + 3))
    assert found.hard_exact == pytest.approx(1 / 3), "the last row's wrong label was not asked"
    assert found.macro_f1_plain == 1.0, "of the first row alone"
    assert found.macro_f1_es == 1.0
    assert found.macro_f1_en == pytest.approx((0 + 1) / 2)
    assert found.ece == pytest.approx((4 * abs(0.1 - 1 / 4) + 3 * abs(0.9 - 2 / 3)) / 7)
    assert found.behind is None


def test_behind_is_the_default_less_this_one_on_the_same_draws() -> None:
    board = board_of([[1], [0], [1], [0]], "abcd")
    perfect, half = chosen(board, [[1], [0], [1], [0]]), chosen(board, [[1], [0], [0], [0]])
    assert figures(board, perfect, 0, default=perfect).behind == Interval(0.0, 0.0, 0.0)
    behind = figures(board, half, 0, default=perfect).behind
    assert behind is not None
    assert behind.value == pytest.approx(1 - 2 / 3)
    assert 0 <= behind.low < behind.value < behind.high <= 1


def test_macro_f1_of_a_language_leaves_out_labels_that_do_not_occur_there() -> None:
    board = board_of([[1, 0], [0, 1]], "ab", spanish=[1, 0])
    judged = chosen(board, [[1, 1], [0, 1]])
    assert macro_f1(board, judged, board.spanish) == 1.0


def test_threshold_of_the_best_f1_and_the_lowest_of_equals() -> None:
    probabilities = np.array([0.9, 0.6, 0.31, 0.29, 0.1])
    target = np.array([True, True, True, False, False])
    assert best_threshold(target, probabilities) == pytest.approx(0.30)


def test_calibration_never_turns_round_and_one_outcome_is_a_base_rate() -> None:
    scores = np.array([-2.0, -1.0, 1.0, 2.0] * 5)
    slope, _ = platt(scores, scores < 0)
    assert slope == 0.05
    slope, shift = platt(scores, np.zeros(20, dtype=np.bool_))
    assert slope == 0.0
    assert 1 / (1 + np.exp(-shift)) == pytest.approx(0.5 / 21)


def test_a_folds_own_labels_do_not_move_its_probabilities_or_decisions() -> None:
    rng = np.random.default_rng(0)
    target = rng.random((60, 1)) < 0.4
    scores = np.where(target, 1.0, -1.0) + rng.normal(size=(60, 1))
    fold = np.repeat([0, 1, 2], 20)
    before = judge(board_of(target.tolist(), "a" * 60), scores, fold)
    turned = target.copy()
    turned[fold == 0] ^= True
    after = judge(board_of(turned.tolist(), "a" * 60), scores, fold)
    assert (before.probabilities[fold == 0] == after.probabilities[fold == 0]).all()
    assert (before.chosen[fold == 0] == after.chosen[fold == 0]).all()
    assert (before.probabilities[fold == 1] != after.probabilities[fold == 1]).all()


def test_a_rule_that_hits_is_a_yes_however_rarely_it_is_right() -> None:
    scores = np.array([[0.75], [0.75], [0.75], [0.0]] * 6)
    board = board_of([[1], [0], [0], [0]] * 6, "a" * 24)
    judged = judge(board, scores, np.repeat([0, 1], 12), any_hit=True)
    assert (judged.chosen == (scores > 0)).all()
    assert judged.probabilities[0, 0] == pytest.approx(1 / 3, abs=0.03)


def test_rules_of_the_rows_own_language_and_vertical() -> None:
    rows = [said("It's too expensive"), said("Está muy caro", language="es"), said("Está muy caro", language="en")]
    board = board_of([[1], [1], [1]], "aaa")
    board = Board(("price",), board.target, board.applies, board.hard, board.spanish, board.authors)
    scores = rule_scores("objection", board, rows)[:, 0]
    assert scores[0] > 0 and scores[1] > 0
    assert scores[2] == 0


def test_parts_cover_the_matrix_once() -> None:
    width = features.width() + 7
    assert columns(("embedding", "rules", "context", "terms"), width).tolist() == list(range(width))
    assert columns(("terms",), width).tolist() == list(range(width - 7, width))
    assert len(columns(("embedding",), width)) == len(columns(("context",), width)) == WIDTH


def test_likeness_to_a_label_does_not_count_the_authors_own_rows() -> None:
    grams = sparse.csr_matrix(np.vstack([np.eye(80)[[0, 0, 1, 1]], np.ones((1, 80))]).astype(np.float32))
    target = np.array([[1], [0], [1], [0], [0]], dtype=np.bool_)
    learnt, likeness = learn(grams, target, np.array(list("aabbc")), seed=0)
    assert likeness[:4, 0].tolist() == [0.0] * 4
    assert learnt.centroids[:2, 0] == pytest.approx([0.5**0.5] * 2)
    assert likeness[4, 0] == pytest.approx(2**0.5 / 80**0.5)


def test_the_look_of_a_text() -> None:
    found = look("¿Cuánto? ¡$20, YA!...")
    assert found[3:6] == [1.0, 1.0, 1.0]
    assert found[8] == 1.0 and found[9] == 2.0 and found[10] == 1.0


def test_messages_that_are_timed_occur_once() -> None:
    rows = [said(f"message {i % 50}", context=f"line {i % 70}") for i in range(500)] + [said("without a line")] * 9
    picked = strangers(rows, 15, seed=0)
    assert len(picked) == 15 + WARM
    assert len({row.text for row in picked}) == len({row.context for row in picked}) == len(picked)
    times = 0

    def advance() -> None:
        nonlocal times
        times += 1

    cost = measure(lambda row: row.text, picked, advance)
    assert times == len(picked)
    assert 0 <= cost.p50_ms <= cost.p95_ms


def spoken() -> list[Labelled]:
    """A hundred and sixty rows of four authors, two of each language; half of them are about the price."""
    words = {
        "en": (
            ("expensive", "price too high", "cannot afford that"),
            ("see you monday", "sounds good", "tell me more"),
        ),
        "es": (("muy caro", "precio alto", "no me alcanza"), ("nos vemos lunes", "suena bien", "cuénteme más")),
    }
    rows: list[Labelled] = []
    for author, language in zip(AUTHORS, ("en", "es", "en", "es"), strict=True):
        for i in range(40):
            dear = i % 2 == 0
            text = f"{words[language][0 if dear else 1][i % 3]} {author * (1 + i // 12)}"
            labels = ("price",) if dear else ()
            rows.append(said(text, author, language=language, objections=labels, context="So, what now?" * (i % 3)))
    return rows


@pytest.fixture(scope="module")
def matrix() -> train.Matrix:
    rows = spoken()
    encoder = load_encoder()
    found = [features.features(row.text, row.language or "en", encoder, row.context) for row in rows]
    grams = [terms(row.text) for row in rows]
    vocabulary = Vocabulary.of(grams)
    bare = train.Matrix(rows, sparse.csr_matrix((0, 0)), vocabulary, np.array([row.source for row in rows]), "")
    dense = sparse.csr_matrix(np.stack([one.dense for one in found]))
    values = sparse.csr_matrix(sparse.hstack([dense, train.tf_idf(vocabulary, grams)])).multiply(bare.scale)
    return train.Matrix(rows, sparse.csr_matrix(values, dtype=np.float32), vocabulary, bare.groups, "")


@pytest.mark.parametrize("name", [*LINEAR, TREES])
def test_what_is_served_gives_the_scores_that_were_judged(name: str, matrix: train.Matrix) -> None:
    rows = spoken()
    board = Board.of("objection", rows)
    judged = board.authors == "d"
    found = fit(name, matrix, board, ~judged, judged, seed=0)
    serve: Any = server(name, "objection", found.model, matrix.vocabulary)
    served = np.array([np.asarray(serve(row)).ravel() for row in rows if row.source == "d"])
    expected = found.scores
    if name.startswith(DEFAULT):
        expected = 1 / (1 + np.exp(-(expected + 1)))
    assert served == pytest.approx(expected, abs=2e-3)
    assert len(np.unique(np.round(served, 2))) > 1


def test_a_candidate_does_not_see_the_rows_it_is_judged_on(matrix: train.Matrix) -> None:
    board = Board.of("objection", spoken())
    judged = board.authors == "d"
    turned = Board(board.labels, board.target ^ judged[:, None], board.applies, *_rest(board))
    for name in (*LINEAR, TREES):
        one, other = (fit(name, matrix, each, ~judged, judged, seed=0).scores for each in (board, turned))
        assert (one == other).all(), name


def _rest(board: Board) -> tuple[Any, Any, Any]:
    return board.hard, board.spanish, board.authors


def test_across_languages_learns_from_one_language_alone(matrix: train.Matrix) -> None:
    board = Board.of("objection", spoken())
    turned = Board(board.labels, board.target ^ board.spanish[:, None], board.applies, *_rest(board))
    one, other = (by_other_language(matrix, each, "en", 2, 0).chosen[board.spanish] for each in (board, turned))
    assert (one == other).all()
    assert 0 < one.sum() < len(one)
    assert across(matrix, board, "en", 2, 0) > 0.6


def test_the_picture_is_the_same_for_the_same_figures(tmp_path: Path) -> None:
    row: dict[str, Any] = {
        "macro_f1": {"value": 0.5, "low": 0.4, "high": 0.6},
        "behind": None,
        "cost": None,
    } | dict.fromkeys(("micro_f1", "hard_exact", "macro_f1_plain", "ece", "macro_f1_es", "macro_f1_en"), 0.25)
    heads = {"objection": {"rules": row, "default": row}, "needs": {"rules": row, "default": row}}
    first, second = tmp_path / "first.svg", tmp_path / "second.svg"
    for file in (first, second):
        draw(heads, "default", file)
    assert first.read_bytes() == second.read_bytes()
    assert first.read_text().count(">0.500<") == 4
    assert figures_table("t", heads["needs"]).row_count == 2
    assert interval(Interval(0.1, -0.05, 0.2), sign="+") == "+0.100 (-0.050 to +0.200)"
