"""Work done later by a worker, with progress: claimed by a lease, resumed after a crash where it left off."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from workflows.db import Database
from workflows.models import Job

#: How long a worker has before another may take its job up.
LEASE = timedelta(minutes=2)


@dataclass
class Running:
    """A job in a handler's hands: its params, where it left off, and how to say how far it is."""

    db: Database
    id: int
    params: Mapping[str, Any]
    cursor: dict[str, Any]
    now: Callable[[], datetime]

    def progress(self, done: int, total: int, message: str | None = None, **cursor: Any) -> None:
        """Note how far the job is and where a resumed run would continue; renews the lease."""
        self.cursor |= cursor
        with self.db.write() as session:
            session.execute(
                update(Job)
                .where(Job.id == self.id)
                .values(done=done, total=total, message=message, cursor=self.cursor, lease_until=self.now() + LEASE)
            )


#: job kind -> what does it.
Handlers = Mapping[str, Callable[[Running], None]]


def enqueue(
    db: Database, kind: str, params: Mapping[str, Any], *, at: datetime, key: str | None = None, by_id: int | None = None
) -> str:
    """Put a job on the list; returns its number. A ``key`` that is there already gives that job instead."""
    with db.write() as session:
        if key is not None:
            known = session.execute(select(Job.number).where(Job.key == key)).scalar_one_or_none()
            if known is not None:
                return known
        number = secrets.token_hex(8)
        session.add(Job(number=number, kind=kind, key=key, params=dict(params), status="waiting", cursor={},
                        made_at=at, made_by_id=by_id))
        return number


def run_next(db: Database, handlers: Handlers, now: Callable[[], datetime]) -> bool:
    """Take one job that waits, or whose worker died, and do it; false when there is none."""
    at = now()
    with db.write() as session:
        job = session.execute(
            select(Job)
            .where(Job.kind.in_(list(handlers)),
                   or_(Job.status == "waiting", (Job.status == "running") & (Job.lease_until < at)))
            .order_by(Job.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        ).scalar_one_or_none()
        if job is None:
            return False
        job.status, job.started_at, job.lease_until = "running", job.started_at or at, at + LEASE
        running = Running(db, job.id, job.params, dict(job.cursor), now)
        kind = job.kind
    try:
        handlers[kind](running)
    except Exception as error:  # the job says why it failed; the worker goes on with the next
        _end(db, running.id, "failed", f"{type(error).__name__}: {error}"[:2000], now())
        raise
    _end(db, running.id, "done", None, now())
    return True


def _end(db: Database, job_id: int, status: str, message: str | None, at: datetime) -> None:
    with db.write() as session:
        values: dict[str, Any] = {"status": status, "ended_at": at, "lease_until": None}
        if message is not None:
            values["message"] = message
        session.execute(update(Job).where(Job.id == job_id).values(**values))


@dataclass(frozen=True)
class JobView:
    """One job for a page."""

    number: str
    kind: str
    status: str
    done: int
    total: int
    message: str | None
    made_at: datetime
    ended_at: datetime | None


def jobs(session: Session, *, limit: int = 50) -> list[JobView]:
    """The newest jobs."""
    rows = session.execute(select(Job).order_by(Job.id.desc()).limit(limit)).scalars()
    return [JobView(row.number, row.kind, row.status, row.done, row.total, row.message, row.made_at, row.ended_at)
            for row in rows]
