"""Who is away and has asked nobody (临时缺岗): their head or a security administrator grants a proxy in their stead.

Here too is what whoever stands in hears: what the other is told of a task that both may do is passed on, by the worker, after
the act that caused it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Select, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from workflows import access, notices, people, proxies
from workflows.access import APART, Viewer, held_on, office_day
from workflows.candidates import HEADS
from workflows.db import Database
from workflows.errors import N_, ProxyUnfit
from workflows.incidents import reason_of
from workflows.models import Account, Membership, Notice, Organisation, Person, Proxy, Task
from workflows.notices import Message
from workflows.proxies import Giver

#: Why somebody's work cannot be given to another by this person.
NOT_YOURS = N_("该人员不在您负责的单位及其下属单位任职")
THEMSELVES = N_("本人的待办任务请在“授权他人代办”中授权")
TO_ONESELF = N_("不能安排自己代办他人的任务")
#: What somebody is told of a task and whoever stands in for them is told too.
PASSED_ON = ("task_opened", "task_sent_back", "task_urged", "task_due_soon", "task_overdue", "task_assigned", "task_handed_over")
#: So many are passed on at a time.
BATCH = 200


def may_arrange(viewer: Viewer) -> bool:
    """Whether somebody may grant proxies in others' stead: a security administrator, or the head of an organisation."""
    return viewer.has("security_admin") or bool(_headed(viewer))


def _headed(viewer: Viewer) -> list[str]:
    """Codes of the organisations that somebody heads."""
    return [held.organisation_code for held in viewer.memberships if held.role in HEADS.values()]


def arrange(
    db: Database, viewer: Viewer, of: str, to: str, *, from_on: date, to_on: date, processes: Sequence[str] = (), reason: str,
    at: datetime, days: int,
) -> str:
    """Let somebody do the office work of another who is away (代办授权，临时缺岗); returns the grant's number.

    ``of`` and ``to`` are people's numbers. By a security administrator, or by the head of an organisation for whom works there or
    below; nobody arranges it for themselves. It is a grant like any other, which the one who is away can revoke; both are
    told, and the event ``proxy:granted`` in their stream names who arranged it. Raises as ``proxies.grant``, and ``ProxyUnfit`` for
    whom the viewer cannot do it.
    """
    words = reason_of(reason)
    proxies.require_days(from_on, to_on, days, at)
    with db.write() as session:
        person = people.person_by_number(session, of)
        giver = Giver(person.id, person.number, person.name, tuple(people.memberships(session, person.id, office_day(at))))
        require_arrangeable(session, viewer, giver, to)
        administers = viewer.has("security_admin") and not _is_head_of(session, viewer, giver)
        number, proxy = proxies.granting(
            session, giver, to, from_on=from_on, to_on=to_on, processes=processes, words=words,
            by=people.administrator(viewer) if administers else viewer.actor(), at=at,
            more={"arranged_by": {"number": viewer.number, "name": viewer.name}},
        )  # fmt: skip
        told = people.somebody(session, giver.person_id)
        params = {"by": viewer.name, "to": proxy.name, "from_on": from_on.isoformat(), "to_on": to_on.isoformat(), "reason": words}
        notices.queue(session, [Message({told.id: told.mailable}, "proxy_granted_for", params)], at=at)
    return number


def require_arrangeable(session: Session, viewer: Viewer, giver: Giver, to: str) -> None:
    """Refuse with why somebody may not grant a proxy in another's stead."""
    why = None
    if giver.person_id == viewer.person_id:
        why = THEMSELVES
    elif to == viewer.number:
        why = TO_ONESELF
    elif not (viewer.has("security_admin") or _is_head_of(session, viewer, giver)):
        why = NOT_YOURS
    elif all(held.role in APART for held in giver.memberships):
        why = proxies.NO_WORK
    if why is not None:
        raise ProxyUnfit(name=giver.name, why=why)


def _is_head_of(session: Session, viewer: Viewer, giver: Giver) -> bool:
    below = people.codes_below(session, _headed(viewer)) if _headed(viewer) else frozenset[str]()
    return any(held.organisation_code in below for held in giver.memberships if held.role not in APART)


def fitting(session: Session, viewer: Viewer, text: str, *, at: datetime, limit: int = 20) -> list[tuple[str, str]]:
    """(number, name) of people whose absence the viewer may arrange for, or who could stand in, by name or number."""
    if not may_arrange(viewer):
        return []
    works = select(Membership.person_id).where(held_on(office_day(at)), Membership.role.not_in(APART))
    if not viewer.has("security_admin"):
        places = select(Organisation.id).where(Organisation.code.in_(sorted(people.codes_below(session, _headed(viewer)))))
        works = works.where(Membership.organisation_id.in_(places))
    rows = session.execute(
        select(Person.number, Person.name)
        .join(Account, and_(Account.person_id == Person.id, Account.disabled_at.is_(None)))
        .where(or_(Person.name.contains(text, autoescape=True), Person.number == text), Person.id != viewer.person_id,
               Person.id.in_(works))
        .order_by(Person.name, Person.number).limit(limit)
    )
    return [(number, name) for number, name in rows]


# --- what whoever stands in hears -----------------------------------------------------------------------------------


def pass_on(db: Database, *, at: datetime) -> int:
    """Tell those who stand in today what the others have been told of tasks that they may do for them; returns how many.

    Each notice once a proxy, however often this runs and however many workers do it.
    """
    day = office_day(at)
    with db.read() as session:
        if session.execute(_to_pass_on(day).limit(1)).first() is None:
            return 0
    with db.write() as session:
        # Two workers at once are one after the other: what the first has passed on the second finds.
        session.execute(
            select(Proxy.id).where(Proxy.revoked_at.is_(None), Proxy.from_on <= day, Proxy.to_on >= day)
            .order_by(Proxy.id).with_for_update()
        )  # fmt: skip
        due = session.execute(_to_pass_on(day).limit(BATCH)).all()
        known = people.somebodies(session, {proxy_id for _, proxy_id, _ in due})
        for notice, proxy_id, giver in due:
            who = known[proxy_id]
            params = {**notice.params, "giver": giver, "due": notice.params.get("due", "-")}
            message = Message({who.id: who.mailable}, "task_for_another", params, notice.task)
            # Told when the other was: so it is known that it was passed on.
            notices.queue(session, [message], at=notice.made_at, instance=notice.instance)
    return len(due)


def _to_pass_on(day: date) -> Select[tuple[Notice, int, str]]:
    """What is to be passed on: the notice, to whom, and the name of whom they stand in for; the oldest first."""
    copy = aliased(Notice)
    passed = exists().where(
        copy.person_id == Proxy.proxy_id, copy.made_at == Notice.made_at, copy.task == Notice.task,
        copy.kind == "task_for_another",
    )  # fmt: skip
    own = exists().where(
        copy.person_id == Proxy.proxy_id, copy.made_at == Notice.made_at, copy.task == Notice.task, copy.kind == Notice.kind,
    )  # fmt: skip
    return (
        select(Notice, Proxy.proxy_id, Person.name)
        .join(Proxy, Proxy.giver_id == Notice.person_id)
        .join(Person, Person.id == Proxy.giver_id)
        .join(Task, Task.number == Notice.task)
        .where(
            Notice.kind.in_(PASSED_ON), Notice.made_at >= Proxy.made_at, access.standing(day), access.lends(day),
            ~passed, ~own,
        )
        .order_by(Notice.id)
    )
