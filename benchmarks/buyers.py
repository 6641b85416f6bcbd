"""Simulated buyers under the microscope: leaks, the Bayes ceiling, and what the simulation is worth on people.

    python -m benchmarks.buyers [--data FOLDER] [--conversations 2000] [--seed 7]

FOLDER holds ``persuasionforgood`` and ``craigslistbargain``. On those dialogues the running numbers are counted by the
product's rules of thumb: objections and acts by ``predictors.rules``, the price is known once the seller names a figure, the
offer once he has spoken twice, and every message that informs is taken for a need. That is coarse, and English only.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold

from predictors import conversion
from predictors.metrics import FIXED_TURNS, Interval, auc
from predictors.rules import find
from predictors.train_conversion import Turns, figures, held_out
from training_data.buyers import ACTS_SEEN, SimulatedConversation, bayes_ceiling, simulate
from training_data.public.dialogues import Message, read_craigslistbargain, read_persuasionforgood
from training_data.spoken import Line, Writer, lines

FOLDS = 5


@dataclass(frozen=True, slots=True)
class Real:
    """A dialogue of people and how it ended."""

    messages: tuple[Message, ...]
    happened: bool


def leak(texts: Sequence[str], happened: NDArray[np.bool_], seed: int) -> Interval | None:
    """AUC of TF-IDF of words and pairs, on folds that the model has not seen."""
    found = np.zeros(len(texts))
    for learn, judge in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(texts, happened):
        words: Any = TfidfVectorizer(min_df=3, ngram_range=(1, 2), sublinear_tf=True)
        model = LogisticRegression(max_iter=500).fit(words.fit_transform([texts[i] for i in learn]), happened[learn])
        found[judge] = model.predict_proba(words.transform([texts[i] for i in judge]))[:, 1]
    return auc(happened, found, seed=seed)


def tabular(values: NDArray[np.float64], happened: NDArray[np.bool_], seed: int) -> Interval | None:
    """AUC of logistic regression on a table, on folds that the model has not seen."""
    found = np.zeros(len(values))
    for learn, judge in KFold(FOLDS, shuffle=True, random_state=seed).split(values):
        found[judge] = (
            LogisticRegression(max_iter=500).fit(values[learn], happened[learn]).decision_function(values[judge])
        )
    return auc(happened, found, seed=seed)


def leaks(
    crowd: Sequence[SimulatedConversation], spoken: Sequence[Sequence[Line]], seed: int
) -> list[tuple[str, Interval | None]]:
    bought = np.array([one.bought for one in crowd])
    looks = np.array(
        [[one.style.language == "es", one.style.spoken, one.style.wordy] for one in crowd], dtype=np.float64
    )
    return [
        ("first customer line", leak([said[0].customer for said in spoken], bought, seed)),
        ("agent's lines only", leak(["\n".join(line.agent for line in said) for said in spoken], bought, seed)),
        ("customer's lines", leak(["\n".join(line.customer for line in said) for said in spoken], bought, seed)),
        ("number of turns only", auc(bought, [len(one.turns) for one in crowd], seed=seed)),
        (
            "number of words only",
            auc(bought, [sum(len(s.customer.split()) for s in said) for said in spoken], seed=seed),
        ),
        ("style and language only", tabular(looks, bought, seed)),
        ("Bayes ceiling", bayes_ceiling(crowd)),
    ]


def counted(messages: Sequence[Message]) -> list[dict[str, float]]:
    """``so_far`` after every message of the customer, by rules; consecutive messages count one by one."""
    ledger: dict[str, tuple[str, int]] = {}
    turn = agreed = declined = informed = said_by_seller = 0
    priced = False
    found: list[dict[str, float]] = []
    for message in messages:
        if message.speaker == "seller":
            said_by_seller += 1
            priced = priced or "$" in message.text or any(mark.isdigit() for mark in message.text)
            ledger = {
                name: ("addressed", at) if state != "resolved" else (state, at) for name, (state, at) in ledger.items()
            }
            continue
        turn += 1
        acts = {label.name for label in find("en", ("acts",), message.text)}
        states = [state for state, _ in ledger.values()]
        found.append(
            {
                "turns": float(turn),
                "open_objections": float(len(states) - states.count("resolved")),
                "resolved_objections": float(states.count("resolved")),
                "reopened_objections": float(states.count("reopened")),
                "needs_known": float(min(3, informed)),
                "offer_known": float(said_by_seller >= 2),
                "price_known": float(priced),
                "agreed_before": float(agreed),
                "declined_before": float(declined),
                **{f"act_{act}": 1.0 for act in ACTS_SEEN if act in acts},
            }
        )
        for label in find("en", ("objections",), message.text):
            before = ledger.get(label.name)
            ledger[label.name] = ("raised" if before is None or before[0] == "raised" else "reopened", turn)
        if acts & {"resolved", "agree", "buy", "book"}:
            ledger = {name: ("resolved", turn) if at < turn else (state, at) for name, (state, at) in ledger.items()}
        agreed += "agree" in acts
        declined += "decline" in acts
        informed += "inform" in acts
    return found


def transfer(
    crowd: Sequence[SimulatedConversation], dialogues: Sequence[Real], seed: int
) -> dict[int, Interval | None]:
    """AUC at fixed turns on dialogues of people, of the model that has seen simulated buyers alone."""
    turns = Turns.of(crowd)
    mean, scale = turns.values.mean(axis=0), turns.values.std(axis=0) + 1e-6
    model = LogisticRegression(C=0.3, max_iter=400).fit((turns.values - mean) / scale, turns.bought)
    counts = [counted(one.messages) for one in dialogues]
    found: dict[int, Interval | None] = {}
    for turn in FIXED_TURNS:
        at = [(each[turn - 1], one.happened) for each, one in zip(counts, dialogues, strict=True) if len(each) >= turn]
        if len(at) >= 50:
            values = (np.stack([conversion.row(each) for each, _ in at]) - mean) / scale
            found[turn] = auc([happened for _, happened in at], model.decision_function(values), seed=seed)
    return found


def told_apart(spoken: Sequence[str], real: Sequence[str], seed: int) -> Interval | None:
    """AUC of a classifier between what simulated customers and people say: .5 is alike, 1 is told apart at once."""
    size = min(len(spoken), len(real))
    texts = [*spoken[:size], *real[:size]]
    return leak(texts, np.arange(len(texts)) < size, seed)


def _customer(messages: Sequence[Message]) -> str:
    return "\n".join(message.text for message in messages if message.speaker == "customer")


def _said(found: Interval | None) -> str:
    return "-" if found is None else f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def _table(title: str, rows: Sequence[tuple[str, ...]], *columns: str) -> Table:
    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*row)
    return table


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--data", type=Path)
    given.add_argument("--conversations", type=int, default=2_000)
    given.add_argument("--seed", type=int, default=7)
    asked = given.parse_args()
    console, seed = Console(), int(asked.seed)
    crowd = list(simulate(asked.conversations, seed))
    writer = Writer()
    spoken = [
        lines(one, writer, seed + i) for i, one in enumerate(track(crowd, "write", console=console, transient=True))
    ]
    console.print(
        _table("Leaks, AUC", [(name, _said(found)) for name, found in leaks(crowd, spoken, seed)], "from", "AUC")
    )
    turns, truth = Turns.of(crowd), [one.truth for one in crowd]
    strangers = figures(turns, held_out(turns, [one.persona for one in crowd], lambda: None), truth, seed)
    mixed = figures(turns, held_out(turns, [str(i % 12) for i in range(len(crowd))], lambda: None), truth, seed)
    rows = [
        (turn, str(one["n"]), f"{one['auc']:.3f}", f"{mixed[turn]['auc']:.3f}", f"{one['auc_ceiling']:.3f}")
        for turn, one in strangers.items()
    ]
    console.print(_table("Model, AUC", rows, "turn", "n", "personas held out", "conversations held out", "ceiling"))
    if asked.data is None:
        return
    english = ["\n".join(line.customer for line in said) for one, said in zip(crowd, spoken, strict=True)
               if one.style.language == "en"]  # fmt: skip
    sets = {
        "persuasionforgood (gave money)": [Real(d.messages, d.given > 0) for d in read_persuasionforgood(asked.data)],
        "craigslistbargain (deal)": [Real(d.messages, d.deal) for d in read_craigslistbargain(asked.data)],
    }
    for name, dialogues in sets.items():
        apart = told_apart(english, [text for one in dialogues if (text := _customer(one.messages))], seed)
        rows = [("simulated or people", _said(apart))]
        rows += [
            (f"trained on simulated, turn {turn}", _said(at)) for turn, at in transfer(crowd, dialogues, seed).items()
        ]
        console.print(_table(name, rows, "", "AUC"))


if __name__ == "__main__":
    main()
