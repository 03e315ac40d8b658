"""A round and its applications at one moment: the last conclusion, the close, a withdrawal and a substitution."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from tests.office import Hand, Office, Place
from tests.rounds_story import plans
from tests.scenarios.test_admission_round import ORAL, ranked
from tests.workflows.test_races import ORDERS, Result, race
from workflows import control, deliveries, instances, timers
from workflows.db import Database
from workflows.errors import InstanceMoved
from workflows.models import Delivery, Incident


def _concludes(hand: Hand, conclusion: str) -> Callable[[Database], Result]:
    filled, viewer, at = hand.fills(hand.conclusion(conclusion)), hand.viewer, hand.case.office.at
    return lambda db: instances.complete_task(db, viewer, hand.task, filled, at=at)


def _settled(office: Office) -> list[str | None]:
    """What became of every all_settled that was sent; and that nothing failed."""
    deliveries.deliver_due(office.db, at=office.at)
    with office.db.read() as session:
        assert session.execute(select(Incident)).first() is None
        return list(session.execute(select(Delivery.result).where(Delivery.name == "all_settled")).scalars())


@pytest.mark.parametrize("order", ORDERS)
def test_of_two_last_conclusions_exactly_one_tells_the_round(office: Office, liaoning: Place, order: str) -> None:
    batch = plans(office, liaoning, weights=ORAL).opens()
    batch.receives("甲一")
    batch.receives("乙二")
    last = [batch.applies(name).is_recommended() for name in ("丙三", "丁四")]
    batch.closes().waits_at()
    acts = [
        _concludes(case.task("adm_u2").by(who), "合格")
        for case, who in zip(last, (liaoning.reviewer, liaoning.second_reviewer), strict=True)
    ]
    race(office, *acts, order=order)
    assert _settled(office) == ["delivered"]
    batch.waits_at(*["rnd_u6"] * 4)


@pytest.mark.parametrize("order", ORDERS)
def test_the_close_and_the_last_conclusion_meet_and_the_round_goes_on_once(
    office: Office, liaoning: Place, order: str
) -> None:
    batch = plans(office, liaoning, weights=ORAL).opens()
    batch.receives("甲一")
    last = batch.applies("乙二").is_recommended()
    office.at = batch.round().close_at
    concludes = _concludes(last.task("adm_u2").by(liaoning.reviewer), "合格")
    race(office, concludes, lambda db: timers.fire_due(db, at=office.at), order=order)
    timers.fire_due(office.db, at=office.at)
    assert _settled(office) == ["delivered"]
    batch.waits_at("rnd_u6", "rnd_u6")


@pytest.mark.parametrize("order", ORDERS)
def test_who_withdraws_while_being_called_up_is_passed_over(office: Office, liaoning: Place, order: str) -> None:
    batch, cases = ranked(office, liaoning)
    acts = [
        lambda db, case=case: control.withdraw(db, case.applicant.viewer, case.number, "个人原因，放弃本次遴选", at=office.at)
        for case in cases[:2]
    ]
    results = race(office, *acts, order=order)
    _settled(office)
    for act, result in zip(acts, results, strict=True):
        if isinstance(result, InstanceMoved):  # called up in that very moment: what they sent is theirs to send again
            act(office.db)
    assert batch.register() == {"甲一": ("withdrawn", 1), "乙二": ("withdrawn", 2), "丙三": ("inspecting", 3)}
    cases[2].waits_at("adm_u7")
