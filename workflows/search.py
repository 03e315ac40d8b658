"""Finding instances (办件): by person, place, process, actor, time, kind of act and text, within what a person may see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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

from workflows import terms
from workflows.access import OFFICE_ROLES, Viewer, charge, charged, held_on, office_day
from workflows.audit import Act, ActorKind, Kind, person_stream, record
from workflows.audit.export import Exported, Say, Sheet, as_json, as_workbook, chinese
from workflows.case import STATUSES
from workflows.db import Database
from workflows.errors import N_, NotFound
from workflows.models import Candidate, Copy, Definition, Event, Instance, Membership, Organisation, Person, Task, Term
from workflows.people import COUNTED, Page, bureaus_of, part_of
from workflows.settings import OFFICE_ZONE
from workflows.terms import Range

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
    #: Part of the title or of the applicant's name, or the whole number.
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
    #: What it is about, in a line, by its process's rule; empty without one.
    summary: str = ""
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


#: How far ranges are counted to see which is the rarest.
_FEW = 500


@dataclass(frozen=True)
class _Shape:
    """What a search asks, without its values: each is made into a statement once."""

    #: Roles held, and organisations in charge.
    groups: int = 0
    charges: int = 0
    own: bool = False
    filters: frozenset[str] = frozenset()
    #: The kind of range that is read (workflows.terms), each of its cases asked whether the person may see it; none where
    #: the ways by which they see cases are read instead.
    kind: str = ""


def _params(sought: Sought) -> dict[str, Any]:
    """The values of the conditions that stand in a shape."""
    given: dict[str, Any] = {
        "person": sought.person, "place": sought.place and terms.place(sought.place), "process": sought.process_id,
        "status": sought.status,
    }
    if terms.NUMBER.fullmatch(sought.text):
        given["number"] = sought.text.upper()
    else:
        given["words"] = part_of(terms.folded(sought.text)) if terms.folded(sought.text) else ""
    found = {name: value for name, value in given.items() if value}
    if sought.person:
        # A name is the second line of the words.
        found["name"] = "%\n" + part_of(terms.folded(sought.person))
    return found


def _ranges(sought: Sought, params: Mapping[str, Any]) -> list[Range]:
    """Ranges of which each holds every case that is sought."""
    if "number" in params:
        return [Range("number", (params["number"],))]
    found = [] if "words" not in params else terms.of_words(sought.text)
    if sought.place:
        found.append(Range("term", (params["place"],)))
    if sought.process_id:
        found.append(Range("term", (terms.process(sought.process_id),)))
    if sought.status:
        found.append(Range("status", (sought.status,)))
    return found


def _conditions(shape: _Shape) -> list[ColumnElement[bool]]:
    """Conditions on ``Instance``."""
    known = {
        # Whoever types a whole number means that person.
        "person": lambda: or_(
            Instance.words.like(bindparam("name"), escape="/"), Instance.starter_id == terms.person_key("person")
        ),
        "place": lambda: terms.has("place"),
        "process": lambda: Instance.process_id == bindparam("process"),
        # Not by its index, unless that is what is read.
        "status": lambda: func.coalesce(Instance.status, "") == bindparam("status"),
        "number": lambda: Instance.number == bindparam("number"),
        "words": lambda: Instance.words.like(bindparam("words"), escape="/"),
    }  # fmt: skip
    return [known[name]() for name in sorted(shape.filters & known.keys())]


def _in_charge() -> CTE:
    top = select(Organisation.id).where(Organisation.id.in_(bindparam("tops", expanding=True))).cte("tops", recursive=True)
    child = aliased(Organisation)
    return top.union(select(child.id).where(child.parent_id == top.c.id))


_BELOW = _in_charge()


def _own(shape: _Shape) -> ColumnElement[bool]:
    own = Instance.starter_id == bindparam("viewer")
    return and_(own, Instance.parent_id.is_(None)) if shape.own else own


def _tasks(shape: _Shape) -> list[ColumnElement[bool]]:
    """Conditions on ``Task``, one for each way to see a case for a task in it: done by somebody, or to be done by them."""
    if shape.own:
        return []
    roles = [
        and_(_OPEN, Task.organisation_id == bindparam(f"group{n}_organisation"), Task.role == bindparam(f"group{n}_role"))
        for n in range(shape.groups)
    ]
    return [
        Task.done_by_id == bindparam("viewer"), and_(_OPEN, Task.holder_id == bindparam("viewer")),
        and_(_OPEN, Task.delegate_id == bindparam("viewer")), *roles,
    ]  # fmt: skip


def _beside(shape: _Shape) -> ColumnElement[bool]:
    """Condition on ``Candidate``: the person is one, or holds the role."""
    further = [
        and_(Candidate.organisation_id == bindparam(f"group{n}_organisation"), Candidate.role == bindparam(f"group{n}_role"))
        for n in range(shape.groups)
    ]
    return or_(Candidate.person_id == bindparam("viewer"), *further)


def _by_ways(shape: _Shape, conditions: Sequence[ColumnElement[bool]]) -> list[Select[Any]]:
    """The cases that somebody sees, by each way for itself: the latest of those that fit."""
    upto: BindParameter[int] = bindparam("upto")
    ways = [select(Instance.id).where(_own(shape), *conditions).order_by(Instance.id.desc()).limit(upto)]
    beside = [] if shape.own else [and_(_OPEN, Task.id.in_(select(Candidate.task_id).where(_beside(shape))))]
    for way in [*_tasks(shape), *beside]:
        fit = [terms.fits(Task.instance_id, *conditions)] if conditions else []
        one = select(Task.instance_id).where(way, *fit)
        ways.append(one.distinct().order_by(Task.instance_id.desc()).limit(upto))
    if not shape.own and shape.groups:
        fit = [terms.fits(Copy.instance_id, *conditions)] if conditions else []
        sent = select(Copy.instance_id).where(Copy.to_id == bindparam("viewer"), *fit)
        ways.append(sent.order_by(Copy.instance_id.desc()).limit(upto))
    for n in range(0 if shape.own else shape.charges):
        fit = [terms.fits(Term.instance_id, *conditions)] if conditions else []
        ways.append(terms.keys("term", f"charge_{n}").where(*fit).limit(upto))
    return ways


def _by_range(shape: _Shape, conditions: Sequence[ColumnElement[bool]]) -> list[Select[Any]]:
    """The cases of one range that fit, each asked whether the person sees it."""
    beside = and_(_OPEN, select(Candidate.id).where(Candidate.task_id == Task.id, _beside(shape)).limit(1)
                  .correlate(Task).scalar_subquery().is_not(None))  # fmt: skip
    acted = select(Task.id).where(Task.instance_id == Instance.id, or_(*_tasks(shape), beside)).limit(1)
    sent = select(Copy.id).where(Copy.instance_id == Instance.id, Copy.to_id == bindparam("viewer")).limit(1)
    seen = or_(
        _own(shape), *(terms.has(f"charge_{n}_0") for n in range(shape.charges)),
        acted.correlate(Instance).scalar_subquery().is_not(None),
        *([sent.correlate(Instance).scalar_subquery().is_not(None)] if shape.groups else []),
    )  # fmt: skip
    upto: BindParameter[int] = bindparam("upto")
    if shape.kind == "beginning":
        few = terms.keys(shape.kind, "range")
        return [select(Instance.id).where(Instance.id.in_(few), *conditions, seen).order_by(Instance.id.desc()).limit(upto)]
    fit = [terms.fits(Term.instance_id, *conditions, seen)] if shape.kind == "term" else [*conditions, seen]
    return [terms.keys(shape.kind, "range").where(*fit).limit(upto)]


def _statement(shape: _Shape, acts: ColumnElement[bool] | None) -> Select[Any]:
    conditions = [*_conditions(shape), *([] if acts is None else [acts])]
    ways = _by_range(shape, conditions) if shape.kind else _by_ways(shape, conditions)
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
            Instance.ended_at, Instance.summary, total,
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


def _read_by(
    session: Session, viewer: Viewer, groups: Sequence[tuple[int, str]], charges: Sequence[Range],
    sought: Sought, params: Mapping[str, Any],
) -> Range | None:
    """The range to read, where it is rarer than what the person sees; nothing where what they see is to be read.

    Both are in the order of the page, so whichever has fewer cases is left sooner: one statement counts them all, none
    further than ``_FEW``, and beyond that the one whose counted cases reach further back is the rarer.
    """
    asked = _ranges(sought, params)
    if [one.kind for one in asked] == ["number"]:
        return asked[0]
    person = [Range("person", (sought.person,)), *terms.of_words(sought.person)] if sought.person else []
    if sought.own or not (asked or person):
        return None
    ways = [
        Range("starter", (viewer.person_id,)), Range("done", (viewer.person_id,)), *(Range("group", one) for one in groups),
        *charges,
    ]  # fmt: skip
    every = [*asked, *person, *ways]
    counted = terms.sizes(session, every, _FEW)
    size = dict(zip(every, counted, strict=True))
    if person:
        # A whole number, or part of a name.
        asked += person[:1] if size[person[0]].count else person[1:]
    rarest = terms.rarest({one: size[one] for one in asked})
    widest = max((size[one] for one in ways), key=lambda one: (not one.whole, one.least or 0))
    if rarest is None or widest.whole:
        return None
    return rarest[0] if rarest[1].whole or (rarest[1].least or 0) < (widest.least or 0) else None


def find(
    session: Session, viewer: Viewer, sought: Sought, *, at: datetime, page: int = 1, size: int = 20
) -> Page:
    """The cases that fit and that the person may see, the latest first; rows are ``CaseRow``.

    What is read, be it what the person sees or what is sought, is an index in the order of the page, and is read as far as
    the page goes; what is beyond is not counted.
    """
    groups = sorted({(held.organisation_id, held.role) for held in viewer.memberships})
    charges = [Range("term", (terms.place(code),)) for code in charged(viewer)]
    params = _params(sought)
    read = _read_by(session, viewer, groups, charges, sought, params)
    shape = _Shape(len(groups), len(charges), sought.own, frozenset(params), "" if read is None else read.kind)
    upto = max(COUNTED, page * size + 1)
    params |= {"viewer": viewer.person_id, "upto": upto, "size": size, "first": (page - 1) * size}
    for n, (organisation_id, role) in enumerate(groups):
        params |= {f"group{n}_organisation": organisation_id, f"group{n}_role": role}
    for n, one in enumerate(charges):
        params |= one.params(f"charge_{n}")
    params |= {} if read is None else read.params("range")
    acts = _acts(sought)
    statement = _plain(shape) if acts is None else _statement(shape, acts)
    rows = session.connection().execute(statement, params).all()
    waiting = _waiting(session, [row[0] for row in rows])
    found = [CaseRow(*(*row[1:14], waiting.get(row[0], ()))) for row in rows]
    total = rows[0][14] if rows else 0
    return Page(found, min(total, upto), page, size, at_least=total >= upto)


_OPEN_STEPS = (
    select(Task.instance_id, Task.name, Task.due_at)
    .where(Task.instance_id.in_(bindparam("instances", expanding=True)), Task.status == "open", Task.main_id.is_(None))
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

    Nobody finds people of an organisation that is not theirs (trust.md, check 18); an institution's office finds those of
    its own bureau, out of whom it forms a panel.
    """
    holding = of_ones_office(session, viewer, at)
    rows = session.execute(
        select(Person.number, Person.name).where(_people(text), holding).order_by(Person.name, Person.number).limit(limit)
    )
    return [(row.number, row.name) for row in rows]


def of_ones_office(session: Session, viewer: Viewer, at: datetime) -> ColumnElement[bool]:
    """Condition on ``Person``: those whom ``colleagues`` finds."""
    own = [held.organisation_id for held in viewer.memberships]
    offices = [held.organisation_code for held in viewer.memberships if held.org_type == "tri" and held.role in OFFICE_ROLES]
    if offices:
        bureaus = select(Organisation.id).where(Organisation.code.in_(bureaus_of(session, offices).values()))
        own += session.execute(bureaus).scalars()
    top = select(Organisation.id).where(Organisation.id.in_(own)).cte("own", recursive=True)
    child = aliased(Organisation)
    below = top.union_all(select(child.id).where(child.parent_id == top.c.id))
    return exists().where(
        Membership.person_id == Person.id, Membership.organisation_id.in_(select(below.c.id)), held_on(office_day(at))
    )


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
