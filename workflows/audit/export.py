"""Exports of the record: workbooks in which every cell is what it looks like, and JSON. Bytes only; reading is done above."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import orjson
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter

from workflows.settings import OFFICE_ZONE

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
JSON = "application/json"
#: A cell of a workbook holds at most so many characters; what is longer goes on in the JSON export only.
_LONGEST_CELL = 32_767
#: What XML 1.0 cannot carry.
_NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
#: Integers beyond this lose digits in a spreadsheet, so they stay text.
_LARGEST_EXACT = 10**15

#: (message id, params) -> sentence in the reader's language.
Say = Callable[[str, Mapping[str, Any]], str]


def chinese(text: str, params: Mapping[str, Any]) -> str:
    """Say a message as it is written: in Chinese."""
    return text % params if params else text


@dataclass(frozen=True)
class Sheet:
    """One sheet: its name, the heads of its columns, and rows of plain values."""

    name: str
    heads: Sequence[str]
    rows: Iterable[Sequence[Any]]


@dataclass(frozen=True)
class Exported:
    """A file ready to be handed over."""

    name: str
    media_type: str
    content: bytes

    @property
    def sha256(self) -> str:
        """Hex digest of the bytes, for the record."""
        return hashlib.sha256(self.content).hexdigest()


def as_workbook(sheets: Iterable[Sheet]) -> Exported:
    """A workbook. Text stays text whatever it begins with; only numbers, days and moments are typed as such.

    Moments are shown in the office's zone, without a zone, as spreadsheets know none.
    """
    book = Workbook(write_only=True)
    for sheet in sheets:
        page = book.create_sheet(_NOT_IN_XML.sub("", re.sub(r"[\[\]:*?/\\]", " ", sheet.name))[:31])
        page.freeze_panes = "A2"
        for number in range(1, len(sheet.heads) + 1):
            page.column_dimensions[get_column_letter(number)].width = 22
        page.append([_head(page, words) for words in sheet.heads])
        for row in sheet.rows:
            page.append([_cell(page, value) for value in row])
    out = BytesIO()
    book.save(out)
    return Exported("export.xlsx", XLSX, out.getvalue())


def _head(page: Any, words: str) -> WriteOnlyCell:
    cell = _text(page, words)
    cell.font = Font(bold=True)
    return cell


def _text(page: Any, words: str) -> WriteOnlyCell:
    shown = _NOT_IN_XML.sub("�", words)
    if len(shown) > _LONGEST_CELL:
        shown = shown[: _LONGEST_CELL - 1] + "…"
    cell = WriteOnlyCell(page, value=shown)
    cell.data_type = "s"  # openpyxl takes text that begins with "=" for a formula
    if "\n" in shown or len(shown) > 40:
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    return cell


def _cell(page: Any, value: Any) -> WriteOnlyCell | None:
    match value:
        case None | "":
            return None
        case bool():
            return _text(page, "是" if value else "否")
        case int() if abs(value) < _LARGEST_EXACT:
            return WriteOnlyCell(page, value=value)
        case Decimal() if value.is_finite() and abs(value) < _LARGEST_EXACT:
            return WriteOnlyCell(page, value=value)
        case datetime():
            cell = WriteOnlyCell(page, value=value.astimezone(OFFICE_ZONE).replace(tzinfo=None))
            cell.number_format = "yyyy-mm-dd hh:mm:ss"
            return cell
        case date():
            cell = WriteOnlyCell(page, value=value)
            cell.number_format = "yyyy-mm-dd"
            return cell
        case str() | int() | Decimal():
            return _text(page, str(value))
        case _:
            return _text(page, plain_words(value))


def plain_words(value: Any) -> str:
    """Lists and maps as one text, so that a cell can hold them."""
    return orjson.dumps(value, default=_json_default).decode()


def _json_default(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(type(value).__name__)


def as_json(content: Mapping[str, Any]) -> Exported:
    """The same as JSON: UTF-8, indented, decimals as strings, moments with their zone."""
    raw = orjson.dumps(content, default=_json_default, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)
    return Exported("export.json", JSON, raw + b"\n")
