"""The page of deadlines: by day with the days counted, as a workbook, and how periods were kept."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import openpyxl
import pytest
from werkzeug.test import TestResponse

from benchmarks.counting import counted
from tests.webapp.case_world import APPLICANT, HEAD, HR1, NAMES, STRANGER, World

Words = Callable[[TestResponse], str]


@pytest.fixture
def world(house: Any) -> World:
    return World(house)


@pytest.fixture
def reviewing(world: World) -> tuple[World, str, str]:
    """A case that waits for its qualification review, after its unit's recommendation was done in time."""
    number = world.start()
    assert world.recommend(world.task(number, "adm_u1")).status_code == 303
    return world, number, world.task(number, "adm_u2")


def test_what_is_due_stands_under_its_day_with_the_days_counted(reviewing: tuple[World, str, str], words: Words) -> None:
    world, number, task = reviewing
    answer = world.browser(HR1).get("/deadlines/")
    page = words(answer)
    assert "有 1 项在办且有期限" in page
    assert "2026-09-08 星期二" in page and "5 个工作日：9月2日、3日、4日、7日、8日" in page
    assert "沈阳市教育局 · 教育局人事科（股）" in page
    assert f"/tasks/{task}" in answer.get_data(as_text=True), "the way to the task for whoever may take it"
    head = world.browser(HEAD).get("/deadlines/")
    assert number in words(head) and f"/tasks/{task}" not in head.get_data(as_text=True)
    assert "单位推荐" in words(head) and "100 %" in words(head), "how periods were kept"


def test_nobody_finds_the_deadlines_of_others(reviewing: tuple[World, str, str], words: Words) -> None:
    world, number, _ = reviewing
    assert "没有在办的期限" in words(world.browser(STRANGER).get("/deadlines/"))
    mine = words(world.browser(APPLICANT).get("/deadlines/"))
    assert number in mine and "按期办理情况" not in mine and NAMES[HR1] not in mine


def test_a_list_is_narrowed_by_its_address_and_a_probe_narrows_nothing(reviewing: tuple[World, str, str], words: Words) -> None:
    world, number, _ = reviewing
    browser = world.browser(HEAD)
    assert "没有符合筛选条件的期限" in words(browser.get("/deadlines/?when=late"))
    world.house.watch.later(days=9)
    assert browser.sign_in(HEAD).status_code == 302  # nobody stays signed in for so long
    late = words(browser.get("/deadlines/?when=late"))
    assert number in late and "超期 2 天" in late
    assert number in words(browser.get("/deadlines/?when=%27&whose=x&days=99999&page=-1"))


def test_the_list_is_handed_over_as_a_workbook(reviewing: tuple[World, str, str]) -> None:
    world, number, _ = reviewing
    answer = world.browser(HEAD).get("/deadlines/export.xlsx?step=adm_u2")
    assert answer.status_code == 200 and "attachment" in answer.headers["Content-Disposition"]
    assert openpyxl.load_workbook(BytesIO(answer.data)).active["E2"].value == number
    [(event, _)] = world.events("record:exported")
    assert event.actor == world.numbers[HEAD]


def test_the_page_takes_at_most_six_statements(reviewing: tuple[World, str, str]) -> None:
    world, _, _ = reviewing
    for who in (APPLICANT, HR1, HEAD):
        browser = world.browser(who)
        with counted(world.house.database.engine) as found:
            assert browser.get("/deadlines/").status_code == 200
        assert len(found.statements) <= 6, found.statements
        assert found.commits == 0
