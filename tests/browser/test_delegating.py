"""A review delegated, filled in by a colleague and sent by its holder (委派, 办后返回), with script and without."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import acts
from tests.browser.desk import FORM, Desk
from tests.browser.test_reviewing import case_of
from tests.serving import Served

WHY = "外出督导一周，请先逐项核对材料"
NOTE = "材料已逐项核对，教龄证明请再看一眼"
OPINION = "学历、教龄、职称材料齐全，与原件一致。"


@pytest.mark.parametrize(("phone", "script"), [("13840010003", True), ("13840010002", False)])
def test_a_review_goes_to_a_colleague_and_comes_back(
    demo: Served, open_page: Callable[..., Page], browser: Browser, phone: str, script: bool
) -> None:
    case = case_of(demo, phone)

    def sits(name: str) -> Desk:
        page = open_page() if script else browser.new_context(java_script_enabled=False, locale="zh-CN").new_page()
        return Desk(page, demo.url).sign_in(name)

    def opens(desk: Desk) -> Page:
        desk.open("/inbox/").page.get_by_role("row").filter(has_text=case).get_by_role("link").first.click()
        expect(desk.page.locator(FORM)).to_be_visible()
        return desk.page

    holder, worker = sits("sy.hr1"), sits("sy.hr2")
    page = opens(holder)
    expect(page.locator("details.more")).not_to_have_attribute("open", "")
    holder.press("认领")
    page.locator("[name=opinion]").fill("先看学历")
    page.get_by_text("更多操作").click()
    holder.press("委派")
    expect(page.get_by_role("heading", name="委派：资格审查")).to_be_visible()
    to = page.get_by_label("委派给谁")
    if script:
        with page.expect_response(lambda answer: "/colleagues" in answer.url) as offered:
            to.fill("郑晓")
        assert "郑晓燕（" in offered.value.text()
    to.fill("郑晓燕")
    page.get_by_label("理由").fill(WHY)
    holder.press("委派").reads("已委派郑晓燕办理，办后返回")
    expect(page.get_by_role("row").filter(has_text=case)).to_contain_text("已委派郑晓燕")

    page = opens(worker)
    worker.reads("吴立新委派您办理，办后返回", WHY)
    expect(page.locator("[name=opinion]")).to_have_value("先看学历")
    expect(page.get_by_role("button", name="提交", exact=True)).to_have_count(0)
    page.locator("[name=opinion]").fill(OPINION)
    worker.press("办后返回").reads("请说明理由")
    expect(page.locator("[name=opinion]")).to_have_value(OPINION)
    page.get_by_label("返回时的意见").fill(NOTE)
    worker.press("办后返回").reads("已返回吴立新")
    expect(page.get_by_role("row").filter(has_text=case)).to_have_count(0)

    page = opens(holder)
    holder.reads("郑晓燕已办后返回，请核对后提交", NOTE)
    expect(page.locator("[name=opinion]")).to_have_value(OPINION)
    if script:
        acts.judge(holder, "合格", OPINION)
        holder.send()
    holder.open(f"/instances/{case}").reads("委派任务", "吴立新 → 郑晓燕", "办后返回", "郑晓燕 → 吴立新", NOTE, WHY)
