"""Every verb that changes who holds a task."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from workflows import access, notices, people
from workflows.access import Viewer
from workflows.audit import Act, Kind, instance_stream, record
from workflows.db import Database
from workflows.errors import N_, HeldByAnother, NobodyFits, NotTransferable, TaskNotOpen
from workflows.incidents import reason_of
from workflows.models import Instance, Person, Task
from workflows.notices import Message
from workflows.transitions import Moved, NextStep, due_shown

#: Why somebody who declared a conflict of interest is kept from the task.
RECUSED = N_("本人申请回避")
#: Why a task cannot be transferred.
NOT_OF_AN_OFFICE = N_("该环节须由指定的本人办理")
TO_ONESELF = N_("该任务已在本人名下")
ELSEWHERE = N_("该人员不在承办单位及其下属单位任职")


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
        recipients = people.mailable(session, Person.number.in_([one["number"] for one in left]))
        params = {"title": instance.title, "number": instance.number, "step": task.name, "due": due_shown(task.due_at)}
        notices.queue(session, [Message(recipients, "task_opened", params, task.number)], at=at,
                      instance=instance.number)
        following = NextStep(task.step_id, task.name, tuple(one["name"] for one in left), task.due_at,
                             task.due_provisional)
        return Moved(instance.number, instance.title, task.name, (following,), handed_on=True)


def transfer(db: Database, viewer: Viewer, task_number: str, to: str, reason: str, *, at: datetime) -> None:
    """Hand a task to another person of the office (转办), who holds it from now on; nothing is decided.

    ``to`` is a person's number. Raises ``ReasonNeeded``, ``HeldByAnother``, ``TaskNotOpen``, and ``NotTransferable`` for a
    task that is a person's own, and for somebody outside the task's organisations or excluded from it.
    """
    words = reason_of(reason)
    with db.write() as session:
        task = _locked(session, viewer, task_number, at)
        if task.holder_id not in (None, viewer.person_id):
            raise HeldByAnother(name=_holder(session, task))
        person = people.person_by_number(session, to)
        role, organisation = _as_whom(session, viewer, task, person, at)
        sides = {"from": {"number": viewer.number, "name": viewer.name}, "to": {"number": to, "name": person.name}}
        how = {**sides, "reason": words, "role": role, "organisation": organisation}
        kept = {key: value for key, value in task.explanation.items() if key != "claimed"}
        _assign(session, task, person.id, {**kept, "transferred": how})
        _record(session, viewer, task, Kind.TASK_TRANSFERRED, at, {"reason": words, **sides})
        instance = session.get_one(Instance, task.instance_id)
        params = {"title": instance.title, "number": instance.number, "step": task.name, "due": due_shown(task.due_at)}
        recipient = people.somebody(session, person.id)
        notices.queue(session, [Message({recipient.id: recipient.mailable}, "task_opened", params, task.number)], at=at,
                      instance=instance.number)


def _as_whom(session: Session, viewer: Viewer, task: Task, person: Person, at: datetime) -> tuple[str, str]:
    """Role and organisation in which a person can take a task that is transferred to them."""
    places = [one["organisation"]["code"] for one in task.explanation.get("steps", ()) if one.get("organisation")]
    why = None
    if not places:
        why = NOT_OF_AN_OFFICE
    elif person.id == viewer.person_id:
        why = TO_ONESELF
    else:
        why = access.excluded_from(task, person.number)
    if why is None:
        below = people.codes_below(session, places)
        for held in people.memberships(session, person.id, access.office_day(at)):
            if held.organisation_code in below and held.role not in people.EXCLUSIVE:
                return held.role, held.organisation_code
        why = ELSEWHERE
    raise NotTransferable(step=task.name, name=person.name, why=why)


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
