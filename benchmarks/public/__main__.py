"""The product's feature function on public sets, beside a TF-IDF baseline and what others published.

    python -m benchmarks.public --data FOLDER [--set NAME ...] [--seed 0]

FOLDER holds one folder a set (``training_data/public/provenance.py`` names them). Writes ``benchmarks/results/public.json``;
sets that are not chosen keep their figures there.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.public.acts import casino
from benchmarks.public.attacks import injection
from benchmarks.public.bandits import obd_small
from benchmarks.public.calls import bank_marketing
from benchmarks.public.figures import PUBLISHED, Figure, written
from benchmarks.public.intents import banking77, clinc150, nlupp_banking
from benchmarks.public.outcomes import craigslistbargain, persuasionforgood
from predictors.features import FORM
from predictors.text import EncoderMissing
from training_data.public.files import PublicDataMissing, PublicDataRefused
from training_data.public.provenance import SETS

RESULTS = Path(__file__).parents[1] / "results" / "public.json"
WIDE = 180
"""Columns of the table where it goes into a file."""

PROTOCOLS: dict[str, Callable[[Path, int, Callable[[int], None]], list[Figure]]] = {
    "banking77": banking77,
    "clinc150": clinc150,
    "nlupp_banking": nlupp_banking,
    "casino": casino,
    "persuasionforgood": persuasionforgood,
    "craigslistbargain": craigslistbargain,
    "bank_marketing": bank_marketing,
    "obd_small": obd_small,
    "injection": injection,
}


def measure(data: Path, names: Sequence[str], seed: int, console: Console) -> list[Figure]:
    """The figures of the sets; each set is written down as soon as it is done."""
    found: list[Figure] = []
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[texts]}"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        whole = progress.add_task("public sets", total=len(names), texts="")
        for name in names:
            started, done = time.perf_counter(), 0

            def advance(more: int, name: str = name) -> None:
                nonlocal done
                done += more
                progress.update(whole, description=name, texts=f"{done} texts" if done else "")

            progress.update(whole, description=name, texts="")
            figures = PROTOCOLS[name](data, seed, advance)
            write_down(name, figures, seed, time.perf_counter() - started)
            found += figures
            progress.advance(whole)
    return found


def write_down(name: str, figures: Sequence[Figure], seed: int, seconds: float) -> None:
    """Puts the set's figures into the results; those of other sets stay as they are."""
    before: dict[str, object] = orjson.loads(RESULTS.read_bytes()) if RESULTS.exists() else {}
    before[name] = {
        "measured_at": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        "seed": seed,
        "features": FORM,
        "seconds": round(seconds, 1),
        "figures": [asdict(one) | {"published": PUBLISHED.get((one.set, one.measure))} for one in figures],
    }
    RESULTS.parent.mkdir(exist_ok=True)
    ordered = {one.name: before[one.name] for one in SETS if one.name in before}
    RESULTS.write_bytes(orjson.dumps(ordered, option=orjson.OPT_INDENT_2) + b"\n")


def show(figures: Sequence[Figure], console: Console) -> None:
    table = Table(title="Public sets", title_justify="left")
    for column in ("set", "measure", "ours", "baseline", "n", "published"):
        table.add_column(column, justify="right" if column == "n" else "left")
    before = ""
    for one in figures:
        if before and one.set != before:
            table.add_section()
        published = PUBLISHED.get((one.set, one.measure), "-")
        name = one.set if one.set != before else ""
        table.add_row(name, one.measure, written(one.ours), written(one.baseline), f"{one.n:,}", published)
        before = one.set
    console.print(table)
    console.print(
        "ours: sentence encoder, rules and hashed terms under a linear head (bank_marketing: boosted trees; obd_small: "
        "SNIPS; injection: the product's rules). baseline: TF-IDF of words and characters under the same head "
        "(bank_marketing: logistic regression; obd_small: the value on-policy)."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--set", nargs="+", choices=[one.name for one in SETS], dest="sets", metavar="NAME")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDE)
    names = [one.name for one in SETS if chosen.sets is None or one.name in chosen.sets]
    try:
        figures = measure(chosen.data, names, chosen.seed, console)
    except (PublicDataMissing, PublicDataRefused, EncoderMissing) as error:
        sys.exit(str(error))
    show(figures, console)


if __name__ == "__main__":
    main()
