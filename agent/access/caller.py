"""Who calls, and what each role may do: one closed list of permissions, one table."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from agent.turn import DEFAULT_TENANT


class Role(StrEnum):
    FRONT_END = "front_end"
    REP = "rep"
    QA = "qa"
    ADMIN = "admin"


class Permission(StrEnum):
    """What a route asks for. All of it ends at the caller's own tenant, but for ``READ_METRICS``: the whole server's figures."""

    START = "conversation:start"
    POST = "message:post"
    READ_CONVERSATION = "conversation:read"
    READ_MESSAGES = "messages:read"
    READ_TURNS = "turns:read"
    REPORT_OUTCOME = "outcome:report"
    TAKE_OVER = "conversation:take_over"
    HAND_BACK = "conversation:hand_back"
    WRITE = "message:write"
    JUDGE = "suggestion:judge"
    FOLLOW = "events:follow"
    EVALUATE = "evaluation:run"
    ERASE = "conversation:erase"
    MANAGE_KEYS = "keys:manage"
    READ_AUDIT = "audit:read"
    READ_METRICS = "metrics:read"


PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.FRONT_END: frozenset(
        {Permission.START, Permission.POST, Permission.READ_CONVERSATION, Permission.REPORT_OUTCOME}
    ),
    Role.REP: frozenset(
        {
            Permission.READ_CONVERSATION,
            Permission.READ_MESSAGES,
            Permission.READ_TURNS,
            Permission.TAKE_OVER,
            Permission.HAND_BACK,
            Permission.WRITE,
            Permission.JUDGE,
            Permission.FOLLOW,
        }
    ),
    Role.QA: frozenset(
        {
            Permission.READ_CONVERSATION,
            Permission.READ_MESSAGES,
            Permission.READ_TURNS,
            Permission.EVALUATE,
            Permission.FOLLOW,
        }
    ),
    Role.ADMIN: frozenset(Permission),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Stands on ``request.state.caller``. ``tenant`` comes from the key and from nowhere else."""

    tenant: str
    role: Role
    key_id: str

    def may(self, permission: Permission) -> bool:
        return permission in PERMISSIONS[self.role]


LOCAL = Caller(tenant=DEFAULT_TENANT, role=Role.ADMIN, key_id="local")
"""Whoever calls while keys are off, and the command line."""
