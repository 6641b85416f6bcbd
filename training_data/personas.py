"""The kinds of buyers that are drawn from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Persona:
    """A kind of buyer: how far the means of his hidden state stand from the ordinary one's; ``doubts`` he is prone to."""

    name: str
    want: float = 0.0
    trust: float = 0.0
    means: float = 0.0
    politeness: float = 0.0
    patience: float = 0.0
    doubts: tuple[str, ...] = ()


PERSONAS: tuple[Persona, ...] = (
    Persona("keen beginner", want=0.5, means=-0.2, doubts=("effort", "price")),
    Persona("bargain hunter", want=0.2, means=-0.4, doubts=("price", "competitor")),
    Persona("burnt once", trust=-0.5, doubts=("trust", "commitment")),
    Persona("busy professional", means=0.5, politeness=-0.1, patience=-2, doubts=("effort", "timing")),
    Persona("polite postponer", politeness=0.3, patience=1, doubts=("stall", "timing")),
    Persona("careful comparer", trust=-0.2, patience=2, doubts=("competitor", "price")),
    Persona("one of two", want=0.2, doubts=("authority", "stall")),
    Persona("doubter of the need", want=-0.5, doubts=("no_need", "fit")),
    Persona("came by a friend", want=0.2, trust=0.6, politeness=0.1, doubts=("timing",)),
    Persona("special case", want=0.3, patience=1, doubts=("fit", "trust")),
    Persona("shy of ties", means=0.2, doubts=("commitment", "no_need")),
    Persona("looking round", want=-0.3, politeness=0.1, patience=-1, doubts=("stall", "authority")),
)
