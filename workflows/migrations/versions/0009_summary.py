"""A line that says what a case is about, by its process's rule (``jiaoyan:summary``)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the step. Cases that are there already get their line with their next act."""
    op.add_column("instance", sa.Column("summary", sa.String(), nullable=False, server_default=""))
