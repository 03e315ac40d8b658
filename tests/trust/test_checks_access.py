"""Checks 11–18 of ``design/trust.md``: who gets where. Routes are read from the site, so that a sibling is not forgotten."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import g
from sqlalchemy import select
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.trust.conftest import Standing
from tests.webapp.case_world import (
    APPLICANT,
    AUDITOR,
    HEAD,
    HR1,
    HR2,
    ID_CARD,
    PHONE,
    PRINCIPAL,
    STRANGER,
    SYSTEM,
    World,
)
from tests.webapp.conftest import Browser, House
from webapp import allowed, route_matrix
from webapp.moments import now
from workflows import accounts, assignments, people, proxies
from workflows.access import Held, Viewer
from workflows.errors import Forbidden, Refusal
from workflows.models import Attachment, Event, Instance, Membership, Organisation, Person, Proxy, Row, Task, table

Words = Callable[[TestResponse], str]
ROOT = Path(__file__).resolve().parents[2]
PURPOSE = "核对来信反映的情况"
AWAY = "外出学习，期间由同事代办"


# --- 11 ----------------------------------------------------------------------------------------------------------------


def test_check_11_the_table_of_routes_is_the_one_agreed(standing: Standing) -> None:
    """Who may use an address is in ``docs/routes.md``; ``jiaoyan routes --write`` after a change that is meant."""
    assert (ROOT / "docs" / "routes.md").read_text(encoding="utf-8") == route_matrix.document(standing.house.app)


def _door(app: Any, entry: route_matrix.Entry, viewer: Viewer | None) -> str:
    """What the guard answers to somebody at an address: ``in``, ``sign in``, ``no``, or where it sends them."""
    path = re.sub(r"<(?:\w+:)?\w+>", "1", entry.address)
    with app.test_request_context(path, method=entry.method):
        g.viewer = viewer
        try:
            answer = allowed._ask()
        except Forbidden:
            return "no"
        except HTTPException as error:
            return {401: "sign in"}.get(error.code or 0, str(error.code))
        return "in" if answer is None else str(answer.headers["Location"]).partition("?")[0]


def test_check_11_every_route_by_every_method_for_every_role_is_as_declared(standing: Standing) -> None:
    app, tried = standing.house.app, 0
    with app.app_context():
        at = now()
    for role in (None, "", *people.ROLES):
        held = (Held(role, role, 1, "ln-jyt", "", "edu_bureau", "province", "liaoning"),) if role else ()
        viewer = None if role is None else Viewer(1, 1, "P1", "某人", None, "zh", held, proved_at=at)
        for entry in route_matrix.entries(app):
            expected = "in" if "public" in entry.who else "sign in" if viewer is None else "in" if entry.allows(role or "") else "no"
            assert _door(app, entry, viewer) == expected, f"{entry.method} {entry.address} as {role!r}"
            tried += 1
    assert tried > 1500


# --- 12 ----------------------------------------------------------------------------------------------------------------

#: Addresses that name nothing of somebody else's: what may be applied for, rules, one's own lists.
NOBODYS = ("/instances/start/", "/rules/", "/audit/export.", "/static/")


def _belongings(standing: Standing) -> dict[str, list[str]]:
    """What stands in addresses of the applicant and of the office: by the argument's name."""
    with standing.house.database.read() as session:
        files = list(session.execute(select(Attachment.sha256).where(Attachment.instance_id.is_not(None))).scalars())[:2]
        tasks = list(session.execute(select(Task.number)).scalars())
        roles = [str(one) for one in session.execute(select(Membership.id)).scalars()][:2]
    numbers = [standing.number, *tasks, standing.world.numbers[APPLICANT], standing.world.numbers[HR1]]
    return {
        "number": numbers, "sha256": files, "step": ["adm_u2", "adm_bm2"], "code": ["ln-sy-tri"], "kind": ["people", "case", "receipt"],
        "act": ["suspend", "cancel", "disable"], "format": ["xlsx", "json"], "process_id": ["admission"], "membership": roles,
        "round_number": [standing.world.round], "table": ["DT-ADM-02"], "token": ["x" * 43], "filename": ["mark.svg"],
    }  # fmt: skip


def _replays(rule: Rule, belongings: dict[str, list[str]]) -> Iterator[str]:
    """The rule's address with what is somebody else's, one after another."""
    if not rule.arguments:
        return
    first = sorted(rule.arguments, key=lambda name: name not in {"number", "sha256", "code"})[0]
    for value in belongings.get(first, ["x"]):
        path = rule.rule
        for name in rule.arguments:
            given = value if name == first else belongings.get(name, ["x"])[0]
            path = re.sub(rf"<(?:\w+:)?{name}>", given, path)
        yield path


def _fingerprint(standing: Standing, beside: set[str]) -> str:
    """Of every row but those of the record, which notes the attempts."""
    whole = hashlib.sha256()
    with standing.house.database.read() as session:
        for name in sorted(Row.metadata.tables):
            if name not in beside:
                rows = session.execute(select(Row.metadata.tables[name])).all()
                whole.update(f"{name}{sorted(map(str, rows))}".encode())
    return whole.hexdigest()


@pytest.mark.parametrize("who", ["another-applicant", "gx-reviewer", STRANGER])
def test_check_12_somebody_elses_numbers_open_nothing_and_change_nothing(standing: Standing, who: str) -> None:
    """Every address of the site that names something, replayed by somebody to whom it is not open: 404, and nothing moves."""
    house, world = standing.house, standing.world
    if who == "another-applicant":
        house.person(who)
    elif who == "gx-reviewer":
        house.person(who, ("gx-jyt", "bureau_hr"), ("gx-jyt", "bureau_head"))
    browser = house.browser()
    browser.sign_in(who)
    token, belongings = browser.token(), _belongings(standing)
    noted = {table(one).name for one in (Event,)} | {"event_payload", "stream", "sign_in", "notice"}
    before, tried = _fingerprint(standing, noted), 0
    secrets, open_doors = (ID_CARD, PHONE, "林书豪"), []
    for rule in house.app.url_map.iter_rules():
        who_may = allowed.declared(house.app, rule.endpoint) or frozenset()
        if rule.rule.startswith(NOBODYS) or "public" in who_may:
            continue
        for path in _replays(rule, belongings):
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                posted = {"csrf_token": token, "reason": "理由" * 10, "purpose": PURPOSE, "field": "x:id_card", "_send": "1"}
                answer = browser.client.open(path, method=method, data=posted if method != "GET" else None)
                tried += 1
                place = f"{method} {path} as {who}: {answer.status}"
                page = answer.get_data().decode(errors="replace")
                assert not any(secret in page for secret in secrets), place
                if answer.status_code not in {403, 404} and (answer.status_code != 200 or page.strip()):  # a look-up offers nothing
                    open_doors.append(place)
                assert standing.number not in page.replace(path, ""), place
    assert tried > 100
    assert not open_doors, "\n".join(open_doors)
    assert _fingerprint(standing, noted) == before
    assert world.events("access:refused")


# --- 13 ----------------------------------------------------------------------------------------------------------------


def test_check_13_a_reader_is_sent_only_what_they_may_read(standing: Standing) -> None:
    """What is masked or kept to others is not in the page, its data, its print or its exports: not hidden, absent."""
    world, number = standing.world, standing.number
    for who, paths in {
        HEAD: [f"/instances/{number}", f"/diagrams/{number}.json"],
        PRINCIPAL: [f"/instances/{number}", f"/diagrams/{number}.json"],
        AUDITOR: [f"/audit/cases/{number}", f"/audit/cases/{number}/export.json", f"/diagrams/{number}.json", "/audit/export.json"],
    }.items():
        for path in paths:
            answer = world.browser(who).get(path)
            assert answer.status_code == 200, path
            whole = answer.get_data(as_text=True)
            assert ID_CARD not in whole, f"{who} {path}"
            assert PHONE not in whole, f"{who} {path}"
    own = world.browser(APPLICANT).get(f"/instances/{number}").get_data(as_text=True)
    assert "教学功底扎实" not in own, "the recommendation is not the applicant's to read"
    listed = world.browser(HR1).get("/inbox/").get_data(as_text=True)
    assert ID_CARD not in listed
    assert PHONE not in listed


# --- 14 ----------------------------------------------------------------------------------------------------------------


def test_check_14_no_account_is_two_of_the_three_administrators_and_none_does_anothers_work(
    house: House, administrator: Browser, security: Browser
) -> None:
    house.person("auditor", ("ln-jyt", "auditor"))
    auditor = house.browser()
    auditor.sign_in("auditor")
    numbers = {}
    with house.database.read() as session:
        rows = session.execute(select(Membership.role, Person.number).join(Person, Person.id == Membership.person_id)).all()
        numbers = {role: number for role, number in rows if role in people.EXCLUSIVE}
    li = house.person("li")
    given = {"organisation": "ln-jyt", "from_on": "2026-09-01"}
    for role, number in numbers.items():
        for other in people.EXCLUSIVE - {role}:
            answer = security.post(f"/administration/people/{number}/role", given | {"role": other})
            assert answer.status_code in {403, 409}, "not even for oneself" if role == "security_admin" else "two of the three"
    assert administrator.get("/audit/").status_code == administrator.get("/audit/check").status_code == 403
    assert administrator.post(f"/administration/people/{li}/role", given | {"role": "clerk"}).status_code == 403
    assert administrator.post(f"/administration/people/{li}/account/unlock").status_code == 403
    assert security.post("/administration/people/new", {"name": "王建国"}).status_code == 403
    assert security.post(f"/administration/people/{li}/account", {"sign_in_name": "wang"}).status_code == 403
    assert security.get("/audit/").status_code == 403
    assert security.post(f"/administration/people/{numbers['security_admin']}/role", given | {"role": "clerk"}).status_code == 403
    changing = [
        one for one in route_matrix.entries(house.app)
        if one.method != "GET" and "auditor" in one.who and not {"public", "signed_in"} & set(one.who)
    ]  # fmt: skip
    assert {one.endpoint for one in changing} <= {"audit.reveal"}, "an auditor changes nothing: they state a purpose"


# --- 15–18 -------------------------------------------------------------------------------------------------------------


def _viewer(world: World, who: str) -> Viewer:
    with world.house.database.read() as session:
        found = accounts.viewer_by_name(session, who, at=world.house.watch())
    assert found is not None
    return found


def test_check_15_an_applicant_never_decides_their_own_case_whatever_role_they_get(standing: Standing, words: Words) -> None:
    world, house, task = standing.world, standing.house, standing.task
    at = house.watch()
    people.grant(house.database, SYSTEM, world.numbers[APPLICANT], "ln-sy", "bureau_hr", at.date(), at=at)
    browser = house.browser()
    browser.sign_in(APPLICANT)
    assert browser.get(f"/tasks/{task}").status_code == 404, "by the role of the office"
    assert task not in browser.get("/inbox/").get_data(as_text=True)
    assert browser.post(f"/tasks/{task}/claim").status_code == 404
    assignments.claim(house.database, _viewer(world, HR1), task, at=at)
    for verb in (assignments.transfer, assignments.delegate):
        with pytest.raises(Refusal) as refused:
            verb(house.database, _viewer(world, HR1), task, world.numbers[APPLICANT], "本人外出，请代为办理", at=at)
        assert refused.value.code in {"E_TRANSFER", "E_DELEGATE"}, "handed over by a colleague"
    with house.database.read() as session:
        assert session.execute(select(Task.status).where(Task.number == task)).scalar_one() == "open"
        held = session.execute(
            select(Membership.id).join(Person, Person.id == Membership.person_id)
            .where(Person.number == world.numbers[APPLICANT], Membership.to_on.is_(None))
        ).scalar_one()  # fmt: skip
    assignments.unclaim(house.database, _viewer(world, HR1), task, at=at)
    people.revoke(house.database, SYSTEM, held, at.date().replace(year=2025), at=at)


def test_check_16_who_stands_in_has_bounds_and_never_more_than_the_other(standing: Standing) -> None:
    """At length: ``tests/workflows/test_proxies.py``."""
    world, house = standing.world, standing.house
    at, day = house.watch(), house.watch().date()
    giver, proxy = _viewer(world, HR1), world.numbers[HR2]
    for until in (day + timedelta(days=400), day - timedelta(days=1)):
        with pytest.raises(Refusal):
            proxies.grant(house.database, giver, proxy, from_on=day, to_on=until, reason=AWAY, at=at, days=90)
    with pytest.raises(Refusal):
        proxies.grant(house.database, giver, world.numbers[STRANGER], from_on=day, to_on=day, reason=AWAY, at=at, days=90)
    proxies.grant(house.database, giver, proxy, from_on=day, to_on=day + timedelta(days=5), reason=AWAY, at=at, days=90)
    with house.database.read() as session:
        row = session.execute(select(Proxy)).scalar_one()
        number = row.number
        [standing_for] = proxies.principals(session, _viewer(world, HR2), at)
        assert standing_for.number == giver.number
    with pytest.raises(Refusal):
        proxies.revoke(house.database, _viewer(world, HEAD), number, at=at)
    proxies.revoke(house.database, giver, number, at=at)
    with house.database.read() as session:
        assert not proxies.principals(session, _viewer(world, HR2), at), "revoked at once"
    assert [event.actor for event, _ in world.events("proxy:granted")] == [giver.number]


def test_check_17_a_right_that_went_while_the_page_was_open_completes_nothing(standing: Standing) -> None:
    world, house = standing.world, standing.house
    house.person("short", ("ln-sy", "bureau_hr"), name="临时人")
    world._browsers.pop("short", None)
    sheet = world.sheet("short", f"/tasks/{standing.task}")
    with house.database.read() as session:
        held = session.execute(
            select(Membership.id).join(Person, Person.id == Membership.person_id).where(Person.name == "临时人")
        ).scalar_one()
    people.revoke(house.database, SYSTEM, held, house.watch().date().replace(month=8), at=house.watch())
    with house.database.write() as session:
        session.get_one(Membership, held).to_on = house.watch().date().replace(month=8)
    answer = world.send("short", sheet)
    assert answer.status_code == 404
    with house.database.read() as session:
        assert session.execute(select(Task.status).where(Task.number == standing.task)).scalar_one() == "open"


def test_check_18_another_place_finds_nothing_in_list_search_count_export_and_suggestions(standing: Standing) -> None:
    house, number = standing.house, standing.number
    for name, role in (("gx-audit", "auditor"), ("gx-head", "bureau_head")):
        house.person(name, ("gx-jyt", role), name="外省人")
        browser = house.browser()
        browser.sign_in(name)
        for path in (
            "/instances/", f"/instances/?q={number}", "/instances/?person=林书豪", "/inbox/", "/inbox/?tab=done", "/inbox/?q=林书豪",
            "/registers/evidence?q=照片", "/registers/researchers?q=林书豪", "/registers/publicity",
            *(("/audit/", "/audit/?person=林书豪", "/audit/export.json") if name == "gx-audit" else ()),
        ):  # fmt: skip
            answer = browser.get(path)
            assert answer.status_code == 200, path
            page = answer.get_data(as_text=True)
            shown = page.replace(f"q={number}", "").replace(f'value="{number}"', "")
            assert number not in shown, path
            assert "林书豪" not in re.sub(r'(value="|person=|q=)[^"&]*', "", page), path
        for path in (f"/tasks/{standing.task}/colleagues?person=吴", "/lookup?kind=person&person=吴立新"):
            assert "吴立新" not in browser.get(path).get_data(as_text=True), "suggestions"
    with house.database.read() as session:
        assert session.execute(select(Instance.number)).scalars().all() == [number]
        assert session.execute(select(Organisation.id)).first() is not None
