"""What goes into a predictor and what comes out. Text and rows in, labels and probabilities out; no agent in sight."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from predictors.features import Features

Language = Literal["es", "en"]
Role = Literal["customer", "agent", "person"]
Source = Literal["model", "rules", "cache"]
Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Utterance:
    """One message of a conversation; ``person`` is a human colleague who took over."""

    role: Role
    text: str


def answered(recent: Sequence[Utterance]) -> str:
    """What the newest message answers: the last line that was not the customer's, or nothing."""
    return next((said.text for said in reversed(recent[:-1]) if said.role != "customer"), "")


@dataclass(frozen=True, slots=True)
class Dialogue:
    """All that a predictor may read of one turn.

    ``recent`` holds the last three messages, the customer's newest last. ``features`` is the shared representation of the
    newest message, computed once a turn; ``None`` when no encoder is there.
    ``so_far`` are running numbers of the conversation (open objections, turns, ...), the columns of the conversion model.
    """

    language: Language
    playbook: str
    vertical: str
    stage: str
    profile: Mapping[str, str | int | float]
    recent: tuple[Utterance, ...]
    so_far: Mapping[str, float] = field(default_factory=dict[str, float])
    features: "Features | None" = None
    owner: str = ""
    """Whose conversation it is: nobody learns from a cached answer what another's customer wrote. No predictor reads it."""

    @property
    def text(self) -> str:
        return self.recent[-1].text


@dataclass(frozen=True, slots=True)
class Label:
    """One label with its calibrated probability in [0, 1] and the customer's words that carried it."""

    name: str
    probability: float
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a predictor says, and what one must know to believe it.

    ``labels`` come most probable first and hold only what is above the predictor's threshold. ``probabilities`` holds the
    whole vector. ``degraded`` names why the model did not answer (``deadline``, ``breaker_open``, ``saturated``,
    ``crashed:ValueError``, ``no_model``), ``None`` when it did.
    """

    labels: tuple[Label, ...]
    source: Source
    version: str
    elapsed_ms: float = 0.0
    degraded: str | None = None
    probabilities: Mapping[str, float] = field(default_factory=dict[str, float])
    interval: tuple[float, float] | None = None
    causes: tuple[str, ...] = ()

    def probability(self, name: str) -> float:
        return self.probabilities.get(name, 0.0)


class Predictor(Protocol):
    """``blocking`` predictors run in a bounded pool of their own; the others inline, because they take microseconds."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def blocking(self) -> bool: ...

    def predict(self, dialogue: Dialogue) -> Prediction: ...
