"""Light, dark, or as the device has it: chosen in the foot of every page, remembered by the browser, never on paper."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.webapp.conftest import Browser


def sheets(browser: Browser) -> dict[str, str]:
    """The style sheets of a page, each with the media it is for."""
    page = browser.get("/sign-in").get_data(as_text=True)
    found = re.findall(r'<link rel="stylesheet" href="[^"]*/dist/([^"?]+)[^"]*"(?: media="([^"]*)")?>', page)
    return dict(found)


def test_a_page_is_as_the_device_has_it_until_somebody_chooses(browser: Browser) -> None:
    assert sheets(browser) == {
        "app.css": "print, (prefers-color-scheme: light), (prefers-color-scheme: no-preference)",
        "app-dark.css": "screen and (prefers-color-scheme: dark)",
    }
    assert 'name="color-scheme" content="light dark"' in browser.get("/sign-in").get_data(as_text=True)


@pytest.mark.parametrize(
    ("asked", "found"), [("dark", {"app.css": "print", "app-dark.css": "screen"}), ("light", {"app.css": ""})]
)
def test_what_is_chosen_holds_for_this_browser_and_paper_stays_light(browser: Browser, asked: str, found: dict[str, str]) -> None:
    answer = browser.post("/appearance", {"appearance": asked, "next": "/sign-in"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in")
    assert sheets(browser) == found
    page = browser.get("/sign-in").get_data(as_text=True)
    assert f'value="{asked}" aria-pressed="true"' in page
    browser.post("/appearance", {"appearance": "auto"})
    assert len(sheets(browser)) == 2


@pytest.mark.parametrize("probe", ["", "purple", "../app", "dark\r\nSet-Cookie: a=b"])
def test_a_probe_changes_nothing_and_leads_nowhere_else(browser: Browser, probe: str) -> None:
    before = sheets(browser)
    answer = browser.post("/appearance", {"appearance": probe, "next": "https://elsewhere.example/"})
    assert answer.status_code == 302 and "elsewhere" not in answer.headers["Location"]
    assert sheets(browser) == before and browser.cookie("jiaoyan-appearance") is None


def test_a_forged_choice_is_refused(house: Any) -> None:
    assert house.browser().client.post("/appearance", data={"appearance": "dark"}).status_code == 400
