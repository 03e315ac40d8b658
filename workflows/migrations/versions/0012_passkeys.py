"""Passkeys beside one-time codes; wrong codes are counted on the account, which may have a passkey and no device."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from workflows.models.columns import Moment

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply the step. Wrong codes that were counted already are not forgotten."""
    with op.batch_alter_table("account") as batch_op:
        batch_op.add_column(sa.Column("wrong_codes", sa.Integer(), nullable=False, server_default="0"))
    op.execute(
        "UPDATE account SET wrong_codes = (SELECT failures FROM second_factor WHERE account_id = account.id)"
        " WHERE id IN (SELECT account_id FROM second_factor)"
    )
    with op.batch_alter_table("account") as batch_op:
        batch_op.alter_column("wrong_codes", server_default=None)
    with op.batch_alter_table("second_factor") as batch_op:
        batch_op.drop_column("failures")
    op.create_table("passkey",
    sa.Column("id", _KEY, nullable=False),
    sa.Column("account_id", _KEY, nullable=False),
    sa.Column("credential_id", sa.String(), nullable=False),
    sa.Column("public_key", sa.String(), nullable=False),
    sa.Column("name", sa.String(), nullable=False),
    sa.Column("transports", sa.String(), nullable=False),
    sa.Column("sign_count", sa.BigInteger(), nullable=False),
    sa.Column("synced", sa.Boolean(), nullable=False),
    sa.Column("made_at", Moment(timezone=True), nullable=False),
    sa.Column("used_at", Moment(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_passkey_account_id"),
    sa.PrimaryKeyConstraint("id", name="pk_passkey"),
    sa.UniqueConstraint("credential_id", name="uq_passkey_credential_id")
    )
    op.create_index("ix_passkey_account_id", "passkey", ["account_id"])
    op.create_table("spent_challenge",
    sa.Column("digest", sa.String(), nullable=False),
    sa.Column("expires_at", Moment(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint("digest", name="pk_spent_challenge")
    )
    op.create_index("ix_spent_challenge_expires_at", "spent_challenge", ["expires_at"])
