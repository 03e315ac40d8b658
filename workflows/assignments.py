"""Every verb that changes who holds a task."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from workflows import access
from workflows.access import Viewer
from workflows.audit import Act, Kind, instance_stream, record
from workflows.db import Database
from workflows.errors import HeldByAnother, TaskNotOpen
from workflows.models import Instance, Person, Task


def claim(db: Database, viewer: Viewer, task_number: str, *, at: datetime) -> None:
    """Take a task out of the group (认领); ``HeldByAnother`` if somebody was first, ``TaskNotOpen`` if it is over."""
    with db.write() as session:
        task = access.task_for(session, viewer, task_number, at)
        _require_open(task)
        taken = session.execute(
            update(Task)
            .where(Task.id == task.id, Task.status == "open", Task.holder_id.is_(None))
            .values(holder_id=viewer.person_id, explanation={**task.explanation, "claimed": True})
        )
        if not taken.rowcount:  # type: ignore[attr-defined]
            raise HeldByAnother(name=_holder(session, task))
        _record(session, viewer, task, Kind.TASK_CLAIMED, at)


def unclaim(db: Database, viewer: Viewer, task_number: str, *, at: datetime) -> None:
    """Give a claimed task back to the group (取消认领); ``HeldByAnother`` unless it is one's own by a claim."""
    with db.write() as session:
        task = access.task_for(session, viewer, task_number, at)
        _require_open(task)
        explanation = {key: value for key, value in task.explanation.items() if key != "claimed"}
        if task.holder_id != viewer.person_id or explanation == task.explanation:
            raise HeldByAnother(name=_holder(session, task))
        session.execute(
            update(Task)
            .where(Task.id == task.id, Task.status == "open", Task.holder_id == viewer.person_id)
            .values(holder_id=None, explanation=explanation)
        )
        _record(session, viewer, task, Kind.TASK_UNCLAIMED, at)


def _require_open(task: Task) -> None:
    if task.status != "open":
        raise TaskNotOpen()


def _holder(session: Session, task: Task) -> str:
    session.refresh(task)
    holder = session.get(Person, task.holder_id) if task.holder_id is not None else None
    return holder.name if holder is not None else "-"


def _record(session: Session, viewer: Viewer, task: Task, kind: Kind, at: datetime) -> None:
    instance = session.get_one(Instance, task.instance_id)
    record(session, Act(
        instance_stream(instance.number), kind, at, viewer.actor(), definition=instance.definition,
        instance=instance.number, task=task.number, payload={"step": task.step_id},
    ))
