"""Fewer indexes of tasks are written at every act.

Tasks of an instance are found by the unique key over instance and token; what nobody holds is not among what somebody holds.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the step."""
    op.drop_index("ix_task_instance", "task")
    for name, column in (("ix_task_held", "holder_id"), ("ix_task_delegated", "delegate_id")):
        op.drop_index(name, "task")
        where = sa.text(f"status = 'open' AND {column} IS NOT NULL")
        op.create_index(
            name, "task", [column, "due_at", sa.text("priority DESC"), "id"], sqlite_where=where, postgresql_where=where
        )
