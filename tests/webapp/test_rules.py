"""Pages of rules: packs side by side, tables in words, a case tried, and "am I eligible?" before applying (issue 5)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from lxml import html

from tests.webapp.case_world import APPLICANT, ROOT, SYSTEM, World
from webapp import composition
from workflows import deployment


@pytest.fixture
def world(house: Any) -> World:
    return World(house)


def _page(browser: Any, path: str, **posted: str) -> Any:
    answer = browser.client.post(path, data=posted) if posted else browser.get(path)
    return html.fromstring(answer.get_data(as_text=True)), answer.status_code


def _words(element: Any) -> str:
    return " ".join(element.text_content().split())


def _token(page: Any) -> str:
    return str(page.xpath("//main//form[@id='case']//input[@name='csrf_token']/@value")[0])


HISTORY = {
    "teaching_history._rows": "2", "teaching_history.1.start": "2020-09-01", "teaching_history.1.end": "2026-08-31",
    "teaching_history.1.unit_kind": "高校", "teaching_history.1.duty": "课堂教学",
}  # fmt: skip


def test_every_value_of_both_places_stands_with_its_clause_and_quotation(world: World) -> None:
    page, status = _page(world.browser(APPLICANT), "/rules/")
    assert status == 200
    with world.house.database.read() as session:
        packs = deployment.packs(session, deployment.newest_pack_set(session))
    assert len(page.xpath("//tr[@id]")) == len(packs.keys_of_values)
    hours = _words(page.get_element_by_id("training.annual_hours"))
    for said in ("每年培训", "72 课时", "72 学时", "第14条", "每年接受不少于 72 课时的培训", "文件条款", "2020-06-09", "2021-05-29"):
        assert said.replace(" ", "") in hours.replace(" ", ""), said
    cycle = page.get_element_by_id("training.cycle_years").xpath("./td")
    assert "各地不同" in _words(cycle[0]) and "未作规定" in _words(cycle[2]) and "3 年" in _words(cycle[1])
    shared = page.get_element_by_id("deadlines.adm_u2").xpath("./td")
    assert len(shared) == 2 and shared[1].get("colspan") == "2"


def test_values_are_found_by_words_by_difference_and_by_day(world: World) -> None:
    browser = world.browser(APPLICANT)
    found, _ = _page(browser, "/rules/?q=一线")
    keys = set(found.xpath("//tr[@id]/@id"))
    assert {"admission.teaching_experience.months", "admission.teaching_experience.kind"} <= keys
    assert "training.annual_hours" not in keys
    differing = set(_page(browser, "/rules/?differing=1")[0].xpath("//tr[@id]/@id"))
    assert "admission.teaching_experience.kind" in differing and "admission.title.min_level" not in differing
    early, _ = _page(browser, "/rules/?on=2020-12-31")
    liaoning = {name: place for place, name in enumerate(early.xpath("(//table)[1]/thead//th/text()"))}["辽宁省"]
    months = early.get_element_by_id("admission.teaching_experience.months").xpath("./td")
    assert "72" in _words(months[liaoning])
    assert "未作规定" in _words(months[3 - liaoning]), "Guangxi's document is of 2021: nothing was in force there"
    assert "没有符合筛选条件" in _words(_page(browser, "/rules/?q=没有这样的规则")[0])


def test_a_table_is_read_as_rules_in_words_with_links_to_the_values(world: World) -> None:
    page, status = _page(world.browser(APPLICANT), "/rules/tables/DT-ADM-01")
    assert status == 200
    rules = [_words(row) for row in page.get_element_by_id("DT-ADM-01").xpath(".//tbody/tr")]
    assert any("≥ 「教学经历年限」" in rule and "符合" in rule for rule in rules)
    assert rules[0].replace(" ", "").startswith("1未作规定不限不适用本地没有规定教学年限教学经历年限")
    for link in page.xpath("//main//td//a/@href"):
        assert page.xpath(f"//*[@id='{link[1:]}']"), link


def test_every_table_has_its_page_and_its_form(world: World) -> None:
    browser = world.browser(APPLICANT)
    page, _ = _page(browser, "/rules/tables/")
    links = page.xpath("//main//table//a/@href")
    with world.house.database.read() as session:
        tables = deployment.rules_in_force(session)
    assert sorted(link.rpartition("/")[2] for link in links) == sorted(tables)
    for link in links:
        shown, status = _page(browser, link)
        assert status == 200 and shown.get_element_by_id("case") is not None, link
        empty, status = _page(browser, link, csrf_token=_token(shown))
        assert status in (200, 422), link
        assert status == 200 or "还不能判定" in _words(empty), link
    assert browser.get("/rules/tables/DT-NONE-01").status_code == 404


def test_a_case_that_is_tried_is_answered_for_every_place_and_stored_nowhere(world: World) -> None:
    browser = world.browser(APPLICANT)
    path = "/rules/tables/DT-ADM-01"
    token = _token(_page(browser, path)[0])
    page, status = _page(browser, path, csrf_token=token, close_at="2026-09-30", on="2026-09-30", **HISTORY)
    assert status == 200
    answers = {_words(one.xpath("./h3")[0]): _words(one) for one in page.xpath("//*[@id='answer']//div[h3]")}
    assert "符合(年限)：教学经历 72 个月 ≥ 72 个月" in answers["辽宁省"] and "辽宁实施意见 第12条（4）" in answers["辽宁省"]
    assert "不符合(年限)：一线教学 0 个月 < 72 个月" in answers["广西壮族自治区"] and "广西实施意见 第13条" in answers["广西壮族自治区"]
    assert page.xpath("//input[@name='teaching_history.1.start']/@value") == ["2020-09-01"], "what was typed stands"
    assert not [event for event, _ in world.events("decision:evaluated")]


def test_a_row_can_be_added_without_a_script_and_a_bad_fact_is_named_where_it_stands(world: World) -> None:
    browser = world.browser(APPLICANT)
    path = "/rules/tables/DT-ADM-01"
    token = _token(_page(browser, path)[0])
    more, status = _page(browser, path, csrf_token=token, _more="teaching_history", **HISTORY)
    assert status == 200 and len(more.xpath("//input[starts-with(@name,'teaching_history.') and contains(@name,'.start')]")) == 3
    second = {key.replace(".1.", ".2."): value for key, value in HISTORY.items()}
    second["teaching_history.2.end"] = "2026-02-30"
    bad, status = _page(browser, path, csrf_token=token, close_at="2026-09-30", **second)
    assert status == 422
    assert bad.xpath("//input[@aria-invalid='true']/@name") == ["teaching_history.2.end"], "the first row was left empty"
    assert bad.xpath("//input[@name='teaching_history.2.end']/@value") == ["2026-02-30"]


def test_anybody_may_ask_before_applying_whether_they_would_be_eligible(world: World) -> None:
    nobody = world.house.browser()
    path = f"/rules/eligibility/{world.round}"
    assert path in nobody.get("/public/").get_data(as_text=True)
    page, status = _page(nobody, path)
    assert status == 200
    asked = set(page.xpath("//form[@id='case']//*[self::input or self::select]/@name"))
    assert {"title_series", "title_level", "discipline_declaration"} <= asked and not {"close_at", "channel", "appointment_type"} & asked
    facts = {
        **HISTORY, "teaching_history.1.unit_kind": "中小学", "title_series": "教师", "title_level": "二级",
        "discipline_declaration": "无", "source_kind": "在职教师",
    }  # fmt: skip
    told, status = _page(nobody, path, csrf_token=_token(page), **facts)
    assert status == 200
    said = _words(told.get_element_by_id("answer"))
    assert "不符合(等级)" in said and "符合(年限)" in said and "辽宁实施意见" in said and "广西" not in said
    assert nobody.get("/rules/eligibility/LN-R1999-001").status_code == 404
    assert "/sign-in" in nobody.get("/rules/").headers["Location"]


def test_a_changed_value_shows_with_the_one_before_it(world: World) -> None:
    files = deployment.read_tree(ROOT)
    path = "bpmn/policies/liaoning.toml"
    block = '\n[["training.annual_hours"]]\nvalue = 90\nunit = "课时"\nsince = 2027-01-01\ndocument = "D"\nitem = "I11"\ntag = "D"\n'
    files[path] += block.encode()
    facts = {"year": 2027, "post_type": "专职", "records": [{"date": "2027-05-01", "hours_claimed": 80, "hours_recognised": 80}]}
    assert _decided(world, "DT-TRN-02", facts, 2027) == "met"
    done = deployment.deploy(
        world.house.database, SYSTEM, files, composition.check_form, at=world.house.watch()
    )
    assert done.pack_set_is_new and not any(new for _, _, new in done.definitions), "no definition's digest changes"
    assert _decided(world, "DT-TRN-02", facts, 2027) == "not_met"
    page, _ = _page(world.browser(APPLICANT), "/rules/?group=training")
    row = _words(page.get_element_by_id("training.annual_hours"))
    assert "其他时期的值" in row and "自 2027-01-01 起：90 课时" in row
    later, _ = _page(world.browser(APPLICANT), "/rules/?on=2027-01-01")
    assert "90 课时" in _words(later.get_element_by_id("training.annual_hours").xpath("./td")[-1])


def _decided(world: World, table: str, facts: dict[str, Any], year: int) -> str:
    with world.house.database.read() as session:
        book = deployment.rules_in_force(session)[table]
    return str(book.answer(table, policy="liaoning", facts=facts, on=date(year, 12, 31))["outcome"])
