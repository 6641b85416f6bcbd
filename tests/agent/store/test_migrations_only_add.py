"""A new schema may start while workers of the version before still run: migrations add, and take nothing away."""

import ast
from pathlib import Path

import pytest

import agent.store

VERSIONS = sorted((Path(agent.store.__file__).parent / "migrations" / "versions").glob("*.py"))
ADDING = {"create_table", "create_index", "add_column", "get_bind"}
EXCEPTIONS = {
    "0002": "keys get a tenant, before the first release: no older worker exists that could still run",
    "0003": "triggers on the audit log, a table of its own",
}
"""Revisions that may do more, and why no worker of the version before is hurt."""


def what_hurts(source: str) -> list[str]:
    """Operations of ``upgrade`` that an older worker could notice; for it, a new column must be able to stay empty."""
    upgrade = next(
        node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef) and node.name == "upgrade"
    )
    calls = [node for node in ast.walk(upgrade) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    found: list[str] = []
    for call in calls:
        assert isinstance(call.func, ast.Attribute)
        of_alembic = isinstance(call.func.value, ast.Name) and call.func.value.id in ("op", "batch")
        name = call.func.attr
        if of_alembic and name not in ADDING:
            found.append(name)
        if of_alembic and name == "add_column" and not _may_stay_empty(call):
            found.append("add_column without a server default")
    return found


def _may_stay_empty(call: ast.Call) -> bool:
    column = next(
        node
        for node in ast.walk(call)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "Column"
    )
    given = {keyword.arg: keyword.value for keyword in column.keywords}
    nullable = given.get("nullable")
    return "server_default" in given or not (isinstance(nullable, ast.Constant) and nullable.value is False)


@pytest.mark.parametrize("file", VERSIONS, ids=lambda file: file.stem)
def test_a_migration_only_adds(file: Path) -> None:
    if file.stem[:4] not in EXCEPTIONS:
        assert what_hurts(file.read_text()) == []


@pytest.mark.parametrize(
    ("line", "hurts"),
    [
        ('op.drop_column("turns", "ledger")', ["drop_column"]),
        ('op.execute("delete from turns")', ["execute"]),
        ('op.alter_column("turns", "seq", nullable=True)', ["alter_column"]),
        (
            'op.add_column("turns", sa.Column("cost", sa.Float, nullable=False))',
            ["add_column without a server default"],
        ),
        ('op.add_column("turns", sa.Column("cost", sa.Float, nullable=False, server_default="0"))', []),
        ('op.add_column("turns", sa.Column("cost", sa.Float))', []),
    ],
)
def test_the_check_sees_what_hurts(line: str, hurts: list[str]) -> None:
    assert what_hurts(f"def upgrade() -> None:\n    {line}\n") == hurts
