"""Forms in a real browser: what depends on an answer appears, rows come and go, nothing typed is lost, all of it usable
with the keyboard, without script, and without an objection of axe."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from flask import request
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from forms.spec import FormSpec
from tests.browser.barriers import barriers
from tests.forms.host import Host
from tests.forms.papers import FORMS, NOW, ROOT, RULINGS, application, bound, house, read_form
from workflows import policies

SPECS: Mapping[str, FormSpec] = {spec.id: spec for spec in map(read_form, FORMS)}
PACKS = policies.load({path.name: path.read_bytes() for path in (ROOT / "bpmn" / "policies").glob("*.toml")})
PACK = PACKS["liaoning"].on(NOW.date())


@pytest.fixture
def site() -> Iterator[Callable[..., Host]]:
    """``site("admission.application", task={…})``: the form on a site of its own; ``.url`` is its address."""
    running: list[Any] = []

    def start(form: str, *, saved: dict[str, Any] | None = None, returned: dict[str, str] | None = None, **more: Any) -> Host:
        given = {"ruling": RULINGS[0], "task": {"step": "adm_u2"}, "application": {"current_unit": "bh-hq-sch01"}} | more
        host = Host(SPECS[form], house(PACK, **given), saved=saved, returned=returned or {})
        server = make_server("127.0.0.1", 0, host.app, threaded=True)
        running.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host.url = f"http://127.0.0.1:{server.port}/"
        return host

    yield start
    for server in running:
        server.shutdown()


def blameless(page: Page) -> None:
    assert barriers(page) == []


@pytest.mark.parametrize("form", [name for name in SPECS if name.startswith("admission")])
def test_axe_finds_nothing_on_empty_and_refused_forms(form: str, site: Callable[..., Host], sized_page: Page) -> None:
    sized_page.goto(site(form).url)
    blameless(sized_page)
    assert sized_page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out of the page"
    sized_page.click("button[value=check]")
    expect(sized_page.locator("#form-errors")).to_be_focused()
    blameless(sized_page)


def test_what_depends_on_an_answer_appears_and_keeps_what_was_typed(site: Callable[..., Host], page: Page) -> None:
    page.goto(site("admission.application").url)
    page.fill("#f-full_name", "李明月")
    page.check("input[name=discipline_declaration][value=有]")
    details = page.locator("#f-discipline_details")
    expect(details).to_be_visible()
    details.fill("二〇一九年警告")
    page.check("input[name=discipline_declaration][value=无]")
    expect(details).to_have_count(0)
    page.check("input[name=discipline_declaration][value=有]")
    expect(details).to_have_value("二〇一九年警告")
    expect(page.locator("#f-full_name")).to_have_value("李明月")


def test_typing_goes_on_while_the_form_is_asked_for_again(site: Callable[..., Host], page: Page) -> None:
    """A slow answer to an earlier change may not wipe what was typed since."""
    host = site("admission.application")
    slow = threading.Event()

    @host.app.before_request
    def wait() -> None:
        if request.path == "/refresh" and not slow.is_set():
            slow.set()
            time.sleep(0.8)

    page.goto(host.url)
    page.check("input[name=kinship_status][value=有]")
    page.locator("#f-statement").press_sequentially("我热爱教研工作", delay=60)
    expect(page.locator("#f-kinship_declaration")).to_be_visible()
    expect(page.locator("#f-statement")).to_have_value("我热爱教研工作")
    expect(page.locator("#f-statement")).to_be_focused()


def test_rows_with_script(site: Callable[..., Host], page: Page) -> None:
    page.goto(site("admission.application").url)
    table = page.locator("#f-annual_appraisals")
    expect(table.locator("tbody tr")).to_have_count(5)
    expect(page.locator("#f-annual_appraisals_reason")).to_have_count(0)
    table.locator("tbody tr").nth(1).locator("[data-remove-row]").click()
    expect(table.locator("tbody tr")).to_have_count(4)
    expect(page.locator("#f-annual_appraisals_reason")).to_be_visible()
    table.locator("[data-add-row]").click()
    expect(table.locator("tbody tr")).to_have_count(5)
    table.locator("tbody tr").nth(4).locator("input[inputmode=numeric]").fill("2019")
    expect(page.locator("#f-annual_appraisals_reason")).to_have_count(0)
    page.click("button[value=check]")
    expect(page.locator("[name='annual_appraisals.4.year']")).to_have_value("2019")


def paste(page: Page, where: str, text: str) -> None:
    """Paste what a spreadsheet has copied."""
    page.locator(where).focus()
    page.evaluate("""text => {
        const data = new DataTransfer();
        data.setData('text/plain', text);
        document.activeElement.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true}));
    }""", text)


def test_cells_of_a_spreadsheet_fill_rows_and_what_does_not_fit_is_said(site: Callable[..., Host], page: Page) -> None:
    page.goto(site("admission.application").url)
    table = page.locator("#f-teaching_history")
    expect(table.locator("[data-paste-said]")).to_contain_text("可以从电子表格复制多行")
    paste(page, "[name='teaching_history.0.start']", (
        '2010/9/1\t2018年8月31日\t"沈阳市\n第一小学"\t中小学\t课堂教学\t语文\t小学\r\n'
        "2018-09-01\t\t沈阳市浑河高级中学\t中小学\t课堂教学\t炼金术\t高中\r\n"
    ))
    expect(table.locator("tbody tr")).to_have_count(2)
    for name, value in (
        ("0.start", "2010-09-01"), ("0.end", "2018-08-31"), ("0.unit", "沈阳市 第一小学"), ("0.subject", "语文"),
        ("1.start", "2018-09-01"), ("1.end", ""), ("1.unit", "沈阳市浑河高级中学"), ("1.subject", ""), ("1.stage", "高中"),
    ):  # fmt: skip
        expect(page.locator(f"[name='teaching_history.{name}']")).to_have_value(value)
    said = table.locator("[data-paste-said]")
    expect(said).to_contain_text("已从电子表格粘贴 2 行")
    expect(said).to_contain_text("第 2 行“学科”：炼金术")
    page.click("button[value=check]")
    expect(page.locator("[name='teaching_history.1.unit']")).to_have_value("沈阳市浑河高级中学")


def test_headings_of_a_spreadsheet_are_matched_with_the_columns(site: Callable[..., Host], page: Page) -> None:
    page.goto(site("admission.application").url)
    rows = "\n".join(f"优秀\t{year}" for year in range(2015, 2027))
    paste(page, "[name='annual_appraisals.0.year']", f"考核结果\t年度\n{rows}")
    expect(page.locator("[name='annual_appraisals.0.year']")).to_have_value("2015")
    expect(page.locator("[name='annual_appraisals.0.result']")).to_have_value("优秀")
    most = int(page.locator("#f-annual_appraisals").get_attribute("data-max-rows") or 0)
    expect(page.locator("#f-annual_appraisals tbody tr")).to_have_count(min(most, 12))
    if most < 12:
        expect(page.locator("#f-annual_appraisals [data-paste-said]")).to_contain_text(f"另有 {12 - most} 行超出本表")


def test_one_cell_and_a_longer_text_go_where_they_are_pasted(site: Callable[..., Host], page: Page) -> None:
    page.goto(site("admission.application").url)
    paste(page, "[name='teaching_history.0.unit']", "沈阳市第一小学")
    expect(page.locator("#f-teaching_history [data-paste-said]")).not_to_contain_text("已从电子表格粘贴")


def test_files_are_kept_once_chosen_and_the_draft_is_saved(site: Callable[..., Host], page: Page, tmp_path: Path) -> None:
    host = site("admission.application")
    photo = tmp_path / "证件照.jpg"
    photo.write_bytes(b"\xff\xd8\xff invented")
    page.goto(host.url)
    page.set_input_files("#f-photo", str(photo))
    expect(page.get_by_role("link", name="证件照.jpg")).to_be_visible()
    page.fill("#f-full_name", "李明月")
    page.press("#f-full_name", "Tab")
    expect(page.locator("#saved-at")).to_contain_text("草稿已保存")
    page.reload()
    expect(page.locator("#f-full_name")).to_have_value("李明月")
    expect(page.get_by_role("link", name="证件照.jpg")).to_be_visible()


def test_a_form_goes_as_plain_fields_unless_a_file_is_still_to_be_sent(
    site: Callable[..., Host], page: Page, tmp_path: Path
) -> None:
    photo = tmp_path / "证件照.jpg"
    photo.write_bytes(b"\xff\xd8\xff invented")
    page.goto(site("admission.application").url)
    page.set_input_files("#f-photo", str(photo))
    expect(page.get_by_role("link", name="证件照.jpg")).to_be_visible()
    with page.expect_request(lambda one: one.is_navigation_request()) as sent:
        page.click("button[value=check]")
    assert sent.value.headers["content-type"] == "application/x-www-form-urlencoded"
    expect(page.get_by_role("link", name="证件照.jpg")).to_be_visible()

    page.route("**/*", lambda route: route.fulfill(status=204) if route.request.resource_type == "xhr" else route.continue_())
    page.goto(site("admission.application").url)
    page.set_input_files("#f-photo", str(photo))
    with page.expect_request(lambda one: one.is_navigation_request()) as sent:
        page.click("button[value=check]")
    assert sent.value.headers["content-type"].startswith("multipart/form-data")
    expect(page.get_by_role("link", name="证件照.jpg")).to_be_visible()


def test_an_organisation_is_found_by_name(site: Callable[..., Host], page: Page) -> None:
    page.goto(site("admission.application").url)
    page.locator("#f-current_unit").press_sequentially("海青区第", delay=20)
    expect(page.locator("#f-current_unit-list option")).to_have_count(2)


def test_the_page_shows_who_may_change_what(site: Callable[..., Host], page: Page) -> None:
    saved = dict(bound(SPECS["admission.application"], application(), house(PACK)).values)
    page.goto(
        site(
            "admission.application", saved=saved, returned={"title_date": "与证书不一致"},
            task={"step": "adm_u3", "returned": ["title_date"]},
        ).url
    )  # fmt: skip
    expect(page.locator("#f-title_date")).to_be_editable()
    expect(page.get_by_text("需补正：与证书不一致")).to_be_visible()
    expect(page.locator("input#f-full_name")).to_have_count(0)
    expect(page.locator("#f-full_name")).to_have_text("李明月")
    blameless(page)


def test_the_whole_way_without_script(site: Callable[..., Host], browser: Browser) -> None:
    host = site("admission.reconsideration")
    context = browser.new_context(java_script_enabled=False, locale="zh-CN")
    page = context.new_page()
    try:
        page.goto(host.url)
        page.check("input[value=申请复核]")
        page.click("button[value=check]")
        expect(page.locator("#form-errors")).to_contain_text("请填写“复核理由”")
        page.fill("#f-review_reason", "本人教学月数计算有误，漏计了二〇一二年九月至二〇一四年八月的教学经历。")
        page.click("button[value=check]")
        expect(page.get_by_text("漏计了二〇一二年九月")).to_be_visible()
        page.click("button[value=submit]")
        assert host.submitted[0].data["apply"] == "申请复核"
    finally:
        context.close()
