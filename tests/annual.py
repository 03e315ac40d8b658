"""The annual training of tests: the benchmarks' small process, started for many people of Liaoning at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime

from sqlalchemy import insert, select

from benchmarks import annual
from tests.factories import SETTING_UP
from tests.office import Office
from webapp import composition
from workflows import bulk, deployment, jobs
from workflows.bulk import Selection
from workflows.db import Database
from workflows.models import Instance, Job, Membership, Organisation, Person, Timer, table

#: Everybody of the province who trains; nobody of the furnished office holds this role.
EVERYBODY = Selection("annual", "tri_training", "ln")
_SINCE = date(2025, 1, 1)


def deploy(office: Office, *changes: tuple[str, str]) -> None:
    """Deploy the process, with some of the diagram's text replaced."""
    diagram = annual.DIAGRAM
    for old, new in changes:
        assert diagram.count(old) == 1, old
        diagram = diagram.replace(old, new)
    tree = deployment.read_tree(composition.SOURCE) | annual.FILES | {"bpmn/annual/annual.bpmn": diagram.encode()}
    deployment.deploy(office.db, SETTING_UP, tree, composition.check_form, at=office.at)


def people(office: Office, count: int, *codes: str) -> None:
    """Enter so many people who train, at the given institutions in turn."""
    codes = codes or ("ln-sy-tri", "ln-dl-tri", "ln-sy-hp-tri")
    with office.db.write() as session:
        places = dict(session.execute(select(Organisation.code, Organisation.id)).tuples().all())
        for n in range(count):
            person = Person(number=f"T{n:05d}", name=f"培训{n}", phone=None, email=None, created_at=office.at)
            session.add(person)
            session.flush()
            session.execute(insert(table(Membership)), [{
                "person_id": person.id, "organisation_id": places[codes[n % len(codes)]], "role": "tri_training",
                "from_on": _SINCE, "to_on": None, "begun_by_event": "test",
            }])


def request(office: Office, selection: Selection = EVERYBODY) -> str:
    """Put the bulk start on the list."""
    return bulk.request(office.db, SETTING_UP, selection, at=office.at)


def work(db: Database, now: Callable[[], datetime]) -> bool:
    """One turn of a worker."""
    return jobs.run_next(db, {bulk.BULK_START: bulk.run}, now)


def started(office: Office, count: int) -> None:
    """Deploy, enter people, start a case for each."""
    deploy(office)
    people(office, count)
    request(office)
    assert work(office.db, lambda: office.at)


def cases(office: Office) -> Mapping[str, Instance]:
    """The cases by number."""
    with office.db.read() as session:
        rows = session.execute(select(Instance).where(Instance.process_id == "annual").order_by(Instance.id)).scalars()
        return {row.number: row for row in rows}


def timers(office: Office) -> list[Timer]:
    """The diagrams' timers, in order."""
    with office.db.read() as session:
        return list(session.execute(select(Timer).where(Timer.kind == "engine").order_by(Timer.id)).scalars())


def job(office: Office, number: str) -> Job:
    """A job's row."""
    with office.db.read() as session:
        return session.execute(select(Job).where(Job.number == number)).scalar_one()


def orphan(db: Database) -> None:
    """Whoever has a job has died: its lease is over."""
    with db.write() as session:
        for row in session.execute(select(Job).where(Job.status == "running")).scalars():
            row.lease_until = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
