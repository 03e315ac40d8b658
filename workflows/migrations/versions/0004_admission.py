"""The whole admission: what a round knows of its applications, and the registers that an appointment writes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Text
from sqlalchemy.dialects import postgresql

from workflows.models.columns import Moment

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=Text()), "postgresql")


def upgrade() -> None:
    """Apply the step. Rows that are there already get the values by which nothing changes for them."""
    with op.batch_alter_table("round") as batch_op:
        batch_op.add_column(sa.Column("instance", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("unblinded_at", Moment(timezone=True), nullable=True))
    _applications()
    _researchers()
    with op.batch_alter_table("public_notice") as batch_op:
        batch_op.add_column(sa.Column("instance", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("details", _JSON, nullable=False, server_default="{}"))
    with op.batch_alter_table("public_notice") as batch_op:
        batch_op.alter_column("details", server_default=None)


def _researchers() -> None:
    op.create_table("researcher",
    sa.Column("id", _KEY, nullable=False),
    sa.Column("appointment_no", sa.String(), nullable=False),
    sa.Column("person_id", _KEY, nullable=False),
    sa.Column("organisation_id", _KEY, nullable=False),
    sa.Column("level", sa.String(), nullable=False),
    sa.Column("post_type", sa.String(), nullable=False),
    sa.Column("subjects", _JSON, nullable=False),
    sa.Column("stages", _JSON, nullable=False),
    sa.Column("start_on", sa.Date(), nullable=False),
    sa.Column("base_on", sa.Date(), nullable=False),
    sa.Column("status", sa.String(), nullable=False),
    sa.Column("term_start", sa.Date(), nullable=False),
    sa.Column("term_end", sa.Date(), nullable=True),
    sa.Column("order_no", sa.String(), nullable=True),
    sa.Column("probation_months", sa.Integer(), nullable=False),
    sa.Column("from_on", sa.Date(), nullable=False),
    sa.Column("to_on", sa.Date(), nullable=True),
    sa.Column("begun_by_event", sa.String(), nullable=False),
    sa.Column("ended_by_event", sa.String(), nullable=True),
    sa.Column("instance", sa.String(), nullable=True),
    sa.CheckConstraint("to_on IS NULL OR to_on >= from_on", name=op.f("ck_researcher_dates")),
    sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_researcher_person_id"),
    sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name="fk_researcher_organisation_id"),
    sa.PrimaryKeyConstraint("id", name="pk_researcher")
    )
    op.create_index("ix_researcher_person_id", "researcher", ["person_id"])
    op.create_index("ix_researcher_organisation", "researcher", ["organisation_id", "from_on"])
    op.create_index("uq_researcher_standing", "researcher", ["appointment_no"], unique=True,
                    sqlite_where=sa.text("to_on IS NULL"), postgresql_where=sa.text("to_on IS NULL"))
    op.create_table("personnel_event",
    sa.Column("id", _KEY, nullable=False),
    sa.Column("person_id", _KEY, nullable=False),
    sa.Column("organisation_id", _KEY, nullable=False),
    sa.Column("appointment_no", sa.String(), nullable=True),
    sa.Column("kind", sa.String(), nullable=False),
    sa.Column("on", sa.Date(), nullable=False),
    sa.Column("at", Moment(timezone=True), nullable=False),
    sa.Column("details", _JSON, nullable=False),
    sa.Column("event", sa.String(), nullable=False),
    sa.Column("instance", sa.String(), nullable=True),
    sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_personnel_event_person_id"),
    sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name="fk_personnel_event_organisation_id"),
    sa.PrimaryKeyConstraint("id", name="pk_personnel_event")
    )
    op.create_index("ix_personnel_event_person", "personnel_event", ["person_id", "on"])


def _applications() -> None:
    op.create_table("application",
    sa.Column("id", _KEY, nullable=False),
    sa.Column("round_id", _KEY, nullable=False),
    sa.Column("instance_id", _KEY, nullable=False),
    sa.Column("person_id", _KEY, nullable=False),
    sa.Column("status", sa.String(), nullable=False),
    sa.Column("post", sa.String(), nullable=True),
    sa.Column("admission_no", sa.String(), nullable=True),
    sa.Column("blind_no", sa.String(), nullable=True),
    sa.Column("teaching_months", sa.Integer(), nullable=True),
    sa.Column("recheck_result", sa.String(), nullable=True),
    sa.Column("rank", sa.Integer(), nullable=True),
    sa.Column("scores", _JSON, nullable=False),
    sa.Column("reason", sa.String(), nullable=True),
    sa.Column("begun_at", Moment(timezone=True), nullable=False),
    sa.Column("changed_at", Moment(timezone=True), nullable=False),
    sa.Column("begun_by_event", sa.String(), nullable=False),
    sa.Column("changed_by_event", sa.String(), nullable=False),
    sa.ForeignKeyConstraint(["round_id"], ["round.id"], name="fk_application_round_id"),
    sa.ForeignKeyConstraint(["instance_id"], ["instance.id"], name="fk_application_instance_id"),
    sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_application_person_id"),
    sa.PrimaryKeyConstraint("id", name="pk_application"),
    sa.UniqueConstraint("instance_id", name="uq_application_instance_id"),
    sa.UniqueConstraint("admission_no", name="uq_application_admission_no"),
    sa.UniqueConstraint("round_id", "blind_no", name="uq_application_round_id_blind_no")
    )
    op.create_index("ix_application_person_id", "application", ["person_id"])
    op.create_index("ix_application_round", "application", ["round_id", "status"])
    op.create_index("uq_application_open", "application", ["round_id", "person_id"], unique=True,
                    sqlite_where=sa.text("status = 'open'"), postgresql_where=sa.text("status = 'open'"))
    # Applications that are there already stand in their rounds; which of them are settled their own record says.
    op.execute("""
        INSERT INTO application (round_id, instance_id, person_id, status, scores, begun_at, changed_at, begun_by_event,
                                 changed_by_event)
        SELECT instance.round_id, instance.id, instance.starter_id,
               CASE WHEN instance.ended_at IS NULL THEN 'open'
                    WHEN instance.outcome = 'adm_v0_e' THEN 'qualified'
                    WHEN instance.outcome = 'adm_x1' THEN 'not_qualified'
                    WHEN instance.outcome = 'adm_x2' THEN 'lapsed'
                    WHEN instance.status = 'withdrawn' THEN 'withdrawn'
                    ELSE 'cancelled' END,
               '{}', instance.started_at, COALESCE(instance.ended_at, instance.started_at), first.event_id, last.event_id
        FROM instance
        JOIN event AS first ON first.stream = 'instance:' || instance.number AND first.seq = 1
        JOIN stream ON stream.name = 'instance:' || instance.number
        JOIN event AS last ON last.stream = stream.name AND last.seq = stream.seq
        WHERE instance.round_id IS NOT NULL AND instance.parent_id IS NULL
    """)
