"""Who does another's office work (代办授权), and the tasks for which nobody was found (无人可办)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from workflows.models.columns import Moment

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply the step. No row that is there already changes."""
    op.create_table("proxy",
    sa.Column("id", _KEY, nullable=False),
    sa.Column("number", sa.String(), nullable=False),
    sa.Column("giver_id", _KEY, nullable=False),
    sa.Column("proxy_id", _KEY, nullable=False),
    sa.Column("organisation_id", _KEY, nullable=False),
    sa.Column("processes", sa.String(), nullable=False),
    sa.Column("from_on", sa.Date(), nullable=False),
    sa.Column("to_on", sa.Date(), nullable=False),
    sa.Column("reason", sa.String(), nullable=False),
    sa.Column("made_at", Moment(timezone=True), nullable=False),
    sa.Column("revoked_at", Moment(timezone=True), nullable=True),
    sa.Column("begun_by_event", sa.String(), nullable=False),
    sa.Column("ended_by_event", sa.String(), nullable=True),
    sa.CheckConstraint("to_on >= from_on", name=op.f("ck_proxy_dates")),
    sa.CheckConstraint("giver_id <> proxy_id", name=op.f("ck_proxy_another")),
    sa.ForeignKeyConstraint(["giver_id"], ["person.id"], name="fk_proxy_giver_id"),
    sa.ForeignKeyConstraint(["proxy_id"], ["person.id"], name="fk_proxy_proxy_id"),
    sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name="fk_proxy_organisation_id"),
    sa.PrimaryKeyConstraint("id", name="pk_proxy"),
    sa.UniqueConstraint("number", name="uq_proxy_number")
    )
    op.create_index("ix_proxy_proxy", "proxy", ["proxy_id", "to_on"])
    op.create_index("ix_proxy_giver", "proxy", ["giver_id", "to_on"])
    op.create_table("unstaffed",
    sa.Column("task_id", _KEY, nullable=False),
    sa.Column("at", Moment(timezone=True), nullable=False),
    sa.Column("event", sa.String(), nullable=False),
    sa.ForeignKeyConstraint(["task_id"], ["task.id"], name="fk_unstaffed_task_id"),
    sa.PrimaryKeyConstraint("task_id", name="pk_unstaffed")
    )
