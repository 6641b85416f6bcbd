"""Alembic's entry: always runs on the connection that ``agent.store.migrate`` hands over."""

from alembic import context

from agent.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
context.run_migrations()
