"""Events for those who follow conversations, a person who has one, what he wrote and what he thought of suggestions.

Workers of the version before go on: what they erase takes its events along (foreign keys), and they tell nobody of it; and
they don't know that a person has a conversation.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("conversations", sa.Column("held_by", sa.String(200)))
    op.add_column("conversations", sa.Column("held_since", sa.Float))
    op.create_table(
        "person_messages",
        sa.Column("tenant", sa.String(80), primary_key=True),
        sa.Column("conversation_id", sa.String(200), primary_key=True),
        sa.Column("message_id", sa.String(200), primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("request_sha256", sa.String(64), nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        _of_conversation(),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "feedback",
        sa.Column("tenant", sa.String(80), primary_key=True),
        sa.Column("conversation_id", sa.String(200), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("turn_id", sa.String(64), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("created_at", sa.Float, nullable=False),
        _of_conversation(),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "events",
        sa.Column("tenant", sa.String(80), primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(24), primary_key=True),
        sa.Column("conversation_id", sa.String(200)),
        sa.Column("about", sa.String(200), nullable=False),
        sa.Column("type", sa.String(40), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        _of_conversation(),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_events_id", "events", ["tenant", "id"], unique=True)
    op.create_index("ix_events_conversation", "events", ["tenant", "conversation_id"])
    outliving = sa.text("conversation_id is null")
    op.create_index(
        "ix_events_outliving", "events", ["tenant", "about"], sqlite_where=outliving, postgresql_where=outliving
    )


def _of_conversation() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant", "conversation_id"], ["conversations.tenant", "conversations.id"], ondelete="CASCADE"
    )
