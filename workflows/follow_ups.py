"""Follow-up days (跟进日期): when somebody means to come back to a task that waits for them. Nobody else sees them.

A diagram may propose one (zeebe:taskSchedule followUpDate): whoever comes to hold the task has it as their own, to keep or change.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from workflows import access
from workflows.access import Viewer, office_day
from workflows.audit import Act, Kind, person_stream, record
from workflows.db import Database, upsert
from workflows.errors import DayPassed, TaskNotOpen
from workflows.models import FollowUp, Instance, Task

#: Days that anybody plans ahead at most.
FARTHEST = 366
#: Under this name a task's explanation keeps the day that its diagram proposes, as ISO text.
DRAWN = "follow_up_on"


def follow_up(db: Database, viewer: Viewer, task_number: str, on: date | None, *, at: datetime) -> None:
    """Set the day on which the viewer comes back to an open task of theirs, or take it away with nothing.

    Raises ``NotFound``, ``TaskNotOpen``, and ``DayPassed`` for a day before today or too far ahead.
    """
    _require_ahead(on, office_day(at))
    with db.write() as session:
        task = access.task_for(session, viewer, task_number, at)
        # Two windows of one person at once: the second waits here and finds the first one's day.
        session.refresh(task, with_for_update=True)
        if task.status != "open":
            raise TaskNotOpen()
        was = session.execute(
            select(FollowUp.on).where(FollowUp.person_id == viewer.person_id, FollowUp.task_id == task.id)
        ).scalar_one_or_none()
        if was == on:
            return
        session.execute(delete(FollowUp).where(FollowUp.person_id == viewer.person_id, FollowUp.task_id == task.id))
        if on is not None:
            session.add(FollowUp(person_id=viewer.person_id, task_id=task.id, on=on))
        instance = session.get_one(Instance, task.instance_id)
        record(session, Act(
            person_stream(viewer.number), Kind.FOLLOW_UP_SCHEDULED, at, viewer.actor(), instance=instance.number,
            task=task.number, payload={"step": task.step_id, "on": None if on is None else on.isoformat()},
        ))


def _require_ahead(on: date | None, today: date) -> None:
    until = today + timedelta(days=FARTHEST)
    if on is not None and not today <= on <= until:
        raise DayPassed(until=until.isoformat())


def day_of(session: Session, viewer: Viewer, task_number: str) -> date | None:
    """The viewer's own day for a task."""
    return session.execute(
        select(FollowUp.on).join(Task, Task.id == FollowUp.task_id)
        .where(Task.number == task_number, FollowUp.person_id == viewer.person_id)
    ).scalar_one_or_none()


# --- proposed by a diagram ------------------------------------------------------------------------------------------


def drawn(moment: datetime | None) -> date | None:
    """The day that a diagram's moment means: 24:00 of the 27th is the 27th."""
    return None if moment is None else office_day(moment - timedelta(microseconds=1))


def proposed(task: Task) -> date | None:
    """The day on which a task's diagram wants it to be looked at again."""
    found = task.explanation.get(DRAWN)
    return None if found is None else date.fromisoformat(found)


def begin(session: Session, task: Task, person_id: int) -> None:
    """Whoever comes to hold a task has the diagram's day as their own, in the caller's transaction, unless they set one."""
    day = proposed(task)
    if day is not None:
        session.execute(
            upsert(FollowUp, session.get_bind().dialect.name).values(person_id=person_id, task_id=task.id, on=day).on_conflict_do_nothing()
            .execution_options(synchronize_session=False)
        )
