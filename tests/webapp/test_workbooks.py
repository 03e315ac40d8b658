"""A form taken along as a spreadsheet and brought back: into the draft, every defect by its cell, nothing trusted."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from werkzeug.test import TestResponse

from tests.webapp.case_world import APPLICANT, HR1, PRINCIPAL, STRANGER, World
from workflows import workbooks

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Words = Callable[[TestResponse], str]


@pytest.fixture
def world(house: Any) -> World:
    return World(house)


def download(world: World, who: str = APPLICANT, path: str = "", blank: bool = True) -> Any:
    answer = world.browser(who).get(f"{path or world.start_path}/workbook.xlsx" + ("?blank=1" if blank else ""))
    assert answer.status_code == 200, answer.status_code
    assert answer.headers["Content-Disposition"].startswith("attachment")
    return load_workbook(io.BytesIO(answer.get_data()))


def upload(world: World, content: Any, who: str = APPLICANT, path: str = "") -> TestResponse:
    if not isinstance(content, bytes):
        held = io.BytesIO()
        content.save(held)
        content = held.getvalue()
    return world.browser(who).post(
        f"{path or world.start_path}/workbook", {"file": (io.BytesIO(content), "申报表.xlsx")}, content_type="multipart/form-data"
    )  # fmt: skip


def put(book: Any, key: str, value: Any) -> str:
    """Fill in an answer of the first sheet; its cell."""
    sheet = book.worksheets[0]
    row = next(row for row in range(3, sheet.max_row + 1) if sheet.cell(row, 1).value == key)
    sheet.cell(row, 3, value)
    return f"C{row}"


def table(book: Any, path: str) -> Any:
    return next(sheet for sheet in book.worksheets if str(sheet["A1"].value).endswith(f"\n{path}"))


def put_row(sheet: Any, row: int, **values: Any) -> None:
    columns = {sheet.cell(1, column).value: column for column in range(2, sheet.max_column + 1)}
    for key, value in values.items():
        sheet.cell(row, columns[key], value)


def test_the_blank_form_asks_what_the_page_asks(world: World) -> None:
    book = download(world)
    first = book.worksheets[0]
    keys = [first.cell(row, 1).value for row in range(3, first.max_row + 1)]
    assert {"full_name", "id_card", "applied_post", "statement"} <= set(keys)
    assert not {"photo", "teaching_months"} & set(keys), "no files, nothing computed"
    assert first.row_dimensions[1].hidden and first.column_dimensions["A"].hidden
    history = table(book, "teaching_history")
    assert history["B2"].value == "起 *"
    assert book["choices"].sheet_state == "hidden"
    offered = [str(rule.formula1) for rule in first.data_validations.dataValidation]
    assert offered and all(one.startswith("'choices'!") or one.startswith("choices!") for one in offered)
    cell = next(first.cell(row, 3) for row in range(3, first.max_row + 1) if first.cell(row, 1).value == "id_card")
    assert cell.number_format == "@", "a long number stays what it is"


def test_what_is_filled_in_comes_into_the_draft(world: World, words: Words) -> None:
    book = download(world)
    put(book, "full_name", "林书豪")
    put(book, "birth_date", date(1985, 4, 12))
    put(book, "gender", "男")
    put(book, "truth_commitment", "是")
    history = table(book, "teaching_history")
    put_row(history, 3, start="2010-09-01", end=date(2018, 8, 31), unit="沈阳市第一小学", subject="语文")
    put_row(history, 5, start="2018/9/1", unit="沈阳市浑河高级中学", subject="语文")
    answer = upload(world, book)
    assert answer.status_code == 200
    sheet = world.sheet(APPLICANT, world.start_path)
    assert sheet.values["full_name"] == "林书豪"
    assert sheet.values["birth_date"] == "1985-04-12"
    assert sheet.values["gender"] == "男"
    assert sheet.values["truth_commitment"] == "true"
    assert sheet.values["teaching_history.0.end"] == "2018-08-31"
    assert sheet.values["teaching_history.1.unit"] == "沈阳市浑河高级中学", "an empty line between is no row"
    assert "teaching_history.2.unit" not in sheet.values
    page = words(answer)
    assert "需要更正" in page, "what the form asks for and nobody filled in"


def test_each_defect_is_told_by_its_cell(world: World, words: Words) -> None:
    book = download(world)
    where = put(book, "birth_date", "三月初三")
    formula = put(book, "current_post", "=1+1")
    history = table(book, "teaching_history")
    put_row(history, 3, start="2010-09-01", unit="沈阳市第一小学", subject="炼金术")
    page = words(upload(world, book))
    assert f"填写 {where} “出生日期”应为日期" in page
    assert f"填写 {formula} “现任职务”的单元格是公式" in page
    assert "教学经历 G3 “学科”不在可选范围内" in page
    sheet = world.sheet(APPLICANT, world.start_path)
    assert sheet.values["birth_date"] == "三月初三", "what was written is kept to be corrected"


def test_it_is_written_out_as_far_as_it_is_filled_in(world: World) -> None:
    book = download(world)
    put(book, "full_name", "林书豪")
    put(book, "phone", "013800000000")
    put_row(table(book, "teaching_history"), 3, start="2010-09-01", unit="沈阳市第一小学")
    upload(world, book)
    again = download(world, blank=False)
    first = again.worksheets[0]
    said = {first.cell(row, 1).value: first.cell(row, 3).value for row in range(3, first.max_row + 1)}
    assert (said["full_name"], said["phone"]) == ("林书豪", "013800000000")
    assert table(again, "teaching_history").cell(3, 4).value == "沈阳市第一小学"


def test_what_a_workbook_leaves_empty_stays(world: World) -> None:
    book = download(world)
    put(book, "full_name", "林书豪")
    put_row(table(book, "teaching_history"), 3, start="2010-09-01", unit="沈阳市第一小学")
    upload(world, book)
    other = download(world)
    put(other, "phone", "13840010001")
    upload(world, other)
    sheet = world.sheet(APPLICANT, world.start_path)
    assert sheet.values["full_name"] == "林书豪"
    assert sheet.values["teaching_history.0.unit"] == "沈阳市第一小学"
    assert sheet.values["phone"] == "13840010001"


def test_a_task_is_filled_in_the_same_way_by_whoever_may(world: World, words: Words) -> None:
    number = world.start()
    task = world.task(number, "adm_u1")
    book = download(world, PRINCIPAL, f"/tasks/{task}")
    put(book, "recommend", "推荐")
    assert upload(world, book, PRINCIPAL, f"/tasks/{task}").status_code == 200
    assert world.sheet(PRINCIPAL, f"/tasks/{task}").values["recommend"] == "推荐"
    for who in (STRANGER, HR1):
        assert world.browser(who).get(f"/tasks/{task}/workbook.xlsx").status_code == 404
        assert upload(world, book, who, f"/tasks/{task}").status_code == 404


def _zip(**parts: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return made.getvalue()


def _other_book() -> bytes:
    held, book = io.BytesIO(), Workbook()
    book.active.append(["姓名", "电话"])
    book.save(held)
    return held.getvalue()


def _long_book() -> bytes:
    held, book = io.BytesIO(), Workbook(write_only=True)
    sheet = book.create_sheet()
    for _ in range(workbooks.MAX_FORM_ROWS + 1):
        sheet.append(["x"])
    book.save(held)
    return held.getvalue()


@pytest.mark.parametrize(("content", "why"), [
    (b"", "请选择填好的 xlsx 文件"),
    (b"not a workbook", "这不是可以读取的 xlsx 文件"),
    (_zip(xl__workbook_xml=b"<!DOCTYPE x [<!ENTITY y 'z'>]><x/>"), "不允许的文档类型声明"),
    (_zip(xl__workbook_xml=b"<x/>"), "这不是可以读取的 xlsx 文件"),
    (_zip(xl__sheet_xml=b"0" * (workbooks.MAX_UNPACKED + 1)), "文件展开后太大"),
    (_other_book(), "这不是本表单的表格"),
    (_long_book(), "行数太多"),
], ids=["nothing", "no workbook", "entities", "empty", "bomb", "another", "too long"])  # fmt: skip
def test_a_hostile_or_wrong_file_changes_nothing(world: World, words: Words, content: bytes, why: str) -> None:
    answer = upload(world, content)
    assert answer.status_code == 422
    assert why in words(answer)
    assert "草稿没有变化" in words(answer)


def test_a_workbook_cannot_reach_what_the_page_does_not_ask(world: World) -> None:
    number = world.start()
    task = world.task(number, "adm_u1")
    book = download(world, PRINCIPAL, f"/tasks/{task}")
    first = book.worksheets[0]
    first.append(["returned_items", "x", "x"])
    first.append(["__class__", "x", "x"])
    first.append(["full_name", "x", "冒名"])
    assert upload(world, book, PRINCIPAL, f"/tasks/{task}").status_code == 200
    sheet = world.sheet(PRINCIPAL, f"/tasks/{task}")
    assert "冒名" not in str(sheet.values)


def test_a_file_that_is_too_large_is_not_read(world: World, words: Words, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MAX_FILE", 1000)
    answer = upload(world, b"P" * 1001)
    assert answer.status_code == 422
    assert "文件超过 8 MB" in words(answer)
