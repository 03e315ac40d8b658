"""The inbox by keyboard, renewed while somebody works in it, and several tasks at once."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.desk import Desk

CHECKED = "input[name=task]:checked"


def test_rows_are_walked_selected_and_kept_while_the_list_renews_itself(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down("sy.hr1")
    page = desk.page
    page.clock.install()
    desk.open("/inbox/?tab=todo")
    links = page.locator("#inbox-list tbody a[href^='/tasks/']")
    expect(links.nth(1)).to_be_visible()
    page.keyboard.press("j")
    expect(links.nth(0)).to_be_focused()
    page.keyboard.press("x")
    page.keyboard.press("j")
    expect(links.nth(1)).to_be_focused()
    expect(page.locator("[data-checked]")).to_have_text("已选 1 项")
    page.locator("form[role=search] input[name=q]").fill("还没有打完")
    links.nth(1).focus()
    page.evaluate("document.querySelector('#inbox-list').dataset.old = '1'")
    with page.expect_response(lambda answer: "/inbox/" in answer.url) as renewed:
        page.clock.fast_forward(61_000)
    assert renewed.value.request.headers["x-background"] == "1"
    expect(page.locator("#inbox-list[data-old]")).to_have_count(0)
    expect(page.locator(CHECKED)).to_have_count(1)
    expect(page.locator("[data-checked]")).to_have_text("已选 1 项")
    expect(links.nth(1)).to_be_focused()
    expect(page.locator("form[role=search] input[name=q]")).to_have_value("还没有打完")
    page.keyboard.press("k")
    page.keyboard.press("x")
    expect(page.locator(CHECKED)).to_have_count(0)
    page.keyboard.press("?")
    expect(page.locator("#keys-help")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/tasks/"))


def test_what_is_selected_is_claimed_and_given_back_with_a_list(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down("sy.hr1").open("/inbox/?tab=todo&whose=group")
    page = desk.page
    page.locator("[data-check-all]").check()
    count = page.locator(CHECKED).count()
    assert count > 1
    page.locator("#bulk button[value=claim]").click()
    expect(page.locator("#results")).to_contain_text(f"已完成 {count} 项，未完成 0 项")
    desk.open("/inbox/?tab=todo&whose=mine")
    page.locator("[data-check-all]").check()
    page.locator("#bulk button[value=unclaim]").click()
    expect(page.locator("#results")).to_contain_text("未完成 0 项")
