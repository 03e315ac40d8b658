"""Work done later by a worker, in chunks: claimed by a lease, resumed after a crash where it left off, cancellable.

A chunk's rows and the job's own progress are written in one transaction (``Running.chunk``), and only by the worker that
has the job: whatever dies or races, no chunk is done twice and none is left out. Leases and waits go by the machine's
clock, which nobody moves.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session, aliased

from workflows.audit import Act, Actor, Kind, office_stream, record
from workflows.clock import machine_now
from workflows.db import Database
from workflows.errors import N_, JobOver, NotFound, Refusal
from workflows.models import Job, Person

#: How long a worker has from one word of progress to the next before another may take its job up.
LEASE = timedelta(minutes=2)
#: Waits before a job that failed is tried again; after the last it has failed for good. Progress begins the count anew.
BACK_OFF = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30))
#: What a page says of a job that broke; the program's own words stand in the log.
BROKE = N_("程序出错（%(cause)s），已尝试 %(tries)s 次")
DIED = N_("执行进程中途停止，已尝试 %(tries)s 次")


class JobStopped(Exception):
    """Somebody asked the job to stop: its handler ends here, with what is done."""


class JobTaken(Exception):
    """Another worker has taken the job up; nothing of this chunk was written."""


@dataclass
class Running:
    """A job in a handler's hands: its params, where it left off, and how to say how far it is."""

    db: Database
    #: Zero for work that stands on no list.
    id: int
    params: Mapping[str, Any]
    cursor: dict[str, Any]
    now: Callable[[], datetime]
    #: Names the worker that has the job; whoever takes it up gives it another name.
    runner: str = ""
    number: str = ""

    def progress(
        self, done: int, total: int, message: str | None = None, said: Mapping[str, Any] | None = None, **cursor: Any
    ) -> None:
        """Note how far the job is and where a resumed run would continue; renews the lease.

        ``message`` is a message id and ``said`` what fills its places. Raises ``JobStopped`` and ``JobTaken``: the
        handler lets them pass.
        """
        with self.chunk(done, total, message, said, **cursor):
            pass

    @contextmanager
    def chunk(
        self, done: int, total: int, message: str | None = None, said: Mapping[str, Any] | None = None, **cursor: Any
    ) -> Iterator[Session]:
        """A write transaction for one chunk: its rows and this progress are there together, or neither."""
        with self.db.write() as session:
            self.mark(session, done, total, message, said, **cursor)
            yield session
        self.cursor |= cursor

    def mark(
        self, session: Session, done: int, total: int, message: str | None = None, said: Mapping[str, Any] | None = None,
        **cursor: Any,
    ) -> None:
        """Note progress in the caller's transaction; who calls this takes the new cursor over after the commit."""
        if not self.id:
            return
        mine = session.execute(
            update(Job)
            .where(Job.id == self.id, Job.runner == self.runner, Job.status == "running")
            .values(done=done, total=total, message=message, message_params=dict(said or {}),
                    cursor=self.cursor | cursor, tries=0, lease_until=machine_now() + LEASE)
            .returning(Job.stop)
        ).scalar_one_or_none()
        if mine is None:
            raise JobTaken()
        if mine:
            raise JobStopped()


#: job kind -> what does it.
Handlers = Mapping[str, Callable[[Running], None]]


def enqueue(
    db: Database, kind: str, params: Mapping[str, Any], *, at: datetime, key: str | None = None, by_id: int | None = None,
    by: Actor | None = None, payload: Mapping[str, Any] | None = None,
) -> str:
    """Put a job on the list; returns its number. A ``key`` that is there already gives that job instead.

    ``by`` records who asked for it, with ``payload``; work that nobody asked for leaves no event.
    """
    with db.write() as session:
        if key is not None:
            known = session.execute(select(Job.number).where(Job.key == key)).scalar_one_or_none()
            if known is not None:
                return known
        number = secrets.token_hex(8)
        session.add(Job(number=number, kind=kind, key=key, params=dict(params), status="waiting", cursor={},
                        made_at=at, made_by_id=by_id))
        session.flush()
        if by is not None:
            record(session, Act(office_stream("jobs"), Kind.JOB_STARTED, at, by,
                                payload={"job": number, "kind": kind, **(payload or {})}))
        return number


def stop(db: Database, by: Actor, number: str, *, at: datetime) -> None:
    """Ask a job to stop: one that waits never begins, one that runs ends after its chunk; what is done stays done.

    One transaction, one event. Raises ``NotFound``, and ``JobOver`` for a job that has ended or is stopping.
    """
    with db.write() as session:
        job = session.execute(select(Job).where(Job.number == number).with_for_update()).scalar_one_or_none()
        if job is None:
            raise NotFound()
        if job.status not in ("waiting", "running") or job.stop:
            raise JobOver()
        job.stop = True
        if job.status == "waiting":
            job.status, job.ended_at = "cancelled", at
        record(session, Act(office_stream("jobs"), Kind.JOB_CANCELLED, at, by,
                            payload={"job": number, "kind": job.kind, "done": job.done, "total": job.total}))


def run_next(db: Database, handlers: Handlers, now: Callable[[], datetime], number: str = "") -> bool:
    """Take one job that waits, or whose worker died, and do it; false when there is none. With a number that one only.

    A refusal ends the job with its sentence. Anything else that breaks is tried again after a while, from where the job
    left off, and is raised here for the log.
    """
    running = _taken(db, handlers, now, number)
    if running is None:
        return False
    try:
        handlers[_kind(db, running.id)](running)
    except JobTaken:
        return True
    except JobStopped:
        _end(db, running, {"status": "cancelled", "ended_at": now(), "message": None, "message_params": {}})
    except Refusal as refusal:
        _end(db, running, {"status": "failed", "ended_at": now(), "message": refusal.message,
                           "message_params": _plain(refusal.params)})
    except Exception as error:
        _broke(db, running, type(error).__name__, now())
        raise
    else:
        _end(db, running, {"status": "done", "ended_at": now()})
    return True


def _taken(db: Database, handlers: Handlers, now: Callable[[], datetime], number: str = "") -> Running | None:
    machine = machine_now()
    ready = (Job.status == "waiting") & or_(Job.next_try_at.is_(None), Job.next_try_at <= machine)
    orphaned = (Job.status == "running") & (Job.lease_until < machine)
    query = (
        select(Job)
        .where(Job.kind.in_(list(handlers)), or_(ready, orphaned), *([Job.number == number] if number else []))
        .order_by(Job.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    with db.write() as session:
        while True:
            job = session.execute(query).scalar_one_or_none()
            if job is None:
                return None
            if job.status == "running":
                job.tries += 1  # whoever had it died on it
            if job.stop:
                job.status, job.ended_at, job.lease_until, job.message = "cancelled", now(), None, None
            elif job.tries > len(BACK_OFF):
                job.status, job.ended_at, job.lease_until = "failed", now(), None
                job.message, job.message_params = DIED, {"tries": job.tries}
            else:
                job.status, job.started_at, job.runner = "running", job.started_at or now(), secrets.token_hex(8)
                job.lease_until, job.next_try_at = machine + LEASE, None
                return Running(db, job.id, job.params, dict(job.cursor), now, job.runner, job.number)
            session.flush()


def _kind(db: Database, job_id: int) -> str:
    with db.read() as session:
        return session.execute(select(Job.kind).where(Job.id == job_id)).scalar_one()


def _broke(db: Database, running: Running, cause: str, at: datetime) -> None:
    """Try again later, or give up after the last wait."""
    with db.write() as session:
        job = session.execute(
            select(Job).where(Job.id == running.id, Job.runner == running.runner).with_for_update()
        ).scalar_one_or_none()
        if job is None or job.status != "running":
            return
        job.tries += 1
        job.message, job.message_params, job.lease_until = BROKE, {"cause": cause, "tries": job.tries}, None
        if job.tries > len(BACK_OFF):
            job.status, job.ended_at = "failed", at
        else:
            job.status, job.next_try_at = "waiting", machine_now() + BACK_OFF[job.tries - 1]


def _end(db: Database, running: Running, values: Mapping[str, Any]) -> None:
    with db.write() as session:
        session.execute(
            update(Job)
            .where(Job.id == running.id, Job.runner == running.runner)
            .values(lease_until=None, **values)
        )


def _plain(params: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value if isinstance(value, int) else str(value) for key, value in params.items()}


@dataclass(frozen=True)
class JobView:
    """One job for a page; ``message`` is a message id with its params."""

    number: str
    kind: str
    #: ``waiting``, ``running``, ``done``, ``failed``, ``cancelled``.
    status: str
    done: int
    total: int
    message: str | None
    params: Mapping[str, Any]
    made_at: datetime
    ended_at: datetime | None
    #: Who asked for it, if anybody did.
    by: str | None
    #: It was asked to stop and is about to.
    stopping: bool
    may_stop: bool


@dataclass(frozen=True)
class OwnJob:
    """A job as whoever asked for it follows it."""

    number: str
    kind: str
    #: ``waiting``, ``running``, ``done``, ``failed``, ``cancelled``.
    status: str
    done: int
    total: int
    params: Mapping[str, Any]
    #: What the handler has kept of its work so far.
    cursor: Mapping[str, Any]
    message: str | None
    message_params: Mapping[str, Any]
    made_at: datetime

    @property
    def over(self) -> bool:
        """Whether nothing more happens in it."""
        return self.status not in ("waiting", "running")


def own(session: Session, number: str, person_id: int) -> OwnJob:
    """A job that the person asked for; ``NotFound`` for every other."""
    job = session.execute(
        select(Job).where(Job.number == number, Job.made_by_id == person_id)
    ).scalar_one_or_none()
    if job is None:
        raise NotFound()
    return OwnJob(job.number, job.kind, job.status, job.done, job.total, job.params, job.cursor, job.message,
                  job.message_params, job.made_at)  # fmt: skip


def jobs(session: Session, *, limit: int = 50) -> list[JobView]:
    """The newest jobs."""
    asked = aliased(Person)
    rows = session.execute(
        select(Job, asked.name).outerjoin(asked, asked.id == Job.made_by_id).order_by(Job.id.desc()).limit(limit)
    ).tuples()
    return [
        JobView(row.number, row.kind, row.status, row.done, row.total, row.message, row.message_params, row.made_at,
                row.ended_at, name, row.stop and row.status == "running",
                row.status in ("waiting", "running") and not row.stop)
        for row, name in rows
    ]  # fmt: skip
