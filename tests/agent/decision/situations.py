"""One message to the engine, in a line: what the customer does with it, what the predictors see, what went before."""

from agent.decision.engine import advance, decide
from agent.turn import (
    Act,
    Action,
    Customer,
    Decision,
    Insights,
    LedgerEntry,
    LedgerStatus,
    ObjectionType,
    Playbook,
    Prediction,
    Progress,
    Refusal,
    Understanding,
)
from predictors.base import Label
from prompts import load_playbook

NGX = load_playbook("ngx").book
ROOFING = load_playbook("roofing").book
BOOKS = {"ngx": NGX, "roofing": ROOFING}


def says(
    *acts: Act, words: str = "eso", age: int | None = None, answer_id: str | None = None, offer: str | None = None
) -> Understanding:
    """A message that does all of ``acts``, for which ``words`` are the evidence, and names ``offer``."""
    return Understanding("es", dict.fromkeys(acts, 0.9), dict.fromkeys(acts, (words,)), age, answer_id, offer=offer)


def sees(
    objections: dict[str, float] | tuple[str, ...] = (),
    needs: tuple[str, ...] = (),
    converts: float = 0.3,
    words: str = "eso",
) -> Insights:
    """What the predictors make of a message; objections named without a probability are all but certain."""
    certain = objections if isinstance(objections, dict) else dict.fromkeys(objections, 0.9)
    most_likely_first = sorted(certain.items(), key=lambda pair: -pair[1])
    labels = tuple(Label(name, probability, (words,)) for name, probability in most_likely_first)
    return Insights(
        objections=Prediction(labels, "model", "test", probabilities=certain),
        needs=Prediction(tuple(Label(need, 0.9, (words,)) for need in needs), "model", "test"),
        conversion=Prediction((), "model", "test", probabilities={"converts": converts}),
    )


def answer(
    message: Understanding,
    *,
    seen: Insights | None = None,
    book: Playbook = NGX,
    customer: Customer | None = None,
    **remembered: object,
) -> Decision:
    """The decision on ``message`` in a conversation of which ``remembered`` (fields of ``Progress``) is known."""
    progress = Progress(**remembered)  # type: ignore[arg-type]
    return decide(book, customer or Customer(), progress, message, seen or sees(), progress.customer_turns + 1)


def turn(
    progress: Progress, message: Understanding, seen: Insights | None = None, book: Playbook = NGX
) -> tuple[Decision, Progress]:
    """One whole turn: the decision, and what the conversation remembers after it."""
    insights = seen or sees()
    decision = decide(book, Customer(), progress, message, insights, progress.customer_turns + 1)
    return decision, advance(progress, decision, message, insights)


def entry(kind: ObjectionType, status: LedgerStatus = "raised", *, seq: int = 1, addressed: int = 0) -> LedgerEntry:
    return LedgerEntry(kind, status, ("lo dije",), seq, seq, addressed)


def refusal(decision: Decision, action: Action) -> Refusal | None:
    return next((refused for refused in decision.refused if refused.action is action), None)


def allowed(decision: Decision) -> set[Action]:
    return {ranked.action for ranked in decision.ranked}
