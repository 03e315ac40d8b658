"""What a process does before it is killed: one act on a real database, with a count of its calls to it.

Run by ``multiprocessing`` in a process of its own, which dies by SIGKILL just before its n-th call: before a statement,
before a commit, or after a commit and before anybody could be answered. The process starts cold: no definition, pack or
statement is known to it, so that an act makes every call that it can make.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any, ClassVar

from sqlalchemy import event, select, update
from sqlalchemy.orm import Session

from tests.kill import breaking
from workflows import (
    bulk,
    control,
    deliveries,
    engine,
    handing_over,
    instances,
    jobs,
    orders,
    reporting,
    retries,
    timers,
)
from workflows.access import Viewer
from workflows.db import Database
from workflows.engine.errors import NoFlowTaken
from workflows.errors import CaseFailed, StartFailed
from workflows.models import Incident, Instance, Job
from workflows.submission import Submission


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
class Report:
    """Report something to a running case (登记事项)."""

    viewer: Viewer
    number: str
    step: str
    submission: Submission
    at: datetime

    def __call__(self, db: Database) -> None:
        reporting.report(db, self.viewer, self.number, self.step, self.submission, at=self.at)


@dataclass(frozen=True)
class Fire:
    """Fire every timer that is due; one that fails is an incident and holds up no other."""

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
class Broadcast:
    """Send a signal to every case that waits for it."""

    viewer: Viewer
    name: str
    at: datetime

    def __call__(self, db: Database) -> None:
        deliveries.broadcast(db, self.viewer, self.name, {}, origin="停", at=self.at)


@dataclass(frozen=True)
class Once:
    """A verb that is not done twice: whoever finds it done is refused by one of these names, and that is their answer."""

    verb: Callable[..., object]
    arguments: tuple[Any, ...]
    #: Nothing for a verb that needs no clock.
    at: datetime | None = None
    refused: tuple[type[Exception], ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, db: Database) -> None:
        clock = {"at": self.at} if self.at is not None else {}
        with contextlib.suppress(*self.refused):
            self.verb(db, *self.arguments, **clock, **self.more)


@dataclass(frozen=True)
class Followed:
    """An act, and a beat of the worker after it: what the act did not get to deliver arrives."""

    act: Start | Complete | Message | Broadcast | Once
    at: datetime

    def __call__(self, db: Database) -> None:
        self.act(db)
        deliveries.deliver_due(db, at=self.at)


@dataclass(frozen=True)
class Work:
    """Do the jobs that are on the list; whoever had them before is dead."""

    at: datetime
    #: Cases that a bulk start writes in one transaction.
    chunk: int = bulk.CHUNK

    def __call__(self, db: Database) -> None:
        bulk.CHUNK = self.chunk
        with db.write() as session:
            died = datetime(2026, 1, 1, tzinfo=UTC)
            session.execute(update(Job).where(Job.status == "running").values(lease_until=died))
        handlers = {bulk.BULK_START: bulk.run, control.MIGRATION: _migrate, handing_over.HAND_OVER: handing_over.run}
        while jobs.run_next(db, handlers, lambda: self.at):
            pass


def _migrate(running: jobs.Running) -> None:
    control.migrate_all(running.db, running.params, running.cursor, running.mark, running.now)


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
class Retries:
    """A beat of tries that are due, and one later: a try that was taken by a process that died is due again then."""

    at: datetime
    later: datetime

    def __call__(self, db: Database) -> None:
        for moment in (self.at, self.later):
            retries.retry_due(db, at=moment)

    @property
    def otherwise(self) -> tuple[Retries, ...]:
        """What it comes to when only one of the two beats lives."""
        return Retries(self.at, self.at), Retries(self.later, self.later)


@dataclass(frozen=True)
class Failing:
    """An act on which the machine fails. Whoever finds that on record does not act again, if it is a person."""

    act: Start | Complete | Fire | Followed | Retries
    #: An order, or a function of the engine.
    what: str

    #: Acts of people, who see their incident; the others have to know by themselves.
    of_people: ClassVar = (Start, Complete)

    def __call__(self, db: Database) -> None:
        if isinstance(self.act, self.of_people):
            with db.read() as session:
                if session.execute(select(Incident.id).limit(1)).first():
                    return
        if self.what in orders.ORDERS:
            orders.ORDERS[self.what] = _fails  # type: ignore[index]
        else:
            setattr(engine, self.what, _fails)
        with contextlib.suppress(CaseFailed, StartFailed):
            self.act(db)

    @property
    def otherwise(self) -> tuple[Failing, ...]:
        """What else it may come to."""
        return tuple(Failing(other, self.what) for other in getattr(self.act, "otherwise", ()))


def _fails(*_given: Any, **_more: Any) -> Any:
    raise NoFlowTaken(step="核对完整性")


Act = Start | Complete | Fire | Message | Broadcast | Once | Followed | Work | Whole | Retries | Failing


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


class Walked:
    """Every function of ours that was entered: module and name."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def __call__(self, frame: FrameType, what: str, _arg: object) -> None:
        if what == "call" and str(frame.f_globals.get("__name__")).startswith("workflows."):
            self.seen.add(f"{frame.f_globals['__name__']}.{frame.f_code.co_name}")


@dataclass(frozen=True)
class Done:
    """What an act that nobody killed did."""

    calls: list[str]
    #: The functions it went through; only if they were asked for.
    walked: set[str]


def perform(
    url: str, act: Callable[[Database], None], die_at: int | None, broken: str, look: bool, answer: Connection
) -> None:
    """Do the act in this process, and answer with the calls it took; never answers when killed."""
    if broken:
        breaking.BREAKS[broken]()
    db = Database(url, synchronous="NORMAL")  # a killed process loses nothing that it has written
    calls, walked = Calls(db, die_at), Walked()
    if look:
        sys.setprofile(walked)
    act(db)
    sys.setprofile(None)
    answer.send(Done(calls.seen, walked.seen))
    db.close()
