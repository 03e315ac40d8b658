"""Deliveries at once with each other and with people: each arrives exactly once, whoever is quicker (T3, T6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests import reviewing
from tests.office import Case, Office, Place
from tests.reviewing import Desk
from tests.workflows.test_races import ORDERS, Result, race
from workflows import deliveries, instances
from workflows.audit import Kind
from workflows.db import Database
from workflows.errors import InstanceMoved, TaskNotOpen
from workflows.models import Delivery, Instance, Subscription


@pytest.fixture
def desk(office: Office, root: Path) -> Desk:
    """The office with the drawn processes."""
    reviewing.deploy(office, root)
    return Desk(office)


@contextmanager
def nothing_at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What acts cause in here is left to the beat."""
    with monkeypatch.context() as patch:
        patch.setattr(deliveries, "settle", lambda *_, **__: None)
        yield


def _beat(office: Office) -> Callable[[Database], Result]:
    return lambda db: deliveries.deliver_due(db, at=office.at)


def _sends(office: Office, place: Place, name: str, key: str, origin: str = "甲") -> Callable[[Database], Result]:
    viewer = office.viewer(place.reviewer)
    return lambda db: deliveries.send_message(db, viewer, name, key, {}, origin=origin, at=office.at)


def _decided(desk: Desk, place: Place, name: str) -> Case:
    case = desk.project(place.own_school, name)
    desk.does(desk.part(case), "opine", place.reviewer, "opinion", kind="同意", score=80)
    return case


def _on_the_way(office: Office) -> int:
    with office.db.read() as session:
        return session.execute(select(func.count()).where(Delivery.ended_at.is_(None))).scalar_one()


def test_two_beats_deliver_everything_once(
    desk: Desk, liaoning: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = desk.office
    decided = [_decided(desk, liaoning, name) for name in ("高雨桐", "林书豪")]
    with nothing_at_once(monkeypatch):
        fresh = desk.project(liaoning.own_school, "周敏")
        deliveries.broadcast(office.db, office.viewer(liaoning.reviewer), "停止评审", {}, origin="停", at=office.at)
        _sends(office, liaoning, "撤回", fresh.number)(office.db)
    assert _on_the_way(office) == 4
    race(office, _beat(office), _beat(office))
    deliveries.deliver_due(office.db, at=office.at)
    assert _on_the_way(office) == 0
    for case in decided:
        case.ended("stopped")
        assert len(case.events(Kind.SIGNAL_RECEIVED)) == 1
    fresh.ended("withdrawn")
    with office.db.read() as session:
        parts = session.execute(select(Instance.status).where(Instance.parent_id == fresh.row().id)).scalars().all()
    assert parts in (["cancelled"], [])  # the call went out first, or was called off before it did


@pytest.mark.parametrize("order", ORDERS)
def test_two_messages_for_one_step(desk: Desk, liaoning: Place, order: str) -> None:
    office = desk.office
    case = desk.project(liaoning.own_school)
    race(office, _sends(office, liaoning, "撤回", case.number, "一"),
         _sends(office, liaoning, "撤回", case.number, "二"), order=order)  # fmt: skip
    case.ended("withdrawn")
    assert len(case.events(Kind.MESSAGE_RECEIVED)) == 1
    assert desk.waiting() == [("message", "撤回", case.number)]


@pytest.mark.parametrize("order", ORDERS)
def test_a_decision_meets_the_signal_that_stops_it(
    desk: Desk, liaoning: Place, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    office = desk.office
    case = _decided(desk, liaoning, "高雨桐")
    with nothing_at_once(monkeypatch):
        deliveries.broadcast(office.db, office.viewer(liaoning.reviewer), "停止评审", {}, origin="停", at=office.at)
    hand, paper = case.task("decide").by(liaoning.second_reviewer), desk.paper("conclusion", words="立项")
    results = race(
        office,
        lambda db: instances.complete_task(db, hand.viewer, hand.task, paper, at=office.at),
        _beat(office),
        order=order,
    )
    if case.row().outcome == "done":
        assert results[1] == 0
    else:
        case.ended("stopped")
        assert isinstance(results[0], (InstanceMoved, TaskNotOpen)) and results[1] == 1
        assert not [sent for sent in case.submissions() if sent.token == paper.token]
    if order != "together":
        assert case.row().outcome == ("done" if order == "first" else "stopped")
    assert _on_the_way(office) == 0


@pytest.mark.parametrize("order", ORDERS)
def test_what_is_called_returns_while_its_caller_is_withdrawn(
    desk: Desk, liaoning: Place, order: str
) -> None:
    office = desk.office
    case = desk.project(liaoning.own_school)
    part = desk.part(case)
    hand, paper = part.task("opine").by(liaoning.reviewer), desk.paper("opinion", kind="同意", score=80)
    race(
        office,
        lambda db: instances.complete_task(db, hand.viewer, hand.task, paper, at=office.at),
        _sends(office, liaoning, "撤回", case.number),
        order=order,
    )
    deliveries.deliver_due(office.db, at=office.at)
    if case.row().status == "running":
        part.ended("done")
        case.waits_at("decide")
        assert desk.waiting() == [("message", "撤回", case.number)]
    else:
        case.ended("withdrawn")
        assert part.row().status in ("cancelled", "completed")
        assert desk.waiting() == []


@pytest.mark.parametrize("order", ORDERS)
def test_a_call_goes_out_while_its_caller_is_withdrawn(
    desk: Desk, liaoning: Place, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    office = desk.office
    with nothing_at_once(monkeypatch):
        case = desk.project(liaoning.own_school)
        _sends(office, liaoning, "撤回", case.number)(office.db)
    with office.db.read() as session:
        call, message = session.execute(
            select(Delivery.id).where(Delivery.ended_at.is_(None)).order_by(Delivery.id)
        ).scalars()
    race(
        office,
        lambda db: deliveries.deliver(db, call, at=office.at),
        lambda db: deliveries.deliver(db, message, at=office.at),
        order=order,
    )
    deliveries.deliver_due(office.db, at=office.at)
    case.ended("withdrawn")
    with office.db.read() as session:
        statuses = session.execute(select(Instance.status).where(Instance.parent_id == case.row().id)).scalars().all()
    assert statuses in (["cancelled"], [])
    if order != "together":
        assert statuses == (["cancelled"] if order == "first" else [])
    assert desk.waiting() == []


def test_a_message_is_sent_while_the_step_that_waits_for_it_opens(
    desk: Desk, liaoning: Place
) -> None:
    """Whoever commits first: they meet, at once or at the next beat."""
    office = desk.office
    applicant = office.applicant(liaoning.own_school, name="高雨桐")
    paper, viewer, number = desk.paper("batch", number="2026-1", quota=1), applicant.viewer, office.round("liaoning")
    race(
        office,
        lambda db: instances.start(db, viewer, "declaration", number, paper, at=office.at),
        _sends(office, liaoning, "批次开放", "2026-1"),
    )
    deliveries.deliver_due(office.db, at=office.at)
    with office.db.read() as session:
        results = session.execute(select(Subscription.result)).scalars().all()
    assert results == ["met"] and _on_the_way(office) == 0
