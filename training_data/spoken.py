"""Words for simulated buyers: real hand-written rows of the corpora whose labels fit what the buyer does.

The writer is told what a buyer does and how he speaks. It never sees his hidden state, nor how it ends.
"""

import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from training_data.buyers import Language, Move, SimulatedConversation, Style, simulate
from training_data.corpora import CORPORA, Labelled, read_corpora

SHARED_NEEDS = frozenset({"pricing_info", "process_info", "results_proof"})
MIDDLE_WORDS = 14
"""Words of a middling row: terse people say no more, wordy people no less."""

LINES: dict[Language, dict[Move, tuple[str, ...]]] = {
    "es": {
        "ask": (
            "Cuéntame un poco más de tu situación.",
            "¿Qué es lo que más te importa en esto?",
            "¿Desde cuándo te pasa?",
        ),
        "present": (
            "Te explico lo que mejor encaja contigo.",
            "Mira, esto es lo que te propongo.",
            "Tengo algo para eso.",
        ),
        "answer_question": ("Buena pregunta, te lo aclaro.", "Te cuento cómo funciona.", "Claro, es así de sencillo."),
        "tell_price": (
            "Te digo el precio exacto.",
            "Te detallo lo que cuesta y lo que incluye.",
            "En números queda así.",
        ),
        "answer_objection": (
            "Entiendo lo que dices; déjame responderte.",
            "Es lógico que lo pienses.",
            "Te entiendo bien.",
        ),
        "show_proof": (
            "Te enseño un caso parecido.",
            "Puedo mostrarte resultados de otras personas.",
            "Mira estas referencias.",
        ),
        "offer_incentive": (
            "Puedo mejorarte un poco las condiciones.",
            "Déjame ofrecerte algo más.",
            "Tengo margen en esto.",
        ),
        "close": ("¿Te parece que lo dejemos cerrado?", "¿Empezamos?", "¿Quieres que lo ponga en marcha?"),
        "follow_up": (
            "¿Cuándo te viene bien que hablemos otra vez?",
            "¿Te llamo otro día?",
            "Quedamos para seguir hablando.",
        ),
        "wind_up": (
            "De acuerdo, tomo nota.",
            "Muy bien, queda apuntado.",
            "Perfecto, aquí estoy para lo que necesites.",
        ),
    },
    "en": {
        "ask": (
            "Tell me a bit more about your situation.",
            "What matters most to you here?",
            "How long has that been so?",
        ),
        "present": ("Let me explain what suits you best.", "Here is what I'd suggest.", "I have something for that."),
        "answer_question": (
            "Good question, let me clear that up.",
            "Here is how it works.",
            "Sure, it goes like this.",
        ),
        "tell_price": (
            "Let me give you the exact price.",
            "Here is what it costs and includes.",
            "In figures it is this.",
        ),
        "answer_objection": ("I hear you; let me answer that.", "It makes sense to think so.", "I see what you mean."),
        "show_proof": (
            "Let me show you a case like yours.",
            "I can show you what others got.",
            "Have a look at these.",
        ),
        "offer_incentive": ("I can improve the terms a little.", "Let me add something.", "I have some room here."),
        "close": ("Shall we settle it now?", "Shall we get started?", "Do you want me to set it up?"),
        "follow_up": (
            "When would be a good time to talk again?",
            "Shall I call another day?",
            "Let's find a day to talk.",
        ),
        "wind_up": (
            "All right, I've noted that.",
            "Very well, it's written down.",
            "Fine, I'm here if you need anything.",
        ),
    },
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a line must say, and all that the writer is told."""

    vertical: str
    style: Style
    acts: tuple[str, ...]
    objections: tuple[str, ...]
    needs: tuple[str, ...]


_Labels = tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Candidate:
    row: Labelled
    needs: frozenset[str]
    words: int
    punctuated: bool

    def misfit(self, wanted: Wanted) -> int:
        """How badly it fits, labels aside: another need weighs more than the wrong length, and that more than the form."""
        wrong_length = self.words < MIDDLE_WORDS if wanted.style.wordy else self.words > MIDDLE_WORDS
        strange = len(self.needs.difference(wanted.needs))
        return 4 * strange + 2 * wrong_length + (self.punctuated == wanted.style.spoken)


class Writer:
    """Picks rows. ``rows``: labelled utterances, the shipped corpora if none are given."""

    def __init__(self, rows: Iterable[Labelled] | None = None) -> None:
        self._cells: dict[tuple[str, str], dict[_Labels, list[_Candidate]]] = {}
        for row in read_corpora((CORPORA,)) if rows is None else rows:
            if row.acts is not None and row.language is not None:
                needs = frozenset(row.needs) - SHARED_NEEDS
                candidate = _Candidate(row, needs, len(row.text.split()), any(mark in row.text for mark in ",.;:"))
                cell = self._cells.setdefault((row.vertical, row.language), {})
                cell.setdefault(_labels(row.acts, row.objections), []).append(candidate)

    def pick(self, wanted: Wanted, used: Collection[str], rng: np.random.Generator) -> Labelled:
        """A row that was not ``used`` (ids): the same acts and objections while there are any, else the most alike; of
        those the ones that speak of no other need, and then of the length and form that fit the style.

        Raises ``LookupError`` when no row of the vertical and language is left."""
        cell = self._cells.get((wanted.vertical, wanted.style.language), {})
        for labels in _nearest(_labels(wanted.acts, wanted.objections), cell):
            fresh = [one for one in cell[labels] if one.row.id not in used]
            if fresh:
                misfits = [one.misfit(wanted) for one in fresh]
                least = min(misfits)
                fitting = [one for one, misfit in zip(fresh, misfits, strict=True) if misfit == least]
                return fitting[int(rng.integers(len(fitting)))].row
        raise LookupError(f"no row is left of vertical {wanted.vertical!r} in {wanted.style.language!r}")


def _labels(acts: Sequence[str], objections: Sequence[str]) -> _Labels:
    return tuple(sorted(acts)), tuple(sorted(objections))


def _nearest(labels: _Labels, known: Collection[_Labels]) -> Iterator[_Labels]:
    """``known`` labels from the most like ``labels`` to the least."""
    if labels in known:
        yield labels
    yield from (other for unlike, other in sorted((_unlike(labels, other), other) for other in known) if unlike)


def _unlike(a: _Labels, b: _Labels) -> int:
    """Labels that one has and the other has not; an objection weighs three acts."""
    return len(set(a[0]) ^ set(b[0])) + 3 * len(set(a[1]) ^ set(b[1]))


@dataclass(frozen=True, slots=True)
class Line:
    """One turn in words. ``row`` is the id of the corpus row that the customer speaks."""

    row: str
    customer: str
    agent: str


def lines(conversation: SimulatedConversation, writer: Writer, seed: int) -> list[Line]:
    """The conversation in words, the same for the same seed. No row of the corpora stands in it twice."""
    rng = np.random.default_rng((seed, 2))
    language = conversation.style.language
    used: set[str] = set()
    told: tuple[str, ...] = ()
    said: list[Line] = []
    for turn in conversation.turns:
        told += turn.needs
        wanted = Wanted(conversation.vertical, conversation.style, turn.acts, turn.objections, told)
        row = writer.pick(wanted, used, rng)
        used.add(row.id)
        answers = LINES[language][turn.move]
        said.append(Line(row.id, row.text, answers[int(rng.integers(len(answers)))]))
    return said


def as_dialogue(conversation: SimulatedConversation, writer: Writer, id: str, seed: int) -> dict[str, Any]:
    """``{"id", "vertical", "outcome", "turns": [{"role", "text"}]}``, the form in which dialogues are given to training."""
    turns = [
        {"role": role, "text": text}
        for line in lines(conversation, writer, seed)
        for role, text in (("customer", line.customer), ("agent", line.agent))
    ]
    return {"id": id, "vertical": conversation.vertical, "outcome": conversation.outcome, "turns": turns}


def dialogues(conversations: Sequence[SimulatedConversation], seed: int) -> Iterator[dict[str, Any]]:
    writer = Writer()
    for number, one in enumerate(conversations):
        yield as_dialogue(one, writer, f"simulated-{seed}-{number}", seed * 1_000_003 + number)


def export(conversations: int, seed: int, file: Path) -> None:
    """Writes simulated dialogues, one JSON object a line. The same seed gives the same bytes."""
    content = b"".join(orjson.dumps(one) + b"\n" for one in dialogues(list(simulate(conversations, seed)), seed))
    file.write_bytes(content)


def main() -> None:
    """Prints three conversations; ``python -m training_data.spoken [SEED]``."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    for one in dialogues(list(simulate(3, seed)), seed):
        sys.stdout.write(f"{one['id']} ({one['vertical']}): {one['outcome']}\n")
        sys.stdout.writelines(f"  {turn['role']:9} {turn['text']}\n" for turn in one["turns"])


if __name__ == "__main__":
    main()
