"""The inbox: what waits for whom, in which order, narrowed how, and what it says when it is empty."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, update
from werkzeug.test import TestResponse

from tests.webapp.case_world import APPLICANT, AUDITOR, HEAD, HR1, HR2, NAMES, PRINCIPAL, World
from webapp.case_pages import due_words
from webapp.paging import LAST_PAGE, page_number
from workflows.models import Instance, Task

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


def test_a_task_waits_for_those_who_may_take_it_and_for_nobody_else(world: World, words: Words) -> None:
    number = world.start()
    page = words(world.browser(PRINCIPAL).get("/inbox/"))
    assert "有 1 项等您办理" in page
    assert number in page
    assert NAMES[APPLICANT] in page
    for other in (HR1, HEAD, APPLICANT, AUDITOR):
        assert "有 1 项等您办理" not in words(world.browser(other).get("/inbox/")), other


def test_whoever_holds_several_roles_finds_what_waits_for_each_however_it_is_narrowed(world: World, words: Words) -> None:
    number = world.start()
    world.house.person("both", ("ln-sy-s1", "home_principal"), ("ln-sy-tri", "tri_head"), ("ln-sy", "bureau_hr"), name="曲文博")
    browser = world.browser("both")
    for path in ("/inbox/", f"/inbox/?q={number}", "/inbox/?q=林书豪", "/inbox/?place=ln-sy", "/deadlines/", "/instances/?q=林书豪"):
        assert number in words(browser.get(path)), path
    for path in ("/inbox/?tab=done&q=林", "/inbox/?tab=copies", "/inbox/?tab=started", "/overview/", "/inbox/?whose=group&q=林"):
        assert browser.get(path).status_code == 200, path


def test_what_is_done_moves_to_the_done_tab_and_keeps_the_choice_made(reviewing: tuple[World, str, str], words: Words) -> None:
    world, number, _ = reviewing
    todo = words(world.browser(PRINCIPAL).get("/inbox/"))
    assert "现在没有待办" in todo
    done = words(world.browser(PRINCIPAL).get("/inbox/?tab=done"))
    assert number in done
    assert "推荐" in done


def test_what_a_person_started_says_where_it_is(reviewing: tuple[World, str, str], words: Words) -> None:
    world, number, _ = reviewing
    page = words(world.browser(APPLICANT).get("/inbox/?tab=started"))
    assert number in page
    assert "资格审查" in page
    assert "还没有发起过办件" in words(world.browser(HR1).get("/inbox/?tab=started"))


def test_nobody_finds_their_own_application_or_a_step_they_are_kept_from(world: World, words: Words) -> None:
    number = world.start()
    task = world.task(number, "adm_u1")
    with world.house.database.write() as session:
        row = session.query(Task).filter_by(number=task).one()
        out = {"number": world.numbers[PRINCIPAL], "name": NAMES[PRINCIPAL], "reason": "申请人本人"}
        session.execute(update(Task).where(Task.id == row.id).values(explanation={**row.explanation, "excluded": [out]}))
    assert "现在没有待办" in words(world.browser(PRINCIPAL).get("/inbox/"))
    assert world.browser(PRINCIPAL).get(f"/tasks/{task}").status_code == 404


def test_a_claimed_task_leaves_the_inbox_of_the_others(reviewing: tuple[World, str, str], words: Words) -> None:
    world, _, task = reviewing
    world.browser(HR1).post(f"/tasks/{task}/claim")
    assert "我的" in words(world.browser(HR1).get("/inbox/?whose=mine"))
    assert "有 1 项等您办理" in words(world.browser(HR1).get("/inbox/"))
    assert "现在没有待办" in words(world.browser(HR2).get("/inbox/"))
    assert "没有符合筛选条件" in words(world.browser(HR1).get("/inbox/?whose=group"))


#: What the filters say -> whether the task stays in the list.
FILTERS = {
    "q=林书豪": True, "q=LN-2026-00001": True, "q=选调": True, "q=没有这个人": False, "q=%25": False, "step=adm_u2": True,
    "step=adm_u1": False, "place=ln-sy": True, "place=ln-sy-tri": True, "place=gx-jyt": False, "place=nowhere": False,
    "process=admission": True, "process=exit": False,
}  # fmt: skip


def test_filters_narrow_the_list(reviewing: tuple[World, str, str]) -> None:
    world, number, _ = reviewing
    browser = world.browser(HR1)
    assert {query: number in browser.get(f"/inbox/?{query}").get_data(as_text=True) for query in FILTERS} == FILTERS


def test_the_nearest_deadline_comes_first_page_by_page(world: World, words: Words) -> None:
    number = world.start()
    with world.house.database.write() as session:
        first = session.query(Task).one()
        case = session.query(Instance).one()
        for n in range(24):
            fields = {column.key: getattr(first, column.key) for column in Task.__table__.columns if column.key != "id"}
            session.add(Task(**{**fields, "number": f"t{n:02d}", "token": f"t{n:02d}", "name": f"环节{n:02d}",
                                "holder_id": None, "due_at": first.due_at + timedelta(days=24 - n)}))
        assert case.number == number
    browser = world.browser(PRINCIPAL)
    page = words(browser.get("/inbox/"))
    assert "有 25 项等您办理" in page
    assert "共 25 条，第 1 / 2 页" in page
    assert page.index("环节23") < page.index("环节22") < page.index("环节10")
    assert "环节00" in words(browser.get("/inbox/?page=2"))
    assert "环节00" not in page


def test_a_deadline_says_how_near_it_is_in_words(world: World) -> None:
    at = world.house.watch()
    with world.house.app.test_request_context():
        said = [due_words(at + span)[0] for span in (
            timedelta(days=-2), timedelta(hours=-1), timedelta(hours=10), timedelta(hours=15), timedelta(days=1, hours=10),
            timedelta(days=3, hours=15),
        )]  # fmt: skip
    # 09:00 at the office; a deadline at midnight is the day before's 24:00.
    assert said == ["超期 2 天", "今天超期", "今天到期", "今天到期", "明天到期", "还剩 3 天"]


def test_the_inbox_takes_few_statements_however_many_rows(reviewing: tuple[World, str, str]) -> None:
    world, _, _ = reviewing
    browser = world.browser(HR1)
    statements: list[str] = []
    listen = lambda *given: statements.append(given[2])  # noqa: E731 - removed again below
    engine = world.house.database.engine
    event.listen(engine, "before_cursor_execute", listen)
    try:
        assert browser.get("/inbox/").status_code == 200
    finally:
        event.remove(engine, "before_cursor_execute", listen)
    selects = [one for one in statements if one.lstrip().upper().startswith(("SELECT", "WITH"))]
    assert len(selects) <= 12, selects


@pytest.mark.parametrize(("typed", "page"), [("2", 2), ("0", 1), ("-3", 1), ("x", 1), ("٣", 1), ("999999999", LAST_PAGE), ("9" * 40, 1)])
def test_a_page_number_that_nobody_turns_to_costs_no_more(house: Any, typed: str, page: int) -> None:
    with house.app.test_request_context(f"/inbox/?page={typed}"):
        assert page_number() == page
    assert 100 <= LAST_PAGE <= 1000
