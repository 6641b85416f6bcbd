"""Rules, TF-IDF, boosted trees, sentence embedding and their combination, on authors whom none of them has seen.

    python -m benchmarks.models [--folds 4] [--seed 0] [--quick]

Whole files (authors) are held out; calibration and thresholds come from the other folds. How rare a term is is counted over
all rows, without their labels, as in the product's training. Writes ``benchmarks/results/models.json`` and ``models.svg``;
``--quick`` (every eighth row, two folds, fewer messages timed) prints only.
"""

import argparse
import importlib.metadata
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.models.candidates import DEFAULT, NAMES, RULES
from benchmarks.models.course import HEADS, RANDOM, Course, costs, crossed, scored
from benchmarks.models.protocol import figures, judge
from benchmarks.models.tables import draw, figures_table, languages_table
from predictors.features import FORM
from predictors.train import encode
from training_data.corpora import Labelled, read_corpora

RESULTS = Path(__file__).parents[1] / "results"
MESSAGES = 300
WIDE = 170


def compare(rows: Sequence[Labelled], folds: int, messages: int, seed: int, progress: Progress) -> dict[str, Any]:
    reading = progress.add_task("read messages", total=len(rows))
    course = Course.of(encode(rows, lambda: progress.advance(reading)), rows, folds, seed)
    scores, models = scored(course, progress)
    other = crossed(course, progress)
    cost = costs(models, course, messages, progress)
    found = _about(course, messages)
    for kind, board in course.boards.items():
        judged = {
            name: judge(board, scores[kind, name], course.split[name], any_hit=name == RULES)
            for name in (*NAMES, RANDOM)
        }
        found[kind] = {
            name: asdict(figures(board, one, seed, None if name == DEFAULT else judged[DEFAULT]))
            | {"cost": asdict(cost[kind, name]) if (kind, name) in cost else None}
            for name, one in judged.items()
        }
    found["languages"] = [
        {
            "head": kind,
            "trained": trained,
            "judged": (unseen := "es" if trained == "en" else "en"),
            "macro_f1": value,
            "macro_f1_both": found[kind][DEFAULT][f"macro_f1_{unseen}"],
        }
        for (kind, trained), value in other.items()
    ]
    return found


def _about(course: Course, messages: int) -> dict[str, Any]:
    boards = course.boards
    return {
        "measured_at": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        "seed": course.seed,
        "folds": course.folds,
        "rows": len(course.matrix.rows),
        "authors": len(np.unique(course.matrix.groups)),
        "labels": {kind: len(board.labels) for kind, board in boards.items()},
        "hard_rows": int(boards["objection"].hard.sum()),
        "hard_rows_without_label": {
            kind: round(float((~board.target[board.hard].any(axis=1)).mean()), 4) for kind, board in boards.items()
        },
        "messages_timed": messages,
        "data_sha256": course.matrix.sha256,
        "features": FORM,
        "libraries": {name: importlib.metadata.version(name) for name in ("numpy", "scikit-learn", "lightgbm")},
    }


def show(result: dict[str, Any], console: Console) -> None:
    for kind in HEADS:
        empty = result["hard_rows_without_label"][kind]
        title = f"{kind}, {result['labels'][kind]} labels ({empty:.0%} of the hard rows have none)"
        console.print(figures_table(title, result[kind]))
    console.print(languages_table(result["languages"]))
    console.print(
        f"{result['rows']:,} rows ({result['hard_rows']:,} hard) of {result['authors']} authors, {result['folds']} folds "
        "of whole authors. In brackets: 95 % over drawn authors. CPU: features and one head, uncached, the agent's line too."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true")
    chosen = parser.parse_args()
    if chosen.folds < 2:
        parser.error("--folds must be at least 2")
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDE)
    rows = read_corpora()
    if chosen.quick:
        rows = rows[::8]
    started = time.perf_counter()
    bars = (TextColumn("{task.description:16}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*bars, console=console) as progress:
        folds, messages = (2, 50) if chosen.quick else (chosen.folds, MESSAGES)
        result = compare(rows, folds, messages, chosen.seed, progress)
    result["seconds"] = round(time.perf_counter() - started, 1)
    if not chosen.quick:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "models.json").write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")
        draw({kind: result[kind] for kind in HEADS}, RANDOM, RESULTS / "models.svg")
    show(result, console)
    console.print(f"{result['seconds']} s")


if __name__ == "__main__":
    main()
