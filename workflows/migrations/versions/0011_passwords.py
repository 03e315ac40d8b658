"""Since when a password is in use, and the digests of those before it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from workflows.models.columns import Moment

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply the step. Of a password that is there already nobody knows since when: its age counts for nothing."""
    with op.batch_alter_table("account") as batch_op:
        batch_op.add_column(sa.Column("password_set_at", Moment(timezone=True), nullable=True))
    op.create_table("old_password",
    sa.Column("id", _KEY, nullable=False),
    sa.Column("account_id", _KEY, nullable=False),
    sa.Column("password_hash", sa.String(), nullable=False),
    sa.Column("ended_at", Moment(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_old_password_account_id"),
    sa.PrimaryKeyConstraint("id", name="pk_old_password")
    )
    op.create_index("ix_old_password_account_id", "old_password", ["account_id"])
