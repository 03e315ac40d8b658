"""What holds for every route: who may use it, form tokens, headers, hosts, and that nothing typed makes it fail."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.routing import Rule

from tests.webapp.conftest import PASSWORD, Browser, House
from webapp.allowed import allowed, declared, guard_every_route
from webapp.limits import limiter
from webapp.sessions import secret_key
from workflows.people import ROLES

CHANGING = {"POST", "PUT", "PATCH", "DELETE"}


def rules(house: House) -> list[Rule]:
    return [rule for rule in house.app.url_map.iter_rules() if rule.endpoint != "static"]


def filled(rule: Rule, word: str = "x") -> str:
    """The rule's address with every place filled."""
    path = rule.rule
    for argument in rule.arguments:
        path = path.replace(f"<{argument}>", word)
        for converter in ("string", "path"):
            path = path.replace(f"<{converter}:{argument}>", word)
        path = path.replace(f"<int:{argument}>", "1")
    return path


def test_every_route_declares_who_may_use_it(house: House) -> None:
    for rule in house.app.url_map.iter_rules():
        who = declared(house.app, rule.endpoint)
        assert who, f"{rule.endpoint} declares nobody"
        assert who <= {"public", "signed_in", *ROLES}


def test_a_site_with_an_undeclared_route_does_not_start() -> None:
    app = Flask(__name__)
    app.add_url_rule("/open", "open", lambda: "open")
    with pytest.raises(LookupError, match="open"):
        guard_every_route(app)


def test_a_role_that_does_not_exist_cannot_be_declared() -> None:
    with pytest.raises(ValueError, match="emperor"):
        allowed("emperor")
    with pytest.raises(ValueError, match="nobody"):
        allowed()


def test_the_route_matrix_holds_for_strangers_and_for_each_role(house: House) -> None:
    """Every (route, method) for somebody without a sign-in, an applicant, and one person of each role."""
    people: dict[str, Browser] = {"stranger": house.browser(), "applicant": house.browser()}
    house.person("applicant")
    people["applicant"].sign_in("applicant")
    for role in ROLES:
        house.person(f"r-{role}", ("ln-jyt", role))
        people[role] = house.browser()
        assert people[role].sign_in(f"r-{role}").status_code == 302
    tokens = {name: browser.token() for name, browser in people.items()}
    tried = 0
    for rule in rules(house):
        who = declared(house.app, rule.endpoint) or frozenset()
        if "public" in who:
            continue
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            for name, browser in people.items():
                data = {"csrf_token": tokens[name]} if method in CHANGING else None
                answer = browser.client.open(filled(rule), method=method, data=data)
                tried += 1
                place = f"{method} {rule.rule} as {name}: {answer.status}"
                if name == "stranger":
                    to_sign_in = answer.status_code == 302 and answer.headers["Location"].startswith("/sign-in")
                    assert answer.status_code == 401 or to_sign_in, place
                elif "signed_in" in who or name in who:
                    assert answer.status_code not in {401, 403} or "signed_in" in who, place
                    assert answer.status_code < 500, place
                else:
                    assert answer.status_code == 403, place
    assert tried > len(ROLES) * 10


#: Every role that one person may hold at a time: one of the three administrators' only.
TOGETHER = [role for role in ROLES if role not in {"auditor", "security_admin"}]


def test_every_changing_route_refuses_a_post_without_its_token(house: House) -> None:
    house.person("li", *(("ln-jyt", role) for role in TOGETHER))
    browser = house.browser()
    browser.sign_in("li")
    tried = 0
    for rule in rules(house):
        for method in (rule.methods or set()) & CHANGING:
            path = filled(rule)
            for body in (
                {"data": {}},
                {"data": {"csrf_token": "made-up"}},
                {"data": json.dumps({"csrf_token": "x"}), "content_type": "text/plain"},
                {"data": json.dumps({}), "content_type": "application/json"},
            ):
                answer = browser.client.open(path, method=method, **body)
                assert answer.status_code == 400, f"{method} {path} {answer.status}"
                tried += 1
    assert tried >= 40
    assert browser.get("/notices/").status_code == 200  # still signed in: not even sign-out was done


def test_headers_stand_on_every_answer(house: House, browser: Browser) -> None:
    house.person("li")
    signed_in = house.browser()
    signed_in.sign_in("li")
    for answer in (
        browser.get("/sign-in"), browser.get("/nothing"), browser.get("/healthz"), browser.get("/static/mark.svg"),
        signed_in.get("/notices/"), signed_in.get("/administration/people"), browser.client.post("/sign-in"),
    ):  # fmt: skip
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
    assert signed_in.get("/notices/").headers["Cache-Control"] == "no-store"
    assert "no-store" not in browser.get("/static/mark.svg").headers.get("Cache-Control", "")


def test_cookies_are_bound_to_https_everywhere_but_on_this_machine(house: House) -> None:
    house.person("li")
    plain = house.browser().sign_in("li").headers.getlist("Set-Cookie")
    assert any(cookie.startswith("jiaoyan=") and "HttpOnly" in cookie and "SameSite=Lax" in cookie for cookie in plain)
    house.restart(base_url="https://jiaoyan.example.org")
    client = house.app.test_client()
    where = {"base_url": "https://jiaoyan.example.org", "headers": {"Referer": "https://jiaoyan.example.org/sign-in"}}
    page = client.get("/sign-in", base_url="https://jiaoyan.example.org").get_data(as_text=True)
    token = page.split('name="csrf-token" content="')[1].split('"')[0]
    answer = client.post("/sign-in", data={"csrf_token": token, "sign_in_name": "li", "password": PASSWORD}, **where)
    given = [cookie for cookie in answer.headers.getlist("Set-Cookie") if "jiaoyan" in cookie]
    assert any(cookie.startswith("__Host-jiaoyan=") for cookie in given)
    for cookie in given:
        assert all(mark in cookie for mark in ("__Host-", "Secure", "HttpOnly", "SameSite=Lax", "Path=/"))
        assert "Domain" not in cookie
    assert answer.headers["Strict-Transport-Security"]
    assert client.get("/sign-in", base_url="https://other.example.org").status_code == 400


def test_a_demo_answers_only_this_machine_and_no_proxy(house: House) -> None:
    house.restart(demo=True)
    browser = house.browser()
    page = browser.get("/sign-in").get_data(as_text=True)
    assert "演示系统" in page
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via", "X-Forwarded-Host"):
        assert browser.get("/sign-in", headers={header: "203.0.113.7"}).status_code == 403
    assert browser.get("/sign-in", environ_overrides={"REMOTE_ADDR": "203.0.113.7"}).status_code == 403
    assert browser.get("/sign-in", headers={"Host": "evil.example"}).status_code == 400
    house.restart(demo=False)
    assert "演示系统" not in house.browser().get("/sign-in").get_data(as_text=True)


def test_a_demo_shows_its_people_and_fills_in_the_one_chosen(house: House) -> None:
    house.person("li", ("ln-jyt", "bureau_hr"))
    house.restart(demo=True)
    page = house.browser().get("/sign-in?as=li").get_data(as_text=True)
    assert "辽宁省" in page
    assert 'name="sign_in_name" required type="text" value="li"' in page
    assert f'value="{PASSWORD}"' in page
    house.restart(demo=False)
    assert PASSWORD not in house.browser().get("/sign-in?as=li").get_data(as_text=True)


def test_health_answers_before_there_are_tables(tmp_path: Path, house: House) -> None:
    assert house.browser().get("/healthz").json["status"] == "ok"
    from webapp import Office, create_app
    from workflows.clock import Clock
    from workflows.db import Database
    from workflows.registers.evidence import FileStore

    empty = Database(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    settings = replace(house.settings, data=tmp_path / "empty", database_url=str(empty.url))
    app = create_app(Office(empty, Clock(empty), settings, FileStore(tmp_path)))
    answer = app.test_client().get("/healthz")
    empty.close()
    assert (answer.status_code, answer.json["status"]) == (200, "seeding")
    assert answer.json["version"]


def test_the_secret_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    first = secret_key(tmp_path / "data")
    assert secret_key(tmp_path / "data") == first
    assert len(first) == 32
    assert (tmp_path / "data" / "secret_key").stat().st_mode & 0o777 == 0o600


NAUGHTY = [
    "", "\x00", "a\x00b", "undefined", "NULL", "0", "-1", "1e309", "9" * 30, "NaN", "１２", "'; DROP TABLE person; --", "' OR 1=1 --",
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{7*7}}", "${7*7}", "%s%n", "%(name)s", "../../etc/passwd",
    "‮txt.exe", "﷽" * 20, "Z̡̤͎͚a̛l̹̣g̵o", "田中さんにあげて下さい", "👩‍👩‍👧‍👦", "\ufffd",
    "\r\nSet-Cookie: a=b", "𠮷" * 300, "x" * 20000, "\ufeff", "\u2028",
    "=cmd|' /C calc'!A0", "[]", "{}", "true", "\\", "%00", "%ff", "..;/",
]  # fmt: skip


@pytest.mark.parametrize("roles", [TOGETHER, ["auditor"]], ids=["office", "auditor"])
def test_nothing_typed_makes_a_page_fail(house: House, roles: list[str]) -> None:
    house.person("li", *(("ln-jyt", role) for role in roles))
    browser = house.browser()
    browser.sign_in("li")
    token = browser.token()
    names = (
        "q page next kind organisation under parent as role from_on to_on sign_in_name password name phone email code"
        " org_type level membership language again old new act file"
    ).split()
    skipped = {"sign_in.sign_out"}
    for turn, rule in enumerate(rules(house)):
        if rule.endpoint in skipped:
            continue
        for naughty in NAUGHTY[turn % 4 :: 4]:  # every string meets a quarter of the routes
            values = dict.fromkeys(names, naughty)
            answers = [browser.client.get(filled(rule), query_string=values)]
            if "POST" in (rule.methods or set()):
                answers.append(browser.client.post(filled(rule), data=values | {"csrf_token": token}))
            for answer in answers:
                assert answer.status_code < 500, f"{rule.rule} {naughty[:40]!r} {answer.status}"
            if answers[-1].status_code == 302 and browser.cookie() is None:
                browser.sign_in("li")
                token = browser.token()


@pytest.mark.parametrize("roles", [TOGETHER, ["auditor"]], ids=["office", "auditor"])
def test_nothing_in_an_address_makes_a_page_fail_or_runs(house: House, roles: list[str]) -> None:
    house.person("li", *(("ln-jyt", role) for role in roles))
    browser = house.browser()
    browser.sign_in("li")
    for rule in rules(house):
        if not rule.arguments:
            continue
        for naughty in ("<script>alert(1)</script>", "\x00", "..", "%00", "9" * 40, "𠮷", "a\r\nb", "{{7*7}}", "'"):
            answer = browser.client.get(filled(rule, naughty.replace("/", "%2F")))
            assert answer.status_code < 500, f"{rule.rule} {naughty!r}"
            assert b"<script>alert" not in answer.data


def test_a_form_of_a_million_parts_is_refused(house: House, browser: Browser) -> None:
    body = "&".join(f"a{number}=1" for number in range(60_000)) + "&" + "b=" + "x" * 3_000_000
    answer = browser.client.post("/sign-in", data=body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 413
    parts = "".join(f'--B\r\nContent-Disposition: form-data; name="a{number}"\r\n\r\n1\r\n' for number in range(6000)) + "--B--\r\n"
    assert browser.client.post("/sign-in", data=parts, content_type="multipart/form-data; boundary=B").status_code == 413


def test_refusals_tell_nothing_of_what_exists(house: House, administrator: Browser) -> None:
    number = house.person("somebody")
    house.person("li")
    browser = house.browser()
    browser.sign_in("li")
    exists, not_there = browser.get(f"/administration/people/{number}"), browser.get("/administration/people/P000")
    assert (exists.status_code, not_there.status_code) == (403, 403)
    said = [page.get_data(as_text=True).split("<main")[1].split("</main>")[0] for page in (exists, not_there)]
    assert said[0] == said[1]
    assert administrator.get("/administration/people/P000").status_code == 404
    as_json = browser.get("/administration/people", headers={"Accept": "application/json"})
    assert (as_json.status_code, as_json.json["message"]) == (403, "您没有办理该事项的权限")


def test_a_route_that_declares_a_limit_is_braked_and_no_other(house: House) -> None:
    limiter.reset()
    browser = house.browser()
    asked = [browser.get("/public/check").status_code for _ in range(31)]
    others = [browser.get("/sign-in").status_code for _ in range(31)]
    limiter.reset()
    assert asked == [200] * 30 + [429]
    assert set(others) == {200}
