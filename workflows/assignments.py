"""Every verb that changes who holds a task."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from workflows import access, notices
from workflows.access import Viewer
from workflows.audit import Act, Kind, instance_stream, record
from workflows.db import Database
from workflows.errors import N_, HeldByAnother, NobodyFits, TaskNotOpen
from workflows.models import Account, Instance, Person, Task
from workflows.notices import Message
from workflows.transitions import Moved, NextStep, due_shown

#: Why somebody who declared a conflict of interest is kept from the task.
RECUSED = N_("本人申请回避")


def claim(db: Database, viewer: Viewer, task_number: str, *, at: datetime) -> None:
    """Take a task out of the group (认领); ``HeldByAnother`` if somebody was first, ``TaskNotOpen`` if it is over."""
    with db.write() as session:
        task = _locked(session, viewer, task_number, at)
        if task.holder_id is not None:
            raise HeldByAnother(name=_holder(session, task))
        _assign(session, task, viewer.person_id, {**task.explanation, "claimed": True})
        _record(session, viewer, task, Kind.TASK_CLAIMED, at)


def unclaim(db: Database, viewer: Viewer, task_number: str, *, at: datetime) -> None:
    """Give a claimed task back to the group (取消认领); ``HeldByAnother`` unless it is one's own by a claim."""
    with db.write() as session:
        task = _locked(session, viewer, task_number, at)
        explanation = {key: value for key, value in task.explanation.items() if key != "claimed"}
        if task.holder_id != viewer.person_id or explanation == task.explanation:
            raise HeldByAnother(name=_holder(session, task))
        _assign(session, task, None, explanation)
        _record(session, viewer, task, Kind.TASK_UNCLAIMED, at)


def recuse(db: Database, viewer: Viewer, task_number: str, reason: str, *, at: datetime) -> Moved:
    """Withdraw from a task because of a conflict of interest (回避): it goes to the others, with the reason logged.

    Raises ``NobodyFits`` when no other candidate is left; then the person keeps it and tells an administrator.
    """
    with db.write() as session:
        task = _locked(session, viewer, task_number, at)
        if task.holder_id not in (None, viewer.person_id):
            raise HeldByAnother(name=_holder(session, task))
        left = [one for one in task.explanation.get("result", ()) if one["number"] != viewer.number]
        if not left:
            raise NobodyFits(step=task.name)
        out = {"number": viewer.number, "name": viewer.name, "reason": RECUSED}
        explanation = {
            **{key: value for key, value in task.explanation.items() if key != "claimed"},
            "excluded": [*task.explanation.get("excluded", ()), out],
            "result": left,
        }
        _assign(session, task, None, explanation)
        _record(session, viewer, task, Kind.TASK_REASSIGNED, at, {"reason": reason, "excluded": out, "result": left})
        instance = session.get_one(Instance, task.instance_id)
        others = session.execute(
            select(Person.id, Account.email_confirmed_at)
            .outerjoin(Account, Account.person_id == Person.id)
            .where(Person.number.in_([one["number"] for one in left]))
        )
        recipients = {person_id: confirmed is not None for person_id, confirmed in others}
        params = {"title": instance.title, "number": instance.number, "step": task.name, "due": due_shown(task.due_at)}
        notices.queue(session, [Message(recipients, "task_opened", params, task.number)], at=at,
                      instance=instance.number)
        following = NextStep(task.step_id, task.name, tuple(one["name"] for one in left), task.due_at,
                             task.due_provisional)
        return Moved(instance.number, instance.title, task.name, (following,), handed_on=True)


def _locked(session: Session, viewer: Viewer, task_number: str, at: datetime) -> Task:
    """The open task as it is now, and stays until the transaction ends; ``NotFound``, or ``TaskNotOpen``."""
    task = access.task_for(session, viewer, task_number, at)
    session.refresh(task, with_for_update=True)
    if task.status != "open":
        raise TaskNotOpen()
    return task


def _assign(session: Session, task: Task, holder_id: int | None, explanation: Mapping[str, Any]) -> None:
    session.execute(
        update(Task).where(Task.id == task.id).values(holder_id=holder_id, explanation=dict(explanation))
    )


def _holder(session: Session, task: Task) -> str:
    holder = session.get(Person, task.holder_id) if task.holder_id is not None else None
    return holder.name if holder is not None else "-"


def _record(
    session: Session, viewer: Viewer, task: Task, kind: Kind, at: datetime, more: Mapping[str, Any] | None = None
) -> None:
    instance = session.get_one(Instance, task.instance_id)
    record(session, Act(
        instance_stream(instance.number), kind, at, viewer.actor(), definition=instance.definition,
        instance=instance.number, task=task.number, payload={"step": task.step_id, **(more or {})},
    ))
