"""The task page's 加签, 减签, 退回 and 取回, as a browser without script does them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.webapp.case_world import APPLICANT, HEAD, HR1, HR2, NAMES, PRINCIPAL, World
from workflows.models import Task

Words = Callable[[TestResponse], str]
WHY = "涉及编制，请一并提出意见"
AGAINST = "任教年限的证明不完整，暂不同意"
BACK = "推荐意见没有写明任教学科，请单位重新出具"


@pytest.fixture
def reviewed(house: Any) -> tuple[World, str, str]:
    """A case that waits for review: (world, number, task)."""
    world = World(house)
    number = world.start()
    assert world.recommend(world.task(number, "adm_u1")).status_code == 303
    return world, number, world.task(number, "adm_u2")


def asks(world: World, task: str, *names: str, mode: str = "before", reason: str = WHY, who: str = HR1) -> TestResponse:
    answer: TestResponse = world.browser(who).post(f"/tasks/{task}/signers", {"to": list(names), "mode": mode, "reason": reason})
    return answer


def own(world: World, task: str, who: str) -> str:
    """Number of a signer's own task."""
    page = world.browser(who).get("/inbox/").get_data(as_text=True)
    [found] = set(re.findall(r'href="/tasks/([0-9a-f]{16})"', page)) - {task}
    return found


def opines(world: World, number: str, who: str, agreed: str = "同意", words: str = "", **more: str) -> TestResponse:
    sheet = world.sheet(who, f"/tasks/{number}").fill({"conflict_declared": "否", "agreed": agreed, "words": words, **more})
    return world.send(who, sheet)


def test_somebody_is_asked_to_sign_signs_and_their_opinion_stands_beside_the_form(
    reviewed: tuple[World, str, str], words: Words
) -> None:
    world, number, task = reviewed
    sheet = world.sheet(HR1, f"/tasks/{task}").fill({"opinion": "先看学历"})
    answer = world.send(HR1, sheet, _more="signers")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/tasks/{task}/signers"), "what is typed is kept first"
    page = world.browser(HR1).get(f"/tasks/{task}/signers")
    assert "前加签" in words(page) and "并签" in words(page) and "后加签" in words(page)
    assert page.get_data(as_text=True).count('name="to"') == 3
    more = world.browser(HR1).post(f"/tasks/{task}/signers", {"to": [NAMES[HEAD], "", ""], "reason": WHY, "_lines": "1"})
    assert more.status_code == 200 and more.get_data(as_text=True).count('name="to"') == 6 and NAMES[HEAD] in more.get_data(as_text=True)
    assert asks(world, task, NAMES[HEAD]).status_code == 303

    closed = words(world.browser(HR1).get(f"/tasks/{task}"))
    assert f"等待加签意见：{NAMES[HEAD]}" in closed and "减签" in closed and WHY in closed
    inbox = words(world.browser(HEAD).get("/inbox/"))
    assert "前加签" in inbox and f"{NAMES[HR1]}：{WHY}" in inbox
    signer = own(world, task, HEAD)
    form = words(world.browser(HEAD).get(f"/tasks/{signer}"))
    assert f"{NAMES[HR1]}请您加签（前加签）" in form and WHY in form and "是否需回避" in form and "谢绝加签" in form
    assert "转办" not in form

    refused = opines(world, signer, HEAD, "不同意", "不行")
    assert refused.status_code == 422 and "不同意的理由至少 10 个字" in words(refused)
    assert opines(world, signer, HEAD, "不同意", AGAINST).status_code == 303
    page = words(world.browser(HR1).get(f"/tasks/{task}"))
    assert AGAINST in page and "不同意" in page
    assert world.sheet(HR1, f"/tasks/{task}").values["opinion"] == "先看学历"
    assert world.review(HR1, task, "合格", "学历、教龄均符合要求").status_code == 303
    case = words(world.browser(HR2).get(f"/instances/{number}"))
    assert "加签意见" in case and AGAINST in case
    assert AGAINST not in words(world.browser(APPLICANT).get(f"/instances/{number}")), "an applicant reads their own papers"


def test_what_is_refused_keeps_what_was_typed(reviewed: tuple[World, str, str], words: Words) -> None:
    world, _, task = reviewed
    for names, reason, told in (
        ((), WHY, "没有找到这位同事"), (("没有这个人",), WHY, "没有找到这位同事"), ((NAMES[HEAD],), "请", "请说明理由"),
        ((NAMES[HR1],), WHY, "已在本人名下"),
    ):  # fmt: skip
        answer = asks(world, task, *names, mode="parallel", reason=reason)
        assert answer.status_code in (409, 422) and told in words(answer)
        page = answer.get_data(as_text=True)
        assert re.search(r'value="parallel" checked', page) and all(f'value="{name}"' in page for name in names)
    assert world.browser(PRINCIPAL).get(f"/tasks/{task}/signers").status_code == 404


def test_one_is_taken_off_and_one_declines(reviewed: tuple[World, str, str], words: Words) -> None:
    world, _, task = reviewed
    assert asks(world, task, NAMES[HEAD], NAMES[HR2]).status_code == 303
    signer, other = own(world, task, HEAD), own(world, task, HR2)
    assert world.browser(HR2).post(f"/tasks/{task}/signers/{signer}/remove").status_code in (403, 409)
    assert world.browser(HR1).post(f"/tasks/{task}/signers/{signer}/remove").status_code == 303
    gone = world.browser(HEAD).get(f"/tasks/{signer}")
    assert "已取消" in words(gone)
    late = world.browser(HEAD).get(f"/tasks/{signer}/no-opinion")
    assert late.status_code in (302, 303, 404)
    short = world.browser(HR2).post(f"/tasks/{other}/no-opinion", {"reason": "忙"})
    assert short.status_code == 422
    assert world.browser(HR2).post(f"/tasks/{other}/no-opinion", {"reason": "不了解情况，不便提出意见"}).status_code == 303
    page = words(world.browser(HR1).get(f"/tasks/{task}"))
    assert "已减签" in page and "谢绝加签" in page
    assert world.review(HR1, task, "合格", "学历、教龄均符合要求").status_code == 303


def test_a_decision_takes_effect_once_those_who_sign_after_agree(reviewed: tuple[World, str, str], words: Words) -> None:
    world, number, task = reviewed
    assert asks(world, task, NAMES[HEAD], mode="after").status_code == 303
    sent = world.review(HR1, task, "合格", "学历、教龄均符合要求")
    assert sent.status_code == 303
    page = words(world.browser(HR1).get(f"/tasks/{task}"))
    assert "已提交，等待后加签" in page and NAMES[HEAD] in page
    signer = own(world, task, HEAD)
    form = words(world.browser(HEAD).get(f"/tasks/{signer}"))
    assert f"{NAMES[HR1]}提交的内容（待加签）" in form and "学历、教龄均符合要求" in form
    assert opines(world, signer, HEAD, "不同意", AGAINST).status_code == 303
    again = world.browser(HR1).get(f"/tasks/{task}")
    assert "后加签有不同意见" in words(again) and AGAINST in words(again)
    assert world.sheet(HR1, f"/tasks/{task}").values["opinion"] == "学历、教龄均符合要求"
    assert world.review(HR1, task, "合格", "已补齐任教年限的证明").status_code == 303
    assert opines(world, own(world, task, HEAD), HEAD).status_code == 303
    log = words(world.browser(HR1).get(f"/instances/{number}"))
    assert f"{NAMES[HR1]}提交的决定，{NAMES[HEAD]}同意后生效" in log
    with world.house.database.read() as session:
        row = session.execute(select(Task).where(Task.number == task)).scalar_one()
    assert row.status == "done"


def test_a_signer_declares_a_conflict_of_interest(reviewed: tuple[World, str, str], words: Words) -> None:
    world, _, task = reviewed
    assert asks(world, task, NAMES[HEAD]).status_code == 303
    signer = own(world, task, HEAD)
    sheet = world.sheet(HEAD, f"/tasks/{signer}").fill({"conflict_declared": "是"})
    again = world.send(HEAD, sheet, _refresh="1")
    sheet = world.sheet(HEAD, f"/tasks/{signer}") if again.status_code != 200 else type(sheet)(again.get_data(as_text=True))
    answer = world.send(HEAD, sheet.fill({"conflict_declared": "是", "conflict_reason": "申请人是本人的表弟，应当回避"}))
    assert answer.status_code == 303 and answer.headers["Location"].startswith("/inbox/")
    assert "申请回避" in words(world.browser(HR1).get(f"/tasks/{task}"))


def test_a_case_is_sent_back_with_the_reason_on_top(reviewed: tuple[World, str, str], words: Words) -> None:
    world, number, task = reviewed
    page = world.browser(HR1).get(f"/tasks/{task}/return")
    assert "退回到哪个环节" in words(page) and NAMES[PRINCIPAL] in words(page)
    [to] = re.findall(r'name="to" value="([0-9a-f]+)"', page.get_data(as_text=True))
    short = world.browser(HR1).post(f"/tasks/{task}/return", {"to": to, "reason": "请改"})
    assert short.status_code == 422 and "至少 10 个字" in words(short) and "请改" in short.get_data(as_text=True)
    assert world.browser(PRINCIPAL).get(f"/tasks/{task}/return").status_code == 404
    answer = world.browser(HR1).post(f"/tasks/{task}/return", {"to": to, "reason": BACK})
    assert answer.status_code == 303
    back = world.task(number, "adm_u1")
    page = words(world.browser(PRINCIPAL).get(f"/tasks/{back}"))
    assert f"{NAMES[HR1]}从“资格审查”退回，请重新办理" in page and BACK in page
    assert world.sheet(PRINCIPAL, f"/tasks/{back}").values["recommend"] == "推荐"
    assert "退回" in words(world.browser(HR1).get("/inbox/?tab=done"))
    late = world.browser(HR1).post(f"/tasks/{task}/return", {"to": to, "reason": BACK})
    assert late.status_code == 409
    assert world.recommend(back).status_code == 303
    world.task(number, "adm_u2")


def test_what_was_just_sent_is_taken_back_from_its_page_and_from_the_list(reviewed: tuple[World, str, str], words: Words) -> None:
    world, number, task = reviewed
    with world.house.database.read() as session:
        done = session.execute(select(Task.number).where(Task.step_id == "adm_u1")).scalar_one()
    for address in (f"/tasks/{done}/sent", f"/tasks/{done}", "/inbox/?tab=done"):
        assert f'action="/tasks/{done}/take-back"' in world.browser(PRINCIPAL).get(address).get_data(as_text=True)
    assert world.browser(HR1).post(f"/tasks/{done}/take-back").status_code == 404
    answer = world.browser(PRINCIPAL).post(f"/tasks/{done}/take-back")
    again = world.task(number, "adm_u1")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/tasks/{again}")
    assert world.sheet(PRINCIPAL, f"/tasks/{again}").values["recommend"] == "推荐"
    assert "已取消" in words(world.browser(HR1).get(f"/tasks/{task}"))
    assert "任务已被取回" in words(world.browser(HR1).get("/notices/"))
    assert world.recommend(again).status_code == 303
    review = world.task(number, "adm_u2")
    assert world.browser(HR1).post(f"/tasks/{review}/claim").status_code == 303
    assert "/take-back" not in world.browser(PRINCIPAL).get("/inbox/?tab=done").get_data(as_text=True)
    late = world.browser(PRINCIPAL).post(f"/tasks/{again}/take-back")
    assert late.status_code == 409 and "已不能取回" in words(late)
