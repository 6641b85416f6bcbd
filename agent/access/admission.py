"""Who comes in: the caller behind a request, and whether he may send one more."""

import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qs

import structlog
from starlette.types import Scope

from agent.access.caller import LOCAL, Caller
from agent.access.keyring import Keyring, refused
from agent.access.limit import DEFAULT, MemoryWindow, Spent, limit_of
from agent.access.secret import read_key
from agent.access.shared_limit import SharedWindow
from agent.errors import NotAllowed, NotAuthenticated, RateLimited
from agent.settings import Settings
from agent.store import audit
from agent.store.door import Door
from agent.store.keys import list_keys

log = structlog.get_logger(__name__)

KEY_HEADER, AUTHORIZATION = b"x-api-key", b"authorization"
BEARER = b"bearer "
KEY_PARAMETER = "api_key"


@dataclass(frozen=True, slots=True)
class Admitted:
    caller: Caller
    spent: Spent | None


class Admission:
    """Long-lived; shared by all requests of a process. Stands on ``app.state.admission``."""

    def __init__(self, settings: Settings, door: Door, *, wall_clock: Callable[[], float] = time.time) -> None:
        self._setting = settings.keys
        self._listens_locally = local(settings.host)
        self._origins = {origin.strip() for origin in settings.cors_origins.split(",")}
        self._door = door
        self._now = wall_clock
        self._keyring = Keyring(door, settings.key_cache_s, wall_clock=wall_clock)
        limit = limit_of(DEFAULT if settings.rate_limit == "auto" else settings.rate_limit or DEFAULT)
        self._limited = {True: settings.rate_limit != "", False: settings.rate_limit not in ("", "auto")}
        url = settings.valkey_url
        self._shared = None if url is None else SharedWindow(url.get_secret_value(), limit)
        self._here = MemoryWindow(limit)
        self._refusals = MemoryWindow(limit)

    async def announce(self) -> None:
        """Says at start-up what an operator would be surprised by."""
        if self._setting == "off" and not self._listens_locally:
            log.warning("keys_off", why="everybody who reaches this server may do everything")
        elif (self._setting == "required" or not self._listens_locally) and not await self._door.run(list_keys):
            log.warning("no_api_keys", make_one="sales-agent keys create --tenant default --role admin --name first")

    def keys_required(self, scope: Scope) -> bool:
        """``auto`` trusts neither the setting nor the address alone: another program may have opened the socket."""
        if self._setting != "auto":
            return self._setting == "required"
        ends = (scope.get("server"), scope.get("client"))  # behind a proxy on this machine the client is the proxy's
        return not self._listens_locally or any(end is not None and _outside(end[0]) for end in ends)

    async def admit(self, scope: Scope) -> Admitted:
        """Raises ``NotAuthenticated``, ``NotAllowed`` for a page of another site that opens a WebSocket, or ``RateLimited`` for
        an address that sends wrong keys only."""
        if scope["type"] == "websocket":
            self._same_origin(scope)
        required = self.keys_required(scope)
        caller = await self._identify(scope, self._limited[True]) if required else LOCAL
        if not self._limited[required]:
            return Admitted(caller, None)
        name = f"key:{caller.key_id}" if required else f"address:{_address(scope)}"
        return Admitted(caller, self._here.hit(name) if self._shared is None else await self._shared.hit(name))

    def _same_origin(self, scope: Scope) -> None:
        """Browsers ask nobody before they open a WebSocket to another site, or to this very machine; platforms are none."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        origin = headers.get(b"origin", b"").decode("latin-1")
        host = headers.get(b"host", b"").decode("latin-1")
        if origin and origin.partition("://")[2] != host and not {origin, "*"} & self._origins:
            raise NotAllowed("a page of this origin may not open a WebSocket here", field="origin")

    async def again(self, scope: Scope) -> None:
        """For a connection that stays: whether its key is still good. Raises ``NotAuthenticated``."""
        if self.keys_required(scope):
            await self._identify(scope, limited=False)

    async def record(self, caller: Caller, action: audit.Action, target: str, outcome: str) -> None:
        """Adds to the audit log of the caller's tenant. Raises ``StoreUnavailable``."""
        deed = audit.Deed(caller.tenant, caller.key_id, caller.role, action, target, outcome)
        row = await self._door.run(audit.append, deed, self._now())
        log.info("audit", tenant=caller.tenant, number=row.number, action=action.value, sha256=row.sha256)

    async def valkey(self) -> str:
        """How the shared limit is, in a word. Raises when Valkey does not answer."""
        if self._shared is None:
            return "absent"
        await self._shared.ping()
        return "ok"

    async def aclose(self) -> None:
        if self._shared is not None:
            await self._shared.aclose()

    async def _identify(self, scope: Scope, limited: bool) -> Caller:
        """An address that sent many wrong keys is not let near the database with others nobody knows."""
        text = _presented(scope)
        if text is None:
            raise refused("no_key", "is missing; send an API key as 'Authorization: Bearer sa_...' or X-API-Key")
        key = read_key(text)
        if key is None:
            raise refused("malformed_key", "is not a key of this server")
        if not limited or self._keyring.knows(key.id):
            return await self._keyring.caller_of(key)
        address = _address(scope)
        seen = self._refusals.look(address)
        if not seen.allowed:
            raise RateLimited("too many wrong keys from this address", retry_after_s=seen.whole_seconds)
        try:
            return await self._keyring.caller_of(key)
        except NotAuthenticated:
            self._refusals.hit(address)
            raise


def local(host: str) -> bool:
    """Whether only this machine reaches ``host``. A name other than ``localhost`` may mean anything: no."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host == "localhost"
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


@lru_cache(1_000)
def _outside(host: str) -> bool:
    """Whether the connection came in at an address of this machine that others reach. A name, or the path of a Unix
    socket, says nothing."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return not local(host)


def _presented(scope: Scope) -> str | None:
    """``X-API-Key``, else the bearer token: another scheme in ``Authorization`` may belong to a proxy. A WebSocket may bring
    it as ``?api_key=``: telephone platforms send no headers of their own."""
    bearer: bytes | None = None
    for name, value in scope["headers"]:
        if name == KEY_HEADER:
            return value.decode("latin-1").strip()
        if name == AUTHORIZATION and value[:7].lower() == BEARER:
            bearer = value[7:]
    if bearer is None and scope["type"] == "websocket":
        given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get(KEY_PARAMETER)
        return given[0].strip() if given else None
    return None if bearer is None else bearer.decode("latin-1").strip()


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else "unknown"
