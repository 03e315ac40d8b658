"""What the machine cannot carry out: kept, told, tried again by the clock and by hand, done once, and never lost."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.office import CLOSES, Case, Hand, Office, Place
from tests.workflows.test_races import ORDERS, race
from tests.workflows.test_verbs import recorded
from workflows import control, engine, incidents, instances, orders, retries, timers
from workflows.audit import Kind
from workflows.engine.errors import ExpressionFailed, NoFlowTaken
from workflows.errors import (
    CaseFailed,
    Forbidden,
    IncidentOver,
    IncidentStands,
    InstanceSuspended,
    NotFound,
    ReasonNeeded,
    StartFailed,
)
from workflows.models import Incident, Notice, Person, Timer

ADMIN = "ln.admin"
ORDER = "admission.issue_number"
SECRET = "210102198504121070"


class Broken:
    """An order that fails as long as a test wants, and counts how often it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.works, self.asked = False, 0
        right = orders.ORDERS[ORDER]

        def order(session: Session, context: Any) -> Mapping[str, Any]:
            self.asked += 1
            if not self.works:
                raise ConnectionError(f"register does not answer for {SECRET}")
            return right(session, context)

        monkeypatch.setitem(orders.ORDERS, ORDER, order)  # type: ignore[arg-type]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Broken:
    return Broken(monkeypatch)


@pytest.fixture
def case(office: Office, liaoning: Place) -> Case:
    """A case that waits for review."""
    return office.applicant(liaoning.own_school).applies().is_recommended()


@pytest.fixture
def hand(case: Case, liaoning: Place) -> Hand:
    """The first reviewer, with the case's review in hand."""
    return case.task("adm_u2").by(liaoning.reviewer)


def _all(office: Office) -> list[Incident]:
    with office.db.read() as session:
        return list(session.execute(select(Incident).order_by(Incident.id)).scalars())


def _one(office: Office) -> Incident:
    [found] = _all(office)
    return found


def _told(office: Office, name: str) -> list[str]:
    with office.db.read() as session:
        query = select(Notice.kind).join(Person, Person.id == Notice.person_id).where(Person.name == name)
        return list(session.execute(query.order_by(Notice.id)).scalars())


def _beats(office: Office, at: datetime) -> int:
    office.at = at
    return retries.retry_due(office.db, at=at)


def test_a_failing_order_leaves_the_task_open_and_keeps_what_was_sent(
    office: Office, case: Case, hand: Hand, broken: Broken
) -> None:
    stream, filled = f"instance:{case.number}", hand.fills(hand.conclusion("合格"))
    with recorded(office, (stream, Kind.INCIDENT_RAISED)), pytest.raises(CaseFailed) as failed:
        hand.sends(filled)
    case.waits_at("adm_u2")
    raised = _one(office)
    assert failed.value.params == {"number": case.number, "incident": raised.number}
    assert (raised.cause, raised.step_id, raised.tries, raised.status) == ("OrderFailed", "adm_u2", 1, "open")
    assert raised.params == {"step": "生成准考证", "order": ORDER, "retries": "3"}
    assert raised.next_try_at == office.at + timedelta(minutes=1)
    assert incidents.submission_of(raised.request) == filled
    assert SECRET not in str((raised.message, raised.params))
    assert SECRET not in str([office.payload(one) for one in case.events()])
    assert _told(office, "赵国栋") == ["incident_raised"]
    with recorded(office):
        assert _beats(office, office.at + timedelta(seconds=59)) == 0
    broken.works = True
    with recorded(office, (stream, Kind.TASK_COMPLETED), (stream, Kind.INCIDENT_RESOLVED)):
        assert _beats(office, office.at + timedelta(seconds=1)) == 1
    case.is_qualified()
    [done] = case.events(Kind.TASK_COMPLETED)[-1:]
    assert (done.actor, office.payload(done)["incident"]) == (hand.viewer.number, raised.number)
    ended = _one(office)
    assert (ended.status, ended.request, "text" in ended.detail) == ("resolved", {}, False)
    # The person sends the same page once more: it was done, once.
    with recorded(office):
        assert hand.sends(filled).repeated
    assert len(case.submissions()) == 3


def test_the_clock_backs_off_until_only_a_person_tries_again(
    office: Office, case: Case, hand: Hand, broken: Broken
) -> None:
    with pytest.raises(CaseFailed):
        hand.qualifies()
    waits = []
    for tries in (2, 3, 4):
        due = _one(office).next_try_at
        assert due is not None
        waits.append(due - office.at)
        assert _beats(office, due) == 0
        assert (_one(office).tries, broken.asked) == (tries, tries)
    assert waits == [timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30)]
    assert _one(office).next_try_at is None  # the step asks for three retries
    assert _beats(office, office.at + timedelta(days=30)) == 0 and broken.asked == 4
    assert _told(office, "赵国栋") == ["incident_raised", "incident_left"]
    assert [one.kind for one in case.events()][-3:] == [Kind.INCIDENT_RETRIED] * 3
    with pytest.raises(Forbidden):
        retries.retry(office.db, hand.viewer, _one(office).number, at=office.at)
    admin = office.viewer(ADMIN)
    assert retries.retry(office.db, admin, _one(office).number, at=office.at) == "open"
    assert case.events()[-1].actor == admin.number
    broken.works = True
    assert retries.retry(office.db, admin, _one(office).number, at=office.at) == "resolved"
    case.is_qualified()
    assert case.events(Kind.TASK_COMPLETED)[-1].actor == hand.viewer.number
    assert _one(office).ended_by_id == admin.person_id
    with pytest.raises(IncidentOver):
        retries.retry(office.db, admin, _one(office).number, at=office.at)
    with pytest.raises(NotFound):
        retries.retry(office.db, admin, "no-such", at=office.at)


def test_an_incident_is_moot_when_the_act_is_done_in_another_way(
    office: Office, liaoning: Place, case: Case, hand: Hand, broken: Broken
) -> None:
    with pytest.raises(CaseFailed):
        hand.qualifies()
    with pytest.raises(CaseFailed):  # a colleague fails as well: both are kept
        case.task("adm_u2").by(liaoning.second_reviewer).qualifies()
    assert [one.tries for one in _all(office)] == [1, 1]
    hand.submits(hand.conclusion("不合格"))
    stream = f"instance:{case.number}"
    with recorded(office, *[(stream, Kind.INCIDENT_RESOLVED)] * 2):
        assert _beats(office, office.at) == 2
    assert [(one.status, one.request) for one in _all(office)] == [("moot", {})] * 2
    case.waits_at("adm_u5")
    with recorded(office):
        assert _beats(office, office.at + timedelta(days=1)) == 0


def test_the_same_person_who_fails_again_has_one_incident_with_the_newest_submission(
    office: Office, case: Case, hand: Hand, broken: Broken
) -> None:
    with pytest.raises(CaseFailed):
        hand.qualifies()
    filled = hand.fills(hand.conclusion("合格"))
    with pytest.raises(CaseFailed):
        hand.sends(filled)
    raised = _one(office)
    assert (raised.tries, raised.request["token"]) == (2, filled.token)


def test_a_deadline_does_not_overtake_what_was_sent_in_time(
    office: Office, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    case.is_returned("phone")
    waiting = case.task("adm_u3")
    due = waiting.row().due_at
    assert due is not None
    with monkeypatch.context() as patch:
        patch.setattr(engine, "complete", _fails(NoFlowTaken(step="核对完整性")))
        with pytest.raises(CaseFailed):
            waiting.by_applicant().corrects(phone="13900000009")
    timers.fire_due(office.db, at=due + timedelta(days=3))
    case.waits_at("adm_u3")
    assert _beats(office, due + timedelta(days=3)) == 1
    case.waits_at("adm_u2")
    with office.db.read() as session:
        waits = session.execute(select(Timer).where(Timer.step_id == "adm_u3_t")).scalar_one()
    assert waits.result == "cancelled"


def test_a_start_that_fails_counts_as_sent_when_it_was_sent(
    office: Office, liaoning: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.at = CLOSES - timedelta(minutes=10)
    applicant = office.applicant(liaoning.own_school)
    filled, sent_at = applicant.fills(), office.at
    with monkeypatch.context() as patch:
        patch.setattr(engine, "start", _fails(NoFlowTaken(step="核对完整性")))
        with recorded(office, ("office:incidents", Kind.INCIDENT_RAISED)), pytest.raises(StartFailed):
            applicant.sends(filled)
    assert _beats(office, CLOSES + timedelta(hours=1)) == 1
    moved = applicant.sends(filled)
    assert moved.repeated
    case = Case(office, applicant, moved.instance_number)
    assert case.row().started_at == sent_at
    case.waits_at("adm_u1")
    assert [one.kind for one in office.events("office:incidents")] == [Kind.INCIDENT_RAISED, Kind.INCIDENT_RESOLVED]


def test_a_failing_timer_waits_for_its_next_try_and_holds_up_no_other(
    office: Office, liaoning: Place, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    case.is_returned("phone")
    other = office.applicant(liaoning.own_school, name="高雨桐").applies().is_recommended().is_returned("phone")
    due = case.task("adm_u3").row().due_at
    assert due is not None
    right, state = engine.fire, case.row().state

    def fire(diagram: Any, at_rest: bytes, *more: Any) -> Any:
        if at_rest == state:
            raise ExpressionFailed(step="补正期满", place="timer", expression="due()", reason=f"null: {SECRET}")
        return right(diagram, at_rest, *more)

    with monkeypatch.context() as patch:
        patch.setattr(engine, "fire", fire)
        timers.fire_due(office.db, at=due)
        other.ended("adm_x2")
        case.waits_at("adm_u3")
        raised = _one(office)
        assert (raised.cause, raised.step_id, raised.by_id) == ("ExpressionFailed", "adm_u3_t", None)
        with recorded(office):
            timers.fire_due(office.db, at=due + timedelta(seconds=30))
    with office.db.read() as session:
        assert session.get_one(Timer, int(raised.subject.partition(":")[2])).held
    with pytest.raises(IncidentStands):
        incidents.dismiss(office.db, office.viewer(ADMIN), raised.number, "不再需要处理", at=office.at)
    assert _beats(office, due + timedelta(minutes=1)) == 1
    case.ended("adm_x2")
    assert _one(office).status == "resolved"
    # What a list shows holds no value; who may not see the case sees no reason.
    with office.db.read() as session:
        [row] = incidents.find(session, incidents.Sought()).rows
        assert SECRET not in str(row) and row.words == "表达式无法计算"
        seen = incidents.one(session, office.viewer(ADMIN), raised.number, office.at)
        assert SECRET not in str(seen) and (seen.expression, seen.place) == ("due()", "timer")
        entitled = incidents.one(session, office.viewer(liaoning.bureau_head), raised.number, office.at)
        assert SECRET in entitled.params["reason"]


def test_dismissed_the_task_stays_with_its_people(office: Office, case: Case, hand: Hand, broken: Broken) -> None:
    with pytest.raises(CaseFailed):
        hand.qualifies()
    number = _one(office).number
    with pytest.raises(ReasonNeeded):
        incidents.dismiss(office.db, office.viewer(ADMIN), number, "不", at=office.at)
    with pytest.raises(Forbidden):
        incidents.dismiss(office.db, hand.viewer, number, "请本人重新办理", at=office.at)
    with recorded(office, (f"instance:{case.number}", Kind.INCIDENT_RESOLVED)):
        incidents.dismiss(office.db, office.viewer(ADMIN), number, "请本人重新办理", at=office.at)
    assert (_one(office).status, _one(office).request) == ("dismissed", {})
    assert _beats(office, office.at + timedelta(days=1)) == 0
    broken.works = True
    hand.qualifies()
    case.is_qualified()


def test_in_a_suspended_case_nothing_is_tried_again(office: Office, case: Case, hand: Hand, broken: Broken) -> None:
    with pytest.raises(CaseFailed):
        hand.qualifies()
    control.suspend(office.db, office.viewer(ADMIN), case.number, "核查期间暂停办理", at=office.at)
    broken.works = True
    assert _beats(office, office.at + timedelta(minutes=10)) == 0
    with pytest.raises(InstanceSuspended):
        retries.retry(office.db, office.viewer(ADMIN), _one(office).number, at=office.at)
    control.resume(office.db, office.viewer(ADMIN), case.number, at=office.at)
    assert _beats(office, office.at + timedelta(minutes=10)) == 1
    case.is_qualified()


def test_of_a_cancelled_case_the_incident_is_moot(office: Office, case: Case, hand: Hand, broken: Broken) -> None:
    with pytest.raises(CaseFailed):
        hand.qualifies()
    control.cancel(office.db, office.viewer(ADMIN), case.number, "岗位取消，不再办理", at=office.at)
    assert _beats(office, office.at) == 1
    assert _one(office).status == "moot"


@pytest.mark.parametrize("order", ORDERS)
def test_tried_by_two_at_once_it_is_done_once(
    office: Office, case: Case, hand: Hand, broken: Broken, order: str
) -> None:
    with pytest.raises(CaseFailed):
        hand.qualifies()
    broken.works = True
    number, admin = _one(office).number, office.viewer(ADMIN)
    results = race(
        office, *(lambda db: retries.retry(db, admin, number, at=office.at) for _ in range(2)), order=order
    )
    assert "resolved" in results
    case.is_qualified()
    assert (len(case.submissions()), len(case.events(Kind.INCIDENT_RESOLVED))) == (3, 1)


def test_an_ordinary_refusal_is_no_incident(office: Office, case: Case, hand: Hand) -> None:
    filled = hand.fills(hand.conclusion("合格"))
    hand.sends(filled)
    with pytest.raises(NotFound):
        instances.complete_task(office.db, office.viewer("nn.hr1"), hand.task, filled, at=office.at)
    assert _all(office) == []


def _fails(error: Exception) -> Any:
    def failing(*_: Any, **__: Any) -> Any:
        raise error

    return failing
