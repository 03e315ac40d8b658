"""A passkey in a real browser: Chromium with a device of its own (a virtual authenticator) that asks for PIN or finger."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.desk import Desk
from tests.serving import Served

#: A device of this computer that knows its owner.
DEVICE = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


def test_a_passkey_is_added_signs_in_alone_and_after_the_password(demo: Served, open_page: Callable[..., Page]) -> None:
    page = open_page()
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    one = device.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})["authenticatorId"]
    desk = Desk(page, demo.url.replace("127.0.0.1", "localhost")).sign_in("sy.hr1")
    desk.open("/account/").follow("添加通行密钥")
    page.get_by_label("名称").fill("办公室电脑")
    desk.press("添加")
    expect(page.get_by_role("heading", name="恢复码", level=1)).to_be_visible()
    desk.open("/account/")
    expect(page.locator("#passkeys")).to_contain_text("办公室电脑")
    expect(page.locator("#passkeys")).to_contain_text("未使用")

    page.context.clear_cookies()
    desk.open("/sign-in").press("用通行密钥登录")
    expect(page).not_to_have_url(re.compile("/sign-in"))
    desk.open("/account/")
    expect(page.locator("#passkeys")).not_to_contain_text("未使用")
    desk.open("/account/passkeys/new")
    page.get_by_label("名称").fill("再来一次")
    desk.press("添加")
    expect(page.get_by_role("alert")).to_have_text("这台设备上已经有您的通行密钥，不用再添加")

    page.context.clear_cookies()
    desk.open("/sign-in")
    page.get_by_label("手机号或账号").fill("sy.hr1")
    page.get_by_label("密码").fill("yanshi-sy.hr1")
    page.get_by_role("button", name="登录", exact=True).click()
    expect(page).to_have_url(re.compile("/sign-in/code"))
    device.send("WebAuthn.setUserVerified", {"authenticatorId": one, "isUserVerified": False})
    desk.press("用通行密钥验证")
    expect(page.get_by_role("alert")).to_have_text("没有完成：已取消，或等待超时。请再试一次")
    device.send("WebAuthn.setUserVerified", {"authenticatorId": one, "isUserVerified": True})
    desk.press("用通行密钥验证")
    expect(page).not_to_have_url(re.compile("/sign-in"))

    page.goto(desk.url + "/account/")
    page.locator("#passkeys").get_by_role("button", name="删除").click()
    desk.press("确定")
    expect(page.locator("#passkeys")).to_contain_text("还没有通行密钥")
    page.context.clear_cookies()
    desk.open("/sign-in").press("用通行密钥登录")
    expect(page.get_by_role("heading", name="通行密钥未通过验证")).to_be_visible()


def test_at_a_bare_network_address_the_page_says_where_passkeys_work(demo: Served, open_page: Callable[..., Page]) -> None:
    page = open_page(width=390, language="en")
    desk = Desk(page, demo.url).sign_in("sy.hr2").open("/account/passkeys/new")
    expect(page.get_by_role("link", name=f"http://localhost:{demo.port}/account/passkeys/new")).to_be_visible()
    desk.open("/account/")
