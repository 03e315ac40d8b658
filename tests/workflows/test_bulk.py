"""Bulk start: everybody once, as one case after the other would be started, whatever stops the worker in between."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests import annual
from tests.annual import EVERYBODY
from tests.factories import SETTING_UP
from tests.kill.dying import everything
from tests.office import Office
from tests.workflows.test_races import race
from workflows import bulk, jobs
from workflows.audit import Kind
from workflows.errors import FormNeeded, JobOver, NobodySelected, NotFound
from workflows.models import Event, Instance, Person, Task

PEOPLE = 7


@pytest.fixture
def ready(office: Office, monkeypatch: pytest.MonkeyPatch) -> Office:
    """The office with seven people who train, started three at a time."""
    monkeypatch.setattr(bulk, "CHUNK", 3)
    annual.deploy(office)
    annual.people(office, PEOPLE)
    return office


def _started_once(office: Office, numbers: range) -> None:
    """One case for each, with number, task for the person and one event, at the person's institution."""
    cases = annual.cases(office)
    assert list(cases) == [f"LN-2026-{number:05d}" for number in numbers]
    with office.db.read() as session:
        starters = session.execute(select(Person.number, func.count()).join(Instance, Instance.starter_id == Person.id)
                                   .where(Instance.process_id == "annual").group_by(Person.number)).tuples().all()
        tasks = session.execute(select(Task.holder_id, Task.instance_id, Task.status)).tuples().all()
    assert dict(starters) == {f"T{n:05d}": 1 for n in range(len(numbers))}
    assert sorted(tasks) == sorted((case.starter_id, case.id, "open") for case in cases.values())
    for number, case in cases.items():
        [event] = office.events(f"instance:{number}")
        assert (event.kind, event.actor_kind, event.actor) == (Kind.INSTANCE_STARTED, "administrator", "console")
        assert case.title == f"年度研修 {number}" and case.version == 1 and case.round_id is None


def test_everybody_of_the_province_gets_one_case(ready: Office) -> None:
    with ready.db.read() as session:
        found = bulk.preview(session, EVERYBODY, at=ready.at)
    assert (found.people, found.left_out, found.process, found.version) == (PEOPLE, 0, "年度研修", 1)
    number = annual.request(ready)
    assert annual.work(ready.db, lambda: ready.at)
    _started_once(ready, range(1, PEOPLE + 1))
    job = annual.job(ready, number)
    assert (job.status, job.done, job.total, job.message_params) == ("done", PEOPLE, PEOPLE, {"started": PEOPLE})
    [asked] = [event for event in ready.events("office:jobs") if event.kind == Kind.JOB_STARTED]
    assert ready.payload(asked)["people"] == PEOPLE


def test_who_has_an_open_case_is_left_out_the_next_time(ready: Office) -> None:
    annual.request(ready)
    annual.work(ready.db, lambda: ready.at)
    with ready.db.read() as session:
        found = bulk.preview(session, EVERYBODY, at=ready.at)
    assert (found.people, found.left_out) == (0, PEOPLE)
    with pytest.raises(NobodySelected):
        annual.request(ready)


def test_what_cannot_be_started_for_others_is_refused(ready: Office) -> None:
    with pytest.raises(FormNeeded):
        annual.request(ready, bulk.Selection("admission", "tri_training", "ln"))
    for unknown in (("none", "tri_training", "ln"), ("annual", "none", "ln"), ("annual", "tri_training", "none")):
        with pytest.raises(NotFound):
            annual.request(ready, bulk.Selection(*unknown))
    with ready.db.read() as session:
        assert bulk.startable(session) == [("annual", "年度研修")]


def test_the_same_page_sent_twice_is_one_job(ready: Office) -> None:
    first, second = (bulk.request(ready.db, SETTING_UP, EVERYBODY, at=ready.at, key="once") for _ in range(2))
    assert first == second


def test_many_are_written_as_one_alone_would_be(new_office: Callable[[], Office], tmp_path: Path,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of seven cases written in one transaction are those of seven written one by one."""
    found = []
    for chunk in (250, 1):
        monkeypatch.setattr(bulk, "CHUNK", chunk)
        office = new_office()
        annual.deploy(office)
        annual.people(office, PEOPLE)
        annual.request(office)
        annual.work(office.db, lambda office=office: office.at)  # type: ignore[misc]
        told = [_without_chance(office.payload(event)) for number in annual.cases(office)
                for event in office.events(f"instance:{number}")]
        found.append((told, everything(str(office.db.url), tmp_path)))
    assert found[0] == found[1]
    assert len(found[0][0]) == PEOPLE


def _without_chance(payload: dict[str, object]) -> dict[str, object]:
    """An event's payload without random numbers of tasks and jobs."""
    opened = [{**one, "task": ""} for one in payload["opened"]]  # type: ignore[attr-defined]
    return {**payload, "opened": opened, "job": "", "notices": len(payload["notices"])}  # type: ignore[arg-type]


# --- stopped, taken up, overtaken -----------------------------------------------------------------------------------


class Turn:
    """The office clock of a worker, which does something when it is asked for the n-th time."""

    def __init__(self, office: Office, at_call: int, act: Callable[[], None]) -> None:
        self.office, self.left, self.act = office, at_call, act

    def __call__(self) -> datetime:
        self.left -= 1
        if self.left == 0:
            self.act()
        return self.office.at


@pytest.mark.parametrize("call", [2, 3, 4, 5])
def test_a_worker_that_was_thought_dead_writes_nothing_more(ready: Office, call: int) -> None:
    """Its lease ran out between two steps: another takes the job up and ends it; the first gives up at its next write."""
    number = annual.request(ready)

    def another() -> None:
        annual.orphan(ready.db)
        assert annual.work(ready.db, lambda: ready.at)

    assert annual.work(ready.db, Turn(ready, call, another))
    _started_once(ready, range(1, PEOPLE + 1))
    assert annual.job(ready, number).status == "done"
    assert not annual.work(ready.db, lambda: ready.at)


def test_a_job_is_stopped_after_its_chunk(ready: Office) -> None:
    number = annual.request(ready)
    assert annual.work(ready.db, Turn(ready, 4, lambda: jobs.stop(ready.db, SETTING_UP, number, at=ready.at)))
    job = annual.job(ready, number)
    assert (job.status, job.done, job.total) == ("cancelled", 3, PEOPLE)
    _started_once(ready, range(1, 4))
    [event] = [event for event in ready.events("office:jobs") if event.kind == Kind.JOB_CANCELLED]
    assert ready.payload(event)["done"] == 3
    with pytest.raises(JobOver):
        jobs.stop(ready.db, SETTING_UP, number, at=ready.at)
    assert not annual.work(ready.db, lambda: ready.at)


def test_two_workers_at_once_do_a_job_once(ready: Office) -> None:
    annual.request(ready)
    did = race(ready, *[lambda db: annual.work(db, lambda: ready.at)] * 2)
    assert sorted(did) == [False, True]
    _started_once(ready, range(1, PEOPLE + 1))


def test_somebody_applies_in_between(ready: Office) -> None:
    """A number that an applicant takes while the job runs is no case of the job's."""
    annual.request(ready)
    applicant = ready.applicant("ln-sy-s1")

    def applies() -> None:
        assert applicant.applies().number == "LN-2026-00004"

    assert annual.work(ready.db, Turn(ready, 3, applies))
    assert list(annual.cases(ready)) == [f"LN-2026-{number:05d}" for number in (1, 2, 3, 5, 6, 7, 8)]


def test_whose_case_cannot_be_started_holds_up_nobody(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """No flow is taken for the people of one institution: they are named, the others get their cases."""
    monkeypatch.setattr(bulk, "CHUNK", 4)
    gateway = ('<bpmn:exclusiveGateway id="where" name="单位？" /><bpmn:sequenceFlow id="f0" sourceRef="s" targetRef="where" />'
               '<bpmn:sequenceFlow id="f1" sourceRef="where" targetRef="report"><bpmn:conditionExpression>'
               '=instance.organisation != "ln-dl-tri"</bpmn:conditionExpression></bpmn:sequenceFlow>')
    annual.deploy(office, ('<bpmn:sequenceFlow id="f1" sourceRef="s" targetRef="report" />', gateway))
    annual.people(office, PEOPLE)
    number = annual.request(office)
    assert annual.work(office.db, lambda: office.at)
    job = annual.job(office, number)
    assert (job.status, job.done, job.message) == ("done", PEOPLE, bulk.SOME_FAILED)
    assert job.message_params == {"started": 5, "failed": 2, "people": "T00001 (NoFlowTaken), T00004 (NoFlowTaken)"}
    assert list(annual.cases(office)) == [f"LN-2026-{number:05d}" for number in (1, 3, 4, 6, 7)]
    with office.db.read() as session:
        assert session.execute(select(func.count()).where(Event.kind == Kind.INSTANCE_STARTED)).scalar_one() == 5
