"""Deadlines (期限): what is open and due that somebody may see, the nearest first, each with the days that were counted.

A task comes to a list by the ways of the inbox, because one started its case, or because its case is in one's charge. Each way
is read by an index in the order of the deadlines, as far as the page goes; nothing is counted beyond ``COUNTED``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    union,
)
from sqlalchemy.orm import Session, aliased

from workflows import inbox, terms
from workflows.access import Viewer, charged, office_day
from workflows.audit import Act, ActorKind, Kind, person_stream, record
from workflows.audit.export import Exported, Say, Sheet, as_workbook, chinese
from workflows.db import Database
from workflows.errors import N_
from workflows.models import Definition, Instance, Organisation, Person, Task
from workflows.people import COUNTED, Page
from workflows.settings import OFFICE_ZONE

#: Spelt as the indexes are: a value that is bound would not be recognised.
_OPEN = Task.status == literal_column("'open'")
#: The cases in somebody's charge are read one by one where there are fewer than so many, else the deadlines are.
_FEW = 2000
#: An export holds at most so many rows.
EXPORT_LIMIT = 2000
#: What a list can be narrowed to by time, and its words.
WHEN: Mapping[str, str] = {"late": N_("已超期"), "today": N_("今天到期"), "week": N_("7 天内到期")}
#: The words of what is due after that.
LATER = N_("7 天以后到期")


@dataclass(frozen=True)
class Sought:
    """What somebody narrows the list to; empty means everything."""

    #: A key of ``WHEN``.
    when: str = ""
    #: ``mine``: what waits for the person. ``own``: cases that they started. Else these and what is in their charge.
    whose: str = ""
    process_id: str = ""
    #: Organisation code; cases run there or below.
    place: str = ""
    step_id: str = ""

    def as_words(self) -> dict[str, str]:
        """The conditions as the record keeps them."""
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name))}


@dataclass(frozen=True)
class Due:
    """One open task with its deadline."""

    task: str
    step_id: str
    step_name: str
    case: str
    title: str
    process_name: str
    organisation_name: str
    starter_name: str
    opened_at: datetime
    due_at: datetime
    provisional: bool
    #: ISO days that were counted.
    days: Sequence[str]
    #: Who has it: the holder, else the role at the office.
    holder_name: str | None
    role: str | None
    office_name: str | None
    #: It waits for the person who looks: they may open it.
    mine: bool

    @property
    def on(self) -> date:
        """Its last day."""
        return office_day(self.due_at - timedelta(microseconds=1))


def _ways(groups: int, charges: int, whose: str, few: bool) -> list[ColumnElement[bool]]:
    own = Task.instance_id.in_(select(Instance.id).where(Instance.starter_id == bindparam("person"), Instance.ended_at.is_(None)))
    if whose == "mine":
        return inbox.ways_to_somebody(groups)
    if whose == "own":
        return [own]
    charge: list[ColumnElement[bool]]
    if few:
        charge = [Task.instance_id.in_(terms.keys("term", f"charge_{n}").limit(bindparam("few"))) for n in range(charges)]
    else:
        charge = [terms.fits(Task.instance_id, terms.has(f"charge_{n}_0")) for n in range(charges)]
    return [*inbox.ways_to_somebody(groups), own, *charge]


def _narrowed(filters: frozenset[str]) -> list[ColumnElement[bool]]:
    known = {
        "from": lambda: Task.due_at >= bindparam("from"), "to": lambda: Task.due_at <= bindparam("to"),
        "step": lambda: Task.step_id == bindparam("step"),
        "process": lambda: terms.fits(Task.instance_id, Instance.process_id == bindparam("process")),
        "place": lambda: terms.fits(Task.instance_id, terms.has("place")),
    }  # fmt: skip
    return [known[name]() for name in sorted(filters)]


@cache
def _statement(groups: int, charges: int, whose: str, few: bool, filters: frozenset[str], by_place: bool) -> Select[Any]:
    order = (Task.due_at, Task.id)
    open_: ColumnElement[bool] = _OPEN
    ways = _ways(groups, charges, whose, few)
    if by_place:
        # By the few cases of the place that is asked for, not by an index of what is open, of which these are a part.
        open_ = func.coalesce(Task.status, "") == "open"
        ways = [and_(Task.instance_id.in_(terms.keys("term", "of_place").limit(bindparam("few"))), or_(*ways))]
    found = [
        select(
            select(Task.id, Task.due_at).where(open_, Task.due_at.is_not(None), way, *_narrowed(filters))
            .order_by(*order).limit(bindparam("upto")).subquery()
        )
        for way in ways
    ]
    keys = union(*found).cte("due").prefix_with("MATERIALIZED")
    total = select(func.count()).select_from(keys).scalar_subquery()
    page = select(keys.c.id).order_by(keys.c.due_at, keys.c.id).limit(bindparam("size")).offset(bindparam("first")).subquery()
    starter, holder, office = aliased(Person), aliased(Person), aliased(Organisation)
    mine = func.coalesce(or_(*inbox.ways_to_somebody(groups)), False)
    return (
        select(
            Task.number, Task.step_id, Task.name, Instance.number, Instance.title, Definition.name, Organisation.name, starter.name,
            Task.opened_at, Task.due_at, Task.due_provisional, Task.due_days, holder.name, Task.role, office.name, mine, total,
        )
        .join(Instance, Instance.id == Task.instance_id)
        .join(Definition, Definition.digest == Instance.definition)
        .join(Organisation, Organisation.id == Instance.organisation_id)
        .join(starter, starter.id == Instance.starter_id)
        .outerjoin(holder, holder.id == Task.holder_id)
        .outerjoin(office, office.id == Task.organisation_id)
        .where(Task.id.in_(select(page.c.id)))
        .order_by(*order)
    )  # fmt: skip


def within(when: str, at: datetime) -> dict[str, datetime]:
    """``from`` and ``to`` of a key of ``WHEN``; what is due at 24:00 of a day is due on that day."""
    midnight = datetime.combine(office_day(at) + timedelta(days=1), time(), OFFICE_ZONE)
    spans = {"late": {"to": at}, "today": {"from": at, "to": midnight}, "week": {"from": at, "to": midnight + timedelta(days=7)}}
    return spans.get(when, {})


def due(
    session: Session, viewer: Viewer, sought: Sought, at: datetime, *, page: int = 1, size: int = 50, upto: int = COUNTED
) -> Page:
    """What is open and due, the nearest deadline first; rows are ``Due``. At most two statements."""
    groups = sorted({(held.organisation_id, held.role) for held in viewer.memberships})
    charges = [terms.Range("term", (terms.place(code),)) for code in charged(viewer)] if sought.whose == "" else []
    place = [terms.Range("term", (terms.place(sought.place),))] if sought.place else []
    sizes = terms.sizes(session, [*charges, *place], _FEW)
    few, by_place = all(one.whole for one in sizes[: len(charges)]), bool(place) and sizes[-1].whole
    given: dict[str, Any] = within(sought.when, at)
    given |= {"step": sought.step_id} if sought.step_id else {}
    given |= {"process": sought.process_id} if sought.process_id else {}
    given |= {"place": terms.place(sought.place)} if sought.place else {}
    statement = _statement(len(groups), len(charges), sought.whose, few, frozenset(given), by_place)
    upto = max(upto, page * size + 1)
    params: dict[str, Any] = {"person": viewer.person_id, "upto": upto, "size": size, "first": (page - 1) * size, "few": _FEW}
    params |= given
    for n, (organisation_id, role) in enumerate(groups):
        params |= {f"group{n}_organisation": organisation_id, f"group{n}_role": role}
    for n, one in enumerate(charges):
        params |= one.params(f"charge_{n}")
    params |= place[0].params("of_place") if by_place else {}
    rows = session.connection().execute(statement, params).all()
    total = rows[0][-1] if rows else 0
    return Page([_due(row) for row in rows], min(total, upto), page, size, at_least=total >= upto)


def _due(row: Sequence[Any]) -> Due:
    values = list(row[:-1])
    values[11], values[15] = values[11] or (), bool(values[15])
    return Due(*values)


def export(
    db: Database, viewer: Viewer, sought: Sought, *, at: datetime, say: Say = chinese
) -> Exported:
    """The list as a workbook; recorded in the person's stream (``record:exported``)."""
    with db.read() as session:
        found = due(session, viewer, sought, at, size=EXPORT_LIMIT, upto=EXPORT_LIMIT)
    made = as_workbook([_sheet(found, say, at)])
    made = Exported(f"deadlines-{at.astimezone(OFFICE_ZONE):%Y%m%d-%H%M}.xlsx", made.media_type, made.content)
    with db.write() as session:
        record(session, Act(
            person_stream(viewer.number), Kind.RECORD_EXPORTED, at, viewer.actor(ActorKind.PERSON),
            payload={"sought": {"list": "deadlines", **sought.as_words()}, "cases": len(found.rows), "format": "xlsx",
                     "sha256": made.sha256},
        ))  # fmt: skip
    return made


def _sheet(found: Page, say: Say, at: datetime) -> Sheet:
    heads = (
        N_("办理期限"), N_("状态"), N_("环节"), N_("办件"), N_("办件编号"), N_("用人单位"), N_("申请人"), N_("由谁办理"),
        N_("收到时间"), N_("工作日"), N_("计入的工作日"),
    )  # fmt: skip
    lines: list[list[object]] = [
        [
            row.due_at, say(N_("已超期") if row.due_at < at else N_("未到期"), {}), say(row.step_name, {}), row.title, row.case,
            row.organisation_name, row.starter_name, row.holder_name or row.office_name or "", row.opened_at, len(row.days),
            "、".join(row.days),
        ]
        for row in found.rows
    ]  # fmt: skip
    if found.at_least:
        lines.append([say(N_("还有更多，本表只列前 %(shown)s 条"), {"shown": len(lines)})])
    return Sheet(say(N_("期限"), {}), [say(head, {}) for head in heads], lines)


# --- how it went ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kept:
    """How a step was done at one office in a period of days: in time, and late."""

    step_id: str
    step_name: str
    office: str
    office_name: str
    done: int
    late: int

    @property
    def share(self) -> int:
        """Hundredths that were done in time, rounded down: all only where none was late."""
        return (self.done - self.late) * 100 // self.done


def _kept() -> Select[Any]:
    top = select(Organisation.id).where(Organisation.id.in_(bindparam("tops", expanding=True))).cte("tops", recursive=True)
    child = aliased(Organisation)
    below = top.union(select(child.id).where(child.parent_id == top.c.id))
    # Read from the index alone (ix_task_finished), of each office as far back as its newest ``COUNTED_DONE``; what a step is
    # called, from one task of each line.
    newer = aliased(Task)
    oldest = (
        select(newer.done_at)
        .where(
            newer.status == literal_column("'done'"), newer.organisation_id == below.c.id, newer.done_at >= bindparam("since"),
            newer.due_at.is_not(None),
        )
        .order_by(newer.done_at.desc()).limit(1).offset(bindparam("far")).correlate(below).scalar_subquery()
    )  # fmt: skip
    offices = select(below.c.id, func.coalesce(oldest, bindparam("since")).label("since")).cte("offices").prefix_with("MATERIALIZED")
    late = func.sum(case((Task.done_at > Task.due_at, 1), else_=0))
    done = (
        select(Task.organisation_id, Task.step_id, func.count().label("done"), late.label("late"))
        .join(offices, offices.c.id == Task.organisation_id)
        .where(Task.status == literal_column("'done'"), Task.done_at >= offices.c.since, Task.due_at.is_not(None))
        .group_by(Task.organisation_id, Task.step_id)
        .subquery()
    )  # fmt: skip
    one = aliased(Task)
    named = (
        select(one.name)
        .where(one.status == literal_column("'done'"), one.organisation_id == done.c.organisation_id, one.step_id == done.c.step_id)
        .limit(1).correlate(done).scalar_subquery()
    )  # fmt: skip
    return (
        select(done.c.step_id, named, Organisation.code, Organisation.name, done.c.done, done.c.late)
        .join(Organisation, Organisation.id == done.c.organisation_id)
        .order_by(done.c.late.desc(), done.c.done.desc(), done.c.step_id)
        .limit(bindparam("most"))
    )


_KEPT = _kept()
#: So many lines of figures stand on a page.
LINES = 50
#: What an office did is counted as far back as so many of its newest tasks that had a deadline.
COUNTED_DONE = 2000


def kept(session: Session, viewer: Viewer, at: datetime, *, days: int = 30) -> list[Kept]:
    """What the offices in somebody's charge did in the last days, by step: the most often late first. One statement.

    Of an office that did more than ``COUNTED_DONE``, its newest (and what was done in the same moment as the last of them).
    """
    tops = [held.organisation_id for held in viewer.memberships if held.organisation_code in charged(viewer)]
    if not tops:
        return []
    since = datetime.combine(office_day(at) - timedelta(days=days), time(), OFFICE_ZONE)
    rows = session.connection().execute(_KEPT, {"tops": tops, "since": since, "most": LINES, "far": COUNTED_DONE - 1}).all()
    return [Kept(row[0], row[1], row[2], row[3], int(row[4]), int(row[5])) for row in rows]


def is_partly(found: Sequence[Kept]) -> bool:
    """Whether an office among what ``kept`` found did more than was counted."""
    done = Counter[str]()
    for row in found:
        done[row.office] += row.done
    return any(count >= COUNTED_DONE for count in done.values())
