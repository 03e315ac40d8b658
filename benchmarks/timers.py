"""45,000 timers of diagrams due in the same second, beside a bare claim loop.

Each timer ends a person's task: a boundary event interrupts it and the case ends. Ours is the worker's own look
(``timers.fire_due``): cases read, the engine run for each, state, task, notice and the case's own event written. The peer
claims ready rows of the same table in another database of the same kind and does nothing else: ``UPDATE timer SET fired_at
… WHERE id = … AND fired_at IS NULL`` and a commit, one at a time, through the product's own write transaction. SQLite,
WAL, synchronous NORMAL (nothing waits for the disk at a commit, which favours the peer).

All 45,000 have one due moment. Five rounds of 3,000 are fired in turn with the peer's, the others being held back until
then; the remaining 30,000 are fired in one look. In the end each has fired, with exactly one event.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import func, insert, select, update

from benchmarks import annual
from benchmarks.figures import Figure, beside
from workflows import bulk, jobs, timers
from workflows.audit import Kind
from workflows.db import Database
from workflows.models import Event, Instance, Timer, table

TIMERS, ROUNDS, EACH = 45_000, 5, 3_000
#: Our time may be so many times the peer's: 20 % of its rate.
BAR = 5
_DUE = annual.AT + timedelta(days=3)


def run() -> list[Figure]:
    """Measure; takes about three minutes, half of them for starting the cases."""
    ours, theirs = [], []
    with annual.office(TIMERS) as db, annual.office(1) as peer:
        bulk.request(db, annual.OPERATOR, annual.EVERYBODY, at=annual.AT)
        jobs.run_next(db, {bulk.BULK_START: bulk.run}, lambda: annual.AT)
        rows = _waiting(db)
        _copy(peer, rows)
        ids = [row["id"] for row in rows]
        _hold(db, ids, True)
        for number in range(ROUNDS):
            some = ids[number * EACH : (number + 1) * EACH]
            _hold(db, some, False)
            ours.append(_fire(db, EACH))
            theirs.append(_claim(peer, some))
        rest = ids[ROUNDS * EACH :]
        _hold(db, rest, False)
        together = _fire(db, len(rest))
        _check(db)
    return [
        beside("timers: one of 45,000 due in the same second fired", "ms", ours,
               "a bare claim loop, one UPDATE and commit each", theirs, BAR),
        Figure("timers: the same, 30,000 in one look", "ms", round(together, 3)),
        Figure("timers: fired a second", "1/s", round(1000 / sorted(ours)[ROUNDS // 2])),
    ]


def _waiting(db: Database) -> list[dict[str, Any]]:
    with db.read() as session:
        rows = [dict(row) for row in session.connection().execute(select(table(Timer)).order_by(Timer.id)).mappings()]
    if len(rows) != TIMERS or {row["due_at"] for row in rows} != {_DUE}:
        raise RuntimeError(f"{len(rows)} timers, not all due at {_DUE}")
    return rows


def _copy(peer: Database, rows: Sequence[dict[str, Any]]) -> None:
    """The same rows in the peer's table; their cases are not there, and a claim does not look at them."""
    with peer.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")  # our connections begin at once; this setting is none of a transaction
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("BEGIN")
        connection.execute(insert(table(Timer)), rows)
        connection.commit()


def _hold(db: Database, ids: Sequence[int], held: bool) -> None:
    with db.write() as session:
        session.execute(update(Timer).where(Timer.id >= ids[0], Timer.id <= ids[-1]).values(held=held))


def _fire(db: Database, count: int) -> float:
    """Milliseconds for each."""
    began = time.perf_counter()
    fired = timers.fire_due(db, at=_DUE)
    took = time.perf_counter() - began
    if fired != count:
        raise RuntimeError(f"{fired} of {count} fired")
    return took * 1000 / count


def _claim(db: Database, ids: Sequence[int]) -> float:
    """Milliseconds for each."""
    timer = table(Timer)
    began = time.perf_counter()
    for one in ids:
        with db.write() as session:
            claim = update(timer).where(timer.c.id == one, timer.c.fired_at.is_(None)).values(fired_at=_DUE, result="fired")
            if session.connection().execute(claim).rowcount != 1:
                raise RuntimeError(f"timer {one} was taken")
    return (time.perf_counter() - began) * 1000 / len(ids)


def _check(db: Database) -> None:
    """Every timer has fired, none twice, and every case has ended."""
    with db.read() as session:
        fired = session.execute(select(func.count()).where(Timer.result == "fired")).scalar_one()
        ended = session.execute(select(func.count()).where(Instance.outcome == "lapsed")).scalar_one()
        events, cases = session.execute(
            select(func.count(), func.count(func.distinct(Event.instance))).where(Event.kind == Kind.TIMER_FIRED)
        ).one()
    if not fired == ended == events == cases == TIMERS:
        raise RuntimeError(f"{fired} fired, {ended} ended, {events} events of {cases} cases")
