"""Copies (抄送): a case sent to people of one's office to read, by whoever takes part in it or by its diagram; and 待阅.

Whoever gets one may see the case, with personal data masked as for every reader without a task in it, and does nothing
in it by that. Nobody gets the same case twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.orm import Session, aliased

from workflows import access, actions, notices, people, search
from workflows.access import Viewer
from workflows.audit import Act, Kind, instance_stream, record
from workflows.db import Database
from workflows.errors import N_, AlreadyCopied, Forbidden, NotCopied, PersonUnknown, TooManyPeople
from workflows.models import Copy, Definition, Instance, Organisation, Person, table
from workflows.notices import Message
from workflows.people import COUNTED, Page, Somebody

#: So many people get a case at once at most, and so long is what is said with it.
MOST, LONGEST = 50, 500
#: Why somebody gets no copy.
TO_ONESELF = N_("本人无须抄送")
TO_APPLICANT = N_("申请人可以直接查看本办件")
ELSEWHERE = N_("该人员不在您的单位及其下属单位任职")


@dataclass(frozen=True)
class CopyRow:
    """One case in the list of what is to be read."""

    number: str
    title: str
    process_name: str
    organisation_name: str
    status: str
    #: Who sent it; empty where the diagram did.
    by_name: str | None
    words: str | None
    at: datetime
    read_at: datetime | None


@dataclass(frozen=True)
class CopyView:
    """To whom a case was sent."""

    name: str
    by_name: str | None
    at: datetime
    read_at: datetime | None


def send(
    db: Database, viewer: Viewer, instance_number: str, to: Sequence[str], words: str, *, at: datetime,
    task_number: str = "",
) -> list[str]:
    """Send a case to people of one's office to read (抄送); returns the names of those who get it now.

    ``to`` are people's numbers; who has got it already is left out. Raises ``NotFound`` for a case one may not see,
    ``Forbidden`` for who only reads it or applied in it, ``ActionNotAllowed`` while a step waits that allows none,
    ``PersonUnknown``, ``TooManyPeople``, ``NotCopied`` for somebody of another office or in the case anyway, and
    ``AlreadyCopied`` when nobody would be left.
    """
    said = " ".join(words.split())[:LONGEST]
    numbers = list(dict.fromkeys(to))
    if len(numbers) > MOST:
        raise TooManyPeople(most=MOST)
    with db.write() as session:
        instance = _locked(session, viewer, instance_number, at)
        _require_sender(session, viewer, instance, at)
        actions.require_of_case(session, instance, "cc")
        found = people.by_number(session, numbers)
        if not numbers or len(found) != len(numbers):
            raise PersonUnknown()
        within = search.of_ones_office(session, viewer, at)
        own = set(session.execute(select(Person.number).where(Person.number.in_(numbers), within)).scalars())
        for number in numbers:
            _refuse(instance, viewer, found[number], is_own=number in own)
        fresh = _fresh(session, instance.id, list(found.values()))
        if not fresh:
            raise AlreadyCopied(names="、".join(one.name for one in found.values()))
        task = access.task_of(session, instance, task_number)
        step = task.step_id if task is not None else None
        given = {"words": said, "step": step}
        event = record(session, Act(
            instance_stream(instance.number), Kind.CASE_COPIED, at, viewer.actor(), definition=instance.definition,
            instance=instance.number, task=task.number if task is not None else None,
            payload={"to": [one.named() for one in fresh], **{key: value for key, value in given.items() if value}},
        ))
        _write(session, instance.id, fresh, at, event, by_id=viewer.person_id, step=step, words=said)
        params = {"title": instance.title, "number": instance.number, "by": viewer.name, "reason": said}
        told = {one.id: one.mailable for one in fresh}
        notices.queue(session, [Message(told, "case_copied", params)], at=at, instance=instance.number)
        return [one.name for one in fresh]


def mark_read(db: Database, viewer: Viewer, instance_number: str, *, at: datetime) -> bool:
    """Note that somebody opened what was sent to them (阅知); false when they had before, or nothing was."""
    with db.write() as session:
        found = session.execute(
            select(Instance.id, Instance.definition).where(Instance.number == instance_number)
        ).one_or_none()
        if found is None:
            return False
        noted = session.execute(
            update(Copy)
            .where(Copy.instance_id == found.id, Copy.to_id == viewer.person_id, Copy.read_at.is_(None))
            .values(read_at=at).returning(Copy.id).execution_options(synchronize_session=False)
        )
        if noted.first() is None:
            return False
        record(session, Act(
            instance_stream(instance_number), Kind.COPY_READ, at, viewer.actor(), definition=found.definition,
            instance=instance_number, payload={},
        ))
        return True


def _locked(session: Session, viewer: Viewer, number: str, at: datetime) -> Instance:
    """The case, locked: two who send it to one person at once wait for each other."""
    instance = access.instance_for(session, viewer, number, at)
    session.refresh(instance, ["version"], with_for_update=True)
    return instance


def _require_sender(session: Session, viewer: Viewer, instance: Instance, at: datetime) -> None:
    if not may_send(viewer, access.part_in(session, viewer, instance.number, at)):
        raise Forbidden()


def may_send(viewer: Viewer, part: access.Part) -> bool:
    """Whether somebody with that part in a case sends it to others; a page offers it by that."""
    return part.takes and not part.applied and bool(viewer.memberships)


def _refuse(instance: Instance, viewer: Viewer, person: Somebody, *, is_own: bool) -> None:
    why = None
    if person.id == viewer.person_id:
        why = TO_ONESELF
    elif person.id == instance.starter_id:
        why = TO_APPLICANT
    elif not is_own:
        why = ELSEWHERE
    if why is not None:
        raise NotCopied(name=person.name, why=why)


# --- rows -----------------------------------------------------------------------------------------------------------


def _fresh(session: Session, instance_id: int, to: Sequence[Somebody]) -> list[Somebody]:
    """Of some people those who have not got the case yet; it is locked."""
    had = set(session.execute(
        select(Copy.to_id).where(Copy.instance_id == instance_id, Copy.to_id.in_([one.id for one in to]))
    ).scalars())  # fmt: skip
    return [one for one in to if one.id not in had]


def _write(
    session: Session, instance_id: int, to: Iterable[Somebody], at: datetime, event: str, *, by_id: int | None,
    step: str | None, words: str,
) -> None:
    session.execute(insert(table(Copy)), [
        {"instance_id": instance_id, "to_id": one.id, "by_id": by_id, "step_id": step, "words": words or None, "at": at,
         "read_at": None, "event": event}
        for one in to
    ])  # fmt: skip


def by_diagram(
    session: Session, instance_id: int, wanted: Mapping[str, Sequence[Somebody]], at: datetime, event: str
) -> dict[str, list[Somebody]]:
    """Write what a diagram sends when steps are done (``jiaoyan:cc``), in the act's own transaction, its case locked.

    ``wanted`` is step id -> people; returns of them those who get the case now.
    """
    sent: dict[str, list[Somebody]] = {}
    for step, to in wanted.items():
        fresh = _fresh(session, instance_id, to)
        if fresh:
            _write(session, instance_id, fresh, at, event, by_id=None, step=step, words="")
            sent[step] = fresh
    return sent


# --- reads ----------------------------------------------------------------------------------------------------------


def to_read(session: Session, viewer: Viewer, *, unread: bool = False, text: str = "", page: int = 1, size: int = 20) -> Page:
    """What was sent to somebody to read (待阅), the latest first; rows are ``CopyRow``.

    ``unread`` leaves out what they have opened, ``text`` what does not hold it in its title or number.
    """
    upto = max(COUNTED, page * size + 1)
    own = select(Copy.id).join(Instance, Instance.id == Copy.instance_id).where(Copy.to_id == viewer.person_id)
    if unread:
        own = own.where(Copy.read_at.is_(None))
    if text:
        own = own.where(Instance.title.contains(text, autoescape=True) | (Instance.number == text.upper()))
    found = own.order_by(Copy.id.desc()).limit(upto).subquery()
    total = session.execute(select(func.count()).select_from(found)).scalar_one()
    sender = aliased(Person)
    rows = session.execute(
        select(
            Instance.number, Instance.title, Definition.name, Organisation.name, Instance.status, sender.name, Copy.words,
            Copy.at, Copy.read_at,
        )
        .join(Instance, Instance.id == Copy.instance_id)
        .join(Definition, Definition.digest == Instance.definition)
        .join(Organisation, Organisation.id == Instance.organisation_id)
        .outerjoin(sender, sender.id == Copy.by_id)
        .where(Copy.id.in_(select(found.c.id).order_by(found.c.id.desc()).limit(size).offset((page - 1) * size)))
        .order_by(Copy.id.desc())
    )  # fmt: skip
    return Page([CopyRow(*row) for row in rows], total, page, size, at_least=total >= upto)


_sender, _reader = aliased(Person), aliased(Person)
_OF_CASE = (
    select(_reader.name, _sender.name, Copy.at, Copy.read_at)
    .join(Instance, Instance.id == Copy.instance_id)
    .join(_reader, _reader.id == Copy.to_id)
    .outerjoin(_sender, _sender.id == Copy.by_id)
    .where(Instance.number == bindparam("number"))
    .order_by(Copy.id)
)
_UNREAD = (
    select(Copy.id)
    .join(Instance, Instance.id == Copy.instance_id)
    .where(Instance.number == bindparam("number"), Copy.to_id == bindparam("viewer"), Copy.read_at.is_(None))
)


def of_case(session: Session, instance_number: str) -> list[CopyView]:
    """To whom a case was sent, in order."""
    return [CopyView(*row) for row in session.connection().execute(_OF_CASE, {"number": instance_number})]


def unread(session: Session, viewer: Viewer, instance_number: str) -> bool:
    """Whether the case was sent to somebody and they have not opened it."""
    given = {"number": instance_number, "viewer": viewer.person_id}
    return session.connection().execute(_UNREAD, given).first() is not None
