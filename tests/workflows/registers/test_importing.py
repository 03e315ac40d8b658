"""Spreadsheets that people send: defects by row and column, all or nothing, and bombs refused at once."""

from __future__ import annotations

import io
import time
import tracemalloc
import zipfile
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from sqlalchemy import func, select

from workflows import workbooks
from workflows.audit import Actor, ActorKind
from workflows.db import Database
from workflows.errors import ImportRefused
from workflows.models import Event, Membership, Organisation, Person, StaffingCell
from workflows.registers import importing, spreadsheet

AT = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)
BY = Actor(ActorKind.ADMINISTRATOR, "console", ip="127.0.0.1")
PLACES = ["单位代码 *", "单位名称 *", "单位类型 *", "层级 *", "上级单位代码", "政策规则包", "起始日期 *"]
PEOPLE = ["姓名", "手机号", "邮箱", "单位代码", "角色", "起始日期", "终止日期"]
STAFFING = ["单位代码", "学科", "学段", "应配专职人数", "起始日期"]


def workbook(*rows: Sequence[Any]) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(list(row))
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def count(database: Database, model: type[Any]) -> int:
    with database.read() as session:
        return session.execute(select(func.count()).select_from(model)).scalar_one()


@pytest.fixture
def province(database: Database) -> Database:
    """A database with one province's bureau."""
    with database.write() as session:
        session.add(
            Organisation(
                code="ln-jyt",
                name="辽宁省教育厅",
                org_type="edu_bureau",
                level="province",
                place="liaoning",
                from_on=date(2020, 1, 1),
            )
        )
    return database


def enter(database: Database, kind: str, raw: bytes) -> importing.ImportReport:
    return importing.import_workbook(database, BY, kind, raw, at=AT)


def defects(database: Database, kind: str, raw: bytes) -> list[tuple[int, str, str]]:
    before = {model: count(database, model) for model in (Organisation, Person, Membership, StaffingCell, Event)}
    with pytest.raises(ImportRefused) as refused:
        enter(database, kind, raw)
    looked_at = importing.import_workbook(database, BY, kind, raw, at=AT, dry_run=True)
    assert looked_at.problems == refused.value.problems
    assert before == {model: count(database, model) for model in before}
    return [(problem.line, problem.element, problem.reason) for problem in refused.value.problems]


def a_city(database: Database) -> None:
    enter(
        database,
        "places",
        workbook(
            PLACES,
            # the school stands before the bureau it belongs to: the order of rows does not matter
            ["ln-sy-sch01", "沈阳市第一小学", "学校", "校级", "ln-sy-jyj", None, "2021-09-01"],
            ["ln-sy-jyj", "沈阳市教育局", "教育行政部门", "市级", "ln-jyt", None, date(2021, 1, 1)],
            ["ln-sy-jys", "沈阳市教育研究院", "教研机构", "市级", "ln-sy-jyj", "liaoning", "2021年1月1日"],
        ),
    )


def test_places_are_entered_in_any_order_under_one_event(province: Database) -> None:
    a_city(province)
    with province.read() as session:
        school = session.execute(select(Organisation).where(Organisation.code == "ln-sy-sch01")).scalar_one()
        assert session.get_one(Organisation, school.parent_id).code == "ln-sy-jyj"
        assert (school.place, school.from_on, school.org_type) == ("liaoning", date(2021, 9, 1), "school")
        kinds = session.execute(select(Event.kind, Event.actor_kind, Event.actor)).all()
    assert kinds == [("register:imported", "import", BY.person)]


def test_every_defect_is_named_by_row_and_column_and_nothing_is_entered(province: Database) -> None:
    raw = workbook(
        PLACES,
        ["ln-sy-jyj", "沈阳市教育局", "教育行政部门", "市级", "nowhere", None, "2021-01-01"],
        ["ln-jyt", "重复的教育厅", "教育行政部门", "省级", None, "liaoning", "2021-01-01"],
        ["LN SY", "代码不对的学校", "小学堂", "校级", "ln-jyt", None, "明年"],
        ["ln-dl-jyj", None, "教育行政部门", "市级", "ln-jyt", None, "2021-01-01"],
        ["ln-dl-sch1", "大连市某学校", "学校", "校级", "ln-dl-jyj", None, "2021-01-01"],
        ["gx-jyt", "没有部署的省", "教育行政部门", "省级", None, "guizhou", "2021-01-01"],
    )
    assert defects(province, "places", raw) == [
        (2, "上级单位代码", "没有这个单位代码"),
        (3, "单位代码", "这个单位代码已经存在"),
        (4, "单位代码", "代码由小写字母、数字和连字符组成，2 至 60 位"),
        (4, "单位类型", "没有这种单位类型，见填写说明"),
        (4, "起始日期", "日期应如 2026-09-01"),
        (5, "单位名称", "不能为空"),
        # row 6 lies below row 5, which has a defect of its own: it is not blamed
        (7, "政策规则包", "没有部署这个政策规则包"),
    ]


def test_a_circle_of_places_and_levels_upside_down_are_refused(province: Database) -> None:
    raw = workbook(
        PLACES,
        ["ln-a", "甲教育局", "教育行政部门", "市级", "ln-b", None, "2021-01-01"],
        ["ln-b", "乙教育局", "教育行政部门", "市级", "ln-a", None, "2021-01-01"],
        ["ln-c", "丙学校", "学校", "校级", "ln-jyt", None, "2021-01-01"],
        ["ln-d", "丁教育局", "教育行政部门", "县级", "ln-c", None, "2021-01-01"],
    )
    found = defects(province, "places", raw)
    assert (2, "上级单位代码", "上级单位绕成了一圈") in found
    assert (5, "层级", "层级高于上级单位") in found


def test_one_phone_number_is_one_person_with_several_roles(province: Database) -> None:
    a_city(province)
    report = enter(
        province,
        "people",
        workbook(
            PEOPLE,
            ["李晓岚", 13900000001, "li@example.org", "ln-sy-jyj", "教育局人事科（股）", "2026-09-01", None],
            ["李晓岚", "13900000001", None, "ln-sy-jyj", "登记人", "2026-09-01", "2027-08-31"],
            ["王建国", None, None, "ln-sy-sch01", "所在单位（学校）负责人", "2026-09-01", None],
        ),
    )
    assert (report.rows, report.created) == (3, {"人员": 2, "角色": 3})
    with province.read() as session:
        people = session.execute(select(Person).order_by(Person.id)).scalars().all()
        assert [(person.name, person.phone) for person in people] == [("李晓岚", "13900000001"), ("王建国", None)]
        held = session.execute(select(Membership.role, Membership.to_on).order_by(Membership.id)).all()
    assert held == [("bureau_hr", None), ("clerk", date(2027, 8, 31)), ("home_principal", None)]
    again = workbook(PEOPLE, ["李晓岚", "13900000001", None, "ln-sy-jyj", "登记人", "2027-08-01", None])
    assert defects(province, "people", again) == [(2, "角色", "此人在这段时间已有这个角色")]


def test_people_who_do_not_fit_are_refused(province: Database) -> None:
    a_city(province)
    raw = workbook(
        PEOPLE,
        ["李晓岚", "13900000001", None, "ln-sy-sch01", "教育局人事科（股）", "2026-09-01", None],
        ["另一人", "13900000001", None, "ln-sy-jyj", "登记人", "2026-09-01", "2026-08-31"],
        ["张三", "12345", None, "ln-sy-jyj", "皇帝", "2026-09-01", None],
        ["赵六", None, None, "nowhere", "登记人", "2026-09-01", None],
    )
    assert defects(province, "people", raw) == [
        (2, "角色", "这类单位没有这个角色"),
        (3, "手机号", "这个手机号属于另一个人"),
        (3, "终止日期", "早于起始日期"),
        (4, "手机号", "手机号应为 11 位"),
        (4, "角色", "没有这个角色，见填写说明"),
        (5, "单位代码", "没有这个单位代码"),
    ]


def test_a_new_number_of_posts_ends_the_old_one_the_day_before(province: Database) -> None:
    a_city(province)
    enter(province, "staffing", workbook(STAFFING, ["ln-sy-jys", "数学", "小学", 2, "2025-09-01"]))
    enter(province, "staffing", workbook(STAFFING, ["ln-sy-jys", "数学", "小学", "3", datetime(2026, 9, 1, 0, 0)]))
    with province.read() as session:
        rows = session.execute(
            select(StaffingCell.required, StaffingCell.from_on, StaffingCell.to_on).order_by(StaffingCell.id)
        ).all()
    assert rows == [(2, date(2025, 9, 1), date(2026, 8, 31)), (3, date(2026, 9, 1), None)]
    earlier = workbook(
        STAFFING, ["ln-sy-jys", "数学", "小学", 4, "2026-09-01"], ["ln-sy-jyj", "语文", "小学", -1, "2026-09-01"]
    )
    assert defects(province, "staffing", earlier) == [
        (2, "起始日期", "不晚于现有数据的起始日期"),
        (3, "应配专职人数", "应为 0 至 99 的整数"),
    ]


@pytest.mark.parametrize("kind", ["places", "people", "staffing"])
def test_the_blank_workbook_is_what_the_import_reads(province: Database, kind: str) -> None:
    raw = importing.template(kind)
    book = load_workbook(io.BytesIO(raw))
    heads = [cell.value for cell in book.worksheets[0][1]]
    assert [str(head).rstrip(" *") for head in heads] == [column.heading for column in importing.COLUMNS[kind]]
    assert book.worksheets[1].max_row == len(heads) + 1
    assert defects(province, kind, raw) == [(0, "", "表中没有数据行")]


def test_headings_that_are_not_ours_are_named(province: Database) -> None:
    raw = workbook(["单位代码", "学校名字", "单位代码"], ["a", "b", "c"])
    found = defects(province, "places", raw)
    assert (1, "学校名字", "没有这一列，请使用空白模板的表头") in found
    assert (1, "单位名称", "缺少这一列") in found


def test_formulas_control_signs_and_long_words_are_refused(province: Database) -> None:
    raw = workbook(
        PLACES,
        ["ln-sy-jyj", '=HYPERLINK("http://example.org")', "教育行政部门", "市级", "ln-jyt", None, "2021-01-01"],
        ["ln-dl-jyj", "大连市\u202e教育局", "教育行政部门", "市级", "ln-jyt", None, "2021-01-01"],
        ["ln-as-jyj", "鞍" * 500, "教育行政部门", "市级", "ln-jyt", None, "2021-01-01"],
    )
    assert [(row, reason) for row, _, reason in defects(province, "places", raw)] == [
        (2, "单元格是公式，请粘贴为数值"),
        (3, "内容含有不可见的控制字符"),
        (4, "内容太长"),
    ]


def far_cell() -> bytes:
    """A small file whose one cell lies in the last row and column."""
    book = Workbook()
    for position, heading in enumerate(PLACES, start=1):
        book.active.cell(1, position, heading)
    book.active.cell(1048576, 16384, "x")
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def with_part(name: str, content: bytes) -> bytes:
    """A good workbook in which one part is replaced."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook(PLACES))) as good, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as bad:
        for part in good.namelist():
            bad.writestr(part, content if part == name else good.read(part))
    return made.getvalue()


LAUGHS = (
    b'<?xml version="1.0"?><!--'
    + b" " * 9000
    + b'--><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><sst>&b;</sst>'
)
BOMBS = {
    "far cell": far_cell(),
    "not a zip": b"PK\x03\x04 nonsense",
    "empty": b"",
    "entities": with_part("xl/sharedStrings.xml", LAUGHS),
    "entities in UTF-16": with_part("xl/worksheets/sheet1.xml", LAUGHS.decode().encode("utf-16")),
    "unpacks to 60 MB": with_part("xl/worksheets/sheet1.xml", b" " * (60 * 1024 * 1024)),
    "broken sheet": with_part("xl/worksheets/sheet1.xml", b"<worksheet><sheetData><row"),
    "no workbook": with_part("xl/workbook.xml", b"<a/>"),
    "too many rows": workbook(PLACES, *([["x"]] * (spreadsheet.MAX_ROWS + 1))),
    "too large": b"P" * (workbooks.MAX_FILE + 1),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_are_refused_at_once_and_cheaply(province: Database, bomb: str) -> None:
    tracemalloc.start()
    began = time.monotonic()
    with pytest.raises(ImportRefused) as refused:
        enter(province, "places", BOMBS[bomb])
    took, peak = time.monotonic() - began, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refused.value.problems
    assert took < (20 if bomb == "too many rows" else 2)  # tracing slows the honest reading of 5000 rows
    assert peak < 50 * 1024 * 1024
