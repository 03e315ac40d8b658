"""Two applications, from registering to the auditor's file, each step by another person at a browser of their own.

Liaoning: the county bureau consents, the papers come back once, the applicant qualifies. Guangxi: the school is the
hiring bureau's own, so its consent is asked of nobody; the applicant, who does all on a phone, is refused by the rules
and asks for reconsideration. The server is restarted midway in both.
"""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import openpyxl
from playwright.sync_api import expect

from tests.browser import acts
from tests.browser.town import Town
from tests.browsing import NARROW

REASON = "本人认为支教期间的课堂教学应当计入一线教学经历，支教学校可以出具证明，恳请核对后重新审查。"
TODAY = date.today()  # noqa: DTZ011 - only years are taken from it


def teacher(**known: Any) -> dict[str, Any]:
    """A new applicant who has taught since 2009 and fulfils every condition unless something else is said."""
    return {"born": "1987-03-09", "subject": "语文", "stage": "小学", "post": "p1", "title": "高级", **known}


def test_liaoning_returned_for_correction_and_qualified(town: Town, tmp_path: Path) -> None:
    name, phone = "沈砚秋", "13940027001"
    who = teacher(
        name=name, phone=phone, unit="ln-sy-hp-s1", school="南湖第三",
        history=[["2009-09-01", "2015-08-31", "康平县卧龙湖中心小学", "中小学", "课堂教学"],
                 ["2015-09-01", "", "和平区南湖第三小学", "中小学", "课堂教学"]],
    )  # fmt: skip
    applicant = town.visitor()
    acts.register(applicant, name, phone, "shen.yanqiu@example.com")
    applicant.open(town.mail.link("请确认您的邮箱")).press("确认邮箱")
    applicant.reads("邮箱已确认")

    # A draft is saved by itself, and is there again in another browser.
    applicant.sign_in(phone, acts.PASSWORD)
    acts.choose_round(applicant, "沈阳市教育研究院")
    filled, bag = acts.application(applicant, who)
    half = dict(list(filled.items())[:14])
    applicant.fill(half)
    expect(applicant.page.locator("#saved-at time")).to_be_visible()
    applicant.press("保存草稿")
    applicant.reads("草稿已保存")
    before = applicant.typed()
    applicant.page.context.close()
    applicant = town.visitor().sign_in(phone, acts.PASSWORD)
    acts.choose_round(applicant, "沈阳市教育研究院")
    assert applicant.typed() == before
    assert before["full_name"] == [name]

    # Sent too early: every gap is told beside its field and on top, and nothing typed is lost.
    applicant.press("下一步：通读核对")
    errors = applicant.page.locator("#form-errors")
    expect(errors).to_contain_text("处需要更正")
    expect(errors).to_be_focused()
    assert applicant.typed()["full_name"] == [name]
    assert applicant.page.locator(".field-error").count() > 10

    rest = {key: value for key, value in filled.items() if key not in half}
    applicant.fill(rest, bag.files)
    applicant.send("下一步：通读核对")
    applicant.reads("请通读核对", name, "康平县卧龙湖中心小学", f"{name}-身份证.pdf")
    applicant.press("返回修改")
    assert applicant.typed()["full_name"] == [name]
    applicant.send("下一步：通读核对").press("确认提交")
    applicant.reads("已受理您的申报", "单位推荐", "和平区南湖第三小学")
    case = applicant.number()
    assert case.startswith("LN-")
    assert case in town.mail.next("已收到您的申报")[1]

    acts.recommend(town.official("hps1.head"), case, name)
    acts.consent(town.official("hp.bureau"), case, name)

    # The reviewer sees the ruling with its clause, and sends the papers back: every item at once.
    reviewer = town.official("sy.hr1").take(case)
    reviewer.reads("教学经历", "辽宁实施意见 第12条", "由规则自动判定，不代替人的决定")
    acts.judge(reviewer, "退回补正", "请一次性补正以下事项，其他材料已核对无误。",
               [("annual_appraisals", "请核对最近一年的考核结果"), ("cert_scope", "请写明学段和学科")])  # fmt: skip
    reviewer.send().reads("一次性补正")

    town.served.restart()

    # The applicant, still signed in, finds each item beside its field; nothing else can be changed.
    to, letter = town.mail.next("请补正您的申报材料")
    assert to == "shen.yanqiu@example.com"
    assert case in letter
    applicant.take(case)
    items = applicant.page.locator(".returned-item")
    expect(items).to_have_count(2)
    expect(applicant.page.locator(".field", has_text="资格证学段学科").locator(".returned-item")).to_contain_text("请写明学段和学科")
    offered = set(applicant.typed())
    assert {re.sub(r"\.\d+\..*", "", one) for one in offered} <= {
        "annual_appraisals", "cert_scope", "annual_appraisals_reason", "truth_commitment",
    }, offered  # fmt: skip
    applicant.answer("cert_scope", ["小学语文（含道德与法治）"])
    last_year = applicant.page.locator('[name$=".result"]').last.get_attribute("name")
    applicant.answer(str(last_year), ["优秀"])
    if applicant.page.locator('[name="truth_commitment"]').count():
        applicant.answer("truth_commitment", ["true"])
    applicant.send("下一步：通读核对").reads("小学语文（含道德与法治）")
    applicant.press("确认提交").reads("资格审查")

    reviewer.take(case)
    reviewer.reads("小学语文（含道德与法治）")
    acts.judge(reviewer, "合格")
    reviewer.send()

    applicant.open(f"/instances/{case}").reads("资格合格", "准考证号")
    ticket = applicant.page.locator("dt", has_text="准考证号").locator("+ dd").inner_text()
    assert re.fullmatch(r"\S{6,}", ticket), ticket
    assert ticket in town.mail.next("资格审查结果：合格")[1]

    # The office clock of a demo can be moved, and every page says so.
    town.command("clock", "advance", "5wd")
    moved = str(applicant.open("/instances/start").page.locator(".clock-moved").inner_text())
    assert re.search(r"\d{4}-\d\d-\d\d", moved)[0] >= (TODAY + timedelta(days=5)).isoformat(), moved  # type: ignore[index]
    assert "已向前调整" in moved

    _audited(town, "ln.audit", case, name, tmp_path, [name, "韩秀英", "蒋丽娜", "吴立新"], "小学语文（含道德与法治）")


def test_guangxi_refused_and_upheld(town: Town, tmp_path: Path) -> None:
    name, phone = "韦知夏", "13977127002"
    taught = TODAY.year - 4
    who = teacher(
        name=name, phone=phone, unit="gx-nn-s1", school="邕江高级", subject="物理", stage="高中", post="p3", title="一级",
        history=[[f"{taught}-09-01", "", "南宁市邕江高级中学", "中小学", "课堂教学"]],
    )  # fmt: skip
    applicant = town.visitor(NARROW)
    acts.register(applicant, name, phone, "wei.zhixia@example.com")
    applicant.open(town.mail.link("请确认您的邮箱")).press("确认邮箱")
    applicant.sign_in(phone, acts.PASSWORD)
    acts.choose_round(applicant, "南宁市教育科学研究所")
    filled, bag = acts.application(applicant, who)
    applicant.fill(filled, bag.files)
    assert applicant.page.evaluate("document.documentElement.scrollWidth") <= NARROW
    applicant.send("下一步：通读核对").press("确认提交")
    applicant.reads("已受理您的申报", "单位推荐", "南宁市邕江高级中学")
    case = applicant.number()

    acts.recommend(town.official("nns1.head"), case, name)
    reviewer = town.official("nn.hr1").take(case)  # no consent: the school belongs to the hiring bureau
    reviewer.reads("一线", "广西实施意见 第13条")

    town.served.restart()

    acts.judge(reviewer, "不合格", "教学经历未满六年，不符合本批次资格条件。")
    reviewer.send()

    applicant.take(case).reads("广西实施意见")
    applicant.fill({"apply": "申请复核", "review_reason": REASON}).send().reads("资格复核")

    # Whoever refused cannot decide again: another person upholds.
    reviewer.open("/inbox/")
    expect(reviewer.page.get_by_role("row").filter(has_text=case)).to_have_count(0)
    second = town.official("nn.hr2").take(case)
    second.reads("本人认为")
    acts.judge(second, "不合格", "经复核，一线教学经历仍未达到规定年限，维持原结论。")
    second.send()
    applicant.open(f"/instances/{case}").reads("已办结", "资格不符合")
    assert applicant.page.evaluate("document.documentElement.scrollWidth") <= NARROW

    _audited(town, "gx.audit", case, name, tmp_path, [name, "邓承志", "莫丽芳", "蓝海波"], "不合格")


def _audited(town: Town, auditor: str, case: str, name: str, folder: Path, acted: list[str], said: str) -> None:
    """The auditor finds the case by its person, reads who really acted, exports it, and the record holds."""
    desk = town.official(auditor).open("/audit/")
    desk.page.get_by_label("申请人").fill(name)
    desk.press("查找")
    desk.follow(name).reads("办件卷宗", case, *acted, "校验通过")
    expect(desk.page.locator(".diagram")).to_have_attribute("data-drawn", "done")
    assert desk.page.locator(".diagram .djs-element.path-done").count() > 8
    log = desk.page.locator("#log .case-log > li")
    told = " ".join(log.all_inner_texts())
    places = [told.index(one) for one in acted]
    assert places == sorted(places), told
    assert said in told
    expect(desk.page.locator("#rulings")).to_contain_text("实施意见")
    expect(desk.page.locator("main")).not_to_contain_text(re.compile(r"\d{17}[\dX]"))

    with desk.page.expect_download() as download:
        desk.page.get_by_role("link", name=re.compile("xlsx")).click()
    taken = folder / download.value.suggested_filename
    download.value.save_as(taken)
    assert taken.name == f"{case}.xlsx"
    book = openpyxl.load_workbook(taken, read_only=True)
    cells = [[str(cell) for cell in row if cell is not None] for sheet in book for row in sheet.iter_rows(values_only=True)]
    book.close()
    text = "\n".join("\t".join(row) for row in cells)
    for one in [case, *acted, said]:
        assert one in text, f"{one} is not in the exported workbook"

    town.command("audit", "verify")
    out = folder / "case.json"
    town.command("audit", "export", "--instance", case, "--format", "json", "--out", str(out))
    file = json.loads(out.read_text(encoding="utf-8"))
    assert case in json.dumps(file, ensure_ascii=False)
    for one in acted:
        assert one in out.read_text(encoding="utf-8")
