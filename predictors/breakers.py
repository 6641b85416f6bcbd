"""The circuit breakers' changes of state, as they happen, for whoever wants to show them."""

from collections.abc import Callable
from typing import Literal

from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.messages.base import Event
from purgatory.domain.messages.events import ContextChanged

State = Literal["closed", "half-opened", "opened"]
Tell = Callable[[str, State], None]
"""Called with a breaker's name and its new state, in the event loop; first with ``closed``, when it is made."""


def announce(breakers: AsyncCircuitBreakerFactory, tell: Tell) -> None:
    """``tell`` hears of every breaker of the factory. A trial is heard of when it ends: half-opened, then what came of it."""

    def heard(name: str, kind: str, event: Event) -> None:
        if kind == "circuit_breaker_created":
            tell(name, "closed")
        elif isinstance(event, ContextChanged):
            tell(name, event.state)

    breakers.add_listener(heard)
