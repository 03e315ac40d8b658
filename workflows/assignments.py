"""Every verb that changes who holds a task, or who works on it for its holder.

Delegating (委派) is not transferring (转办): the task stays its holder's. Whoever is asked fills the form and hands it back
(办后返回), or declines; the holder may recall it at any time, and alone completes it. It is not passed on meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, exists, or_, select, update
from sqlalchemy.orm import Session

from workflows import (
    access,
    actions,
    deployment,
    drafts,
    follow_ups,
    notices,
    people,
    proxies,
    signature_images,
    signatures,
)
from workflows.access import Viewer, held_on, office_day
from workflows.audit import Act, Kind, instance_stream, record
from workflows.db import Database
from workflows.errors import (
    N_,
    DelegationOver,
    HeldByAnother,
    InstanceSuspended,
    NobodyFits,
    NotDelegable,
    NotFound,
    NotTransferable,
    ProxyNotPassedOn,
    Refusal,
    SignatureNotPassedOn,
    SignersOpen,
    TaskDelegated,
    TaskNotHeld,
    TaskNotOpen,
)
from workflows.incidents import reason_of
from workflows.models import Instance, Membership, Organisation, Person, Task
from workflows.notices import Message
from workflows.proxies import Principal
from workflows.transitions import Moved, NextStep, due_shown

#: Why somebody who declared a conflict of interest is kept from the task.
RECUSED = N_("本人申请回避")
#: Why a task cannot be transferred or delegated.
NOT_OF_AN_OFFICE = N_("该环节须由指定的本人办理")
TO_ONESELF = N_("该任务已在本人名下")
ELSEWHERE = N_("该人员不在承办单位及其下属单位任职")


def claim(db: Database, viewer: Viewer, task_number: str, *, at: datetime) -> None:
    """Take a task out of the group (认领); ``HeldByAnother`` if somebody was first, ``TaskNotOpen`` if it is over."""
    with db.write() as session:
        task = locked(session, viewer, task_number, at)
        require_back(task)
        if task.holder_id is not None:
            raise HeldByAnother(name=holder_of(session, task))
        _assign(session, task, viewer.person_id, {**task.explanation, "claimed": True})
        follow_ups.begin(session, task, viewer.person_id)
        note(session, viewer, task, Kind.TASK_CLAIMED, at)


def unclaim(db: Database, viewer: Viewer, task_number: str, *, at: datetime) -> None:
    """Give a claimed task back to the group (取消认领); ``HeldByAnother`` unless it is one's own by a claim."""
    with db.write() as session:
        task = locked(session, viewer, task_number, at)
        require_back(task)
        require_alone(task)
        explanation = {key: value for key, value in task.explanation.items() if key != "claimed"}
        if task.holder_id != viewer.person_id or explanation == task.explanation:
            raise HeldByAnother(name=holder_of(session, task))
        _assign(session, task, None, explanation)
        note(session, viewer, task, Kind.TASK_UNCLAIMED, at)


def recuse(db: Database, viewer: Viewer, task_number: str, reason: str, *, at: datetime) -> Moved:
    """Withdraw from a task because of a conflict of interest (回避): it goes to the others, with the reason logged.

    Raises ``NobodyFits`` when no other candidate is left; then the person keeps it and tells an administrator.
    ``TaskDelegated`` while it is with somebody who was asked to work on it. Somebody who stands in for another (代办授权)
    is out of it themselves: it stays with the other.
    """
    with db.write() as session:
        principal = proxies.acting_for(session, viewer, task_number, at)
        task = locked(session, viewer, task_number, at, principal)
        require_back(task)
        require_alone(task)
        if task.holder_id not in (None, viewer.person_id, principal.id if principal is not None else None):
            raise HeldByAnother(name=holder_of(session, task))
        left = [one for one in task.explanation.get("result", ()) if one["number"] != viewer.number]
        if not left:
            raise NobodyFits(step=task.name)
        out = {"number": viewer.number, "name": viewer.name, "reason": RECUSED}
        explanation = {
            **{key: value for key, value in task.explanation.items() if key != "claimed"},
            "excluded": [*task.explanation.get("excluded", ()), out],
            "result": left,
        }
        stays = task.holder_id if task.holder_id != viewer.person_id else None
        if stays is not None:
            explanation |= {"claimed": True} if task.explanation.get("claimed") else {}
        _assign(session, task, stays, explanation)
        told = {"reason": reason, "excluded": out, "result": left}
        note(session, viewer, task, Kind.TASK_REASSIGNED, at, told, principal)
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

    ``to`` is a person's number. Raises ``ReasonNeeded``, ``HeldByAnother``, ``TaskNotOpen``, ``TaskDelegated``,
    ``ActionNotAllowed`` (``jiaoyan:actions``), and ``NotTransferable`` for a task that is a person's own, and for somebody
    outside the task's organisations or excluded from it.
    """
    words = reason_of(reason)
    with db.write() as session:
        task = locked(session, viewer, task_number, at)
        require_back(task)
        require_alone(task)
        if task.holder_id not in (None, viewer.person_id):
            raise HeldByAnother(name=holder_of(session, task))
        actions.require(session, task, "transfer")
        person = people.person_by_number(session, to)
        role, organisation = as_whom(session, viewer, task, person, at, NotTransferable)
        sides = {"from": {"number": viewer.number, "name": viewer.name}, "to": {"number": to, "name": person.name}}
        how = {**sides, "reason": words, "role": role, "organisation": organisation}
        kept = {key: value for key, value in task.explanation.items() if key != "claimed"}
        _assign(session, task, person.id, {**kept, "transferred": how})
        follow_ups.begin(session, task, person.id)
        note(session, viewer, task, Kind.TASK_TRANSFERRED, at, {"reason": words, **sides})
        instance = session.get_one(Instance, task.instance_id)
        tell(session, instance, task, person.id, "task_opened", at)


# --- delegating -----------------------------------------------------------------------------------------------------


def delegate(db: Database, viewer: Viewer, task_number: str, to: str, reason: str, *, at: datetime) -> None:
    """Ask another person of the office to work on a task that one holds (委派); it comes back to its holder (办后返回).

    ``to`` is a person's number. What the holder has typed so far goes along as a draft; files in it then belong to the
    case. Raises ``ReasonNeeded``, ``TaskNotHeld``, ``HeldByAnother``, ``TaskNotOpen``, ``InstanceSuspended``,
    ``ActionNotAllowed``, ``TaskDelegated`` (it is with somebody already, and nobody who was asked passes it on), and
    ``NotDelegable`` for whom ``transfer`` would refuse.
    """
    words = reason_of(reason)
    with db.write() as session:
        task = locked(session, viewer, task_number, at)
        require_back(task)
        require_alone(task)
        if task.holder_id is None:
            raise TaskNotHeld()
        if task.holder_id != viewer.person_id:
            raise HeldByAnother(name=holder_of(session, task))
        actions.require(session, task, "delegate")
        person = people.person_by_number(session, to)
        role, organisation = as_whom(session, viewer, task, person, at, NotDelegable)
        sides = {"from": {"number": viewer.number, "name": viewer.name}, "to": {"number": to, "name": person.name}}
        how = {**sides, "reason": words, "at": at.isoformat(), "role": role, "organisation": organisation}
        _assign(session, task, viewer.person_id, {**task.explanation, "delegated": how}, person.id)
        drafts.lend(
            session, f"task:{task.number}", viewer.person_id, person.id, task.instance_id, at, _signed_in(session, task)
        )
        note(session, viewer, task, Kind.TASK_DELEGATED, at, {"words": words, **sides})
        instance = session.get_one(Instance, task.instance_id)
        tell(session, instance, task, person.id, "task_delegated", at, by=viewer.name, reason=words)


def hand_back(
    db: Database, viewer: Viewer, task_number: str, note: str, work: Mapping[str, Any], *, at: datetime
) -> None:
    """Hand a delegated task back with the work done on it (办后返回); its holder finds that as the draft of the form.

    ``work`` is the form as it is filled in, in the shape of a draft (``typed``, ``files``); it need not be complete. What
    somebody can only say for themselves (回避) is left out. One who declares a conflict of interest in it hands back no
    work: that is ``decline``, and they are kept from the task. Raises ``ReasonNeeded`` for a note that says nothing,
    ``DelegationOver``, ``TaskNotOpen``, ``InstanceSuspended``, and ``NotFound`` for who was never asked.
    """
    typed: Mapping[str, Sequence[str]] = work.get("typed") or {}
    if list(typed.get("conflict_declared", ())) == ["是"]:
        told = " ".join(typed.get("conflict_reason", ())).strip()
        decline(db, viewer, task_number, told or note, at=at, conflict=True)
        return
    words = reason_of(note)
    with db.write() as session:
        task = _asked_of(session, viewer, task_number)
        changed = drafts.bring_back(
            session, f"task:{task.number}", viewer.person_id, _other(task, viewer), work, task.instance_id, at,
            _signed_in(session, task),
        )
        more = {"form": task.form_id, "changes": changed}
        _end(session, viewer, task, "returned", words, at, Kind.TASK_HANDED_BACK, "delegation_returned", more)


def decline(
    db: Database, viewer: Viewer, task_number: str, reason: str, *, at: datetime, conflict: bool = False
) -> None:
    """Give a delegated task back without work (谢绝委派); after a ``conflict`` of interest one is not asked again.

    Raises what ``hand_back`` raises.
    """
    words = reason_of(reason)
    with db.write() as session:
        task = _asked_of(session, viewer, task_number)
        out = {"number": viewer.number, "name": viewer.name, "reason": RECUSED}
        drafts.discard(session, viewer.person_id, f"task:{task.number}")
        _end(session, viewer, task, "declined", words, at, Kind.TASK_DECLINED, "delegation_declined",
             {"excluded": out} if conflict else {})


def recall(db: Database, viewer: Viewer, task_number: str, *, at: datetime) -> None:
    """Take a task back that one has delegated (收回委派), before it is handed back; one's own draft is as it was.

    Raises ``DelegationOver``, ``HeldByAnother``, ``TaskNotOpen`` and ``InstanceSuspended``.
    """
    with db.write() as session:
        task = locked(session, viewer, task_number, at)
        if task.delegate_id is None:
            raise DelegationOver()
        if task.holder_id != viewer.person_id:
            raise HeldByAnother(name=holder_of(session, task))
        _end(session, viewer, task, "recalled", "", at, Kind.TASK_RECALLED, "delegation_recalled", {})


def _end(
    session: Session, viewer: Viewer, task: Task, how: str, words: str, at: datetime, kind: Kind, notice: str,
    more: Mapping[str, Any],
) -> None:
    """The task is its holder's alone again; how that came is kept, recorded, and told to the other side."""
    was = task.explanation["delegated"]
    over = {**was, "ended_at": at.isoformat(), "how": how, "note": words}
    explanation = {
        **{key: value for key, value in task.explanation.items() if key != "delegated"},
        "delegations": [*task.explanation.get("delegations", ()), over],
    }
    if "excluded" in more:
        explanation["excluded"] = [*task.explanation.get("excluded", ()), more["excluded"]]
        explanation["result"] = [one for one in explanation.get("result", ()) if one["number"] != viewer.number]
    by_holder, told = viewer.person_id == task.holder_id, _other(task, viewer)
    sides = {"from": was["from"] if by_holder else was["to"], "to": was["to"] if by_holder else was["from"]}
    _assign(session, task, task.holder_id, explanation)
    note(session, viewer, task, kind, at, {**sides, **({"words": words} if words else {}), **more})
    instance = session.get_one(Instance, task.instance_id)
    tell(session, instance, task, told, notice, at, by=viewer.name, reason=words)


def _signed_in(session: Session, task: Task) -> frozenset[str]:
    """Keys of the fields of a task's form that ask for a signature: one signs for oneself only."""
    instance = session.get_one(Instance, task.instance_id)
    forms = deployment.definition(session, instance.definition).forms
    return signature_images.asked_in(forms.get(task.form_id or "", b""))


def _other(task: Task, viewer: Viewer) -> int:
    """Of the two sides of a delegation that which is not the viewer's."""
    [other] = {one for one in (task.holder_id, task.delegate_id) if one is not None} - {viewer.person_id}
    return other


def _asked_of(session: Session, viewer: Viewer, task_number: str) -> Task:
    """The open task that the viewer was asked to work on, locked; says so by name when they are asked no longer."""
    found = select(Task).where(Task.number == task_number).with_for_update()
    task = session.execute(found, execution_options={"populate_existing": True}).scalar_one_or_none()
    if task is None:
        raise NotFound()
    if task.delegate_id != viewer.person_id:
        raise DelegationOver() if was_asked(task, viewer) else NotFound()
    require_open(task)
    return task


def was_asked(task: Task, viewer: Viewer) -> bool:
    """Whether somebody worked, or was to work, on a task for its holder, and does no longer."""
    return any(one["to"]["number"] == viewer.number for one in task.explanation.get("delegations", ()))


def gone(session: Session, viewer: Viewer, task_number: str, at: datetime) -> Refusal:
    """Why somebody does not find a task: ``DelegationOver`` for who was asked to work on it once, ``ProxyOver`` or
    ``TaskAlreadyDone`` for who stood in for somebody who could do it, else ``NotFound``."""
    task = session.execute(select(Task).where(Task.number == task_number)).scalar_one_or_none()
    if task is None:
        return NotFound()
    return DelegationOver() if was_asked(task, viewer) else proxies.ended(session, viewer, task, at) or NotFound()


def delegated(task: Task) -> TaskDelegated:
    """The refusal for a task that is with somebody who was asked to work on it."""
    how = task.explanation["delegated"]
    return TaskDelegated(owner=how["from"]["name"], name=how["to"]["name"])


def require_back(task: Task) -> None:
    """Refuse by name a task that is with somebody who was asked to work on it."""
    if task.delegate_id is not None:
        raise delegated(task)


def require_alone(task: Task) -> None:
    """Refuse by name what one cannot pass on: somebody's own opinion, and a task while others are to sign it (加签)."""
    if task.main_id is not None:
        raise SignatureNotPassedOn(step=task.name)
    if waiting := signatures.awaited(task):
        raise SignersOpen(names="、".join(one["to"]["name"] for one in waiting))


# --- to whom --------------------------------------------------------------------------------------------------------


def of_an_office(task: Task) -> bool:
    """Whether a task belongs to an office, so that another of its people could have it; else it is a person's own."""
    return bool(places_of(task))


def places_of(task: Task) -> list[str]:
    """Codes of the organisations whose office the task belongs to."""
    return [one["organisation"]["code"] for one in task.explanation.get("steps", ()) if one.get("organisation")]


def colleagues(
    session: Session, viewer: Viewer, task_number: str, text: str, *, at: datetime, limit: int = 10
) -> list[tuple[str, str]]:
    """(number, name) of people to whom the viewer could hand a task, by name or number; the task's own office first.

    Those are the people whom ``transfer`` and ``delegate`` take: who holds a role today at the task's organisations or
    below, without the viewer and whoever is excluded. Raises ``NotFound`` for a task that is not the viewer's to see.
    """
    principal = proxies.acting_for(session, viewer, task_number, at)
    task = (
        access.task_for(session, viewer, task_number, at) if principal is None
        else session.execute(select(Task).where(Task.number == task_number)).scalar_one()
    )  # fmt: skip
    places = places_of(task)
    out = [viewer.number, *(one["number"] for one in task.explanation.get("excluded", ()))]
    held = and_(Membership.person_id == Person.id, held_on(office_day(at)), Membership.role.not_in(people.EXCLUSIVE))

    def at_one_of(codes: Sequence[str]) -> Any:
        own = select(Organisation.id).where(Organisation.code.in_(codes))
        return exists().where(held, Membership.organisation_id.in_(own))

    fits = or_(Person.name.contains(text, autoescape=True), Person.number == text)
    rows = session.execute(
        select(Person.number, Person.name)
        .where(fits, Person.number.not_in(out), at_one_of(sorted(people.codes_below(session, places))))
        .order_by(case((at_one_of(places), 0), else_=1), Person.name, Person.number)
        .limit(limit)
    )
    return [(row.number, row.name) for row in rows]


def as_whom(
    session: Session, viewer: Viewer, task: Task, person: Person, at: datetime, refusal: type[Refusal]
) -> tuple[str, str]:
    """Role and organisation in which a person can take a task that is handed to them; else the refusal, with why."""
    places = places_of(task)
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
    raise refusal(step=task.name, name=person.name, why=why)


# --- rows -----------------------------------------------------------------------------------------------------------


def locked(
    session: Session, viewer: Viewer, task_number: str, at: datetime, principal: Principal | None = None
) -> Task:
    """The open task as it is now, and stays until the transaction ends; ``NotFound``, or why it is not open.

    With a ``principal`` for whom the viewer stands in theirs; without one ``ProxyNotPassedOn`` for whoever only stands in.
    """
    if principal is not None:
        task = session.execute(select(Task).where(Task.number == task_number)).scalar_one()
        session.refresh(task, with_for_update=True)
        require_open(task)
        return task
    try:
        task = access.task_for(session, viewer, task_number, at)
    except NotFound:
        standing = proxies.principal_for(session, viewer, task_number, at)
        if standing is not None:
            raise ProxyNotPassedOn(name=standing.name) from None
        raise
    session.refresh(task, with_for_update=True)
    require_open(task)
    return task


def require_open(task: Task) -> None:
    """Refuse by name a task that waits for nobody."""
    if task.status == "suspended":
        raise InstanceSuspended()
    if task.status != "open":
        raise TaskNotOpen()


def _assign(
    session: Session, task: Task, holder_id: int | None, explanation: Mapping[str, Any], delegate_id: int | None = None
) -> None:
    session.execute(
        update(Task)
        .where(Task.id == task.id)
        .values(holder_id=holder_id, delegate_id=delegate_id, explanation=dict(explanation))
        .execution_options(synchronize_session=False)
    )


def tell(
    session: Session, instance: Instance, task: Task, person_id: int, notice: str, at: datetime, **more: str
) -> None:
    """Queue one notice about a task to one person."""
    params = {"title": instance.title, "number": instance.number, "step": task.name, "due": due_shown(task.due_at)}
    who = people.somebody(session, person_id)
    notices.queue(session, [Message({who.id: who.mailable}, notice, {**params, **more}, task.number)], at=at,
                  instance=instance.number)


def holder_of(session: Session, task: Task) -> str:
    """Name of who holds a task."""
    holder = session.get(Person, task.holder_id) if task.holder_id is not None else None
    return holder.name if holder is not None else "-"


def note(
    session: Session, viewer: Viewer, task: Task, kind: Kind, at: datetime, more: Mapping[str, Any] | None = None,
    principal: Principal | None = None,
) -> None:
    instance = session.get_one(Instance, task.instance_id)
    by = principal.actor(viewer) if principal is not None else viewer.actor()
    record(session, Act(
        instance_stream(instance.number), kind, at, by, definition=instance.definition,
        instance=instance.number, task=task.number, payload={"step": task.step_id, **(more or {})},
    ))
