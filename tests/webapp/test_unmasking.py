"""One masked answer is opened for a purpose that stands in the record, and only by whom the case is in the charge of (domain.md 3.0.9)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from werkzeug.test import TestResponse

from tests.webapp.case_world import APPLICANT, AUDITOR, HEAD, HR1, ID_CARD, PHONE, PRINCIPAL, STRANGER, World
from tests.webapp.conftest import Browser, House

Words = Callable[[TestResponse], str]
PURPOSE = "核对举报信所述身份证号"


@pytest.fixture
def reviewing(house: Any) -> tuple[World, str]:
    world = World(house)
    number = world.start()
    assert world.recommend(world.task(number, "adm_u1")).status_code == 303
    return world, number


def options(page: TestResponse) -> dict[str, str]:
    """What the page offers to open: label -> value."""
    return {words: value for value, words in re.findall(r'<option value="(\w+:[\w.]+)">([^<]+)</option>', page.get_data(as_text=True))}


def offered(page: TestResponse, label: str) -> str:
    return next(value for words, value in options(page).items() if label in words)


@pytest.mark.parametrize(("who", "page"), [(HEAD, "/instances/{}"), (AUDITOR, "/audit/cases/{}")])
def test_one_answer_is_opened_and_nothing_else(reviewing: tuple[World, str], words: Words, who: str, page: str) -> None:
    world, number = reviewing
    browser = world.browser(who)
    shown = browser.get(page.format(number))
    assert ID_CARD not in words(shown)
    opened = words(browser.post(f"/instances/{number}/unmask", {"field": offered(shown, "身份证"), "purpose": PURPOSE}))
    assert ID_CARD in opened
    assert PHONE not in opened
    [(event, raw)] = world.events("field:unmasked")
    payload = orjson.loads(raw)
    assert (event.stream, event.instance) == (f"person:{world.numbers[who]}", number)
    assert payload["purpose"] == PURPOSE
    assert ID_CARD not in str(payload), "the record says which, never what"
    assert ID_CARD not in words(browser.get(page.format(number))), "it was opened once, for this look"
    assert PURPOSE in words(world.browser(AUDITOR).get(f"/audit/cases/{number}")), "the auditor reads who, when and why"
    own = words(world.browser(APPLICANT).get(f"/instances/{number}"))
    assert "谁查看过我的个人信息" in own
    assert PURPOSE in own


@pytest.mark.parametrize("purpose", ["", "看看", "    a  "])
def test_without_a_purpose_nothing_is_opened(reviewing: tuple[World, str], words: Words, purpose: str) -> None:
    world, number = reviewing
    browser = world.browser(HEAD)
    field = offered(browser.get(f"/instances/{number}"), "身份证")
    answer = browser.post(f"/instances/{number}/unmask", {"field": field, "purpose": purpose})
    assert (answer.status_code, "请写明查看个人信息的用途" in words(answer)) == (422, True)
    assert ID_CARD not in words(answer)
    assert not world.events("field:unmasked")


def test_only_whoever_the_case_is_in_the_charge_of_opens_anything(reviewing: tuple[World, str]) -> None:
    world, number = reviewing
    field = offered(world.browser(HEAD).get(f"/instances/{number}"), "身份证")
    for who, status in ((PRINCIPAL, 403), (STRANGER, 404), (APPLICANT, 403)):
        browser = world.browser(who)
        assert not options(browser.get(f"/instances/{number}")), who
        answer = browser.post(f"/instances/{number}/unmask", {"field": field, "purpose": PURPOSE})
        assert answer.status_code == status, who
    handler = world.browser(HR1).post(f"/instances/{number}/unmask", {"field": field, "purpose": PURPOSE})
    assert handler.status_code == 404, "whoever handles the step reads it in full already"
    assert not world.events("field:unmasked")


@pytest.mark.parametrize(
    "field", ["", ":", "x:y", "{event}:", "{event}:phone.0.x", "{event}:name", "{event}:__class__", "{event}:teaching_history"]
)
def test_what_is_not_masked_is_not_opened(reviewing: tuple[World, str], field: str) -> None:
    world, number = reviewing
    browser = world.browser(HEAD)
    event = offered(browser.get(f"/instances/{number}"), "身份证").partition(":")[0]
    answer = browser.post(f"/instances/{number}/unmask", {"field": field.format(event=event), "purpose": PURPOSE})
    assert answer.status_code == 404
    assert not world.events("field:unmasked")


def test_an_administrator_reads_contact_details_for_a_purpose(
    house: House, administrator: Browser, security: Browser, words: Words
) -> None:
    given = {"name": "王建国", "phone": "13912345678", "email": "wang@example.org"}
    made = administrator.post("/administration/people/new", given)
    number = made.headers["Location"].rpartition("/")[2]
    administrator.post(f"/administration/people/{number}/account", {"sign_in_name": "13912345678"})
    for path in ("people?q=王建国", f"people/{number}"):
        page = words(administrator.get(f"/administration/{path}"))
        assert "13912345678" not in page
        assert "139****5678" in page
    assert "13912345678" not in words(administrator.get("/administration/people?q=13912345678")).replace("q=13912345678", "")
    short = administrator.post(f"/administration/people/{number}/contact", {"purpose": "查"})
    assert short.status_code == 422
    opened = words(security.post(f"/administration/people/{number}/contact", {"purpose": "通知更换证书"}))
    assert "13912345678" in opened
    assert "wang@example.org" in opened
    assert "13912345678" not in words(security.get(f"/administration/people/{number}"))
