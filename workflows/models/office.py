"""The office itself: the demo mark and clock, number series, notices, jobs, rounds and what is public."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from workflows.models.columns import Key, Row


class Office(Row):
    """One row: what this data directory is."""

    __tablename__ = "office"

    id: Mapped[Key]
    #: Made once, when the directory is made; a demo stays a demo.
    demo: Mapped[bool]
    created_at: Mapped[datetime]
    #: How far a demo's clock has been moved, seconds; zero everywhere else.
    clock_offset_seconds: Mapped[int] = mapped_column(default=0)


class Series(Row):
    """The last number given out in one series, e.g. ``instance:LN-2026``."""

    __tablename__ = "series"

    name: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[int]


class Notice(Row):
    """A message to one person, queued in the transaction that caused it and delivered after it."""

    __tablename__ = "notice"
    __table_args__ = (
        Index("ix_notice_person", "person_id", "made_at"),
        Index(
            "ix_notice_unsent", "next_try_at",
            sqlite_where=text("mail_state = 'queued'"), postgresql_where=text("mail_state = 'queued'"),
        ),
    )

    id: Mapped[Key]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    #: Name of the function in ``workflows.notices`` that worded it, e.g. ``task_opened``.
    kind: Mapped[str]
    #: What the wording needs; titles and bodies are made from it in the reader's language.
    params: Mapped[dict[str, Any]]
    #: Instance number, for the link.
    instance: Mapped[str | None]
    #: Task number, for the link.
    task: Mapped[str | None]
    made_at: Mapped[datetime]
    read_at: Mapped[datetime | None]
    #: ``none`` (no confirmed address), ``queued``, ``sent``, ``failed`` (gave up).
    mail_state: Mapped[str]
    #: Stable Message-ID: a mail sent twice after a crash is recognised as one.
    message_id: Mapped[str]
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None]
    #: The last delivery error, for the administrators' page.
    error: Mapped[str | None]


class Job(Row):
    """Work done later by a worker, with progress; claimed in the transaction that acts."""

    __tablename__ = "job"
    __table_args__ = (UniqueConstraint("key"),)

    id: Mapped[Key]
    #: Random public id; stands in addresses.
    number: Mapped[str] = mapped_column(unique=True)
    #: Handler name, e.g. ``seed_demo``.
    kind: Mapped[str]
    #: Makes a job unique where that is wanted, e.g. ``seed``.
    key: Mapped[str | None]
    params: Mapped[dict[str, Any]]
    #: ``waiting``, ``running``, ``done``, ``failed``, ``cancelled``.
    status: Mapped[str]
    #: Whether somebody asked it to stop; a handler notices at its next word of progress.
    stop: Mapped[bool] = mapped_column(default=False)
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    #: Where a resumed run continues.
    cursor: Mapped[dict[str, Any]]
    #: What is to be said of it: a message id, and what fills its places.
    message: Mapped[str | None]
    message_params: Mapped[dict[str, Any]] = mapped_column(default=dict)
    made_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    #: Names the worker that has it; only that one writes its progress.
    runner: Mapped[str | None]
    #: Renewed while a worker is on it; a job whose lease ran out (by the machine's clock) is taken up again.
    lease_until: Mapped[datetime | None]
    #: Failures in a row without progress, and when it may be tried again (by the machine's clock).
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))


class Round(Row):
    """A recruitment round (遴选批次): the posts, the window, and the rules that all its applications inherit."""

    __tablename__ = "round"

    id: Mapped[Key]
    #: Shown number, e.g. ``LN-R-2026-001``.
    number: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    #: The employing institution (教研机构).
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    place: Mapped[str]
    post_type: Mapped[str]
    #: 公开招聘, 选调, 内部竞聘 or 调动.
    channel: Mapped[str]
    #: List of {code, subject, stage, headcount}.
    posts: Mapped[list[Any]]
    open_at: Mapped[datetime]
    close_at: Mapped[datetime]
    #: Pinned for every application: policy files and the day on which they are read.
    pack_set: Mapped[str] = mapped_column(ForeignKey("pack_set.digest"))
    #: ``open``, ``closed`` (报名截止), ``cancelled`` or ``done`` (every post has its result).
    status: Mapped[str]
    opened_by_event: Mapped[str]
    #: Number of the case (遴选批次) that published it; empty for a round that was entered without one.
    instance: Mapped[str | None]
    #: When the blind numbers of the written test were opened (启封密号).
    unblinded_at: Mapped[datetime | None]


class Application(Row):
    """One application's place in its round: what the round decides by, written by the acts of both."""

    __tablename__ = "application"
    __table_args__ = (
        # One application of a person in a round at a time (E_DUPLICATE), whatever the post.
        Index(
            "uq_application_open", "round_id", "person_id", unique=True,
            sqlite_where=text("status = 'open'"), postgresql_where=text("status = 'open'"),
        ),
        Index("ix_application_round", "round_id", "status"),
        UniqueConstraint("admission_no"),
        UniqueConstraint("round_id", "blind_no"),
    )

    id: Mapped[Key]
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"))
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"), unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    #: A key of ``workflows.registers.applications.STATUSES``.
    status: Mapped[str]
    #: Code of the post applied for; known once the qualification is settled.
    post: Mapped[str | None]
    #: 准考证号.
    admission_no: Mapped[str | None]
    #: 密号 of the written test: random, shown beside the admission number only once the round is unblinded.
    blind_no: Mapped[str | None]
    #: Months of teaching that were counted, for the tie rule.
    teaching_months: Mapped[int | None]
    #: 面试资格复审: 合格, 不合格 or 放弃.
    recheck_result: Mapped[str | None]
    #: 名次 within the post.
    rank: Mapped[int | None]
    #: written_score, absent_or_void, total, steps of the arithmetic: as the rounds' rulings gave them, scores as texts.
    scores: Mapped[dict[str, Any]]
    #: Why it came to its status, in words, where somebody gave a reason.
    reason: Mapped[str | None]
    begun_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    #: The events that began it and last changed it.
    begun_by_event: Mapped[str]
    changed_by_event: Mapped[str]


class PublicNotice(Row):
    """R10 and 公告: what anybody may read without signing in."""

    __tablename__ = "public_notice"

    id: Mapped[Key]
    number: Mapped[str] = mapped_column(unique=True)
    #: 公告 or 公示.
    kind: Mapped[str]
    title: Mapped[str]
    body: Mapped[str]
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    round_id: Mapped[int | None] = mapped_column(ForeignKey("round.id"))
    published_at: Mapped[datetime]
    #: End of the publicity period; empty for an announcement without one.
    until_at: Mapped[datetime | None]
    contact: Mapped[str | None]
    #: Number of the case that published it, and how: days, day_kind, channels, unit, person.
    instance: Mapped[str | None]
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    event: Mapped[str]
