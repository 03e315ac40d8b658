"""Finding instances (办件): by person, place, process, actor, time, kind of act and text, within what a person may see."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    bindparam,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    union,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from workflows.access import Viewer, charge, held_on, office_day
from workflows.audit import Act, ActorKind, Kind, person_stream, record
from workflows.audit.export import Exported, Say, Sheet, as_json, as_workbook, chinese
from workflows.case import STATUSES
from workflows.db import Database
from workflows.errors import N_, NotFound
from workflows.models import Candidate, Definition, Event, Instance, Membership, Organisation, Person, Task
from workflows.people import COUNTED, Page, part_of
from workflows.settings import OFFICE_ZONE

#: An export of a search holds at most so many cases; the sheet says so when there were more.
EXPORT_LIMIT = 2000
#: Spelt as the indexes are: a value that is bound would not be recognised.
_OPEN = Task.status == literal_column("'open'")


@dataclass(frozen=True)
class Sought:
    """What somebody is looking for; every empty field is no condition."""

    #: Applicant: part of the name, or the whole person number.
    person: str = ""
    #: Organisation code; cases run there or below.
    place: str = ""
    process_id: str = ""
    #: Somebody who acted in the case: part of the name, or the whole person number.
    actor: str = ""
    #: Days between which something happened in the case, both included.
    since: date | None = None
    until: date | None = None
    #: Kind of act (``task:completed``), see ``workflows.audit.Kind``.
    kind: str = ""
    #: How the actor acted: person, proxy, administrator, rule, timeout, import.
    actor_kind: str = ""
    #: Part of the title, or the whole number.
    text: str = ""
    #: A key of ``workflows.case.STATUSES``.
    status: str = ""
    #: Only what the person who looks has started; not what that has called.
    own: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing was asked for."""
        return self == Sought()

    def as_words(self) -> dict[str, str]:
        """The conditions as the record keeps them."""
        return {field.name: str(value) for field in fields(self) if (value := getattr(self, field.name))}


@dataclass(frozen=True)
class CaseRow:
    """One instance in a list, with who has it now."""

    number: str
    title: str
    process_id: str
    process_name: str
    organisation_name: str
    starter_name: str
    starter_number: str
    status: str
    #: Id of the end event reached.
    outcome: str | None
    definition: str
    started_at: datetime
    ended_at: datetime | None
    #: Open steps: (name, due or nothing).
    waiting: tuple[tuple[str, datetime | None], ...] = ()

    @property
    def due_at(self) -> datetime | None:
        """The nearest deadline of what it waits for."""
        return min((due for _, due in self.waiting if due is not None), default=None)


@dataclass(frozen=True)
class Choices:
    """What the form of a search offers: (value, name)."""

    processes: tuple[tuple[str, str], ...]
    places: tuple[tuple[str, str], ...]


def _people(text: str) -> ColumnElement[bool]:
    return or_(Person.name.contains(text, autoescape=True), Person.number == text)


def _acts(sought: Sought) -> ColumnElement[bool] | None:
    """Condition: one act of the case fits actor, kind and time together."""
    wanted: list[ColumnElement[bool]] = []
    if sought.actor:
        wanted.append(Event.actor.in_(select(Person.number).where(_people(sought.actor))))
    if sought.kind:
        wanted.append(Event.kind == sought.kind)
    if sought.actor_kind:
        wanted.append(Event.actor_kind == sought.actor_kind)
    if sought.since:
        wanted.append(Event.at >= datetime.combine(sought.since, time(0), OFFICE_ZONE))
    if sought.until:
        wanted.append(Event.at < datetime.combine(sought.until + timedelta(days=1), time(0), OFFICE_ZONE))
    if not wanted:
        return None
    return exists().where(Event.instance == Instance.number, *wanted)


#: Who is in charge of more organisations than this has the cases looked through in their order, not place by place.
_PLACES = 16
#: What a number looks like: whoever types one seeks that case and no title.
_NUMBER = re.compile(r"[A-Za-z]{1,4}-\d{4}-\d+(-\d+)*")


@dataclass(frozen=True)
class _Shape:
    """What a search asks, without its values: each is made into a statement once."""

    #: Roles held, and organisations in charge (none where there are too many to name).
    groups: int = 0
    places: int | None = 0
    own: bool = False
    filters: frozenset[str] = frozenset()


def _params(sought: Sought) -> dict[str, Any]:
    """The values of the conditions that stand in a shape."""
    given: dict[str, Any] = {
        "person": sought.person and part_of(sought.person),
        "place": sought.place, "process": sought.process_id, "status": sought.status,
    }
    if _NUMBER.fullmatch(sought.text):
        given["number"] = sought.text.upper()
    else:
        given["title"] = sought.text and part_of(sought.text)
    return {name: value for name, value in given.items() if value}


def _conditions(filters: frozenset[str]) -> list[ColumnElement[bool]]:
    """Conditions on ``Instance``."""
    known = {
        "person": lambda: Instance.starter_id.in_(select(Person.id).where(
            or_(Person.name.like(bindparam("person"), escape="/"), Person.number == bindparam("person_number"))
        )),
        "place": lambda: Instance.organisation_id.in_(select(_below("place").c.id)),
        "process": lambda: Instance.process_id == bindparam("process"),
        "status": lambda: Instance.status == bindparam("status"),
        "number": lambda: Instance.number == bindparam("number"),
        "title": lambda: Instance.title.like(bindparam("title"), escape="/"),
    }  # fmt: skip
    return [known[name]() for name in sorted(filters)]


@cache
def _below(name: str) -> CTE:
    """Keys of the organisation with the code that is bound as ``name``, and of everything below it."""
    top = select(Organisation.id).where(Organisation.code == bindparam(name)).cte("within", recursive=True)
    child = aliased(Organisation)
    return top.union_all(select(child.id).where(child.parent_id == top.c.id))


def _charge(session: Session, viewer: Viewer) -> list[int] | None:
    """Keys of the organisations whose cases somebody reads because of a role; none where there are too many to name."""
    tops = charge(viewer)
    if not tops:
        return []
    found = session.connection().execute(_CHARGE, {"tops": list(tops), "upto": _PLACES + 1}).scalars().all()
    return list(found) if len(found) <= _PLACES else None


def _in_charge() -> CTE:
    top = select(Organisation.id).where(Organisation.id.in_(bindparam("tops", expanding=True))).cte("tops", recursive=True)
    child = aliased(Organisation)
    return top.union(select(child.id).where(child.parent_id == top.c.id))


_BELOW = _in_charge()
_CHARGE = select(_BELOW.c.id).limit(bindparam("upto"))


def _cases(shape: _Shape) -> list[ColumnElement[bool]]:
    """Conditions on ``Instance``, one for each way to see a case for what it is: one's own, or in one's charge."""
    own = Instance.starter_id == bindparam("viewer")
    if shape.own:
        return [and_(own, Instance.parent_id.is_(None))]
    if shape.places is None:
        # Not by the index of one organisation after another: the latest are soon found among all.
        return [own, func.coalesce(Instance.organisation_id, 0).in_(select(_BELOW.c.id))]
    return [own, *(Instance.organisation_id == bindparam(f"place_{n}") for n in range(shape.places))]


def _tasks(shape: _Shape) -> list[ColumnElement[bool]]:
    """Conditions on ``Task``, one for each way to see a case for a task in it: done by somebody, or to be done by them."""
    if shape.own:
        return []
    roles = [
        and_(_OPEN, Task.organisation_id == bindparam(f"organisation_{n}"), Task.role == bindparam(f"role_{n}"))
        for n in range(shape.groups)
    ]
    further = [
        and_(Candidate.organisation_id == bindparam(f"organisation_{n}"), Candidate.role == bindparam(f"role_{n}"))
        for n in range(shape.groups)
    ]
    beside = select(Candidate.task_id).where(or_(Candidate.person_id == bindparam("viewer"), *further))
    return [
        Task.done_by_id == bindparam("viewer"), and_(_OPEN, Task.holder_id == bindparam("viewer")),
        and_(_OPEN, Task.delegate_id == bindparam("viewer")), *roles, and_(_OPEN, Task.id.in_(beside)),
    ]  # fmt: skip


def _statement(shape: _Shape, acts: ColumnElement[bool] | None) -> Select[Any]:
    conditions = [*_conditions(shape.filters), *([] if acts is None else [acts])]
    upto: BindParameter[int] = bindparam("upto")
    ways = [
        select(Instance.id).where(way, *conditions).order_by(Instance.id.desc()).limit(upto) for way in _cases(shape)
    ]
    for way in _tasks(shape):
        one = select(Task.instance_id).where(way)
        if conditions:
            one = one.join(Instance, Instance.id == Task.instance_id).where(*conditions)
        ways.append(one.distinct().order_by(Task.instance_id.desc()).limit(upto))
    found = [select(way.subquery()) for way in ways]
    keys = union(*found).cte("seen").prefix_with("MATERIALIZED")
    key = next(iter(keys.c))
    total = select(func.count()).select_from(keys).scalar_subquery()
    page = select(key).order_by(key.desc()).limit(bindparam("size")).offset(bindparam("first")).subquery()
    starter = aliased(Person)
    return (
        select(
            Instance.id, Instance.number, Instance.title, Instance.process_id, Definition.name, Organisation.name,
            starter.name, starter.number, Instance.status, Instance.outcome, Instance.definition, Instance.started_at,
            Instance.ended_at, total,
        )
        .join(Definition, Definition.digest == Instance.definition)
        .join(Organisation, Organisation.id == Instance.organisation_id)
        .join(starter, starter.id == Instance.starter_id)
        .where(Instance.id.in_(select(page)))
        .order_by(Instance.id.desc())
    )  # fmt: skip


@cache
def _plain(shape: _Shape) -> Select[Any]:
    """The statement of a search that asks for no acts."""
    return _statement(shape, None)


def find(
    session: Session, viewer: Viewer, sought: Sought, *, at: datetime, page: int = 1, size: int = 20
) -> Page:
    """The cases that fit and that the person may see, the latest first; rows are ``CaseRow``.

    Each way to see a case is read in the order of the page and as far as it goes; what is beyond is not counted.
    """
    groups = sorted({(held.organisation_id, held.role) for held in viewer.memberships})
    places = [] if sought.own else _charge(session, viewer)
    params = _params(sought)
    shape = _Shape(len(groups), None if places is None else len(places), sought.own, frozenset(params))
    upto = max(COUNTED, page * size + 1)
    params |= {
        "viewer": viewer.person_id, "person_number": sought.person, "tops": list(charge(viewer)),
        "upto": upto, "size": size, "first": (page - 1) * size,
    }  # fmt: skip
    for n, (organisation_id, role) in enumerate(groups):
        params |= {f"organisation_{n}": organisation_id, f"role_{n}": role}
    params |= {f"place_{n}": place for n, place in enumerate(places or ())}
    acts = _acts(sought)
    statement = _plain(shape) if acts is None else _statement(shape, acts)
    rows = session.connection().execute(statement, params).all()
    waiting = _waiting(session, [row[0] for row in rows])
    found = [CaseRow(*(*row[1:13], waiting.get(row[0], ()))) for row in rows]
    total = rows[0][13] if rows else 0
    return Page(found, min(total, upto), page, size, at_least=total >= upto)


_OPEN_STEPS = (
    select(Task.instance_id, Task.name, Task.due_at)
    .where(Task.instance_id.in_(bindparam("instances", expanding=True)), Task.status == "open")
    .order_by(Task.id)
)


def _waiting(session: Session, instances: list[int]) -> Mapping[int, tuple[tuple[str, datetime | None], ...]]:
    found: dict[int, tuple[tuple[str, datetime | None], ...]] = {}
    if instances:
        for instance_id, name, due_at in session.connection().execute(_OPEN_STEPS, {"instances": instances}):
            found[instance_id] = (*found.get(instance_id, ()), (name, due_at))
    return found


def choices(session: Session, viewer: Viewer) -> Choices:
    """What the person can choose from: processes, and the places in their charge and what lies above them."""
    rows = session.connection().execute(_CHOICES, {"tops": list(charge(viewer)), "upto": COUNTED}).all()
    named = {
        kind: tuple(sorted((row.key, row.name) for row in rows if row.kind == kind)) for kind in ("process", "place")
    }
    return Choices(named["process"], named["place"])


def _choices() -> CompoundSelect[Any]:
    processes = select(
        literal("process").label("kind"), Definition.process_id.label("key"), func.max(Definition.name).label("name")
    ).group_by(Definition.process_id)
    own = select(Organisation.id, Organisation.parent_id).where(Organisation.id.in_(select(_BELOW.c.id).limit(bindparam("upto"))))
    line = own.cte("line", recursive=True)
    above = aliased(Organisation)
    line = line.union(select(above.id, above.parent_id).where(above.id == line.c.parent_id))
    places = select(literal("place"), Organisation.code, Organisation.name).where(Organisation.id.in_(select(line.c.id)))
    return union_all(processes, places)


_CHOICES = _choices()


def colleagues(session: Session, viewer: Viewer, text: str, *, at: datetime, limit: int = 10) -> list[tuple[str, str]]:
    """(number, name) of people who hold a role today at the viewer's organisations or below, by name or number.

    Nobody finds people of an organisation that is not theirs (trust.md, check 18).
    """
    own = [held.organisation_id for held in viewer.memberships]
    top = select(Organisation.id).where(Organisation.id.in_(own)).cte("own", recursive=True)
    child = aliased(Organisation)
    below = top.union_all(select(child.id).where(child.parent_id == top.c.id))
    holding = exists().where(
        Membership.person_id == Person.id, Membership.organisation_id.in_(select(below.c.id)), held_on(office_day(at))
    )
    rows = session.execute(
        select(Person.number, Person.name).where(_people(text), holding).order_by(Person.name, Person.number).limit(limit)
    )
    return [(row.number, row.name) for row in rows]


def export(
    db: Database, viewer: Viewer, sought: Sought, format: str, *, at: datetime, say: Say = chinese
) -> Exported:
    """The cases that fit, as a workbook or JSON; recorded in the person's stream (``record:exported``)."""
    if format not in {"xlsx", "json"}:
        raise NotFound()
    with db.read() as session:
        found = find(session, viewer, sought, at=at, size=EXPORT_LIMIT)
    exported = as_workbook([_sheet(found.rows, found.at_least, say)]) if format == "xlsx" else _json(found, sought)
    exported = Exported(f"search-{at.astimezone(OFFICE_ZONE):%Y%m%d-%H%M}.{format}", exported.media_type, exported.content)
    with db.write() as session:
        record(
            session,
            Act(person_stream(viewer.number), Kind.RECORD_EXPORTED, at, viewer.actor(ActorKind.PERSON),
                payload={"sought": sought.as_words(), "cases": len(found.rows), "format": format,
                         "sha256": exported.sha256}),
        )
    return exported


def _sheet(rows: Iterable[CaseRow], more: bool, say: Say) -> Sheet:
    heads = (
        N_("办件编号"), N_("名称"), N_("事项"), N_("用人单位"), N_("申请人"), N_("状态"), N_("当前环节"), N_("办理期限"),
        N_("发起时间"), N_("办结时间"),
    )  # fmt: skip
    lines: list[list[object]] = [
        [
            row.number, row.title, say(row.process_name, {}), row.organisation_name, row.starter_name,
            say(STATUSES.get(row.status, row.status), {}), "、".join(say(name, {}) for name, _ in row.waiting), row.due_at,
            row.started_at, row.ended_at,
        ]
        for row in rows
    ]  # fmt: skip
    if more:
        lines.append([say(N_("还有更多办件，本表只列前 %(shown)s 件"), {"shown": len(lines)})])
    return Sheet(say(N_("办件"), {}), [say(head, {}) for head in heads], lines)


def _json(found: Page, sought: Sought) -> Exported:
    rows = [{field.name: getattr(row, field.name) for field in fields(row)} for row in found.rows]
    return as_json({"sought": sought.as_words(), "total": found.total, "more": found.at_least, "cases": rows})
