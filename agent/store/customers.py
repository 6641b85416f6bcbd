"""What is known of a customer across conversations: that he does not want to be contacted. And his erasure."""

import hashlib

from sqlalchemy import Connection, delete, select

from agent.store.conversations import add_unless_there, erase_conversation
from agent.store.tables import conversations, opt_outs
from agent.turn import ConversationKey


def _fingerprint(tenant: str, customer_id: str) -> str:
    """Not reversible by looking, but a list of telephone numbers can be tried against it: it is as good as personal data."""
    return hashlib.sha256(f"{tenant}\0{customer_id}".encode()).hexdigest()


def has_opted_out(connection: Connection, tenant: str, customer_id: str) -> bool:
    query = select(opt_outs.c.created_at).where(
        opt_outs.c.tenant == tenant, opt_outs.c.customer_sha256 == _fingerprint(tenant, customer_id)
    )
    return connection.execute(query).one_or_none() is not None


def note_opt_out(connection: Connection, tenant: str, customer_id: str, now: float) -> None:
    row = {"tenant": tenant, "customer_sha256": _fingerprint(tenant, customer_id), "created_at": now}
    add_unless_there(connection, opt_outs, row)


def forget_opt_out(connection: Connection, tenant: str, customer_id: str) -> None:
    """The customer himself asked to hear from us again."""
    connection.execute(
        delete(opt_outs).where(
            opt_outs.c.tenant == tenant, opt_outs.c.customer_sha256 == _fingerprint(tenant, customer_id)
        )
    )


def erase_customer(connection: Connection, tenant: str, customer_id: str, now: float) -> int:
    """Erases all conversations of the customer; how many. An opt-out stays: it is why he is never contacted again."""
    query = select(conversations.c.id).where(
        conversations.c.tenant == tenant, conversations.c.customer_id == customer_id
    )
    query = query.order_by(conversations.c.id).with_for_update()
    found = connection.execute(query).scalars().all()
    for conversation_id in found:
        erase_conversation(connection, ConversationKey(tenant, conversation_id), now)
    return len(found)
