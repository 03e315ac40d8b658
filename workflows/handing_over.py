"""离岗交接: everything that waits for somebody who leaves goes to others, as a job; each task its own transaction and event.

What is handed over: tasks that they hold, places that name them (a seat on a panel), and what they were asked to work on,
which goes back to who asked (委派). What is their own stays: their applications, and opinions that somebody asked of them
(加签). Grants by or to them (代办授权) end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, or_, select, update
from sqlalchemy.orm import Session

from workflows import access, deployment, drafts, jobs, notices, people, proxies, signatures
from workflows.access import APART, Held, Viewer, excluded_from, office_day
from workflows.audit import Act, Actor, ActorKind, Kind, instance_stream, record
from workflows.db import Database
from workflows.errors import N_, HandOverNeeds
from workflows.incidents import reason_of
from workflows.jobs import Running
from workflows.manners import MAY_START
from workflows.models import Account, Candidate, Instance, Membership, Organisation, Person, Proxy, Task
from workflows.notices import Message
from workflows.transitions import due_shown

#: The kind of its job.
HAND_OVER = "hand_over"
#: People to whom one hands over at most.
MOST = 20
#: Tasks that are read at a time; each is written by itself.
CHUNK = 100
HANDING = N_("正在交接")
HANDED = N_("已交接 %(handed)s 件")
SOME_LEFT = N_("已交接 %(handed)s 件；%(left)s 件未能交接：%(cases)s")
#: So many of those that stay are named in the job's sentence.
_NAMED = 20

#: Why a task stays where it is.
OWN_AFFAIR = N_("离岗者本人的申请事项")
BEING_SIGNED = N_("正在加签，请在加签办结或减签后再交接")
OPINION_ASKED = N_("他人请离岗者本人加签，请由加签人减签后另请他人")
NOBODY_FITS = N_("接手人都不在承办单位及其下属单位任职，或须回避")
#: How a task waits for somebody -> its words.
WAYS: Mapping[str, str] = {"held": N_("在其名下"), "named": N_("指名由其办理"), "asked": N_("委派给其办理")}


@dataclass(frozen=True)
class Item:
    """One task of somebody who leaves, and where it goes."""

    task_id: int
    task: str
    step_name: str
    instance_number: str
    title: str
    due_at: datetime | None
    #: A key of ``WAYS``.
    way: str
    #: Number and name of who takes it over; nobody where it stays.
    to: tuple[str, str] | None
    #: Why it stays.
    why: str = ""
    #: Role and organisation code in which it is taken over.
    role: tuple[str, str] | None = None


@dataclass(frozen=True)
class _Successor:
    id: int
    number: str
    name: str
    memberships: tuple[Held, ...]


@dataclass(frozen=True)
class Plan:
    """What a hand-over would do now."""

    leaver: tuple[str, str]
    items: tuple[Item, ...]
    #: How many tasks there are; ``items`` are the first of them.
    total: int
    #: Grants by or to the leaver that would end.
    grants: int


# --- what there is --------------------------------------------------------------------------------------------------


def _named(leaver: int) -> Any:
    """Condition on ``Task``: nobody holds it, and a rule names the person for it."""
    seat = select(Candidate.task_id).where(Candidate.person_id == leaver)
    return and_(Task.holder_id.is_(None), Task.id.in_(seat))


def _waiting(leaver: int) -> Select[Any]:
    """The keys of what waits for somebody; each way from its own index."""
    live = Task.status.in_(("open", "suspended"))
    ways = (Task.holder_id == leaver, Task.delegate_id == leaver, _named(leaver))
    return select(Task.id).where(or_(*(and_(live, way) for way in ways)))


def _rows(session: Session, leaver: int, after: int, limit: int) -> list[tuple[Task, Instance]]:
    return list(session.execute(
        select(Task, Instance)
        .join(Instance, Instance.id == Task.instance_id)
        .where(Task.id.in_(_waiting(leaver)), Task.id > after)
        .order_by(Task.id).limit(limit)
    ).tuples())


def _grants(session: Session, leaver: int, at: datetime) -> list[Proxy]:
    return list(session.execute(
        select(Proxy)
        .where(or_(Proxy.giver_id == leaver, Proxy.proxy_id == leaver), Proxy.revoked_at.is_(None),
               Proxy.to_on >= office_day(at))
        .order_by(Proxy.id).with_for_update()
    ).scalars())


def plan(session: Session, viewer: Viewer, leaver: str, to: Sequence[str], *, at: datetime, limit: int = 200) -> Plan:
    """What handing over would do now, without doing it (试算). Raises what ``start`` raises."""
    access.require(viewer, "system_admin")
    person = people.person_by_number(session, leaver)
    following = _Following(session, person, _successors(session, leaver, to, at), at)
    rows = _rows(session, person.id, 0, limit)
    total = session.execute(select(func.count()).select_from(_waiting(person.id).subquery())).scalar_one()
    grants = session.execute(
        select(func.count()).select_from(Proxy).where(
            or_(Proxy.giver_id == person.id, Proxy.proxy_id == person.id), Proxy.revoked_at.is_(None),
            Proxy.to_on >= office_day(at),
        )
    ).scalar_one()
    return Plan((person.number, person.name), tuple(following.item(*row) for row in rows), total, grants)


def _successors(session: Session, leaver: str, to: Sequence[str], at: datetime) -> list[_Successor]:
    """Who takes over: people with an account, others than the leaver, in the order given."""
    numbers = [one for one in dict.fromkeys(to) if one]
    if not 1 <= len(numbers) <= MOST or leaver in numbers:
        raise HandOverNeeds(most=MOST)
    rows = session.execute(
        select(Person.id, Person.number, Person.name)
        .join(Account, and_(Account.person_id == Person.id, Account.disabled_at.is_(None)))
        .where(Person.number.in_(numbers))
    ).all()
    if len(rows) != len(numbers):
        raise HandOverNeeds(most=MOST)
    found = {row.number: row for row in rows}
    day = office_day(at)
    return [
        _Successor(row.id, row.number, row.name,
                   tuple(one for one in people.memberships(session, row.id, day) if one.role not in APART))
        for row in (found[number] for number in numbers)
    ]


class _Following:
    """Who follows somebody in which task: those who fit take turns."""

    def __init__(self, session: Session, leaver: Person, successors: Sequence[_Successor], at: datetime) -> None:
        self._session, self._leaver, self._successors, self._at = session, leaver, successors, at
        self._turn = 0
        self._below: dict[tuple[str, ...], set[str]] = {}
        self._worked_at: tuple[str, ...] | None = None

    def item(self, task: Task, instance: Instance) -> Item:
        """Where a task goes, or why it stays."""
        way = "asked" if task.delegate_id == self._leaver.id else "held" if task.holder_id == self._leaver.id else "named"
        to, role, why = self._whither(task, instance, way)
        return Item(task.id, task.number, task.name, instance.number, instance.title, task.due_at, way, to, why, role)

    def _whither(
        self, task: Task, instance: Instance, way: str
    ) -> tuple[tuple[str, str] | None, tuple[str, str] | None, str]:
        """Who takes it over, in which role and where; or why it stays."""
        if way == "asked":
            holder = people.somebody(self._session, task.holder_id or 0)
            return (holder.number, holder.name), None, ""
        if task.main_id is not None:
            return None, None, OPINION_ASKED
        if task.signers_open or signatures.is_sent(task):
            return None, None, BEING_SIGNED
        loaded = deployment.definition(self._session, instance.definition)
        if instance.starter_id == self._leaver.id and MAY_START not in loaded.diagram.properties:
            return None, None, OWN_AFFAIR
        for n in range(len(self._successors)):
            one = self._successors[(self._turn + n) % len(self._successors)]
            held = self._role(task, one) if excluded_from(task, one.number) is None else None
            if held is not None and one.id != instance.starter_id:
                self._turn += n + 1
                return (one.number, one.name), (held.role, held.organisation_code), ""
        return None, None, NOBODY_FITS

    def _role(self, task: Task, one: _Successor) -> Held | None:
        """The role in which a successor takes a task: at its office or below; of a named place, where the leaver works."""
        own = tuple(step["organisation"]["code"] for step in task.explanation.get("steps", ()) if step.get("organisation"))
        places = own or self._leavers_places()
        if places not in self._below:
            self._below[places] = people.codes_below(self._session, places)
        return next((held for held in one.memberships if held.organisation_code in self._below[places]), None)

    def _leavers_places(self) -> tuple[str, ...]:
        """Codes of the organisations where the leaver has worked."""
        if self._worked_at is None:
            self._worked_at = tuple(self._session.execute(
                select(Organisation.code).distinct()
                .join(Membership, Membership.organisation_id == Organisation.id)
                .where(Membership.person_id == self._leaver.id, Membership.role.not_in(APART))
            ).scalars())
        return self._worked_at


# --- doing it -------------------------------------------------------------------------------------------------------


def start(
    db: Database, viewer: Viewer, leaver: str, to: Sequence[str], reason: str, *, at: datetime, key: str | None = None
) -> str:
    """Ask for a hand-over of everything that waits for somebody; returns the job's number.

    ``leaver`` and ``to`` are people's numbers; those who fit take the tasks in turns. Asked for twice with one ``key`` it is
    one job. For system administrators. Raises
    ``Forbidden``, ``ReasonNeeded``, ``NotFound`` and ``HandOverNeeds``.
    """
    access.require(viewer, "system_admin")
    words = reason_of(reason)
    with db.read() as session:
        person = people.person_by_number(session, leaver)
        following = _successors(session, leaver, to, at)
    params = {"leaver": leaver, "to": [one.number for one in following], "reason": words, "by": viewer.number, "ip": viewer.ip}
    told = {"leaver": {"number": leaver, "name": person.name}, "reason": words,
            "to": [{"number": one.number, "name": one.name} for one in following]}  # fmt: skip
    return jobs.enqueue(db, HAND_OVER, params, at=at, by=people.administrator(viewer), by_id=viewer.person_id, payload=told, key=key)


def run(running: Running) -> None:
    """The job: hand over task by task; resumed, it goes on with what still waits for the leaver."""
    db, params = running.db, running.params
    by = Actor(ActorKind.ADMINISTRATOR, params["by"], role="system_admin", ip=params["ip"])
    state: dict[str, Any] = {"after": 0, "handed": 0, "left": 0, "cases": [], **running.cursor}
    with db.read() as session:
        leaver = people.person_by_number(session, params["leaver"]).id
        ahead = _waiting(leaver).where(Task.id > state["after"]).subquery()
        total = state["handed"] + state["left"] + session.execute(select(func.count()).select_from(ahead)).scalar_one()
    while batch := _batch(db, running, leaver, state["after"]):
        for item in batch:
            with db.write() as session:
                done = _hand_over(session, by, item, leaver, params["reason"], running.now())
                following = {**state, "after": item.task_id}
                if done:
                    following["handed"] += 1
                elif item.why:
                    following["left"] += 1
                    following["cases"] = [*state["cases"], f"{item.instance_number} {item.step_name}（{item.why}）"][:_NAMED]
                running.mark(session, following["handed"] + following["left"], total, HANDING, **following)
            state = following
            running.cursor |= state
    with db.write() as session:
        for grant in _grants(session, leaver, running.now()):
            proxies.end(session, grant, by, running.now(), reason=params["reason"])
    said = {"handed": state["handed"]}
    if state["left"]:
        said |= {"left": state["left"], "cases": "；".join(state["cases"])}
    running.progress(state["handed"] + state["left"], total, SOME_LEFT if state["left"] else HANDED, said)


def _batch(db: Database, running: Running, leaver: int, after: int) -> list[Item]:
    """The next tasks with who follows in them; in each batch the turns begin anew."""
    with db.read() as session:
        at = running.now()
        person = session.get_one(Person, leaver)
        following = _Following(session, person, _successors(session, person.number, running.params["to"], at), at)
        return [following.item(*row) for row in _rows(session, leaver, after, CHUNK)]


def _hand_over(session: Session, by: Actor, item: Item, leaver: int, reason: str, at: datetime) -> bool:
    """Hand one task over in the caller's transaction; false when it stays, or no longer waits for the leaver."""
    if item.to is None:
        return False
    found = select(Task).where(Task.id == item.task_id).with_for_update()
    task = session.execute(found, execution_options={"populate_existing": True}).scalar_one()
    mine = {"held": task.holder_id, "asked": task.delegate_id, "named": leaver if task.holder_id is None else None}[item.way]
    if task.status not in ("open", "suspended") or mine != leaver or task.signers_open or excluded_from(task, item.to[0]):
        return False
    instance = session.get_one(Instance, task.instance_id)
    person = people.person_by_number(session, item.to[0])
    named = people.somebodies(session, [leaver, person.id])
    sides = {"from": named[leaver].named(), "to": named[person.id].named()}
    how = {**sides, "reason": reason, "at": at.isoformat(), "way": item.way}
    if item.way == "held":
        role, organisation = item.role or (None, None)
        _to_holder(session, task, instance, person.id, {**how, "role": role, "organisation": organisation}, leaver, at)
    elif item.way == "named":
        _to_seat(session, task, leaver, person.id, how)
    else:
        _back(session, task, how)
    record(session, Act(
        instance_stream(instance.number), Kind.TASK_HANDED_OVER, at, by, definition=instance.definition,
        instance=instance.number, task=task.number, payload={"step": task.step_id, "reason": reason, "way": item.way, **sides},
    ))
    params = {"title": instance.title, "number": instance.number, "step": task.name, "due": due_shown(task.due_at),
              "by": sides["from"]["name"], "reason": reason}  # fmt: skip
    notice = "delegation_declined" if item.way == "asked" else "task_handed_over"
    notices.queue(session, [Message({person.id: named[person.id].mailable}, notice, params, task.number)], at=at,
                  instance=instance.number)
    return True


def _set(session: Session, task: Task, **values: Any) -> None:
    session.execute(update(Task).where(Task.id == task.id).values(**values).execution_options(synchronize_session=False))


def _noted(task: Task, how: Mapping[str, Any]) -> dict[str, Any]:
    return {**task.explanation, "handed_over": [*task.explanation.get("handed_over", ()), dict(how)]}


def _to_holder(
    session: Session, task: Task, instance: Instance, to: int, how: Mapping[str, Any], leaver: int, at: datetime
) -> None:
    """The successor holds it, as after a transfer; what was typed goes along, and whom the leaver asked works on for them."""
    explanation = {key: value for key, value in _noted(task, how).items() if key != "claimed"}
    explanation["transferred"] = {key: how[key] for key in ("from", "to", "reason", "role", "organisation")}
    delegate = task.delegate_id
    if delegate is not None:
        was = explanation["delegated"]
        explanation["delegated"] = {**was, "from": how["to"]}
        if delegate == to:
            over = {**was, "ended_at": at.isoformat(), "how": "recalled", "note": how["reason"]}
            explanation = {key: value for key, value in explanation.items() if key != "delegated"}
            explanation["delegations"] = [*explanation.get("delegations", ()), over]
            delegate = None
    drafts.lend(session, f"task:{task.number}", leaver, to, instance.id, at)
    _set(session, task, holder_id=to, delegate_id=delegate, explanation=explanation)


def _to_seat(session: Session, task: Task, leaver: int, to: int, how: Mapping[str, Any]) -> None:
    """The successor is named where the leaver was."""
    already = session.execute(
        select(Candidate.id).where(Candidate.task_id == task.id, Candidate.person_id == to)
    ).first()
    seat = and_(Candidate.task_id == task.id, Candidate.person_id == leaver)
    if already is None:
        session.execute(update(Candidate).where(seat).values(person_id=to).execution_options(synchronize_session=False))
    else:
        for row in session.execute(select(Candidate).where(seat)).scalars():
            session.delete(row)
    explanation = _noted(task, how)
    kept = [one for one in explanation.get("result", ()) if one["number"] not in {how["from"]["number"], how["to"]["number"]}]
    _set(session, task, explanation={**explanation, "result": [*kept, how["to"]]})


def _back(session: Session, task: Task, how: Mapping[str, Any]) -> None:
    """What the leaver was asked to work on is its holder's alone again."""
    explanation = _noted(task, how)
    over = {**explanation.pop("delegated"), "ended_at": how["at"], "how": "declined", "note": how["reason"]}
    explanation["delegations"] = [*explanation.get("delegations", ()), over]
    _set(session, task, delegate_id=None, explanation=explanation)


def fitting(session: Session, text: str, *, at: datetime, limit: int = 20) -> Iterator[tuple[str, str]]:
    """(number, name) of people who could take something over, by name or number."""
    works = select(Membership.person_id).where(access.held_on(office_day(at)), Membership.role.not_in(APART))
    rows = session.execute(
        select(Person.number, Person.name)
        .join(Account, and_(Account.person_id == Person.id, Account.disabled_at.is_(None)))
        .where(or_(Person.name.contains(text, autoescape=True), Person.number == text), Person.id.in_(works))
        .order_by(Person.name, Person.number).limit(limit)
    )
    return ((number, name) for number, name in rows)
