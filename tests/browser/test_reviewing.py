"""Reviewing by real people: two at once, by keyboard alone, without script, and over hostile text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, Dialog, Page, expect

from tests.browser import acts
from tests.browser.desk import FORM, Desk
from tests.browser.site_map import NEW, Demo
from tests.serving import Served

OPINION = "材料齐全，条件逐项符合，同意进入下一环节。"
#: Text that must stand on every page as it was typed and do nothing.
HOSTILE = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'\"--></style></textarea><svg onload=alert(1)>",
    "{{7*7}}${7*7}<%= 7*7 %>", "javascript:alert(1)//<a href=javascript:alert(1)>看</a>", "=HYPERLINK(\"http://x\",\"点\")",
)  # fmt: skip


def case_of(demo: Served, phone: str) -> str:
    """Number of the case of a demo applicant."""
    found = Demo(demo.data)
    number = found.all("SELECT i.number FROM instance i JOIN person p ON p.id = i.starter_id WHERE p.phone = ?", phone)[0]
    found.close()
    return str(number)


def test_of_two_reviewers_at_once_the_second_is_told_and_loses_nothing(demo: Served, sit_down: Callable[..., Desk]) -> None:
    case = case_of(demo, "13840010003")
    first, second = sit_down("sy.hr1").take(case), sit_down("sy.hr2").take(case)
    acts.judge(first, "合格")
    acts.judge(second, "合格", OPINION)
    first.send()
    with second.page.expect_navigation() as answered:
        second.press("提交")
    assert answered.value is not None
    assert answered.value.status == 409
    second.reads("吴立新", "没有提交", OPINION, "见单位推荐意见和业绩材料")
    second.follow("查看办件").reads("资格合格")
    second.open("/inbox/")
    expect(second.page.get_by_role("row").filter(has_text=case)).to_have_count(0)


def test_a_review_by_keyboard_alone(demo: Served, sit_down: Callable[..., Desk]) -> None:
    case = case_of(demo, "13877110003")
    desk = sit_down("nn.hr1").open("/inbox/")
    keys = desk.page.keyboard
    focused = """() => {
        const one = document.activeElement;
        return [one.localName, one.type || '', one.name || '', one.value || '', one.textContent.trim()];
    }"""

    def tab_to(wanted: Callable[[list[str]], bool], limit: int = 200) -> list[str]:
        for _ in range(limit):
            keys.press("Tab")
            here: list[str] = desk.page.evaluate(focused)
            if wanted(here):
                return here
        raise AssertionError(f"the Tab key does not reach it; last at {here}")

    keys.press("Tab")
    assert desk.page.evaluate(focused)[4] == "跳到正文"
    keys.press("Enter")
    row = desk.page.get_by_role("row").filter(has_text=case).get_by_role("link").first
    address = row.get_attribute("href")
    for _ in range(100):
        keys.press("Tab")
        if desk.page.evaluate("document.activeElement.getAttribute('href')") == address:
            break
    keys.press("Enter")
    expect(desk.page.locator(FORM)).to_be_visible()

    def choose(name: str, value: str) -> None:
        """Go to a group of round buttons and pick one with the arrow keys."""
        at = tab_to(lambda here: here[2] == name)
        if at[3] == value:
            keys.press("Space")
        for _ in range(6):
            if desk.page.evaluate(focused)[3] == value and desk.page.locator(f'[name="{name}"]:checked').count():
                break
            keys.press("ArrowDown")
        expect(desk.page.locator(f'[name="{name}"][value="{value}"]')).to_be_checked()
        desk.settle()

    choose("conflict_declared", "否")
    expect(desk.page.locator('[name="qualification"]').first).to_be_visible()
    rows = desk.page.locator('[data-rows-of="checked_documents"] > tr').count()
    for row_number in range(rows):
        choose(f"checked_documents.{row_number}.seen", "是")
    for row_number in range(desk.page.locator('[data-rows-of="conditions_judgement"] > tr').count()):
        choose(f"conditions_judgement.{row_number}.judgement", "符合")
        tab_to(lambda here, name=f"conditions_judgement.{row_number}.evidence": here[2] == name)  # type: ignore[misc]
        keys.insert_text("见推荐意见")
    choose("qualification", "不合格")
    tab_to(lambda here: here[2] == "opinion")
    keys.insert_text("经核对一线教学经历，未达到本批次的资格条件。")
    tab_to(lambda here: here[0] == "button" and here[4] == "提交")
    keys.press("Enter")
    desk.reads("接下来", "可申请复核")


def test_a_form_without_script(demo: Served, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, locale="zh-CN")
    page = context.new_page()
    page.goto(f"{demo.url}/sign-in")
    page.fill("#sign_in_name", "13877110002")
    page.fill("#password", "yanshi-13877110002")
    page.click("main form button.btn-primary")
    page.goto(f"{demo.url}/inbox/")
    page.locator("main table a").first.click()
    page.locator('[name=apply][value="申请复核"]').check()
    page.locator(".action-bar .btn-primary").click()
    reason = page.locator("[name=review_reason]")
    expect(page.locator("#form-errors")).to_contain_text("复核理由")
    expect(page.locator('[name=apply][value="申请复核"]')).to_be_checked()
    reason.fill("本人认为支教期间的课堂教学应当计入一线教学经历，恳请核对支教证明后重新审查。")
    page.locator(".action-bar .btn-primary").click()
    expect(page.locator("main")).to_contain_text("资格复核")
    context.close()


def test_hostile_text_is_shown_and_never_run(demo: Served, sit_down: Callable[..., Desk]) -> None:
    heard: list[str] = []

    def refuse(dialog: Dialog) -> None:
        heard.append(dialog.message)
        dialog.dismiss()

    def listening(desk: Desk) -> Desk:
        desk.page.on("dialog", refuse)
        return desk

    applicant = listening(sit_down(NEW))
    acts.choose_round(applicant, "沈阳市教育研究院")
    who: dict[str, Any] = {
        "name": "叶知秋", "phone": NEW, "born": "1987-03-09", "unit": "ln-sy-hp-s1", "school": "南湖第三", "subject": "语文",
        "stage": "小学", "post": "p1", "title": "高级",
        "history": [["2009-09-01", "", HOSTILE[1], "中小学", "课堂教学"]],
    }  # fmt: skip
    filled, bag = acts.application(applicant, who)
    filled |= {"full_name": HOSTILE[0], "current_post": HOSTILE[2], "teacher_cert_no": HOSTILE[3], "cert_scope": HOSTILE[4][:60]}
    filled["statement"] = "\n".join(HOSTILE) + filled["statement"]
    filled["education"][0] |= {"major": HOSTILE[0], "school": HOSTILE[2]}
    filled["achievements"][0] |= {"name": HOSTILE[5], "rank": HOSTILE[0]}
    files = [(name, {**file, "name": f"<img src=x onerror=alert(1)>{file['name']}"}) for name, file in bag.files]
    applicant.fill(filled, files)  # type: ignore[arg-type]
    applicant.send("下一步：通读核对")
    _stands(applicant.page)
    applicant.press("确认提交")
    case = applicant.number()
    _stands(applicant.open(f"/instances/{case}").page)
    head = listening(sit_down("hps1.head")).take(case)
    _stands(head.page)
    auditor = listening(sit_down("ln.audit")).open("/audit/?person=叶知秋")
    auditor.follow(case) if auditor.page.get_by_role("link", name=case).count() else auditor.open(f"/audit/cases/{case}")
    auditor.page.locator("input[name=purpose]").first.fill(HOSTILE[1])
    auditor.page.locator("form:has(input[name=purpose]) button").first.click()
    _stands(auditor.page)
    assert heard == []


def _stands(page: Page) -> None:
    """The text stands on the page as it was typed, and made no element."""
    page.locator("main details").evaluate_all("all => all.forEach(one => { one.open = true })")
    for text in HOSTILE[:4]:
        expect(page.locator("main")).to_contain_text(re.sub(r"\s+", " ", text))
    assert page.locator("main [onerror], main [onload], main a[href^=javascript], main script").count() == 0
