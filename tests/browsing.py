"""A real Chromium: pages at office and phone width, in Chinese or English, that fail their test on any script error."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

WIDE, NARROW = 1440, 390
WIDTHS = (WIDE, NARROW)
HEIGHTS = {WIDE: 900, NARROW: 844}
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: What the browser itself notes when the server refuses; the test looks at the page instead.
NOT_AN_ERROR = ("Failed to load resource: the server responded with a status of 4",)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the test process: ``$CHROMIUM``, else the machine's, else Playwright's own."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """A page of its own session: ``open_page(width=390, language="en")``. Any script error or broken policy fails the test."""
    opened = []
    wrong: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(NOT_AN_ERROR):
            wrong.append(f"{message.text} ({message.location.get('url', '')})")

    def new(*, width: int = WIDE, language: str = "zh-CN") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": HEIGHTS.get(width, 900)}, locale=language, timezone_id="Asia/Shanghai"
        )
        context.set_default_timeout(15_000)
        opened.append(context)
        page = context.new_page()
        page.on("console", heard)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        return page

    yield new
    for context in opened:
        context.close()
    assert not wrong, "the browser reported: " + "; ".join(wrong)


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """A page at office width, in Chinese."""
    return open_page()


@pytest.fixture(params=WIDTHS)
def sized_page(request: pytest.FixtureRequest, open_page: Callable[..., Page]) -> Page:
    """A page at office width, and again at phone width."""
    return open_page(width=request.param)
