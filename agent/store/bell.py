"""Who waits for events is woken when a transaction that wrote some has ended: in this process, at once."""

from collections.abc import Callable

from sqlalchemy import Connection

Listener = Callable[[str], None]
_NOTED = "events_of"


class Bell:
    """Of one door. Listeners are called with a tenant, in the event loop that ran the transaction."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def hang(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def take_down(self, listener: Listener) -> None:
        self._listeners.remove(listener)

    def ring(self, tenants: frozenset[str]) -> None:
        for tenant in tenants:
            for listener in (*self._listeners,):
                listener(tenant)


def note(connection: Connection, tenant: str) -> None:
    """The running transaction writes events of ``tenant``."""
    connection.info.setdefault(_NOTED, set()).add(tenant)


def noted(connection: Connection) -> frozenset[str]:
    """Whose events were noted since this was asked last."""
    return frozenset(connection.info.pop(_NOTED, ()))
