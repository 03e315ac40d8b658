"""Timers, whatever the clock and the workers do: each fires exactly once, together or alone, and none holds up another (T6)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests import annual
from tests.forking import processes
from tests.kill.dying import everything
from tests.office import BEGAN, Office
from workflows import instances, timers
from workflows.audit import Kind
from workflows.db import Database
from workflows.models import Event, Incident, Notice, Timer

DUE = BEGAN + timedelta(days=3)
#: A task of the annual training that is reminded of every hour while it waits, besides its lapse.
HOURLY = (
    '<bpmn:endEvent id="reported"',
    ('<bpmn:boundaryEvent id="hourly" name="催报" attachedToRef="report" cancelActivity="false">'
    '<bpmn:timerEventDefinition id="hourly_in"><bpmn:timeCycle xsi:type="bpmn:tFormalExpression">R/PT1H</bpmn:timeCycle>'
    '</bpmn:timerEventDefinition></bpmn:boundaryEvent><bpmn:endEvent id="nudged" name="已催报" />'
    '<bpmn:sequenceFlow id="f4" sourceRef="hourly" targetRef="nudged" /><bpmn:endEvent id="reported"'),
)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several batches also for few timers."""
    monkeypatch.setattr(timers, "BATCH", 4)


def _fired(office: Office) -> list[tuple[str, int]]:
    """(instance, how often) of every case for which a timer fired."""
    with office.db.read() as session:
        counted = select(Event.instance, func.count()).where(Event.kind == Kind.TIMER_FIRED).group_by(Event.instance)
        return sorted((str(number), count) for number, count in session.execute(counted))


def _once_each(office: Office) -> None:
    assert _fired(office) == [(number, 1) for number in sorted(annual.cases(office))]
    assert {timer.result for timer in annual.timers(office)} == {"fired"}
    assert {case.outcome for case in annual.cases(office).values()} == {"lapsed"}


def test_many_are_written_as_one_alone_would_be(new_office: Callable[[], Office], tmp_path: Path) -> None:
    found = []
    for together in (True, False):
        office = new_office()
        annual.started(office, 9)
        if together:
            assert timers.fire_due(office.db, at=DUE) == 9
        else:
            for timer in annual.timers(office):
                assert instances.wake(office.db, timer.id, at=DUE) is not None
        told = [office.payload(event) for number in annual.cases(office)
                for event in office.events(f"instance:{number}") if event.kind == Kind.TIMER_FIRED]
        found.append((told, everything(str(office.db.url), tmp_path)))
    assert found[0] == found[1]
    assert len(found[0][0]) == 9


def test_a_clock_that_goes_forward_and_back_fires_nothing_early_and_nothing_twice(office: Office) -> None:
    annual.started(office, 6)
    assert timers.fire_due(office.db, at=DUE - timedelta(hours=1)) == 0
    assert timers.fire_due(office.db, at=DUE + timedelta(hours=1)) == 6
    for moved in (timedelta(hours=-1), timedelta(), timedelta(hours=1), timedelta(days=-30), timedelta(days=365)):
        assert timers.fire_due(office.db, at=DUE + moved) == 0
    _once_each(office)


def test_a_year_away_fires_each_once(office: Office) -> None:
    annual.started(office, 6)
    assert timers.fire_due(office.db, at=DUE + timedelta(days=365)) == 6
    _once_each(office)


def test_two_beats_in_threads_fire_each_once(office: Office) -> None:
    annual.started(office, 30)
    url = office.db.url.render_as_string(hide_password=False)
    gate, counts = threading.Barrier(2), list[int]()

    def beat() -> None:
        db = Database(url, synchronous="NORMAL")
        gate.wait()
        counts.append(timers.fire_due(db, at=DUE))
        db.close()

    threads = [threading.Thread(target=beat) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(120)
    assert sum(counts) == 30
    _once_each(office)


def _beat(url: str, at: datetime, answer: Connection) -> None:
    db = Database(url, synchronous="NORMAL")
    answer.send(timers.fire_due(db, at=at))
    db.close()


def test_two_beats_in_processes_fire_each_once(office: Office) -> None:
    annual.started(office, 30)
    url = office.db.url.render_as_string(hide_password=False)
    pipes = [processes.Pipe(duplex=False) for _ in range(2)]
    beats = [processes.Process(target=_beat, args=(url, DUE, there)) for _, there in pipes]
    for one, (_, there) in zip(beats, pipes, strict=True):
        one.start()
        there.close()  # so that a beat that dies is heard
    assert sum(here.recv() for here, _ in pipes) == 30
    for one in beats:
        one.join(60)
        assert one.exitcode == 0
    _once_each(office)


def test_three_days_down_a_cycle_fires_for_each_of_its_moments(office: Office) -> None:
    """Nobody looked for three days: 71 hourly moments and the lapse at the end; each once, in order, at the late moment."""
    annual.deploy(office, HOURLY)
    annual.people(office, 2)
    annual.request(office)
    annual.work(office.db, lambda: office.at)
    late = office.at + timedelta(days=2, hours=23, minutes=30)
    assert timers.fire_due(office.db, at=late) == 2 * 71
    assert timers.fire_due(office.db, at=late) == 0
    moments = [timer.due_at for timer in annual.timers(office) if timer.step_id == "hourly" and timer.result == "fired"]
    assert sorted(moments) == sorted([office.at + timedelta(hours=hour) for hour in range(1, 72)] * 2)
    number = next(iter(annual.cases(office)))
    told = [office.payload(event)["due_at"] for event in office.events(f"instance:{number}")
            if event.kind == Kind.TIMER_FIRED]
    assert told == sorted(told) and len(told) == 71
    assert timers.fire_due(office.db, at=late + timedelta(hours=1)) == 2, "the lapse comes at its own moment, not the cycle"
    assert {case.outcome for case in annual.cases(office).values()} == {"lapsed"}


def test_one_that_fails_becomes_an_incident_and_holds_up_no_other(office: Office) -> None:
    gateway = ('<bpmn:exclusiveGateway id="where" name="单位？" /><bpmn:sequenceFlow id="f3" sourceRef="lapse" targetRef="where" />'
               '<bpmn:sequenceFlow id="f5" sourceRef="where" targetRef="lapsed"><bpmn:conditionExpression>'
               '=instance.organisation != "ln-dl-tri"</bpmn:conditionExpression></bpmn:sequenceFlow>')
    annual.deploy(office, ('<bpmn:sequenceFlow id="f3" sourceRef="lapse" targetRef="lapsed" />', gateway))
    annual.people(office, 9)
    annual.request(office)
    annual.work(office.db, lambda: office.at)
    said = list[int]()
    assert timers.fire_due(office.db, at=DUE, report=lambda timer, _error: said.append(timer)) == 6
    assert len(said) == 3
    assert timers.fire_due(office.db, at=DUE) == 0, "held until its next try"
    with office.db.read() as session:
        incidents = session.execute(select(Incident)).scalars().all()
        held = session.execute(select(Timer.id).where(Timer.held.is_(True))).scalars().all()
    assert {one.cause for one in incidents} == {"NoFlowTaken"}
    assert sorted(one.subject for one in incidents) == sorted(f"timer:{timer}" for timer in said)
    assert sorted(held) == sorted(said)


def test_many_reminders_of_many_cases_are_written_together(office: Office) -> None:
    """Each person is reminded once of their own task, and each case records it."""
    assigned = '<zeebe:assignmentDefinition assignee="=instance.starter" />'
    due = (assigned, f'{assigned}<zeebe:taskSchedule dueDate="2026-11-04T00:00:00+08:00" />')
    annual.deploy(office, due)
    annual.people(office, 9)
    annual.request(office)
    annual.work(office.db, lambda: office.at)
    overdue = datetime.fromisoformat("2026-11-04T00:00:00+08:00")
    assert timers.fire_due(office.db, at=overdue) == 9
    with office.db.read() as session:
        told = session.execute(select(Notice.person_id, func.count()).where(Notice.kind == "task_overdue")
                               .group_by(Notice.person_id)).tuples().all()
        events = session.execute(select(Event.instance, Event.kind).where(Event.kind.in_(
            (Kind.TASK_ESCALATED, Kind.TASK_REMINDED)))).tuples().all()
    assert len(told) == 9 and {count for _, count in told} == {1}
    assert sorted(events) == [(number, Kind.TASK_ESCALATED) for number in sorted(annual.cases(office))]
    assert timers.fire_due(office.db, at=overdue) == 0
