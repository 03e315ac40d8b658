"""A case taken back to an earlier step (退回到先前环节), as it stood when that step was done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from workflows import people, returning
from workflows.audit import Kind
from workflows.case import load
from workflows.control.authority import By, actor_of, by_number, concerned, refused
from workflows.db import Database
from workflows.deliveries import carry_out
from workflows.errors import InstanceMoved, NotFound
from workflows.incidents import reason_of
from workflows.models import Instance, Person, Task
from workflows.notices import Message
from workflows.transitions import Moved, Transition


@dataclass(frozen=True)
class Earlier:
    """A step that was done, and to which a case may be taken back if its diagram leaves no doubt of what that undoes."""

    task: str
    step_id: str
    name: str
    done_at: datetime
    by_name: str


def earlier(session: Session, number: str) -> list[Earlier]:
    """The steps of a case that people have done, each as it was done last, the newest first."""
    rows = session.execute(
        select(Task.number, Task.step_id, Task.name, Task.done_at, Person.name)
        .join(Instance, Instance.id == Task.instance_id)
        .join(Person, Person.id == Task.done_by_id)
        .where(Instance.number == number, Task.status == "done", Task.before.is_not(None))
        .order_by(Task.done_at.desc(), Task.id.desc())
    )
    found: dict[str, Earlier] = {}
    for task, step_id, name, done_at, by_name in rows.tuples():
        if done_at is not None:
            found.setdefault(step_id, Earlier(task, step_id, name, done_at, by_name))
    return list(found.values())


def rewind(db: Database, by: By, number: str, task_number: str, reason: str, *, at: datetime) -> Moved:
    """Let a task that was done wait again, in the state in which it was done; deadlines are counted from now.

    Where other branches are under way that it has not met since, its own branch alone goes back. Of a step that several did
    each does it again.

    What was written since is no longer known to the case and stays on record; orders that were carried out and messages
    that were sent stay so. One transaction, one event. Raises the ``RewindAmbiguous`` refusals of the engine where that
    would undo more than the way from there to here, ``NotFound``, ``ReasonNeeded``, ``InstanceSuspended``,
    ``InstanceEnded``, ``InstanceMoved``, and what ``authority.actor_of`` raises.
    """
    words = reason_of(reason)
    with db.read() as session:
        instance = by_number(session, number)
        actor = actor_of(session, by, instance, "rewind", at)
        if instance.status != "running":
            raise refused(instance, ("running",))
        task = session.execute(
            select(Task).where(Task.number == task_number, Task.instance_id == instance.id, Task.status == "done")
        ).scalar_one_or_none()
        if task is None or task.before is None:
            raise NotFound()
        case, _ = load(session, instance_id=instance.id)
        if case.row is None or case.row.version != instance.version:
            raise InstanceMoved()
        progress = returning.rewound(session, case, task, at)
        ended = returning.called_off(session, progress, instance.id)
        holders = people.somebodies(session, {one.holder_id for one in ended if one.holder_id is not None})
        params = {"title": instance.title, "number": number, "step": task.name, "reason": words}
        transition = Transition(
            case, progress, Kind.INSTANCE_REWOUND, actor, at, case.loaded.diagram.steps[progress.opened[0].step_id],
            extra={"words": words, "to": task.number, "called_off": returning.as_recorded(ended, holders)},
            also=[Message(concerned(session, instance), "case_rewound", params)], back_to=task,
        )
        transition.prepare(session)
    return carry_out(db, transition)
