"""What moves instances besides people: subscriptions, deliveries, parts of large states, incidents; called instances."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Text
from sqlalchemy.dialects import postgresql

from workflows.models.columns import Moment

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=Text()), "postgresql")
_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _partial(index: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    op.drop_index(index, table)
    op.create_index(index, table, columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _move_first_candidates() -> None:
    """The first role that may take a task stands in the task's own row; candidate rows are the further ones."""
    first = "SELECT min(id) FROM candidate WHERE role IS NOT NULL GROUP BY task_id"
    for column in ("organisation_id", "role"):
        op.execute(f"UPDATE task SET {column} = (SELECT {column} FROM candidate WHERE task_id = task.id AND id IN ({first}))")  # noqa: S608
    op.execute(f"DELETE FROM candidate WHERE id IN ({first})")  # noqa: S608


def upgrade() -> None:
    """Apply the step. Rows that are there already get the values by which nothing changes for them."""
    op.create_table("delivery",
    sa.Column("id", _KEY, nullable=False),
    sa.Column("origin", sa.String(), nullable=False),
    sa.Column("kind", sa.String(), nullable=False),
    sa.Column("name", sa.String(), nullable=False),
    sa.Column("key", sa.String(), nullable=False),
    sa.Column("variables", _JSON, nullable=False),
    sa.Column("from_instance_id", _KEY, nullable=True),
    sa.Column("from_person_id", _KEY, nullable=True),
    sa.Column("step_id", sa.String(), nullable=True),
    sa.Column("instance_id", _KEY, nullable=True),
    sa.Column("token", sa.String(), nullable=True),
    sa.Column("made_at", Moment(timezone=True), nullable=False),
    sa.Column("due_at", Moment(timezone=True), nullable=False),
    sa.Column("expires_at", Moment(timezone=True), nullable=True),
    sa.Column("ended_at", Moment(timezone=True), nullable=True),
    sa.Column("result", sa.String(), nullable=True),
    sa.ForeignKeyConstraint(["from_instance_id"], ["instance.id"], name="fk_delivery_from_instance_id"),
    sa.ForeignKeyConstraint(["from_person_id"], ["person.id"], name="fk_delivery_from_person_id"),
    sa.ForeignKeyConstraint(["instance_id"], ["instance.id"], name="fk_delivery_instance_id"),
    sa.PrimaryKeyConstraint("id", name="pk_delivery"),
    sa.UniqueConstraint("origin", name="uq_delivery_origin")
    )
    with op.batch_alter_table("delivery") as batch_op:
        batch_op.create_index("ix_delivery_due", ["due_at"], unique=False, sqlite_where=sa.text("ended_at IS NULL"), postgresql_where=sa.text("ended_at IS NULL"))
        batch_op.create_index("ix_delivery_instance_id", ["instance_id"], unique=False)
        batch_op.create_index("ix_delivery_waiting", ["kind", "name", "key"], unique=False, sqlite_where=sa.text("ended_at IS NULL"), postgresql_where=sa.text("ended_at IS NULL"))

    op.create_table("incident",
    sa.Column("id", _KEY, nullable=False),
    sa.Column("number", sa.String(), nullable=False),
    sa.Column("subject", sa.String(), nullable=False),
    sa.Column("instance_id", _KEY, nullable=True),
    sa.Column("step_id", sa.String(), nullable=True),
    sa.Column("cause", sa.String(), nullable=False),
    sa.Column("message", sa.String(), nullable=False),
    sa.Column("params", _JSON, nullable=False),
    sa.Column("detail", _JSON, nullable=False),
    sa.Column("request", _JSON, nullable=False),
    sa.Column("by_id", _KEY, nullable=True),
    sa.Column("at", Moment(timezone=True), nullable=False),
    sa.Column("tries", sa.Integer(), nullable=False),
    sa.Column("next_try_at", Moment(timezone=True), nullable=True),
    sa.Column("status", sa.String(), nullable=False),
    sa.Column("ended_at", Moment(timezone=True), nullable=True),
    sa.Column("ended_by_id", _KEY, nullable=True),
    sa.ForeignKeyConstraint(["by_id"], ["person.id"], name="fk_incident_by_id"),
    sa.ForeignKeyConstraint(["ended_by_id"], ["person.id"], name="fk_incident_ended_by_id"),
    sa.ForeignKeyConstraint(["instance_id"], ["instance.id"], name="fk_incident_instance_id"),
    sa.PrimaryKeyConstraint("id", name="pk_incident"),
    sa.UniqueConstraint("number", name="uq_incident_number")
    )
    with op.batch_alter_table("incident") as batch_op:
        batch_op.create_index("ix_incident_due", ["next_try_at"], unique=False, sqlite_where=sa.text("status = 'open'"), postgresql_where=sa.text("status = 'open'"))
        batch_op.create_index("ix_incident_instance_id", ["instance_id"], unique=False)
        batch_op.create_index("uq_incident_open", ["subject"], unique=True, sqlite_where=sa.text("status = 'open'"), postgresql_where=sa.text("status = 'open'"))

    op.create_table("part",
    sa.Column("instance_id", _KEY, nullable=False),
    sa.Column("key", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
    sa.Column("data", sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(["instance_id"], ["instance.id"], name="fk_part_instance_id"),
    sa.PrimaryKeyConstraint("instance_id", "key", name="pk_part")
    )
    op.create_table("subscription",
    sa.Column("id", _KEY, nullable=False),
    sa.Column("instance_id", _KEY, nullable=False),
    sa.Column("token", sa.String(), nullable=False),
    sa.Column("step_id", sa.String(), nullable=False),
    sa.Column("kind", sa.String(), nullable=False),
    sa.Column("name", sa.String(), nullable=False),
    sa.Column("key", sa.String(), nullable=False),
    sa.Column("stays", sa.Boolean(), nullable=False),
    sa.Column("opened_at", Moment(timezone=True), nullable=False),
    sa.Column("ended_at", Moment(timezone=True), nullable=True),
    sa.Column("result", sa.String(), nullable=True),
    sa.ForeignKeyConstraint(["instance_id"], ["instance.id"], name="fk_subscription_instance_id"),
    sa.PrimaryKeyConstraint("id", name="pk_subscription"),
    sa.UniqueConstraint("instance_id", "token", name="uq_subscription_instance_id_token")
    )
    with op.batch_alter_table("subscription") as batch_op:
        batch_op.create_index("ix_subscription_open", ["kind", "name", "key"], unique=False, sqlite_where=sa.text("ended_at IS NULL"), postgresql_where=sa.text("ended_at IS NULL"))

    with op.batch_alter_table("instance") as batch_op:
        batch_op.add_column(sa.Column("parent_id", _KEY, nullable=True))
        batch_op.add_column(sa.Column("parent_token", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("parent_step", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("calls", _JSON, nullable=False, server_default="{}"))
        batch_op.create_unique_constraint("uq_instance_parent_id_parent_token", ["parent_id", "parent_token"])
        batch_op.create_foreign_key("fk_instance_parent_id", "instance", ["parent_id"], ["id"])

    with op.batch_alter_table("job") as batch_op:
        batch_op.add_column(sa.Column("stop", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("message_params", _JSON, nullable=False, server_default="{}"))
        batch_op.add_column(sa.Column("runner", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("tries", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("next_try_at", Moment(timezone=True), nullable=True))

    with op.batch_alter_table("task") as batch_op:
        batch_op.add_column(sa.Column("before", sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column("organisation_id", _KEY, nullable=True))
        batch_op.add_column(sa.Column("role", sa.String(), nullable=True))
        batch_op.create_foreign_key("fk_task_organisation_id", "organisation", ["organisation_id"], ["id"])
        batch_op.drop_index("ix_task_holder")
    _move_first_candidates()
    for index, first, where in (
        ("ix_task_waiting", ["organisation_id", "role"], "status = 'open' AND holder_id IS NULL"),
        ("ix_task_held", ["holder_id"], "status = 'open'"),
    ):
        op.create_index(index, "task", [*first, "due_at", sa.text("priority DESC"), "id"], sqlite_where=sa.text(where),
                        postgresql_where=sa.text(where))
    op.create_index("ix_task_group", "task", ["organisation_id", "role", "instance_id"],
                    sqlite_where=sa.text("status = 'open'"), postgresql_where=sa.text("status = 'open'"))
    op.create_index("ix_task_acted", "task", ["done_by_id", "instance_id"])
    op.drop_index("ix_instance_org_started", "instance")
    op.create_index("ix_instance_organisation", "instance", ["organisation_id", "id"])

    with op.batch_alter_table("timer") as batch_op:
        batch_op.add_column(sa.Column("held", sa.Boolean(), nullable=False, server_default=sa.false()))

    # The defaults were only for the rows that were there; a new row says all of its values.
    for table, column in (("instance", "calls"), ("job", "stop"), ("job", "message_params"), ("job", "tries"), ("timer", "held")):
        with op.batch_alter_table(table) as batch_op:
            batch_op.alter_column(column, server_default=None)
    _partial("uq_instance_open_in_round", "instance", ["round_id", "starter_id"],
             "ended_at IS NULL AND parent_id IS NULL", unique=True)
    _partial("ix_timer_due", "timer", ["due_at"], "fired_at IS NULL AND NOT held")
