"""无人可办: tasks that nobody may do. They wait, never skipped; a system administrator assigns them to somebody (指派)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.orm import Session

from workflows import access, notices, people
from workflows.access import APART, Viewer, excluded_from, held_on, office_day
from workflows.assignments import require_open
from workflows.audit import Act, Kind, instance_stream, record
from workflows.db import Database
from workflows.errors import N_, NotAssignable, NotFound
from workflows.incidents import reason_of
from workflows.models import Account, Candidate, Instance, Membership, Organisation, Person, Task, Unstaffed
from workflows.notices import Message
from workflows.people import COUNTED, Page
from workflows.transitions import due_shown

#: Why a task is not assigned by an administrator.
SOMEBODY_MAY = N_("该任务有人可以办理，请由其办理或转办")
OWN_CASE = N_("申请人本人")
NO_ROLE = N_("该人员没有任职，或账号不能登录")


@dataclass(frozen=True)
class Row:
    """One task that nobody may do, without what its case is about: administrators take no part in it."""

    task: str
    step_name: str
    instance_number: str
    organisation_name: str
    since: datetime
    due_at: datetime | None
    #: Rule → organisation → candidates → exclusions → result, as it was when the task opened.
    explanation: dict[str, Any]


def waiting(session: Session, viewer: Viewer, *, page: int = 1, size: int = 30) -> Page:
    """Tasks for which nobody was found when they opened and that nobody has since; the oldest first. ``Forbidden`` for others."""
    access.require(viewer, "system_admin")
    still = and_(Task.id == Unstaffed.task_id, Task.status.in_(("open", "suspended")), Task.holder_id.is_(None))
    total = session.execute(
        select(func.count()).select_from(select(Unstaffed.task_id).join(Task, still).limit(COUNTED).subquery())
    ).scalar_one()
    rows = session.execute(
        select(Task.number, Task.name, Instance.number, Organisation.name, Unstaffed.at, Task.due_at, Task.explanation)
        .select_from(Unstaffed)
        .join(Task, still)
        .join(Instance, Instance.id == Task.instance_id)
        .join(Organisation, Organisation.id == Instance.organisation_id)
        .order_by(Unstaffed.task_id).limit(size).offset((page - 1) * size)
    )
    return Page([Row(*row) for row in rows], total, page, size, at_least=total >= COUNTED)


def one(session: Session, viewer: Viewer, task_number: str) -> Row:
    """One task, to be assigned; ``Forbidden``, ``NotFound``."""
    access.require(viewer, "system_admin")
    row = session.execute(
        select(Task.number, Task.name, Instance.number, Organisation.name, Task.opened_at, Task.due_at, Task.explanation)
        .join(Instance, Instance.id == Task.instance_id)
        .join(Organisation, Organisation.id == Instance.organisation_id)
        .where(Task.number == task_number, Task.status.in_(("open", "suspended")))
    ).one_or_none()
    if row is None:
        raise NotFound()
    return Row(*row)


def who_may(session: Session, task: Task, at: datetime) -> list[str]:
    """Names of those who may do a task today: its holder, or by its rules; only who can sign in."""
    day, out = office_day(at), [one["number"] for one in task.explanation.get("excluded", ())]
    named = select(Candidate.person_id).where(Candidate.task_id == task.id, Candidate.person_id.is_not(None))
    further = select(Membership.person_id).join(
        Candidate, and_(Candidate.organisation_id == Membership.organisation_id, Candidate.role == Membership.role)
    ).where(Candidate.task_id == task.id, held_on(day))
    group = select(Membership.person_id).where(
        Membership.organisation_id == task.organisation_id, Membership.role == task.role, held_on(day)
    )
    fits = or_(Person.id.in_(named), Person.id.in_(further), Person.id.in_(group))
    if task.holder_id is not None:
        fits = Person.id.in_([task.holder_id, task.delegate_id or task.holder_id])
    rows = session.execute(
        select(Person.name)
        .join(Account, and_(Account.person_id == Person.id, Account.disabled_at.is_(None)))
        .where(fits, Person.number.not_in(out)).order_by(Person.name).limit(20)
    )
    return list(rows.scalars())


def assign(db: Database, viewer: Viewer, task_number: str, to: str, reason: str, *, at: datetime) -> None:
    """Give a task that nobody may do, or whose holder can no longer sign in, to a person (指派), who holds it from now on.

    ``to`` is a person's number. For system administrators: they decide who, never what. Raises ``Forbidden``,
    ``ReasonNeeded``, ``NotFound``, ``TaskNotOpen``, ``InstanceSuspended``, and ``NotAssignable`` while somebody may do it,
    and for the applicant, whoever is excluded, and whoever holds no office role.
    """
    access.require(viewer, "system_admin")
    words = reason_of(reason)
    with db.write() as session:
        found = select(Task).where(Task.number == task_number).with_for_update()
        task = session.execute(found, execution_options={"populate_existing": True}).scalar_one_or_none()
        if task is None:
            raise NotFound()
        require_open(task)
        person, instance = people.person_by_number(session, to), session.get_one(Instance, task.instance_id)
        held = [one for one in people.memberships(session, person.id, office_day(at)) if one.role not in APART]
        signs_in = select(Account.id).where(Account.person_id == person.id, Account.disabled_at.is_(None))
        why = None
        if who_may(session, task, at):
            why = SOMEBODY_MAY
        elif person.id == instance.starter_id:
            why = OWN_CASE
        elif not held or session.execute(signs_in).first() is None:
            why = NO_ROLE
        why = why or excluded_from(task, person.number)
        if why is not None:
            raise NotAssignable(step=task.name, name=person.name, why=why)
        sides = {"from": {"number": viewer.number, "name": viewer.name}, "to": {"number": to, "name": person.name}}
        how = {**sides, "reason": words, "role": held[0].role, "organisation": held[0].organisation_code}
        kept = {key: value for key, value in task.explanation.items() if key != "claimed"}
        session.execute(
            update(Task).where(Task.id == task.id)
            .values(holder_id=person.id, delegate_id=None, explanation={**kept, "transferred": how, "assigned": True})
            .execution_options(synchronize_session=False)
        )
        record(session, Act(
            instance_stream(instance.number), Kind.TASK_ASSIGNED, at, people.administrator(viewer),
            definition=instance.definition, instance=instance.number, task=task.number,
            payload={"step": task.step_id, "reason": words, **sides},
        ))
        params = {"title": instance.title, "number": instance.number, "step": task.name, "due": due_shown(task.due_at),
                  "reason": words}  # fmt: skip
        who = people.somebody(session, person.id)
        notices.queue(session, [Message({who.id: who.mailable}, "task_assigned", params, task.number)], at=at,
                      instance=instance.number)
