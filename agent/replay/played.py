"""What was played: a run of conversations, turn by turn, with its verdicts. Written as JSON by ``replay`` and ``simulate``,
read again by ``compare``; the same run gives the same bytes."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.errors import InvalidInput, first_fault
from agent.replay.verdicts import Verdict
from agent.turn import Action

Kind = Literal["replay", "simulation"]
Outcome = Literal["converted", "lost", "follow_up"]
FORMAT: Literal["sales-agent-run/1"] = "sales-agent-run/1"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Truth(_Part):
    """What a simulated buyer really did with his message, and what the agent's answer was worth to him.

    ``chance``: probability of buying in [0, 1] before the answer. ``values``: that probability after each action that was
    open to the agent, on average; ``regret``: the best of them less the chosen one's, never negative. ``best``: that action.
    """

    acts: tuple[str, ...] = ()
    objections: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    chance: float
    values: Mapping[Action, float] = Field(default_factory=dict[Action, float])
    best: Action | None = None
    regret: float = 0.0


class PlayedTurn(_Part):
    """One customer message and the answer. Probabilities are in [0, 1]; ``objections`` and ``needs`` are what was predicted.

    ``heard``: what the customer let the agent say before he talked over it. ``ms`` stands only where time was measured.
    ``failed``: the target gave no answer, and why; the fields of the answer are empty then. ``recorded``: what the agent of
    the record said here.
    """

    number: int
    said: str
    reply: str = ""
    action: Action | None = None
    confidence: float = 0.0
    reasons: tuple[str, ...] = ()
    language: str | None = None
    stage: str | None = None
    objections: Mapping[str, float] = Field(default_factory=dict[str, float])
    needs: Mapping[str, float] = Field(default_factory=dict[str, float])
    conversion: float | None = None
    handoff: str | None = None
    objection_answered: str | None = None
    question_asked: str | None = None
    offer: str | None = None
    talking_points: tuple[str, ...] = ()
    writer: str | None = None
    degraded: tuple[str, ...] = ()
    heard: str | None = None
    recorded: str | None = None
    ms: float | None = None
    failed: str | None = None
    truth: Truth | None = None
    verdicts: tuple[Verdict, ...] = ()


class PlayedConversation(_Part):
    """``case`` and ``trial`` name it; two runs are paired by both. ``chance``: what the buyer's probability of buying was at
    the end, ``outcome`` what was drawn from it; both only in simulations."""

    case: str
    trial: int = 0
    playbook: str
    language: str | None = None
    source: str = ""
    tags: tuple[str, ...] = ()
    turns: tuple[PlayedTurn, ...]
    verdicts: tuple[Verdict, ...] = ()
    outcome: Outcome | None = None
    chance: float | None = None

    @property
    def name(self) -> str:
        return f"{self.case}#{self.trial}"

    def all_verdicts(self) -> Iterator[tuple[int | None, Verdict]]:
        """Every verdict with the number of its turn; those on the whole conversation last, without one."""
        for turn in self.turns:
            for verdict in turn.verdicts:
                yield turn.number, verdict
        for verdict in self.verdicts:
            yield None, verdict

    @property
    def misplayed(self) -> bool:
        """The simulator broke, so that nothing can be said of the agent."""
        return any(verdict.kind == "simulator_misbehaved" for _, verdict in self.all_verdicts())

    @property
    def passed(self) -> bool:
        """No check failed. One that crashed says nothing."""
        return not any(verdict.failed for _, verdict in self.all_verdicts())

    def why(self) -> str:
        """A line for each failed check: turn, check, reason, and what was said."""
        return "\n".join(
            f"{self.name}, {f'turn {number}' if number else 'as a whole'}: {verdict.check}: {verdict.reason}; "
            f"{' | '.join(verdict.evidence)}"
            for number, verdict in self.all_verdicts()
            if verdict.failed
        )


class Tested(_Part):
    """What was tested, by names and hashes: nothing of the machine. ``predictors``: version of each bundle."""

    name: str
    predictors: Mapping[str, str] = Field(default_factory=dict[str, str])
    policy: str = ""
    prompt: str = ""
    playbooks: Mapping[str, str] = Field(default_factory=dict[str, str])
    writer: str = "composer"


class Run(_Part):
    """One version on a set of cases. ``problems``: lines that could not be read, as ``file:line: field: what was expected``."""

    format: Literal["sales-agent-run/1"] = FORMAT
    kind: Kind
    tested: Tested
    seed: int | None = None
    trials: Annotated[int, Field(ge=1)] = 1
    conversations: tuple[PlayedConversation, ...]
    problems: tuple[str, ...] = ()

    def to_json(self) -> bytes:
        return self.model_dump_json(exclude_defaults=True, exclude_none=True).encode() + b"\n"

    @property
    def passed(self) -> bool:
        """Every conversation that can be judged passed, and every line could be read."""
        return not self.problems and all(one.passed for one in self.conversations if not one.misplayed)


def read_run(file: Path) -> Run:
    """A run that was written before. Raises ``InvalidInput`` naming file and field."""
    try:
        return Run.model_validate_json(file.read_bytes())
    except ValidationError as error:
        field, problem = first_fault(error, "(file)")
        raise InvalidInput(f"{file}: {field}: {problem}", field=field) from None
