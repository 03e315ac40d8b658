"""Passkeys: added, used as second step, alone, and to prove oneself again; and everything that must not pass for one."""

from __future__ import annotations

import copy
import html
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from tests.passkey_device import PRESENT, SYNCABLE, VERIFIED, Device
from tests.webapp.conftest import PASSWORD, Browser, House
from tests.webapp.test_second_factor import kinds, set_up
from workflows.models import Account, Notice, Passkey, RecoveryCode, SecondFactor, SpentChallenge

Words = Callable[[TestResponse], str]
NEW, REMOVE = "/account/passkeys/new", "/account/passkeys/remove"


@pytest.fixture
def li(house: House) -> str:
    return house.person("li", ("ln-jyt", "bureau_hr"))


def options(page: TestResponse) -> str:
    """What the page asks the browser for."""
    found = re.search(r'data-passkey-options="([^"]+)"', page.get_data(as_text=True))
    assert found, page.get_data(as_text=True)
    return html.unescape(found[1])


def add(browser: Browser, device: Device, name: str = "办公室电脑") -> TestResponse:
    return browser.post(NEW, {"name": name, "passkey": device.create(options(browser.get(NEW)))})


def with_passkey(house: House, device: Device | None = None, name: str = "li") -> tuple[Browser, Device]:
    """Somebody who has signed in and added a passkey."""
    browser, device = house.browser(), device or Device()
    browser.sign_in(name)
    assert add(browser, device).status_code == 200, "the recovery codes"
    return browser, device


def half_way(house: House, name: str = "li") -> tuple[Browser, str]:
    """A browser that has given the password, and what its page asks for."""
    browser = house.browser()
    assert browser.sign_in(name).headers["Location"] == "/sign-in/code"
    return browser, options(browser.get("/sign-in/code"))


def alone(house: House, device: Device) -> TestResponse:
    browser = house.browser()
    return browser.post("/sign-in/passkey", {"passkey": device.get(options(browser.get("/sign-in")))})


def test_a_passkey_is_the_second_step_and_is_shown_with_its_last_use(house: House, li: str, words: Words) -> None:
    browser, other = house.browser(), house.browser()
    browser.sign_in("li")
    other.sign_in("li")
    device = Device()
    added = add(browser, device)
    assert len(re.findall(r'class="digest">[a-z2-9]{5}-[a-z2-9]{5}<', added.get_data(as_text=True))) == 10
    assert other.get("/notices/").status_code == 302, "every other browser is signed out"
    assert "办公室电脑" in words(browser.get("/account/")) and "未使用" in words(browser.get("/account/"))
    again, asked = half_way(house)
    assert again.get("/notices/").headers["Location"].startswith("/sign-in?"), "the password alone opens nothing"
    assert again.post("/sign-in/code", {"passkey": device.get(asked)}).status_code == 302
    assert again.get("/notices/").status_code == 200
    assert "未使用" not in words(again.get("/account/"))
    assert kinds(house, li)[-2:] == ["passkey:added", "sign_in:succeeded"]
    with house.database.read() as session:
        assert session.execute(select(Notice.kind)).scalars().all() == ["passkey_added"]


def test_a_recovery_code_stands_in_for_a_passkey_and_wrong_ones_lock(house: House, li: str) -> None:
    browser = house.browser()
    browser.sign_in("li")
    page = add(browser, Device()).get_data(as_text=True)
    [first, *_] = re.findall(r'class="digest">([a-z2-9]{5}-[a-z2-9]{5})<', page)
    again, _ = half_way(house)
    assert again.post("/sign-in/code", {"code": first}).status_code == 302
    for turn in range(5):
        late, _ = half_way(house)
        assert late.post("/sign-in/code", {"code": f"00000{turn}"}).status_code == 401
    assert house.browser().sign_in("li").status_code == 401, "five wrong codes lock, though there is no device with codes"
    assert kinds(house, li)[-2:] == ["account:locked", "sign_in:failed"]


def test_what_is_no_answer_of_this_key_for_this_site_proves_nothing(house: House, li: str) -> None:
    _, device = with_passkey(house)
    house.restart(lockout_attempts=100)
    for bent in (
        {"origin": "https://evil.example"}, {"domain": "evil.example"}, {"flags": PRESENT}, {"flags": 0},
        {"credential": b"another device's"}, {"key": Device().key}, {"owner": b"another account's"},
    ):  # fmt: skip
        again, asked = half_way(house)
        liar = replace(device, **bent)  # type: ignore[arg-type]
        assert again.post("/sign-in/code", {"passkey": liar.get(asked)}).status_code == 401, bent
        assert alone(house, liar).status_code == 401, bent
        assert again.get("/notices/").status_code == 302, bent
    assert alone(house, replace(device, used=5)).status_code == 302, "the same key, honestly"


def test_junk_is_refused_and_never_an_error(house: House, li: str) -> None:
    house.restart(lockout_attempts=100)
    browser, _ = with_passkey(house)
    for junk in ("x", "[]", "{}", '{"id": 1}', "null", "9" * 30_000, '{"id": "a", "rawId": "a", "type": "public-key"}', "{" * 900):
        assert browser.post(NEW, {"name": "手机", "passkey": junk}).status_code == 422, junk
        assert half_way(house)[0].post("/sign-in/code", {"passkey": junk}).status_code == 401, junk
        assert house.browser().post("/sign-in/passkey", {"passkey": junk}).status_code == 401, junk
        assert browser.post("/account/proof", {"passkey": junk}).status_code == 401, junk


def test_an_answer_counts_once_for_one_page_and_not_for_long(house: House, li: str) -> None:
    _, device = with_passkey(house)
    device.counts, device.used = False, 0
    with house.database.write() as session:
        session.execute(update(Passkey).values(sign_count=0))
    again, asked = half_way(house)
    answer = device.get(asked)
    assert house.browser().post("/sign-in/passkey", {"passkey": answer}).status_code == 401, "asked for the second step"
    assert again.post("/sign-in/code", {"passkey": answer}).status_code == 302
    late, _ = half_way(house)
    assert late.post("/sign-in/code", {"passkey": answer}).status_code == 401, "it was used"
    late, asked = half_way(house)
    answer = device.get(options(house.browser().get("/sign-in")))
    house.watch.later(minutes=31)
    assert house.browser().post("/sign-in/passkey", {"passkey": answer}).status_code == 401, "the page lay open too long"
    assert alone(house, device).status_code == 302
    with house.database.read() as session:
        assert len(session.execute(select(SpentChallenge.digest)).all()) == 1, "what is too old anyway is not kept"


def test_a_challenge_of_another_account_or_another_installation_is_none(house: House, li: str) -> None:
    _, device = with_passkey(house)
    house.person("wang")
    mate, key = with_passkey(house, name="wang")
    house.watch.later(minutes=11)
    asked = options(mate.get("/account/proof"))
    again, _ = half_way(house)
    assert again.post("/sign-in/code", {"passkey": device.get(asked)}).status_code == 401
    assert again.post("/sign-in/code", {"passkey": key.get(options(again.get("/sign-in/code")))}).status_code == 401, "wang's key for li"
    before = options(house.browser().get("/sign-in"))
    house.app.config["SECRET_KEY"] = b"another installation's key......"
    assert house.browser().post("/sign-in/passkey", {"passkey": device.get(before)}).status_code == 401


def test_a_row_that_was_copied_to_another_account_opens_nothing(house: House, li: str) -> None:
    _, device = with_passkey(house)
    house.person("wang")
    with house.database.write() as session:
        wang = session.execute(select(Account.id).where(Account.sign_in_name == "wang")).scalar_one()
        session.execute(update(Passkey).values(account_id=wang))
        assert "public" not in session.execute(select(Passkey.public_key)).scalar_one()
    device.owner = b""
    assert alone(house, device).status_code == 401


def test_a_copied_key_is_refused_recorded_and_its_owner_told(house: House, li: str) -> None:
    _, device = with_passkey(house)
    copied = copy.copy(device)
    assert alone(house, device).status_code == 302
    assert alone(house, copied).status_code == 401, "it counts from where it was copied"
    again, asked = half_way(house)
    copied.used = 0
    assert again.post("/sign-in/code", {"passkey": copied.get(asked)}).status_code == 401
    assert kinds(house, li)[-2:] == ["passkey:doubted", "passkey:doubted"]
    with house.database.read() as session:
        assert session.execute(select(Notice.kind)).scalars().all().count("passkey_doubted") == 2


@pytest.mark.parametrize(("setting", "clerk", "chief"), [("nobody", False, False), ("others", True, False), ("everybody", True, True)])
def test_whom_a_passkey_alone_signs_in_is_the_installations_choice(
    house: House, li: str, words: Words, setting: str, clerk: bool, chief: bool
) -> None:
    house.person("chief", ("ln-jyt", "auditor"))
    _, device = with_passkey(house)
    _, other = with_passkey(house, name="chief")
    asked = [options(house.browser().get("/sign-in")) for _ in range(2)]
    house.restart(passkey_alone=setting)
    for one, allowed in ((device, clerk), (other, chief)):
        browser = house.browser()
        answer = browser.post("/sign-in/passkey", {"passkey": one.get(asked.pop())})
        assert (answer.status_code == 302) is allowed
        assert (browser.get("/notices/").status_code == 200) is allowed
        if not allowed:
            assert "须先输入密码" in words(answer)
    assert ("用通行密钥登录" in words(house.browser().get("/sign-in"))) is (setting != "nobody")


def test_alone_it_opens_no_account_that_is_closed_or_locked(house: House, li: str, security: Browser) -> None:
    _, device = with_passkey(house)
    act = f"/administration/people/{li}/account/"
    security.post(act + "disable")
    assert alone(house, device).status_code == 401
    security.post(act + "enable")
    assert alone(house, device).status_code == 302
    for _ in range(5):
        house.browser().sign_in("li", "wrong")
    assert alone(house, device).status_code == 401


def test_refused_passkeys_lock_the_address_and_no_account(house: House, li: str) -> None:
    _, device = with_passkey(house)
    liar = replace(device, key=Device().key)
    for _ in range(50):
        assert alone(house, liar).status_code == 401
    assert alone(house, device).status_code == 401, "the address is locked"
    house.watch.later(minutes=16)
    assert alone(house, device).status_code == 302


@pytest.mark.parametrize("role", ["system_admin", "security_admin", "auditor"])
def test_administrators_may_have_a_passkey_in_place_of_codes_and_keep_one(house: House, role: str, words: Words) -> None:
    house.restart(second_factor="administrators")
    house.person("chief", ("ln-jyt", role))
    browser, device = house.browser(), Device()
    browser.sign_in("chief")
    assert browser.get("/notices/").headers["Location"] == "/account/second-factor"
    assert NEW in browser.get("/account/second-factor").get_data(as_text=True)
    assert add(browser, device).status_code == 200
    assert browser.get("/notices/").status_code == 200
    assert browser.post(REMOVE, {"credential": _own(house)[0]}).status_code == 303
    assert "您的角色必须使用二次验证，不能关闭" in words(browser.get("/account/"))
    assert add(browser, Device(), "安全密钥").status_code == 303
    assert browser.post(REMOVE, {"credential": _own(house)[0]}).status_code == 303
    assert len(_own(house)) == 1


def _own(house: House) -> list[str]:
    with house.database.read() as session:
        return list(session.execute(select(Passkey.credential_id).order_by(Passkey.id)).scalars())


def test_with_the_last_one_the_recovery_codes_go_and_the_password_is_enough(house: House, li: str) -> None:
    browser, device = with_passkey(house)
    set_up(house, browser)
    assert browser.post(REMOVE, {"credential": "nobody's"}).status_code == 404
    browser.post("/account/second-factor/remove")
    assert half_way(house), "the passkey is left"
    with house.database.read() as session:
        assert session.execute(select(RecoveryCode)).first() is not None
    browser.post(REMOVE, {"credential": _own(house)[0]})
    with house.database.read() as session:
        assert session.execute(select(RecoveryCode)).first() is None
    assert house.browser().sign_in("li").headers["Location"] == "/inbox/"
    assert alone(house, device).status_code == 401
    assert kinds(house, li)[-3:] == ["second_factor:removed", "passkey:removed", "sign_in:succeeded"]


def test_nobody_gives_up_a_passkey_of_another(house: House, li: str) -> None:
    with_passkey(house)
    house.person("wang")
    browser = house.browser()
    browser.sign_in("wang")
    assert browser.post(REMOVE, {"credential": _own(house)[0]}).status_code == 404
    assert len(_own(house)) == 1


def test_a_device_is_kept_once_with_a_name_and_ten_at_most(house: House, li: str, words: Words) -> None:
    browser, device = with_passkey(house)
    assert device.credential
    assert browser.post(NEW, {"name": "", "passkey": Device().create(options(browser.get(NEW)))}).status_code == 422
    assert browser.post(NEW, {"name": "甲" * 41, "passkey": Device().create(options(browser.get(NEW)))}).status_code == 422
    asked = options(browser.get(NEW))
    assert text_of(device) in asked, "the device is told that it is there already"
    assert browser.post(NEW, {"name": "又一个", "passkey": device.create(asked)}).status_code == 422
    silent = replace(Device(), flags=PRESENT)
    assert browser.post(NEW, {"name": "没有密码", "passkey": silent.create(options(browser.get(NEW)))}).status_code == 422
    assert browser.post(NEW, {"name": "没有脚本"}).status_code == 422
    for turn in range(9):
        assert add(browser, replace(Device(), flags=PRESENT | VERIFIED | SYNCABLE), f"第{turn}个").status_code == 303
    full = browser.post(NEW, {"name": "太多", "passkey": Device().create(options(browser.get(NEW)))})
    assert (full.status_code, "最多添加 10 个" in words(full)) == (422, True)
    assert "在您的多台设备间同步" in words(browser.get("/account/"))


def text_of(device: Device) -> str:
    from tests.passkey_device import text

    return text(device.credential)


def test_a_passkey_proves_who_one_is_before_a_sensitive_change(house: House, li: str) -> None:
    browser, device = with_passkey(house)
    house.watch.later(minutes=11)
    assert browser.get(NEW).headers["Location"] == f"/account/proof?next={NEW}"
    assert browser.post(REMOVE, {"credential": _own(house)[0]}).headers["Location"].startswith("/account/proof")
    page = browser.get(f"/account/proof?next={NEW}")
    liar = replace(device, key=Device().key)
    assert browser.post("/account/proof", {"passkey": liar.get(options(page)), "next": NEW}).status_code == 401
    old = browser.cookie()
    page = browser.get(f"/account/proof?next={NEW}")
    assert browser.post("/account/proof", {"passkey": device.get(options(page)), "next": NEW}).headers["Location"] == NEW
    assert browser.cookie() != old
    assert browser.get(NEW).status_code == 200
    assert kinds(house, li)[-2:] == ["second_factor:refused", "identity:proved"]


def test_the_security_administrator_resets_all_of_it(house: House, li: str, security: Browser, words: Words) -> None:
    browser, device = with_passkey(house)
    assert "通行密钥 1 个" in words(security.get(f"/administration/people/{li}"))
    assert security.post(f"/administration/people/{li}/account/second-factor").status_code == 302
    assert browser.get("/notices/").status_code == 302
    assert alone(house, device).status_code == 401
    assert house.browser().sign_in("li").headers["Location"] == "/inbox/"
    with house.database.read() as session:
        assert session.execute(select(Passkey)).first() is None
        assert session.execute(select(SecondFactor)).first() is None
    assert "second_factor:cleared" in kinds(house, li)


def test_under_an_address_that_no_passkey_knows_the_page_says_where_to_go(house: House, li: str, words: Words) -> None:
    browser = house.browser()
    browser.sign_in("li")
    page = browser.get(NEW, base_url="http://127.0.0.1")
    assert page.status_code == 302, "the cookie is another host's"
    assert "用通行密钥登录" not in words(browser.get("/sign-in", base_url="http://127.0.0.1"))
    house.restart(base_url="https://jiaoyan.example.edu.cn")
    other = house.browser()
    asked = other.get("/sign-in", base_url="https://jiaoyan.example.edu.cn")
    assert '"rpId": "jiaoyan.example.edu.cn"' in options(asked)
    assert PASSWORD not in asked.get_data(as_text=True)
