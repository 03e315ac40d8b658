"""The pages of cases and of what may be applied for: who reads what, and where a case stands."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event
from werkzeug.test import TestResponse

from tests.webapp.case_world import APPLICANT, AUDITOR, HEAD, HR1, ID_CARD, NAMES, PHONE, PRINCIPAL, STRANGER, World
from workflows import case_file

Words = Callable[[TestResponse], str]


@pytest.fixture
def world(house: Any) -> World:
    return World(house)


@pytest.fixture
def reviewing(world: World) -> tuple[World, str, str]:
    """A case that waits for its qualification review."""
    number = world.start()
    assert world.recommend(world.task(number, "adm_u1")).status_code == 303
    return world, number, world.task(number, "adm_u2")


def test_the_start_page_says_what_is_asked_with_clause_and_quotation(world: World, words: Words) -> None:
    page = words(world.browser(APPLICANT).get("/instances/start"))
    assert "2026年沈阳市教育研究院选调教研员" in page
    assert "原则上有 6 年（72 个月）以上教学经历" in page
    assert "辽宁实施意见 第12条（4）" in page
    assert "具有教师系列中级及以上职称" in page
    assert "语文 · 小学 · 1 人" in page


def test_an_applicant_sees_where_the_case_is_and_only_their_own_papers(reviewing: tuple[World, str, str], words: Words) -> None:
    world, number, _ = reviewing
    page = words(world.browser(APPLICANT).get(f"/instances/{number}"))
    assert "资格审查" in page
    assert "沈阳市教育局" in page, "who has it"
    assert "提交申报表 · 林书豪" in page
    assert ID_CARD in page, "their own data in full"
    assert "教学功底扎实" not in page, "the recommendation is not theirs to read"
    assert "规则判定 核对完整性" not in page, "rulings are told with the office's answer"
    assert not world.events("case:viewed")


def test_a_handler_reads_what_they_need_and_afterwards_masked(reviewing: tuple[World, str, str], words: Words) -> None:
    world, number, task = reviewing
    assert ID_CARD in words(world.browser(HR1).get(f"/tasks/{task}")), "the step needs it"
    page = words(world.browser(PRINCIPAL).get(f"/instances/{number}"))
    assert ID_CARD not in page
    assert f"{ID_CARD[:3]}***********{ID_CARD[-4:]}" in page
    assert PHONE not in page
    assert "138****0001" in page
    assert "教学功底扎实" in page, "their own opinion"
    assert not world.events("case:viewed"), "they took part"


def test_the_office_reads_a_case_it_has_no_part_in_and_that_is_recorded(reviewing: tuple[World, str, str], words: Words) -> None:
    world, number, _ = reviewing
    page = words(world.browser(HEAD).get(f"/instances/{number}"))
    assert ID_CARD not in page
    (found, _), = world.events("case:viewed")
    assert (found.stream, found.instance) == (f"person:{world.numbers[HEAD]}", number)


def test_a_case_of_others_is_not_there(reviewing: tuple[World, str, str]) -> None:
    world, number, _ = reviewing
    browser = world.browser(STRANGER)
    for path in ("/instances/{}", "/instances/{}/received", "/diagrams/{}.xml", "/diagrams/{}.json"):
        assert browser.get(path.format(number)).status_code == 404
        assert browser.get(path.format("LN-2026-09999")).status_code == 404
    assert [event.instance for event, _ in world.events("access:refused")] == [number, None] * 4
    assert number not in browser.get("/instances/").get_data(as_text=True)


def test_lists_hold_what_a_person_may_see(reviewing: tuple[World, str, str], words: Words) -> None:
    world, number, _ = reviewing
    for who in (APPLICANT, PRINCIPAL, HR1, HEAD, AUDITOR):
        assert number in words(world.browser(who).get("/instances/")), who
    assert number not in words(world.browser(HR1).get("/instances/?status=completed"))
    assert number in words(world.browser(HR1).get("/instances/?person=林书豪&q=" + number))


def test_the_diagram_shows_the_way_taken_and_who_has_it(reviewing: tuple[World, str, str]) -> None:
    world, number, _ = reviewing
    browser = world.browser(APPLICANT)
    drawing = browser.get(f"/diagrams/{number}.xml")
    assert drawing.mimetype == "application/xml"
    assert b'id="adm_u2"' in drawing.data
    assert drawing.headers["Content-Security-Policy"].startswith("sandbox")
    way = browser.get(f"/diagrams/{number}.json").get_json()
    assert way["current"] == ["adm_u2"]
    assert {"adm_s", "adm_f01", "adm_u1", "adm_b2"} <= set(way["done"])
    assert "adm_u2" not in way["done"]
    assert way["notes"]["adm_u2"] == "沈阳市教育局 · 教育局人事科（股），2026-09-08 24:00 前 (还剩 7 天)"
    assert way["notes"]["adm_u1"].startswith("褚明远 2026-09-01 ") and "已办：推荐" in way["notes"]["adm_u1"]
    assert {"adm_u7", "adm_m1_a"} <= set(way["ahead"]) and not set(way["ahead"]) & {*way["done"], *way["current"]}
    assert way["notes"]["adm_u7"] == "预计经过 · 沈阳市教育局 · 考察组"
    before = browser.get(f"/diagrams/{number}.json?until=1").get_json()
    assert before["current"] == ["adm_u1"] and before["ahead"] == [], "a replay foretells nothing"


def test_the_step_bar_knows_what_is_done_now_and_ahead(reviewing: tuple[World, str, str]) -> None:
    world, number, _ = reviewing
    page = world.browser(APPLICANT).get(f"/instances/{number}").get_data(as_text=True)
    bar = re.findall(r'<li data-state="(\w+)"[^>]*>\s*([^<\s]+)', page)
    assert bar == [("done", "申报"), ("done", "单位推荐"), ("done", "规则判定"), ("now", "资格审查"),
                   *(("ahead", one) for one in ("资格合格", "入围", "考察", "集体审定", "公示", "聘任"))]


def test_what_people_typed_is_never_markup(world: World) -> None:
    sheet = world.application().fill({"current_post": "<script>alert(1)</script>", "achievements.0.name": "<img src=x onerror=alert(1)>"})
    through = world.send(APPLICANT, sheet).get_data(as_text=True)
    assert "<script>alert(1)" not in through
    assert "&lt;script&gt;alert(1)" in through
    assert "<img src=x" not in through


def test_a_case_is_read_in_few_statements(reviewing: tuple[World, str, str]) -> None:
    world, number, _ = reviewing
    statements: list[str] = []
    listen = lambda *given: statements.append(given[2])  # noqa: E731 - removed again below
    engine = world.house.database.engine
    with world.house.database.read() as session:
        case_file.read(session, None, number, world.house.watch())  # the definition is read once a process
    event.listen(engine, "before_cursor_execute", listen)
    try:
        with world.house.database.read() as session:
            found = case_file.read(session, None, number, world.house.watch())
    finally:
        event.remove(engine, "before_cursor_execute", listen)
    assert len(statements) <= 13, len(statements)
    assert not any("instance.state" in one for one in statements), "the engine's state is nobody's reading"
    assert found.masked


# --- what lies ahead ------------------------------------------------------------------------------------------------


def test_before_sending_the_applicant_is_told_the_way_and_by_when(world: World, words: Words) -> None:
    page = words(world.browser(APPLICANT).get(world.start_path))
    assert "办理预计" in page and "单位推荐" in page and "不是承诺" in page
    read_through = words(world.send(APPLICANT, world.application()))
    assert "请通读核对" in read_through
    assert "预计 2026-09-15 24:00 前到“入围”" in read_through
    assert "据已填内容和规则，“原单位主管教育局是否就是用人教育局？”为“是”" in read_through
    assert "“资格审查结论是什么？”按“合格”推算" in read_through
    assert "沈阳市浑河高级中学 · 所在单位（学校）负责人" in read_through
    assert "9月2日、3日、4日、7日、8日" in read_through and "9月9日、10日、11日、14日、15日" in read_through
    assert NAMES[PRINCIPAL] not in read_through, "an applicant is told offices, not people"


def test_a_case_page_tells_the_way_ahead_and_lists_say_by_when(reviewing: tuple[World, str, str], words: Words) -> None:
    world, number, _ = reviewing
    page = words(world.browser(HEAD).get(f"/instances/{number}"))
    assert "办理预计" in page and "现在在这里" in page and "考察组" in page
    assert "预计" in words(world.browser(APPLICANT).get(f"/instances/{number}"))
    for path in ("/instances/start", "/inbox/?tab=started"):
        assert "待定" in words(world.browser(APPLICANT).get(path))
