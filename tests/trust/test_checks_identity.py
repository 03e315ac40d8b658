"""Checks 1–10 of ``design/trust.md``: identity and session. What is tested at length elsewhere is said again here in short."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import pyotp
import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.webapp.conftest import PASSWORD, SYSTEM, Browser, House
from tests.webapp.test_passkeys import alone, half_way, with_passkey
from tests.webapp.test_second_factor import code, set_up
from tests.webapp.test_sign_in import without_tokens
from webapp import route_matrix
from webapp.sessions import secret_key
from workflows import accounts, people
from workflows.common_passwords import is_common
from workflows.errors import PasswordRefused
from workflows.models import Account, Event, EventPayload, SignIn

Words = Callable[[TestResponse], str]
NEW = ("Qingquan-5520-shan", "Baihua-8841-yuan", "Songshu-1937-ling", "Hupo-6274-jiang", "Meihua-3358-xue", "Zhulin-9016-feng")


def kinds(house: House, stream: str) -> list[str]:
    with house.database.read() as session:
        return list(session.execute(select(Event.kind).where(Event.stream == stream).order_by(Event.seq)).scalars())


def test_check_01_five_wrong_passwords_lock_account_and_source_over_a_restart(house: House) -> None:
    number = house.person("li")
    for turn in range(5):
        assert house.browser().sign_in("li", "wrong").status_code == 401
        if turn == 2:
            house.restart()
    assert house.browser().sign_in("li").status_code == 401, "locked, though the password is right"
    house.watch.later(minutes=16)
    assert house.browser().sign_in("li").status_code == 302
    for _ in range(5):
        house.browser().sign_in("li", "wrong")
    accounts.unlock_account(house.database, SYSTEM, number, at=house.watch())
    assert house.browser().sign_in("li").status_code == 302
    found = kinds(house, f"person:{number}")
    assert found.count("account:locked") == 2
    assert found.count("account:unlocked") == 1
    for _ in range(50):  # a whole school behind one router has ten times the patience
        house.browser().sign_in("nobody-of-that-name", "wrong")
    assert house.browser().sign_in("li").status_code == 401, "the address is locked too"


def test_check_02_every_refusal_looks_the_same_and_takes_as_long(house: House, request: pytest.FixtureRequest) -> None:
    disabled = house.person("disabled-one")
    house.person("locked-one")
    house.person("known-one")
    accounts.disable_account(house.database, SYSTEM, disabled, at=house.watch())
    for _ in range(5):
        house.browser().sign_in("locked-one", "wrong")
    tries = {"nobody": "x", "known-one": "wrong", "locked-one": PASSWORD, "disabled-one": PASSWORD}
    pages = {without_tokens(house.browser().sign_in(*pair).get_data(as_text=True)) for pair in tries.items()}
    assert len(pages) == 1


@pytest.mark.usefixtures("real_hashing")
def test_check_02_an_unknown_name_takes_the_time_of_a_known_one(house: House) -> None:
    """Mann–Whitney over interleaved tries: neither is told from the other by its time (effect size, not a p value)."""
    house.person("known-one")
    house.restart(lockout_attempts=1000)
    browser = house.browser()
    token = browser.token()
    times: dict[str, list[float]] = {"known-one": [], "nobody": []}
    for turn in range(24):
        for name in (("known-one", "nobody"), ("nobody", "known-one"))[turn % 2]:
            began = time.perf_counter()
            browser.client.post("/sign-in", data={"csrf_token": token, "sign_in_name": name, "password": "wrong"})
            times[name].append(time.perf_counter() - began)
    slower = sum(known > unknown for known in times["known-one"] for unknown in times["nobody"])
    assert 0.15 < slower / 24**2 < 0.85


def test_check_03_passwords_are_long_uncommon_and_new(house: House, words: Words) -> None:
    for refused in ("Short-1", "password1234", "x" * 201):
        with pytest.raises(PasswordRefused):
            accounts.check_password(refused)
    accounts.check_password("一个很长很长的中文口令也可以用" + "x" * 64)
    assert is_common("password1234")
    house.person("li")
    browser, old = house.browser(), PASSWORD
    browser.sign_in("li")
    for new in NEW[:5]:
        assert browser.post("/password", {"old": old, "new": new, "again": new}).status_code == 302
        old = new
    again = browser.post("/password", {"old": old, "new": PASSWORD, "again": PASSWORD})
    assert (again.status_code, "不能是最近用过的密码" in words(again)) == (422, True), "five back is remembered"
    assert browser.post("/password", {"old": old, "new": NEW[5], "again": NEW[5]}).status_code == 302
    assert browser.post("/password", {"old": NEW[5], "new": PASSWORD, "again": PASSWORD}).status_code == 302, "six back is not"
    house.restart(password_days=90)
    house.watch.later(days=91)
    late = house.browser()
    assert late.sign_in("li").headers["Location"] == "/password", "an installation may ask for a change after so many days"
    assert late.get("/inbox/").headers["Location"] == "/password"


def test_check_04_hashes_are_argon2id_renewed_and_a_password_stands_nowhere(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.person("li", must_change=True)
    with house.database.read() as session:
        weak = session.execute(select(Account.password_hash)).scalar_one()
    assert weak.startswith("$argon2id$")
    from argon2 import PasswordHasher

    accounts._hasher = PasswordHasher(time_cost=1, memory_cost=128, parallelism=1)
    with caplog.at_level(logging.DEBUG):
        browser = house.browser()
        answer = browser.sign_in("li")
        browser.post("/password", {"old": PASSWORD, "new": NEW[0], "again": NEW[0]})
        house.browser().sign_in("li", "Wrong-pass-word-1")
    with house.database.read() as session:
        renewed = session.execute(select(Account.password_hash)).scalar_one()
        payloads = b"".join(session.execute(select(EventPayload.payload)).scalars())
        events = str(session.execute(select(Event.outcome, Event.reason, Event.stream)).all())
    assert "m=128" in renewed
    for secret in (PASSWORD, NEW[0], "Wrong-pass-word-1"):
        assert secret not in caplog.text
        assert secret.encode() not in payloads
        assert secret not in events
        assert secret not in answer.headers["Location"]


def test_check_05_nobody_can_sign_in_after_an_installation_and_a_first_password_ends(house: House) -> None:
    with house.database.read() as session:
        assert session.execute(select(Account)).first() is None, "an installation has no account"
    house.person("li", must_change=True)
    assert house.browser().sign_in("li").headers["Location"] == "/password"
    house.watch.later(days=15)
    assert house.browser().sign_in("li").status_code == 401, "what was not changed in its days opens nothing"
    with house.database.read() as session:
        number = session.execute(select(people.Person.number)).scalar_one()
    given = accounts.reset_password(house.database, SYSTEM, number, at=house.watch())
    assert house.browser().sign_in("li", given).headers["Location"] == "/password"


def test_check_06_the_token_is_new_at_sign_in_proof_and_a_change_of_role(house: House, security: Browser) -> None:
    number = house.person("li")
    browser = house.browser()
    browser.client.set_cookie("jiaoyan", "planted")
    browser.sign_in("li")
    first = browser.cookie()
    assert first != "planted"
    browser.post("/account/proof", {"password": PASSWORD})
    second = browser.cookie()
    assert second != first
    security.post(f"/administration/people/{number}/role", {"organisation": "ln-jyt", "role": "auditor", "from_on": "2026-09-01"})
    for token in (first, second):
        old = house.browser()
        old.client.set_cookie("jiaoyan", str(token))
        assert old.get("/notices/").headers["Location"].startswith("/sign-in"), "the old one is dead"
    with house.database.read() as session:
        assert not set(session.execute(select(SignIn.token_digest)).scalars()) & {first, second}, "only digests are kept"


def test_check_07_an_old_cookie_gets_401_after_every_end(house: House) -> None:
    def ended(act: Callable[[Browser, str], object]) -> bool:
        house.person(name := f"u{len(done)}")
        with house.database.read() as session:
            number = session.execute(
                select(people.Person.number).join(Account, Account.person_id == people.Person.id).where(Account.sign_in_name == name)
            ).scalar_one()
        browser = house.browser()
        browser.sign_in(name)
        token = str(browser.cookie())
        act(browser, number)
        thief = house.browser()
        thief.client.set_cookie("jiaoyan", token)
        return thief.post("/notices/read").status_code == 401 and thief.get("/notices/").status_code == 302

    def visits(browser: Browser, _number: str) -> None:
        for _ in range(25):
            house.watch.later(minutes=29)
            browser.get("/notices/")

    done: list[bool] = []
    for act in (
        lambda browser, _: browser.post("/sign-out"),
        lambda _, number: accounts.disable_account(house.database, SYSTEM, number, at=house.watch()),
        lambda browser, _: browser.post("/password", {"old": PASSWORD, "new": NEW[0], "again": NEW[0]}),
        lambda *_: house.watch.later(minutes=31),
        visits,
    ):
        done.append(ended(act))
    assert done == [True] * 5


def test_check_08_cookies_are_bound_to_https_host_and_site(house: House) -> None:
    house.person("li")
    house.restart(base_url="https://jiaoyan.example.org")
    client = house.app.test_client()
    page = client.get("/sign-in", base_url="https://jiaoyan.example.org").get_data(as_text=True)
    token = page.split('name="csrf-token" content="')[1].split('"')[0]
    answer = client.post(
        "/sign-in", data={"csrf_token": token, "sign_in_name": "li", "password": PASSWORD}, base_url="https://jiaoyan.example.org",
        headers={"Referer": "https://jiaoyan.example.org/sign-in"},
    )  # fmt: skip
    cookies = [one for one in answer.headers.getlist("Set-Cookie") if "jiaoyan" in one]
    assert cookies
    for cookie in cookies:
        assert all(mark in cookie for mark in ("__Host-", "Secure", "HttpOnly", "SameSite=Lax", "Path=/"))
        assert "Domain" not in cookie


@pytest.mark.parametrize("role", sorted(people.EXCLUSIVE))
def test_check_09_the_three_administrators_sign_in_with_two_factors(house: House, role: str) -> None:
    house.restart(second_factor="administrators")
    house.person("chief", ("ln-jyt", role))
    browser = house.browser()
    browser.sign_in("chief")
    assert browser.get("/notices/").headers["Location"] == "/account/second-factor", "nothing before it is set up"
    secret, _ = set_up(house, browser)
    again = house.browser()
    assert again.sign_in("chief").headers["Location"] == "/sign-in/code"
    assert again.get("/notices/").status_code == 302
    assert again.post("/sign-in/code", {"code": code(house, secret)}).status_code == 302
    assert again.get("/notices/").status_code == 200
    assert pyotp.TOTP(secret).verify(code(house, secret), for_time=house.watch()), "as RFC 6238 has it"


def test_check_09_a_passkey_is_a_second_factor_and_does_not_stand_in_for_an_administrators_password(house: House) -> None:
    house.restart(second_factor="administrators")
    house.person("chief", ("ln-jyt", "auditor"))
    _, device = with_passkey(house, name="chief")
    again, asked = half_way(house, "chief")
    assert again.get("/notices/").status_code == 302
    assert again.post("/sign-in/code", {"passkey": device.get(asked)}).status_code == 302
    assert alone(house, device).status_code == 401


#: What nobody changes without having proved who they are within ten minutes.
SENSITIVE = {
    "account.contact", "account.second_factor", "account.remove_second_factor", "account.renew_codes", "passkeys.add",
    "passkeys.remove", "definition_archives.take_in",
    "administration.grant_role", "administration.end_role", "administration.change_account", "proxies.grant", "proxies.arrange",
}  # fmt: skip


def test_check_10_sensitive_changes_ask_who_one_is_once_more(house: House, administrator: Browser) -> None:
    asks = {one.endpoint for one in route_matrix.entries(house.app) if one.proof}
    assert asks >= SENSITIVE & set(house.app.view_functions)
    house.person("li")
    browser = house.browser()
    browser.sign_in("li")
    house.watch.later(minutes=11)
    for path in ("/account/contact", "/account/second-factor", "/account/second-factor/codes"):
        answer = browser.post(path, {"phone": "13900000009"})
        assert answer.headers["Location"].startswith("/account/proof"), path
    assert browser.post("/account/proof", {"password": PASSWORD}).status_code == 303
    assert browser.post("/account/contact", {"phone": "13900000009"}).headers["Location"] == "/account/"
    assert browser.post("/password", {"old": "wrong", "new": NEW[0], "again": NEW[0]}).status_code == 422, "a password by the old one"


def test_check_10_the_key_that_signs_and_seals_is_the_owners_alone(house: House) -> None:
    path = house.settings.data / "secret_key"
    assert secret_key(house.settings.data) == path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0
