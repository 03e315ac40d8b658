"""The auditor's pages: found by every question asked, read whole and masked, exported as text, every look recorded."""

from __future__ import annotations

import hashlib
import html
import io
import json
import re
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest
from werkzeug.test import TestResponse

from tests.webapp.case_world import APPLICANT, AUDITOR, HR1, ID_CARD, NAMES, PHONE, PRINCIPAL, STRANGER, World

Words = Callable[[TestResponse], str]


@pytest.fixture
def world(house: Any) -> World:
    return World(house)


@pytest.fixture
def ended(world: World) -> tuple[World, str]:
    """A case that was found qualified."""
    number = world.start()
    assert world.recommend(world.task(number, "adm_u1")).status_code == 303
    assert world.review(HR1, world.task(number, "adm_u2"), "合格", "=1+1 材料齐全，予以通过").status_code == 303
    return world, number


#: What is asked in the address -> whether the case is among what is found.
QUESTIONS = {
    "": True, "person=林书豪": True, "person=吴立新": False, "actor=吴立新": True, "actor=褚明远": True, "actor=周雅琴": False,
    "place=ln-jyt": True, "place=ln-sy-tri": True, "place=gx-jyt": False, "process=admission": True, "process=exit": False,
    "kind=task:completed": True, "kind=task:escalated": False, "actor_kind=person": True, "actor_kind=proxy": False,
    "since=2026-09-01&until=2026-09-01": True, "until=2026-08-31": False, "since=2026-09-02": False, "since=never": True,
    "status=completed": False, "status=running": True, "q=选调": True, "q=ln-2026-00001": True, "q=100%25": False,
    "actor=吴立新&kind=instance:started": False,
}  # fmt: skip


def test_a_case_is_found_by_what_was_asked(ended: tuple[World, str]) -> None:
    world, number = ended
    answers = {query: world.browser(AUDITOR).get(f"/audit/?{query}") for query in QUESTIONS}
    assert {answer.status_code for answer in answers.values()} == {200}
    assert {query: number in answer.get_data(as_text=True) for query, answer in answers.items()} == QUESTIONS


def test_the_case_file_tells_who_did_what_and_on_which_clause(ended: tuple[World, str], words: Words) -> None:
    world, number = ended
    page = words(world.browser(AUDITOR).get(f"/audit/cases/{number}"))
    for who in (APPLICANT, PRINCIPAL, HR1):
        assert NAMES[who] in page
    for said in ("发起办件", "办理环节", "所在单位（学校）负责人", "教育局人事科（股）", "教学经历 216 个月",
                 "辽宁实施意见 第12条（4）", "计入了哪些教学经历", "校验通过", "SHA-256", "任务分派", "第 1 版"):  # fmt: skip
        assert said in page, said
    assert "演示系统" not in page, "this office is no demo"


def test_identity_and_phone_numbers_are_masked_until_a_purpose_is_stated(ended: tuple[World, str], words: Words) -> None:
    world, number = ended
    browser = world.browser(AUDITOR)
    page = words(browser.get(f"/audit/cases/{number}"))
    assert ID_CARD not in page
    assert PHONE not in page
    assert f"{ID_CARD[:3]}***********{ID_CARD[-4:]}" in page
    assert browser.post(f"/audit/cases/{number}", {"purpose": " 查 "}).status_code == 422
    opened = browser.post(f"/audit/cases/{number}", {"purpose": "核对信访件反映的身份冒用"})
    assert ID_CARD in words(opened)
    payloads = [json.loads(payload) for _, payload in world.events("case:viewed")]
    assert payloads[0] == {}
    assert payloads[-1] == {"personal": True, "purpose": "核对信访件反映的身份冒用"}
    assert "查看办件卷宗" in words(browser.get(f"/audit/cases/{number}")), "the file itself says who looked"


def test_scans_open_only_for_a_stated_purpose_and_only_for_who_stated_it(ended: tuple[World, str]) -> None:
    world, number = ended
    browser = world.browser(AUDITOR)
    closed = browser.get(f"/audit/cases/{number}").get_data(as_text=True)
    assert "/files/" not in closed
    digest = re.findall(r'digest">([0-9a-f]{64})<', closed)[0]
    assert browser.get(f"/files/{digest}").status_code == 404
    opened = browser.post(f"/audit/cases/{number}", {"purpose": "核对信访件反映的材料"}).get_data(as_text=True)
    path = html.unescape(re.findall(rf'href="(/files/{digest}\?opened=[^"]+)"', opened)[0])
    assert browser.get(path).status_code == 200
    assert world.browser(PRINCIPAL).get(path).status_code == 404, "the address is nobody else's"
    assert world.browser(HR1).get(f"/files/{digest}").status_code == 404, "the review is over"
    world.house.watch.later(minutes=1)
    assert browser.get(path.replace("opened=", "opened=x")).status_code == 404
    assert [event.actor for event, _ in world.events("file:viewed")] == [world.numbers[AUDITOR]]


def test_only_auditors_audit(ended: tuple[World, str]) -> None:
    world, number = ended
    paths = ("/audit/", f"/audit/cases/{number}", f"/audit/cases/{number}/export.xlsx", "/audit/export.json", "/audit/check")
    answers = {(who, path): world.browser(who).get(path).status_code for who in (APPLICANT, PRINCIPAL, HR1) for path in paths}
    assert set(answers.values()) == {403}, answers
    assert [event.reason for event, _ in world.events("access:refused")] == ["E_FORBIDDEN"] * len(answers)


def test_an_auditor_of_another_province_finds_nothing(ended: tuple[World, str]) -> None:
    world, number = ended
    browser = world.browser(STRANGER)
    assert number not in browser.get("/audit/").get_data(as_text=True)
    assert number not in browser.get("/audit/export.json").get_data(as_text=True)
    for path in (f"/audit/cases/{number}", f"/audit/cases/{number}/export.xlsx", f"/audit/cases/{number}/export.json"):
        assert browser.get(path).status_code == 404
    assert browser.post(f"/audit/cases/{number}", {"purpose": "随便看看"}).status_code == 404
    assert {event.instance for event, _ in world.events("access:refused")} == {number}


def test_a_workbook_of_a_case_holds_text_as_text_and_the_check(ended: tuple[World, str]) -> None:
    world, number = ended
    answer = world.browser(AUDITOR).get(f"/audit/cases/{number}/export.xlsx")
    assert answer.headers["Content-Disposition"] == f"attachment; filename={number}.xlsx"
    book = openpyxl.load_workbook(io.BytesIO(answer.data))
    assert book.sheetnames == ["时间线", "提交内容", "规则判定", "附件", "校验"]
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert not [cell for cell in cells if cell.data_type == "f"], "no formula anywhere"
    texts = {str(cell.value) for cell in cells}
    assert "=语文优质课评比" in texts
    assert "=1+1 材料齐全，予以通过" in texts
    assert ID_CARD not in texts
    assert f"{ID_CARD[:3]}***********{ID_CARD[-4:]}" in texts
    assert "沈阳市浑河高级中学" in texts, "organisations by name"
    check = {row[0].value: row[1].value for row in book["校验"].iter_rows(min_row=2)}
    assert check["完整性校验"] == "通过"
    assert check["系统"] == "正式系统"
    timeline = list(book["时间线"].iter_rows(min_row=2, values_only=True))
    assert [row[2] for row in timeline[:3]] == ["发起办件", "办理环节", "办理环节"]
    (event, payload), = world.events("record:exported")
    assert (event.stream, event.instance) == (f"person:{world.numbers[AUDITOR]}", number)
    assert json.loads(payload)["sha256"] == hashlib.sha256(answer.data).hexdigest()


def test_json_of_a_case_and_of_a_search(ended: tuple[World, str]) -> None:
    world, number = ended
    browser = world.browser(AUDITOR)
    case = browser.get(f"/audit/cases/{number}/export.json").get_json()
    assert case["number"] == number
    assert case["verification"]["holds"] is True
    assert case["verification"]["demo"] is False
    assert [event["kind"] for event in case["events"]] == ["instance:started", "task:completed", "task:completed"]
    raw = json.dumps(case, ensure_ascii=False)
    assert ID_CARD not in raw
    assert PHONE not in raw
    found = browser.get("/audit/export.json?person=林书豪").get_json()
    assert found["sought"] == {"person": "林书豪"}
    assert [row["number"] for row in found["cases"]] == [number]
    book = openpyxl.load_workbook(io.BytesIO(browser.get("/audit/export.xlsx").data))
    assert book["办件"]["A2"].value == number
    assert len(world.events("record:exported")) == 3
    assert browser.get(f"/audit/cases/{number}/export.exe").status_code == 404


def test_the_whole_record_is_checked_when_asked(ended: tuple[World, str], words: Words) -> None:
    world, _ = ended
    assert "开始校验" in words(world.browser(AUDITOR).get("/audit/check"))
    page = words(world.browser(AUDITOR).get("/audit/check?run=1"))
    assert "没有发现任何改动" in page
    assert "须与库外存证比对" in page, "and what a check cannot prove"
