"""Sign-in, public and administrators' pages in a real browser: nothing typed runs, and they work without script."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page
from werkzeug.serving import make_server

from tests.browsing import HEIGHTS, WIDTHS
from webapp import Office, create_app
from webapp.composition import SOURCE, check_form
from workflows import accounts, deployment, people
from workflows.audit import Actor, ActorKind
from workflows.clock import Clock
from workflows.db import Database
from workflows.models import Office as OfficeRow
from workflows.models import PublicNotice
from workflows.registers import rounds
from workflows.registers.evidence import FileStore
from workflows.settings import Settings

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

SYSTEM = Actor(ActorKind.ADMINISTRATOR, "console")
#: Markup, script and template text as a name: shown as it stands, never run.
HOSTILE = '"><img src=x onerror=alert(1)>{{7*7}}'


@dataclass(frozen=True)
class Site:
    url: str
    admin: str


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Iterator[Site]:
    """A small demo office, served to the browser."""
    clock, at = Clock(database), datetime.now(UTC)
    with database.write() as session:
        session.add(OfficeRow(demo=True, created_at=at, clock_offset_seconds=3 * 86400))
    deployment.deploy(database, SYSTEM, deployment.read_tree(SOURCE), check_form, at=at)
    bureau, institute = ("ln-jyt", "辽宁省教育厅"), ("ln-jky", HOSTILE)
    for (code, name), org_type, above in ((bureau, "edu_bureau", None), (institute, "tri", "ln-jyt")):
        people.create_organisation(
            database, SYSTEM, code=code, name=name, org_type=org_type, level="province", parent_code=above, place="liaoning",
            from_on=date(2020, 1, 1), at=at,
        )  # fmt: skip
    numbers = []
    for name, role in (("周敬文", "system_admin"), (HOSTILE, "bureau_hr"), ("邵文静", "security_admin")):
        numbers.append(people.create_person(database, SYSTEM, name=name, phone=None, email=None, at=at))
        people.grant(database, SYSTEM, numbers[-1], "ln-jyt", role, date(2020, 1, 1), at=at)
        accounts.create_account(database, SYSTEM, numbers[-1], role, at=at, password=f"Yanshi-{role}-2026", demo=True)
    rounds.open_round(
        database, SYSTEM, title=HOSTILE, org_code="ln-jky", post_type="专职", channel="公开招聘",
        posts=[{"code": "01", "subject": "数学", "stage": "高中", "headcount": 2}], open_at=at - timedelta(days=1),
        close_at=at + timedelta(days=20), prefix="LN", at=at, body=f"<script>alert(1)</script>\n{HOSTILE}", contact=HOSTILE,
    )  # fmt: skip
    with database.read() as session:
        assert session.query(PublicNotice).count() == 1
    settings = Settings(tmp_path / "data", str(database.url), demo=True)
    server = make_server("127.0.0.1", 0, create_app(Office(database, clock, settings, FileStore(tmp_path))), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Site(f"http://127.0.0.1:{server.server_port}", numbers[0])
    server.shutdown()
    thread.join()
    server.server_close()


def sign_in(page: Page, site: Site, name: str) -> None:
    page.goto(f"{site.url}/sign-in?as={name}")
    page.click("main form button.btn-primary")
    page.wait_for_load_state()


def look(page: Page, place: str) -> None:
    """Nothing wider than the screen, whichever it is; a name has made no element."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, f"{place} is {wider} px wider than the screen"
    assert page.locator("img[onerror]").count() == 0, place


PUBLIC = ("/sign-in?as=bureau_hr", "/public/", "/public/LN-G{year}-001")
SIGNED_IN = {
    "bureau_hr": ("/notices/", "/administration/people"),
    "system_admin": ("/administration/people", "/administration/people/{admin}", "/administration/places"),
    "security_admin": (
        "/administration/people/{admin}", "/administration/people/{admin}/role?q=教育",
        "/administration/people/{admin}/role?organisation=ln-jky",
    ),
}  # fmt: skip


def test_names_that_are_markup_are_shown_and_fit(open_page: Callable[..., Page], site: Site) -> None:
    page = open_page()
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    for path in PUBLIC:
        page.goto(site.url + path.format(year=datetime.now(UTC).year))
        look(page, path)
    page.goto(f"{site.url}/sign-in")
    page.fill("#sign_in_name", HOSTILE)
    page.fill("#password", "x")
    page.click("main form button.btn-primary")
    look(page, "sign-in refused")
    for name, paths in SIGNED_IN.items():
        page.context.clear_cookies()
        sign_in(page, site, name)
        for path in paths:
            page.goto(site.url + path.format(admin=site.admin))
            look(page, path)
        page.click("details.menu summary")
        look(page, "menu")
    assert not dialogs


def test_a_question_is_asked_once_and_the_keyboard_answers_it(open_page: Callable[..., Page], site: Site) -> None:
    page = open_page()
    sign_in(page, site, "security_admin")
    page.goto(f"{site.url}/administration/people?q=onerror")
    page.click("table a")
    page.click("text=停用账号")
    page.keyboard.press("Escape")
    assert page.locator("text=已停用").count() == 0
    page.click("text=停用账号")
    page.click("dialog button[value=yes]")
    page.wait_for_selector("text=账号已停用，此人的登录已全部退出")


def test_everything_works_without_script(browser: object, site: Site) -> None:
    context = browser.new_context(java_script_enabled=False, locale="zh-CN")  # type: ignore[attr-defined]
    page = context.new_page()
    sign_in(page, site, "system_admin")
    page.goto(f"{site.url}/administration/people/new")
    page.fill("#name", "王建国")
    page.click("main form button.btn-primary")
    assert "已登记 王建国" in page.inner_text("main")
    page.click("header details.menu summary")
    page.click("header .menu-panel button")
    assert page.url.endswith("/sign-in")
    context.close()
