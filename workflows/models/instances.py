"""Instances at work: state, tasks, who may take them, timers, drafts, submissions and rulings."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from workflows.models.columns import Key, Row


class Instance(Row):
    """One run of a definition (办件), with its state at rest."""

    __tablename__ = "instance"
    __table_args__ = (
        Index("ix_instance_organisation", "organisation_id", "id"),
        Index("ix_instance_status", "status", "id"),
        Index("ix_instance_starter", "starter_id", "id"),
        # One open case of a person in a round (E_DUPLICATE), also when two submits race; what it calls is no case of its own.
        Index(
            "uq_instance_open_in_round", "round_id", "starter_id", unique=True,
            sqlite_where=text("ended_at IS NULL AND parent_id IS NULL"),
            postgresql_where=text("ended_at IS NULL AND parent_id IS NULL"),
        ),
        # A call activity starts its process once, whoever delivers the call.
        UniqueConstraint("parent_id", "parent_token"),
    )

    id: Mapped[Key]
    #: Shown number, e.g. ``LN-2026-00001``; stands in every address.
    number: Mapped[str] = mapped_column(unique=True)
    process_id: Mapped[str]
    definition: Mapped[str] = mapped_column(ForeignKey("definition.digest"))
    #: Policy files, place and day that every ruling of this instance uses.
    pack_set: Mapped[str] = mapped_column(ForeignKey("pack_set.digest"))
    place: Mapped[str]
    ruling_on: Mapped[date]
    #: The employing organisation: the case runs at its level.
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    starter_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    round_id: Mapped[int | None] = mapped_column(ForeignKey("round.id"))
    title: Mapped[str]
    #: What it is about, in a line, by its process's rule (``jiaoyan:summary``) after the latest act; empty without one.
    summary: Mapped[str] = mapped_column(server_default="")
    #: Title and starter's name as they are sought (workflows.terms).
    words: Mapped[str]
    #: ``running``, ``suspended``, ``completed`` (reached an end), ``cancelled`` (终止办理), ``withdrawn`` (撤回申请) or
    #: ``failed`` (a called process that ended by an error nobody in it caught).
    status: Mapped[str]
    #: The instance whose call activity (token) started this one.
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("instance.id"))
    parent_token: Mapped[str | None]
    #: Id of that call activity in the parent's diagram.
    parent_step: Mapped[str | None]
    #: Process id -> digest of the definition that a call activity of this instance will start, fixed when it started.
    calls: Mapped[dict[str, Any]] = mapped_column(default=dict)
    #: Id of the end event reached, e.g. ``adm_x1``.
    outcome: Mapped[str | None]
    #: What automatic steps gave out, e.g. ``admission_no``.
    facts: Mapped[dict[str, Any]]
    #: The engine's compact state (workflows.engine).
    state: Mapped[bytes]
    #: Raised by one at every change of state; a write that finds another number is refused.
    version: Mapped[int]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class Term(Row):
    """One thing that an instance is found by (workflows.terms): each is a range of instances in the order they began."""

    __tablename__ = "term"
    __table_args__ = ({"sqlite_with_rowid": False},)

    #: Ordered byte by byte, so that every term that begins with some text is a range of the index.
    term: Mapped[str] = mapped_column(String().with_variant(String(collation="C"), "postgresql"), primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"), primary_key=True)


class Task(Row):
    """A step that waits, or waited, for a person (待办任务)."""

    __tablename__ = "task"
    __table_args__ = (
        Index("ix_task_open_due", "due_at", sqlite_where=text("status = 'open'"), postgresql_where=text("status = 'open'")),
        Index("ix_task_done_by", "done_by_id", "done_at"),
        Index("ix_task_acted", "done_by_id", "instance_id"),
        UniqueConstraint("instance_id", "token"),
    )

    id: Mapped[Key]
    #: Random public id; stands in every address.
    number: Mapped[str] = mapped_column(unique=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"))
    #: The engine's name for this waiting step.
    token: Mapped[str]
    step_id: Mapped[str]
    name: Mapped[str]
    form_id: Mapped[str | None]
    #: ``open``, ``suspended`` (its instance is), ``done``, ``cancelled``.
    status: Mapped[str]
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    #: Days counted, so that the deadline explains itself: list of ISO days, and whether it is provisional (暂定).
    due_days: Mapped[list[Any] | None]
    due_provisional: Mapped[bool] = mapped_column(default=False)
    priority: Mapped[int] = mapped_column(default=50)
    #: The role at an organisation whose holders may take it; where there are more, or people, they are candidate rows.
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    role: Mapped[str | None]
    #: Who has claimed it, or the one person it was assigned to.
    holder_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    #: Whom the holder has asked to work on it (委派): it stays the holder's, who alone completes it once it has come back.
    delegate_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    #: Of somebody's who was asked to sign another task (加签) that task, with which it ends. The engine knows nothing of it.
    main_id: Mapped[int | None] = mapped_column(ForeignKey("task.id"))
    #: How many who were asked to sign it have not yet: nobody completes it until they have.
    signers_open: Mapped[int] = mapped_column(server_default="0")
    #: What its holder has sent, until those asked to sign after them agree (后加签); else what was sent last and not agreed to.
    kept: Mapped[dict[str, Any] | None]
    #: Values the diagram hands to the form (zeebe:ioMapping inputs).
    inputs: Mapped[dict[str, Any]]
    #: Rule → organisation as it was → candidates → exclusions → result; and to whom it was handed since, by whom and why:
    #: ``transferred``, ``delegated`` (while it lasts), ``delegations`` (those that are over, and how they ended), ``signers``
    #: (who was asked to sign it, and what became of that), ``sent_back`` or ``taken_back``; of a signer's own ``signing``;
    #: ``follow_up_on``, the day that its diagram proposes.
    explanation: Mapped[dict[str, Any]]
    done_at: Mapped[datetime | None]
    done_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    #: The choice made, in the form's words, for lists.
    outcome: Mapped[str | None]
    #: The instance's state in which the task was completed, for going back to it (rewind).
    before: Mapped[bytes | None]


# The ways to an inbox, in the order in which it is read: what waits for a group, what somebody holds or was asked to work
# on; and to the cases that wait for a group, the latest first.
_UNHELD, _HELD = "status = 'open' AND holder_id IS NULL", "status = 'open'"
Index(
    "ix_task_waiting", Task.organisation_id, Task.role, Task.due_at, Task.priority.desc(), Task.id,
    sqlite_where=text(_UNHELD), postgresql_where=text(_UNHELD),
)
# One step of those that wait for a group, however rare it is among them.
Index(
    "ix_task_step", Task.organisation_id, Task.role, Task.step_id, Task.due_at, Task.priority.desc(), Task.id,
    sqlite_where=text(_UNHELD), postgresql_where=text(_UNHELD),
)
# Urgent ones among very many that wait for a group; ``URGENT`` of workflows.inbox, spelt as a condition is.
_URGENT = f"{_UNHELD} AND priority >= 60"
Index(
    "ix_task_urgent", Task.organisation_id, Task.role, Task.due_at, Task.priority.desc(), Task.id,
    sqlite_where=text(_URGENT), postgresql_where=text(_URGENT),
)
Index(
    "ix_task_group", Task.organisation_id, Task.role, Task.instance_id, sqlite_where=text(_HELD), postgresql_where=text(_HELD),
)
# Only what somebody holds stands in these: what waits for a group, nearly everything, is not written into them.
_BY_ONE, _BY_ANOTHER = f"{_HELD} AND holder_id IS NOT NULL", f"{_HELD} AND delegate_id IS NOT NULL"
Index(
    "ix_task_held", Task.holder_id, Task.due_at, Task.priority.desc(), Task.id,
    sqlite_where=text(_BY_ONE), postgresql_where=text(_BY_ONE),
)
Index(
    "ix_task_delegated", Task.delegate_id, Task.due_at, Task.priority.desc(), Task.id,
    sqlite_where=text(_BY_ANOTHER), postgresql_where=text(_BY_ANOTHER),
)
Index("ix_task_main", Task.main_id, sqlite_where=text("main_id IS NOT NULL"), postgresql_where=text("main_id IS NOT NULL"))

# How steps were done at an office, in time and late: figures are read from it alone.
Index(
    "ix_task_finished", Task.organisation_id, Task.done_at, Task.due_at, Task.step_id,
    sqlite_where=text("status = 'done'"), postgresql_where=text("status = 'done'"),
)


class Candidate(Row):
    """A further role at an organisation, or a person, who may take a task beside the role that the task itself names."""

    __tablename__ = "candidate"
    __table_args__ = (
        Index("ix_candidate_role", "organisation_id", "role"),
        Index("ix_candidate_person", "person_id"),
    )

    id: Mapped[Key]
    task_id: Mapped[int] = mapped_column(ForeignKey("task.id"), index=True)
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    role: Mapped[str | None]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))


class Unstaffed(Row):
    """A task for which nobody was found when it opened (无人可办): administrators assign it, nothing skips it."""

    __tablename__ = "unstaffed"

    task_id: Mapped[int] = mapped_column(ForeignKey("task.id"), primary_key=True)
    at: Mapped[datetime]
    #: The event that opened it.
    event: Mapped[str]


class Timer(Row):
    """A moment that something waits for; claimed in the transaction that acts on it."""

    __tablename__ = "timer"
    __table_args__ = (
        UniqueConstraint("instance_id", "token", "kind", "due_at"),
        Index(
            "ix_timer_due", "due_at",
            sqlite_where=text("fired_at IS NULL AND NOT held"), postgresql_where=text("fired_at IS NULL AND NOT held"),
        ),
    )

    id: Mapped[Key]
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"))
    #: The task whose deadline this is; a timer of a task that is no longer open never fires.
    task_id: Mapped[int | None] = mapped_column(ForeignKey("task.id"), index=True)
    #: The engine's token, for ``engine`` timers.
    token: Mapped[str]
    step_id: Mapped[str]
    #: ``engine`` (a boundary or catch event of the diagram), ``reminder``, ``overdue``.
    kind: Mapped[str]
    due_at: Mapped[datetime]
    due_days: Mapped[list[Any] | None]
    due_provisional: Mapped[bool] = mapped_column(default=False)
    #: Whether it must not fire now: its instance is suspended, or an incident waits for its next try.
    held: Mapped[bool] = mapped_column(default=False)
    #: When it fired or was called off; empty while it waits.
    fired_at: Mapped[datetime | None]
    #: ``fired`` or ``cancelled`` once ``fired_at`` is set.
    result: Mapped[str | None]


class Submission(Row):
    """One filled form as it was sent, with what stood beside it on the page."""

    __tablename__ = "submission"
    __table_args__ = (Index("ix_submission_instance", "instance_id"),)

    id: Mapped[Key]
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"))
    task_id: Mapped[int | None] = mapped_column(ForeignKey("task.id"))
    step_id: Mapped[str]
    form_id: Mapped[str]
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
    #: The page's token: the same one twice is one completion.
    token: Mapped[str] = mapped_column(unique=True)
    data: Mapped[dict[str, Any]]
    #: Read-only and computed values that the person saw.
    seen: Mapped[dict[str, Any]]
    event: Mapped[str]


class Draft(Row):
    """What somebody has typed and not sent. Kept until they complete the task; one for each person and task or start.

    The database drops it in the statement that completes the task (migration 0003).
    """

    __tablename__ = "draft"
    __table_args__ = (UniqueConstraint("person_id", "subject"),)

    id: Mapped[Key]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    #: ``task:<number>`` or ``start:<process>:<round number>``.
    subject: Mapped[str]
    data: Mapped[dict[str, Any]]
    saved_at: Mapped[datetime]
    #: Raised at every save, so that two open windows notice each other.
    version: Mapped[int]


class RulingRow(Row):
    """One automatic ruling (规则判定), kept whole; a new evaluation is a new row."""

    __tablename__ = "ruling"

    id: Mapped[Key]
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"), index=True)
    step_id: Mapped[str]
    decision: Mapped[str]
    at: Mapped[datetime]
    outcome: Mapped[str | None]
    #: Inputs, evidence rows, rules matched, reasons with clause and quotation, pack digest: the whole answer.
    answer: Mapped[dict[str, Any]]
    event: Mapped[str]


class Attachment(Row):
    """R11: one uploaded file as an instance names it; the bytes lie in the store under their digest."""

    __tablename__ = "attachment"
    __table_args__ = (Index("ix_attachment_instance", "instance_id"), Index("ix_attachment_sha256", "sha256"))

    id: Mapped[Key]
    sha256: Mapped[str]
    name: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int]
    uploaded_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    uploaded_at: Mapped[datetime]
    #: Empty until the form that holds it is submitted.
    instance_id: Mapped[int | None] = mapped_column(ForeignKey("instance.id"))
    field: Mapped[str | None]
