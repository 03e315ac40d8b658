"""Incidents as pages show them: lists in which nothing that somebody typed stands, and one whole for who may see its case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import ColumnElement, bindparam, case, func, or_, select
from sqlalchemy.orm import Session

from workflows import access, deployment
from workflows.access import Viewer
from workflows.errors import NotFound
from workflows.incidents.raising import CAUSES, DEFECT
from workflows.models import Definition, Incident, Instance, Person
from workflows.people import Page


@dataclass(frozen=True)
class Sought:
    """What a list of incidents is narrowed to; every empty field is no condition."""

    status: str = ""
    cause: str = ""
    process_id: str = ""
    #: Whole number of a case or of an incident.
    text: str = ""


@dataclass(frozen=True)
class IncidentRow:
    """One incident in a list. Nothing that somebody typed stands in it."""

    number: str
    #: ``task``, ``timer``, ``delivery`` or ``start``.
    kind: str
    instance_number: str | None
    process_id: str | None
    process_name: str | None
    step_id: str | None
    step_name: str
    cause: str
    #: The cause in words, a message id.
    words: str
    at: datetime
    tries: int
    next_try_at: datetime | None
    status: str


@dataclass(frozen=True)
class IncidentView(IncidentRow):
    """One incident whole, as an administrator sees it."""

    #: Who acted when it failed; empty for a machine.
    by_name: str | None
    #: Where in the diagram: place of the expression and the expression, the order; never values.
    place: str
    expression: str
    order: str
    #: Kind of a program's error and the places of the program it came through.
    error: str
    where: Sequence[str]
    #: The sentence with the reason, which may hold values of the case: empty unless the viewer may see the case.
    message: str
    params: Mapping[str, str]
    text: str
    may_see: bool
    #: Whether it can be given up without losing anything.
    dismissible: bool
    ended_at: datetime | None
    ended_by_name: str | None


def _rows(session: Session, where: Sequence[ColumnElement[bool]], size: int, offset: int) -> list[tuple[Incident, IncidentRow]]:
    rows = session.execute(
        select(Incident, Instance.number, Instance.process_id, Definition.name, Instance.definition)
        .outerjoin(Instance, Instance.id == Incident.instance_id)
        .outerjoin(Definition, Definition.digest == Instance.definition)
        .where(*where)
        # What is to be done stands first, the newest on top.
        .order_by(case((Incident.status == "open", 0), else_=1), Incident.at.desc(), Incident.id.desc())
        .limit(size)
        .offset(offset)
    ).all()
    return [(row, _row(session, row, number, process, name, digest)) for row, number, process, name, digest in rows]


def _row(
    session: Session, row: Incident, number: str | None, process: str | None, name: str | None, digest: str | None
) -> IncidentRow:
    step_name = row.step_id or ""
    if row.params.get("step"):  # a step after the one that somebody did
        step_name = str(row.params["step"])
    elif digest is not None and row.step_id is not None:
        step = deployment.definition(session, digest).diagram.steps.get(row.step_id)
        step_name = step.name or step.id if step is not None else row.step_id
    return IncidentRow(
        row.number, row.subject.partition(":")[0], number, process, name, row.step_id, step_name, row.cause,
        CAUSES.get(row.cause, DEFECT), row.at, row.tries, row.next_try_at, row.status,
    )  # fmt: skip


def find(session: Session, sought: Sought, *, page: int = 1, size: int = 30) -> Page:
    """Incidents, the open ones first; rows are ``IncidentRow``."""
    where: list[ColumnElement[bool]] = []
    if sought.status:
        where.append(Incident.status == sought.status)
    if sought.cause:
        where.append(Incident.cause == sought.cause)
    if sought.process_id:
        where.append(Instance.process_id == sought.process_id)
    if sought.text:
        where.append(or_(Instance.number == sought.text.upper(), Incident.number == sought.text.lower()))
    total = session.execute(
        select(func.count()).select_from(Incident).outerjoin(Instance, Instance.id == Incident.instance_id).where(*where)
    ).scalar_one()
    found = _rows(session, where, size, (page - 1) * size)
    return Page([row for _, row in found], total, page, size)


def causes(session: Session) -> list[tuple[str, str]]:
    """(cause, its words) of every incident there is, for a filter."""
    found = session.execute(select(Incident.cause).distinct().order_by(Incident.cause)).scalars()
    return [(cause, CAUSES.get(cause, cause)) for cause in found]


def one(session: Session, viewer: Viewer, number: str, at: datetime) -> IncidentView:
    """One incident; ``NotFound`` without it. What may hold values of the case is for those who may see the case."""
    found = _rows(session, [Incident.number == number], 1, 0)
    if not found:
        raise NotFound()
    row, listed = found[0]
    may_see = row.instance_id is not None and session.execute(
        select(Instance.id).where(Instance.id == row.instance_id, access.may_see(viewer, at))
    ).first() is not None
    names = dict(session.execute(
        select(Person.id, Person.name).where(Person.id.in_([row.by_id or 0, row.ended_by_id or 0]))
    ).tuples().all())
    return IncidentView(
        **{field.name: getattr(listed, field.name) for field in fields(listed)},
        by_name=names.get(row.by_id or 0), place=row.params.get("place", ""), expression=row.params.get("expression", ""),
        order=row.params.get("order", ""), error=str(row.detail.get("kind", "")), where=row.detail.get("where", ()),
        message=row.message if may_see else "", params=row.params if may_see else {},
        text=str(row.detail.get("text", "")) if may_see else "", may_see=may_see,
        dismissible=row.status == "open" and listed.kind in {"task", "start"},
        ended_at=row.ended_at, ended_by_name=names.get(row.ended_by_id or 0),
    )  # fmt: skip


_OPEN_IN = (
    select(Incident.number)
    .join(Instance, Instance.id == Incident.instance_id)
    .where(Instance.number == bindparam("number"), Incident.status == "open")
    .order_by(Incident.id)
)


def open_in(session: Session, instance_number: str) -> list[str]:
    """Numbers of the open incidents of a case, for the word on its page."""
    return list(session.connection().execute(_OPEN_IN, {"number": instance_number}).scalars())


def count_open(session: Session) -> int:
    """How many incidents wait."""
    return session.execute(select(func.count()).select_from(Incident).where(Incident.status == "open")).scalar_one()
