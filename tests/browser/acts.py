"""What people do at their desks, each a whole act on real pages: register, apply, recommend, consent, review."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from playwright.sync_api import expect

from tests.browser.desk import FORM, Desk, Suitcase
from webapp.demo import papers

PASSWORD = "Shuyuan-Gongke-2026"


def register(desk: Desk, name: str, phone: str, email: str) -> None:
    """Register as an applicant."""
    desk.open("/sign-in").follow("申请人注册")
    for label, text in {"姓名": name, "手机号": phone, "邮箱": email, "密码": PASSWORD, "再次输入密码": PASSWORD}.items():
        desk.page.get_by_label(label, exact=True).fill(text)
    desk.page.locator("main form button.btn-primary").click()
    expect(desk.page.get_by_role("heading", level=1)).to_have_text("注册完成")


def choose_round(desk: Desk, place: str) -> None:
    """From the start page to the form of a round, past its conditions."""
    desk.open("/instances/start")
    card = desk.page.locator("main section.card").filter(has=desk.page.get_by_role("heading", name=place)).last
    expect(card).to_contain_text("原则上")
    card.get_by_role("link", name="填写申报表").click()
    expect(desk.page.locator(FORM)).to_be_visible()


def application(desk: Desk, teacher: Mapping[str, Any]) -> tuple[dict[str, Any], Suitcase]:
    """Form A2 as that teacher fills it, with a file for each material that the page asks for."""
    materials = desk.page.locator('[data-rows-of="attachments"] > tr > td:first-child').all_inner_texts()
    bag = Suitcase()
    filled = papers.application(teacher, bag, [text.strip() for text in materials])  # type: ignore[arg-type]
    filled["current_unit"] = f"{teacher['school']}|{teacher['unit']}"
    del filled["attachments"]
    return filled, bag


def recommend(desk: Desk, case: str, name: str) -> None:
    """Form A3, as the school's head fills it: the months are those that the page shows as counted."""
    desk.take(case)
    counted = desk.page.locator("#f-months_claimed")
    desk.answer("conflict_declared", ["否"])
    expect(counted).to_be_visible()
    bag = Suitcase()
    filled = papers.recommendation(name, int(counted.inner_text()), bag)  # type: ignore[arg-type]
    desk.fill(filled, bag.files).send()
    expect(desk.page.get_by_role("heading", level=1)).to_contain_text("单位推荐")


def consent(desk: Desk, case: str, name: str) -> None:
    """Form A3b, as the home bureau fills it."""
    desk.take(case)
    bag = Suitcase()
    desk.fill(papers.bureau_opinion(name, bag), bag.files).send()  # type: ignore[arg-type]
    desk.reads("资格审查")


def judge(desk: Desk, conclusion: str, opinion: str = "", items: Sequence[tuple[str, str]] = ()) -> None:
    """Form A4, filled as a reviewer who has looked at everything; not sent."""
    desk.answer("conflict_declared", ["否"])
    expect(desk.page.locator('[name="qualification"]').first).to_be_visible()
    desk.settle()
    names = desk.page.locator(f"{FORM} [name]").evaluate_all("all => [...new Set(all.map(one => one.name))]")
    for name in names:
        if re.fullmatch(r"checked_documents\.\d+\.seen", name):
            desk.answer(name, ["是"])
        elif re.fullmatch(r"conditions_judgement\.\d+\.judgement", name):
            desk.answer(name, ["符合"])
        elif re.fullmatch(r"conditions_judgement\.\d+\.evidence", name):
            desk.answer(name, ["见单位推荐意见和业绩材料"])
    desk.answer("qualification", [conclusion])
    if opinion:
        desk.answer("opinion", [opinion])
    if items:
        desk.fill({"return_items": [{"field_key": key, "reason": reason} for key, reason in items]})
    desk.settle()
