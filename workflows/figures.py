"""Figures of the first page (概览): what waits, where cases stand, how periods are kept; each counted as far as a page needs.

No figure counts further than ``MOST`` rows: where there are more, it says so, and what it counts are the nearest or the newest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, case, func, literal_column, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from workflows import deadlines, incidents, terms
from workflows.access import Viewer, charged, office_day
from workflows.audit import Kind
from workflows.models import Event, Instance, Job, Notice, Organisation, Task
from workflows.people import COUNTED
from workflows.registers import staffing
from workflows.settings import OFFICE_ZONE

#: So many rows are looked at for one figure.
MOST = COUNTED
#: So many lines stand in one figure.
LINES = 12
#: The matrices of so many institutions are read for a page.
INSTITUTIONS = 3


@dataclass(frozen=True)
class Line:
    """One line of a figure: what it is about, and its numbers."""

    key: str
    #: A message id.
    name: str
    figures: tuple[int, ...]


@dataclass(frozen=True)
class Figure:
    """Lines, and whether there are more rows than were counted."""

    lines: tuple[Line, ...]
    more: bool = False

    @property
    def total(self) -> int:
        """All numbers together."""
        return sum(sum(line.figures) for line in self.lines)


def waiting(session: Session, viewer: Viewer, at: datetime) -> Figure:
    """What waits for somebody, by when it is due: late, today, within a week, later."""
    found = deadlines.due(session, viewer, deadlines.Sought(whose="mine"), at, size=COUNTED)
    spans = [(key, deadlines.within(key, at)) for key in deadlines.WHEN]
    counted: Counter[str] = Counter()
    for row in found.rows:
        key = next((key for key, span in spans if span.get("from", row.due_at) <= row.due_at <= span["to"]), "later")
        counted[key] += 1
    lines = tuple(Line(key, words, (counted[key],)) for key, words in deadlines.WHEN.items())
    return Figure((*lines, Line("", deadlines.LATER, (counted["later"],))), found.at_least)


def _charges(viewer: Viewer) -> list[terms.Range]:
    return [terms.Range("term", (terms.place(code),)) for code in charged(viewer)]


def _params(charges: Sequence[terms.Range], **given: Any) -> dict[str, Any]:
    params: dict[str, Any] = {"most": MOST + 1, **given}
    for n, one in enumerate(charges):
        params |= one.params(f"charge_{n}")
    return params


def _newest(key: InstrumentedAttribute[int], charges: int) -> ColumnElement[bool]:
    """Condition on what refers to an instance by ``key``: it is one of the newest cases in somebody's charge."""
    return or_(*(key.in_(terms.keys("term", f"charge_{n}").limit(bindparam("most"))) for n in range(charges)))


@cache
def _steps(charges: int) -> Select[Any]:
    late = case((Task.due_at < bindparam("at"), 1), else_=0)
    rows = (
        select(Task.step_id, Task.name, late.label("late"))
        # By the cases, not by looking through what is open.
        .where(_newest(Task.instance_id, charges), func.coalesce(Task.status, "") == "open", Task.main_id.is_(None))
        .limit(bindparam("most")).subquery()
    )  # fmt: skip
    lates = func.sum(rows.c.late)
    return (
        select(rows.c.step_id, func.max(rows.c.name), lates, func.count())
        .group_by(rows.c.step_id).order_by(lates.desc(), func.count().desc(), rows.c.step_id)
    )  # fmt: skip


def steps(session: Session, viewer: Viewer, at: datetime) -> Figure:
    """Where the cases in somebody's charge stand: of each step what is late and what is in time."""
    charges = _charges(viewer)
    if not charges:
        return Figure(())
    rows = session.connection().execute(_steps(len(charges)), _params(charges, at=at)).all()
    lines = tuple(Line(step, name, (int(late), int(count) - int(late))) for step, name, late, count in rows[:LINES])
    return Figure(lines, len(rows) > LINES or sum(int(row[3]) for row in rows) > MOST)


@cache
def _statuses(charges: int) -> Select[Any]:
    newest = select(Instance.status).where(_newest(Instance.id, charges)).limit(bindparam("most")).subquery()
    return select(newest.c.status, func.count()).group_by(newest.c.status).order_by(func.count().desc())


def statuses(session: Session, viewer: Viewer, names: dict[str, str]) -> Figure:
    """The newest cases in somebody's charge by their status; ``names`` are its words."""
    charges = _charges(viewer)
    if not charges:
        return Figure(())
    rows = session.connection().execute(_statuses(len(charges)), _params(charges)).all()
    return Figure(
        tuple(Line(status, names.get(status, status), (int(count),)) for status, count in rows),
        sum(int(count) for _, count in rows) > MOST,
    )


def kept(session: Session, viewer: Viewer, at: datetime) -> Figure:
    """How periods were kept in the last thirty days, by step: in time, and late; the most often late first."""
    names: dict[str, str] = {}
    late: Counter[str] = Counter()
    done: Counter[str] = Counter()
    found = deadlines.kept(session, viewer, at)
    for row in found:
        names[row.step_id] = row.step_name
        late[row.step_id] += row.late
        done[row.step_id] += row.done
    lines = [Line(step, name, (late[step], done[step] - late[step])) for step, name in names.items()]
    lines.sort(key=lambda one: (-one.figures[0], one.key))
    return Figure(tuple(lines[:LINES]), len(lines) > LINES or deadlines.is_partly(found))


def gaps(session: Session, viewer: Viewer, at: datetime) -> Figure:
    """Cells of the staffing matrix that lack people (3.0.12), of the person's own institution and those of their bureau."""
    own = {held.organisation_id for held in viewer.memberships if held.organisation_code in charged(viewer)}
    near = (
        select(Organisation.code, Organisation.name)
        .where(Organisation.org_type == "tri", or_(Organisation.id.in_(own), Organisation.parent_id.in_(own)))
        .order_by(Organisation.id).limit(INSTITUTIONS)
    )  # fmt: skip
    lines = []
    for code, name in session.execute(near).tuples():
        cells = staffing.vacancies(session, code, office_day(at))
        lacking = sum(1 for cell in cells if cell["missing"])
        if cells:
            lines.append(Line(code, name, (lacking, len(cells) - lacking)))
    return Figure(tuple(lines))


#: Acts that an auditor looks at first.
NOTABLE = (
    Kind.INPUT_REJECTED, Kind.ACCESS_REFUSED, Kind.CASE_VIEWED, Kind.RECORD_EXPORTED, Kind.INSTANCE_CANCELLED, Kind.INSTANCE_REWOUND,
    Kind.INSTANCE_WITHDRAWN, Kind.TASK_COMPLETED, Kind.INSTANCE_STARTED, Kind.TIMER_FIRED,
)  # fmt: skip


@cache
def _acts(charges: int) -> Select[Any]:
    # By the cases: the acts of other places are not counted, and not told.
    numbers = select(Instance.number).where(_newest(Instance.id, charges))
    return (
        select(Event.kind, func.count())
        .where(Event.instance.in_(numbers), Event.at >= bindparam("since"), Event.kind.in_([kind.value for kind in NOTABLE]))
        .group_by(Event.kind).order_by(func.count().desc(), Event.kind)
    )  # fmt: skip


def acts(session: Session, viewer: Viewer, at: datetime, *, days: int = 30) -> Figure:
    """Notable acts in the newest cases of somebody's charge in the last days, by kind."""
    charges = _charges(viewer)
    if not charges:
        return Figure(())
    since = datetime.combine(office_day(at) - timedelta(days=days), time(), OFFICE_ZONE)
    labels = {kind.value: kind.label for kind in Kind}
    rows = session.connection().execute(_acts(len(charges)), _params(charges, since=since)).all()
    return Figure(tuple(Line(kind, labels[kind], (int(count),)) for kind, count in rows))


@dataclass(frozen=True)
class Machine:
    """How the system itself does."""

    incidents: int
    jobs_waiting: int
    jobs_failed: int
    mails_waiting: int


def machine(session: Session) -> Machine:
    """Open incidents, jobs that wait or failed, and mails not sent; each up to ``MOST``."""
    def bounded(query: Select[Any]) -> Any:
        return select(func.count()).select_from(query.limit(MOST).subquery()).scalar_subquery()

    waiting = select(Job.id).where(Job.status.in_(("waiting", "running")))
    failed = select(Job.id).where(Job.status == "failed")
    mails = select(Notice.id).where(Notice.mail_state == literal_column("'queued'"))
    one = session.connection().execute(select(bounded(waiting), bounded(failed), bounded(mails))).one()
    return Machine(incidents.count_open(session), *(int(count) for count in one))
