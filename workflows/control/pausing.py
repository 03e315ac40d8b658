"""A case held and let go on: ``suspend`` (暂停办件) and ``resume`` (恢复办件). Time that stands still is nobody's delay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session, aliased

from workflows import incidents, notices, policies
from workflows.access import office_day
from workflows.audit import Kind, instance_stream
from workflows.case import load
from workflows.control.authority import By, actor_of, concerned, recorded, turn, whole
from workflows.db import Database
from workflows.incidents import reason_of
from workflows.models import Event, Instance, Task, Timer
from workflows.notices import Message
from workflows.policies import Calendar
from workflows.settings import OFFICE_ZONE
from workflows.transitions import due_shown


def suspend(db: Database, by: By, number: str, reason: str, *, at: datetime) -> None:
    """Hold a case with everything that it called: nothing in it moves and no deadline runs until ``resume``.

    Raises ``ReasonNeeded``, ``InstanceSuspended``, ``InstanceEnded``, ``CalledInstance``, and what ``actor_of`` raises.
    """
    words = reason_of(reason)
    with db.read() as session:
        actor = actor_of(session, by, whole(session, number), "suspend", at)
    with db.write() as session:
        instance = turn(session, number, ("running",), "suspended", at)
        for one in (instance, *_turn_called(session, instance.id, "running", "suspended", at)):
            told = concerned(session, one)
            tasks = _turn_tasks(session, one.id, "open", "suspended")
            session.execute(update(Timer).where(Timer.instance_id == one.id, Timer.fired_at.is_(None)).values(held=True))
            params = {"title": one.title, "number": one.number, "reason": words}
            notices.queue(session, [Message(told, "case_suspended", params)], at=at, instance=one.number)
            recorded(session, one, Kind.INSTANCE_SUSPENDED, at, actor, {
                "words": words, "tasks": tasks, "notices": _told("case_suspended", told), **_with(one, instance),
            })  # fmt: skip


def resume(db: Database, by: By, number: str, *, at: datetime) -> None:
    """Let a suspended case go on. The working days that were left when it was suspended are counted again from today.

    A moment that is no end of a day moves by the time that has passed. Raises ``InstanceNotSuspended``,
    ``InstanceEnded``, ``CalledInstance``, and what ``actor_of`` raises.
    """
    with db.read() as session:
        instance = whole(session, number)
        actor = actor_of(session, by, instance, "resume", at)
        # Nothing of it moves while it is suspended: what is counted here still holds in the transaction below.
        pauses = {one.id: _pause(session, one, at) for one in _line(session, instance) if one.status == "suspended"}
    with db.write() as session:
        instance = turn(session, number, ("suspended",), "running", at)
        for one in (instance, *_turn_called(session, instance.id, "suspended", "running", at)):
            moved = pauses[one.id].put_off(session)
            tasks = _turn_tasks(session, one.id, "suspended", "open")
            incidents.release(session, one.id)
            told = concerned(session, one)
            due = "、".join(f"{change['name']} {due_shown(change['new'])}" for change in moved if change["name"]) or "-"
            notices.queue(session, [Message(told, "case_resumed", {"title": one.title, "number": one.number, "due": due})],
                          at=at, instance=one.number)
            recorded(session, one, Kind.INSTANCE_RESUMED, at, actor, {
                "tasks": tasks, "deadlines": moved, "notices": _told("case_resumed", told), **_with(one, instance),
            })  # fmt: skip


def _told(kind: str, people: Mapping[int, bool]) -> list[dict[str, Any]]:
    return [{"kind": kind, "people": len(people), "task": None}]


def _with(one: Instance, whole_case: Instance) -> dict[str, Any]:
    """Of a called case: with which one it was held."""
    return {} if one.id == whole_case.id else {"with": whole_case.number}


def _line(session: Session, instance: Instance) -> list[Instance]:
    """The case and everything that it called, and that those called, callers first."""
    below = select(Instance.id).where(Instance.id == instance.id).cte("below", recursive=True)
    child = aliased(Instance)
    below = below.union_all(select(child.id).where(child.parent_id == below.c.id))
    query = select(Instance).where(Instance.id.in_(select(below.c.id))).order_by(Instance.id)
    return list(session.execute(query.execution_options(populate_existing=True)).scalars())


def _turn_called(session: Session, instance_id: int, once: str, status: str, at: datetime) -> list[Instance]:
    """Turn everything that a case called and that has the status; what ended meanwhile stays as it is."""
    turned = []
    for one in _line(session, session.get_one(Instance, instance_id))[1:]:
        moved = session.execute(
            update(Instance)
            .where(Instance.id == one.id, Instance.status == once)
            .values(status=status, version=Instance.version + 1)
            .execution_options(synchronize_session=False)
        )
        if moved.rowcount:  # type: ignore[attr-defined]
            turned.append(one)
    return turned


def _turn_tasks(session: Session, instance_id: int, once: str, status: str) -> list[str]:
    turned = session.execute(
        update(Task)
        .where(Task.instance_id == instance_id, Task.status == once)
        .values(status=status)
        .returning(Task.number)
        .execution_options(synchronize_session=False)
    )
    return sorted(turned.scalars())


# --- deadlines over a pause -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Pause:
    """How long a case stood still, and what waits in it."""

    since: datetime
    at: datetime
    calendar: Calendar
    tasks: Sequence[Task]
    timers: Sequence[Timer]

    def later(self, due: datetime) -> tuple[datetime, tuple[str, ...], bool]:
        """A deadline after the pause, the working days that are counted from its end, and whether it is provisional."""
        if due <= self.since:
            return due, (), False  # it had run out before
        local = due.astimezone(OFFICE_ZONE)
        if (local.hour, local.minute, local.second, local.microsecond) != (0, 0, 0, 0):
            return due + (self.at - self.since), (), False
        left = len(policies.working_days_between(self.since, due, self.calendar))
        if not left:  # its last day had begun
            return policies.end_of(office_day(self.at)), (), False
        counted = policies.add_working_days(self.at, left, self.calendar)
        return counted.at, tuple(day.isoformat() for day in counted.days), counted.provisional

    def put_off(self, session: Session) -> list[dict[str, Any]]:
        """Write the new deadlines; returns what moved, for the event."""
        moved: list[dict[str, Any]] = []
        ends: dict[int, tuple[datetime | None, datetime | None]] = {}
        for task in self.tasks:
            if task.due_at is None:
                continue
            new, days, provisional = self.later(task.due_at)
            ends[task.id] = (task.due_at, new)
            if new == task.due_at:
                continue
            counted = [day for day in task.due_days or () if day <= office_day(self.since).isoformat()] + list(days)
            session.execute(
                update(Task).where(Task.id == task.id)
                .values(due_at=new, due_days=counted, due_provisional=provisional or task.due_provisional)
            )
            moved.append({"step": task.step_id, "name": task.name, "task": task.number, "old": task.due_at, "new": new})
            self._remind(session, task, new)
        for timer in self.timers:
            if timer.kind == "reminder":
                continue
            old_end, new_end = ends.get(timer.task_id or 0, (None, None))
            if timer.kind == "overdue" and (timer.due_at != old_end or new_end is None):
                continue  # the daily word about what was overdue before
            due = new_end if timer.kind == "overdue" and new_end is not None else self.later(timer.due_at)[0]
            if due != timer.due_at:
                session.execute(update(Timer).where(Timer.id == timer.id).values(due_at=due))
                if timer.kind == "engine":
                    moved.append({"step": timer.step_id, "name": "", "task": None, "old": timer.due_at, "new": due})
        return moved

    def _remind(self, session: Session, task: Task, due: datetime) -> None:
        """The reminders of a task for its new deadline, in place of those that had not been sent."""
        old = {timer.due_at: timer for timer in self.timers if timer.kind == "reminder" and timer.task_id == task.id}
        wanted = {moment for moment in policies.reminders(task.opened_at, due, self.calendar) if moment > self.at}
        for moment in old.keys() - wanted:
            session.execute(
                update(Timer).where(Timer.id == old[moment].id).values(fired_at=self.at, result="cancelled")
            )
        sent = set(session.execute(
            select(Timer.due_at).where(Timer.task_id == task.id, Timer.kind == "reminder")
        ).scalars())
        rows = [
            {"instance_id": task.instance_id, "task_id": task.id, "token": task.token, "step_id": task.step_id,
             "kind": "reminder", "due_at": moment, "due_days": None, "due_provisional": False}
            for moment in sorted(wanted - sent)
        ]
        if rows:
            session.execute(insert(Timer), rows)


def _pause(session: Session, instance: Instance, at: datetime) -> _Pause:
    """The pause of a suspended case that ends now."""
    since = session.execute(
        select(Event.at)
        .where(Event.stream == instance_stream(instance.number), Event.kind == Kind.INSTANCE_SUSPENDED)
        .order_by(Event.seq.desc())
        .limit(1)
    ).scalar_one_or_none()
    case, _ = load(session, instance_id=instance.id)
    tasks = select(Task).where(Task.instance_id == instance.id, Task.status == "suspended").order_by(Task.id)
    timers = select(Timer).where(Timer.instance_id == instance.id, Timer.fired_at.is_(None)).order_by(Timer.id)
    return _Pause(
        at if since is None else since, at, case.pack.calendar, session.execute(tasks).scalars().all(),
        session.execute(timers).scalars().all(),
    )  # fmt: skip
