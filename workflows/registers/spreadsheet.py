"""A register that somebody sends as a spreadsheet: read row by row, every defect with its row and column."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter

from workflows import workbooks
from workflows.errors import N_, Problem

#: Rows of one file; more are sent in several files.
MAX_ROWS = 5000
#: Characters of one cell, and defects listed at once.
MAX_TEXT, MAX_PROBLEMS = 200, 300
#: Columns read; ours have fewer.
MAX_COLUMNS = 30


@dataclass(frozen=True)
class Column:
    """One column of a sheet: its heading and how its cells are read."""

    heading: str
    #: Cell's value (text or date) -> what is stored; raises ``ValueError`` with the reason as a message id.
    read: Callable[[Any], Any]
    required: bool = True
    #: What stands in the notes of the blank workbook.
    note: str = ""
    example: str = ""


@dataclass(frozen=True)
class Line:
    """One filled row: its number in the sheet and its values by heading; an empty optional cell is ``None``."""

    number: int
    values: dict[str, Any]


@dataclass
class Findings:
    """Defects of one file, at most ``MAX_PROBLEMS`` of them."""

    file: str
    problems: list[Problem] = field(default_factory=list)
    #: Words that stand in rows with a defect: what refers to them cannot be judged yet and is not a defect of its own.
    unsettled: set[str] = field(default_factory=set)

    def add(self, row: int, heading: str, reason: str) -> None:
        """Note a defect; the list stops growing when nobody would read on."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(self.file, row, heading, reason))


def read_sheet(raw: bytes, columns: Sequence[Column], findings: Findings) -> list[Line]:
    """The rows of the first sheet whose cells could be read; everything else is noted in ``findings``.

    Raises ``ImportRefused`` when the file itself is not acceptable: no workbook, too large, too many rows.
    """
    return workbooks.opened(raw, findings.file, lambda book: _read(book, columns, findings))


def _read(book: Any, columns: Sequence[Column], findings: Findings) -> list[Line]:
    sheet = book.worksheets[0]
    sheet.reset_dimensions()  # what a file says of its own size is not believed
    rows = sheet.iter_rows(max_col=MAX_COLUMNS)
    places = _headings(next(rows, ()), columns, findings)
    lines = []
    for number, cells in enumerate(rows, start=2):
        if number > MAX_ROWS + 1:
            raise workbooks.refused(findings.file, N_("一次最多导入 5000 行，请分成几份"), number)
        if places and any(cell.value not in (None, "") for cell in cells):
            values = _values(number, cells, places, findings)
            if values is not None:
                lines.append(Line(number, values))
    if places and not lines and not findings.problems:
        findings.add(0, "", N_("表中没有数据行"))
    return lines


def _headings(cells: Sequence[Any], columns: Sequence[Column], findings: Findings) -> dict[int, Column]:
    """Position -> column, by the words of the first row."""
    known = {column.heading: column for column in columns}
    places: dict[int, Column] = {}
    for position, cell in enumerate(cells):
        words = str(cell.value or "").strip().rstrip("*").strip()
        if not words:
            continue
        if words not in known or known[words] in places.values():
            findings.add(1, words[:MAX_TEXT], N_("没有这一列，请使用空白模板的表头"))
        else:
            places[position] = known[words]
    for column in columns:
        if column.required and column not in places.values():
            findings.add(1, column.heading, N_("缺少这一列"))
    return {} if findings.problems else places


def _values(number: int, cells: Sequence[Any], places: dict[int, Column], findings: Findings) -> dict[str, Any] | None:
    values: dict[str, Any] = {column.heading: None for column in places.values()}
    sound = True
    for position, column in places.items():
        cell = cells[position] if position < len(cells) else None
        try:
            values[column.heading] = _value(cell, column)
        except ValueError as error:
            findings.add(number, column.heading, str(error))
            sound = False
    if not sound:
        findings.unsettled.update(value for value in values.values() if isinstance(value, str))
    return values if sound else None


def _value(cell: Any, column: Column) -> Any:
    value = cell.value if cell is not None else None
    if getattr(cell, "data_type", "") == "f":
        raise ValueError(N_("单元格是公式，请粘贴为数值"))
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, date | datetime) and value is not None:
        value = str(value).strip()
        if len(value) > MAX_TEXT:
            raise ValueError(N_("内容太长"))
        if re.search(r"[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]", value):
            raise ValueError(N_("内容含有不可见的控制字符"))
    if value in (None, ""):
        if column.required:
            raise ValueError(N_("不能为空"))
        return None
    return column.read(value)


# --- what a cell may hold --------------------------------------------------------------------------------------------


def text(value: Any) -> str:
    """Words."""
    if isinstance(value, date | datetime):
        raise ValueError(N_("应填文字，单元格却是日期"))
    return str(value)


def matching(pattern: str, reason: str) -> Callable[[Any], str]:
    """Words of a form."""
    compiled = re.compile(pattern)

    def read(value: Any) -> str:
        words = text(value)
        if not compiled.fullmatch(words):
            raise ValueError(reason)
        return words

    return read


def one_of(words: dict[str, str], reason: str) -> Callable[[Any], str]:
    """One of the office's words, or its key; gives the key."""

    def read(value: Any) -> str:
        given = text(value)
        if given in words.values():
            return given
        if given not in words:
            raise ValueError(reason)
        return words[given]

    return read


def number(least: int, most: int, reason: str) -> Callable[[Any], int]:
    """A whole number within bounds."""

    def read(value: Any) -> int:
        words = text(value)
        if not re.fullmatch(r"\d{1,6}", words, re.ASCII) or not least <= int(words) <= most:
            raise ValueError(reason)
        return int(words)

    return read


def day(value: Any) -> date:
    """A calendar day: a date cell, or text such as 2026-09-01, 2026/9/1 or 2026年9月1日."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    parts = re.fullmatch(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?", str(value), re.ASCII)
    try:
        if parts is None:
            raise ValueError(value)
        found = date(*(int(part) for part in parts.groups()))
    except ValueError:
        raise ValueError(N_("日期应如 2026-09-01")) from None
    if not 1900 <= found.year <= 2200:
        raise ValueError(N_("日期应如 2026-09-01"))
    return found


# --- the blank workbook ----------------------------------------------------------------------------------------------


def blank(columns: Sequence[Column], title: str) -> bytes:
    """A workbook with the headings, and a second sheet that explains each column. Required headings end in ``*``."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    for position in range(1, len(columns) + 1):
        sheet.column_dimensions[get_column_letter(position)].width = 22
    sheet.append([_bold(sheet, column.heading + (" *" if column.required else "")) for column in columns])
    notes = book.create_sheet(N_("填写说明"))
    for letter, width in zip("ABCD", (22, 10, 70, 28), strict=True):
        notes.column_dimensions[letter].width = width
    notes.append([_bold(notes, words) for words in ("列名", "必填", "说明", "示例")])
    for column in columns:
        notes.append(
            [
                _words(notes, one)
                for one in (column.heading, "是" if column.required else "否", column.note, column.example)
            ]
        )
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def _words(sheet: Any, words: str) -> WriteOnlyCell:
    cell = WriteOnlyCell(sheet, words)
    cell.data_type = "s"  # words that begin with = stay words
    cell.alignment = Alignment(wrap_text=True, vertical="top")
    return cell


def _bold(sheet: Any, words: str) -> WriteOnlyCell:
    cell = _words(sheet, words)
    cell.font = Font(bold=True)
    return cell
