"""Run by Alembic: one connection of our own database, one transaction for all steps."""

from __future__ import annotations

from alembic import context

from workflows.db import Database
from workflows.models import Row

database: Database = context.config.attributes["database"]

with database.engine.connect() as connection:
    context.configure(
        connection=connection, target_metadata=Row.metadata, render_as_batch=database.is_sqlite, compare_type=True
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
