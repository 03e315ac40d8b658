"""What a process does before it is killed: one act on a real database, with a count of its calls to it.

Run by ``multiprocessing`` in a process of its own, which dies by SIGKILL just before its n-th call: before a statement,
before a commit, or after a commit and before anybody could be answered.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any

from sqlalchemy import event, select, update
from sqlalchemy.orm import Session

from tests.factories import SETTING_UP
from workflows import assignments, bulk, deliveries, instances, jobs, retries, timers, transitions
from workflows.access import Viewer
from workflows.audit import Entry
from workflows.db import Database
from workflows.errors import DelegationOver, HeldByAnother, IncidentOver, TaskDelegated
from workflows.models import Instance, Job
from workflows.submission import Submission
from workflows.transitions import Moved, Transition


@dataclass(frozen=True)
class Start:
    """Send an application."""

    viewer: Viewer
    round_number: str
    submission: Submission
    at: datetime
    process: str = "admission"

    def __call__(self, db: Database) -> None:
        instances.start(db, self.viewer, self.process, self.round_number, self.submission, at=self.at)


@dataclass(frozen=True)
class Complete:
    """Complete a task."""

    viewer: Viewer
    task: str
    submission: Submission
    at: datetime

    def __call__(self, db: Database) -> None:
        instances.complete_task(db, self.viewer, self.task, self.submission, at=self.at)


@dataclass(frozen=True)
class Fire:
    """Fire every timer that is due."""

    at: datetime

    def __call__(self, db: Database) -> None:
        timers.fire_due(db, at=self.at)


@dataclass(frozen=True)
class Message:
    """Send a message to a case."""

    viewer: Viewer
    name: str
    key: str
    at: datetime

    def __call__(self, db: Database) -> None:
        carried = {"reason": "方案需要重新论证"}
        deliveries.send_message(db, self.viewer, self.name, self.key, carried, origin="甲", at=self.at)


@dataclass(frozen=True)
class Followed:
    """An act, and a beat of the worker after it: what the act did not get to deliver arrives."""

    act: Start | Complete | Message
    at: datetime

    def __call__(self, db: Database) -> None:
        self.act(db)
        deliveries.deliver_due(db, at=self.at)


@dataclass(frozen=True)
class BulkStart:
    """Do the bulk start that is on the list; whoever had it before is dead."""

    at: datetime

    def __call__(self, db: Database) -> None:
        with db.write() as session:
            died = datetime(2026, 1, 1, tzinfo=UTC)
            session.execute(update(Job).where(Job.status == "running").values(lease_until=died))
        while jobs.run_next(db, {bulk.BULK_START: bulk.run}, lambda: self.at):
            pass


@dataclass(frozen=True)
class Whole:
    """A verb on a whole case, by somebody who looks first whether the case still stands as it stood.

    A beat follows: what the verb did not get to deliver arrives.
    """

    verb: Callable[..., object]
    arguments: tuple[Any, ...]
    number: str
    version: int
    at: datetime

    def __call__(self, db: Database) -> None:
        with db.read() as session:
            version = session.execute(select(Instance.version).where(Instance.number == self.number)).scalar_one()
        if version == self.version:
            self.verb(db, *self.arguments, at=self.at)
        deliveries.deliver_due(db, at=self.at)


@dataclass(frozen=True)
class Transfer:
    """Hand a task to a colleague; who had done it already is told that it is theirs no longer."""

    viewer: Viewer
    task: str
    to: str
    at: datetime

    def __call__(self, db: Database) -> None:
        with contextlib.suppress(HeldByAnother):
            assignments.transfer(db, self.viewer, self.task, self.to, "外出培训一周，请代为办理", at=self.at)


@dataclass(frozen=True)
class Delegated:
    """Delegate a task, hand it back, decline or recall it; who had done it already is told so."""

    verb: Callable[..., None]
    viewer: Viewer
    task: str
    arguments: tuple[Any, ...]
    at: datetime

    def __call__(self, db: Database) -> None:
        with contextlib.suppress(TaskDelegated, DelegationOver):
            self.verb(db, self.viewer, self.task, *self.arguments, at=self.at)


@dataclass(frozen=True)
class Retry:
    """Try the act of an incident again."""

    number: str
    at: datetime

    def __call__(self, db: Database) -> None:
        with contextlib.suppress(IncidentOver):
            retries.retry(db, SETTING_UP, self.number, at=self.at)


@dataclass(frozen=True)
class Broadcast:
    """Send a signal to every case that waits for it, and a beat after it."""

    viewer: Viewer
    name: str
    at: datetime

    def __call__(self, db: Database) -> None:
        deliveries.broadcast(db, self.viewer, self.name, {}, origin="停", at=self.at)
        deliveries.deliver_due(db, at=self.at)


Act = Start | Complete | Fire | Message | Followed | BulkStart | Whole | Transfer | Delegated | Retry | Broadcast


class Calls:
    """Counts the calls to a database, writes down what each was, and dies before one of them."""

    def __init__(self, db: Database, die_at: int | None) -> None:
        self.die_at, self.seen = die_at, list[str]()
        event.listen(db.engine, "before_cursor_execute", lambda _c, _u, text, *_: self.note(text.split(None, 1)[0]))
        event.listen(db.engine, "commit", lambda _: self.note("COMMIT"))
        event.listen(Session, "after_commit", lambda _: self.note("committed"))

    def note(self, what: str) -> None:
        self.seen.append(what)
        if len(self.seen) == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)


def perform(url: str, act: Callable[[Database], None], die_at: int | None, torn: bool, answer: Connection) -> None:
    """Do the act in this process, and answer with the calls it took; never answers when killed."""
    if torn:
        transitions.Transition.write = torn_write  # type: ignore[method-assign]
    db = Database(url, synchronous="NORMAL")  # a killed process loses nothing that it has written
    calls = Calls(db, die_at)
    act(db)
    answer.send(calls.seen)
    db.close()


#: ``Transition.write`` and the record as they are.
_write, _record_many = Transition.write, transitions.record_many


def torn_write(self: Transition, db: Database) -> Moved:
    """``Transition.write`` as it must not be: the rows in one transaction, the record in another.

    It is here to show that the check of the kill tests can fail.
    """
    kept: list[Entry] = []
    transitions.record_many = lambda _session, entries: kept.extend(entries)
    try:
        moved = _write(self, db)
    finally:
        transitions.record_many = _record_many
    with db.write() as session:
        _record_many(session, kept)
    return moved
