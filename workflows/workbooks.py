"""A workbook that somebody sends: opened with limits, nothing in it trusted, nothing in it computed.

The archive's sizes are looked at before it is unpacked, a document type is refused (entities), and reading stops at the first
row too many, so that one far cell costs nothing (design/trust.md, fact 4 and checks 25, 26).
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any, TypeVar

from openpyxl import load_workbook

from workflows.errors import N_, ImportRefused, Problem

Found = TypeVar("Found")

#: Bytes of the file, of everything in it once unpacked, and parts in it.
MAX_FILE, MAX_UNPACKED, MAX_PARTS = 8 * 1024 * 1024, 48 * 1024 * 1024, 500
#: Of a filled form: sheets, rows and columns of one, characters of a cell.
MAX_SHEETS, MAX_FORM_ROWS, MAX_FORM_COLUMNS, LONGEST_CELL = 40, 600, 60, 20_000
#: Stands for a cell that holds a formula: what it comes to is the sender's word, and is not read.
FORMULA = object()


def opened(raw: bytes, file: str, read: Callable[[Any], Found]) -> Found:
    """What ``read`` makes of the workbook (openpyxl, read-only). ``ImportRefused`` when it is none, too large, or damaged."""
    _check_archive(raw, file)
    try:
        book = load_workbook(io.BytesIO(raw), read_only=True, data_only=False, keep_links=False)
    except Exception as error:  # openpyxl raises whatever its parsers raise
        raise refused(file, N_("这不是可以读取的 xlsx 文件")) from error
    try:
        return read(book)
    except ImportRefused:
        raise
    except Exception as error:  # a damaged sheet shows only while it is read
        raise refused(file, N_("文件内容已损坏，无法读取")) from error
    finally:
        book.close()


def sheets(raw: bytes, file: str) -> dict[str, list[list[Any]]]:
    """Every sheet by its name: rows of plain values, ``FORMULA`` where a cell holds one. Refused as by ``opened``, and when a
    sheet is larger than any form."""
    return opened(raw, file, lambda book: {sheet.title: _rows(sheet, file) for sheet in _few(book.worksheets, file)})


def _few(found: list[Any], file: str) -> list[Any]:
    if len(found) > MAX_SHEETS:
        raise refused(file, N_("工作表太多，请使用下载的表格"))
    return found


def _rows(sheet: Any, file: str) -> list[list[Any]]:
    sheet.reset_dimensions()  # what a file says of its own size is not believed
    rows: list[list[Any]] = []
    for number, cells in enumerate(sheet.iter_rows(max_col=MAX_FORM_COLUMNS), start=1):
        if number > MAX_FORM_ROWS:
            raise refused(file, N_("行数太多，请删去多余的行"), number)
        values = [FORMULA if cell.data_type == "f" else cell.value for cell in cells]
        if any(isinstance(value, str) and len(value) > LONGEST_CELL for value in values):
            raise refused(file, N_("内容太长"), number)
        rows.append(values)
    return rows


def refused(file: str, reason: str, row: int = 0) -> ImportRefused:
    """The refusal of a whole file."""
    return ImportRefused([Problem(file, row, "", reason)])


def _check_archive(raw: bytes, file: str) -> None:
    if len(raw) > MAX_FILE:
        raise refused(file, N_("文件超过 8 MB，请分成几份导入"))
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            parts = archive.infolist()
            if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
                raise refused(file, N_("文件展开后太大，请只保留要导入的工作表"))
            for part in parts:
                if part.filename.endswith((".xml", ".rels")):
                    _check_part(archive, part, file)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError, ValueError) as error:
        raise refused(file, N_("这不是可以读取的 xlsx 文件")) from error


def _check_part(archive: zipfile.ZipFile, part: zipfile.ZipInfo, file: str) -> None:
    """A sheet of numbers and words needs no document type, and what the directory says of its size must be true."""
    with archive.open(part) as content:
        size, end = 0, b""
        while chunk := content.read(1 << 16):
            size += len(chunk)
            seen = end + chunk.replace(b"\0", b"")  # UTF-16 as well
            if b"<!DOCTYPE" in seen or b"<!ENTITY" in seen:
                raise refused(file, N_("文件中有不允许的文档类型声明"))
            if size > part.file_size:
                raise refused(file, N_("这不是可以读取的 xlsx 文件"))
            end = seen[-16:]
