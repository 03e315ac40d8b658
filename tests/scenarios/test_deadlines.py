"""Deadlines in working days: reminders, what happens overdue, and that time alone never approves (3.0.4)."""

from __future__ import annotations

from datetime import datetime

from tests.office import BEGAN, Case, Office, Place
from workflows import assignments, timers
from workflows.audit import Kind
from workflows.settings import OFFICE_ZONE


def _moments(case: Case, kind: Kind) -> list[datetime]:
    return [event.at.astimezone(OFFICE_ZONE) for event in case.events(kind)]


def _on(day: int, hour: int = 9) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=OFFICE_ZONE)


def test_the_unit_is_reminded_half_way_and_one_working_day_before(office: Office, place: Place) -> None:
    case = office.applicant(place.own_school).applies()
    assert _on(2) == BEGAN
    assert case.task("adm_u1").row().due_at == office.end_of(_on(9).date())
    office.days_pass(5)
    assert _moments(case, Kind.TASK_REMINDED) == [_on(5), _on(6)]
    head = office.viewer(place.own_head).name
    assert [kind for kind, _ in case.told(head)] == ["task_opened", "task_due_soon", "task_due_soon"]
    assert case.told(head)[-1][1]["due"] == "2026-11-09"


def test_overdue_is_reported_to_the_superior_each_working_day_and_never_approves(office: Office, place: Place) -> None:
    case = office.applicant(place.county_school).applies()
    office.days_pass(7)
    case.waits_at("adm_u1")
    assert _moments(case, Kind.TASK_ESCALATED) == [_on(10, 0), _on(11)]
    bureau = office.viewer(place.county_bureau).name
    assert [kind for kind, _ in case.told(bureau)] == ["overdue_reported"] * 2
    head = office.viewer(place.county_head).name
    assert [kind for kind, _ in case.told(head)].count("task_overdue") == 2
    case.task("adm_u1").by(place.county_head).recommends()
    office.days_pass(2)
    assert len(_moments(case, Kind.TASK_ESCALATED)) == 2, "a task that is done is not overdue"


def test_a_digest_comes_on_no_weekend(office: Office, place: Place) -> None:
    case = office.applicant(place.own_school).applies()
    office.days_pass(12)
    days = [moment.day for moment in _moments(case, Kind.TASK_ESCALATED)]
    assert days == [10, 11, 12, 13, 16, 17, 18]


def test_an_overdue_review_is_reported_to_the_head_of_the_bureau(office: Office, place: Place) -> None:
    case = office.applicant(place.own_school).applies().is_recommended()
    office.days_pass(6)
    case.waits_at("adm_u2")
    head = office.viewer(place.bureau_head).name
    assert {kind for kind, _ in case.told(head)} == {"overdue_reported"}
    [first, *_] = case.events(Kind.TASK_ESCALATED)
    assert (first.actor, first.actor_kind) == (None, "timeout")
    assert [one["name"] for one in office.payload(first)["told"]["superiors"]] == [head]


def test_who_has_claimed_the_task_is_reminded_and_the_others_are_not(office: Office, place: Place) -> None:
    case = office.applicant(place.own_school).applies().is_recommended()
    first, second = office.viewer(place.reviewer), office.viewer(place.second_reviewer)
    assignments.claim(office.db, first, case.task("adm_u2").number, at=office.at)
    office.days_pass(4)
    assert "task_due_soon" in [kind for kind, _ in case.told(first.name)]
    assert "task_due_soon" not in [kind for kind, _ in case.told(second.name)]


def test_after_days_without_a_worker_only_the_newest_word_is_said_of_a_task(office: Office, place: Place) -> None:
    """Two reminders and the report of one task were missed: it is reported overdue, once, and the record names the others."""
    case = office.applicant(place.own_school).applies()
    office.at = _on(11)
    timers.fire_due(office.db, at=office.at)
    assert timers.fire_due(office.db, at=office.at) == 0
    assert not case.events(Kind.TASK_REMINDED)
    [event] = case.events(Kind.TASK_ESCALATED)
    assert event.at == _on(11)
    assert office.payload(event)["passed_over"] == ["2026-11-05T01:00:00.000000Z", "2026-11-06T01:00:00.000000Z"]
