"""Messages and signals between cases: each reaches whom it is for, once, whether or not somebody waits already."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from tests import reviewing
from tests.office import Case, Office, Place
from tests.reviewing import Desk
from workflows import deliveries
from workflows.access import Viewer
from workflows.audit import Kind
from workflows.deliveries import Sent
from workflows.engine.errors import ReservedName, ValueNotPlain
from workflows.engine.rest import variables
from workflows.errors import Forbidden
from workflows.models import Delivery, Incident, Instance, Subscription


@pytest.fixture
def desk(office: Office, root: Path) -> Desk:
    """The office with the drawn processes."""
    reviewing.deploy(office, root)
    return Desk(office)


Send = Callable[..., Sent]


@pytest.fixture
def send(desk: Desk, liaoning: Place) -> Send:
    """Sends a message as the reviewer would, unless somebody else is named."""

    def sends(name: str, key: str, by: Viewer | None = None, origin: str = "甲", **carried: Any) -> Sent:
        by = by or desk.office.viewer(liaoning.reviewer)
        return deliveries.send_message(desk.office.db, by, name, key, carried, origin=origin, at=desk.office.at)

    return sends


def _decided(desk: Desk, place: Place, name: str = "林书豪") -> Case:
    """A project that waits for its conclusion."""
    case = desk.project(place.own_school, name, f"{name}的课题")
    desk.does(desk.part(case), "opine", place.reviewer, "opinion", kind="同意", score=80)
    return case


# --- from case to case ----------------------------------------------------------------------------------------------


def _declared(desk: Desk, place: Place, name: str, number: str) -> Case:
    applicant = desk.office.applicant(place.own_school, name=name)
    return desk.begin("declaration", applicant, "batch", number=number, quota=0)


def _batch(desk: Desk, place: Place, number: str) -> Case:
    applicant = desk.office.applicant(place.own_school, name="周敏")
    return desk.begin("batch", applicant, "batch", number=number, quota=Decimal("12.50"))


def test_a_round_opens_for_the_case_that_names_it(desk: Desk, liaoning: Place) -> None:
    own = _declared(desk, liaoning, "高雨桐", "2026-1")
    other = _declared(desk, liaoning, "林书豪", "2026-2")
    batch = _batch(desk, liaoning, "2026-1")
    assert desk.listening(own) == ["wait"]
    desk.does(batch, "publish", liaoning.reviewer, "conclusion", words="发布")
    own.waits_at("declare")
    other.waits_at()
    assert variables(own.row().state)["quota"] == Decimal("12.50")
    [event] = own.events(Kind.MESSAGE_RECEIVED)
    told = desk.office.payload(event)["received"]
    assert (told["name"], told["key"], told["from"], told["variables"]) == (
        "批次开放", "2026-1", {"instance": batch.number, "step": "announce"}, ["quota"],
    )  # fmt: skip
    [sent] = batch.events(Kind.TASK_COMPLETED)
    assert desk.office.payload(sent)["published"] == [
        {"step": "announce", "kind": "message", "name": "批次开放", "key": "2026-1"}
    ]
    assert desk.listening(own) == []


def test_a_message_that_is_early_waits_for_the_step_that_opens(desk: Desk, liaoning: Place) -> None:
    batch = _batch(desk, liaoning, "2026-1")
    desk.does(batch, "publish", liaoning.reviewer, "conclusion", words="发布")
    assert desk.waiting() == [("message", "批次开放", "2026-1")]
    assert deliveries.deliver_due(desk.office.db, at=desk.office.at) == 0
    late = _declared(desk, liaoning, "高雨桐", "2026-1")
    late.waits_at("declare")
    assert desk.waiting() == []


def test_a_message_reaches_one_of_those_who_wait(desk: Desk, liaoning: Place) -> None:
    first = _declared(desk, liaoning, "高雨桐", "2026-1")
    second = _declared(desk, liaoning, "林书豪", "2026-1")
    batch = _batch(desk, liaoning, "2026-1")
    desk.does(batch, "publish", liaoning.reviewer, "conclusion", words="发布")
    first.waits_at("declare")
    second.waits_at()


def test_a_message_that_nobody_ever_waits_for_is_given_up_and_said(desk: Desk, liaoning: Place) -> None:
    batch = _batch(desk, liaoning, "2026-1")
    desk.does(batch, "publish", liaoning.reviewer, "conclusion", words="发布")
    office = desk.office
    assert deliveries.deliver_due(office.db, at=office.at + timedelta(days=29)) == 0
    assert desk.waiting()
    deliveries.deliver_due(office.db, at=office.at + timedelta(days=30))
    assert desk.waiting() == []
    [event] = batch.events(Kind.MESSAGE_EXPIRED)
    assert (office.payload(event)["name"], office.payload(event)["key"]) == ("批次开放", "2026-1")


# --- from people ----------------------------------------------------------------------------------------------------


def test_a_message_does_not_interrupt_and_may_come_again(desk: Desk, liaoning: Place, send: Send) -> None:
    case = _decided(desk, liaoning)
    assert send("异议", case.number, origin="一", objection="评分过低").reached == (case.number,)
    case.waits_at("decide", "hear")
    assert send("异议", case.number, origin="二", objection="程序不当").reached == (case.number,)
    case.waits_at("decide", "hear", "hear")
    assert variables(case.row().state)["objection"] == "程序不当"


def test_sent_twice_is_sent_once(desk: Desk, liaoning: Place, send: Send) -> None:
    case = _decided(desk, liaoning)
    first = send("异议", case.number, objection="评分过低")
    again = send("异议", case.number, objection="评分过低")
    assert (first.reached, first.repeated) == ((case.number,), False)
    assert (again.reached, again.repeated) == ((case.number,), True)
    case.waits_at("decide", "hear")
    sent = [event for event in desk.office.events("office:messages") if event.kind == Kind.MESSAGE_SENT]
    assert len(sent) == 1 and sent[0].actor == desk.office.viewer(liaoning.reviewer).number


def test_what_a_message_carries_is_not_kept_twice(desk: Desk, liaoning: Place, send: Send) -> None:
    case = _decided(desk, liaoning)
    send("异议", case.number, objection="评分过低")
    with desk.office.db.read() as session:
        assert session.execute(select(Delivery.variables).where(Delivery.name == "异议")).scalar_one() == {}
    said = str([desk.office.payload(event) for event in desk.office.events("office:messages")])
    assert "评分过低" not in said and "objection" in said


def test_only_an_office_sends_and_only_to_the_cases_in_its_charge(
    desk: Desk, liaoning: Place, send: Send
) -> None:
    case = _decided(desk, liaoning)
    office = desk.office
    for nobody in (case.applicant.viewer, office.viewer(liaoning.auditor)):
        with pytest.raises(Forbidden):
            send("异议", case.number, by=nobody)
    elsewhere = office.viewer("nn.hr1")
    assert send("异议", case.number, by=elsewhere).reached == ()
    assert deliveries.broadcast(office.db, elsewhere, "停止评审", {}, origin="停", at=office.at) == Sent((), 0)
    case.waits_at("decide")
    deliveries.deliver_due(office.db, at=office.at)
    case.waits_at("decide")


def test_names_of_the_house_and_values_that_are_none_are_refused(desk: Desk, send: Send) -> None:
    with pytest.raises(ReservedName):
        send("异议", "x", task="甲")
    with pytest.raises(ValueNotPlain):
        send("异议", "x", value=float("nan"))
    assert desk.waiting() == []


def test_a_message_starts_a_case_of_its_sender(desk: Desk, liaoning: Place, send: Send) -> None:
    sent = send("归档", "", box="甲-12")
    assert (len(sent.reached), sent.waiting) == (1, 0)
    with desk.office.db.read() as session:
        row = session.execute(select(Instance).where(Instance.number == sent.reached[0])).scalar_one()
    assert row.starter_id == desk.office.viewer(liaoning.reviewer).person_id
    assert (row.process_id, row.round_id, variables(row.state)) == ("archive", None, {"box": "甲-12"})
    assert send("归档", "", box="甲-12") == Sent(sent.reached, 0, repeated=True)


# --- signals --------------------------------------------------------------------------------------------------------


def test_a_signal_reaches_all_who_wait_and_nobody_else(desk: Desk, liaoning: Place) -> None:
    stopped = [_decided(desk, liaoning, name) for name in ("高雨桐", "林书豪")]
    at_work = desk.project(liaoning.own_school, "周敏")
    batch = _batch_at_its_end(desk, liaoning)
    desk.does(batch, "close", liaoning.reviewer, "conclusion", words="结束")
    for case in stopped:
        case.ended("stopped")
        assert len(case.events(Kind.SIGNAL_RECEIVED)) == 1
    at_work.waits_at()
    assert desk.waiting() == []
    desk.does(desk.part(at_work), "opine", liaoning.reviewer, "opinion", kind="同意", score=80)
    at_work.waits_at("decide")


def _batch_at_its_end(desk: Desk, place: Place) -> Case:
    applicant = desk.office.applicant(place.own_school, name="吴桐")
    batch = desk.begin("batch", applicant, "batch", number="2026-9", quota=1)
    desk.does(batch, "publish", place.reviewer, "conclusion", words="发布")
    with desk.office.db.write() as session:
        session.execute(update(Delivery).values(ended_at=desk.office.at, result="called_off"))
    return batch


def test_a_signal_from_an_office(desk: Desk, liaoning: Place) -> None:
    case = _decided(desk, liaoning)
    office = desk.office
    sent = deliveries.broadcast(office.db, office.viewer(liaoning.reviewer), "停止评审", {}, origin="停", at=office.at)
    assert sent == Sent((case.number,), 0)
    case.ended("stopped")
    again = deliveries.broadcast(office.db, office.viewer(liaoning.reviewer), "停止评审", {}, origin="停", at=office.at)
    assert again == Sent((case.number,), 0, repeated=True)


# --- what fails and what waits --------------------------------------------------------------------------------------


def test_a_delivery_that_fails_is_an_incident_and_holds_up_no_other(
    desk: Desk, liaoning: Place, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = _decided(desk, liaoning, "高雨桐"), _decided(desk, liaoning, "林书豪")
    whole = deliveries.engine.deliver

    def breaks(diagram: Any, state: bytes, token: str, carried: Any, house: Any) -> Any:
        if state == bad.row().state:
            raise ReservedName(name="task")
        return whole(diagram, state, token, carried, house)

    before = bad.events()
    monkeypatch.setattr(deliveries.engine, "deliver", breaks)
    office = desk.office
    sent = deliveries.broadcast(office.db, office.viewer(liaoning.reviewer), "停止评审", {}, origin="停", at=office.at)
    assert sent == Sent((good.number,), 1)
    bad.waits_at("decide")
    assert [event.kind for event in bad.events()[len(before):]] == [Kind.INCIDENT_RAISED]
    with office.db.read() as session:
        incident = session.execute(select(Incident)).scalar_one()
        waiting = session.execute(select(Delivery.id).where(Delivery.ended_at.is_(None))).scalar_one()
    assert (incident.subject, incident.cause, incident.tries) == (f"delivery:{waiting}", "ReservedName", 1)
    assert deliveries.deliver_due(office.db, at=office.at) == 0
    with office.db.read() as session:  # its incident says when it is tried again
        assert session.execute(select(Incident.tries)).scalar_one() == 1
    monkeypatch.undo()
    assert deliveries.deliver(office.db, waiting, at=office.at) is not None
    bad.ended("stopped")


def test_what_goes_to_a_suspended_case_waits_for_it(
    desk: Desk, liaoning: Place, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = _decided(desk, liaoning)
    office = desk.office
    _set_status(office, case, "suspended")
    assert send("异议", case.number) == Sent((), 1)
    signal = deliveries.broadcast(office.db, office.viewer(liaoning.reviewer), "停止评审", {}, origin="停", at=office.at)
    assert signal == Sent((), 1)
    tried: list[int] = []
    with monkeypatch.context() as patch:  # nor does each beat look at what it may not deliver
        patch.setattr(deliveries, "deliver", lambda _db, delivery_id, **_: tried.append(delivery_id))
        assert deliveries.deliver_due(office.db, at=office.at) == 0
    assert tried == []
    _set_status(office, case, "running")
    assert deliveries.deliver_due(office.db, at=office.at) == 2
    assert [event.kind for event in case.events()][-2:] == [Kind.MESSAGE_RECEIVED, Kind.SIGNAL_RECEIVED]


def _set_status(office: Office, case: Case, status: str) -> None:
    with office.db.write() as session:
        session.execute(update(Instance).where(Instance.number == case.number).values(status=status))


def test_a_message_and_a_step_that_did_not_see_each_other_meet_at_the_next_beat(
    desk: Desk, liaoning: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when both were written at the same moment: the message rests already, and nobody wakes it."""
    batch = _batch(desk, liaoning, "2026-1")
    desk.does(batch, "publish", liaoning.reviewer, "conclusion", words="发布")
    monkeypatch.setattr(deliveries, "settle", lambda *_, **__: None)
    late = _declared(desk, liaoning, "高雨桐", "2026-1")
    late.waits_at()
    assert deliveries.deliver_due(desk.office.db, at=desk.office.at) == 1
    late.waits_at("declare")


def test_subscriptions_end_with_what_waited(desk: Desk, liaoning: Place) -> None:
    case = _decided(desk, liaoning)
    assert desk.listening(case) == ["on_objection", "on_stop"]
    desk.does(case, "decide", liaoning.reviewer, "conclusion", words="立项")
    assert desk.listening(case) == []
    with desk.office.db.read() as session:
        results = session.execute(select(Subscription.step_id, Subscription.result)).tuples().all()
    assert sorted(results) == [("on_objection", "cancelled"), ("on_stop", "cancelled"), ("on_withdrawn", "cancelled")]
