"""Everything belongs to a tenant; a message is kept from its arrival on; customers are known across conversations.

The one migration that is not only additive: keys get longer, so the tables are written anew. Workers of the version before
are answered errors while it runs and after it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OLD = ("conversations", "messages", "turns", "outcomes")


def upgrade() -> None:
    op.drop_index("ix_turns_conversation_seq", "turns")
    for name in OLD:
        op.rename_table(name, f"{name}_0001")
    if op.get_bind().dialect.name == "postgresql":  # where the names of keys are the schema's, not their table's
        for name in ("pk_conversations", "pk_messages", "pk_turns", "pk_outcomes", "uq_turns_id"):
            op.execute(sa.text(f"alter index {name} rename to {name}_0001"))
    _create()
    for statement in COPIES:
        op.execute(sa.text(statement))
    for name in reversed(OLD):
        op.drop_table(f"{name}_0001")


def _create() -> None:
    op.create_table(
        "conversations",
        sa.Column("tenant", sa.String(80), primary_key=True),
        sa.Column("id", sa.String(200), primary_key=True),
        sa.Column("playbook", sa.String(80), nullable=False),
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("locale", sa.String(40)),
        sa.Column("customer_id", sa.String(200)),
        sa.Column("customer", sa.LargeBinary, nullable=False),
        sa.Column("metadata", sa.LargeBinary, nullable=False),
        sa.Column("progress", sa.LargeBinary, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("turns", sa.Integer, nullable=False),
        sa.Column("waiting", sa.Integer, nullable=False),
        sa.Column("outcome", sa.String(40)),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("updated_at", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_conversations_customer", "conversations", ["tenant", "customer_id"])
    op.create_index("ix_conversations_updated_at", "conversations", ["updated_at"])
    op.create_table(
        "messages",
        *_of_conversation(),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("turn_id", sa.String(64)),
        sa.Column("created_at", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "turns",
        *_of_conversation(),
        sa.Column("message_id", sa.String(200), primary_key=True),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("request_sha256", sa.String(64), nullable=False),
        sa.Column("inbox", sa.LargeBinary),
        sa.Column("message_seq", sa.Integer),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("lease_owner", sa.String(64)),
        sa.Column("lease_until", sa.Float, nullable=False),
        sa.Column("response", sa.LargeBinary),
        sa.Column("ledger", sa.LargeBinary),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("finished_at", sa.Float),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_turns_order", "turns", ["tenant", "conversation_id", "seq"], unique=True)
    unfinished = sa.text("finished_at is null")
    op.create_index(
        "ix_turns_unfinished", "turns", ["lease_until"], sqlite_where=unfinished, postgresql_where=unfinished
    )
    op.create_table(
        "outcomes",
        *_of_conversation(),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("value", sa.Float),
        sa.Column("details", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "opt_outs",
        sa.Column("tenant", sa.String(80), primary_key=True),
        sa.Column("customer_sha256", sa.String(64), primary_key=True),
        sa.Column("created_at", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )


def _of_conversation() -> tuple[sa.Column[str], sa.Column[str], sa.ForeignKeyConstraint]:
    return (
        sa.Column("tenant", sa.String(80), primary_key=True),
        sa.Column("conversation_id", sa.String(200), primary_key=True),
        sa.ForeignKeyConstraint(
            ["tenant", "conversation_id"], ["conversations.tenant", "conversations.id"], ondelete="CASCADE"
        ),
    )


COPIES = (
    """insert into conversations
        (tenant, id, playbook, channel, locale, customer, metadata, progress, seq, turns, waiting, outcome,
        created_at, updated_at)
        select 'default', c.id, c.playbook, c.channel, c.locale, c.customer, c.metadata, c.progress, c.seq, c.turns,
        (select count(*) from turns_0001 t where t.conversation_id = c.id and t.finished_at is null),
        c.outcome, c.created_at, c.updated_at from conversations_0001 c""",
    """insert into messages (tenant, conversation_id, seq, role, text, turn_id, created_at)
        select 'default', conversation_id, seq, role, text, turn_id, created_at from messages_0001""",
    """insert into turns
        (tenant, conversation_id, message_id, id, seq, request_sha256, message_seq, attempts, lease_until, response, ledger,
        created_at, finished_at)
        select 'default', conversation_id, message_id, id, seq, request_sha256, message_seq, 1, 0, response, ledger,
        created_at, finished_at from turns_0001""",
    """insert into outcomes (tenant, conversation_id, number, outcome, value, details, created_at)
        select 'default', conversation_id, number, outcome, value, details, created_at from outcomes_0001""",
)
