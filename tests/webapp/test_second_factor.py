"""The second step of signing in, recovery codes, and proving who one is before a sensitive change (trust.md 9, 10)."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.webapp.conftest import PASSWORD, Browser, House
from workflows import second_factor
from workflows.errors import CodeRefused
from workflows.models import Account, Event, Notice, RecoveryCode, SecondFactor, SignIn

Words = Callable[[TestResponse], str]


def code(house: House, secret: str, steps: int = 0) -> str:
    """What the device shows, or showed so many half minutes ago."""
    return pyotp.TOTP(secret).at(house.watch() + timedelta(seconds=30 * steps))


def set_up(house: House, browser: Browser) -> tuple[str, list[str]]:
    """Scan the secret, type the first code; the secret and the recovery codes."""
    page = browser.get("/account/second-factor").get_data(as_text=True)
    found = re.search(r'class="digest">([A-Z2-7 ]+)<', page)
    assert found
    assert "<svg" in page
    secret = found[1].replace(" ", "")
    done = browser.post("/account/second-factor", {"code": code(house, secret)})
    assert done.status_code == 200
    codes = re.findall(r'class="digest">([a-z2-9]{5}-[a-z2-9]{5})<', html.unescape(done.get_data(as_text=True)))
    house.watch.later(seconds=30)
    return secret, codes


def kinds(house: House, number: str) -> list[str]:
    with house.database.read() as session:
        return list(session.execute(select(Event.kind).where(Event.stream == f"person:{number}").order_by(Event.seq)).scalars())


@pytest.fixture
def li(house: House) -> str:
    return house.person("li", ("ln-jyt", "bureau_hr"))


def test_with_a_second_factor_the_password_alone_opens_nothing(house: House, li: str, words: Words) -> None:
    browser, other = house.browser(), house.browser()
    browser.sign_in("li")
    other.sign_in("li")
    secret, codes = set_up(house, browser)
    assert len(codes) == 10
    assert other.get("/notices/").status_code == 302, "every other browser is signed out"
    assert browser.get("/notices/").status_code == 200
    again = house.browser()
    assert again.sign_in("li", next="/inbox/?tab=done").headers["Location"].startswith("/sign-in/code?next=")
    half = again.cookie()
    for path in ("/notices/", "/inbox/", "/password", "/account/", "/account/second-factor"):
        assert again.get(path).headers["Location"].startswith("/sign-in?"), path
    assert "李晓岚" not in words(again.get("/public/")), "the browser is still nobody's"
    assert again.post("/sign-in/code", {"code": "000000"}).status_code == 401
    assert again.post("/sign-in/code?next=/inbox/?tab%3Ddone", {"code": code(house, secret)}).headers["Location"] == "/inbox/?tab=done"
    assert again.get("/notices/").status_code == 200
    stolen = house.browser()
    stolen.client.set_cookie("jiaoyan", str(half))
    assert stolen.get("/notices/").status_code == 302, "the token of the first step is dead"
    assert stolen.get("/sign-in/code").headers["Location"] == "/sign-in"
    assert kinds(house, li)[-3:] == ["second_factor:added", "second_factor:refused", "sign_in:succeeded"]


@pytest.mark.parametrize(("steps", "fits"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_is_good_for_half_a_minute_more_or_less(house: House, li: str, steps: int, fits: bool) -> None:
    browser = house.browser()
    browser.sign_in("li")
    secret, _ = set_up(house, browser)
    house.watch.later(minutes=2)
    again = house.browser()
    again.sign_in("li")
    assert (again.post("/sign-in/code", {"code": code(house, secret, steps)}).status_code == 302) is fits


def test_a_code_counts_once_and_no_earlier_one_after_it(house: House, li: str) -> None:
    browser = house.browser()
    browser.sign_in("li")
    secret, _ = set_up(house, browser)
    house.watch.later(minutes=2)
    first, second = house.browser(), house.browser()
    first.sign_in("li")
    second.sign_in("li")
    used, earlier = code(house, secret), code(house, secret, -1)
    assert first.post("/sign-in/code", {"code": used}).status_code == 302
    assert second.post("/sign-in/code", {"code": used}).status_code == 401
    assert second.post("/sign-in/code", {"code": earlier}).status_code == 401
    house.watch.later(seconds=30)
    assert second.post("/sign-in/code", {"code": code(house, secret)}).status_code == 302


def test_a_recovery_code_counts_once_and_is_kept_nowhere(house: House, li: str) -> None:
    browser = house.browser()
    browser.sign_in("li")
    _, codes = set_up(house, browser)
    one, two = house.browser(), house.browser()
    one.sign_in("li")
    two.sign_in("li")
    assert one.post("/sign-in/code", {"code": f" {codes[0].upper()} "}).status_code == 302
    assert two.post("/sign-in/code", {"code": codes[0]}).status_code == 401
    assert two.post("/sign-in/code", {"code": codes[1].replace("-", "")}).status_code == 302
    assert kinds(house, li).count("recovery_code:used") == 2
    with house.database.read() as session:
        stored = " ".join(session.execute(select(RecoveryCode.digest)).scalars())
    assert not any(given.replace("-", "") in stored for given in codes)
    renewed = one.post("/account/second-factor/codes")
    assert codes[2] not in renewed.get_data(as_text=True)
    three = house.browser()
    three.sign_in("li")
    assert three.post("/sign-in/code", {"code": codes[2]}).status_code == 401


def test_five_wrong_codes_lock_whatever_password_comes_between(house: House, li: str) -> None:
    browser = house.browser()
    browser.sign_in("li")
    secret, _ = set_up(house, browser)
    for turn in range(5):
        again = house.browser()
        assert again.sign_in("li").headers["Location"] == "/sign-in/code", "the right password forgets no wrong code"
        assert again.post("/sign-in/code", {"code": f"00000{turn}"}).status_code == 401
    house.restart()
    assert again.post("/sign-in/code", {"code": code(house, secret)}).status_code != 200
    assert house.browser().sign_in("li").status_code == 401
    assert kinds(house, li)[-2:] == ["account:locked", "sign_in:failed"]
    house.watch.later(minutes=16)
    late = house.browser()
    late.sign_in("li")
    assert late.post("/sign-in/code", {"code": code(house, secret)}).status_code == 302


def test_a_sign_in_that_waits_ten_minutes_for_its_code_is_over(house: House, li: str) -> None:
    browser = house.browser()
    browser.sign_in("li")
    secret, _ = set_up(house, browser)
    again = house.browser()
    again.sign_in("li")
    house.watch.later(minutes=11)
    assert again.post("/sign-in/code", {"code": code(house, secret)}).headers["Location"] == "/sign-in"


def test_the_secret_lies_sealed_and_fits_no_other_account(house: House, li: str) -> None:
    browser = house.browser()
    browser.sign_in("li")
    secret, _ = set_up(house, browser)
    house.person("wang")
    with house.database.write() as session:
        row = session.execute(select(SecondFactor)).scalar_one()
        assert secret not in row.secret
        wang = session.execute(select(Account.id).where(Account.sign_in_name == "wang")).scalar_one()
        session.add(SecondFactor(account_id=wang, secret=row.secret, made_at=row.made_at, confirmed_at=row.confirmed_at))
    moved = house.browser()
    moved.sign_in("wang")
    assert moved.post("/sign-in/code", {"code": code(house, secret)}).status_code == 401, "a row that was copied over"
    house.app.config["SECRET_KEY"] = b"another installation's key......"
    elsewhere = house.browser()
    elsewhere.sign_in("li")
    assert elsewhere.post("/sign-in/code", {"code": code(house, secret)}).status_code == 401, "another key"


@pytest.mark.parametrize("role", ["system_admin", "security_admin", "auditor"])
def test_the_three_administrators_set_it_up_before_anything_else_and_keep_it(house: House, role: str, words: Words) -> None:
    house.restart(second_factor="administrators")
    house.person("chief", ("ln-jyt", role))
    browser = house.browser()
    browser.sign_in("chief")
    for path in ("/notices/", "/administration/people", "/audit/", "/account/"):
        assert browser.get(path).headers["Location"] == "/account/second-factor", path
    assert browser.post("/notices/read").headers["Location"] == "/account/second-factor"
    set_up(house, browser)
    assert browser.get("/account/").status_code == 200
    browser.post("/account/second-factor/remove")
    assert "您的角色必须使用二次验证，不能关闭" in words(browser.get("/account/"))
    house.restart(demo=True)
    house.person("other", ("ln-jyt", role))
    in_demo = house.browser()
    in_demo.sign_in("other")
    assert in_demo.get("/notices/").status_code == 200, "a demo asks nobody"


def test_others_turn_it_off_again_after_proving_who_they_are(house: House, li: str) -> None:
    browser = house.browser()
    browser.sign_in("li")
    set_up(house, browser)
    house.watch.later(minutes=11)
    asked = browser.post("/account/second-factor/remove", headers={"Referer": "http://localhost/account/"})
    assert asked.headers["Location"] == "/account/proof?next=/account/&again=1"
    with house.database.read() as session:
        assert session.execute(select(SecondFactor)).first() is not None
    assert browser.post("/account/proof", {"password": PASSWORD, "next": "/account/"}).headers["Location"] == "/account/"
    assert browser.post("/account/second-factor/remove").headers["Location"] == "/account/"
    with house.database.read() as session:
        assert session.execute(select(SecondFactor)).first() is None
        told = session.execute(select(Notice.kind).order_by(Notice.id)).scalars().all()
    assert told == ["second_factor_added", "second_factor_removed"]


def test_one_resets_the_password_and_another_the_second_factor(house: House, li: str, administrator: Browser, security: Browser) -> None:
    browser = house.browser()
    browser.sign_in("li")
    set_up(house, browser)
    act = f"/administration/people/{li}/account/second-factor"
    assert administrator.post(act).status_code == 403
    assert security.post(f"/administration/people/{li}/account/reset").status_code == 403
    assert security.post(act).status_code == 302
    assert browser.get("/notices/").status_code == 302
    assert house.browser().sign_in("li").headers["Location"] == "/inbox/"
    assert "second_factor:cleared" in kinds(house, li)
    assert security.post(act).status_code == 409, "there is none any more"


def test_codes_go_by_the_machine_even_where_a_demo_moved_the_clock(house: House) -> None:
    from workflows.models import Office as OfficeRow

    with house.database.write() as session:
        row = session.execute(select(OfficeRow)).scalar_one()
        row.demo, row.clock_offset_seconds = True, 5 * 86400
    house.restart(demo=True)
    house.person("li")
    browser = house.browser()
    browser.sign_in("li")
    secret, codes = set_up(house, browser)
    assert codes
    again = house.browser()
    again.sign_in("li")
    assert again.post("/sign-in/code", {"code": code(house, secret)}).status_code == 302


@pytest.mark.parametrize("path", ["/account/contact", "/account/second-factor"])
def test_sensitive_pages_ask_again_after_ten_minutes(house: House, li: str, path: str) -> None:
    browser = house.browser()
    browser.sign_in("li")
    house.watch.later(minutes=9)
    assert browser.get(path).status_code == 200
    house.watch.later(minutes=2)
    assert browser.get(path).headers["Location"] == f"/account/proof?next={path}"
    assert browser.post(path).headers["Location"].startswith("/account/proof")
    assert browser.get(path, headers={"HX-Request": "true"}).headers["HX-Redirect"].startswith("/account/proof")
    old = browser.cookie()
    assert browser.post("/account/proof", {"password": "wrong", "next": path}).status_code == 401
    assert browser.post("/account/proof", {"next": path}).status_code == 422
    assert browser.post("/account/proof", {"password": PASSWORD, "next": "//evil.example"}).headers["Location"] == "/account/"
    assert browser.cookie() != old
    assert browser.get(path).status_code == 200
    assert kinds(house, li)[-2:] == ["identity:doubted", "identity:proved"]


def test_guessing_behind_an_open_browser_locks_and_signs_out(house: House, li: str) -> None:
    browser = house.browser()
    browser.sign_in("li")
    for _ in range(5):
        assert browser.post("/account/proof", {"password": "wrong"}).status_code == 401
    assert browser.get("/notices/").status_code == 302
    assert house.browser().sign_in("li").status_code == 401


def test_a_new_number_signs_in_and_a_new_address_waits_for_its_link(house: House, words: Words) -> None:
    house.person("13900000001")
    with house.database.write() as session:
        from workflows.models import Person

        session.execute(select(Person)).scalar_one().phone = "13900000001"
    house.person("13900000002")
    browser = house.browser()
    browser.sign_in("13900000001")
    taken = browser.post("/account/contact", {"phone": "13900000002"})
    assert (taken.status_code, "该手机号已注册" in words(taken)) == (422, True)
    assert browser.post("/account/contact", {"phone": ""}).status_code == 422
    assert browser.post("/account/contact", {"phone": "13900000003", "email": "li@example.org"}).status_code == 303
    assert house.browser().sign_in("13900000001").status_code == 401
    assert house.browser().sign_in("13900000003").status_code == 302
    assert "li@example.org" not in words(browser.get("/account/"))
    with house.database.read() as session:
        link = session.execute(select(Notice.params).where(Notice.kind == "email_confirmation")).scalar_one()
    assert link["address"] == "li@example.org"
    house.browser().post(f"/confirm/{link['token']}")
    assert "li@example.org" in words(browser.get("/account/"))


def test_ones_other_browsers_can_be_signed_out(house: House, li: str, words: Words) -> None:
    one, two = house.browser(), house.browser()
    one.sign_in("li")
    two.sign_in("li")
    assert words(one.get("/account/")).count("其他设备") >= 1
    one.post("/account/browsers/end")
    assert two.get("/notices/").status_code == 302
    assert one.get("/notices/").status_code == 200


def test_confirming_without_an_offer_is_refused(house: House, li: str) -> None:
    with house.database.glance() as reading:
        from workflows import accounts

        browser = house.browser()
        browser.sign_in("li")
        who = accounts.viewer(reading, str(browser.cookie()), at=house.watch(), ip=None, settings=house.settings)
    assert who is not None
    with pytest.raises(CodeRefused):
        second_factor.confirm(house.database, who, "123456", b"k" * 32, "", at=house.watch(), clock=house.watch())


def test_becoming_an_administrator_signs_out(house: House, li: str, security: Browser) -> None:
    browser = house.browser()
    browser.sign_in("li")
    given = {"organisation": "ln-jyt", "from_on": "2026-09-01"}
    security.post(f"/administration/people/{li}/role", given | {"role": "clerk"})
    assert browser.get("/notices/").status_code == 200
    security.post(f"/administration/people/{li}/role", given | {"role": "auditor"})
    assert browser.get("/notices/").status_code == 302
    with house.database.read() as session:
        assert session.execute(select(SignIn.ended_at).order_by(SignIn.began_at)).all()
