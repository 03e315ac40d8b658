"""离岗交接 on its page: tried, refused with everything typed, done as a job that the list of jobs shows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.webapp.case_world import HEAD, HR1, HR2, NAMES, SYSTEM, World
from workflows import handing_over, jobs, people

Words = Callable[[TestResponse], str]
WHY = "调离教育局，工作交接"


@pytest.fixture
def held(house: Any) -> tuple[World, str, str]:
    """A review that somebody has claimed who then leaves: the office, the case, the page."""
    world = World(house)
    number = world.start()
    assert world.recommend(world.task(number, "adm_u1")).status_code == 303
    assert world.browser(HR1).post(f"/tasks/{world.task(number, 'adm_u2')}/claim").status_code == 303
    world.house.person("admin", ("ln-jyt", "system_admin"), name="周敬文")
    return world, number, f"/administration/people/{world.numbers[HR1]}/hand-over"


def test_it_is_tried_first_and_then_done_as_a_job(held: tuple[World, str, str], words: Words) -> None:
    world, number, path = held
    admin = world.browser("admin")
    person = admin.get(f"/administration/people/{world.numbers[HR1]}").get_data(as_text=True)
    assert f'href="{path}"' in person
    tried = admin.post(path, {"to": NAMES[HR2], "reason": WHY})
    assert tried.status_code == 200 and number in words(tried) and "在其名下" in words(tried)
    assert f'value="{NAMES[HR2]}"' in tried.get_data(as_text=True) and WHY in tried.get_data(as_text=True)
    assert world.events("task:handed_over") == []
    assert admin.post(path, {"to": NAMES[HR2], "reason": WHY, "do": "1"}).headers["Location"] == "/administration/jobs"
    assert jobs.run_next(world.house.database, {handing_over.HAND_OVER: handing_over.run}, world.house.watch)
    listed = words(admin.get("/administration/jobs"))
    assert "离岗交接" in listed and "已交接 1 件" in listed
    assert "资格审查" in words(world.browser(HR2).get("/inbox/?whose=mine"))
    assert "离岗交接任务" in words(world.browser(HR2).get(f"/instances/{number}"))


def test_what_is_refused_keeps_what_was_typed(held: tuple[World, str, str], words: Words) -> None:
    world, _, path = held
    admin = world.browser("admin")
    for fields, said in (
        ({"to": "无此人", "reason": WHY}, "没有找到"), ({"to": "", "reason": WHY, "do": "1"}, "请选择 1 至"),
        ({"to": NAMES[HR1], "reason": WHY, "do": "1"}, "不能是离岗者本人"), ({"to": NAMES[HR2], "reason": "走", "do": "1"}, "请说明理由"),
    ):
        answer = admin.post(path, fields)
        assert answer.status_code == 422 and said in words(answer), fields
        assert fields["reason"] in answer.get_data(as_text=True)
    assert world.events("job:started") == []
    assert world.browser(HEAD).get(path).status_code == 403


def test_what_nobody_may_do_is_listed_with_why_and_assigned(house: Any, words: Words) -> None:
    world = World(house)
    for who in (HR1, HR2):
        with world.house.database.read() as session:
            held = people.person_card(session, world.numbers[who]).roles[0][0]
        people.revoke(world.house.database, SYSTEM, held, date(2026, 8, 30), at=world.house.watch())
    number = world.start()
    assert world.recommend(world.task(number, "adm_u1")).status_code == 303
    world.house.person("admin", ("ln-jyt", "system_admin"), name="周敬文")
    admin, task = world.browser("admin"), world.task(number, "adm_u2")
    assert number in words(admin.get("/administration/unstaffed/"))
    path = f"/administration/unstaffed/{task}"
    page = words(admin.get(path))
    assert "规则：教育局人事科（股） → 沈阳市教育局 → 没有人" in page and "排除：林书豪（申请人本人）" in page
    for fields, said in (({"to": "无此人", "reason": WHY}, "没有找到"), ({"to": NAMES[HEAD], "reason": "无"}, "请说明理由")):
        answer = admin.post(path, fields)
        assert answer.status_code == 422 and said in words(answer) and f'value="{fields["to"]}"' in answer.get_data(as_text=True)
    assert admin.post(path, {"to": NAMES[HEAD], "reason": WHY}).headers["Location"] == "/administration/unstaffed/"
    assert "没有无人可办的任务" in words(admin.get("/administration/unstaffed/"))
    assert "资格审查" in words(world.browser(HEAD).get("/inbox/?whose=mine"))
    assert "指派：周敬文 → 周雅琴" in words(world.browser(HEAD).get(f"/instances/{number}"))
    assert world.browser(HEAD).get("/administration/unstaffed/").status_code == 403
    assert admin.post(path, {"to": NAMES[HR1], "reason": WHY}).status_code == 422, "who works nowhere is not offered"


def test_whether_todays_staff_can_finish_is_a_page(house: Any, words: Words) -> None:
    world = World(house)
    world.house.person("admin", ("ln-jyt", "system_admin"), name="周敬文")
    page = words(world.browser("admin").get("/administration/staff-check"))
    assert "教研员申报" in page and "人员不够" in page and "没有人可以办理" in page, "this small office has no panel"
    assert "资格审查、资格复核" not in page, "two reviewers are enough for these"
    assert world.browser(HEAD).get("/administration/staff-check").status_code == 403
