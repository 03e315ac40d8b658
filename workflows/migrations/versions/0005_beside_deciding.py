"""What people do with cases beside deciding them: copies, urges, remarks, follow-ups, saved filters; urgent tasks found quickly."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Text
from sqlalchemy.dialects import postgresql

from workflows.models.columns import Moment

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=Text()), "postgresql")


def upgrade() -> None:
    """Apply the step. Rows that are there already get the values by which nothing changes for them."""
    _copies_and_urges()
    op.create_table("remark",
    sa.Column("id", _KEY, nullable=False),
    sa.Column("instance_id", _KEY, nullable=False),
    sa.Column("task_id", _KEY, nullable=True),
    sa.Column("by_id", _KEY, nullable=False),
    sa.Column("at", Moment(timezone=True), nullable=False),
    sa.Column("words", sa.String(), nullable=False),
    sa.Column("audience", sa.String(), nullable=False),
    sa.Column("mentioned", _JSON, nullable=False),
    sa.Column("corrects_id", _KEY, nullable=True),
    sa.Column("event", sa.String(), nullable=False),
    sa.ForeignKeyConstraint(["instance_id"], ["instance.id"], name="fk_remark_instance_id"),
    sa.ForeignKeyConstraint(["task_id"], ["task.id"], name="fk_remark_task_id"),
    sa.ForeignKeyConstraint(["by_id"], ["person.id"], name="fk_remark_by_id"),
    sa.ForeignKeyConstraint(["corrects_id"], ["remark.id"], name="fk_remark_corrects_id"),
    sa.PrimaryKeyConstraint("id", name="pk_remark"),
    sa.UniqueConstraint("event", name="uq_remark_event")
    )
    op.create_index("ix_remark_instance", "remark", ["instance_id", "id"])
    op.create_table("follow_up",
    sa.Column("id", _KEY, nullable=False),
    sa.Column("person_id", _KEY, nullable=False),
    sa.Column("task_id", _KEY, nullable=False),
    sa.Column("on", sa.Date(), nullable=False),
    sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_follow_up_person_id"),
    sa.ForeignKeyConstraint(["task_id"], ["task.id"], name="fk_follow_up_task_id"),
    sa.PrimaryKeyConstraint("id", name="pk_follow_up"),
    sa.UniqueConstraint("person_id", "task_id", name="uq_follow_up_person_id_task_id")
    )
    op.create_table("saved_filter",
    sa.Column("id", _KEY, nullable=False),
    sa.Column("person_id", _KEY, nullable=False),
    sa.Column("name", sa.String(), nullable=False),
    sa.Column("asked", _JSON, nullable=False),
    sa.Column("is_default", sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_saved_filter_person_id"),
    sa.PrimaryKeyConstraint("id", name="pk_saved_filter"),
    sa.UniqueConstraint("person_id", "name", name="uq_saved_filter_person_id_name")
    )
    op.create_index("uq_saved_filter_default", "saved_filter", ["person_id"], unique=True,
                    sqlite_where=sa.text("is_default"), postgresql_where=sa.text("is_default"))
    urgent = sa.text("status = 'open' AND holder_id IS NULL AND priority >= 60")
    op.create_index("ix_task_urgent", "task", ["organisation_id", "role", "due_at", sa.text("priority DESC"), "id"],
                    sqlite_where=urgent, postgresql_where=urgent)


def _copies_and_urges() -> None:
    op.create_table("copy",
    sa.Column("id", _KEY, nullable=False),
    sa.Column("instance_id", _KEY, nullable=False),
    sa.Column("to_id", _KEY, nullable=False),
    sa.Column("by_id", _KEY, nullable=True),
    sa.Column("step_id", sa.String(), nullable=True),
    sa.Column("words", sa.String(), nullable=True),
    sa.Column("at", Moment(timezone=True), nullable=False),
    sa.Column("read_at", Moment(timezone=True), nullable=True),
    sa.Column("event", sa.String(), nullable=False),
    sa.ForeignKeyConstraint(["instance_id"], ["instance.id"], name="fk_copy_instance_id"),
    sa.ForeignKeyConstraint(["to_id"], ["person.id"], name="fk_copy_to_id"),
    sa.ForeignKeyConstraint(["by_id"], ["person.id"], name="fk_copy_by_id"),
    sa.PrimaryKeyConstraint("id", name="pk_copy"),
    sa.UniqueConstraint("instance_id", "to_id", name="uq_copy_instance_id_to_id")
    )
    op.create_index("ix_copy_to", "copy", ["to_id", "id"])
    op.create_index("ix_copy_unread", "copy", ["to_id", "id"], sqlite_where=sa.text("read_at IS NULL"),
                    postgresql_where=sa.text("read_at IS NULL"))
    op.create_table("urge",
    sa.Column("id", _KEY, nullable=False),
    sa.Column("task_id", _KEY, nullable=False),
    sa.Column("by_id", _KEY, nullable=False),
    sa.Column("at", Moment(timezone=True), nullable=False),
    sa.Column("words", sa.String(), nullable=True),
    sa.Column("event", sa.String(), nullable=False),
    sa.ForeignKeyConstraint(["task_id"], ["task.id"], name="fk_urge_task_id"),
    sa.ForeignKeyConstraint(["by_id"], ["person.id"], name="fk_urge_by_id"),
    sa.PrimaryKeyConstraint("id", name="pk_urge")
    )
    op.create_index("ix_urge_task", "urge", ["task_id", "at"])
