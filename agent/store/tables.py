"""The tables. Messages and turns are only ever added to; a conversation's row carries what is remembered.

Everything belongs to a tenant, and the tenant stands first in every key: a query that forgets it finds nothing.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

conversations = Table(
    "conversations",
    metadata,
    Column("tenant", String(80), primary_key=True),
    Column("id", String(200), primary_key=True),
    Column("playbook", String(80), nullable=False),
    Column("channel", String(40), nullable=False),
    Column("locale", String(40)),
    Column("customer_id", String(200), comment="who the front-end says it is, across conversations"),
    Column("customer", LargeBinary, nullable=False, comment="JSON, as the front-end gave it"),
    Column("metadata", LargeBinary, nullable=False, comment="JSON, as the front-end gave it"),
    Column("progress", LargeBinary, nullable=False, comment="JSON of agent.turn.Progress after the last turn"),
    Column("seq", Integer, nullable=False, comment="number of the last message"),
    Column("turns", Integer, nullable=False, comment="number of the last turn that arrived"),
    Column("waiting", Integer, nullable=False, comment="turns that arrived and are not finished"),
    Column("outcome", String(40)),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Column("held_by", String(200), comment="the person who has taken the conversation over; null: the agent speaks"),
    Column("held_since", Float),
    sqlite_with_rowid=False,
)
Index("ix_conversations_customer", conversations.c.tenant, conversations.c.customer_id)
Index("ix_conversations_updated_at", conversations.c.updated_at)


def _of_conversation() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["tenant", "conversation_id"], [conversations.c.tenant, conversations.c.id], ondelete="CASCADE"
    )


messages = Table(
    "messages",
    metadata,
    Column("tenant", String(80), primary_key=True),
    Column("conversation_id", String(200), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("role", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Column("turn_id", String(64)),
    Column("created_at", Float, nullable=False),
    _of_conversation(),
    sqlite_with_rowid=False,
)

turns = Table(
    "turns",
    metadata,
    Column("tenant", String(80), primary_key=True),
    Column("conversation_id", String(200), primary_key=True),
    Column("message_id", String(200), primary_key=True, comment="the caller's id of the customer's message"),
    Column("id", String(64), nullable=False, unique=True),
    Column("seq", Integer, nullable=False, comment="place in the order of arrival, from 1"),
    Column("request_sha256", String(64), nullable=False, comment="of what was sent, to tell a repeat from a mix-up"),
    Column("inbox", LargeBinary, comment="JSON of the message until it is answered"),
    Column("message_seq", Integer, comment="number of the customer's message; null until the turn is run"),
    Column("attempts", Integer, nullable=False, comment="how often the turn was begun"),
    Column("lease_owner", String(64), comment="the process that holds the message, waiting or running"),
    Column("lease_until", Float, nullable=False, comment="seconds since 1970; past it another may take the turn over"),
    Column("response", LargeBinary, comment="JSON that was answered"),
    Column("ledger", LargeBinary, comment="JSON of the whole turn"),
    Column("created_at", Float, nullable=False),
    Column("finished_at", Float, comment="null while the turn waits or runs"),
    _of_conversation(),
    sqlite_with_rowid=False,
)
Index("ix_turns_order", turns.c.tenant, turns.c.conversation_id, turns.c.seq, unique=True)
_UNFINISHED = turns.c.finished_at.is_(None)
Index("ix_turns_unfinished", turns.c.lease_until, sqlite_where=_UNFINISHED, postgresql_where=_UNFINISHED)

outcomes = Table(
    "outcomes",
    metadata,
    Column("tenant", String(80), primary_key=True),
    Column("conversation_id", String(200), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("outcome", String(40), nullable=False),
    Column("value", Float),
    Column("details", LargeBinary, nullable=False),
    Column("created_at", Float, nullable=False),
    _of_conversation(),
    sqlite_with_rowid=False,
)

person_messages = Table(
    "person_messages",
    metadata,
    Column("tenant", String(80), primary_key=True),
    Column("conversation_id", String(200), primary_key=True),
    Column("message_id", String(200), primary_key=True, comment="the caller's id of what a person wrote"),
    Column("seq", Integer, nullable=False, comment="number of the message"),
    Column("actor", String(200), nullable=False),
    Column("request_sha256", String(64), nullable=False),
    Column("created_at", Float, nullable=False),
    _of_conversation(),
    sqlite_with_rowid=False,
)

feedback = Table(
    "feedback",
    metadata,
    Column("tenant", String(80), primary_key=True),
    Column("conversation_id", String(200), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("turn_id", String(64), nullable=False),
    Column("action", String(16), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("reason", Text),
    Column("created_at", Float, nullable=False),
    _of_conversation(),
    sqlite_with_rowid=False,
)

events = Table(
    "events",
    metadata,
    Column("tenant", String(80), primary_key=True),
    Column(
        "position",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="grows in the order of commits; PostgreSQL: the transaction's number; never shown to anybody",
    ),
    Column("id", String(24), primary_key=True, comment="time and chance: says nothing of others' traffic"),
    Column("conversation_id", String(200), comment="null for what outlives its conversation"),
    Column("about", String(200), nullable=False, comment="id of the conversation, there or erased"),
    Column("type", String(40), nullable=False),
    Column("content", LargeBinary, nullable=False, comment="JSON"),
    Column("created_at", Float, nullable=False),
    _of_conversation(),
    sqlite_with_rowid=False,
)
Index("ix_events_id", events.c.tenant, events.c.id, unique=True)
Index("ix_events_conversation", events.c.tenant, events.c.conversation_id)
_OUTLIVES = events.c.conversation_id.is_(None)
Index("ix_events_outliving", events.c.tenant, events.c.about, sqlite_where=_OUTLIVES, postgresql_where=_OUTLIVES)

opt_outs = Table(
    "opt_outs",
    metadata,
    Column("tenant", String(80), primary_key=True),
    Column(
        "customer_sha256", String(64), primary_key=True, comment="of tenant and id: outlives the customer's erasure"
    ),
    Column("created_at", Float, nullable=False),
    sqlite_with_rowid=False,
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("name", String(200), nullable=False),
    Column("secret_sha256", String(64), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    Column("revoked_at", Float),
    sqlite_with_rowid=False,
)

audit = Table(
    "audit",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, comment="from 1, without gaps"),
    Column("at", Float, nullable=False, comment="seconds since 1970"),
    Column("key_id", String(32), nullable=False),
    Column("role", String(16), nullable=False),
    Column("action", String(40), nullable=False),
    Column("target", String(300), nullable=False),
    Column("outcome", String(40), nullable=False),
    Column("sha256", String(64), nullable=False, comment="of this row's content and the row's before it"),
    sqlite_with_rowid=False,
)
