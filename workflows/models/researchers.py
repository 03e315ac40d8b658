"""Who is a researcher of which institution (R1), and what happened to their posts (R3)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from workflows.models.columns import Key, Row


class Researcher(Row):
    """R1 教研员名册: one appointment of one person as it stood from one day to another; never overwritten, only ended."""

    __tablename__ = "researcher"
    __table_args__ = (
        # An appointment stands once at a time.
        Index(
            "uq_researcher_standing", "appointment_no", unique=True,
            sqlite_where=text("to_on IS NULL"), postgresql_where=text("to_on IS NULL"),
        ),
        Index("ix_researcher_organisation", "organisation_id", "from_on"),
        CheckConstraint("to_on IS NULL OR to_on >= from_on", name="dates"),
    )

    id: Mapped[Key]
    #: 聘任编号, e.g. ``LN-P2026-0001``; the same in every row of one appointment.
    appointment_no: Mapped[str]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    #: Level of the institution: ``province``, ``city`` or ``county``.
    level: Mapped[str]
    #: 专职, 兼职, 特约 or 参与.
    post_type: Mapped[str]
    #: Lists of subjects and stages, in the words of the staffing matrix.
    subjects: Mapped[list[Any]]
    stages: Mapped[list[Any]]
    #: First day on duty.
    start_on: Mapped[date]
    #: Day from which the time on the post is counted (I9); moves only by a new row.
    base_on: Mapped[date]
    #: 在岗, 任教中, 进修中, 待转岗 or 已退出.
    status: Mapped[str]
    term_start: Mapped[date]
    term_end: Mapped[date | None]
    #: Number of the document of appointment (聘任文号).
    order_no: Mapped[str | None]
    #: Months of probation.
    probation_months: Mapped[int]
    #: First and last day on which the row holds.
    from_on: Mapped[date]
    to_on: Mapped[date | None]
    #: The events that began and ended it, and the case they belong to.
    begun_by_event: Mapped[str]
    ended_by_event: Mapped[str | None]
    instance: Mapped[str | None]


class PersonnelEvent(Row):
    """R3 人事台账: one thing that happened to somebody's post."""

    __tablename__ = "personnel_event"
    __table_args__ = (Index("ix_personnel_event_person", "person_id", "on"),)

    id: Mapped[Key]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    appointment_no: Mapped[str | None]
    #: 聘任, 任教, 返岗, 进修, 转岗, 退出 …
    kind: Mapped[str]
    #: Day on which it takes effect.
    on: Mapped[date]
    at: Mapped[datetime]
    #: What is to be known of it, e.g. post, term and document number.
    details: Mapped[dict[str, Any]]
    event: Mapped[str]
    instance: Mapped[str | None]
