"""The inbox (待办 / 已办): what waits for a person and what they have done. Reads only; no engine state is loaded.

However many tasks wait, a page costs the same: each way by which a task comes to somebody is an index that is read in
the order of the page, as far as the page goes, and nothing is counted further than ``COUNTED``. A list that is narrowed to
what few cases have (a name, a school) is read from those cases instead (workflows.terms).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

import orjson
from sqlalchemy import (
    CTE,
    BindParameter,
    ColumnElement,
    Date,
    ScalarSelect,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal,
    literal_column,
    nulls_last,
    or_,
    select,
    union,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session, aliased

from workflows import deployment, terms
from workflows.access import Viewer, office_day, stands_in
from workflows.errors import N_
from workflows.models import (
    Candidate,
    Copy,
    Definition,
    FollowUp,
    Instance,
    Organisation,
    Person,
    Proxy,
    SavedFilter,
    Task,
    Urge,
)
from workflows.people import COUNTED, Page, part_of
from workflows.terms import Range

#: Spelt as the indexes are: a value that is bound would not be recognised.
_OPEN = Task.status == literal_column("'open'")
#: A list that is narrowed is read from the cases that fit where there are fewer than so many.
_FEW = 2000
#: The order of what waits: the nearest deadline first.
_ORDER = (nulls_last(Task.due_at), Task.priority.desc(), Task.id)


@dataclass(frozen=True)
class Grade:
    """How urgent a task is, in the office's word."""

    name: str
    #: What its priority is set to; from the second grade on, everything from ``least`` is of it.
    number: int
    least: int


#: From the least urgent on. The diagram gives a number (zeebe:priorityDefinition), people a grade.
GRADES: Mapping[str, Grade] = {
    "plain": Grade(N_("普通"), 50, 0), "urgent": Grade(N_("紧急"), 75, 60), "extra": Grade(N_("特急"), 95, 90),
}  # fmt: skip
#: Spelt as the index of urgent tasks is.
_URGENT = literal_column("task.priority") >= literal_column("60")


def grade_of(priority: int) -> str:
    """The grade of a task, a key of ``GRADES``."""
    return next(key for key, grade in reversed(list(GRADES.items())) if priority >= grade.least)


@dataclass(frozen=True)
class Filter:
    """What the person narrows a list to; empty means everything."""

    process_id: str = ""
    #: Organisation code; cases run there or below.
    place: str = ""
    step_id: str = ""
    #: Part of a title, an applicant's name, or a whole number.
    text: str = ""
    #: ``mine`` (claimed by, or assigned to, the person), ``group`` (waiting for anybody of a role), ``asked`` (delegated to
    #: the person), ``lent`` (delegated by them), or empty.
    whose: str = ""
    #: ``urgent``: only what is urgent, or more so (紧急, 特急).
    grade: str = ""
    #: Only what the person follows up (跟进日期): ``due`` up to the day that they look, ``any``.
    follow: str = ""

    def as_params(self) -> dict[str, Any]:
        """The values of its conditions, without ``whose``."""
        text = terms.folded(self.text)
        numbered = terms.NUMBER.fullmatch(self.text)
        given = {
            "process": self.process_id, "place": self.place and terms.place(self.place), "step": self.step_id,
            "number": self.text.upper() if numbered else "", "words": part_of(text) if text and not numbered else "",
            "urgent": self.grade, "follow": self.follow == "any", "follow_due": self.follow == "due",
        }  # fmt: skip
        return {name: value for name, value in given.items() if value}

    def ranges(self) -> list[Range]:
        """Ranges of which each holds every case that the list is narrowed to; none for a number, which is quick by itself."""
        if terms.NUMBER.fullmatch(self.text):
            return []
        found = terms.of_words(self.text)
        if self.place:
            found.append(Range("term", (terms.place(self.place),)))
        if self.process_id:
            found.append(Range("term", (terms.process(self.process_id),)))
        return found


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
    #: While it is delegated (委派): ``from`` and ``to`` (number, name), ``reason``.
    delegated: Mapping[str, Any] | None = None
    priority: int = 50
    #: When it was last urged (催办).
    urged_at: datetime | None = None
    #: The day on which whoever looks means to come back to it (跟进日期).
    follow_on: date | None = None
    #: What its case is about, in a line, by its process's rule; empty without one.
    summary: str = ""
    #: Of somebody's opinion on another's task (加签): ``mode``, ``from`` (number, name), ``reason``.
    signing: Mapping[str, Any] | None = None

    @property
    def grade(self) -> str:
        """A key of ``GRADES``."""
        return grade_of(self.priority)


@dataclass(frozen=True)
class Saved:
    """What the person narrows the inbox to under a name of their own (workflows.saved_filters)."""

    name: str
    #: Words of the address.
    asked: Mapping[str, str]
    #: The inbox opens with it.
    is_default: bool


@dataclass(frozen=True)
class Counts:
    """Numbers on the tabs; none goes beyond ``COUNTED``."""

    todo: int
    done: int
    started: int
    #: Sent to the person to read, and not opened yet (待阅).
    to_read: int
    #: What few cases have of all that a list is narrowed to: it is read from these.
    rarest: Range | None = None
    #: The person's own filters by name: read with the numbers, since every inbox shows both.
    filters: tuple[Saved, ...] = ()
    #: Names of those for whom the person stands in today (代办授权).
    stands_in_for: tuple[str, ...] = ()


#: (value, name, how many rows it would leave, or nothing where there are too many to count).
Choice = tuple[str, str, int | None]


@dataclass(frozen=True)
class Choices:
    """What the filters of a list can be set to."""

    processes: tuple[Choice, ...]
    places: tuple[Choice, ...]
    steps: tuple[Choice, ...]


# --- what waits for somebody ----------------------------------------------------------------------------------------


def _dialect(session: Session) -> str:
    return session.get_bind().dialect.name


def _not_excluded(dialect: str) -> ColumnElement[bool]:
    """Condition on ``Task``: its explanation does not name the person among those who may not take it (own case, 回避)."""
    if dialect == "postgresql":
        return ~cast(Task.explanation, JSONB).contains(bindparam("excluded", type_=JSONB))
    entry = func.json_each(Task.explanation, "$.excluded").table_valued("value")
    named = func.json_extract(entry.c.value, "$.number") == bindparam("person_number")
    return ~exists(select(literal(1)).select_from(entry).where(named))


def ways_to_somebody(groups: int, whose: str = "") -> list[ColumnElement[bool]]:
    """The ways by which an open task comes to somebody: held, delegated, waiting for a role of theirs, a further candidate.

    Conditions on ``Task`` whose values are ``person`` and, for each of so many roles, ``group0_organisation``, ``group0_role`` ….
    """
    free = Task.holder_id.is_(None)
    held = [Task.holder_id == bindparam("person")]
    asked = [Task.delegate_id == bindparam("person")]
    roles = [
        and_(free, Task.organisation_id == bindparam(f"group{n}_organisation"), Task.role == bindparam(f"group{n}_role"))
        for n in range(groups)
    ]
    further = [
        and_(Candidate.organisation_id == bindparam(f"group{n}_organisation"), Candidate.role == bindparam(f"group{n}_role"))
        for n in range(groups)
    ]
    beside = select(Candidate.task_id).where(or_(Candidate.person_id == bindparam("person"), *further))
    # Found by the candidates, not by looking through what waits: no index of the latter fits the condition as it is spelt.
    waiting = [*roles, and_(func.coalesce(Task.holder_id, 0) == 0, Task.id.in_(beside))]
    lent = [and_(*held, Task.delegate_id.is_not(None))]
    ways = {"mine": held, "group": waiting, "asked": asked, "lent": lent, "next": [*_here(held), *asked, *waiting]}
    return ways.get(whose, [*held, *asked, *waiting])


def _here(held: list[ColumnElement[bool]]) -> list[ColumnElement[bool]]:
    """What somebody holds and has not delegated: they can do something about it now."""
    return [and_(*held, Task.delegate_id.is_(None))]


def _narrowed(query: Select[Any], filters: frozenset[str]) -> Select[Any]:
    """A statement on tasks with the conditions of the named parts of a filter."""
    known = {
        "process": lambda: Instance.process_id == bindparam("process"),
        "place": lambda: terms.has("place"),
        "words": lambda: Instance.words.like(bindparam("words"), escape="/"),
    }  # fmt: skip
    if "step" in filters:
        query = query.where(Task.step_id == bindparam("step"))
    if "number" in filters:
        numbered = select(Instance.id).where(Instance.number == bindparam("number"))
        query = query.where(Task.instance_id == numbered.scalar_subquery())
    if "urgent" in filters:
        query = query.where(_URGENT)
    for name in sorted(filters & {"follow", "follow_due"}):
        query = query.where(Task.id.in_(_followed(name)))
    asked = [known[name]() for name in sorted(filters & known.keys())]
    return query.where(terms.fits(Task.instance_id, *asked)) if asked else query


def _followed(name: str) -> Select[Any]:
    """Keys of the tasks that the person follows up; of ``follow_due`` those whose day has come."""
    followed = select(FollowUp.task_id).where(FollowUp.person_id == bindparam("person"))
    return followed.where(FollowUp.on <= bindparam("day", type_=Date)) if name == "follow_due" else followed


def _of_range(kind: str) -> ColumnElement[bool]:
    """Condition on ``Task``: its case is one of a range, which was counted and is small."""
    few = terms.keys(kind, "range").limit(bindparam("few"))
    return Task.instance_id.in_(select(few.subquery().c[0]))


def _waiting(
    dialect: str, groups: int, filters: frozenset[str], whose: str, kind: str = "", *, ordered: bool = True
) -> CTE:
    """What waits for somebody (id, due_at, priority): of each way the first ``upto`` in the order of the page.

    With the kind of a range, the tasks of its cases, each asked whether it waits for them. Only to be counted, any ``upto``.
    """
    ways = [and_(_OPEN, way) for way in ways_to_somebody(groups, whose)]
    follows = filters & {"follow", "follow_due"}
    if kind or follows:
        # Not by an index of what waits, of which this is a part.
        part = _of_range(kind) if kind else Task.id.in_(_followed(min(follows)))
        ways = [and_(part, func.coalesce(Task.status, "") == "open", or_(*ways_to_somebody(groups, whose)))]
    found = []
    for way in ways:
        own = select(Task.id, Task.due_at, Task.priority).where(
            way, _not_excluded(dialect), Task.number != bindparam("besides")
        )
        order = _ORDER if ordered else ()
        found.append(select(_narrowed(own, filters).order_by(*order).limit(bindparam("upto")).subquery()))
    return union(*found).cte("waiting").prefix_with("MATERIALIZED")


@cache
def _todo(dialect: str, groups: int, filters: frozenset[str], whose: str, kind: str = "") -> Select[Any]:
    waiting = _waiting(dialect, groups, filters, whose, kind)
    total = select(func.count()).select_from(waiting).scalar_subquery()
    order = (nulls_last(waiting.c.due_at), waiting.c.priority.desc(), waiting.c.id)
    page = select(waiting.c.id).order_by(*order).limit(bindparam("size")).offset(bindparam("first")).subquery()
    return _tasks().add_columns(total).where(Task.id.in_(select(page.c.id))).order_by(*_ORDER)


_URGED = select(func.max(Urge.at)).where(Urge.task_id == Task.id).correlate(Task).scalar_subquery()
_FOLLOW_ON = (
    select(FollowUp.on).where(FollowUp.task_id == Task.id, FollowUp.person_id == bindparam("person"))
    .correlate(Task).scalar_subquery()
)  # fmt: skip
#: Columns of a row before the number of all rows.
_COLUMNS = 21


def _tasks() -> Select[Any]:
    starter = aliased(Person)
    return (
        select(
            Task.number, Task.step_id, Task.name, Instance.number, Instance.title, Definition.name, Organisation.name,
            starter.name, Task.status, Task.opened_at, Task.due_at, Task.due_provisional,
            case((Task.holder_id == bindparam("person"), True), else_=False), Task.done_at, Task.outcome,
            Task.explanation["delegated"], Task.priority, _URGED, _FOLLOW_ON, Instance.summary,
            Task.explanation["signing"],
        )
        .join(Instance, Instance.id == Task.instance_id)
        .join(Definition, Definition.digest == Instance.definition)
        .join(Organisation, Organisation.id == Instance.organisation_id)
        .join(starter, starter.id == Instance.starter_id)
    )  # fmt: skip


def _who(viewer: Viewer) -> tuple[int, dict[str, Any]]:
    """How many roles somebody holds, and what the statements ask about them."""
    groups = sorted({(held.organisation_id, held.role) for held in viewer.memberships})
    given: dict[str, Any] = {
        "person": viewer.person_id, "person_number": viewer.number, "besides": "",
        "excluded": {"excluded": [{"number": viewer.number}]},
    }
    for n, (organisation_id, role) in enumerate(groups):
        given |= {f"group{n}_organisation": organisation_id, f"group{n}_role": role}
    return len(groups), given


def _read(
    session: Session, statement: Select[Any], given: Mapping[str, Any], page: int, size: int, far: int = COUNTED
) -> Page:
    upto = max(far, page * size + 1)
    params = {**given, "upto": upto, "size": size, "first": (page - 1) * size}
    rows = session.connection().execute(statement, params).all()
    total = rows[0][_COLUMNS] if rows else 0
    return Page([TaskRow(*row[:_COLUMNS]) for row in rows], min(total, upto), page, size, at_least=total >= upto)


def _reading(given: Filter, counts: Counts | None, number: int) -> tuple[str, dict[str, Any], int]:
    """How a list is read that has so many rows when it is not narrowed: kind of a range, its values, how far to count.

    Where nothing rare is sought among very many rows, those that do not fit are passed over until the page is full, and
    not for a number.
    """
    if counts is None or number < COUNTED or not given.ranges():
        return "", {}, COUNTED
    if counts.rarest is None:
        return "", {}, 0
    return counts.rarest.kind, {**counts.rarest.params("range"), "few": _FEW}, COUNTED


def todo(
    session: Session, viewer: Viewer, given: Filter, *, counted: Counts | None = None, page: int = 1, size: int = 20,
    at: datetime | None = None,
) -> Page:
    """What waits for the person, the nearest deadline first; rows are ``TaskRow``.

    ``counted`` are the numbers of the same filter, if they have been asked for already; ``at`` says which follow-ups are due.
    """
    groups, who = _who(viewer)
    params = given.as_params()
    known = counts(session, viewer, given=given) if counted is None and given.ranges() else counted
    kind, read, far = _reading(given, known, known.todo if known is not None else 0)
    statement = _todo(_dialect(session), groups, frozenset(params), given.whose, kind)
    if given.follow == "due":
        read |= {"day": office_day(at) if at is not None else date.max}
    return _read(session, statement, {**who, **params, **read}, page, size, far)


def next_task(session: Session, viewer: Viewer, *, besides: str = "") -> TaskRow | None:
    """The task with the nearest deadline that waits for the person, other than the one given."""
    groups, who = _who(viewer)
    params = {**who, "besides": besides, "upto": 2, "size": 1, "first": 0}
    row = session.connection().execute(_todo(_dialect(session), groups, frozenset(), "next"), params).one_or_none()
    return TaskRow(*row[:_COLUMNS]) if row is not None else None


# --- what somebody has done -----------------------------------------------------------------------------------------


@cache
def _done(filters: frozenset[str], kind: str = "") -> Select[Any]:
    latest = (Task.done_at.desc(), Task.id.desc())
    mine = [Task.done_by_id == bindparam("person")]
    if kind:
        # Not by an index of what they have done, of which this is a part.
        mine = [_of_range(kind), func.coalesce(Task.done_by_id, 0) == bindparam("person")]
    own = _narrowed(select(Task.id, Task.done_at).where(*mine), filters)
    found = own.order_by(*latest).limit(bindparam("upto")).cte("found").prefix_with("MATERIALIZED")
    total = select(func.count()).select_from(found).scalar_subquery()
    order = (found.c.done_at.desc(), found.c.id.desc())
    page = select(found.c.id).order_by(*order).limit(bindparam("size")).offset(bindparam("first")).subquery()
    return _tasks().add_columns(total).where(Task.id.in_(select(page.c.id))).order_by(*latest)


def done(
    session: Session, viewer: Viewer, given: Filter, *, counted: Counts | None = None, page: int = 1, size: int = 20
) -> Page:
    """What the person has done, the latest first; rows are ``TaskRow``. ``counted`` as for ``todo``."""
    params = given.as_params()
    known = counts(session, viewer, given=given) if counted is None and given.ranges() else counted
    kind, read, far = _reading(given, known, known.done if known is not None else 0)
    return _read(
        session, _done(frozenset(params), kind), {**params, **read, "person": viewer.person_id}, page, size, far
    )


# --- numbers and filters --------------------------------------------------------------------------------------------


@cache
def _counts(dialect: str, groups: int | None, kinds: tuple[str, ...]) -> Select[Any]:
    upto: BindParameter[int] = bindparam("upto")
    found = [
        select(Task.id).where(Task.done_by_id == bindparam("person")).limit(upto).subquery(),
        select(Instance.id).where(Instance.starter_id == bindparam("person"), Instance.parent_id.is_(None)).limit(upto).subquery(),
        select(Copy.id).where(Copy.to_id == bindparam("person"), Copy.read_at.is_(None)).limit(upto).subquery(),
    ]
    waiting = [] if groups is None else [_waiting(dialect, groups, frozenset(), "", ordered=False)]
    ranges = [terms.keys(kind, f"range_{n}").limit(bindparam("few")).subquery() for n, kind in enumerate(kinds)]
    every = (*found, *ranges, *waiting)
    return select(_saved(), _stands_in_for(), *(select(func.count()).select_from(one).scalar_subquery() for one in every))


#: Between the parts of a filter, and between filters, of what is read as one text.
_PART, _ROW = "\x1f", "\x1e"


def _saved() -> ScalarSelect[str]:
    """The person's filters as one text."""
    default = case((SavedFilter.is_default, "1"), else_="")
    line = SavedFilter.name + _PART + default + _PART + cast(SavedFilter.asked, String)
    own = select(func.aggregate_strings(line, _ROW)).where(SavedFilter.person_id == bindparam("person"))
    return own.scalar_subquery()


def _stands_in_for() -> ScalarSelect[str]:
    """Names of those for whom the person stands in on the day, as one text."""
    names = select(func.aggregate_strings(Person.name, _ROW)).join(Proxy, Proxy.giver_id == Person.id)
    return names.where(stands_in(bindparam("person"), bindparam("day", type_=Date))).scalar_subquery()


def _filters(text: str | None) -> tuple[Saved, ...]:
    rows = [row.split(_PART) for row in (text or "").split(_ROW) if row]
    return tuple(sorted(
        (Saved(name, orjson.loads(asked), bool(default)) for name, default, asked in rows), key=lambda one: one.name
    ))


def counts(
    session: Session, viewer: Viewer, listed: Page | None = None, *, given: Filter | None = None, at: datetime | None = None
) -> Counts:
    """The three numbers, in one statement; ``listed`` is everything that waits, if it has been read already.

    And, for a list that is to be narrowed by ``given``, which of what it asks for is rare; and for whom they stand in ``at``.
    """
    groups, who = _who(viewer)
    ranges = [] if given is None else given.ranges()
    kinds = tuple(one.kind for one in ranges)
    statement = _counts(_dialect(session), groups if listed is None else None, kinds)
    values = {**who, "upto": COUNTED, "few": _FEW, "day": date.min if at is None else office_day(at)}
    for n, one in enumerate(ranges):
        values |= one.params(f"range_{n}")
    saved, standing, done, started, to_read, *rest = session.connection().execute(statement, values).one()
    sizes = {one: terms.Size(count, None, count < _FEW) for one, count in zip(ranges, rest, strict=False)}
    rarest = terms.rarest({one: size for one, size in sizes.items() if size.whole})
    todo = rest[-1] if listed is None else listed.total
    return Counts(
        min(todo, COUNTED), min(done, COUNTED), min(started, COUNTED), min(to_read, COUNTED),
        None if rarest is None else rarest[0], _filters(saved), tuple(sorted(set((standing or "").split(_ROW)) - {""})),
    )


def choices(session: Session, viewer: Viewer, counted: Counts, *, tab: str = "todo") -> Choices:
    """What the filters offer on a tab: what the person's rows have, with its number, as long as they can be counted.

    Where more rows wait than are counted, everything that is deployed, and every place at or below the person's own.
    """
    number = counted.todo if tab == "todo" else counted.done
    return _counted_choices(session, viewer, tab) if number < COUNTED else _all_choices(session, viewer)


@cache
def _chosen(dialect: str, groups: int, tab: str) -> Select[Any]:
    if tab == "todo":
        own: ColumnElement[bool] = Task.id.in_(select(_waiting(dialect, groups, frozenset(), "").c.id))
    else:
        own = Task.done_by_id == bindparam("person")
    return (
        select(
            Instance.process_id, func.max(Definition.name), Organisation.code, Organisation.name, Task.step_id,
            func.max(Task.name), func.count(),
        )
        .select_from(Task)
        .join(Instance, Instance.id == Task.instance_id)
        .join(Definition, Definition.digest == Instance.definition)
        .join(Organisation, Organisation.id == Instance.organisation_id)
        .where(own)
        .group_by(Instance.process_id, Organisation.code, Organisation.name, Task.step_id)
    )  # fmt: skip


def _counted_choices(session: Session, viewer: Viewer, tab: str) -> Choices:
    groups, who = _who(viewer)
    statement = _chosen(_dialect(session), groups, tab)
    rows = session.connection().execute(statement, {**who, "upto": COUNTED}).all()

    def gathered(key: int, name: int) -> tuple[Choice, ...]:
        found: dict[str, tuple[str, int]] = {}
        for row in rows:
            found[row[key]] = (row[name], found.get(row[key], ("", 0))[1] + row[6])
        return tuple((value, words, count) for value, (words, count) in sorted(found.items()))

    return Choices(gathered(0, 1), gathered(2, 3), gathered(4, 5))


def _all_choices(session: Session, viewer: Viewer) -> Choices:
    processes = deployment.current(session)
    steps = {step.id: step.name for loaded in processes for step in loaded.diagram.steps.values() if step.kind == "user"}
    own = [held.organisation_id for held in viewer.memberships]
    places = session.connection().execute(_OWN_PLACES, {"own": own, "upto": COUNTED})
    return Choices(
        tuple(sorted((loaded.process_id, loaded.name, None) for loaded in processes)),
        tuple((code, name, None) for code, name in places),
        tuple(sorted((step_id, name, None) for step_id, name in steps.items())),
    )


def _own_places() -> Select[Any]:
    top = select(Organisation.id).where(Organisation.id.in_(bindparam("own", expanding=True))).cte("own", recursive=True)
    child = aliased(Organisation)
    below = top.union(select(child.id).where(child.parent_id == top.c.id))
    return (
        select(Organisation.code, Organisation.name)
        .where(Organisation.id.in_(select(below.c.id).limit(bindparam("upto"))))
        .order_by(Organisation.code)
    )


_OWN_PLACES = _own_places()
