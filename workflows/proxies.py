"""代办授权 (AB岗): somebody does another's office work for some days, as themselves and in the other's name.

Whoever stands in may do what the other may do at that moment and no more: only tasks of an office, never what is the
other's own (an application, a seat on a panel, a delegation), never their own application, and only where neither of the
two is kept from it. It is not passed on: a proxy's own proxies get nothing of it, and a proxy hands no task on. The
record names both.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import Select, and_, case, func, literal, nulls_last, or_, select, union_all, update
from sqlalchemy.orm import Session, aliased

from workflows import access, deployment, notices, people
from workflows.access import APART, Held, Viewer, excluded_from, held_on, office_day
from workflows.audit import Act, Actor, ActorKind, Kind, instance_stream, person_stream, record
from workflows.db import Database
from workflows.errors import N_, NotFound, ProxyDays, ProxyOver, ProxyOverlaps, ProxyUnfit, TaskAlreadyDone
from workflows.incidents import reason_of
from workflows.models import (
    Account,
    Candidate,
    Definition,
    Event,
    Instance,
    Membership,
    Organisation,
    Person,
    Proxy,
    Task,
)
from workflows.notices import Message
from workflows.people import COUNTED, Page
from workflows.settings import OFFICE_ZONE

#: Why somebody cannot do another's work.
ONESELF = N_("不能授权本人")
NO_OFFICE_WORK = N_("您没有可以由他人代办的岗位")
NO_WORK = N_("该人员没有可以由他人代办的岗位")
ADMINISTRATES = N_("系统管理员、安全管理员和审计员不能代办")
ELSEWHERE = N_("该人员不在您任职的单位及其下属单位任职")
NO_ACCOUNT = N_("该人员没有可以登录的账号")
#: Where a grant stands -> its words.
STATES: Mapping[str, str] = {
    "coming": N_("未开始"), "current": N_("代办中"), "over": N_("已到期"), "revoked": N_("已撤销"),
}  # fmt: skip


@dataclass(frozen=True)
class Principal:
    """Somebody for whom another stands in today, with the roles that they hold today themselves."""

    #: Key and number of the grant.
    grant_id: int
    grant: str
    id: int
    number: str
    name: str
    #: Process ids; empty for every process.
    processes: tuple[str, ...]
    memberships: tuple[Held, ...]

    def actor(self, by: Viewer, *, role: str | None = None, organisation: str | None = None) -> Actor:
        """Whoever stands in, as the record names them: both."""
        return Actor(ActorKind.PROXY, by.number, self.number, role, organisation, by.ip)


def both_names(viewer: Viewer, principal: Principal | None) -> str:
    """Whoever acts as a notice names them: with whom they stand in for."""
    return viewer.name if principal is None else f"{viewer.name}（代{principal.name}）"


# --- granting -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Giver:
    """Somebody whose office work another does, with the roles that they hold today."""

    person_id: int
    number: str
    name: str
    memberships: tuple[Held, ...]


def grant(
    db: Database, viewer: Viewer, to: str, *, from_on: date, to_on: date, processes: Sequence[str] = (), reason: str,
    at: datetime, days: int,
) -> str:
    """Let somebody do one's office work from one day to another (代办授权); returns the grant's number.

    ``to`` is a person's number; ``processes`` are process ids, none for all; ``days`` how many days it may last. Raises
    ``ReasonNeeded``, ``ProxyDays``, ``ProxyOverlaps``, ``NotFound`` for a process that is not deployed, and ``ProxyUnfit``
    for whom it cannot be given to.
    """
    words = reason_of(reason)
    require_days(from_on, to_on, days, at)
    giver = Giver(viewer.person_id, viewer.number, viewer.name, viewer.memberships)
    with db.write() as session:
        return granting(
            session, giver, to, from_on=from_on, to_on=to_on, processes=processes, words=words, by=viewer.actor(), at=at
        )[0]


def require_days(from_on: date, to_on: date, days: int, at: datetime) -> None:
    """Refuse days that are past, in the wrong order or too many."""
    if not office_day(at) <= from_on <= to_on or (to_on - from_on).days >= days:
        raise ProxyDays(days=days)


def granting(
    session: Session, giver: Giver, to: str, *, from_on: date, to_on: date, processes: Sequence[str], words: str, by: Actor,
    at: datetime, more: Mapping[str, Any] = MappingProxyType({}),
) -> tuple[str, Person]:
    """Grant in the caller's transaction, and tell whoever is to stand in; the grant's number and that person.

    ``by`` acts, ``more`` goes into the event's payload. Refuses as ``grant`` does, once its days are right.
    """
    if not set(processes) <= {loaded.process_id for loaded in deployment.current(session)}:
        raise NotFound()
    # Two grants at once are one after the other.
    session.execute(select(Person.id).where(Person.id == giver.person_id).with_for_update())
    person = people.person_by_number(session, to)
    place = _works_where(session, giver, person, at)
    listed = _listed(processes)
    _refuse_overlap(session, giver, person, from_on, to_on, processes)
    sides = {"from": {"number": giver.number, "name": giver.name}, "to": {"number": person.number, "name": person.name}}
    number = secrets.token_hex(8)
    event = record(session, Act(
        person_stream(giver.number), Kind.PROXY_GRANTED, at, by,
        payload={**sides, "proxy": number, "from_on": from_on, "to_on": to_on, "processes": list(processes), "words": words,
                 **more},
    ))
    session.add(Proxy(
        number=number, giver_id=giver.person_id, proxy_id=person.id, organisation_id=place, processes=listed,
        from_on=from_on, to_on=to_on, reason=words, made_at=at, begun_by_event=event,
    ))
    _tell(session, person.id, "proxy_granted", giver.name, from_on, to_on, words, at)
    return number, person


def _listed(processes: Iterable[str]) -> str:
    """Process ids as the row keeps them."""
    return "".join(f" {one}" for one in sorted(set(processes))) + " " if processes else ""


def _works_where(session: Session, giver: Giver, person: Person, at: datetime) -> int:
    """Key of the organisation where a person works who can stand in for the giver; else the refusal, with why."""
    own = [held.organisation_code for held in giver.memberships if held.role not in APART]
    why, place = None, None
    if not own:
        why = NO_OFFICE_WORK
    elif person.id == giver.person_id:
        why = ONESELF
    else:
        held = people.memberships(session, person.id, office_day(at))
        below = people.codes_below(session, own)
        place = next((one.organisation_id for one in held if one.organisation_code in below), None)
        account = select(Account.id).where(Account.person_id == person.id, Account.disabled_at.is_(None))
        if any(one.role in APART for one in held):
            why = ADMINISTRATES
        elif place is None:
            why = ELSEWHERE
        elif session.execute(account).first() is None:
            why = NO_ACCOUNT
    if why is not None or place is None:
        raise ProxyUnfit(name=person.name, why=why)
    return place


def _refuse_overlap(
    session: Session, giver: Giver, person: Person, from_on: date, to_on: date, processes: Sequence[str]
) -> None:
    rows = session.execute(
        select(Proxy).where(
            Proxy.giver_id == giver.person_id, Proxy.proxy_id == person.id, Proxy.revoked_at.is_(None),
            Proxy.from_on <= to_on, Proxy.to_on >= from_on,
        )
    ).scalars()
    for row in rows:
        if not processes or not row.processes or set(processes) & set(row.processes.split()):
            raise ProxyOverlaps(name=person.name, from_on=row.from_on.isoformat(), to_on=row.to_on.isoformat())


def revoke(db: Database, viewer: Viewer, number: str, *, at: datetime) -> None:
    """End a grant at once; whoever gave it, whoever stands in by it, or a security administrator.

    Nothing happens to one that is over. ``NotFound`` for everybody else.
    """
    with db.write() as session:
        found = select(Proxy).where(Proxy.number == number).with_for_update()
        row = session.execute(found, execution_options={"populate_existing": True}).scalar_one_or_none()
        manages = viewer.has("security_admin")
        if row is None or not (manages or viewer.person_id in {row.giver_id, row.proxy_id}):
            raise NotFound()
        own = viewer.person_id in {row.giver_id, row.proxy_id}
        end(session, row, viewer.actor() if own else people.administrator(viewer), at)


def end(session: Session, row: Proxy, by: Actor, at: datetime, *, reason: str = "") -> bool:
    """Revoke a grant, locked by the caller, in the caller's transaction; false for one that is over already."""
    if row.revoked_at is not None or row.to_on < office_day(at):
        return False
    named = people.somebodies(session, [row.giver_id, row.proxy_id])
    giver, proxy = named[row.giver_id], named[row.proxy_id]
    event = record(session, Act(
        person_stream(giver.number), Kind.PROXY_REVOKED, at, by,
        payload={"from": giver.named(), "to": proxy.named(), "proxy": row.number, "from_on": row.from_on,
                 "to_on": row.to_on, **({"words": reason} if reason else {})},
    ))
    session.execute(update(Proxy).where(Proxy.id == row.id).values(revoked_at=at, ended_by_event=event))
    told = row.proxy_id if by.person != proxy.number else row.giver_id
    _tell(session, told, "proxy_revoked", giver.name, row.from_on, row.to_on, reason, at)
    return True


def _tell(
    session: Session, person_id: int, notice: str, by: str, from_on: date, to_on: date, reason: str, at: datetime
) -> None:
    who = people.somebody(session, person_id)
    params = {"by": by, "from_on": from_on.isoformat(), "to_on": to_on.isoformat(), "reason": reason}
    notices.queue(session, [Message({who.id: who.mailable}, notice, params)], at=at)


# --- standing in ----------------------------------------------------------------------------------------------------


def principals(session: Session, viewer: Viewer, at: datetime) -> tuple[Principal, ...]:
    """For whom somebody stands in today, with the roles that those hold today; one statement."""
    day = office_day(at)
    rows = session.execute(
        select(Proxy.id, Proxy.number, Proxy.processes, Person.id, Person.number, Person.name, *people.HELD)
        .join(Person, Person.id == Proxy.giver_id)
        .outerjoin(Membership, and_(Membership.person_id == Person.id, held_on(day), Membership.role.not_in(APART)))
        .outerjoin(Organisation, Organisation.id == Membership.organisation_id)
        .where(access.stands_in(viewer.person_id, day))
        .order_by(Proxy.id, Membership.id)
    ).all()
    found: dict[int, Principal] = {}
    for grant_id, number, processes, person_id, person_number, name, *held in rows:
        known = found.get(grant_id) or Principal(
            grant_id, number, person_id, person_number, name, tuple(processes.split()), ()
        )
        more = (people.held(*held),) if held[0] is not None else ()
        found[grant_id] = replace(known, memberships=(*known.memberships, *more))
    return tuple(found.values())


def principal_for(session: Session, viewer: Viewer, task_number: str, at: datetime) -> Principal | None:
    """For whom somebody may do an open task today because they stand in for them; nobody where either may not do it.

    Its holder before others; where there are several, the earliest grant.
    """
    standing = {one.grant_id: one for one in principals(session, viewer, at)}
    if not standing:
        return None
    rows = session.execute(
        select(Proxy.id, Task)
        .join(Task, Task.number == task_number)
        .where(Proxy.id.in_(standing), access.lends(office_day(at)))
        .order_by(Proxy.id)
    ).all()
    fit = [
        (standing[grant_id], task) for grant_id, task in rows
        if not excluded_from(task, viewer.number) and not excluded_from(task, standing[grant_id].number)
    ]
    return min(fit, key=lambda one: one[1].holder_id != one[0].id)[0] if fit else None


def acting_for(session: Session, viewer: Viewer, task_number: str, at: datetime) -> Principal | None:
    """As ``principal_for``; nobody where the person may do it themselves: what is theirs they do in their own name."""
    own = select(Task.id).where(
        Task.number == task_number, access.may_take(viewer.person_id, office_day(at)),
        or_(Task.holder_id.is_(None), Task.holder_id == viewer.person_id, Task.delegate_id == viewer.person_id),
    )
    return None if session.execute(own).first() is not None else principal_for(session, viewer, task_number, at)


def require_standing(session: Session, principal: Principal) -> None:
    """Refuse with ``ProxyOver`` in the transaction of an act if the grant has been revoked since; else it stays till then."""
    standing = select(Proxy.id).where(Proxy.id == principal.grant_id, Proxy.revoked_at.is_(None)).with_for_update(read=True)
    if session.execute(standing).first() is None:
        raise ProxyOver(name=principal.name)


def ended(session: Session, viewer: Viewer, task: Task, at: datetime) -> ProxyOver | TaskAlreadyDone | None:
    """Why somebody who stood in for one who could do the task finds it no longer; nothing for who never did.

    The grant is revoked or has run out since yesterday, the other may no longer do it themselves, or has just done it.
    """
    could = {one["number"] for one in task.explanation.get("result", ())}
    day, giver = office_day(at), Proxy.giver_id.expression
    # Of a task that nobody holds the condition is unknown, not false.
    past = case((and_(access.stands_in(viewer.person_id, day), access.may_take(giver, day)), False), else_=True)
    rows = session.execute(
        select(Person.number, Person.name)
        .join(Proxy, Proxy.giver_id == Person.id)
        .join(Task, Task.id == task.id)
        .where(
            Proxy.proxy_id == viewer.person_id, Proxy.from_on <= day, Proxy.to_on >= day - timedelta(days=1),
            or_(Proxy.revoked_at.is_(None), Proxy.revoked_at >= at - timedelta(days=1)),
            or_(Person.id == task.holder_id, Person.number.in_(could)), access.named(),
            past.is_(True) if task.done_at is None else Proxy.made_at <= task.done_at,
        )
        .order_by(Proxy.id)
    )
    row = next((one for one in rows if not excluded_from(task, viewer.number) and not excluded_from(task, one.number)), None)
    if row is not None and task.status in ("open", "suspended"):
        return ProxyOver(name=row.name)
    if row is not None and task.done_at is not None and task.done_at >= at - timedelta(days=1):
        doer = session.execute(select(Person.name).where(Person.id == task.done_by_id)).scalar()
        time = task.done_at.astimezone(OFFICE_ZONE).strftime("%Y-%m-%d %H:%M")
        return TaskAlreadyDone(name=doer or "-", time=time) if doer else None
    return None


def note_refused(db: Database, viewer: Viewer, task_number: str, *, at: datetime) -> None:
    """Record in a case that somebody who stood in for another tried to act on a task of it after that was over; nothing else."""
    with db.write() as session:
        task = session.execute(select(Task).where(Task.number == task_number)).scalar_one_or_none()
        if task is None:
            return
        instance = session.get_one(Instance, task.instance_id)
        record(session, Act(
            instance_stream(instance.number), Kind.PROXY_REFUSED, at, viewer.actor(), definition=instance.definition,
            instance=instance.number, task=task.number, reason=ProxyOver.code, payload={"step": task.step_id},
        ))


@dataclass(frozen=True)
class LeftOver:
    """The form of a task that somebody filled in for another until they no longer could."""

    step_name: str
    instance_number: str
    title: str
    #: The form's file, empty where the task has none.
    form: bytes


def left_over(session: Session, viewer: Viewer, task_number: str, at: datetime) -> LeftOver | None:
    """For whoever stood in until yesterday at most, and no longer does, so that what they had typed is shown to them once more."""
    task = session.execute(select(Task).where(Task.number == task_number)).scalar_one_or_none()
    if task is None or ended(session, viewer, task, at) is None:
        return None
    instance = session.get_one(Instance, task.instance_id)
    loaded = deployment.definition(session, instance.definition)
    return LeftOver(task.name, instance.number, instance.title, loaded.forms.get(task.form_id or "", b""))


# --- what waits -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class WaitingFor:
    """One task that somebody may do for another."""

    number: str
    step_name: str
    instance_number: str
    title: str
    organisation_name: str
    starter_name: str
    due_at: datetime | None
    due_provisional: bool
    #: For whom.
    giver_name: str
    #: That one has claimed it, or it was assigned to them by role.
    held: bool


_NEAREST = (nulls_last(Task.due_at), Task.priority.desc(), Task.id)


def waiting(session: Session, viewer: Viewer, standing: Sequence[Principal], *, page: int = 1, size: int = 20) -> Page:
    """What somebody may do for others today, the nearest deadline first; rows are ``WaitingFor``.

    ``standing`` is what ``principals`` gave. What waits for the viewer themselves too is in the list: whoever does it
    there does it in their own name.
    """
    ways = [way for one in standing for way in _ways(one)]
    if not ways:
        return Page([], 0, page, size)
    found = union_all(*ways).subquery("ways")
    starter = aliased(Person)
    rows = session.execute(
        select(
            Task.number, Task.name, Instance.number, Instance.title, Organisation.name, starter.name, Task.due_at,
            Task.due_provisional, found.c.giver, Task.holder_id, Task.explanation,
        )
        .join(found, found.c.id == Task.id)
        .join(Instance, Instance.id == Task.instance_id)
        .join(Organisation, Organisation.id == Instance.organisation_id)
        .join(starter, starter.id == Instance.starter_id)
        .where(Instance.starter_id != viewer.person_id)
        .order_by(*_NEAREST, found.c.giver)
    ).all()
    by_key = {one.id: one for one in standing}
    kept: dict[str, WaitingFor] = {}
    for number, step, instance, title, place, name, due_at, provisional, giver_id, holder_id, explanation in rows:
        giver = by_key[giver_id]
        out = {one["number"] for one in explanation.get("excluded", ())}
        if not out & {viewer.number, giver.number}:
            kept.setdefault(number, WaitingFor(number, step, instance, title, place, name, due_at, provisional, giver.name,
                                               holder_id == giver_id))
    shown = list(kept.values())
    return Page(shown[(page - 1) * size : page * size], min(len(shown), COUNTED), page, size, at_least=len(shown) > COUNTED)


def _ways(one: Principal) -> list[Select[Any]]:
    """The ways by which an office's open task comes to somebody, each read from its index as far as is counted."""
    groups = sorted({(held.organisation_id, held.role) for held in one.memberships})
    by_role = [and_(Task.organisation_id == place, Task.role == role) for place, role in groups]
    free = and_(Task.status == "open", Task.holder_id.is_(None), Task.delegate_id.is_(None))
    held = and_(Task.status == "open", Task.holder_id == one.id, Task.delegate_id.is_(None), Task.organisation_id.is_not(None))
    wanted = [held, *(and_(free, way) for way in by_role)]
    if groups:
        further = (and_(Candidate.organisation_id == place, Candidate.role == role) for place, role in groups)
        beside = select(Candidate.task_id).where(or_(*further))
        wanted.append(and_(free, Task.organisation_id.is_not(None), Task.id.in_(beside)))
    found = []
    for where in wanted:
        own = select(Task.id, literal(one.id).label("giver")).where(where)
        if one.processes:
            own = own.join(Instance, Instance.id == Task.instance_id).where(Instance.process_id.in_(one.processes))
        found.append(select(own.order_by(*_NEAREST).limit(COUNTED + 1).subquery()))
    return found


# --- what was granted -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GrantView:
    """One grant for a page."""

    number: str
    giver: tuple[str, str]
    proxy: tuple[str, str]
    #: Names of the processes; empty for every process.
    processes: tuple[str, ...]
    from_on: date
    to_on: date
    reason: str
    made_at: datetime
    revoked_at: datetime | None
    #: A key of ``STATES``.
    state: str
    #: Name of who granted it in the giver's stead; empty where they did themselves.
    arranged_by: str = ""

    @property
    def stands(self) -> bool:
        """Whether it can still be revoked."""
        return self.state in {"coming", "current"}


def granted(session: Session, at: datetime, *, person_id: int | None = None, page: int = 1, size: int = 30) -> Page:
    """Grants by or to a person, or all of them for the security administrator; the newest first."""
    giver, proxy, arranger = aliased(Person), aliased(Person), aliased(Person)
    own = or_(Proxy.giver_id == person_id, Proxy.proxy_id == person_id) if person_id is not None else Proxy.id > 0
    total = session.execute(select(func.count()).select_from(select(Proxy.id).where(own).limit(COUNTED).subquery())).scalar_one()
    rows = session.execute(
        select(Proxy, giver.number, giver.name, proxy.number, proxy.name, arranger.name)
        .join(giver, giver.id == Proxy.giver_id)
        .join(proxy, proxy.id == Proxy.proxy_id)
        .outerjoin(Event, Event.event_id == Proxy.begun_by_event)
        .outerjoin(arranger, and_(arranger.number == Event.actor, arranger.id != Proxy.giver_id))
        .where(own).order_by(Proxy.id.desc()).limit(size).offset((page - 1) * size)
    ).all()
    names = _process_names(session, {one for row, *_ in rows for one in row.processes.split()})
    return Page([
        GrantView(row.number, (giver_no, giver_name), (proxy_no, proxy_name),
                  tuple(names.get(one, one) for one in row.processes.split()), row.from_on, row.to_on, row.reason,
                  row.made_at, row.revoked_at, _state(row, office_day(at)), arranged_by or "")
        for row, giver_no, giver_name, proxy_no, proxy_name, arranged_by in rows
    ], total, page, size, at_least=total >= COUNTED)


def _state(row: Proxy, today: date) -> str:
    if row.revoked_at is not None:
        return "revoked"
    return "coming" if today < row.from_on else "current" if today <= row.to_on else "over"


def _process_names(session: Session, process_ids: Iterable[str]) -> dict[str, str]:
    rows = session.execute(
        select(Definition.process_id, func.max(Definition.name)).where(Definition.process_id.in_(list(process_ids)))
        .group_by(Definition.process_id)
    )
    return dict(rows.tuples().all())


@dataclass(frozen=True)
class DoneFor:
    """One step that somebody did for another."""

    task: str
    step_name: str
    instance_number: str
    title: str
    done_at: datetime
    outcome: str | None
    #: Who stood in, for whom.
    proxy_name: str
    giver_name: str


def done_for(session: Session, viewer: Viewer, *, limit: int = 50) -> list[DoneFor]:
    """The latest steps that others did in the viewer's name, and that the viewer did in others' names."""
    giver, proxy = aliased(Person), aliased(Person)
    pairs = select(Proxy.giver_id, Proxy.proxy_id).where(
        or_(Proxy.giver_id == viewer.person_id, Proxy.proxy_id == viewer.person_id)
    ).distinct().subquery()
    rows = session.execute(
        select(Task.number, Task.name, Instance.number, Instance.title, Task.done_at, Task.outcome, proxy.name, giver.name)
        .join(pairs, and_(pairs.c.giver_id == Task.holder_id, pairs.c.proxy_id == Task.done_by_id))
        .join(Instance, Instance.id == Task.instance_id)
        .join(proxy, proxy.id == Task.done_by_id)
        .join(giver, giver.id == Task.holder_id)
        .where(Task.status == "done")
        .order_by(Task.done_at.desc(), Task.id.desc())
        .limit(limit)
    )
    return [DoneFor(*row) for row in rows]


def fitting(session: Session, viewer: Viewer, text: str, *, at: datetime, limit: int = 20) -> list[tuple[str, str]]:
    """(number, name) of people whom the viewer could ask to stand in, by name or number."""
    own = [held.organisation_code for held in viewer.memberships if held.role not in APART]
    if not own:
        return []
    places = select(Organisation.id).where(Organisation.code.in_(sorted(people.codes_below(session, own))))
    day = office_day(at)
    works = select(Membership.person_id).where(
        held_on(day), Membership.organisation_id.in_(places), Membership.role.not_in(APART)
    )
    administrates = select(Membership.person_id).where(held_on(day), Membership.role.in_(APART))
    rows = session.execute(
        select(Person.number, Person.name)
        .join(Account, and_(Account.person_id == Person.id, Account.disabled_at.is_(None)))
        .where(or_(Person.name.contains(text, autoescape=True), Person.number == text), Person.id != viewer.person_id,
               Person.id.in_(works), Person.id.not_in(administrates))
        .order_by(Person.name, Person.number).limit(limit)
    )
    return [(number, name) for number, name in rows]
