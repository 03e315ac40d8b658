"""Who may see, open, claim and decide: one function a question, deny by default."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    Boolean,
    ColumnElement,
    Date,
    Select,
    and_,
    bindparam,
    exists,
    false,
    func,
    or_,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from workflows.audit import Actor, ActorKind
from workflows.errors import Forbidden, NotFound, PurposeNeeded
from workflows.models import Candidate, Copy, Instance, Membership, Organisation, Proxy, Task
from workflows.settings import OFFICE_ZONE

#: Roles that read the cases of their organisation and everything below it.
READING_ROLES = frozenset({"auditor"})
#: Roles that see all cases run by their own office (same organisation tree node or below), because they run them.
OFFICE_ROLES = frozenset({"bureau_hr", "bureau_head", "tri_head", "tri_office"})
#: Roles that send messages and signals: to the cases in their charge, the system administrator to every case.
SENDING_ROLES = OFFICE_ROLES | {"system_admin"}
#: Roles that take no part in cases, and in which nobody stands in for anybody.
APART = frozenset({"system_admin", "security_admin", "auditor"})


@dataclass(frozen=True)
class Held:
    """One role that a person holds today."""

    role: str
    role_name: str
    organisation_id: int
    organisation_code: str
    organisation_name: str
    org_type: str
    level: str
    place: str


@dataclass(frozen=True)
class Viewer:
    """The signed-in person, as the pages hand them to verbs and reads."""

    account_id: int
    person_id: int
    number: str
    name: str
    ip: str | None
    language: str
    memberships: tuple[Held, ...]
    must_change: bool = False
    #: When the browser was last noted as seen; empty for work without one.
    seen_at: datetime | None = None
    #: When the person last proved in this browser who they are; empty for work without one.
    proved_at: datetime | None = None
    #: Their role asks for a second factor, and they have none yet.
    must_set_up: bool = False

    def has(self, *roles: str) -> bool:
        """Whether the person holds one of the roles anywhere."""
        return any(held.role in roles for held in self.memberships)

    def actor(self, kind: ActorKind = ActorKind.PERSON, *, role: str | None = None, organisation: str | None = None) -> Actor:
        """The person as the record names them."""
        return Actor(kind, self.number, role=role, organisation=organisation, ip=self.ip)


def office_day(at: datetime) -> date:
    """The calendar day at the office."""
    return at.astimezone(OFFICE_ZONE).date()


def held_on(on: date | ColumnElement[date]) -> ColumnElement[bool]:
    """Condition: a membership is held on the day (both ends included)."""
    return and_(Membership.from_on <= on, or_(Membership.to_on.is_(None), Membership.to_on >= on))


def may_take(viewer_id: int | ColumnElement[int], on: date | ColumnElement[date]) -> ColumnElement[bool]:
    """Condition on ``Task``: the person is its holder, works on it for its holder (委派), or is a candidate today.

    Exclusions (own case, separation of duty) are not part of it: see ``task_for``.
    """
    held = and_(Membership.person_id == viewer_id, held_on(on))
    # The task, and a proxy that it is asked for, belong to a statement further out.
    group = exists().where(
        Membership.organisation_id == Task.organisation_id, Membership.role == Task.role, held
    ).correlate(Task, Proxy)
    by_role = and_(
        Membership.organisation_id == Candidate.organisation_id, Membership.role == Candidate.role, held
    )
    candidate = exists().where(
        Candidate.task_id == Task.id,
        or_(Candidate.person_id == viewer_id, exists().where(by_role).correlate(Candidate, Proxy)),
    ).correlate(Task, Proxy)
    return or_(Task.holder_id == viewer_id, Task.delegate_id == viewer_id, group, candidate)


def stands_in(person_id: int | ColumnElement[int], on: date | ColumnElement[date]) -> ColumnElement[bool]:
    """Condition on ``Proxy``: by it the person stands in for its giver on the day (代办授权), and still works there."""
    return and_(Proxy.proxy_id == person_id, standing(on))


def standing(on: date | ColumnElement[date]) -> ColumnElement[bool]:
    """Condition on ``Proxy``: whoever stands in by it does so on the day."""
    works = exists().where(
        Membership.person_id == Proxy.proxy_id, Membership.organisation_id == Proxy.organisation_id, held_on(on),
        Membership.role.not_in(APART),
    ).correlate(Proxy)
    return and_(Proxy.revoked_at.is_(None), Proxy.from_on <= on, Proxy.to_on >= on, works)


_GIVER: ColumnElement[int] = Proxy.giver_id.expression


def lends(on: date | ColumnElement[date]) -> ColumnElement[bool]:
    """Condition on ``Task`` and ``Proxy``: an open task of an office that the giver may take on the day, in a process named.

    Not what the giver was asked to work on by somebody else (委派), what is theirs by name, nor a case that the proxy
    started. Exclusions of either of them are not part of it.
    """
    return and_(
        Task.status.in_(("open", "suspended")), Task.organisation_id.is_not(None), Task.delegate_id.is_(None),
        or_(Task.holder_id.is_(None), Task.holder_id == Proxy.giver_id), may_take(_GIVER, on), named(),
    )


def named() -> ColumnElement[bool]:
    """Condition on ``Task`` and ``Proxy``: its case runs a process that the grant names, and the proxy did not start it."""
    case = aliased(Instance)
    listed = func.replace(Proxy.processes, " " + case.process_id + " ", "") != Proxy.processes
    return exists().where(
        case.id == Task.instance_id, case.starter_id != Proxy.proxy_id, or_(Proxy.processes == "", listed)
    ).correlate(Task, Proxy)


def for_another(person_id: int | ColumnElement[int], on: date | ColumnElement[date]) -> ColumnElement[bool]:
    """Condition on ``Task``: the person may do it on the day for somebody for whom they stand in."""
    return exists().where(stands_in(person_id, on), lends(on)).correlate(Task)


def _does(person_id: int | ColumnElement[int], on: date | ColumnElement[date]) -> ColumnElement[bool]:
    return or_(may_take(person_id, on), for_another(person_id, on))


def may_do(viewer: Viewer, at: datetime) -> ColumnElement[bool]:
    """Condition on ``Task``: the person may take it today, or do it for somebody for whom they stand in."""
    return _does(viewer.person_id, office_day(at))


def roles_lent(session: Session, viewer: Viewer, instance_id: int, at: datetime) -> frozenset[str]:
    """Roles of those for whom somebody may do a step of a case that waits: with it they read what those read of the case."""
    day = office_day(at)
    rows = session.execute(
        select(Membership.role)
        .join(Proxy, Proxy.giver_id == Membership.person_id)
        .join(Task, Task.instance_id == instance_id)
        .where(held_on(day), Membership.role.not_in(APART), stands_in(viewer.person_id, day), lends(day))
    )
    return frozenset(rows.scalars())


def excluded_from(task: Task, person_number: str) -> str | None:
    """Why a candidate may not take the task although the role fits: the stored exclusion's reason, or nothing."""
    for entry in task.explanation.get("excluded", ()):
        if entry["number"] == person_number:
            return str(entry["reason"])
    return None


def may_open(viewer_id: int | ColumnElement[int], on: date | ColumnElement[date]) -> ColumnElement[bool]:
    """Condition on ``Task``: the person may take it on the day, or did it."""
    return or_(may_take(viewer_id, on), Task.done_by_id == viewer_id)


_OPENED = select(Task).where(
    Task.number == bindparam("number"), may_open(bindparam("viewer"), bindparam("day", type_=Date))
)


def task_for(session: Session, viewer: Viewer, number: str, at: datetime) -> Task:
    """The task, if the person may work on it; ``NotFound`` otherwise, whether or not it exists.

    Also answers for a task that is done or was the person's: what may still be done is the verb's question.
    """
    given = {"number": number, "viewer": viewer.person_id, "day": office_day(at)}
    task = session.execute(_OPENED, given).scalar_one_or_none()
    if task is None:
        raise NotFound()
    refuse_excluded(task, viewer)
    return task


def task_of(session: Session, instance: Instance, number: str) -> Task | None:
    """The task of a case with that number, nothing without one; ``NotFound`` for a task of another case."""
    if not number:
        return None
    query = select(Task).where(Task.number == number, Task.instance_id == instance.id)
    task = session.execute(query).scalar_one_or_none()
    if task is None:
        raise NotFound()
    return task


def refuse_excluded(task: Task, viewer: Viewer) -> None:
    """``NotFound`` for a candidate who may not take the task although the role fits, unless they did it."""
    if task.done_by_id != viewer.person_id and excluded_from(task, viewer.number):
        raise NotFound()


def within(
    column: ColumnElement[int] | InstrumentedAttribute[int],
    organisations: tuple[int, ...] | Select[tuple[int]] | BindParameter[Any],
) -> ColumnElement[bool]:
    """Condition: a column of organisations names one at or below the given ones (keys, a query of keys, or a place for keys)."""
    if isinstance(organisations, tuple) and not organisations:
        return false()
    # Without a name of its own: two conditions may stand in one statement.
    below = select(Organisation.id).where(Organisation.id.in_(organisations)).cte(recursive=True)
    child = aliased(Organisation)
    below = below.union_all(select(child.id).where(child.parent_id == below.c.id))
    return column.in_(select(below.c.id))


def subtree(organisation_ids: tuple[int, ...] | BindParameter[Any]) -> ColumnElement[bool]:
    """Condition on ``Instance``: its organisation lies at or below one of the given ones."""
    return within(Instance.organisation_id, organisation_ids)


@dataclass(frozen=True)
class _Who:
    """Of whom the conditions on what somebody sees speak: values, or places for them."""

    person: int | ColumnElement[int]
    on: date | ColumnElement[date]
    #: Organisations whose cases, and those below, they read; and those of which their office runs them.
    charge: tuple[int, ...] | BindParameter[Any]
    offices: tuple[int, ...] | BindParameter[Any]
    #: They hold a role at all.
    employed: bool | BindParameter[bool]


def _who(viewer: Viewer, at: datetime) -> _Who:
    return _Who(viewer.person_id, office_day(at), charge(viewer), _offices(viewer), bool(viewer.memberships))


def asked(viewer: Viewer, at: datetime) -> dict[str, Any]:
    """The values of a statement with ``SEES``, ``DOES`` or ``IN_ANOTHERS_PLACE``."""
    who = _who(viewer, at)
    return {"viewer": who.person, "day": who.on, "charge": who.charge, "offices": who.offices, "employed": who.employed}


def may_see(viewer: Viewer, at: datetime) -> ColumnElement[bool]:
    """Condition on ``Instance``: started by the person, acted on or to be acted on by them, sent to them, or in their charge.

    An auditor reads the cases of their organisation and below; an office role those of its own office's tree; and
    whoever was sent the case to read (抄送), that one. Nobody else finds a case, in a list, a search, a count or an
    export (trust.md, check 18).
    """
    return _sees(_who(viewer, at))


def _sees(who: _Who) -> ColumnElement[bool]:
    return or_(_concerned(who.person, who.on), _copied(who), subtree(who.charge))


def takes_part(viewer: Viewer, at: datetime) -> ColumnElement[bool]:
    """Condition on ``Instance``: as ``may_see``, but for those who only read it: auditors, and whom it was sent to."""
    return _takes(_who(viewer, at))


def _takes(who: _Who) -> ColumnElement[bool]:
    return or_(_concerned(who.person, who.on), subtree(who.offices))


@dataclass(frozen=True)
class Part:
    """What somebody has to do with a case that they see."""

    #: They started it, acted in it, may act in it, or an office of theirs runs it; see ``takes_part``.
    takes: bool
    #: It was sent to them to read (抄送).
    copied: bool
    #: It is their own application in a round.
    applied: bool


def part_in(session: Session, viewer: Viewer, number: str, at: datetime) -> Part:
    """The person's part in a case, in one statement."""
    takes, copied, applied = session.connection().execute(_PART, {**asked(viewer, at), "number": number}).one()
    return Part(bool(takes), bool(copied), bool(applied))


def _offices(viewer: Viewer) -> tuple[int, ...]:
    return tuple(held.organisation_id for held in viewer.memberships if held.role in OFFICE_ROLES)


def in_office_charge(viewer: Viewer) -> ColumnElement[bool]:
    """Condition on ``Instance``: it is run by an office of the viewer's, or below one."""
    return subtree(_offices(viewer))


def _copied(who: _Who) -> ColumnElement[bool]:
    """Condition on ``Instance``: it was sent to the person to read (抄送), who is still of an office."""
    if who.employed is False:
        return false()
    sent = exists().where(Copy.instance_id == Instance.id, Copy.to_id == who.person)
    return sent if who.employed is True else and_(who.employed, sent)


def _concerned(person_id: int | ColumnElement[int], on: date | ColumnElement[date]) -> ColumnElement[bool]:
    """Condition on ``Instance``: started by the person, acted on or to be acted on by them."""
    acted = exists().where(
        Task.instance_id == Instance.id,
        or_(
            Task.done_by_id == person_id,
            # What was done for them by somebody who stood in (代办授权) they held.
            and_(Task.status == "done", Task.holder_id == person_id),
            and_(Task.status.in_(("open", "suspended")), may_take(person_id, on)),
            for_another(person_id, on),
        ),
    )
    return or_(Instance.starter_id == person_id, acted)


# To put these conditions together takes longer than the database takes to answer them: what every page about a case asks is
# put together once, with places for whoever looks.
_ANYBODY = _Who(
    bindparam("viewer"), bindparam("day", type_=Date), bindparam("charge", expanding=True), bindparam("offices", expanding=True),
    bindparam("employed", type_=Boolean),
)  # fmt: skip
#: ``may_see``, ``in_office_charge`` and ``may_do`` with places for the values of ``asked``.
SEES, IN_CHARGE = _sees(_ANYBODY), subtree(_ANYBODY.offices)
TAKES, DOES = may_take(_ANYBODY.person, _ANYBODY.on), _does(_ANYBODY.person, _ANYBODY.on)
#: Condition on ``Instance``: a step of it waits that the person may do for somebody for whom they stand in.
IN_ANOTHERS_PLACE = exists().where(Task.instance_id == Instance.id, for_another(_ANYBODY.person, _ANYBODY.on))
_PART = select(
    _takes(_ANYBODY), _copied(_ANYBODY), and_(Instance.starter_id == _ANYBODY.person, Instance.round_id.is_not(None))
).where(Instance.number == bindparam("number"))
_SEEN = select(Instance).where(Instance.number == bindparam("number"), SEES)


def charge(viewer: Viewer) -> tuple[int, ...]:
    """Keys of the organisations whose cases, and those below, somebody reads because of a role."""
    return tuple(held.organisation_id for held in viewer.memberships if held.role in READING_ROLES | OFFICE_ROLES)


def charged(viewer: Viewer) -> tuple[str, ...]:
    """Codes of the same organisations."""
    codes = (held.organisation_code for held in viewer.memberships if held.role in READING_ROLES | OFFICE_ROLES)
    return tuple(dict.fromkeys(codes))


def instance_for(session: Session, viewer: Viewer, number: str, at: datetime) -> Instance:
    """The instance, if the person may see it or what called it; ``NotFound`` otherwise, whether or not it exists."""
    found = session.execute(_SEEN, {**asked(viewer, at), "number": number}).scalar_one_or_none()
    if found is None and sees_caller(session, viewer, number, at):
        found = session.execute(select(Instance).where(Instance.number == number)).scalar_one()
    if found is None:
        raise NotFound()
    return found


def sees_caller(session: Session, viewer: Viewer, number: str, at: datetime) -> bool:
    """Whether the instance was called by one that the person may see, directly or through others."""
    above = session.execute(select(Instance.parent_id).where(Instance.number == number)).scalar()
    while above is not None:
        if session.execute(select(Instance.id).where(Instance.id == above, may_see(viewer, at))).first() is not None:
            return True
        above = session.execute(select(Instance.parent_id).where(Instance.id == above)).scalar()
    return False


def require_sender(viewer: Viewer) -> None:
    """Refuse with ``Forbidden`` unless the person may send messages and signals to cases."""
    require(viewer, *SENDING_ROLES)


def in_reach(memberships: tuple[Held, ...]) -> ColumnElement[bool] | None:
    """Condition on ``Instance``: a message of somebody with these roles may move it; nothing when it may move any."""
    if any(held.role == "system_admin" for held in memberships):
        return None
    return subtree(tuple(held.organisation_id for held in memberships if held.role in OFFICE_ROLES))


def may_audit(viewer: Viewer) -> bool:
    """Whether the person reads the record of others (auditor)."""
    return viewer.has(*READING_ROLES)


def require(viewer: Viewer, *roles: str) -> None:
    """Refuse with ``Forbidden`` unless the person holds one of the roles."""
    if not viewer.has(*roles):
        raise Forbidden()


#: Shortest and longest statement of why somebody opens personal data, characters.
SHORTEST_PURPOSE, LONGEST_PURPOSE = 4, 200


def stated(purpose: str) -> str:
    """A purpose as it is recorded; ``PurposeNeeded`` for one that says nothing."""
    words = " ".join(purpose.split())[:LONGEST_PURPOSE]
    if len(words) < SHORTEST_PURPOSE:
        raise PurposeNeeded(count=SHORTEST_PURPOSE)
    return words
