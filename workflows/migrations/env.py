"""Run by Alembic: one connection of our own database, one transaction for all steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import context
from sqlalchemy import Connection

from workflows.db import Database
from workflows.models import Row

database: Database = context.config.attributes["database"]


@contextmanager
def _tables_may_be_rebuilt(connection: Connection) -> Iterator[None]:
    """SQLite changes a table by building it anew, which others refer to meanwhile; at the end every reference must hold."""
    if not database.is_sqlite:
        yield
        return
    raw = connection.connection.driver_connection
    if raw is None:
        raise ConnectionError("the database closed the connection")
    raw.execute("PRAGMA foreign_keys=OFF")  # means something only outside a transaction
    try:
        yield
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if broken is not None:
            raise ValueError(f"the migration would leave a row that refers to nothing: {tuple(broken)}")
        connection.commit()
    finally:
        connection.rollback()
        raw.execute("PRAGMA foreign_keys=ON")


with database.engine.connect() as connection, _tables_may_be_rebuilt(connection):
    context.configure(
        connection=connection, target_metadata=Row.metadata, render_as_batch=database.is_sqlite, compare_type=True
    )
    with context.begin_transaction():
        context.run_migrations()
    if not database.is_sqlite:
        connection.commit()
