"""What alembic runs: the revisions, over the connection and inside the transaction of whoever asked."""

from alembic import context

from hub.migrations.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, compare_type=True)
context.run_migrations()
