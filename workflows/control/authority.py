"""Who may do what with a whole case, and what may be done with it now.

The system administrators may; and who holds a role that the process names (``jiaoyan:may-suspend``, ``jiaoyan:may-cancel``,
``jiaoyan:may-rewind``), at the place that the role means for the case. Nobody acts so on their own application, and only
its applicant withdraws it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from workflows import access, candidates, deployment, people
from workflows.access import Viewer, office_day
from workflows.audit import Act, Actor, Kind, instance_stream, record
from workflows.errors import (
    CalledInstance,
    Forbidden,
    InstanceEnded,
    InstanceMoved,
    InstanceNotSuspended,
    InstanceSuspended,
    NotFound,
    OwnCase,
)
from workflows.models import Instance, Organisation, Person, Subscription, Task

#: Whoever acts: somebody who has signed in, or the operator of the machine at its console.
By = Viewer | Actor
#: Act -> property of the process that names the roles who may do it, besides the system administrators.
MAY: Mapping[str, str] = {
    "suspend": "jiaoyan:may-suspend", "resume": "jiaoyan:may-suspend", "cancel": "jiaoyan:may-cancel",
    "rewind": "jiaoyan:may-rewind",
}  # fmt: skip
#: Properties of a process: the message that withdraws its case, and the tasks from which on it cannot be withdrawn.
WITHDRAW, WITHDRAW_UNTIL = "jiaoyan:withdraw", "jiaoyan:withdraw-until"


def actor_of(session: Session, by: By, instance: Instance, act: str, at: datetime) -> Actor:
    """As whom somebody may do an act (a key of ``MAY``, or ``migrate``) on a case.

    ``NotFound`` for who may not know of the case, ``OwnCase`` for its applicant, ``Forbidden`` for everybody else.
    """
    if isinstance(by, Actor):
        return by
    if instance.starter_id == by.person_id:
        raise OwnCase()
    held = _held(session, by, instance, act, at)
    if held is None:
        access.instance_for(session, by, instance.number, at)
        raise Forbidden()
    return held


def _held(session: Session, by: Viewer, instance: Instance, act: str, at: datetime) -> Actor | None:
    """As whom somebody who is not its applicant may do an act on a case; nobody without a role for it."""
    if by.has("system_admin"):
        return people.administrator(by)
    for role in _roles(session, instance, act):
        if not by.has(role):
            continue
        found = candidates.find(
            session, [{"role": role, "at": None}], None, instance.organisation_id, office_day(at), []
        )
        if any(one.id == by.person_id for one in found.people):
            return by.actor(role=role, organisation=found.explanation["steps"][0]["organisation"]["code"])
    return None


def _roles(session: Session, instance: Instance, act: str) -> tuple[str, ...]:
    """The roles that the process names for an act."""
    return tuple(properties_of(session, instance).get(MAY.get(act, ""), "").split())


def permitted(session: Session, viewer: Viewer, number: str, at: datetime) -> tuple[str, ...]:
    """What the person may do now with a case as a whole: of ``suspend``, ``resume``, ``cancel``, ``rewind``, ``withdraw``."""
    instance = by_number(session, number)
    if instance.ended_at is not None or instance.parent_id is not None:
        return ()
    if instance.starter_id == viewer.person_id:
        return ("withdraw",) if instance.status == "running" and may_be_withdrawn(session, instance) else ()
    wanted = ("resume", "cancel") if instance.status == "suspended" else ("suspend", "cancel", "rewind")
    roles = {act: _roles(session, instance, act) for act in wanted}
    # Acts for which the process names the same roles are permitted together.
    may = {named: _held(session, viewer, instance, act, at) is not None for act, named in roles.items()}
    return tuple(act for act in wanted if may[roles[act]])


@dataclass(frozen=True)
class Standing:
    """Where a case stands, for whoever acts on it as a whole; nothing in it was typed by anybody."""

    number: str
    process_id: str
    process_name: str
    version: int
    organisation_name: str
    status: str
    #: Names of the steps that wait, or are held.
    waiting: tuple[str, ...]
    #: Whether the person may read the case; its title then stands here too.
    may_see: bool
    title: str
    #: Number of the case that called it.
    caller: str | None


def standing(session: Session, viewer: Viewer, number: str, at: datetime) -> Standing:
    """Where a case stands now; ``NotFound`` without it. Whether the person may act on it says ``permitted``."""
    instance = by_number(session, number)
    loaded = deployment.definition(session, instance.definition)
    names = session.execute(
        select(Task.name)
        .where(Task.instance_id == instance.id, Task.status.in_(("open", "suspended")))
        .order_by(Task.id)
    ).scalars()
    try:
        access.instance_for(session, viewer, number, at)
        may_see = True
    except NotFound:
        may_see = False
    caller = session.get(Instance, instance.parent_id) if instance.parent_id is not None else None
    return Standing(
        number, instance.process_id, loaded.name, loaded.version,
        session.get_one(Organisation, instance.organisation_id).name, instance.status, tuple(names), may_see,
        instance.title if may_see else "", caller.number if caller is not None else None,
    )  # fmt: skip


# --- the case -------------------------------------------------------------------------------------------------------


_BY_NUMBER = select(Instance).where(Instance.number == bindparam("number")).execution_options(populate_existing=True)


def by_number(session: Session, number: str) -> Instance:
    """The case with that number; ``NotFound`` without one."""
    found = session.execute(_BY_NUMBER, {"number": number}).scalar_one_or_none()
    if found is None:
        raise NotFound()
    return found


def whole(session: Session, number: str) -> Instance:
    """The same, if it is one that people handle as a whole: ``CalledInstance`` for what another one called."""
    found = by_number(session, number)
    if found.parent_id is not None:
        raise CalledInstance(number=session.get_one(Instance, found.parent_id).number)
    return found


def properties_of(session: Session, instance: Instance) -> Mapping[str, str]:
    """What the process says of itself (``jiaoyan:*``), in the version that the case runs on."""
    return deployment.definition(session, instance.definition).diagram.properties


def may_be_withdrawn(session: Session, instance: Instance) -> bool:
    """Whether the diagram lets the applicant withdraw the case where it stands now."""
    if before_the_end_of_withdrawal(session, instance):
        return True
    return WITHDRAW_UNTIL not in properties_of(session, instance) and waits_for_withdrawal(session, instance) is not None


def waits_for_withdrawal(session: Session, instance: Instance) -> Subscription | None:
    """The place in the diagram that waits for the case's withdrawal now, if the process names its message."""
    message = properties_of(session, instance).get(WITHDRAW)
    if not message:
        return None
    return session.execute(
        select(Subscription)
        .where(Subscription.instance_id == instance.id, Subscription.kind == "message", Subscription.name == message,
               Subscription.ended_at.is_(None))
        .order_by(Subscription.id)
        .limit(1)
    ).scalar_one_or_none()


def before_the_end_of_withdrawal(session: Session, instance: Instance) -> bool:
    """Whether the process says until when its cases can be withdrawn, and none of those tasks was reached yet."""
    until = properties_of(session, instance).get(WITHDRAW_UNTIL, "").split()
    if not until:
        return False
    reached = select(Task.id).where(Task.instance_id == instance.id, Task.step_id.in_(until)).limit(1)
    return session.execute(reached).first() is None


# --- what every verb on a case does ---------------------------------------------------------------------------------


def turn(
    session: Session, number: str, once: Sequence[str], status: str, at: datetime, *, version: int | None = None
) -> Instance:
    """Change the status of a case that has one of the statuses ``once``, and lock its row; refuses by name otherwise.

    Without ``version`` it does not matter how far the case has moved: whoever moved it first has moved it, and whoever
    read it before cannot write any more. With it, ``InstanceMoved`` when the case is no longer as it was read.
    """
    values: dict[str, Any] = {"status": status, "version": Instance.version + 1}
    if status not in {"running", "suspended"}:
        values["ended_at"] = at
    where = [Instance.number == number, Instance.status.in_(once)]
    turned = session.execute(
        update(Instance)
        .where(*where, *([] if version is None else [Instance.version == version]))
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    found = by_number(session, number)
    if not turned.rowcount:  # type: ignore[attr-defined]
        raise InstanceMoved() if found.status in once else refused(found, once)
    return found


def refused(instance: Instance, once: Sequence[str]) -> Exception:
    """Why a case that is not in one of the statuses wanted cannot be turned."""
    if instance.ended_at is not None:
        return InstanceEnded()
    return InstanceNotSuspended() if "running" not in once else InstanceSuspended()


def concerned(session: Session, instance: Instance) -> dict[int, bool]:
    """The applicant, and whoever has or could take an open or suspended task; whether mail may go to them."""
    people_ids, numbers = {instance.starter_id}, set[str]()
    for holder_id, delegate_id, explanation in session.execute(
        select(Task.holder_id, Task.delegate_id, Task.explanation)
        .where(Task.instance_id == instance.id, Task.status.in_(("open", "suspended")))
    ):
        if holder_id is not None:
            people_ids |= {holder_id, delegate_id} - {None}
        else:
            numbers |= {one["number"] for one in explanation.get("result", ())}
    return people.mailable(session, Person.id.in_(people_ids) | Person.number.in_(numbers))


def recorded(
    session: Session, instance: Instance, kind: Kind, at: datetime, actor: Actor, payload: Mapping[str, Any],
    *, event_id: str | None = None,
) -> str:
    """The one event of an act on a case; returns its id."""
    return record(session, Act(
        instance_stream(instance.number), kind, at, actor, definition=instance.definition, instance=instance.number,
        payload=payload,
    ), event_id=event_id)
