"""How steps were done at an office is read from an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the step."""
    done = sa.text("status = 'done'")
    op.create_index(
        "ix_task_finished", "task", ["organisation_id", "done_at", "due_at", "step_id"], sqlite_where=done, postgresql_where=done
    )
