"""The words of simulated buyers: real rows that say what the buyer does, and nothing of how it ends."""

import inspect
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import KFold

from training_data.buyers import SimulatedConversation, Style, simulate
from training_data.corpora import Labelled, read_corpora
from training_data.spoken import LINES, Line, Wanted, Writer, as_dialogue, dialogues, export, lines

SEED = 7
TERSE = Style("en", spoken=False, wordy=False)


@cache
def crowd() -> tuple[SimulatedConversation, ...]:
    return tuple(simulate(2_000, SEED))


@cache
def spoken() -> tuple[tuple[Line, ...], ...]:
    writer = Writer()
    return tuple(tuple(lines(one, writer, number)) for number, one in enumerate(crowd()))


@cache
def corpus() -> dict[str, Labelled]:
    return {row.id: row for row in read_corpora()}


def leak(texts: list[str]) -> float:
    """AUC of TF-IDF of words and pairs for the outcome, on folds that the model has not seen."""
    bought = np.array([one.bought for one in crowd()])
    score = np.zeros(len(texts))
    for learn, judge in KFold(5, shuffle=True, random_state=0).split(texts):
        words = TfidfVectorizer(min_df=3, ngram_range=(1, 2), sublinear_tf=True)
        model = LogisticRegression(max_iter=500).fit(words.fit_transform([texts[i] for i in learn]), bought[learn])
        score[judge] = model.predict_proba(words.transform([texts[i] for i in judge]))[:, 1]
    return float(roc_auc_score(bought, score))


def test_the_first_line_hardly_gives_the_outcome_away() -> None:
    assert 0.45 < leak([said[0].customer for said in spoken()]) <= 0.6


def test_what_the_agent_says_hardly_gives_the_outcome_away() -> None:
    assert 0.44 < leak(["\n".join(line.agent for line in said) for said in spoken()]) <= 0.56


def test_what_the_customer_says_tells_something_and_no_more_than_the_truth() -> None:
    ceiling = roc_auc_score([one.bought for one in crowd()], [one.truth for one in crowd()])
    assert 0.6 < leak(["\n".join(line.customer for line in said) for said in spoken()]) < ceiling - 0.05


def test_the_number_of_words_does_not_give_the_outcome_away() -> None:
    bought = [one.bought for one in crowd()]
    words = [[len(line.customer.split()) for line in said] for said in spoken()]
    assert 0.42 < roc_auc_score(bought, [sum(one) for one in words]) < 0.58
    assert 0.45 < roc_auc_score(bought, [sum(one) / len(one) for one in words]) < 0.55


def test_every_line_says_what_the_buyer_does() -> None:
    for one, said in zip(crowd(), spoken(), strict=True):
        for turn, line in zip(one.turns, said, strict=True):
            row = corpus()[line.row]
            assert line.customer == row.text
            assert (row.vertical, row.language) == (one.vertical, one.style.language)
            assert set(row.acts or ()) == set(turn.acts)
            assert set(row.objections) == set(turn.objections)


def test_no_row_stands_twice_in_a_conversation_and_many_are_used() -> None:
    for said in spoken():
        assert len({line.row for line in said}) == len(said)
    assert len({line.row for said in spoken() for line in said}) > 1_000


def test_terse_people_say_less_than_wordy_ones() -> None:
    words = {
        wordy: np.mean(
            [
                len(line.customer.split())
                for one, said in zip(crowd(), spoken(), strict=True)
                for line in said
                if one.style.wordy is wordy
            ]
        )
        for wordy in (False, True)
    }
    assert words[True] > words[False] + 6


def test_the_writer_is_told_only_what_the_buyer_does() -> None:
    assert set(Wanted.__slots__) == {"vertical", "style", "acts", "objections", "needs"}
    assert list(inspect.signature(Writer.pick).parameters) == ["self", "wanted", "used", "rng"]


def test_hidden_truth_and_outcome_change_no_word() -> None:
    writer = Writer()
    for one in crowd()[:50]:
        other = replace(one, outcome="lost" if one.bought else "converted", truth=1 - one.truth, persona="another")
        assert lines(one, writer, 3) == lines(other, writer, 3)


def row(id: str, text: str, acts: tuple[str, ...] = ("inform",), needs: tuple[str, ...] = (), **more: Any) -> Labelled:
    given = {"vertical": "fitness", "language": "en", "objections": (), **more}
    return Labelled(id=id, text=text, acts=acts, needs=needs, **given)


def test_the_most_alike_is_taken_when_no_row_fits() -> None:
    writer = Writer([row("far", "Bye", ("goodbye",)), row("near", "I sit all day", ("inform", "greet"))])
    wanted = Wanted("fitness", TERSE, ("inform",), (), ())
    rng = np.random.default_rng(0)
    assert writer.pick(wanted, set(), rng).id == "near"
    assert writer.pick(wanted, {"near"}, rng).id == "far"
    with pytest.raises(LookupError, match="'fitness' in 'en'"):
        writer.pick(wanted, {"near", "far"}, rng)


def test_a_row_of_another_need_is_the_last_choice() -> None:
    rows = [row("other", "More muscle", needs=("gain_muscle",)), row("own", "thinner " * 40, needs=("lose_weight",))]
    wanted = Wanted("fitness", TERSE, ("inform",), (), ("lose_weight",))
    assert Writer(rows).pick(wanted, set(), np.random.default_rng(0)).id == "own"


def test_rows_without_marked_acts_or_language_are_not_spoken() -> None:
    unmarked = row("unmarked", "hm", vertical="fitness").model_copy(update={"acts": None})
    nowhere = row("nowhere", "hm").model_copy(update={"language": None})
    with pytest.raises(LookupError):
        Writer([unmarked, nowhere]).pick(Wanted("fitness", TERSE, (), (), ()), set(), np.random.default_rng(0))


def test_a_dialogue_has_the_form_that_training_reads() -> None:
    one = crowd()[0]
    found = as_dialogue(one, Writer(), "a-1", 0)
    assert set(found) == {"id", "vertical", "outcome", "turns"}
    assert (found["id"], found["vertical"], found["outcome"]) == ("a-1", one.vertical, one.outcome)
    assert [turn["role"] for turn in found["turns"]] == ["customer", "agent"] * len(one.turns)
    assert [turn["text"] for turn in found["turns"][::2]] == [line.customer for line in spoken()[0]]


def test_the_same_seed_writes_the_same_bytes(tmp_path: Any) -> None:
    for name in ("a", "b"):
        export(30, 5, tmp_path / name)
    export(30, 6, tmp_path / "c")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != (tmp_path / "c").read_bytes()
    assert len((tmp_path / "a").read_bytes().splitlines()) == 30


def test_dialogues_do_not_depend_on_how_many_there_are() -> None:
    assert list(dialogues(crowd()[:12], 5))[:4] == list(dialogues(crowd()[:4], 5))


def test_the_agent_has_lines_for_every_move_in_both_languages() -> None:
    done = {turn.move for one in crowd() for turn in one.turns}
    assert done == set(LINES["es"]) == set(LINES["en"])
    for said in LINES.values():
        assert all(len(set(choices)) >= 3 for choices in said.values())
