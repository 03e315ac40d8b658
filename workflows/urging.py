"""How urgent a task is: urging it (催办), with a limit, and its grade (普通, 紧急, 特急), which orders what is due on one day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from workflows import access, actions, inbox, notices, people
from workflows.access import Viewer, office_day
from workflows.audit import Act, Kind, instance_stream, record
from workflows.db import Database
from workflows.errors import (
    InstanceSuspended,
    NotFound,
    NotPrioritised,
    NotUrgeable,
    OwnTask,
    TaskNotOpen,
    UrgedEnough,
    UrgedTooSoon,
)
from workflows.incidents import reason_of
from workflows.models import Instance, Person, Task, Urge, table
from workflows.notices import Message
from workflows.people import Somebody
from workflows.settings import OFFICE_ZONE

#: So much is said with an urge at most.
LONGEST = 200


@dataclass(frozen=True)
class UrgeView:
    """One urging, for whoever has the task."""

    task: str
    by_name: str
    at: datetime
    words: str | None


@dataclass(frozen=True)
class Pressing:
    """What somebody who looks at a case may do to have its open tasks done sooner, and what was done."""

    #: Numbers of the open tasks that they may urge, limits apart; and whose grade they may set.
    urgeable: frozenset[str]
    gradable: frozenset[str]
    urges: tuple[UrgeView, ...]


def urge(
    db: Database, viewer: Viewer, task_number: str, words: str, *, at: datetime, hours: int = 24, a_day: int = 3
) -> list[str]:
    """Urge whoever has an open task (催办), else everybody who may take it; returns their names. Nothing is decided.

    The case's starter may, its office, and colleagues of the task's own office; each once in ``hours``, all together
    ``a_day`` times on a calendar day (D). Raises ``NotFound`` for a case one may not see, ``TaskNotOpen``,
    ``InstanceSuspended``, ``OwnTask``, ``NotUrgeable``, ``UrgedTooSoon`` and ``UrgedEnough``, which say when again.
    """
    said = " ".join(words.split())[:LONGEST]
    with db.write() as session:
        task, instance = _seen(session, viewer, task_number, at)
        standing = _standing(session, viewer, instance, [task], at)
        if task.id in standing.own:
            raise OwnTask()
        if not standing.may_urge(task):
            raise NotUrgeable(step=task.name)
        actions.require(session, task, "urge")
        _refuse_often(session, viewer, task, at, hours, a_day)
        told = _who_has(session, task, viewer)
        payload = {"step": task.step_id, "to": [one.named() for one in told], **({"words": said} if said else {})}
        event = record(session, Act(
            instance_stream(instance.number), Kind.TASK_URGED, at, viewer.actor(), definition=instance.definition,
            instance=instance.number, task=task.number, payload=payload,
        ))
        session.add(Urge(task_id=task.id, by_id=viewer.person_id, at=at, words=said or None, event=event))
        params = {
            "title": instance.title, "number": instance.number, "step": task.name, "by": viewer.name, "reason": said,
            "due": "-" if task.due_at is None
            else (task.due_at - timedelta(microseconds=1)).astimezone(OFFICE_ZONE).date().isoformat(),
        }
        message = Message({one.id: one.mailable for one in told}, "task_urged", params, task.number)
        notices.queue(session, [message], at=at, instance=instance.number)
        return [one.name for one in told]


def prioritise(db: Database, viewer: Viewer, task_number: str, grade: str, reason: str, *, at: datetime) -> bool:
    """Set how urgent an open task is (``inbox.GRADES``), with the reason; false when it is so already.

    Whoever holds it or may take it may, and the office in charge of the case, but no applicant. Raises ``NotFound``,
    ``TaskNotOpen``, ``InstanceSuspended``, ``NotPrioritised`` and ``ReasonNeeded``.
    """
    words = reason_of(reason)
    if grade not in inbox.GRADES:
        raise NotFound()
    with db.write() as session:
        task, instance = _seen(session, viewer, task_number, at)
        if not _standing(session, viewer, instance, [task], at).may_grade(task):
            raise NotPrioritised(step=task.name)
        old = inbox.grade_of(task.priority)
        if old == grade:
            return False
        session.execute(update(table(Task)).where(Task.id == task.id).values(priority=inbox.GRADES[grade].number))
        changes = {"from": inbox.GRADES[old].name, "to": inbox.GRADES[grade].name}
        record(session, Act(
            instance_stream(instance.number), Kind.TASK_PRIORITISED, at, viewer.actor(), definition=instance.definition,
            instance=instance.number, task=task.number, outcome=inbox.GRADES[grade].name,
            payload={"step": task.step_id, "words": words, "priority": changes},
        ))
        return True


# --- who may, and how often -----------------------------------------------------------------------------------------


def _seen(session: Session, viewer: Viewer, task_number: str, at: datetime) -> tuple[Task, Instance]:
    """The open task of a case that the viewer may see, locked until the transaction ends."""
    found = session.execute(
        select(Task, Instance.number).join(Instance, Instance.id == Task.instance_id).where(Task.number == task_number)
    ).one_or_none()
    if found is None:
        raise NotFound()
    task, number = found
    instance = access.instance_for(session, viewer, number, at)
    session.refresh(task, with_for_update=True)
    if task.status == "suspended":
        raise InstanceSuspended()
    if task.status != "open":
        raise TaskNotOpen()
    return task, instance


@dataclass(frozen=True)
class _Standing:
    """How somebody stands to the open tasks of one case, by their keys."""

    #: What waits for themselves now; and what they could take, were it not with somebody else.
    own: frozenset[int]
    near: frozenset[int]
    #: Whether an office of theirs runs the case; whether they started it, and whether as its applicant.
    in_charge: bool
    started: bool
    applied: bool

    def may_urge(self, task: Task) -> bool:
        """Nobody urges what waits for themselves."""
        return task.id not in self.own and (self.in_charge or self.started or task.id in self.near)

    def may_grade(self, task: Task) -> bool:
        """No applicant says how urgent their own case is."""
        return not self.applied and (self.in_charge or task.id in self.own | self.near)


_TAKES = select(Task.id).where(Task.id.in_(bindparam("tasks", expanding=True)), access.TAKES)
_CHARGE = select(Instance.id).where(Instance.id == bindparam("instance"), access.IN_CHARGE)


def _standing(session: Session, viewer: Viewer, instance: Instance, tasks: Sequence[Task], at: datetime) -> _Standing:
    asked = {**access.asked(viewer, at), "instance": instance.id}
    takes = set(session.execute(_TAKES, {**asked, "tasks": [task.id for task in tasks]}).scalars())
    may = [task for task in tasks if task.id in takes and access.excluded_from(task, viewer.number) is None]
    own = frozenset(
        task.id for task in may
        if task.delegate_id == viewer.person_id
        or (task.delegate_id is None and task.holder_id in (None, viewer.person_id))
    )
    started = instance.starter_id == viewer.person_id
    return _Standing(
        own, frozenset(task.id for task in may) - own, session.execute(_CHARGE, asked).first() is not None, started,
        started and instance.round_id is not None,
    )


def _refuse_often(session: Session, viewer: Viewer, task: Task, at: datetime, hours: int, a_day: int) -> None:
    """The task is locked: two who urge it at once are counted one after the other."""
    query = select(Urge.by_id, Urge.at).where(Urge.task_id == task.id)
    before = session.execute(query.order_by(Urge.at)).all()
    mine = [row.at for row in before if row.by_id == viewer.person_id]
    if mine and mine[-1] + timedelta(hours=hours) > at:
        raise UrgedTooSoon(time=mine[-1], again=mine[-1] + timedelta(hours=hours))
    today = [row.at for row in before if office_day(row.at) == office_day(at)]
    if len(today) >= a_day:
        raise UrgedEnough(count=len(today))


def _who_has(session: Session, task: Task, viewer: Viewer) -> list[Somebody]:
    """Whoever works on the task, else its holder, else everybody who may take it; not the viewer."""
    key = task.delegate_id or task.holder_id
    if key is not None:
        return [people.somebody(session, key)]
    out = {viewer.number, *(one["number"] for one in task.explanation.get("excluded", ()))}
    named = [one["number"] for one in task.explanation.get("result", ()) if one["number"] not in out]
    return list(people.by_number(session, named).values()) if named else []


# --- what a page offers ---------------------------------------------------------------------------------------------


_OPEN = (
    select(Task, Instance).join(Instance, Instance.id == Task.instance_id)
    .where(Instance.number == bindparam("number"), Task.status == "open").order_by(Task.id)
)
_URGES = (
    select(Task.number, Person.name, Urge.at, Urge.words)
    .join(Task, Task.id == Urge.task_id)
    .join(Person, Person.id == Urge.by_id)
    .where(Urge.task_id.in_(bindparam("tasks", expanding=True)))
    .order_by(Urge.at.desc())
)


def pressing(session: Session, viewer: Viewer, instance_number: str, at: datetime) -> Pressing:
    """What a page about a case that the viewer may see offers and shows."""
    rows = session.execute(_OPEN, {"number": instance_number}).all()
    if not rows:
        return Pressing(frozenset(), frozenset(), ())
    tasks, instance = [task for task, _ in rows], rows[0][1]
    urges = session.execute(_URGES, {"tasks": [task.id for task in tasks]})
    standing = _standing(session, viewer, instance, tasks, at)
    return Pressing(
        frozenset(
            task.number for task in tasks
            if standing.may_urge(task) and actions.drawn(session, instance.definition, task.step_id, "urge")
        ),
        frozenset(task.number for task in tasks if standing.may_grade(task)),
        tuple(UrgeView(*row) for row in urges),
    )
