"""Pictures of people's handwritten signatures (手写签名图样) that they keep for papers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from workflows.models.columns import Moment

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply the step. No row that is there already changes: a picture on an earlier paper was kept by nobody."""
    op.create_table("signature_image",
    sa.Column("id", _KEY, nullable=False),
    sa.Column("person_id", _KEY, nullable=False),
    sa.Column("sha256", sa.String(), nullable=False),
    sa.Column("size", sa.Integer(), nullable=False),
    sa.Column("kept_at", Moment(timezone=True), nullable=False),
    sa.Column("ended_at", Moment(timezone=True), nullable=True),
    sa.Column("begun_by_event", sa.String(), nullable=False),
    sa.Column("ended_by_event", sa.String(), nullable=True),
    sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_signature_image_person_id"),
    sa.PrimaryKeyConstraint("id", name="pk_signature_image")
    )
    op.create_index("ix_signature_image_person", "signature_image", ["person_id", "id"])
    op.create_index("ix_signature_image_sha256", "signature_image", ["sha256"])
    op.create_index(
        "uq_signature_image_in_use", "signature_image", ["person_id"], unique=True,
        sqlite_where=sa.text("ended_at IS NULL"), postgresql_where=sa.text("ended_at IS NULL"),
    )
