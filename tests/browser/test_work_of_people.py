"""The work of people, each a whole story: a proxy acts, signers are added and taken off, work comes back, a phone goes dark.

The stories share one demo, each in cases of its own: those of 高雨桐 and 宋致远, 黄思琪, 覃俊杰, 陆星野, 陈静怡.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.browser import acts
from tests.browser.desk import FORM, Desk, Suitcase
from tests.browser.test_reviewing import case_of
from tests.browsing import HEIGHTS, NARROW
from tests.serving import Served
from webapp.demo import papers

OPINION = "学历、教龄、职称材料齐全，与原件一致。"


def opens(desk: Desk, path: str, case: str) -> Page:
    """Follow the link to a case's task from a list, to its form."""
    desk.open(path).page.get_by_role("row").filter(has_text=case).get_by_role("link").first.click()
    expect(desk.page.locator(FORM)).to_be_visible()
    return desk.page


def confirmed(desk: Desk, words: str) -> Desk:
    """Press a button that asks once more, and say yes."""
    desk.press(words)
    desk.page.locator("dialog[open]").get_by_role("button", name="确定", exact=True).click()
    return desk


def kept(desk: Desk) -> Desk:
    """Save the draft; nothing is on its way any more."""
    return desk.settle().press("保存草稿").reads("草稿已保存")


def more(desk: Desk, words: str) -> Desk:
    """Take one of the acts beside deciding."""
    desk.settle().page.get_by_text("更多操作").click()
    return desk.press(words)


def refused(desk: Desk, act: Callable[[], Any], *words: str) -> None:
    """What is done meets a refusal that says why."""
    with desk.page.expect_navigation() as answered:
        act()
    assert answered.value is not None
    assert answered.value.status == 409, f"{answered.value.url}: {answered.value.status}"
    desk.reads(*words)


def log_of(desk: Desk) -> list[str]:
    """What the record says of the case that the page shows, line after line."""
    return [re.sub(r"\s+", " ", one) for one in desk.page.locator(".case-log > li").all_inner_texts()]


# --- 代办授权 -------------------------------------------------------------------------------------------------------


def test_a_proxy_decides_during_leave_until_the_grant_is_revoked(demo: Served, sit_down: Callable[..., Desk]) -> None:
    first, second = case_of(demo, "13840010002"), case_of(demo, "13840010003")
    away, proxy = sit_down("sy.hr1").open("/proxies/"), sit_down("sy.clerk").open("/inbox/")
    expect(proxy.page.get_by_role("row").filter(has_text=first)).to_have_count(0)

    away.follow("授权他人代办")
    page = away.page
    page.get_by_label("代办人", exact=True).fill("程瑞芳")
    until = date.fromisoformat(page.get_by_label("开始日期").input_value()) + timedelta(days=4)
    page.get_by_label("结束日期").fill(until.isoformat())
    page.get_by_label("理由").fill("公休五天，期间由其代办")
    away.press("授权").reads("已授权，对方已收到通知", "程瑞芳", "代办中")

    proxy.open("/inbox/").page.get_by_role("link", name="（代吴立新）").click()
    proxy.reads("您正在代 吴立新 办理")
    opens(proxy, "/proxies/", first)
    proxy.reads("您正在代吴立新办理")
    expect(proxy.page.get_by_role("button", name="转办", exact=True)).to_have_count(0)
    acts.judge(proxy, "合格", OPINION)
    proxy.send().reads("“资格审查”已提交")

    both = "程瑞芳（代吴立新办理）"
    away.open(f"/instances/{first}").reads("资格合格", both)
    away.open("/proxies/").reads(both)
    auditor = sit_down("ln.audit").open(f"/audit/cases/{first}").reads("资格合格", both)
    assert any("程瑞芳" in line and "吴立新" in line and "合格" in line for line in log_of(auditor)), log_of(auditor)

    # The page of a second task is open, filled in, when the grant ends.
    opens(proxy, "/proxies/", second)
    acts.judge(proxy, "合格", OPINION)
    kept(proxy)
    confirmed(away, "撤销").reads("代办授权已撤销，立即生效", "已撤销")
    refused(proxy, lambda: proxy.press("提交"), "不能再代吴立新办理该任务")
    away.open(f"/instances/{second}").reads("资格审查")
    expect(page.locator("main")).not_to_contain_text(both)
    told = log_of(auditor.open(f"/audit/cases/{second}"))
    assert not any("程瑞芳" in line and "合格" in line for line in told), told
    expect(proxy.open("/inbox/").page.get_by_role("link", name="（代吴立新）")).to_have_count(0)
    acts.judge(away.take(second), "合格")
    away.send().open(f"/instances/{second}").reads("资格合格")


# --- 加签, 减签 -----------------------------------------------------------------------------------------------------


def test_of_two_who_are_to_sign_one_is_taken_off_and_the_other_signs(demo: Served, sit_down: Callable[..., Desk]) -> None:
    case, why, words = case_of(demo, "13877110003"), "涉及高中物理岗位编制，请一并提出意见", "任教经历与编制核对无误"
    holder, signer, other = sit_down("nn.hr1"), sit_down("nn.hr2"), sit_down("nn.head")
    page = more(holder.take(case), "加签").page
    page.locator("[name=mode][value=parallel]").check()
    page.get_by_label("第 1 位").fill("蓝海波")
    page.get_by_label("第 2 位").fill("农建华")
    page.get_by_label("理由").fill(why)
    holder.press("请其加签").reads("已请 2 人加签", "等待加签意见：蓝海波、农建华", "全部加签后才能提交")

    # Meanwhile the holder writes, and cannot send.
    acts.judge(holder, "合格", OPINION)
    kept(holder)
    refused(holder, lambda: holder.press("提交"), "该任务还在等待加签意见：蓝海波、农建华", OPINION)

    opens(other, "/inbox/", case)
    other.reads("莫丽芳请您加签（并签）", why)
    opens(holder, f"/inbox/?q={case}", case)
    expect(page.locator("[name=opinion]")).to_have_value(OPINION)
    page.locator("#signers li").filter(has_text="农建华").get_by_role("button", name="减签").click()
    page.locator("dialog[open]").get_by_role("button", name="确定", exact=True).click()
    holder.reads("已减签", "等待加签意见：蓝海波")
    expect(page.locator("main")).not_to_contain_text("等待加签意见：蓝海波、农建华")
    other.page.reload()
    other.reads("该环节已取消，不能再办理")
    expect(other.open("/inbox/").page.get_by_role("row").filter(has_text=case)).to_have_count(0)

    signer.take(case).reads("莫丽芳请您加签（并签）", why)
    signer.fill({"conflict_declared": "否"}).fill({"agreed": "同意", "words": words}).send()
    opens(holder, f"/inbox/?q={case}", case)
    holder.reads(words)
    expect(page.locator("main")).not_to_contain_text("等待加签意见")
    expect(page.locator("[name=opinion]")).to_have_value(OPINION)
    holder.send().open(f"/instances/{case}").reads("资格合格", words, why)
    told = log_of(holder)
    for one, who in (("加签", "蓝海波、农建华"), ("减签", "农建华"), ("加签意见", "蓝海波")):
        assert any(one in line and who in line for line in told), (one, told)


# --- 取回 -----------------------------------------------------------------------------------------------------------


def test_what_was_just_sent_is_taken_back_until_the_next_one_has_it(demo: Served, sit_down: Callable[..., Desk]) -> None:
    case = case_of(demo, "13877110006")
    head, bureau = sit_down("mss1.head").take(case), sit_down("ms.bureau")
    counted = head.page.locator("#f-months_claimed")
    head.answer("conflict_declared", ["否"])
    expect(counted).to_be_visible()
    bag = Suitcase()
    head.fill(papers.recommendation("覃俊杰", int(counted.inner_text()), bag), bag.files)  # type: ignore[arg-type]
    typed = head.typed()
    head.send().reads("“单位推荐”已提交")
    expect(bureau.open("/inbox/").page.get_by_role("row").filter(has_text=case)).to_have_count(1)

    confirmed(head, "取回").reads("已取回，您填写的内容仍在，请修改后重新提交")
    bureau.open("/notices/").reads("取回", case)
    expect(bureau.open("/inbox/").page.get_by_role("row").filter(has_text=case)).to_have_count(0)
    # Whether one is to keep out of it is said anew each time.
    head.answer("conflict_declared", ["否"])
    expect(counted).to_be_visible()
    assert head.settle().typed() == typed
    expect(head.page.locator("main")).to_contain_text("覃俊杰-推荐意见盖章.pdf")
    head.answer("ethics_statement", ["师德高尚，为人师表，关爱学生，团结同事，获评县级师德标兵。"])
    head.send().reads("“单位推荐”已提交")

    opens(bureau, "/inbox/", case)
    bureau.press("认领").reads("已认领", "获评县级师德标兵")
    refused(head, lambda: confirmed(head, "取回"), "“单位推荐”已不能取回")
    told = log_of(head.open(f"/instances/{case}").reads("岑丽云"))
    assert sum("取回" in line for line in told) == 1, told
    assert sum("单位推荐" in line and "班春燕" in line for line in told) >= 2, told


# --- a phone whose connection drops ---------------------------------------------------------------------------------


def test_a_phone_application_outlives_a_dropped_connection(
    demo: Served, browser: Browser, sit_down: Callable[..., Desk]
) -> None:
    context = browser.new_context(
        viewport={"width": NARROW, "height": HEIGHTS[NARROW]}, locale="zh-CN", timezone_id="Asia/Shanghai"
    )
    context.set_default_timeout(15_000)
    page, wrong = context.new_page(), list[str]()  # a page of its own: that a request was lost is no error here
    page.on("pageerror", lambda error: wrong.append(str(error)))
    desk = Desk(page, demo.url).sign_in("13877110008")
    acts.choose_round(desk, "南宁市教育科学研究所")
    who: dict[str, Any] = {
        "name": "陆星野", "phone": "13877110008", "unit": "gx-lz-lb-s1", "school": "雀儿山", "born": "1989-04-04",
        "subject": "语文", "stage": "小学", "post": "p1", "title": "一级",
        "history": [["2012-09-01", "", "柳北区雀儿山小学", "中小学", "课堂教学"]],
    }  # fmt: skip
    filled, bag = acts.application(desk, who)
    begun = {key: filled.pop(key) for key in ("full_name", "birth_date", "id_card")}
    desk.fill(begun)
    expect(page.locator("#saved-at")).to_contain_text("草稿已保存")

    context.set_offline(True)
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/draft")):
        desk.answer("current_post", ["语文教师，班主任"])
        page.locator("[name=teacher_cert_no]").focus()
    expect(page.locator("#saved-at")).to_contain_text("没有保存")
    assert desk.typed()["current_post"] == ["语文教师，班主任"]

    context.set_offline(False)
    desk.settle()
    desk.answer("cert_scope", ["小学语文"])
    with page.expect_response(lambda answer: answer.url.endswith("/draft")) as saved:
        page.locator("[name=teacher_cert_no]").focus()
    assert saved.value.status == 200
    expect(page.locator("#saved-at")).to_contain_text("草稿已保存")
    page.reload()
    assert desk.typed()["current_post"] == ["语文教师，班主任"]

    del filled["current_post"]
    desk.fill(filled, bag.files)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW
    desk.send("下一步：通读核对").reads("请通读核对", "陆星野", "语文教师，班主任")
    desk.press("确认提交").reads("已受理您的申报", "单位推荐", "柳北区雀儿山小学")
    case = desk.number()
    context.close()
    assert not wrong, wrong

    head = sit_down("lbs1.head").open(f"/instances/{case}").reads("单位推荐", "语文教师，班主任")
    assert any("陆星野" in line for line in log_of(head)), log_of(head)


# --- 退回 -----------------------------------------------------------------------------------------------------------


def test_the_unit_gets_back_what_it_had_written_and_sends_it_again(demo: Served, sit_down: Callable[..., Desk]) -> None:
    case, why = case_of(demo, "13877110005"), "推荐意见没有写明任教学科，请单位重新出具"
    reviewer, head = sit_down("nn.hr1"), sit_down("qxs1.head")
    page = more(reviewer.take(case), "退回").page
    expect(page.get_by_role("heading", name="退回：资格审查")).to_be_visible()
    page.get_by_label("单位推荐").check()
    page.get_by_label("理由").fill(why)
    reviewer.press("退回").reads("已退回到“单位推荐”")
    expect(reviewer.open("/inbox/").page.get_by_role("row").filter(has_text=case)).to_have_count(0)

    head.take(case).reads("莫丽芳从“资格审查”退回，请重新办理", why)
    head.answer("conflict_declared", ["否"])
    expect(head.page.locator("#f-months_claimed")).to_be_visible()
    before = head.settle().typed()
    assert before["discipline_record"] == ["无"]
    corrected = "陈静怡老师任教小学英语，教学功底扎实，课堂教学效果好，所任班级学业质量稳定提升，深受学生和家长好评，是学校的骨干教师。"
    head.answer("teaching_performance", [corrected])
    head.send().reads("“单位推荐”已提交")
    acts.consent(sit_down("qx.bureau"), case, "陈静怡")

    reviewer.take(case).reads(corrected)
    told = log_of(reviewer.open(f"/instances/{case}").reads("资格审查", corrected, why))
    assert any("退回" in line and "莫丽芳" in line and why in line for line in told), told
    auditor = sit_down("gx.audit").open(f"/audit/cases/{case}").reads(why, "玉凤仙", "谭晓兰", "校验通过")
    assert sum("玉凤仙" in line for line in log_of(auditor)) >= 2, log_of(auditor)
