"""The inbox (待办 / 已办): what waits for a person and what they have done. Reads only; no engine state is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, cast, exists, func, literal, nulls_last, or_, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session, aliased

from workflows.access import Viewer, may_take, office_day, subtree
from workflows.models import Definition, Instance, Organisation, Person, Task
from workflows.people import Page


@dataclass(frozen=True)
class Filter:
    """What the person narrows a list to; empty means everything."""

    process_id: str = ""
    #: Organisation code; cases run there or below.
    place: str = ""
    step_id: str = ""
    #: Part of a title, an applicant's name, or a whole number.
    text: str = ""
    #: ``mine`` (claimed by, or assigned to, the person), ``group`` (waiting for anybody of a role), or empty.
    whose: str = ""


@dataclass(frozen=True)
class TaskRow:
    """One task in a list."""

    number: str
    step_id: str
    step_name: str
    instance_number: str
    title: str
    process_name: str
    organisation_name: str
    starter_name: str
    status: str
    opened_at: datetime
    due_at: datetime | None
    due_provisional: bool
    #: Held by, or assigned to, the person who looks.
    mine: bool
    done_at: datetime | None
    outcome: str | None


@dataclass(frozen=True)
class Counts:
    """Numbers on the tabs."""

    todo: int
    done: int
    started: int


@dataclass(frozen=True)
class Choices:
    """What the filters of a list can be set to, each with how many rows it would leave: (value, name, count)."""

    processes: tuple[tuple[str, str, int], ...]
    places: tuple[tuple[str, str, int], ...]
    steps: tuple[tuple[str, str, int], ...]


def excluded(session: Session, number: str) -> ColumnElement[bool]:
    """Condition on ``Task``: its explanation names the person among those who may not take it (own case, 回避)."""
    if session.get_bind().dialect.name == "postgresql":
        named = cast(Task.explanation, JSONB)
        return named.contains({"excluded": [{"number": number}]})
    entry = func.json_each(Task.explanation, "$.excluded").table_valued("value")
    return exists(select(literal(1)).select_from(entry).where(func.json_extract(entry.c.value, "$.number") == number))


def _todo(session: Session, viewer: Viewer, at: datetime) -> ColumnElement[bool]:
    return and_(
        Task.status == "open",
        may_take(viewer.person_id, office_day(at)),
        or_(Task.holder_id.is_(None), Task.holder_id == viewer.person_id),
        ~excluded(session, viewer.number),
    )


def _narrowed(session: Session, given: Filter, viewer: Viewer) -> list[ColumnElement[bool]]:
    """Conditions of a filter on ``Instance`` and ``Task``."""
    found: list[ColumnElement[bool]] = []
    if given.process_id:
        found.append(Instance.process_id == given.process_id)
    if given.step_id:
        found.append(Task.step_id == given.step_id)
    if given.place:
        place = session.execute(select(Organisation.id).where(Organisation.code == given.place)).scalar()
        found.append(subtree((place,) if place is not None else ()))
    if given.text:
        named = select(Person.id).where(Person.name.contains(given.text, autoescape=True))
        found.append(
            or_(
                Instance.title.contains(given.text, autoescape=True),
                Instance.number == given.text,
                Instance.starter_id.in_(named),
            )
        )
    if given.whose == "mine":
        found.append(Task.holder_id == viewer.person_id)
    if given.whose == "group":
        found.append(Task.holder_id.is_(None))
    return found


def counts(session: Session, viewer: Viewer, at: datetime) -> Counts:
    """The three numbers, in one statement."""
    todo = select(func.count()).select_from(Task).where(_todo(session, viewer, at)).scalar_subquery()
    done = select(func.count()).select_from(Task).where(Task.done_by_id == viewer.person_id).scalar_subquery()
    started = select(func.count()).select_from(Instance).where(
        Instance.starter_id == viewer.person_id, Instance.parent_id.is_(None)
    ).scalar_subquery()
    return Counts(*session.execute(select(todo, done, started)).one())


def _tasks(viewer: Viewer) -> Select[Any]:
    starter = aliased(Person)
    return (
        select(
            Task.number, Task.step_id, Task.name, Instance.number, Instance.title, Definition.name, Organisation.name,
            starter.name, Task.status, Task.opened_at, Task.due_at, Task.due_provisional,
            case((Task.holder_id == viewer.person_id, True), else_=False), Task.done_at, Task.outcome,
        )
        .join(Instance, Instance.id == Task.instance_id)
        .join(Definition, Definition.digest == Instance.definition)
        .join(Organisation, Organisation.id == Instance.organisation_id)
        .join(starter, starter.id == Instance.starter_id)
    )  # fmt: skip


def _page(session: Session, query: Select[Any], page: int, size: int) -> tuple[Sequence[Any], int]:
    total = session.execute(select(func.count()).select_from(query.order_by(None).subquery())).scalar_one()
    return session.execute(query.limit(size).offset((page - 1) * size)).all(), total


def todo(session: Session, viewer: Viewer, given: Filter, *, at: datetime, page: int = 1, size: int = 20) -> Page:
    """What waits for the person, the nearest deadline first; rows are ``TaskRow``."""
    query = _tasks(viewer).where(_todo(session, viewer, at), *_narrowed(session, given, viewer))
    rows, total = _page(session, query.order_by(*_by_due()), page, size)
    return Page([TaskRow(*row) for row in rows], total, page, size)


def _by_due() -> tuple[Any, ...]:
    return nulls_last(Task.due_at), Task.priority.desc(), Task.opened_at, Task.id


def done(session: Session, viewer: Viewer, given: Filter, *, page: int = 1, size: int = 20) -> Page:
    """What the person has done, the latest first; rows are ``TaskRow``."""
    query = _tasks(viewer).where(Task.done_by_id == viewer.person_id, *_narrowed(session, given, viewer))
    rows, total = _page(session, query.order_by(Task.done_at.desc(), Task.id.desc()), page, size)
    return Page([TaskRow(*row) for row in rows], total, page, size)


def choices(session: Session, viewer: Viewer, at: datetime, *, tab: str = "todo") -> Choices:
    """What the filters offer on a tab, from the person's own rows, in one statement."""
    where = _todo(session, viewer, at) if tab == "todo" else Task.done_by_id == viewer.person_id
    rows = session.execute(
        select(
            Instance.process_id, func.max(Definition.name), Organisation.code, Organisation.name, Task.step_id,
            func.max(Task.name), func.count(),
        )
        .select_from(Task)
        .join(Instance, Instance.id == Task.instance_id)
        .join(Definition, Definition.digest == Instance.definition)
        .join(Organisation, Organisation.id == Instance.organisation_id)
        .where(where)
        .group_by(Instance.process_id, Organisation.code, Organisation.name, Task.step_id)
    ).all()  # fmt: skip

    def gathered(key: int, name: int) -> tuple[tuple[str, str, int], ...]:
        found: dict[str, tuple[str, int]] = {}
        for row in rows:
            found[row[key]] = (row[name], found.get(row[key], ("", 0))[1] + row[6])
        return tuple((value, words, count) for value, (words, count) in sorted(found.items()))

    return Choices(gathered(0, 1), gathered(2, 3), gathered(4, 5))


def next_task(session: Session, viewer: Viewer, at: datetime, *, besides: str = "") -> TaskRow | None:
    """The task with the nearest deadline that waits for the person, other than the one given."""
    query = _tasks(viewer).where(_todo(session, viewer, at), Task.number != besides).order_by(*_by_due()).limit(1)
    row = session.execute(query).one_or_none()
    return TaskRow(*row) if row is not None else None
