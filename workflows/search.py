"""Finding instances (办件): by person, place, process, actor, time, kind of act and text, within what a person may see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from workflows.access import Viewer, held_on, may_see, office_day
from workflows.audit import Act, ActorKind, Kind, person_stream, record
from workflows.audit.export import Exported, Say, Sheet, as_json, as_workbook, chinese
from workflows.case import STATUSES
from workflows.db import Database
from workflows.errors import N_, NotFound
from workflows.models import Definition, Event, Instance, Membership, Organisation, Person, Task
from workflows.people import Page
from workflows.settings import OFFICE_ZONE

#: An export of a search holds at most so many cases; the sheet says so when there were more.
EXPORT_LIMIT = 2000


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


def _within(code: str) -> ColumnElement[bool]:
    """Condition: the case runs at the organisation with that code or below it."""
    top = select(Organisation.id).where(Organisation.code == code).cte("within", recursive=True)
    child = aliased(Organisation)
    within = top.union_all(select(child.id).where(child.parent_id == top.c.id))
    return Instance.organisation_id.in_(select(within.c.id))


def _where(viewer: Viewer, sought: Sought, at: datetime) -> list[ColumnElement[bool]]:
    own = and_(Instance.starter_id == viewer.person_id, Instance.parent_id.is_(None))
    found = [own if sought.own else may_see(viewer, at)]
    if sought.person:
        found.append(Instance.starter_id.in_(select(Person.id).where(_people(sought.person))))
    if sought.place:
        found.append(_within(sought.place))
    if sought.process_id:
        found.append(Instance.process_id == sought.process_id)
    if sought.status:
        found.append(Instance.status == sought.status)
    if sought.text:
        title = Instance.title.contains(sought.text, autoescape=True)
        found.append(or_(title, Instance.number == sought.text.upper()))
    acts = _acts(sought)
    if acts is not None:
        found.append(acts)
    return found


def find(
    session: Session, viewer: Viewer, sought: Sought, *, at: datetime, page: int = 1, size: int = 20
) -> Page:
    """The cases that fit and that the person may see, the latest first; rows are ``CaseRow``."""
    where = _where(viewer, sought, at)
    total = session.execute(select(func.count()).select_from(Instance).where(*where)).scalar_one()
    starter = aliased(Person)
    rows = session.execute(
        select(
            Instance.id, Instance.number, Instance.title, Instance.process_id, Definition.name, Organisation.name,
            starter.name, starter.number, Instance.status, Instance.outcome, Instance.definition, Instance.started_at,
            Instance.ended_at,
        )
        .join(Definition, Definition.digest == Instance.definition)
        .join(Organisation, Organisation.id == Instance.organisation_id)
        .join(starter, starter.id == Instance.starter_id)
        .where(*where)
        .order_by(Instance.started_at.desc(), Instance.id.desc())
        .limit(size)
        .offset((page - 1) * size)
    ).all()  # fmt: skip
    waiting = _waiting(session, [row[0] for row in rows])
    found = [
        CaseRow(
            row[1], row[2], row[3], row[4], row[5], row[6], row[7], row[8], row[9], row[10], row[11], row[12],
            waiting.get(row[0], ()),
        )
        for row in rows
    ]  # fmt: skip
    return Page(found, total, page, size)


def _waiting(session: Session, instances: list[int]) -> Mapping[int, tuple[tuple[str, datetime | None], ...]]:
    found: dict[int, tuple[tuple[str, datetime | None], ...]] = {}
    if instances:
        for instance_id, name, due_at in session.execute(
            select(Task.instance_id, Task.name, Task.due_at)
            .where(Task.instance_id.in_(instances), Task.status == "open")
            .order_by(Task.id)
        ):
            found[instance_id] = (*found.get(instance_id, ()), (name, due_at))
    return found


def choices(session: Session, viewer: Viewer, *, at: datetime) -> Choices:
    """What the person can choose from: processes and organisations that their cases have."""
    rows = session.execute(
        select(Instance.process_id, func.max(Definition.name), Organisation.code, Organisation.name)
        .join(Definition, Definition.digest == Instance.definition)
        .join(Organisation, Organisation.id == Instance.organisation_id)
        .where(may_see(viewer, at))
        .group_by(Instance.process_id, Organisation.code, Organisation.name)
    ).all()
    processes = {row[0]: row[1] for row in rows}
    return Choices(tuple(sorted(processes.items())), _with_those_above(session, [row[2] for row in rows]))


def _with_those_above(session: Session, codes: list[str]) -> tuple[tuple[str, str], ...]:
    """(code, name) of organisations and of everything above them, so that a whole city can be asked for."""
    line = select(Organisation.id, Organisation.parent_id).where(Organisation.code.in_(codes)).cte("line", recursive=True)
    above = aliased(Organisation)
    line = line.union(select(above.id, above.parent_id).where(above.id == line.c.parent_id))
    rows = session.execute(
        select(Organisation.code, Organisation.name).where(Organisation.id.in_(select(line.c.id))).order_by(Organisation.code)
    )
    return tuple((row.code, row.name) for row in rows)


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
    exported = as_workbook([_sheet(found.rows, found.total, say)]) if format == "xlsx" else _json(found, sought)
    exported = Exported(f"search-{at.astimezone(OFFICE_ZONE):%Y%m%d-%H%M}.{format}", exported.media_type, exported.content)
    with db.write() as session:
        record(
            session,
            Act(person_stream(viewer.number), Kind.RECORD_EXPORTED, at, viewer.actor(ActorKind.PERSON),
                payload={"sought": sought.as_words(), "cases": len(found.rows), "format": format,
                         "sha256": exported.sha256}),
        )
    return exported


def _sheet(rows: Iterable[CaseRow], total: int, say: Say) -> Sheet:
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
    if total > len(lines):
        lines.append([say(N_("共 %(total)s 件，本表只列前 %(shown)s 件"), {"total": total, "shown": len(lines)})])
    return Sheet(say(N_("办件"), {}), [say(head, {}) for head in heads], lines)


def _json(found: Page, sought: Sought) -> Exported:
    rows = [{field.name: getattr(row, field.name) for field in fields(row)} for row in found.rows]
    return as_json({"sought": sought.as_words(), "total": found.total, "cases": rows})
