"""Signing in: one answer for every refusal, lockout over a restart, renewal, forced change, time-outs (trust.md 1–8)."""

from __future__ import annotations

import re
import time

import pytest
from sqlalchemy import select

from tests.webapp.conftest import PASSWORD, SYSTEM, Browser, House
from workflows import accounts
from workflows.models import Account, Event, Notice, SignIn


def without_tokens(page: str) -> str:
    """The page without what differs from one showing to the next: form tokens, challenges and the name typed."""
    page = re.sub(r'(content|value)="[\w.-]{40,}"', "", page)
    page = re.sub(r"(&#34;challenge&#34;: &#34;)[\w-]{70,80}(?=&#34;)", r"\1", page)
    return re.sub(r'(id="sign_in_name"[^>]*value=)"[^"]*"', r"\1", page)


def test_unknown_wrong_locked_and_disabled_are_answered_alike(house: House) -> None:
    by = house.person("disabled-one")
    house.person("locked-one")
    house.person("known-one")
    accounts.disable_account(house.database, SYSTEM, by, at=house.watch())
    for _ in range(5):
        house.browser().sign_in("locked-one", "wrong password")
    answers = {}
    for name, password in [("nobody", "x"), ("known-one", "wrong"), ("locked-one", PASSWORD), ("disabled-one", PASSWORD)]:
        browser = house.browser()
        answer = browser.sign_in(name, password)
        assert browser.cookie() is None
        answers[name] = (answer.status_code, without_tokens(answer.get_data(as_text=True)))
    assert {status for status, _ in answers.values()} == {401}
    assert len({page for _, page in answers.values()}) == 1
    assert "账号或密码不正确" in answers["nobody"][1]


@pytest.mark.usefixtures("real_hashing")
def test_refusals_take_the_same_work(house: House) -> None:
    house.person("known-one")

    def fastest(name: str) -> float:
        times = []
        for _ in range(4):
            browser = house.browser()
            token = browser.token()
            began = time.perf_counter()
            browser.client.post("/sign-in", data={"csrf_token": token, "sign_in_name": name, "password": "wrong"})
            times.append(time.perf_counter() - began)
        return min(times)

    known, unknown = fastest("known-one"), fastest("nobody")
    assert 0.5 < known / unknown < 2


def test_five_wrong_passwords_lock_and_a_restart_forgets_nothing(house: House) -> None:
    house.person("li")
    for _ in range(4):
        assert house.browser().sign_in("li", "wrong").status_code == 401
    house.restart()
    assert house.browser().sign_in("li", "wrong").status_code == 401
    house.restart()
    assert house.browser().sign_in("li").status_code == 401
    house.watch.later(minutes=16)
    assert house.browser().sign_in("li").status_code == 302
    with house.database.read() as session:
        kinds = session.execute(select(Event.kind).where(Event.kind.like("account:locked"))).scalars().all()
    assert kinds == ["account:locked"]


def test_the_cookie_is_new_at_sign_in_and_the_old_one_is_dead(house: House) -> None:
    house.person("li")
    browser = house.browser()
    browser.client.set_cookie("jiaoyan", "planted-by-somebody-else")
    before = browser.token()
    assert browser.sign_in("li").status_code == 302
    first = browser.cookie()
    assert first and first != "planted-by-somebody-else"
    assert browser.token() != before
    assert browser.client.post("/sign-out", data={"csrf_token": before}).status_code == 400
    browser.sign_in("li")
    second = browser.cookie()
    assert second and second != first
    for token, expected in [(first, "/sign-in?next=/notices/"), (second, None)]:
        other = house.browser()
        other.client.set_cookie("jiaoyan", token)
        assert other.get("/notices/").headers.get("Location") == expected
    with house.database.read() as session:
        stored = set(session.execute(select(SignIn.token_digest)).scalars())
    assert not stored & {first, second}


def test_the_first_password_must_be_changed_before_anything_else(house: House) -> None:
    house.person("li", must_change=True)
    browser = house.browser()
    assert browser.sign_in("li").headers["Location"] == "/password"
    for path in ("/notices/", "/administration/people"):
        assert browser.get(path).headers["Location"] == "/password"
    old = browser.cookie()
    weak = browser.post("/password", {"old": PASSWORD, "new": "password1234", "again": "password1234"})
    assert (weak.status_code, "密码至少 12 位" in weak.get_data(as_text=True)) == (422, True)
    wrong = browser.post("/password", {"old": "something else", "new": "Qingquan-5520-shan", "again": "Qingquan-5520-shan"})
    assert (wrong.status_code, "原密码不正确" in wrong.get_data(as_text=True)) == (422, True)
    other = house.browser()
    other.sign_in("li")
    changed = browser.post("/password", {"old": PASSWORD, "new": "Qingquan-5520-shan", "again": "Qingquan-5520-shan"})
    assert changed.status_code == 302
    assert browser.cookie() != old
    assert browser.get("/notices/").status_code == 200
    assert other.get("/notices/").status_code == 302
    assert house.browser().sign_in("li").status_code == 401


@pytest.mark.parametrize(("minutes", "visits", "stays"), [(29, 1, True), (31, 1, False), (29, 24, True), (29, 26, False)])
def test_idle_and_absolute_time_outs(house: House, minutes: int, visits: int, stays: bool) -> None:
    house.person("li")
    browser = house.browser()
    browser.sign_in("li")
    for _ in range(visits):
        house.watch.later(minutes=minutes)
        answer = browser.get("/notices/")
    assert (answer.status_code == 200) is stays


def test_signing_out_ends_the_token_and_clears_the_browser(house: House) -> None:
    house.person("li")
    browser = house.browser()
    browser.sign_in("li")
    token = browser.cookie()
    answer = browser.post("/sign-out")
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert browser.cookie() is None
    browser.client.set_cookie("jiaoyan", str(token))
    assert browser.get("/notices/").status_code == 302


def test_a_post_after_the_end_is_said_to_be_lost(house: House) -> None:
    house.person("li")
    browser = house.browser()
    browser.sign_in("li")
    house.watch.later(hours=1)
    answer = browser.post("/notices/read")
    assert answer.status_code == 401
    assert "刚才提交的内容没有办理" in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example", "/\\evil.example", "https:evil.example", "https://evil.example/", "\\\\evil.example", "/\t/evil.example",
        "///evil.example", "javascript:alert(1)", " //evil.example", "/\n//evil.example", "evil.example", "/%0a\r/evil",
        "http:/evil.example", "////evil.example/..", "data:text/html,x", "/\x00/evil",
    ],
)  # fmt: skip
def test_next_leads_only_within_the_site(house: House, target: str) -> None:
    house.person("li")
    first_page = house.browser().sign_in("li").headers["Location"]
    answer = house.browser().sign_in("li", next=target)
    assert answer.status_code in {302, 400}
    assert answer.headers.get("Location", first_page) == first_page
    signed_in = house.browser()
    signed_in.sign_in("li")
    again = signed_in.get("/sign-in", query_string={"next": target})
    assert again.headers.get("Location", first_page) == first_page


def test_next_leads_back_to_the_page_that_was_asked_for(house: House) -> None:
    house.person("li")
    browser = house.browser()
    asked = browser.get("/notices/?page=2")
    assert asked.headers["Location"] == "/sign-in?next=/notices/?page%3D2"
    assert browser.sign_in("li", next="/notices/?page=2").headers["Location"] == "/notices/?page=2"


REGISTRATION = {"name": "张明月", "phone": "13700000001", "email": "zhang@example.org", "password": PASSWORD, "again": PASSWORD}


def test_an_applicant_registers_and_confirms_the_address_once(house: House, browser: Browser) -> None:
    assert browser.post("/register", REGISTRATION).status_code == 200
    taken = browser.post("/register", REGISTRATION)
    assert (taken.status_code, "该手机号已注册" in taken.get_data(as_text=True)) == (422, True)
    assert 'value="zhang@example.org"' in taken.get_data(as_text=True)
    with house.database.read() as session:
        link = session.execute(select(Notice.params).where(Notice.kind == "email_confirmation")).scalar_one()["token"]
    assert browser.get(f"/confirm/{link}").status_code == 200  # looking at it confirms nothing
    with house.database.read() as session:
        assert session.execute(select(Account.email_confirmed_at)).scalar_one() is None
    assert browser.post(f"/confirm/{link}").status_code == 302
    assert browser.post(f"/confirm/{link}").status_code == 410
    assert browser.post("/confirm/nonsense").status_code == 410
    assert browser.sign_in("13700000001").status_code == 302


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"phone": "12345"}, "请填写 11 位手机号"),
        ({"email": "nobody"}, "请填写正确的邮箱地址"),
        ({"again": "another"}, "两次输入的密码不一致"),
        ({"name": ""}, "请填写"),
        ({"password": "short", "again": "short"}, "密码至少 12 位"),
    ],
)
def test_a_registration_that_is_not_in_order_keeps_what_was_typed(browser: Browser, change: dict[str, str], words: str) -> None:
    answer = browser.post("/register", REGISTRATION | change)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert words in page
    assert PASSWORD not in page


def test_the_language_is_remembered_by_browser_and_account(house: House, browser: Browser) -> None:
    assert '<html lang="zh-CN">' in browser.get("/sign-in").get_data(as_text=True)
    assert '<html lang="en">' in browser.get("/sign-in", headers={"Accept-Language": "en-GB"}).get_data(as_text=True)
    browser.post("/language", {"language": "en", "next": "/public/"})
    assert '<html lang="en">' in browser.get("/sign-in").get_data(as_text=True)
    house.person("li")
    browser.sign_in("li")
    assert '<html lang="zh-CN">' in browser.get("/notices/").get_data(as_text=True)
    browser.post("/language", {"language": "en", "next": "//evil.example"})
    elsewhere = house.browser()
    elsewhere.sign_in("li")
    assert '<html lang="en">' in elsewhere.get("/notices/").get_data(as_text=True)
