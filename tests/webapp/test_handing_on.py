"""The task page's further acts: handed to a colleague (转办), delegated to one (委派), handed back, declined, recalled."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.webapp.case_world import (
    APPLICANT,
    AUDITOR,
    HEAD,
    HR1,
    HR2,
    NAMES,
    PRINCIPAL,
    STRANGER,
    Sheet,
    World,
    problems,
)
from workflows.models import Draft, Task

Words = Callable[[TestResponse], str]
WHY = "外出培训一周，请先核对材料"
NOTE = "材料已逐项核对，教龄证明齐全"


@pytest.fixture
def claimed(house: Any) -> tuple[World, str]:
    """A review that one of two reviewers has claimed."""
    world = World(house)
    number = world.start()
    assert world.recommend(world.task(number, "adm_u1")).status_code == 303
    task = world.task(number, "adm_u2")
    assert world.browser(HR1).post(f"/tasks/{task}/claim").status_code == 303
    return world, task


def row(world: World, task: str) -> Task:
    with world.house.database.read() as session:
        return session.execute(select(Task).where(Task.number == task)).scalar_one()


def delegates(world: World, task: str, to: str = NAMES[HEAD], reason: str = WHY, who: str = HR1) -> TestResponse:
    answer: TestResponse = world.browser(who).post(f"/tasks/{task}/delegate", {"to": to, "reason": reason})
    return answer


def rejected(world: World) -> list[tuple[str, str]]:
    """(stream, subject) of every act that was refused."""
    return [(event.stream, json.loads(raw)["subject"]) for event, raw in world.events("input:rejected")]


def test_a_review_is_delegated_filled_in_handed_back_and_sent_by_its_holder(claimed: tuple[World, str], words: Words) -> None:
    world, task = claimed
    sheet = world.sheet(HR1, f"/tasks/{task}").fill({"opinion": "先看学历"})
    answer = world.send(HR1, sheet, _more="delegate")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/tasks/{task}/delegate"), "what is typed is kept first"
    page = world.browser(HR1).get(f"/tasks/{task}/delegate").get_data(as_text=True)
    offered = re.findall(r'<option value="([^（"]+)（P\d+）">', page)
    assert set(offered) == {NAMES[HEAD], NAMES[HR2]}, "without script too; whoever may not take it is left out"
    assert delegates(world, task).status_code == 303
    assert "已委派周雅琴办理，办后返回" in words(world.browser(HR1).get("/inbox/"))
    assert "已委派周雅琴" in words(world.browser(HR1).get("/inbox/?whose=lent"))

    inbox = words(world.browser(HEAD).get("/inbox/?whose=asked"))
    assert "资格审查" in inbox and f"吴立新：{WHY}" in inbox
    number = world.events("task:delegated")[0][0].instance
    ways = [f'href="/tasks/{task}"' in world.browser(who).get(f"/instances/{number}").get_data(as_text=True) for who in (HEAD, HR1)]
    assert ways == [True, False], "the case leads whoever has it now to the task"
    page = words(world.browser(HEAD).get(f"/tasks/{task}"))
    assert "吴立新委派您办理，办后返回" in page and WHY in page and "办后返回" in page
    theirs = world.sheet(HEAD, f"/tasks/{task}")
    assert theirs.values["opinion"] == "先看学历"
    theirs.fill({"opinion": "学历、教龄均符合要求", "_note": NOTE})
    assert world.send(HEAD, theirs, _back="1").status_code == 303
    assert "已返回吴立新" in words(world.browser(HEAD).get("/inbox/"))

    page = words(world.browser(HR1).get(f"/tasks/{task}"))
    assert "周雅琴已办后返回，请核对后提交" in page and NOTE in page
    back = world.sheet(HR1, f"/tasks/{task}")
    assert back.values["opinion"] == "学历、教龄均符合要求"
    answer = world.review(HR1, task, "合格", "学历、教龄均符合要求")
    assert answer.status_code == 303, problems(answer)
    record = words(world.browser(HR1).get(f"/instances/{number}"))
    assert "委派任务" in record and "吴立新 → 周雅琴" in record and "周雅琴 → 吴立新" in record
    assert "意见：" + NOTE in record and "经委派填写：周雅琴" in record
    assert re.search("先看学历 ?→ ?学历、教龄均符合要求", record), "who filled in what"
    audit = words(world.browser(AUDITOR).get(f"/audit/cases/{number}"))
    assert WHY in audit and NOTE in audit


def test_a_reason_that_says_nothing_and_a_person_that_is_none_are_refused_with_everything_typed(
    claimed: tuple[World, str], words: Words
) -> None:
    world, task = claimed
    cases = [
        ("周雅琴", "忙", "请说明理由"), ("无此人", WHY, "没有找到这位同事"), ("", WHY, "没有找到这位同事"),
        (NAMES[AUDITOR], WHY, "没有找到这位同事"), (NAMES[HR1], WHY, "该任务已在本人名下"),
        (NAMES[PRINCIPAL], WHY, "已办理本办件的另一审核环节"),
    ]  # fmt: skip
    for act in ("delegate", "transfer"):
        for to, reason, said in cases:
            answer = world.browser(HR1).post(f"/tasks/{task}/{act}", {"to": to, "reason": reason})
            page = answer.get_data(as_text=True)
            assert answer.status_code in (409, 422) and said in words(answer), (act, to, reason)
            assert f'value="{to}"' in page and reason in page, "what was typed is still there"
    assert len(rejected(world)) == 2 * len(cases), "each is in the person's own stream"
    assert row(world, task).delegate_id is None and world.events("task:delegated") == []


def test_several_of_one_name_are_told_apart(claimed: tuple[World, str], words: Words) -> None:
    world, task = claimed
    for sign_in in ("li1", "li2"):
        world.numbers[sign_in] = world.house.person(sign_in, ("ln-sy", "bureau_teacher"), name="李静")
    answer = delegates(world, task, "李静")
    assert answer.status_code == 422 and "有多人符合" in words(answer)
    assert all(world.numbers[one] in words(answer) for one in ("li1", "li2"))
    offered = world.browser(HR1).get(f"/tasks/{task}/colleagues?kind=person&to=李").get_data(as_text=True)
    assert offered.count("<option") == 2
    assert delegates(world, task, f"李静（{world.numbers['li2']}）").status_code == 303
    assert row(world, task).explanation["delegated"]["to"]["number"] == world.numbers["li2"]


def test_whoever_is_asked_cannot_send_nor_pass_it_on(claimed: tuple[World, str], words: Words) -> None:
    world, task = claimed
    assert delegates(world, task).status_code == 303
    page = world.browser(HEAD).get(f"/tasks/{task}").get_data(as_text=True)
    assert "谢绝委派" in page and 'value="transfer"' not in page and 'value="delegate"' not in page
    answer = world.review(HEAD, task, "合格")
    assert answer.status_code == 409 and "该任务由吴立新委派给周雅琴办理" in words(answer)
    for act in ("transfer", "delegate"):
        assert world.browser(HEAD).get(f"/tasks/{task}/{act}").headers["Location"] == f"/tasks/{task}"
        refused = world.browser(HEAD).post(f"/tasks/{task}/{act}", {"to": NAMES[HR2], "reason": WHY})
        assert refused.status_code == 409 and "该任务由吴立新委派给周雅琴办理" in words(refused)
    number = world.numbers[HEAD]
    assert [stream for stream, _ in rejected(world)] == [f"person:{number}"] * 3
    assert world.events("task:completed")[-1][0].actor == world.numbers[PRINCIPAL], "nothing of it is in the case"


def test_meanwhile_its_holder_reads_and_can_take_it_back(claimed: tuple[World, str], words: Words) -> None:
    world, task = claimed
    sheet = world.sheet(HR1, f"/tasks/{task}")
    assert delegates(world, task).status_code == 303
    page = words(world.browser(HR1).get(f"/tasks/{task}"))
    assert "收回委派" in page and WHY in page and "保存草稿" not in page
    late = world.send(HR1, sheet.fill({"opinion": "我自己写的"}), f"/tasks/{task}/draft")
    assert late.status_code == 409 and "委派给周雅琴" in words(late)
    filled = world.send(HR1, sheet)
    assert filled.status_code in (409, 422)
    assert world.browser(HR1).post(f"/tasks/{task}/recall").status_code == 303
    assert "已收回委派" in words(world.browser(HR1).get(f"/tasks/{task}"))
    again = world.browser(HR1).post(f"/tasks/{task}/recall")
    assert again.status_code == 409 and "该委派已经结束" in words(again)
    gone = world.browser(HEAD).get(f"/tasks/{task}")
    assert gone.status_code == 409 and "该委派已经结束" in words(gone), "the link of the notice says so, and shows nothing"
    assert "资格审查" not in words(gone)


def test_a_note_that_says_nothing_keeps_the_page_and_a_late_return_keeps_the_words(
    claimed: tuple[World, str], words: Words
) -> None:
    world, task = claimed
    assert delegates(world, task, NAMES[HR2]).status_code == 303
    sheet = world.sheet(HR2, f"/tasks/{task}").fill({"opinion": "写好的意见", "_note": "好"})
    answer = world.send(HR2, sheet, _back="1")
    assert answer.status_code == 422 and "请说明理由" in words(answer)
    kept = Sheet(answer.get_data(as_text=True))
    assert (kept.values["opinion"], kept.values["_note"]) == ("写好的意见", "好")
    assert world.browser(HR1).post(f"/tasks/{task}/recall").status_code == 303
    late = world.send(HR2, kept.fill({"_note": NOTE}), _back="1")
    assert late.status_code == 409 and "该委派已经结束" in words(late) and "写好的意见" in words(late)
    assert world.events("task:handed_back") == []


def test_declining_needs_a_reason_and_gives_it_back(claimed: tuple[World, str], words: Words) -> None:
    world, task = claimed
    assert delegates(world, task).status_code == 303
    sheet = world.sheet(HEAD, f"/tasks/{task}")
    assert world.send(HEAD, sheet, _more="decline").headers["Location"] == f"/tasks/{task}/decline"
    assert "谢绝委派" in words(world.browser(HEAD).get(f"/tasks/{task}/decline"))
    assert world.browser(HEAD).post(f"/tasks/{task}/decline", {"reason": "忙"}).status_code == 422
    assert world.browser(HEAD).post(f"/tasks/{task}/decline", {"reason": "本周在外督导，无法办理"}).status_code == 303
    assert "周雅琴谢绝了您的委派" in words(world.browser(HR1).get(f"/tasks/{task}"))
    with world.house.database.read() as session:
        owners = session.execute(select(Draft.person_id).where(Draft.subject == f"task:{task}")).scalars().all()
    assert owners == [], "nobody had typed anything, and nothing of the page is left behind"


def test_a_conflict_of_interest_hands_it_back_without_work(claimed: tuple[World, str], words: Words) -> None:
    world, task = claimed
    assert delegates(world, task).status_code == 303
    sheet = world.sheet(HEAD, f"/tasks/{task}").fill({"conflict_declared": "是"})
    sheet = Sheet(world.send(HEAD, sheet, _refresh="1").get_data(as_text=True)).fill({"conflict_reason": "申请人系本人学生"})
    assert world.send(HEAD, sheet, _back="1").status_code == 303
    assert [event.kind for event, _ in world.events("task:declined")] == ["task:declined"]
    assert row(world, task).explanation["excluded"][-1]["number"] == world.numbers[HEAD]
    again = delegates(world, task)
    assert again.status_code == 409 and "本人申请回避" in words(again)


def test_a_task_is_transferred_on_the_page(claimed: tuple[World, str], words: Words) -> None:
    world, task = claimed
    page = words(world.browser(HR1).get(f"/tasks/{task}/transfer"))
    assert "转给谁" in page and "不再返回" in page
    assert world.browser(HR1).post(f"/tasks/{task}/transfer", {"to": NAMES[HR2], "reason": WHY}).status_code == 303
    assert "已转给郑晓燕办理" in words(world.browser(HR1).get("/inbox/"))
    assert row(world, task).explanation["transferred"]["to"]["name"] == NAMES[HR2]
    number = world.events("task:transferred")[0][0].instance
    record = words(world.browser(HR2).get(f"/instances/{number}"))
    assert "吴立新 → 郑晓燕" in record and WHY in record


def test_an_applicants_own_task_offers_neither(claimed: tuple[World, str]) -> None:
    world, task = claimed
    assert world.review(HR1, task, "退回补正", "电话无法接通，请核对后补正。", items={"phone": "电话无法接通，请核对"}).status_code == 303
    number = world.events("task:claimed")[0][0].instance or ""
    own = world.task(number, "adm_u3")
    page = world.browser(APPLICANT).get(f"/tasks/{own}").get_data(as_text=True)
    assert "更多操作" not in page
    for act in ("transfer", "delegate", "decline"):
        assert world.browser(APPLICANT).get(f"/tasks/{own}/{act}").status_code == 302


@pytest.mark.parametrize("who", [STRANGER, APPLICANT, PRINCIPAL])
def test_who_has_nothing_to_do_with_a_task_finds_none_of_it(claimed: tuple[World, str], who: str) -> None:
    world, task = claimed
    browser = world.browser(who)
    for act in ("transfer", "delegate", "decline"):
        assert browser.get(f"/tasks/{task}/{act}").status_code == 404
        assert browser.post(f"/tasks/{task}/{act}", {"to": NAMES[HEAD], "reason": WHY}).status_code == 404
    assert browser.post(f"/tasks/{task}/recall").status_code == 404
    assert browser.get(f"/tasks/{task}/colleagues?kind=person&to=周").status_code == 404
