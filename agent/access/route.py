"""What a route asks of its caller. ``needs(Permission.X)`` says it, for the documentation and for the check alike:

    router = APIRouter(route_class=Guarded)

    @router.get("/conversations/{conversation_id}", openapi_extra=needs(Permission.READ_CONVERSATION))

A role that may not is refused before the body is read. Deeds that concern personal data go to the audit log.
"""

import hashlib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket

from agent.access import counters
from agent.access.admission import Admission
from agent.access.caller import Caller, Permission
from agent.access.gate import OPEN
from agent.errors import NotAllowed, UnknownConversation, UnknownTurn
from agent.store.audit import Action

AUDITED: Mapping[Permission, Action] = {
    Permission.READ_TURNS: Action.LEDGER_READ,
    Permission.READ_MESSAGES: Action.MESSAGES_READ,
    Permission.REPORT_OUTCOME: Action.OUTCOME_REPORTED,
    Permission.TAKE_OVER: Action.TAKEN_OVER,
    Permission.HAND_BACK: Action.HANDED_BACK,
    Permission.WRITE: Action.PERSON_WROTE,
    Permission.JUDGE: Action.SUGGESTION_JUDGED,
    Permission.FOLLOW: Action.EVENTS_FOLLOWED,
    Permission.ERASE: Action.CONVERSATION_ERASED,
}
NAMED = "x-permission"
SCHEMES: Mapping[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key: `sa_...`"},
    "api_key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
SocketHandler = Callable[[WebSocket], Coroutine[Any, Any, None]]


def needs(permission: Permission) -> dict[str, Any]:
    """For ``openapi_extra`` of a guarded route."""
    return {NAMED: permission.value, "security": [{scheme: []} for scheme in SCHEMES]}


class GuardedSocket(WebSocketRoute):
    """A WebSocket that asks for a permission before it is accepted:

    router.routes.append(GuardedSocket("/ws/calls", calls, Permission.POST))
    """

    def __init__(self, path: str, handler: SocketHandler, permission: Permission) -> None:
        self.permission = permission

        async def checked(websocket: WebSocket) -> None:
            await _may(websocket, permission)
            await handler(websocket)

        super().__init__(path, checked, name=getattr(handler, "__name__", path))


class Guarded(APIRoute):
    """Raises ``ValueError`` when it is made without ``needs(...)``."""

    def get_route_handler(self) -> Handler:
        permission = permission_of(self)
        if permission is None:
            raise ValueError(f"{self.path}: say openapi_extra=needs(Permission...)")
        return _checked(super().get_route_handler(), permission)


def _checked(handler: Handler, permission: Permission) -> Handler:
    action = AUDITED.get(permission)

    async def checked(request: Request) -> Response:
        caller = await _may(request, permission)
        if action is None:
            return await handler(request)
        try:
            response = await handler(request)
        except (UnknownConversation, UnknownTurn):
            await _admission(request).record(caller, action, _target(request), "not_found")
            raise
        await _admission(request).record(caller, action, _target(request), "done")
        return response

    return checked


async def _may(connection: HTTPConnection, permission: Permission) -> Caller:
    """Raises ``NotAllowed``, and notes it, when the caller's role has no such permission."""
    caller: Caller = connection.scope["state"]["caller"]
    if not caller.may(permission):
        counters.refusals.labels("not_allowed").inc()
        wanted = f"{permission.value} {_target(connection)}"
        await _admission(connection).record(caller, Action.ACCESS_DENIED, wanted, "denied")
        raise NotAllowed(f"a key with the role {caller.role.value!r} has no permission {permission.value!r}")
    return caller


def _admission(request: HTTPConnection) -> Admission:
    admission: Admission = request.app.state.admission
    return admission


def _target(request: HTTPConnection) -> str:
    """The ids in the path: ``call-17``, ``call-17/3``; of a path without any the path. A person's own id is not kept."""
    given = {name: str(value) for name, value in request.path_params.items()}
    if "customer_id" in given:
        given["customer_id"] = f"customer {hashlib.sha256(given['customer_id'].encode()).hexdigest()[:16]}"
    target = "/".join(given.values()) or request.url.path
    return "".join(char if char.isprintable() else "\ufffd" for char in target)


def permission_of(route: BaseRoute) -> Permission | None:
    if isinstance(route, GuardedSocket):
        return route.permission
    extra = (route.openapi_extra or {}) if isinstance(route, APIRoute) else {}
    return Permission(extra[NAMED]) if NAMED in extra else None


def unguarded(routes: Sequence[BaseRoute]) -> list[str]:
    """The paths of routes that neither ask for a permission nor are open to anybody."""
    found: list[str] = []
    for context in iter_route_contexts(routes):
        route = context.original_route
        path = str(context.path or getattr(route, "path", route))
        if path not in OPEN and not isinstance(route, Guarded | GuardedSocket):
            found.append(path)
    return found


def install(app: FastAPI) -> None:
    """After all routes: refuses to serve one that forgot its permission, and describes the keys in the OpenAPI document.
    Raises ``ValueError``."""
    if forgotten := unguarded(app.routes):
        raise ValueError(f"routes without a permission: {', '.join(forgotten)}")
    plain = app.openapi

    def described() -> dict[str, Any]:
        document = plain()
        document.setdefault("components", {})["securitySchemes"] = {**SCHEMES}
        return document

    app.openapi = described
