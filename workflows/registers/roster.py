"""Reading R1 教研员名册 and R3 人事台账: who held which appointment on a day, and how it came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, func, or_, select
from sqlalchemy.orm import Session

from workflows import access
from workflows.access import Viewer
from workflows.errors import N_, NotFound
from workflows.models import Organisation, Person, PersonnelEvent, Researcher
from workflows.people import Page

#: Kinds of posts (domain.md 3.0.7, R1).
POST_TYPES = (N_("专职"), N_("兼职"), N_("特约"), N_("参与"))


@dataclass(frozen=True)
class Sought:
    """What a list of the roster is asked for; empty means any."""

    text: str = ""
    organisation: str = ""
    post_type: str = ""
    status: str = ""
    subject: str = ""
    stage: str = ""


@dataclass(frozen=True)
class Appointment:
    """One row of the roster: an appointment as it stood from one day to another."""

    appointment_no: str
    person_number: str
    person_name: str
    organisation_code: str
    organisation_name: str
    level: str
    place: str
    post_type: str
    subjects: Sequence[str]
    stages: Sequence[str]
    start_on: date
    #: Day from which the time on the post is counted (I7, I9).
    base_on: date
    status: str
    term_start: date
    term_end: date | None
    order_no: str | None
    probation_months: int
    from_on: date
    to_on: date | None
    begun_by_event: str
    ended_by_event: str | None
    #: Number of the case that wrote it.
    instance: str | None


@dataclass(frozen=True)
class Happened:
    """One entry of R3: what happened to somebody's post."""

    kind: str
    on: date
    organisation_name: str
    details: Mapping[str, Any]
    event: str
    instance: str | None


@dataclass(frozen=True)
class Held:
    """A person's appointments with every row there ever was, the newest first, and what happened."""

    person_number: str
    person_name: str
    rows: Sequence[Appointment]
    events: Sequence[Happened]

    @property
    def current(self) -> Appointment:
        """The newest row."""
        return self.rows[0]


def standing(on: date) -> ColumnElement[bool]:
    """Condition on ``Researcher``: the row holds on the day."""
    return and_(Researcher.from_on <= on, or_(Researcher.to_on.is_(None), Researcher.to_on >= on))


def _visible(viewer: Viewer) -> ColumnElement[bool]:
    """Condition on ``Researcher``: one's own, or of an office in one's charge."""
    return or_(Researcher.person_id == viewer.person_id, access.within(Researcher.organisation_id, access.charge(viewer)))


def _conditions(sought: Sought, on: date, viewer: Viewer) -> list[ColumnElement[bool]]:
    found = [standing(on), _visible(viewer)]
    if sought.text:
        named = Person.name.contains(sought.text, autoescape=True)
        found.append(or_(named, Person.number == sought.text, Researcher.appointment_no == sought.text))
    if sought.organisation:
        found.append(access.within(Researcher.organisation_id, select(Organisation.id).where(Organisation.code == sought.organisation)))
    for column, wanted in ((Researcher.post_type, sought.post_type), (Researcher.status, sought.status)):
        if wanted:
            found.append(column == wanted)
    for listed, wanted in ((Researcher.subjects, sought.subject), (Researcher.stages, sought.stage)):
        if wanted:
            found.append(cast(listed, String).contains(f'"{wanted}"', autoescape=True))
    return found


def find(session: Session, viewer: Viewer, sought: Sought, *, on: date, page: int = 1, size: int = 30) -> Page:
    """The roster as it stood on a day, of the offices in the viewer's charge and of the viewer; rows are ``Appointment``."""
    where = _conditions(sought, on, viewer)
    counted = select(func.count()).select_from(Researcher).join(Person, Person.id == Researcher.person_id).where(*where)
    total = session.execute(counted).scalar_one()
    rows = _rows(session, where, size=size, offset=(page - 1) * size)
    return Page(rows, total, page, size)


def everyone(session: Session, viewer: Viewer, sought: Sought, *, on: date) -> list[Appointment]:
    """All of the list, for an export."""
    return _rows(session, _conditions(sought, on, viewer))


def _rows(session: Session, where: Sequence[ColumnElement[bool]], *, size: int | None = None, offset: int = 0) -> list[Appointment]:
    query = (
        select(Researcher, Person, Organisation)
        .join(Person, Person.id == Researcher.person_id)
        .join(Organisation, Organisation.id == Researcher.organisation_id)
        .where(*where)
        .order_by(Organisation.code, Person.name, Researcher.id)
        .limit(size).offset(offset)
    )  # fmt: skip
    return [_view(*row) for row in session.execute(query)]


def _view(row: Researcher, person: Person, organisation: Organisation) -> Appointment:
    return Appointment(
        row.appointment_no, person.number, person.name, organisation.code, organisation.name, row.level, organisation.place,
        row.post_type, tuple(row.subjects), tuple(row.stages), row.start_on, row.base_on, row.status, row.term_start, row.term_end,
        row.order_no, row.probation_months, row.from_on, row.to_on, row.begun_by_event, row.ended_by_event, row.instance,
    )  # fmt: skip


def held_by(session: Session, viewer: Viewer, person_number: str) -> Held:
    """Everything of one person that the viewer may see; ``NotFound`` without any row."""
    query = (
        select(Researcher, Person, Organisation)
        .join(Person, Person.id == Researcher.person_id)
        .join(Organisation, Organisation.id == Researcher.organisation_id)
        .where(Person.number == person_number, _visible(viewer))
        .order_by(Researcher.from_on.desc(), Researcher.id.desc())
    )
    rows = [_view(*row) for row in session.execute(query)]
    if not rows:
        raise NotFound()
    happened = session.execute(
        select(PersonnelEvent, Organisation.name)
        .join(Organisation, Organisation.id == PersonnelEvent.organisation_id)
        .join(Person, Person.id == PersonnelEvent.person_id)
        .where(
            Person.number == person_number,
            or_(Person.id == viewer.person_id, access.within(PersonnelEvent.organisation_id, access.charge(viewer))),
        )
        .order_by(PersonnelEvent.on.desc(), PersonnelEvent.id.desc())
    )
    events = [Happened(row.kind, row.on, name, row.details, row.event, row.instance) for row, name in happened]
    return Held(rows[0].person_number, rows[0].person_name, rows, events)


def staff_of(session: Session, organisation_id: int, on: date) -> list[Appointment]:
    """Everybody with an appointment at an institution on a day, who has not left."""
    return _rows(session, [standing(on), Researcher.organisation_id == organisation_id, Researcher.status != "已退出"])

