"""概览: each role's figures, each a way to its rows, each no more than its reader may see (K1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from benchmarks.counting import counted
from tests import factories
from tests.webapp.case_world import APPLICANT, AUDITOR, HEAD, HR1, STRANGER, World
from workflows import figures

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


def links(page: str) -> list[str]:
    """Where the figures of the charts' tables lead."""
    return re.findall(r'<th scope="row"><a href="([^"]+)"', page)


def test_who_answers_for_an_office_begins_with_its_figures_and_each_leads_to_its_rows(
    reviewing: tuple[World, str, str], words: Words
) -> None:
    world, number, _ = reviewing
    browser = world.browser(HEAD)
    answer = browser.get("/overview/")
    page = answer.get_data(as_text=True)
    assert "办件现在在哪些环节" in page and "近 30 天按期办理情况" in page and "办件状态" in page
    assert 'data-chart="stack" data-chart-of="steps-table"' in page and "chart.js" in page
    assert "资格审查 0 1" in words(answer) and "单位推荐 0 1" in words(answer) and "办理中 1" in words(answer)
    for one in links(page):
        found = browser.get(one.replace("&amp;", "&"))
        assert found.status_code == 200, one
        if "step=adm_u2" in one or "status=running" in one:
            assert number in words(found)
    assert world.house.browser().sign_in(HEAD).headers["Location"] == "/overview/"


def test_a_reviewer_sees_what_waits_by_when_it_is_due(reviewing: tuple[World, str, str], words: Words) -> None:
    world, _, _ = reviewing
    assert "7 天内到期 1" in words(world.browser(HR1).get("/overview/")), "due in seven days"
    assert "共有 1 项等您办理" in words(world.browser(HR1).get("/overview/"))
    assert world.house.browser().sign_in(HR1).headers["Location"] == "/inbox/", "whose work waits in the inbox"


def test_an_applicant_sees_their_own_case_and_no_office(reviewing: tuple[World, str, str], words: Words) -> None:
    world, number, _ = reviewing
    page = words(world.browser(APPLICANT).get("/overview/"))
    assert number in page and "预计办结" in page
    assert "按期办理情况" not in page and "办件状态" not in page and "留痕" not in page


def test_an_auditor_sees_acts_of_their_own_places_only(reviewing: tuple[World, str, str], words: Words) -> None:
    world, _, _ = reviewing
    page = words(world.browser(AUDITOR).get("/overview/"))
    assert "近 30 天留痕" in page
    other = words(world.browser(STRANGER).get("/overview/"))
    assert "办件现在在哪些环节 现在没有数据" in other and "近 30 天留痕 现在没有数据" in other
    viewer = factories.viewer(world.house.database, AUDITOR, world.house.watch())
    with world.house.database.read() as session:
        assert {line.key: line.figures for line in figures.acts(session, viewer, world.house.watch()).lines}["task:completed"] == (1,)
        later = figures.acts(session, viewer, world.house.watch() + timedelta(days=40))
    assert later.total == 0


def test_an_administrator_sees_how_the_system_does(administrator: Any, words: Words) -> None:
    page = words(administrator.get("/overview/"))
    assert "系统运行" in page and "流程异常 0 件" in page and "办件状态" not in page


def test_who_keeps_the_security_is_told_that_there_are_no_figures(house: Any, words: Words) -> None:
    house.person("guard", ("ln-jyt", "security_admin"), name="周敬文")
    browser = house.browser()
    assert browser.sign_in("guard").headers["Location"] != "/overview/"
    assert "没有需要汇总的数字" in words(browser.get("/overview/"))


def test_more_than_is_counted_says_so(reviewing: tuple[World, str, str], words: Words, monkeypatch: pytest.MonkeyPatch) -> None:
    world, _, _ = reviewing
    monkeypatch.setattr(figures, "MOST", 0)
    figures._statuses.cache_clear()
    assert "实际更多" in words(world.browser(HEAD).get("/overview/"))


def test_the_figures_take_few_statements(reviewing: tuple[World, str, str]) -> None:
    world, _, _ = reviewing
    for who, most in ((APPLICANT, 7), (HR1, 16), (HEAD, 16), (AUDITOR, 12)):
        browser = world.browser(who)
        browser.get("/overview/")
        with counted(world.house.database.engine) as found:
            assert browser.get("/overview/").status_code == 200
        assert len(found.statements) <= most, (who, len(found.statements), found.statements)
        assert found.commits == 0
