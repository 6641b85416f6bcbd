"""Circuit breakers: purgatory's, with what a service needs besides.

purgatory knows two ends of a call. What it is told to leave out counts as success there, so that a cancelled trial would
close a breaker, and a rate limit would forgive the failures before it. Here a call may also end *unjudged*, which changes
nothing. A breaker that is half open lets one trial through at a time, and time is told by a clock that never goes back.
"""

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Literal

import structlog
from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.messages.base import Event
from purgatory.domain.messages.events import ContextChanged
from purgatory.domain.model import CLOSED, HALF_OPENED, OPENED, HalfOpenedState
from purgatory.service._async.circuitbreaker import AsyncCircuitBreaker
from purgatory.typing import Hook, StateName

log = structlog.get_logger(__name__)

_NEVER = 10.0 * 365 * 24 * 3600
"""Seconds after which purgatory's own clock, which may be set, would let a call through."""


What = Literal["circuit_breaker_created", "state_changed", "failed", "recovered"]
Tell = Callable[[str, StateName], None]
"""Called with a breaker's name and its new state, in the event loop; first with ``closed``, when it is made."""


class BreakerOpen(Exception):
    """The breaker is open, or half open with its trial still running."""


class Breakers:
    """One breaker a name: ``failures_to_open`` failures in a row open it for ``open_s`` seconds, then one trial decides.

    ``unjudged`` says which exceptions tell nothing of the one that was called. What is no ``Exception`` (a cancellation)
    never does.
    """

    def __init__(
        self,
        failures_to_open: int,
        open_s: float,
        *,
        unjudged: Callable[[Exception], bool] = lambda _: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open_s = open_s
        self._unjudged = unjudged
        self._clock = clock
        self._factory = AsyncCircuitBreakerFactory(default_threshold=failures_to_open, default_ttl=_NEVER)
        self._opened_at: dict[str, float] = {}
        self._on_trial: set[str] = set()

    def add_listener(self, listener: Hook) -> None:
        """``listener(name, what, event)`` hears every change: ``circuit_breaker_created``, ``state_changed`` (the event's
        ``state`` is closed, opened or half-opened), ``failed``, ``recovered``."""

        def heard(name: str, what: What, event: Event) -> None:
            try:
                listener(name, what, event)
            except Exception as error:  # noqa: BLE001 -- whoever listens can't fail the call that he listens to
                log.warning("breaker_listener_failed", breaker=name, error=type(error).__name__)

        self._factory.add_listener(heard)

    def tell(self, listener: Tell) -> None:
        """``listener`` hears of every breaker and of its changes of state."""

        def heard(name: str, what: What, event: Event) -> None:
            if what == "circuit_breaker_created":
                listener(name, CLOSED)
            elif isinstance(event, ContextChanged):
                listener(name, event.state)

        self.add_listener(heard)

    async def state(self, name: str) -> StateName:
        return (await self._factory.get_breaker(name)).context.state

    async def admit(self, name: str) -> "Pass":
        """The way past the breaker for one call. Raises ``BreakerOpen`` instead."""
        breaker = await self._factory.get_breaker(name)
        context = breaker.context
        if context.state == CLOSED:
            return Pass(self, breaker, on_trial=False)
        if context.state == OPENED and self._clock() - self._opened_at[name] >= self._open_s:
            context.set_state(HalfOpenedState())
        if context.state != HALF_OPENED or name in self._on_trial:
            raise BreakerOpen(name)
        self._on_trial.add(name)
        await _tell(breaker)
        return Pass(self, breaker, on_trial=True)

    async def end(self, passed: "Pass", well: bool | None) -> None:
        """A call that began before the breaker opened, and ends after that, decides nothing."""
        context = passed.breaker.context
        if well is not None and (passed.on_trial or context.state == CLOSED):
            if well:
                context.handle_end_request()
            else:
                context.handle_exception(Exception())
                if context.state == OPENED:
                    self._opened_at[context.name] = self._clock()
        if passed.on_trial:
            self._on_trial.discard(context.name)
        await _tell(passed.breaker)

    @asynccontextmanager
    async def guarding(self, name: str) -> AsyncGenerator[None]:
        """Around one call. Raises ``BreakerOpen`` instead of letting it through; the call's own exceptions pass."""
        passed = await self.admit(name)
        well: bool | None = None
        try:
            yield
            well = True
        except Exception as error:
            well = None if self._unjudged(error) else False
            raise
        finally:
            await passed.end(well)


class Pass:
    """What one call was let through with. ``end`` must be called once: well, badly, or (``None``) unjudged."""

    __slots__ = ("_breakers", "breaker", "on_trial")

    def __init__(self, breakers: Breakers, breaker: AsyncCircuitBreaker, *, on_trial: bool) -> None:
        self._breakers = breakers
        self.breaker = breaker
        self.on_trial = on_trial

    async def end(self, well: bool | None) -> None:
        await self._breakers.end(self, well)


async def _tell(breaker: AsyncCircuitBreaker) -> None:
    """Hands out what changed. purgatory does so only where a call ends, and then the half-open state is past."""
    while breaker.context.messages:
        await breaker.messagebus.handle(breaker.context.messages.pop(0), breaker.uow)
