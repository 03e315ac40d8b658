"""A second factor beside the password, and since when a browser's person is known for certain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from workflows.models.columns import Moment

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply the step. Whoever is signed in stays so, and proves who they are before the next sensitive change."""
    with op.batch_alter_table("sign_in") as batch_op:
        batch_op.add_column(sa.Column("awaits_code", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("proved_at", Moment(timezone=True), nullable=True))
    with op.batch_alter_table("sign_in") as batch_op:
        batch_op.alter_column("awaits_code", server_default=None)
    op.create_table("second_factor",
    sa.Column("account_id", _KEY, nullable=False),
    sa.Column("secret", sa.String(), nullable=False),
    sa.Column("made_at", Moment(timezone=True), nullable=False),
    sa.Column("confirmed_at", Moment(timezone=True), nullable=True),
    sa.Column("last_step", sa.Integer(), nullable=False),
    sa.Column("failures", sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_second_factor_account_id"),
    sa.PrimaryKeyConstraint("account_id", name="pk_second_factor")
    )
    op.create_table("recovery_code",
    sa.Column("id", _KEY, nullable=False),
    sa.Column("account_id", _KEY, nullable=False),
    sa.Column("digest", sa.String(), nullable=False),
    sa.Column("used_at", Moment(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_recovery_code_account_id"),
    sa.PrimaryKeyConstraint("id", name="pk_recovery_code")
    )
    op.create_index("ix_recovery_code_account_id", "recovery_code", ["account_id"])

