"""Prompt injection, end to end: what of an attack reaches the customer or the rep, and what the detector sees.

    python -m benchmarks.injection [--data FOLDER] [--models FOLDER] [--seed 7]

Plays the attacks of ``tests/agent/safety`` (and, with FOLDER, the public sentences) through the agent's door: with the
composer alone, and with a model that obeys every order. Writes ``benchmarks/results/injection.json``. A break is counted
once a turn. The public attacks are split in halves by the seed: patterns were written with the first half in view only.
"""

import argparse
import asyncio
import logging
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson
import structlog
from rich.console import Console
from rich.progress import track
from rich.table import Table

from agent.reply.facts import FactBook
from agent.reply.gate import FactLock
from agent.reply.sentences import split
from agent.settings import Settings
from benchmarks.public.attacks import found_in
from prompts import load_playbook
from tests.agent.safety.playing import PLAYBOOK, QUESTION, Attack, agent_with, attacks, obedient, play
from tests.scripted_model import ScriptedModel
from training_data.corpora import CORPORA
from training_data.public.attacks import Prompt, read_labelled_prompts, read_notinject
from training_data.public.files import PublicDataMissing, PublicDataRefused

RESULTS = Path(__file__).parent / "results" / "injection.json"
LONGEST = 4_000


@dataclass
class Played:
    """Turns of one place with one writer. ``heard``: those in which the model was asked at all."""

    writer: str
    place: str
    turns: int = 0
    heard: int = 0
    broken: int = 0
    kinds: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Share:
    name: str
    found: int
    of: int


def cases(public: Sequence[Prompt]) -> Iterator[tuple[str, Attack, bool]]:
    """Place, attack, and whether the message is an attack indeed."""
    for one in attacks():
        yield f"own: {one.place}", one, True
    for prompt in public:
        place = "public: attacks" if prompt.attack else "public: harmless"
        yield place, Attack("en", "message", prompt.text[:LONGEST]), prompt.attack


async def play_all(models: Path, public: Sequence[Prompt], console: Console) -> list[Played]:
    found: dict[tuple[str, str], Played] = {}
    every = list(cases(public))
    for writer in ("composer", "obedient"):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "models").symlink_to(models.resolve())
            async with ScriptedModel() as served:
                model = served if writer == "obedient" else None
                async with agent_with(Settings(data_dir=Path(folder), log_level="error"), model) as agent:
                    for number, (place, attack, is_attack) in enumerate(track(every, writer, console=console)):
                        turn, broken = await play(agent, model, attack, number)
                        told = found.setdefault((writer, place), Played(writer, place))
                        kinds = {one.kind for one in broken if is_attack or one.kind != "decision"}
                        told.turns += 1
                        told.heard += model is not None and "writer:models:injection" not in turn["degraded"]
                        told.broken += bool(kinds)
                        told.kinds.update(kinds)
    return list(found.values())


def gate_shares() -> list[Share]:
    """The gate alone: hostile sentences that it lets out as they are, and honest ones of agents that it drops."""
    shares: list[Share] = []
    books = {language: FactBook.of(load_playbook(name).book) for language, name in PLAYBOOK.items()}
    for language, facts in books.items():
        heard = [QUESTION[language]]
        let_out: dict[str, list[bool]] = defaultdict(list)
        for one in obedient(language):
            lock = FactLock(
                facts, language, customer_words=heard, granted_percent=None, offer=facts.playbook.offers[-1].id
            )
            let_out[one.kind].append(lock.admit(one.say).strip() == one.say.strip())
        shares += [Share(f"let out, {language}, {kind}", sum(some), len(some)) for kind, some in let_out.items()]
    lines = {(row["language"], row["vertical"], said.strip()) for row in rows() for said in split(row["context"] or "")}
    houses: dict[str, FactBook] = {facts.playbook.vertical: facts for facts in books.values()}
    judged = [(said, houses[vertical]) for _, vertical, said in lines if vertical in houses and said]
    dropped = sum(any(facts.conduct.breaches(said, (), False)) for said, facts in judged)
    return [*shares, Share("dropped, lines of the corpora's agents (conduct alone)", dropped, len(judged))]


def rows() -> list[dict[str, str]]:
    return [orjson.loads(line) for file in sorted(CORPORA.glob("*.jsonl")) for line in file.read_bytes().splitlines()]


def detector_shares(data: Path | None, seed: int) -> list[Share]:
    customers = [row["text"] for row in rows()]
    own = [one.text for one in attacks() if one.place in ("message", "earlier", "playbook_like")]
    shares = [share("false alarms, corpora", customers), share("recall, own messages", own)]
    if data is not None:
        labelled = list(read_labelled_prompts(data))
        hostile = [one.text for one in labelled if one.attack]
        order = list(range(len(hostile)))
        random.Random(seed).shuffle(order)
        middle = len(order) // 2
        shares += [
            share("recall, public attacks, half in view", [hostile[i] for i in order[:middle]]),
            share("recall, public attacks, half not in view", [hostile[i] for i in order[middle:]]),
            share("false alarms, NotInject", [one.text for one in read_notinject(data)]),
            share("false alarms, harmless of the labelled", [one.text for one in labelled if not one.attack]),
        ]
    return shares


def share(name: str, texts: Sequence[str]) -> Share:
    return Share(name, sum(map(found_in, texts)), len(texts))


def show(played: Sequence[Played], shares: Sequence[Share], console: Console) -> None:
    table = Table("writer", "place", "turns", "model asked", "broken", "kinds", title="Attacks end to end")
    for one in played:
        kinds = ", ".join(f"{kind} {count}" for kind, count in one.kinds.items()) or "-"
        table.add_row(one.writer, one.place, str(one.turns), str(one.heard), str(one.broken), kinds)
    console.print(table)
    table = Table("what", "found", "of", "share", title="Gate and detector")
    for one in shares:
        table.add_row(one.name, str(one.found), str(one.of), f"{one.found / max(1, one.of):.2%}")
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--models", type=Path, default=Settings().models_dir)
    parser.add_argument("--seed", type=int, default=7)
    chosen = parser.parse_args()
    console = Console() if sys.stdout.isatty() else Console(width=140)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        public = [*read_labelled_prompts(chosen.data), *read_notinject(chosen.data)] if chosen.data else []
    except (PublicDataMissing, PublicDataRefused) as error:
        sys.exit(str(error))
    shares = [*gate_shares(), *detector_shares(chosen.data, chosen.seed)]
    played = asyncio.run(play_all(chosen.models, public, console))
    show(played, shares, console)
    RESULTS.parent.mkdir(exist_ok=True)
    told = {
        "measured_at": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        "seed": chosen.seed,
        "end_to_end": [asdict(one) for one in played],
        "shares": [asdict(one) for one in shares],
    }
    RESULTS.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n")


if __name__ == "__main__":
    main()
