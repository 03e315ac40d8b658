"""Firing what is due: timers of diagrams, reminders and overdue reports. Nothing here ever decides for a person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import insert, or_, select, update
from sqlalchemy.orm import Session

from workflows import engine, feel, instances, notices, people, policies
from workflows.access import office_day
from workflows.audit import RULE, TIMEOUT, Act, Kind, record
from workflows.case import Case, house, load
from workflows.db import Database
from workflows.engine.rest import variables
from workflows.models import Instance, Task, Timer
from workflows.notices import Message
from workflows.people import Somebody
from workflows.settings import OFFICE_ZONE
from workflows.transitions import due_shown

#: The hour of the office day at which an overdue task is reported again (daily digest).
DIGEST_HOUR = time(9)


def fire_due(db: Database, *, at: datetime, limit: int = 1000, report: Callable[[int, Exception], None] | None = None) -> int:
    """Fire every timer that is due, the earliest first; returns how many did something.

    Each is its own transaction, and claims its row in the transaction that acts: two beats on one database fire it
    once. A timer that fails is left for the next beat and handed to ``report``; it does not hold up the others.
    """
    fired, failed = 0, set[int]()
    while True:
        with db.read() as session:
            due = session.execute(
                select(Timer.id, Timer.kind)
                .where(Timer.fired_at.is_(None), Timer.due_at <= at, Timer.id.not_in(failed))
                # At the same moment a diagram's own timer goes first: it may end the task that would be overdue.
                .order_by(Timer.due_at, Timer.kind, Timer.id)
                .limit(min(limit, 100))
            ).all()
        if not due:
            return fired
        for timer_id, kind in due:
            try:
                done = instances.wake(db, timer_id, at=at) if kind == "engine" else _nudge(db, timer_id, at)
            except Exception as error:  # one bad timer must not stop the office; it is reported, not swallowed
                if report is None:
                    raise
                report(timer_id, error)
                failed.add(timer_id)
                continue
            if done:
                fired += 1
            elif kind == "engine":
                failed.add(timer_id)  # somebody else is on it, or the instance just moved: the next beat looks again


def _nudge(db: Database, timer_id: int, at: datetime) -> bool:
    """Remind of a task, or report it overdue; a timer whose task is over is called off."""
    with db.read() as session:
        timer = session.get(Timer, timer_id)
        if timer is None or timer.fired_at is not None:
            return False
        task = session.get(Task, timer.task_id) if timer.task_id is not None else None
        if task is None or task.status != "open":
            prepared = None
        else:
            case, _ = load(session, instance_id=timer.instance_id)
            prepared = (case, *_messages(session, case, task, timer, at))
    if task is None or prepared is None:
        with db.write() as session:
            _take(session, timer_id, at, "cancelled")
        return False
    case, messages, told = prepared
    with db.write() as session:
        open_still = _still_open(session, task.id)
        if not _take(session, timer_id, at, "fired" if open_still else "cancelled") or not open_still:
            return False
        overdue = timer.kind == "overdue"
        if overdue:
            session.execute(insert(Timer).values(
                instance_id=timer.instance_id, task_id=task.id, token=timer.token, step_id=timer.step_id,
                kind="overdue", due_at=_next_digest(at, case), due_provisional=False,
            ))
        notices.queue(session, messages, at=at, instance=case.number)
        record(session, Act(
            case.stream, Kind.TASK_ESCALATED if overdue else Kind.TASK_REMINDED, at, TIMEOUT,
            definition=case.loaded.digest, instance=case.number, task=task.number,
            payload={"step": task.step_id, "due_at": task.due_at, "timer_due_at": timer.due_at, "told": told},
        ))
        return True


def _still_open(session: Session, task_id: int) -> bool:
    """Whether the task waits still, and will until this transaction ends: nobody is told of what was done meanwhile."""
    query = select(Task.status).where(Task.id == task_id).with_for_update()
    return session.execute(query).scalar_one() == "open"


def _take(session: Session, timer_id: int, at: datetime, result: str) -> bool:
    taken = session.execute(
        update(Timer).where(Timer.id == timer_id, Timer.fired_at.is_(None)).values(fired_at=at, result=result)
    )
    return bool(taken.rowcount)  # type: ignore[attr-defined]


def _next_digest(at: datetime, case: Case) -> datetime:
    """9:00 of the next working day: a digest a day, never at night or on a holiday."""
    day = office_day(at)
    while True:
        day += timedelta(days=1)
        if case.pack.calendar.is_working_day(day):
            return datetime.combine(day, DIGEST_HOUR, OFFICE_ZONE)


def _messages(
    session: Session, case: Case, task: Task, timer: Timer, at: datetime
) -> tuple[list[Message], dict[str, Any]]:
    step = case.loaded.diagram.steps[task.step_id]
    holders = _who(session, case, task, at)
    params = {"title": case.title, "number": case.number, "step": task.name, "due": due_shown(task.due_at)}
    told: dict[str, Any] = {"holders": [somebody.named() for somebody in holders]}
    if timer.kind == "reminder":
        return [Message({one.id: one.mailable for one in holders}, "task_due_soon", params, task.number)], told
    messages = [Message({one.id: one.mailable for one in holders}, "task_overdue", params, task.number)]
    superiors = _superiors(session, case, step, at)
    told["superiors"] = [somebody.named() for somebody in superiors]
    places = [found["organisation"]["name"] for found in task.explanation.get("steps", ()) if found.get("organisation")]
    messages.append(Message({one.id: one.mailable for one in superiors}, "overdue_reported",
                            {**params, "office": "、".join(places) or "-"}))
    return messages, told


def _who(session: Session, case: Case, task: Task, at: datetime) -> tuple[Somebody, ...]:
    """Who may take the task today: its holder, or the candidates by today's memberships without the excluded."""
    if task.holder_id is not None:
        return (people.somebody(session, task.holder_id),)
    rules = [found["rule"] for found in task.explanation.get("steps", ()) if "role" in found.get("rule", {})]
    out = {entry["number"] for entry in task.explanation.get("excluded", ())}
    found = people.candidates(session, rules, None, case.organisation.id, office_day(at), [])
    return tuple(somebody for somebody in found.people if somebody.number not in out)


def _superiors(session: Session, case: Case, step: engine.Step, at: datetime) -> tuple[Somebody, ...]:
    """Whom ``jiaoyan:escalate-to`` names: a role rule, relative to the instance."""
    text = step.properties.get("jiaoyan:escalate-to", "")
    if not text.startswith("=") or case.row is None:
        return ()
    scope = {**house(session, case, at).context, **variables(case.row.state)}
    rule = feel.compile(text[1:].strip()).evaluate(scope, now=at)
    if not isinstance(rule, dict):
        return ()
    return people.candidates(session, [rule], None, case.organisation.id, office_day(at), []).people


def recompute_provisional(db: Database, *, at: datetime) -> int:
    """Count provisional deadlines (暂定) again by the newest calendar; returns how many moved or became certain.

    For after a deployment that brought a year's official notice. Each instance is one transaction and one event, and
    says old and new day; a deadline is counted again from the day on which its task opened (I21).
    """
    with db.read() as session:
        waiting = session.execute(
            select(Task.id).where(Task.status == "open", Task.due_provisional.is_(True)).order_by(Task.id)
        ).scalars().all()
    return sum(_recompute(db, task_id, at) for task_id in waiting)


def _recompute(db: Database, task_id: int, at: datetime) -> bool:
    with db.read() as session:
        task = session.get_one(Task, task_id)
        case, _ = load(session, instance_id=task.instance_id)
    if not task.due_days or task.due_at is None:
        return False
    counted = policies.add_working_days(task.opened_at, len(task.due_days), case.pack.calendar)
    if counted.provisional:
        return False
    with db.write() as session:
        # Every act on a case locks its instance first: a recount and a timer that fires never wait for each other.
        session.execute(select(Instance.id).where(Instance.id == task.instance_id).with_for_update())
        taken = session.execute(
            update(Task)
            .where(Task.id == task_id, Task.status == "open", Task.due_provisional.is_(True))
            .values(due_at=counted.at, due_days=[day.isoformat() for day in counted.days], due_provisional=False)
        )
        if not taken.rowcount:  # type: ignore[attr-defined]
            return False
        session.execute(
            update(Timer)
            .where(Timer.task_id == task_id, Timer.kind == "reminder", Timer.fired_at.is_(None))
            .values(fired_at=at, result="cancelled")
        )
        session.execute(
            update(Timer)
            .where(Timer.instance_id == task.instance_id, Timer.due_at == task.due_at, Timer.fired_at.is_(None),
                   or_(Timer.task_id == task_id, Timer.kind == "engine"))
            .values(due_at=counted.at, due_provisional=False)
        )
        rows = [
            {"instance_id": task.instance_id, "task_id": task_id, "token": task.token, "step_id": task.step_id,
             "kind": "reminder", "due_at": moment, "due_days": None, "due_provisional": False}
            for moment in policies.reminders(task.opened_at, counted.at, case.pack.calendar)
            if moment > at
        ]
        if rows:
            session.execute(insert(Timer), rows)
        record(session, Act(
            case.stream, Kind.DEADLINE_RECOMPUTED, at, RULE, definition=case.loaded.digest, instance=case.number,
            task=task.number,
            payload={"step": task.step_id, "old": task.due_at, "new": counted.at,
                     "days": [day.isoformat() for day in counted.days]},
        ))
        return True
