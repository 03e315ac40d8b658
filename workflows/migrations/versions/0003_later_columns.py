"""Tasks that are delegated."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply the step. Rows that are there already get the values by which nothing changes for them."""
    with op.batch_alter_table("task") as batch_op:
        batch_op.add_column(sa.Column("delegate_id", _KEY, nullable=True))
        batch_op.create_foreign_key("fk_task_delegate_id", "person", ["delegate_id"], ["id"])
    op.create_index("ix_task_delegated", "task", ["delegate_id", "due_at", sa.text("priority DESC"), "id"],
                    sqlite_where=sa.text("status = 'open'"), postgresql_where=sa.text("status = 'open'"))
