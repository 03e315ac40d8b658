"""What people do with cases beside deciding them: copies (抄送), urges (催办), remarks (留言), follow-ups and saved filters."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from workflows.models.columns import Key, Row


class Copy(Row):
    """A case sent to somebody to read (抄送 → 待阅): once a person and case, however often it is sent."""

    __tablename__ = "copy"
    __table_args__ = (
        # Also the way of access.may_see.
        UniqueConstraint("instance_id", "to_id"),
        Index("ix_copy_to", "to_id", "id"),
        Index(
            "ix_copy_unread", "to_id", "id",
            sqlite_where=text("read_at IS NULL"), postgresql_where=text("read_at IS NULL"),
        ),
    )

    id: Mapped[Key]
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"))
    to_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    #: Who sent it; empty where the diagram did (``jiaoyan:cc``).
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    #: Step at which it was sent; empty when it was sent from the case.
    step_id: Mapped[str | None]
    #: What to read it for, in the sender's words.
    words: Mapped[str | None]
    at: Mapped[datetime]
    read_at: Mapped[datetime | None]
    #: The event that sent it.
    event: Mapped[str]


class Urge(Row):
    """One urging (催办) of an open task."""

    __tablename__ = "urge"
    __table_args__ = (Index("ix_urge_task", "task_id", "at"),)

    id: Mapped[Key]
    task_id: Mapped[int] = mapped_column(ForeignKey("task.id"))
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
    words: Mapped[str | None]
    event: Mapped[str]


class Remark(Row):
    """Something said about a case (留言) that decides nothing. Never edited: a correction is another one."""

    __tablename__ = "remark"
    __table_args__ = (Index("ix_remark_instance", "instance_id", "id"),)

    id: Mapped[Key]
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"))
    #: The task at which it was said, if at one.
    task_id: Mapped[int | None] = mapped_column(ForeignKey("task.id"))
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
    words: Mapped[str]
    #: ``office``, or ``everybody``: the applicant as well.
    audience: Mapped[str]
    #: List of {number, name}: who was told because they are named in it (@).
    mentioned: Mapped[list[Any]]
    #: The remark that this one corrects.
    corrects_id: Mapped[int | None] = mapped_column(ForeignKey("remark.id"))
    #: The event that recorded it; names it in forms.
    event: Mapped[str] = mapped_column(unique=True)


class FollowUp(Row):
    """The day on which somebody means to come back to a task (跟进日期); nobody else sees it."""

    __tablename__ = "follow_up"
    __table_args__ = (UniqueConstraint("person_id", "task_id"),)

    id: Mapped[Key]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    task_id: Mapped[int] = mapped_column(ForeignKey("task.id"))
    on: Mapped[date]


class SavedFilter(Row):
    """What somebody narrows their inbox to, under a name of their own."""

    __tablename__ = "saved_filter"
    __table_args__ = (
        UniqueConstraint("person_id", "name"),
        Index(
            "uq_saved_filter_default", "person_id", unique=True,
            sqlite_where=text("is_default"), postgresql_where=text("is_default"),
        ),
    )

    id: Mapped[Key]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    name: Mapped[str]
    #: Words of the address: process, place, step, q, whose, urgent, follow.
    asked: Mapped[dict[str, Any]]
    #: Whether the inbox opens with it; at most one a person.
    is_default: Mapped[bool] = mapped_column(default=False)
