"""发起办件: what an office may start, from the start page or from a cell of the staffing matrix that nobody fills."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.webapp.case_world import APPLICANT, HR1, Sheet, World, problems
from workflows import people
from workflows.models import Instance

Words = Callable[[TestResponse], str]
FORM = "/instances/start/admission_round/@ln-sy-tri"


@pytest.fixture
def world(house: Any) -> World:
    made = World(house)
    made.numbers["tri"] = house.person("tri", ("ln-sy-tri", "tri_office"), name="陈嘉树")
    for n in range(1, 6):
        made.numbers[f"panel{n}"] = house.person(f"panel{n}", ("ln-sy", "panel_member"), name=f"评委{n}")
    return made


def test_the_start_page_offers_an_office_what_it_may_start_and_nobody_else(world: World, words: Words) -> None:
    assert "发起“遴选批次”" in words(world.browser("tri").get("/instances/start"))
    for who in (HR1, APPLICANT):
        assert "发起“遴选批次”" not in words(world.browser(who).get("/instances/start"))
        assert world.browser(who).get(FORM).status_code == 403


def test_a_cell_that_nobody_fills_leads_to_the_form_with_its_subject(world: World) -> None:
    brought = "posts.0.subject=数学&posts.0.stage=初中&posts.0.headcount=2&nonsense=1&posts.9.subject=语文"
    sheet = world.sheet("tri", f"{FORM}?{brought}")
    assert (sheet.values["posts.0.subject"], sheet.values["posts.0.stage"], sheet.values["posts.0.headcount"]) == ("数学", "初中", "2")
    assert "nonsense" not in sheet.names() and "posts.1.subject" not in sheet.names()


def test_a_plan_is_typed_read_through_and_sent(world: World, words: Words) -> None:
    sheet = world.sheet("tri", FORM)
    sheet.fill({"channel": "内部竞聘", "exam_mode": ["面试"]})
    sheet = Sheet(world.send("tri", sheet, _refresh="1").get_data(as_text=True))
    sheet.fill({
        "round_title": "2026年语文教研员遴选", "post_type": "专职", "quota_basis": "空编", "posts.0.subject": "语文",
        "posts.0.stage": "小学", "posts.0.headcount": "1", "open_at": "2026-09-02T09:00", "close_at": "2026-09-30T18:00",
        "weights.0.mode": "面试", "weights.0.percent": "100", "min_ratio": "2", "publicity_days": "5",
        **{f"panel.{n}.person": world.numbers[f"panel{n + 1}"] for n in range(5)},
    })  # fmt: skip
    through = world.send("tri", sheet)
    assert through.status_code == 200, problems(through)
    assert "沈阳市教育研究院" in words(through)
    answer = world.send("tri", Sheet(through.get_data(as_text=True)), _send="1")
    assert answer.status_code == 303, problems(answer)
    number = answer.headers["Location"].split("/")[-2]
    page = words(world.browser("tri").get(f"/instances/{number}"))
    assert "2026年语文教研员遴选" in page and "集体研究岗位计划" in page
    assert "编制依据" in page, "the planner reads the plan again"
    with world.house.database.read() as session:
        assert session.query(Instance).filter_by(number=number).one().round_id is None


def test_a_plan_of_another_office_is_refused_when_sent(world: World) -> None:
    sheet = world.sheet("tri", FORM)
    people.create_organisation(
        world.house.database, world_actor(), code="ln-dl-tri", name="大连教育学院", org_type="tri", level="city",
        parent_code="ln-jyt", place="liaoning", from_on=date(2020, 1, 1), at=world.house.watch(),
    )  # fmt: skip
    assert world.send("tri", sheet, FORM.replace("ln-sy-tri", "ln-dl-tri")).status_code == 403


def world_actor() -> Any:
    """Who keeps the places."""
    from tests.webapp.case_world import SYSTEM

    return SYSTEM
