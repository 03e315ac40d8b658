"""The bundle itself, on a specimen of every piece a page is made of, under the product's content security policy."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.barriers import barriers
from tests.browsing import NARROW, WIDE

HERE = Path(__file__).resolve().parent
POLICY = "default-src 'self'; img-src 'self' data:; font-src 'self' data:"
PATH = {"done": ["ask", "f1"], "current": ["pour"], "notes": {"pour": "张三，11月27日前"}}
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".bpmn": "application/xml", ".json": "application/json"}

#: What a browser of 2020 does not know: values that it drops, selectors for which it drops the whole rule.
UNKNOWN_VALUES = re.compile(r"color-mix\(|light-dark\(|oklch\(|oklab\(|\blab\(|inline-start|inline-end|-inline:|[;{]inset:")
UNKNOWN_SELECTORS = re.compile(r":is\(|:where\(|:has\(")


def as_chromium_86_reads_it(css: str) -> str:
    """The style sheet without what Chromium 86 drops: it reads neither the colours nor the selectors that came later."""
    out: list[str] = []
    at = 0
    for match in re.finditer(r"([^{}]*)\{([^{}]*)\}", css):
        out.append(css[at : match.start()])
        at = match.end()
        head, body = match.groups()
        if UNKNOWN_SELECTORS.search(head):
            head = "nothing-has-this-name"
        out.append(head + "{" + ";".join(part for part in _declarations(body) if not UNKNOWN_VALUES.search(";" + part)) + "}")
    out.append(css[at:])
    return re.sub(r"@supports \(color:(lab|color)\(", r"@supports not (color:\1(", "".join(out))


def _declarations(body: str) -> list[str]:
    """Split at semicolons that stand in no bracket and no string (data: addresses hold some)."""
    return re.findall(r"(?:\"[^\"]*\"|'[^']*'|\((?:[^()\"']|\"[^\"]*\"|'[^']*'|\([^()]*\))*\)|[^;])+", body)


class Specimen(BaseHTTPRequestHandler):
    """Serves the specimen page and the bundle as the product does."""

    def __init__(self, *args: object, dist: Path, posted: list[str]) -> None:
        self.dist, self.posted = dist, posted
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        old = path.startswith("/old/")
        dark = path.startswith("/dark/")
        name = path.removeprefix("/old") if old else path.removeprefix("/dark") if dark else path
        if name == "/path.json":
            return self.answer(json.dumps(PATH).encode(), ".json")
        file = self.dist / name.removeprefix("/dist/") if name.startswith("/dist/") else HERE / name.lstrip("/")
        text = file.read_text(encoding="utf-8")
        if old and file.suffix == ".html":
            text = text.replace("/dist/app.css", "/old/dist/app.css")
        if dark and file.suffix == ".html":
            text = text.replace("/dist/app.css", "/dist/app-dark.css")
        if old and file.suffix == ".css":
            text = as_chromium_86_reads_it(text)
        return self.answer(text.encode(), file.suffix)

    def do_POST(self) -> None:
        self.posted.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.answer("<title>收到</title><link rel=icon href='data:,'>收到".encode(), ".html")

    def answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", f"{KINDS[kind]}; charset=utf-8")
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: the tests look at the page."""


@pytest.fixture
def posted() -> list[str]:
    return []


@pytest.fixture
def address(root: Path, posted: list[str]) -> Iterator[str]:
    handler = partial(Specimen, dist=root / "webapp" / "static" / "dist", posted=posted)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_the_specimen_looks_right_and_breaks_no_policy(sized_page: Page, address: str, screenshots: Path) -> None:
    sized_page.goto(f"{address}/specimen.html")
    expect(sized_page.locator(".diagram")).to_have_attribute("data-drawn", "done")
    width = sized_page.viewport_size["width"]  # type: ignore[index]
    sized_page.screenshot(path=screenshots / f"specimen-{width}.png", full_page=True)
    assert sized_page.evaluate("document.documentElement.scrollWidth") <= width, "the page is wider than the window"


@pytest.mark.parametrize("look", ["", "/dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_the_specimen_has_no_serious_barrier(open_page: Callable[..., Page], address: str, width: int, look: str) -> None:
    page = open_page(width=width)
    page.goto(f"{address}{look}/specimen.html")
    expect(page.locator(".diagram")).to_have_attribute("data-drawn", "done")
    assert barriers(page, impacts=("serious", "critical"), whole=True) == []


def test_a_diagram_shows_the_way_taken_and_tells_of_a_step(page: Page, address: str) -> None:
    page.goto(f"{address}/specimen.html")
    diagram = page.locator(".diagram")
    expect(diagram).to_have_attribute("data-drawn", "done")
    marks = "holder => [...holder.querySelectorAll('.djs-element')].filter(e => /path-/.test(e.className.baseVal))"
    marked = diagram.evaluate(f"holder => ({marks})(holder).map(e => [e.dataset.elementId, e.className.baseVal.match(/path-\\w+/)[0]])")
    assert sorted(marked) == [["ask", "path-done"], ["f1", "path-done"], ["pour", "path-current"]]
    page.locator("[data-element-id=pour]").hover()
    expect(page.locator(".diagram-note")).to_have_text("倒茶\n张三，11月27日前\n凭茶票倒茶一杯。")
    diagram.evaluate("holder => holder.showPath({done: ['ask', 'f1', 'pour', 'f2'], current: ['drink']})")
    expect(page.locator(".path-current")).to_have_attribute("data-element-id", "drink")
    expect(page.locator(".bjs-powered-by")).to_be_visible()


def test_the_keyboard_reaches_every_step_that_has_something_to_tell(page: Page, address: str) -> None:
    page.goto(f"{address}/specimen.html")
    expect(page.locator(".diagram")).to_have_attribute("data-drawn", "done")
    step, note = page.locator("[data-element-id=pour]"), page.locator(".diagram-note")
    expect(page.locator(".djs-element[tabindex='0']")).to_have_count(1)
    expect(step).to_have_attribute("aria-label", "倒茶 · 张三，11月27日前")
    step.focus()
    expect(note).to_contain_text("张三，11月27日前")
    page.keyboard.press("Escape")
    expect(note).to_be_hidden()
    page.locator(".diagram").evaluate("holder => holder.showPath({ahead: ['drink'], notes: {ask: '李四已办', drink: '预计经过'}})")
    expect(page.locator(".djs-element[tabindex='0']")).to_have_count(2)
    expect(page.locator(".path-ahead")).to_have_attribute("data-element-id", "drink")


def test_a_chart_is_drawn_from_its_table_and_leads_where_its_rows_lead(page: Page, address: str) -> None:
    page.goto(f"{address}/specimen.html")
    chart = page.locator(".chart")
    expect(chart).to_have_attribute("data-drawn", "done")
    expect(chart).to_have_attribute("aria-hidden", "true")
    expect(chart.locator("canvas")).to_have_count(1)
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 8 + 32 + 17)
    expect(page).to_have_url(f"{address}/specimen.html#charted")


def test_a_diagram_that_cannot_be_had_says_so(page: Page, address: str) -> None:
    page.route("**/two_steps.bpmn", lambda route: route.fulfill(status=200, body="no diagram"))
    page.add_init_script("console.error = () => {}")
    page.goto(f"{address}/specimen.html")
    expect(page.locator(".diagram")).to_have_attribute("data-drawn", "failed")
    expect(page.locator(".diagram")).to_contain_text("流程图无法显示")


def test_a_confirmed_button_is_sent_once_and_a_refused_one_never(page: Page, address: str, posted: list[str]) -> None:
    page.goto(f"{address}/specimen.html")
    page.get_by_role("button", name="提交", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("确定提交申报？")
    page.get_by_role("button", name="再看看").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert posted == []
    page.get_by_role("button", name="提交", exact=True).click()
    page.keyboard.press("Escape")
    assert posted == []
    page.get_by_role("button", name="提交", exact=True).click()
    page.get_by_role("button", name="确定提交").click()
    expect(page).to_have_title("收到")
    assert len(posted) == 1
    assert "act=agree" in posted[0]


def test_rows_are_walked_by_the_arrow_keys_and_followed_by_a_click(page: Page, address: str) -> None:
    page.goto(f"{address}/specimen.html")
    page.get_by_role("link", name="JY-2026-000123").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name="JY-2026-000124")).to_be_focused()
    page.get_by_text("5 个工作日", exact=True).click()
    expect(page).to_have_url(f"{address}/specimen.html#two")


def test_a_row_is_added_under_a_number_of_its_own_and_taken_away(page: Page, address: str) -> None:
    page.goto(f"{address}/specimen.html")
    field = page.locator("[data-table-field]")
    field.get_by_role("button", name="增加一行").click()
    expect(field.locator("[name=t-1-school]")).to_be_focused()
    field.get_by_role("button", name="删除").last.click()
    expect(field.locator("[data-row]")).to_have_count(1)
    field.get_by_role("button", name="增加一行").click()
    expect(field.locator("[name=t-2-school]")).to_be_focused()  # a number is never given twice


def test_a_menu_closes_by_escape_and_by_a_click_elsewhere(page: Page, address: str) -> None:
    page.goto(f"{address}/specimen.html")
    menu = page.locator("details.menu")
    menu.locator("summary").click()
    expect(menu.get_by_role("link", name="我的资料")).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu.get_by_role("link", name="我的资料")).to_be_hidden()
    expect(menu.locator("summary")).to_be_focused()
    menu.locator("summary").click()
    page.locator("h1").click()
    expect(menu.get_by_role("link", name="我的资料")).to_be_hidden()


def test_paper_shows_the_facts_and_no_buttons(page: Page, address: str, screenshots: Path) -> None:
    page.goto(f"{address}/specimen.html")
    page.emulate_media(media="print")
    for hidden in (".office-bar", ".action-bar", ".office-foot"):
        expect(page.locator(hidden)).to_be_hidden()
    expect(page.locator(".facts")).to_be_visible()
    page.screenshot(path=screenshots / "specimen-paper.png", full_page=True)


def test_a_browser_of_2020_sees_the_same_page(open_page: Callable[..., Page], address: str, screenshots: Path) -> None:
    """Colours, borders, spaces and places are those of the same page without what Chromium 86 does not know."""
    seen = """() => [...document.querySelectorAll('body, body *:not(.diagram *)')].map(e => {
        const s = getComputedStyle(e), b = e.getBoundingClientRect();
        return [e.tagName + '.' + e.className, s.color, s.backgroundColor, s.borderTopColor, s.borderTopWidth,
                s.borderBottomWidth, s.fontSize, s.fontWeight, s.paddingLeft, s.marginLeft, s.float, s.boxShadow,
                Math.round(b.left), Math.round(b.width)].join(' | ');
    })"""
    pages = {}
    for name in ("", "/old"):
        page = open_page()
        page.goto(f"{address}{name}/specimen.html")
        expect(page.locator(".diagram")).to_have_attribute("data-drawn", "done")
        page.screenshot(path=screenshots / f"specimen{name.replace('/', '-')}.png", full_page=True)
        pages[name] = page.evaluate(seen)
    different = [f"{new}\n   2020: {old}" for new, old in zip(pages[""], pages["/old"], strict=True) if new != old]
    assert different == [], "\n".join(different[:20])
