"""The pages of a case and of what it called: each links to the other, for whoever may read it; the drawing shows both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests import reviewing
from tests.office import Case, Office, Place
from tests.reviewing import Desk
from tests.webapp.conftest import Browser, House, Watch
from workflows import case_file, deliveries, inbox, search
from workflows.access import Viewer
from workflows.errors import NotFound
from workflows.settings import Settings


@pytest.fixture
def desk(office: Office, root: Path) -> Desk:
    """The office with the drawn processes."""
    reviewing.deploy(office, root)
    return Desk(office)


@pytest.fixture
def case(desk: Desk, liaoning: Place) -> Case:
    """A project that waits for its expert."""
    return desk.project(liaoning.own_school)


def _browser(office: Office, tmp_path: Path, sign_in: str) -> Browser:
    settings = Settings.read(tmp_path, base_url="http://localhost", demo=False)
    browser = House(office.db, settings, Watch(office.at)).browser()
    assert browser.sign_in(sign_in, f"mima-{sign_in}-mima").status_code == 302
    return browser


def _read(desk: Desk, viewer: Viewer, case: Case) -> case_file.CaseFile:
    with desk.office.db.read() as session:
        return case_file.read(session, viewer, case.number, desk.office.at)


def test_each_page_leads_to_the_other(desk: Desk, liaoning: Place, case: Case, tmp_path: Path, words: Any) -> None:
    part = desk.part(case)
    browser = _browser(desk.office, tmp_path, liaoning.reviewer)
    above, below = browser.get(f"/instances/{case.number}"), browser.get(f"/instances/{part.number}")
    assert f'href="/instances/{part.number}"' in above.text and "等待下级办件办结" in words(above)
    assert f"专家意见 {part.number} 办理中 由环节“专家意见”调用" in words(above)
    assert f'href="/instances/{case.number}"' in below.text and f"由办件 {case.number} 调用" in words(below)
    desk.does(part, "opine", liaoning.reviewer, "opinion", kind="回避", score=0)
    told = words(browser.get(f"/instances/{case.number}"))
    assert f"下级办件 {part.number} 因“回避”终止" in told and "出错结束 专家回避" in told


def test_whoever_sent_a_task_is_told_what_it_waits_for_now(
    desk: Desk, liaoning: Place, case: Case, tmp_path: Path, words: Any
) -> None:
    part = desk.part(case)
    number = part.task("opine").number
    desk.does(part, "opine", liaoning.reviewer, "opinion", kind="同意", score=80)
    browser = _browser(desk.office, tmp_path, liaoning.reviewer)
    assert f"上级办件： 课题评审 {case.number}" in words(browser.get(f"/tasks/{number}/sent"))
    plan = desk.begin("plan", desk.office.applicant(liaoning.own_school, name="周敏"), "proposal", title="甲", budget="1")
    agreed = plan.task("agree").number
    desk.does(plan, "agree", liaoning.reviewer, "conclusion", words="同意")
    assert "等待下级办件办结：课题评审" in words(browser.get(f"/tasks/{agreed}/sent"))


def test_who_had_part_in_a_case_reads_what_it_called_and_not_the_other_way(
    desk: Desk, liaoning: Place, case: Case
) -> None:
    part, office = desk.part(case), desk.office
    outside = office.applicant(liaoning.county_school, name="吴桐").viewer
    for one in (case, part):
        with pytest.raises(NotFound):
            _read(desk, outside, one)
    desk.does(part, "opine", liaoning.reviewer, "opinion", kind="同意", score=80)
    desk.does(case, "decide", liaoning.second_reviewer, "conclusion", words="立项")
    expert, chair = (replace(office.viewer(who), memberships=()) for who in (liaoning.reviewer, liaoning.second_reviewer))
    assert [one.number for one in _read(desk, chair, case).called] == [part.number]
    found = _read(desk, chair, part).caller
    assert found is not None and (found.number, found.step_name) == (case.number, "专家意见")
    assert _read(desk, expert, part).caller is None
    with pytest.raises(NotFound):
        _read(desk, expert, case)


def test_what_is_called_is_nobodys_own_case(desk: Desk, case: Case) -> None:
    viewer, at = case.applicant.viewer, desk.office.at
    with desk.office.db.read() as session:
        own = search.find(session, viewer, search.Sought(own=True), at=at)
        assert [row.number for row in own.rows] == [case.number]
        assert inbox.counts(session, viewer).started == 1


def test_the_drawing_shows_where_a_case_stands_without_a_person(desk: Desk, liaoning: Place, case: Case) -> None:
    office = desk.office
    viewer = office.viewer(liaoning.reviewer)
    assert case_file.path_of(_read(desk, viewer, case)).current == ("expert",)
    declared = desk.begin("declaration", office.applicant(liaoning.own_school, name="高雨桐"), "batch", number="2026-1", quota=1)
    found = _read(desk, viewer, declared)
    assert case_file.path_of(found).current == ("wait",)
    [awaited] = found.awaited
    assert (awaited.step_name, awaited.kind, awaited.name) == ("等待批次开放", "message", "批次开放")
    deliveries.send_message(office.db, viewer, "批次开放", "2026-1", {}, origin="甲", at=office.at)
    found = _read(desk, viewer, declared)
    way = case_file.path_of(found)
    assert (way.current, "wait" in way.done, found.awaited) == (("declare",), True, ())
    deliveries.send_message(office.db, viewer, "撤回", case.number, {}, origin="乙", at=office.at)
    way = case_file.path_of(_read(desk, viewer, case))
    assert (way.current, way.cancelled) == ((), ("expert",))
    assert {"on_withdrawn", "withdrawn"} <= set(way.done)
    below = case_file.path_of(_read(desk, viewer, desk.part(case)))
    assert (below.current, below.cancelled) == ((), ("opine",))


def test_a_case_that_goes_on_beside_a_message_stands_where_it_stood(desk: Desk, liaoning: Place, case: Case) -> None:
    viewer = desk.office.viewer(liaoning.reviewer)
    desk.does(desk.part(case), "opine", liaoning.reviewer, "opinion", kind="延期", score=0)
    assert case_file.path_of(_read(desk, viewer, case)).current == ("expert", "note_late")
