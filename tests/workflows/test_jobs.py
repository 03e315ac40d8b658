"""Jobs: chunks once, taken up after a death, stopped, tried again, failed with a sentence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from tests.factories import SETTING_UP
from workflows import jobs
from workflows.audit import Kind
from workflows.db import Database
from workflows.errors import JobOver, NobodySelected, NotFound
from workflows.jobs import JobTaken, Running
from workflows.models import Event, Job, Series

AT = datetime(2026, 11, 2, 1, tzinfo=UTC)


def _now() -> datetime:
    return AT


def _row(db: Database, number: str) -> Job:
    with db.read() as session:
        return session.execute(select(Job).where(Job.number == number)).scalar_one()


def _change(db: Database, number: str, **values: object) -> None:
    with db.write() as session:
        row = session.execute(select(Job).where(Job.number == number)).scalar_one()
        for name, value in values.items():
            setattr(row, name, value)


def _count(running: Running, until: int = 5, at: Callable[[int], None] = lambda _: None) -> None:
    """Count to five, each number in a chunk with its progress."""
    for number in range(running.cursor.get("next", 0), until):
        at(number)
        with running.chunk(number + 1, until, next=number + 1) as session:
            session.merge(Series(name=f"counted:{number}", last=0))
            row = session.get_one(Series, f"counted:{number}")
            row.last += 1


def _counted(db: Database) -> dict[str, int]:
    with db.read() as session:
        found = session.execute(select(Series).where(Series.name.like("counted:%"))).scalars()
        return {row.name: row.last for row in found}


ALL = {f"counted:{number}": 1 for number in range(5)}


def test_a_job_that_broke_goes_on_where_it_left_off(database: Database) -> None:
    number = jobs.enqueue(database, "count", {}, at=AT)

    def breaks(running: Running) -> None:
        def at(number: int) -> None:
            if number == 3 and _row(database, running.number).tries == 0 and not broken:
                broken.append(number)
                raise ValueError("秘密")

        _count(running, at=at)

    broken: list[int] = []
    with pytest.raises(ValueError, match="秘密"):
        jobs.run_next(database, {"count": breaks}, _now)
    row = _row(database, number)
    assert (row.status, row.done, row.tries, row.message) == ("waiting", 3, 1, jobs.BROKE)
    assert row.message_params == {"cause": "ValueError", "tries": 1}, "the program's own words are not shown"
    assert not jobs.run_next(database, {"count": breaks}, _now), "it waits before it is tried again"
    _change(database, number, next_try_at=datetime.now(UTC) - timedelta(seconds=1))
    assert jobs.run_next(database, {"count": breaks}, _now)
    assert (_row(database, number).status, _counted(database)) == ("done", ALL)


def test_a_job_that_keeps_breaking_fails_for_good(database: Database) -> None:
    number = jobs.enqueue(database, "count", {}, at=AT)

    def breaks(_running: Running) -> None:
        raise ValueError

    for _ in range(len(jobs.BACK_OFF) + 1):
        _change(database, number, next_try_at=None)
        with pytest.raises(ValueError, match=r"^$"):
            jobs.run_next(database, {"count": breaks}, _now)
    row = _row(database, number)
    assert (row.status, row.ended_at, row.tries) == ("failed", AT, len(jobs.BACK_OFF) + 1)
    _change(database, number, next_try_at=None)
    assert not jobs.run_next(database, {"count": breaks}, _now)


def test_a_refusal_ends_a_job_with_its_sentence(database: Database) -> None:
    number = jobs.enqueue(database, "count", {}, at=AT)

    def refuses(_running: Running) -> None:
        raise NobodySelected()

    assert jobs.run_next(database, {"count": refuses}, _now)
    row = _row(database, number)
    assert (row.status, row.message, row.tries) == ("failed", NobodySelected.message, 0)


def test_a_dead_worker_s_job_is_taken_up_after_its_lease(database: Database) -> None:
    number = jobs.enqueue(database, "count", {}, at=AT)

    class Dead(BaseException):
        """What SIGKILL does: nothing more is written."""

    def dies(running: Running) -> None:
        def at(number: int) -> None:
            if number == 2:
                raise Dead

        _count(running, at=at)

    with pytest.raises(Dead):
        jobs.run_next(database, {"count": dies}, _now)
    assert not jobs.run_next(database, {"count": _count}, _now), "its lease has not run out"
    assert not jobs.run_next(database, {"count": _count}, lambda: AT + timedelta(days=365)), "the office clock has no say"
    _change(database, number, lease_until=datetime.now(UTC) - timedelta(seconds=1))
    assert jobs.run_next(database, {"count": _count}, _now)
    assert (_row(database, number).status, _counted(database)) == ("done", ALL)


def test_a_job_that_kills_its_workers_is_given_up(database: Database) -> None:
    number = jobs.enqueue(database, "count", {}, at=AT)
    for _ in range(len(jobs.BACK_OFF) + 1):
        _change(database, number, status="running", lease_until=datetime.now(UTC) - timedelta(seconds=1))
        with pytest.raises(KeyboardInterrupt):
            jobs.run_next(database, {"count": _interrupted}, _now)
        if _row(database, number).tries == len(jobs.BACK_OFF):
            break
    _change(database, number, lease_until=datetime.now(UTC) - timedelta(seconds=1))
    assert not jobs.run_next(database, {"count": _count}, _now)
    assert (_row(database, number).status, _row(database, number).message) == ("failed", jobs.DIED)


def _interrupted(_running: Running) -> None:
    raise KeyboardInterrupt


def test_only_the_worker_that_has_the_job_writes(database: Database) -> None:
    """The first worker's lease ran out while it worked on a chunk; the second does the whole job."""
    number = jobs.enqueue(database, "count", {}, at=AT)
    taken: list[type] = []

    def overtaken(running: Running) -> None:
        def at(chunk: int) -> None:
            if chunk == 2:
                _change(database, number, lease_until=datetime.now(UTC) - timedelta(seconds=1))
                assert jobs.run_next(database, {"count": _count}, _now)

        try:
            _count(running, at=at)
        except JobTaken:
            taken.append(JobTaken)
            raise

    assert jobs.run_next(database, {"count": overtaken}, _now)
    assert taken == [JobTaken]
    assert (_row(database, number).status, _counted(database)) == ("done", ALL)


def test_a_waiting_job_that_is_stopped_never_begins(database: Database) -> None:
    number = jobs.enqueue(database, "count", {}, at=AT, by=SETTING_UP)
    jobs.stop(database, SETTING_UP, number, at=AT)
    assert not jobs.run_next(database, {"count": _count}, _now)
    assert (_row(database, number).status, _counted(database)) == ("cancelled", {})
    with database.read() as session:
        kinds = session.execute(select(Event.kind).where(Event.stream == "office:jobs").order_by(Event.seq)).scalars().all()
    assert kinds == [Kind.JOB_STARTED, Kind.JOB_CANCELLED]
    with pytest.raises(JobOver):
        jobs.stop(database, SETTING_UP, number, at=AT)
    with pytest.raises(NotFound):
        jobs.stop(database, SETTING_UP, "none", at=AT)


def test_a_running_job_stops_after_the_chunk_in_hand(database: Database) -> None:
    number = jobs.enqueue(database, "count", {}, at=AT)

    def stopped(running: Running) -> None:
        _count(running, at=lambda chunk: jobs.stop(database, SETTING_UP, number, at=AT) if chunk == 2 else None)

    assert jobs.run_next(database, {"count": stopped}, _now)
    row = _row(database, number)
    assert (row.status, row.done, row.ended_at) == ("cancelled", 2, AT)
    assert _counted(database) == {"counted:0": 1, "counted:1": 1}


def test_a_job_that_dies_while_it_is_to_stop_is_cancelled(database: Database) -> None:
    number = jobs.enqueue(database, "count", {}, at=AT)
    _change(database, number, status="running", stop=True, lease_until=datetime.now(UTC) - timedelta(seconds=1))
    assert not jobs.run_next(database, {"count": _count}, _now)
    assert _row(database, number).status == "cancelled"
