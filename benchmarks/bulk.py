"""Bulk start of 20,000 instances, beside the same rows written without an engine.

Ours is the job as a worker runs it (``workflows.bulk``): people selected, numbers taken, each case run by the engine to its
task, titled, addressed, recorded in its own chained stream. The peer has all of this in memory already, as ready rows read
back from our database, and only inserts them into another one: the same tables with the same indexes, as many cases a
transaction, one multi-row statement a table, through the same SQLAlchemy Core. Both work on a thousand people in turn, so
that a machine whose speed drifts drifts for both; SQLite, WAL, synchronous NORMAL. Counted beside it: the same rows in a
transaction a case, as a program would write them that starts one case after the other.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import func, insert, select

from benchmarks import annual
from benchmarks.figures import Figure, beside
from workflows import bulk, jobs
from workflows.bulk import Selection
from workflows.db import Database
from workflows.models import Event, EventPayload, Instance, Notice, Stream, Task, Term, Timer, table

PEOPLE, ROUNDS = 20_000, 20
#: Our time may be so many times the peer's: 20 % of its rate.
BAR = 5
_TABLES = tuple(table(one) for one in (Stream, Instance, Term, Task, Timer, Notice, Event, EventPayload))
#: One instance's rows, by the name of their table.
Rows = dict[str, list[dict[str, Any]]]


def run() -> list[Figure]:
    """Measure; takes about a minute and a half."""
    ours, theirs, single = [], [], []
    with annual.office(PEOPLE, groups=ROUNDS) as db, annual.office(PEOPLE, groups=ROUNDS) as peer:
        for number in range(ROUNDS):
            first = _last(db) + 1
            bulk.request(db, annual.OPERATOR, Selection("annual", "applicant", f"bench-{number}"), at=annual.AT)
            began = time.perf_counter()
            jobs.run_next(db, {bulk.BULK_START: bulk.run}, lambda: annual.AT)
            ours.append(_each(began, PEOPLE // ROUNDS))
            cases = _rows(db, first)
            # Every fourth round goes case by case, into the same growing tables.
            alone = number % 4 == 3
            began = time.perf_counter()
            _insert(peer, cases, 1 if alone else bulk.CHUNK)
            (single if alone else theirs).append(_each(began, len(cases)))
        started, copied = _counted(db), _counted(peer)
    if started != copied or started["instance"] != PEOPLE:
        raise RuntimeError(f"not the same rows: {started}, {copied}")
    rows = sum(started.values()) / PEOPLE
    return [
        beside("bulk: one of 20,000 instances started", "ms", ours,
               f"bare inserts of the same {rows:.0f} rows, {bulk.CHUNK} cases a transaction", theirs, BAR),
        beside("bulk: the same", "ms", ours, "bare inserts, a case a transaction", single),
        Figure("bulk: instances started a second", "1/s", round(1000 / _median(ours))),
    ]


def _each(began: float, count: int) -> float:
    """Milliseconds for each of so many."""
    return (time.perf_counter() - began) * 1000 / count


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def _last(db: Database) -> int:
    with db.read() as session:
        return session.execute(select(func.coalesce(func.max(Instance.id), 0))).scalar_one()


def _rows(db: Database, first: int) -> list[Rows]:
    """The rows of each instance from ``first`` on, by table."""
    with db.read() as session:
        read = session.connection().execute
        instances = [dict(row) for row in read(select(table(Instance)).where(Instance.id >= first)).mappings()]
        cases: dict[str, Rows] = {one["number"]: {"instance": [one]} for one in instances}
        numbers = {one["id"]: one["number"] for one in instances}

        def put(name: str, number: str, row: Any) -> None:
            cases[number].setdefault(name, []).append(dict(row))

        for model in (Term, Task, Timer):
            for row in read(select(table(model)).where(model.instance_id >= first)).mappings():  # type: ignore[attr-defined]
                put(model.__tablename__, numbers[row["instance_id"]], row)
        for row in read(select(table(Notice)).where(Notice.instance.in_(cases))).mappings():
            put("notice", row["instance"], row)
        events = {}
        for row in read(select(table(Event)).where(Event.instance.in_(cases))).mappings():
            put("event", row["instance"], row)
            events[row["event_id"]] = row["instance"]
        for row in read(select(table(EventPayload)).where(EventPayload.event_id.in_(events))).mappings():
            put("event_payload", events[row["event_id"]], row)
        streams = {f"instance:{number}": number for number in cases}
        for row in read(select(table(Stream)).where(Stream.name.in_(streams))).mappings():
            put("stream", streams[row["name"]], row)
    return list(cases.values())


def _insert(db: Database, cases: Sequence[Rows], at_once: int) -> None:
    for some in _chunks(cases, at_once):
        with db.write() as session:
            connection = session.connection()
            for one in _TABLES:
                rows = [row for case in some for row in case.get(one.name, ())]
                if rows:
                    connection.execute(insert(one), rows)


def _chunks(cases: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(cases), size):
        yield cases[start : start + size]


def _counted(db: Database) -> dict[str, int]:
    """How many rows each table holds of instances."""
    with db.read() as session:
        found = {}
        for one in _TABLES:
            query = select(func.count()).select_from(one)
            if one.name == "stream":
                query = query.where(one.c.name.like("instance:%"))
            elif one.name == "event":
                query = query.where(one.c.instance.is_not(None))
            elif one.name == "event_payload":
                query = query.where(one.c.event_id.in_(select(Event.event_id).where(Event.instance.is_not(None))))
            found[one.name] = session.execute(query).scalar_one()
        return found
