"""Chinese is the message id; English is complete: pages, refusals, forms, diagrams, tables and packs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.webapp.conftest import Browser, House
from webapp.languages import CATALOGUE, worded
from webapp.translations import extract, sources

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def test_every_message_has_its_english() -> None:
    found = list(extract.messages())
    assert {Path(path).suffix for path, _, _ in found} == {".py", ".html", ".json", ".bpmn", ".dmn", ".toml"}
    assert len(found) > 1000
    assert extract.missing() == [], "run: python -m webapp.translations.extract, then translate what it lists"


def test_the_english_is_english_and_keeps_what_is_filled_in() -> None:
    for entry in extract.stored():
        if not entry.id:
            continue
        chinese = entry.id if isinstance(entry.id, str) else entry.id[0]
        for english in [entry.string] if isinstance(entry.string, str) else entry.string:
            quoted = re.sub(r"“[^”]*”|\([^)]*\)|〔|〕|{{.*}}", "", english)
            assert not CHINESE.search(quoted) or "辽教发" in quoted, f"{chinese} -> {english}"
            places = re.compile(r"%\(\w+\)s")
            assert set(places.findall(english)) == set(places.findall(chinese)), f"{chinese} -> {english}"
            if chinese.count("{{") == 1:
                assert re.findall(r"{{.*?}}", english) == re.findall(r"{{.*?}}", chinese), chinese


def test_a_word_that_no_file_says_any_longer_is_not_kept() -> None:
    said = {message if isinstance(message, str) else message[0] for _, message, _ in extract.messages()}
    kept = {entry.id if isinstance(entry.id, str) else entry.id[0] for entry in extract.stored() if entry.id}
    assert kept - said == set(), "run: python -m webapp.translations.extract"


def test_words_that_come_as_data_are_found_in_their_files(tmp_path: Path) -> None:
    form = tmp_path / "f.json"
    form.write_text(
        '{"id": "a.b", "properties": {"name": "表名", "hide": "=性别", "rule_message": "不对"}, "components": ['
        '{"key": "sex", "label": "性别", "values": [{"label": "女", "value": "女性"}], "conditional": {"hide": "=x = \\"男\\""}},'
        '{"key": "who", "label": "x", "valuesExpression": "=[\\"甲\\", \\"b\\"]"}]}'
    )
    with form.open("rb") as file:
        assert [message for _, _, message, _ in sources.form(file, [], [], {})] == ["表名", "不对", "性别", "女", "甲"]
    table = tmp_path / "t.dmn"
    table.write_text(
        '<d xmlns="x"><decision id="q" name="结论"><outputEntry><text>"合格"</text></outputEntry><outputEntry><text>"共" + n + "项"</text>'
        "</outputEntry><annotationEntry><text>照此办理</text></annotationEntry></decision></d>"
    )
    with table.open("rb") as file:
        assert [message for _, _, message, _ in sources.table(file, [], [], {})] == ["结论", "合格", "照此办理"]


def test_messages_that_are_missing_stay_chinese_and_places_are_filled() -> None:
    assert worded("en", "没有这样的句子") == "没有这样的句子"
    assert worded("en", "") == ""
    assert worded("en", "该任务已由%(name)s认领", {"name": "李晓岚"}) == "李晓岚 has claimed this task"
    assert worded("zh", "该任务已由%(name)s认领", {"name": "李晓岚"}) == "该任务已由李晓岚认领"
    assert CATALOGUE.messages("en") is CATALOGUE.messages("en")


@pytest.mark.parametrize(
    "path",
    ["/register", "/public/", "/nothing", "/notices/", "/password", "/administration/people", "/administration/places",
     "/administration/imports", "/administration/jobs", "/administration/health", "/administration/definitions",
     "/administration/people/new", "/administration/places/new?parent=ln-jyt", "/confirm/x"],
)  # fmt: skip
def test_no_chinese_is_left_on_an_english_page(house: House, administrator: Browser, path: str) -> None:
    administrator.post("/language", {"language": "en"})
    page = administrator.get(path).get_data(as_text=True)
    assert '<html lang="en">' in page
    shown = re.sub(r'<button[^>]*lang="zh-CN"[^>]*>.*?</button>', "", page, flags=re.S)
    shown = shown.replace("辽宁省教育厅", "").replace("周敬文", "")  # names of places and people are names
    left = {found.group(0) for found in re.finditer(r"[^<>\"]*[\u4e00-\u9fff，。：；（）、][^<>\"]*", shown)}
    assert not left
