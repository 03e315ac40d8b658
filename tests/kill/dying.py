"""Killing an act at a call to the database, doing it again in another process, and comparing all that was written."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import ForkServerContext, SpawnContext
from pathlib import Path
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.engine import make_url

from tests import forking
from tests.databases import _administer
from tests.kill.acts import Act, Done, perform
from tests.office import Office
from workflows.db import Database
from workflows.models import (
    Attachment,
    Candidate,
    Definition,
    Delivery,
    Draft,
    Event,
    Incident,
    Instance,
    Job,
    Notice,
    PackSet,
    Part,
    RulingRow,
    Series,
    Submission,
    Subscription,
    Task,
    Timer,
)


def run(
    url: str,
    act: Act,
    die_at: int | None = None,
    *,
    broken: str = "",
    look: bool = False,
    processes: ForkServerContext | SpawnContext = forking.processes,
) -> Done | None:
    """Do an act in a process of its own; what it did, or nothing when it was killed before it could answer."""
    here, there = processes.Pipe(duplex=False)
    process = processes.Process(target=perform, args=(url, act, die_at, broken, look, there))
    process.start()
    there.close()
    process.join(240)
    assert process.exitcode in (0, -9), f"the process ended with {process.exitcode}"
    try:
        found: Done = here.recv()
        return found
    except EOFError:
        assert process.exitcode == -9
        return None
    finally:
        here.close()


@contextmanager
def copied(url: str, folder: Path, number: int) -> Iterator[str]:
    """A copy of a database in which nobody is at work."""
    source = make_url(url)
    if source.get_backend_name() == "sqlite":
        path = folder / f"copy-{number}.sqlite3"
        shutil.copy(str(source.database), path)
        yield f"sqlite:///{path}"
        for rest in folder.glob(f"copy-{number}.sqlite3*"):
            rest.unlink()
        return
    name = f"{source.database}_{number}"
    server = source.set(database="postgres")
    _administer(server, f'CREATE DATABASE "{name}" TEMPLATE "{source.database}" STRATEGY FILE_COPY')
    yield source.set(database=name).render_as_string(hide_password=False)
    _administer(server, f'DROP DATABASE "{name}" WITH (FORCE)')


#: Whoever finds an act done that is to be tried again says that it needs no retry (moot); it is over all the same.
_OVER: dict[str, str] = {"resolved": "over", "moot": "over"}


def _plain(one: Any) -> Any:
    return _OVER.get(one, one) if isinstance(one, str) else one


Everything = dict[str, list[tuple[Any, ...]]]


def everything(url: str, folder: Path) -> Everything:
    """All that an act may have written, without what is random; the record is checked on the way."""
    queries: dict[str, Select[Any]] = {
        "instance": select(
            Instance.number,
            Instance.status,
            Instance.version,
            Instance.outcome,
            Instance.title,
            Instance.parent_step,
            Instance.definition,
            Instance.ended_at,
        ),
        "subscription": select(Subscription.step_id, Subscription.key, Subscription.ended_at, Subscription.result),
        "delivery": select(Delivery.kind, Delivery.name, Delivery.key, Delivery.ended_at, Delivery.result),
        "task": select(
            Task.step_id,
            Task.status,
            Task.done_by_id,
            Task.holder_id,
            Task.due_at,
            Task.due_provisional,
            Task.outcome,
            Task.delegate_id,
            Task.signers_open,
            Task.main_id.is_not(None),
            Task.explanation["delegated"],
            Task.explanation["delegations"],
        ),
        "candidate": select(Candidate.organisation_id, Candidate.role, func.count()).group_by(
            Candidate.organisation_id, Candidate.role
        ),
        "timer": select(Timer.step_id, Timer.kind, Timer.due_at, Timer.fired_at, Timer.result, Timer.held),
        "event": select(Event.stream, Event.seq, Event.kind, Event.actor, Event.at, Event.outcome),
        "notice": select(Notice.person_id, Notice.kind, Notice.instance, Notice.made_at),
        "submission": select(Submission.token, Submission.form_id, Submission.by_id, Submission.at),
        "ruling": select(RulingRow.step_id, RulingRow.decision, RulingRow.outcome, RulingRow.at),
        "incident": select(
            Incident.step_id, Incident.cause, Incident.status, Incident.tries, Incident.at, Incident.ended_at
        ),
        "part": select(Part.key),
        "job": select(Job.kind, Job.status, Job.done, Job.total),
        "series": select(Series.name, Series.last),
        "attachment": select(Attachment.name, Attachment.instance_id.is_not(None)),
        "draft": select(Draft.person_id, Draft.data, Draft.version, Draft.saved_at),
        "definition": select(Definition.process_id, Definition.version, Definition.digest),
        "pack set": select(PackSet.number, PackSet.digest),
    }
    db = Database(url)
    try:
        Office(db, folder).check_record()
        with db.read() as session:
            return {
                name: sorted((tuple(_plain(one) for one in row) for row in session.execute(query)), key=repr)
                for name, query in queries.items()
            }
    finally:
        db.close()


READS = ("BEGIN", "SELECT", "WITH")


def deaths(calls: list[str], *, writes: bool) -> list[int]:
    """The calls (from 1) to die at, reads left out: the first, each commit before and after, and perhaps each write."""
    chosen = {what for what in calls if what not in READS} if writes else {"COMMIT", "committed"}
    return sorted({1, *(number for number, what in enumerate(calls, 1) if what in chosen)})


def some(calls: list[str], chosen: list[int], most: int, seed: str) -> list[int]:
    """At most so many of the chosen calls: the first, those around the first commit and the last, others by the seed."""
    if len(chosen) <= most:
        return chosen
    commits = [number for number, what in enumerate(calls, 1) if what in ("COMMIT", "committed")]
    sure = {chosen[0], *commits[:2], *commits[-2:]}
    others = [number for number in chosen if number not in sure]
    return sorted({*sure, *random.Random(seed).sample(others, max(0, most - len(sure)))})


class Killing:
    """One act on a database as it stands, to be killed and done again on copies of it."""

    def __init__(self, source: str, folder: Path, act: Act, *, broken: str = "") -> None:
        self.source, self.folder, self.act, self.broken = source, folder, act, broken
        with copied(source, folder, 0) as url:
            done = run(url, act, broken=broken, look=True)
            assert done is not None
            #: The calls of the act when nobody kills it, and the functions it goes through.
            self.calls, self.walked = done.calls, done.walked
            #: What may stand there in the end.
            self.right = [everything(url, folder)]
        assert self.calls.count("COMMIT") == self.calls.count("committed") >= 1
        for other in getattr(act, "otherwise", ()):
            with copied(source, folder, 0) as url:
                assert run(url, other, broken=broken) is not None
                self.right.append(everything(url, folder))

    def at(self, number: int) -> None:
        """Die at a call, and do the act again: nothing differs from once alone."""
        with copied(self.source, self.folder, number) as url:
            assert run(url, self.act, number, broken=self.broken) is None, f"outlived call {number}"
            assert run(url, self.act, broken=self.broken) is not None
            self._compare(url, f"killed at call {number}: {self.calls[number - 1]}")

    def again_and_again(self, seed: int, times: int) -> int:
        """Die at a random call, and so does whoever does the act again, so many times; how many died."""
        chance, died = random.Random(seed), list[int]()
        with copied(self.source, self.folder, 0) as url:
            for _ in range(times):
                number = chance.randint(1, len(self.calls))
                if run(url, self.act, number, broken=self.broken) is None:
                    died.append(number)
            assert run(url, self.act, broken=self.broken) is not None
            self._compare(url, f"seed {seed}: killed at calls {died}")
        return len(died)

    def _compare(self, url: str, said: str) -> None:
        found = everything(url, self.folder)
        if found not in self.right:
            assert found == self.right[0], said
