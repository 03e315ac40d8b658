"""A review asks an expert: one process calls another, which has its own number, forms, rules and record."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests import reviewing
from tests.office import Case, Office, Place
from tests.reviewing import Desk
from workflows import deliveries
from workflows.audit import Kind
from workflows.engine.rest import variables


@pytest.fixture
def desk(office: Office, root: Path) -> Desk:
    """The office with the drawn processes."""
    reviewing.deploy(office, root)
    return Desk(office)


@pytest.fixture
def case(desk: Desk, liaoning: Place) -> Case:
    """A project that waits for its expert."""
    return desk.project(liaoning.own_school)


def test_what_is_called_is_a_case_of_its_own(desk: Desk, liaoning: Place, case: Case) -> None:
    part = desk.part(case)
    row, above = part.row(), case.row()
    case.waits_at()
    part.waits_at("opine")
    assert (row.parent_id, row.parent_step, row.process_id) == (above.id, "expert", "expert")
    assert (row.starter_id, row.round_id, row.pack_set, row.ruling_on, row.title) == (
        above.starter_id, above.round_id, above.pack_set, above.ruling_on, above.title,
    )  # fmt: skip
    assert variables(row.state) == {"proposal": {"title": "整本书阅读教学研究", "budget": "12000.50"}}
    [begun] = part.events()
    assert (begun.kind, begun.actor_kind, begun.actor) == (Kind.INSTANCE_STARTED, "rule", None)
    assert desk.office.payload(begun)["called_by"] == {"instance": case.number, "step": "expert"}
    assert desk.waiting() == []


def test_its_results_come_back(desk: Desk, liaoning: Place, case: Case) -> None:
    part = desk.part(case)
    desk.does(part, "opine", liaoning.reviewer, "opinion", kind="同意", score=Decimal("87.5"))
    part.ended("done")
    case.waits_at("decide")
    assert variables(case.row().state) | {"proposal": None} == {
        "proposal": None, "opinion": {"kind": "同意", "score": Decimal("87.5")}, "points": 175,
    }  # fmt: skip
    [back] = case.events(Kind.CALL_RETURNED)
    assert back.actor_kind == "rule"
    assert desk.office.payload(back)["from_called"]["instance"] == part.number
    desk.does(case, "decide", liaoning.second_reviewer, "conclusion", words="立项")
    case.ended("done")


def test_an_error_of_the_called_process_is_caught_by_its_caller(desk: Desk, liaoning: Place, case: Case) -> None:
    part = desk.part(case)
    desk.does(part, "opine", liaoning.reviewer, "opinion", kind="回避", score=0)
    assert (part.row().status, part.row().outcome) == ("failed", "recused")
    case.waits_at("appoint")
    assert [event.kind for event in case.events()][-1] == Kind.CALL_REPORTED
    assert desk.listening(case) == []


def test_an_escalation_leaves_the_called_process_at_work(desk: Desk, liaoning: Place, case: Case) -> None:
    part = desk.part(case)
    desk.does(part, "opine", liaoning.reviewer, "opinion", kind="延期", score=0)
    part.waits_at("opine")
    case.waits_at("note_late")
    desk.does(part, "opine", liaoning.reviewer, "opinion", kind="同意", score=80)
    case.waits_at("decide", "note_late")


def test_what_is_called_ends_with_what_called_it(desk: Desk, liaoning: Place, case: Case) -> None:
    part = desk.part(case)
    sent = deliveries.send_message(
        desk.office.db, desk.office.viewer(liaoning.reviewer), "撤回", case.number, {"reason": "方案需要重新论证"},
        origin="撤回-1", at=desk.office.at,
    )  # fmt: skip
    assert sent.reached == (case.number,)
    case.ended("withdrawn")
    assert variables(case.row().state)["reason"] == "方案需要重新论证"
    assert part.row().status == "cancelled"
    assert [task.status for task in part.tasks()] == ["cancelled"]
    last = part.events()[-1]
    assert (last.kind, last.actor_kind) == (Kind.INSTANCE_CANCELLED, "rule")
    assert desk.office.payload(last)["called_off_by"] == case.number
    assert desk.waiting() == []


def test_the_version_called_is_that_of_the_day_on_which_the_caller_began(
    desk: Desk, liaoning: Place, root: Path
) -> None:
    """Also what is called by what is called: all versions are fixed when the outermost case begins."""
    office = desk.office
    early, late = (
        desk.begin("plan", office.applicant(liaoning.own_school, name="高雨桐"), "proposal", title="甲", budget="1"),
        office.applicant(liaoning.own_school, name="林书豪"),
    )
    text = next(iter(reviewing.EXPERT.values())).decode().replace("填写意见", "出具书面意见")
    reviewing.deploy(office, root, newer={"bpmn/expert/expert.bpmn": text.encode()})
    begun = desk.begin("plan", late, "proposal", title="乙", budget="1")
    for case, name in ((early, "填写意见"), (begun, "出具书面意见")):
        desk.does(case, "agree", liaoning.reviewer, "conclusion", words="同意")
        inner = desk.part(desk.part(case))
        assert inner.number == f"{case.number}-1-1"
        assert [task.name for task in inner.tasks()] == [name]
