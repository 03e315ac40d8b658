"""What pages offer beside the decision: urging, grades, copies and 待阅, remarks, follow-up days, filters of one's own."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from benchmarks.counting import counted
from tests.webapp.case_world import APPLICANT, AUDITOR, HEAD, HR1, HR2, NAMES, PRINCIPAL, STRANGER, World
from workflows.models import Remark, Task

Words = Callable[[TestResponse], str]
WHY = "校方要求本周内上报，请优先办理"


@pytest.fixture
def world(house: Any) -> World:
    return World(house)


@pytest.fixture
def case(world: World) -> tuple[str, str]:
    """A case that waits for its review, and the task's number."""
    number = world.start()
    assert world.recommend(world.task(number, "adm_u1")).status_code == 303
    return number, world.task(number, "adm_u2")


def page(world: World, who: str, path: str) -> str:
    return str(world.browser(who).get(path).get_data(as_text=True))


def test_the_applicant_urges_from_the_case_and_the_reviewer_sees_it(world: World, case: tuple[str, str], words: Words) -> None:
    number, task = case
    assert f"/tasks/{task}/urge" in page(world, APPLICANT, f"/instances/{number}")
    answer = world.browser(APPLICANT).post(f"/tasks/{task}/urge", {"words": "已过三天", "case": number})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/instances/{number}")
    told = words(world.browser(APPLICANT).get(f"/instances/{number}"))
    assert "已催办，已通知" in told and "已过三天" in told
    assert "被催办" in words(world.browser(HR1).get("/inbox/"))
    assert "该任务被催办" in words(world.browser(HR1).get(f"/tasks/{task}"))
    again = world.browser(APPLICANT).post(f"/tasks/{task}/urge", {"case": number})
    assert again.status_code == 409 and "可以再次催办" in words(again)
    assert "2026-09-02 09:00" in words(again), "it says when again"
    assert f"/tasks/{task}/urge" not in page(world, HR1, f"/instances/{number}"), "it waits for themselves"
    for who, status in ((AUDITOR, 403), (STRANGER, 404), (HR1, 409)):
        assert world.browser(who).post(f"/tasks/{task}/urge", {"case": number}).status_code == status, who
    assert len(world.events("task:urged")) == 1


def test_a_task_is_made_urgent_and_comes_first(world: World, case: tuple[str, str], words: Words) -> None:
    number, task = case
    answer = world.browser(HR1).post(f"/tasks/{task}/grade", {"grade": "extra", "reason": WHY, "case": number, "on_task": task})
    assert answer.headers["Location"].startswith(f"/tasks/{task}")
    assert "特急" in words(world.browser(HR1).get("/inbox/")) and "特急" in words(world.browser(HR1).get(f"/tasks/{task}"))
    assert number in page(world, HR1, "/inbox/?grade=urgent")
    assert world.browser(HR1).post(f"/tasks/{task}/grade", {"grade": "most", "reason": WHY}).status_code == 404
    assert world.browser(APPLICANT).post(f"/tasks/{task}/grade", {"grade": "plain", "reason": WHY}).status_code == 403
    assert world.browser(HR1).post(f"/tasks/{task}/grade", {"grade": "plain", "reason": "急"}).status_code == 422
    assert "task:prioritised" not in page(world, APPLICANT, f"/instances/{number}")
    assert "设定紧急程度" in words(world.browser(HEAD).get(f"/instances/{number}"))
    assert WHY not in words(world.browser(APPLICANT).get(f"/instances/{number}")), "the office's own business"


def test_a_case_is_sent_to_a_colleague_who_finds_it_under_to_read(world: World, case: tuple[str, str], words: Words) -> None:
    number, _ = case
    reader = world.house.person("reader", ("ln-sy-s1", "researcher"), name="孙小满")
    assert world.browser("reader").get(f"/instances/{number}").status_code == 404
    assert f"/instances/{number}/copy" in page(world, HR1, f"/instances/{number}")
    assert "孙小满" in page(world, HR1, f"/instances/{number}/copy/colleagues?kind=person&to=孙")
    answer = world.browser(HR1).post(f"/instances/{number}/copy", {"to": f"孙小满（{reader}）", "words": "请了解"})
    assert answer.status_code == 303
    inbox = world.browser("reader").get("/inbox/?tab=copies")
    assert "待阅(1)" in words(inbox).replace(" ", "") and "未阅" in words(inbox) and "请了解" in words(inbox)
    opened = words(world.browser("reader").get(f"/instances/{number}"))
    assert "个人信息已部分隐去" in opened and "138****0001" not in opened
    assert "已阅" in words(world.browser("reader").get("/inbox/?tab=copies"))
    assert number not in page(world, "reader", "/inbox/?tab=copies&read=no")
    assert [event.actor for event, _ in world.events("copy:read")] == [reader]
    told = words(world.browser(HR1).get(f"/instances/{number}"))
    assert "孙小满 已阅" in told
    for who in (APPLICANT, "reader", AUDITOR):
        assert world.browser(who).get(f"/instances/{number}/copy").status_code == 403, who
    again = world.browser(HR1).post(f"/instances/{number}/copy", {"to": "孙小满", "words": "再看看"})
    assert again.status_code == 409 and "已抄送过" in words(again) and "再看看" in again.get_data(as_text=True), "nothing typed is lost"
    nobody = world.browser(HR1).post(f"/instances/{number}/copy", {"to": NAMES[STRANGER]})
    assert nobody.status_code == 422
    assert "孙小满" not in words(world.browser(APPLICANT).get(f"/instances/{number}"))


def test_remarks_stand_on_the_case_and_the_task_for_whom_they_are(world: World, case: tuple[str, str], words: Words) -> None:
    number, task = case
    path = f"/instances/{number}/remarks"
    first = world.browser(HR1).post(path, {"words": "教龄证明的章<b>不清楚", "audience": "office", "on_task": task})
    assert first.headers["Location"] == f"/tasks/{task}#remarks"
    assert "章<b>不清楚" in words(world.browser(HR2).get(f"/tasks/{task}")) or "章&lt;b&gt;不清楚" in page(world, HR2, f"/tasks/{task}")
    assert "教龄证明的章" not in page(world, APPLICANT, f"/instances/{number}")
    world.browser(HR1).post(path, {"words": "请保持电话畅通", "audience": "everybody"})
    assert "请保持电话畅通" in page(world, APPLICANT, f"/instances/{number}")
    world.browser(APPLICANT).post(path, {"words": "收到", "audience": "office"})
    assert "收到" in page(world, HR1, f"/instances/{number}") and "收到" in page(world, APPLICANT, f"/instances/{number}")
    refused = world.browser(HR1).post(path, {"words": "请@李无名看一下", "audience": "everybody"})
    assert refused.status_code == 422 and "李无名" in words(refused)
    assert "请@李无名看一下" in refused.get_data(as_text=True), "nothing typed is lost"
    with world.house.database.read() as session:
        event = session.execute(select(Remark.event).order_by(Remark.id).limit(1)).scalar_one()
    assert world.browser(HR2).post(path, {"words": "章清楚", "corrects": event}).status_code == 403
    assert world.browser(HR1).post(path, {"words": "章清楚", "corrects": event}).status_code == 303
    assert "已更正，见后" in words(world.browser(HR1).get(f"/instances/{number}"))
    assert world.browser(AUDITOR).post(path, {"words": "请说明"}).status_code == 403
    for words_given in ("请说明", ""):
        assert world.browser(STRANGER).post(path, {"words": words_given}).status_code == 404
    assert world.browser(HR1).post("/instances/LN-2026-99999/remarks", {"words": ""}).status_code == 404
    assert "教龄证明的章" in page(world, AUDITOR, f"/audit/cases/{number}"), "the record has it"


def test_a_follow_up_is_set_marked_and_taken_away(world: World, case: tuple[str, str], words: Words) -> None:
    number, task = case
    on = (world.house.watch() + timedelta(days=2)).date().isoformat()
    path = f"/tasks/{task}/follow-up"
    assert world.browser(HR1).post(path, {"on": on}).status_code == 303
    assert f"跟进 {on}" in words(world.browser(HR1).get("/inbox/"))
    assert f"跟进 {on}" not in words(world.browser(HR2).get("/inbox/"))
    assert number in page(world, HR1, "/inbox/?follow=any") and number not in page(world, HR1, "/inbox/?follow=due")
    for wrong in ("2026-08-01", "not a day", "9999-12-31"):
        assert world.browser(HR1).post(path, {"on": wrong}).status_code == 422, wrong
    assert world.browser(APPLICANT).post(path, {"on": on}).status_code == 404
    world.browser(HR1).post(path, {"clear": "1", "on": on})
    assert number not in page(world, HR1, "/inbox/?follow=any")


def test_a_kept_filter_opens_the_inbox(world: World, case: tuple[str, str], words: Words) -> None:
    number, _ = case
    browser = world.browser(HR1)
    assert "保存这个筛选" not in words(browser.get("/inbox/"))
    assert "保存这个筛选" in words(browser.get("/inbox/?tab=todo&step=adm_u1"))
    answer = browser.post("/inbox/filters", {"name": "推荐 <一>", "step": "adm_u1", "default": "1", "who": "x"})
    assert answer.headers["Location"] == "/inbox/?tab=todo&step=adm_u1"
    opened = browser.get("/inbox/")
    assert (opened.status_code, opened.headers["Location"]) == (302, "/inbox/?tab=todo&step=adm_u1")
    shown = page(world, HR1, "/inbox/?tab=todo&step=adm_u1")
    assert "推荐 &lt;一&gt;" in shown and "（默认）" in shown and number not in shown
    assert number in page(world, HR1, "/inbox/?tab=todo"), "the tab itself is not narrowed"
    assert "推荐" not in re.sub(r"<option.*", "", page(world, HR2, "/inbox/?tab=todo")), "nobody else's"
    assert browser.post("/inbox/filters", {"name": ""}).status_code == 422
    assert world.browser(HR2).post("/inbox/filters/remove", {"name": "推荐 <一>"}).status_code == 404
    assert browser.post("/inbox/filters/remove", {"name": "推荐 <一>"}).status_code == 303
    assert browser.get("/inbox/").status_code == 200


@pytest.mark.usefixtures("case")
def test_the_new_lists_take_at_most_six_statements_and_their_renewal_keeps_nobody_signed_in(world: World) -> None:
    browser = world.browser(HR1)
    for path in ("/inbox/?tab=copies", "/inbox/?tab=copies&read=no&q=甲", "/inbox/?grade=urgent", "/inbox/?follow=due"):
        with counted(world.house.database.engine) as found:
            assert browser.get(path).status_code == 200
        assert len(found.statements) <= 6 and found.commits == 0, (path, found.statements)
    world.house.watch.later(minutes=20)
    assert browser.get("/inbox/", headers={"X-Background": "1"}).status_code == 200
    world.house.watch.later(minutes=20)
    assert browser.get("/inbox/", headers={"X-Background": "1"}).status_code in (302, 401)


def test_whoever_is_not_asked_finds_no_task_of_another_case(world: World, case: tuple[str, str]) -> None:
    number, task = case
    with world.house.database.read() as session:
        other = session.execute(select(Task.number).where(Task.number != task)).scalar_one()
    for who in (PRINCIPAL, STRANGER):
        assert world.browser(who).post(f"/tasks/{task}/follow-up", {"on": "2026-09-10"}).status_code == 404
    assert world.browser(HR1).post(f"/instances/{number}/remarks", {"words": "甲", "on_task": "nosuch"}).status_code == 404
    assert world.browser(HR1).post(f"/instances/{number}/copy", {"to": NAMES[HR2], "on_task": other}).status_code in (303, 409)
