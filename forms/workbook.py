"""The same form as a spreadsheet: written out, blank or as far as it is filled in; and what a filled one says, cell by cell.

The first sheet asks what the form asks once, a line each; every table has a sheet of its own. The first row of a sheet is hidden
and names what stands below by the inputs' names, so that headings may be in any language and columns in any order. Files,
computed values and what nobody may change stay on the page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from io import BytesIO
from typing import Any, TypeAlias

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter, quote_sheetname
from openpyxl.worksheet.datavalidation import DataValidation

from workflows.errors import N_, ImportRefused, Problem

from . import fields, messages
from .build import Bound
from .lookups import choice
from .messages import FieldError
from .spec import ROW_MARK, Field, FormSpec, Section, Table, dotted
from .state import Node, blank_row, options_of

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
#: (message id) -> words in the reader's language.
Say: TypeAlias = Callable[[str], str]
#: Rows of a sheet: plain values; ``formula`` where a cell holds one.
Sheets: TypeAlias = Mapping[str, Sequence[Sequence[Any]]]

#: Begins the hidden first cell of a sheet; then the form's id, its file's digest, and the table's path.
_MARK = "jiaoyan"
#: Name of the sheet that holds the choices.
_CHOICES = "choices"
#: Kinds that no cell can hold.
_NOT_IN_CELLS = frozenset({"computed"})
#: Of several choices in one cell.
_BETWEEN = re.compile(r"[、,，;；\n]+")
#: What stands for a ticked box, and for one that is not.
YES, NO = N_("是"), N_("否")
#: Empty lines ready to be filled in below those of a table.
_SPARE = 20
_HEAD = PatternFill("solid", fgColor="E8EFF7")
_LOCKED = PatternFill("solid", fgColor="EEF1F4")
FORMULA_CELL = ("E_FORMAT", N_("“%(label)s”的单元格是公式，请粘贴为数值"))


@dataclass(frozen=True)
class Filled:
    """What a filled workbook says."""

    #: Input name -> texts of everything that it fills in, and the marks of the rows that it has.
    typed: Mapping[str, list[str]]
    #: Input name, and a table's path -> where it stands: (sheet, cell).
    places: Mapping[str, tuple[str, str]]
    #: Cells that could not be read.
    refused: tuple[FieldError, ...]
    #: Paths of the tables whose rows it gives, all of them: those that were there before go.
    tables: frozenset[str]
    #: It was written for another version of the form's file.
    older: bool


#: A workbook that says nothing.
NOTHING = Filled({}, {}, (), frozenset(), False)


def has_tables(spec: FormSpec) -> bool:
    """Whether a form asks for rows: what a spreadsheet is good for."""
    return any(isinstance(item, Table) for item in _items(spec.items))


def _items(items: Iterable[Any]) -> Iterator[Any]:
    for item in items:
        yield item
        if isinstance(item, Section):
            yield from _items(item.items)


# --- out --------------------------------------------------------------------------------------------------------------


def write(bound: Bound, say: Say, *, blank: bool = False) -> bytes:
    """The form as a workbook, with what is filled in so far unless it is to be ``blank``. Only what may be filled in now."""
    return _Writing(bound, say, blank).whole()


class _Writing:
    def __init__(self, bound: Bound, say: Say, blank: bool) -> None:
        self.bound, self.say, self.blank = bound, say, blank
        self.book = Workbook()
        self.choices = self.book.create_sheet(_CHOICES)
        self.choices.sheet_state = "hidden"
        self.lists: dict[tuple[str, ...], str] = {}
        self.names: set[str] = {_CHOICES}

    def whole(self) -> bytes:
        first = self.book.active
        first.title = self._name(self.say(N_("填写")))
        self._fields(first)
        for node in self.bound.state.walk():
            if isinstance(node.item, Table) and node.writable:
                self._table(self.book.create_sheet(self._name(self.say(node.item.label))), node)
        self.book.move_sheet(self.choices, len(self.book.sheetnames))
        made = BytesIO()
        self.book.save(made)
        return made.getvalue()

    def _name(self, words: str) -> str:
        """A name that a spreadsheet allows, and no two alike."""
        plain = re.sub(r"[\[\]:*?/\\']", " ", words).strip()[:28] or _MARK
        name, number = plain, 2
        while name.casefold() in {known.casefold() for known in self.names}:
            name, number = f"{plain} {number}", number + 1
        self.names.add(name)
        return name

    def _begin(self, sheet: Any, table: str, keys: Sequence[str], heads: Sequence[str], widths: Sequence[int]) -> None:
        spec = self.bound.spec
        sheet.append([_safe("\n".join((_MARK, spec.id, spec.digest, table))), *keys])
        sheet.row_dimensions[1].hidden = True
        sheet.append([_safe(head) for head in heads])
        for column, width in enumerate(widths, start=1):
            sheet.column_dimensions[get_column_letter(column)].width = width
            cell = sheet.cell(2, column)
            cell.font, cell.fill, cell.alignment = Font(bold=True), _HEAD, Alignment(wrap_text=True, vertical="top")
        sheet.freeze_panes = "B3"

    def _fields(self, sheet: Any) -> None:
        heads = [self.say(N_("编号")), self.say(N_("项目")), self.say(N_("填写内容")), self.say(N_("说明"))]
        self._begin(sheet, "", [], heads, (4, 34, 46, 60))
        sheet.column_dimensions["A"].hidden = True
        sheet.freeze_panes = "C3"
        for node in _questions(self.bound.state.nodes):
            asked = _asked(node)
            label = self.say(asked.label) + (" *" if asked.required else "")
            sheet.append([dotted(node.path), _safe(label), None, _safe(self._note(node))])
            row = sheet.max_row
            for column in (2, 4):
                sheet.cell(row, column).alignment = Alignment(wrap_text=True, vertical="top")
            self._cell(sheet, row, 3, node)
            self._offer(sheet, node, f"C{row}")

    def _table(self, sheet: Any, node: Node) -> None:
        table = node.item
        if not isinstance(table, Table):
            return
        pattern = [one for one in blank_row(node, 0, self.bound.state.now) if _in_cells(one) and one.visible]
        names = [str(one.path[-1]) for one in pattern]
        heads = [
            self.say(_asked(one).label) + (" *" if _asked(one).required and one.writable else "") for one in pattern
        ]
        self._begin(sheet, dotted(node.path), names, [self.say(N_("行")), *heads], (5, *(20 for _ in pattern)))
        rows = [] if self.blank and not table.fixed_rows else list(node.rows)
        for number, row in enumerate(rows, start=1):
            sheet.append([number])
            by_name = {str(one.path[-1]): one for one in row}
            for column, name in enumerate(names, start=2):
                self._cell(sheet, sheet.max_row, column, by_name[name])
        spare = 0 if table.fixed_rows else max(0, min(_SPARE, table.max_rows - len(rows)))
        last = 2 + len(rows) + spare
        for column, one in enumerate(pattern, start=2):
            if one.writable and last > 2:
                letter = get_column_letter(column)
                for number in range(3, last + 1):
                    _format(sheet.cell(number, column), _asked(one))
                self._offer(sheet, one, f"{letter}3:{letter}{last}")

    def _cell(self, sheet: Any, row: int, column: int, node: Node) -> None:
        cell = sheet.cell(row, column)
        asked = _asked(node)
        _format(cell, asked)
        if self.blank and node.writable:
            return
        texts = typed_of(self.bound, node)
        labels = {option.value: option.label for option in options_of(node, self.bound.state.now)}
        words = [self.say(labels.get(text, text)) for text in texts]
        if asked.kind == "checkbox":
            words = [self.say(YES)] if texts else []
        value: Any = "、".join(words)
        if asked.kind in {"number", "money"} and isinstance(node.value, int | Decimal) and not isinstance(node.value, bool):
            value = node.value
        elif asked.kind == "date" and isinstance(node.value, str) and texts == [node.value]:
            value = _day(node.value) or value
        cell.value = _safe(value) if isinstance(value, str) else value
        if isinstance(value, str):
            cell.data_type = "s"  # words that begin with = stay words
        if not node.writable:
            cell.fill = _LOCKED

    def _note(self, node: Node) -> str:
        """What stands beside a question: its help, and how it is answered."""
        asked = _asked(node)
        parts = [re.sub(r"\{\{.*?\}\}", "…", self.say(asked.description))] if asked.description else []
        parts += [self.say(_HOW[asked.kind])] if asked.kind in _HOW else []
        return " ".join(parts)

    def _offer(self, sheet: Any, node: Node, cells: str) -> None:
        """A list to choose from, where there is one answer to choose."""
        asked = _asked(node)
        options = tuple(self.say(option.label) for option in options_of(node, self.bound.state.now))
        if asked.kind == "checkbox":
            options = (self.say(YES), self.say(NO))
        if asked.kind == "checklist" or not options:
            return
        rule = DataValidation(type="list", formula1=self._list(options), allow_blank=True, showErrorMessage=False)
        sheet.add_data_validation(rule)
        rule.add(cells)

    def _list(self, options: tuple[str, ...]) -> str:
        found = self.lists.get(options)
        if found is None:
            column = len(self.lists) + 1
            for row, option in enumerate(options, start=1):
                self.choices.cell(row, column, _safe(option)).data_type = "s"
            letter = get_column_letter(column)
            found = self.lists[options] = f"{quote_sheetname(_CHOICES)}!${letter}$1:${letter}${len(options)}"
        return found


#: Kind -> how it is written into a cell.
_HOW: Mapping[str, str] = {
    "date": N_("日期，如 2026-09-01"), "datetime": N_("日期和时间，如 2026-09-01 09:00"),
    "checklist": N_("可选多项，用顿号分开"), "organisation": N_("填单位名称或代码"), "person": N_("填姓名或人员编号"),
    "money": N_("金额，单位元"),
}  # fmt: skip


def _questions(nodes: Iterable[Node]) -> Iterator[Node]:
    """What a form asks once and may be filled in now."""
    for node in nodes:
        if isinstance(node.item, Section):
            yield from _questions(node.children)
        elif _in_cells(node) and node.writable:
            yield node


def _in_cells(node: Node) -> bool:
    asked = node.item
    return isinstance(asked, Field) and not asked.takes_files and asked.kind not in _NOT_IN_CELLS


def _asked(node: Node) -> Field:
    """The question of a node that is known to be one."""
    if not isinstance(node.item, Field):
        raise TypeError("only a field can stand in a cell")
    return node.item


def _safe(words: str) -> str:
    """Words without what no workbook can hold."""
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]", "�", words)


def _format(cell: Any, asked: Field) -> None:
    """Days are days, numbers numbers; all else is text, so that no leading zero and no long number is lost."""
    if asked.kind == "date":
        cell.number_format = "yyyy-mm-dd"
    elif asked.kind not in {"number", "money"}:
        cell.number_format = "@"
    cell.alignment = Alignment(wrap_text=asked.kind == "textarea", vertical="top")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def typed_of(bound: Bound, node: Node) -> list[str]:
    """The texts of a field's inputs as its page would post them: what was typed, however wrong, else its value."""
    texts = bound.typed.get(dotted(node.path))
    asked = node.item
    if texts is not None or not isinstance(asked, Field):
        return list(texts or ())
    value = node.value
    if asked.takes_files:
        return [str(one["sha256"]) for one in value or ()]
    if isinstance(value, list):
        return [str(one) for one in value]
    if isinstance(value, bool):
        return ["true"] if value else []
    if value is None or value == "":
        return []
    if asked.kind in bound.lookups and (label := bound.lookups[asked.kind].label(str(value))) is not None:
        return [choice(str(value), label)]
    return [fields.shown(value)]


# --- in ---------------------------------------------------------------------------------------------------------------


def read(bound: Bound, sheets: Sheets, file: str, formula: object, say: Say) -> Filled:
    """What a filled workbook says, to be judged like anything typed. ``ImportRefused`` when it is not this form's.

    ``bound`` is the form as it stands now: what it does not ask to be filled in is not taken from a workbook.
    """
    return _Reading(bound, sheets, file, formula, say).filled()


@dataclass
class _Reading:
    bound: Bound
    sheets: Sheets
    file: str
    formula: object
    say: Say
    typed: dict[str, list[str]] = field(default_factory=dict)
    places: dict[str, tuple[str, str]] = field(default_factory=dict)
    refused: list[FieldError] = field(default_factory=list)
    tables: set[str] = field(default_factory=set)
    digests: set[str] = field(default_factory=set)

    def filled(self) -> Filled:
        questions = {dotted(node.path): node for node in _questions(self.bound.state.nodes)}
        tables = {
            dotted(node.path): node for node in self.bound.state.walk() if isinstance(node.item, Table) and node.writable
        }
        for name, rows in self.sheets.items():
            mark = str(rows[0][0] or "").split("\n") if rows and rows[0] else []
            if len(mark) != 4 or mark[0] != _MARK or mark[1] != self.bound.spec.id:
                continue
            self.digests.add(mark[2])
            if not mark[3]:
                self._answers(name, rows, questions)
            elif mark[3] in tables:
                self._lines(name, rows, tables[mark[3]])
        if not self.digests:
            raise ImportRefused([Problem(self.file, 0, "", N_("这不是本表单的表格，请先从本页下载"))])
        return Filled(
            self.typed, self.places, tuple(self.refused), frozenset(self.tables), self.digests != {self.bound.spec.digest}
        )

    def _answers(self, sheet: str, rows: Sequence[Sequence[Any]], questions: Mapping[str, Node]) -> None:
        for number, row in enumerate(rows[2:], start=3):
            name = str(row[0] or "") if row else ""
            if name in questions and name not in self.places:
                self._take(questions[name], name, row[2] if len(row) > 2 else None, sheet, f"C{number}")

    def _lines(self, sheet: str, rows: Sequence[Sequence[Any]], table: Node) -> None:
        item, path = table.item, dotted(table.path)
        if path in self.places or not isinstance(item, Table):
            return
        self.places[path] = (sheet, "A2")
        pattern = {str(one.path[-1]): one for one in blank_row(table, 0, self.bound.state.now) if _in_cells(one)}
        columns = {at: str(key) for at, key in enumerate(rows[0]) if at and str(key or "") in pattern}
        number = 0
        for line, row in enumerate(rows[2:], start=3):
            cells = {key: row[at] if at < len(row) else None for at, key in columns.items()}
            if item.fixed_rows:
                found = row[0] if row else None
                if not isinstance(found, int) or not 1 <= found <= len(table.rows):
                    continue
                at = found - 1
                current = {str(one.path[-1]): one for one in table.rows[at]}
                pattern = {key: current.get(key, one) for key, one in pattern.items()}
            elif all(value in (None, "") or (isinstance(value, str) and not value.strip()) for value in cells.values()):
                continue
            else:
                at, number = number, number + 1
                self.tables.add(path)
            self.typed[f"{path}.{at}.{ROW_MARK}"] = ["1"]
            for column, key in columns.items():
                if pattern[key].writable:
                    cell = f"{get_column_letter(column + 1)}{line}"
                    self._take(pattern[key], f"{path}.{at}.{key}", cells[key], sheet, cell)

    def _take(self, node: Node, name: str, value: Any, sheet: str, cell: str) -> None:
        """Read one cell into what an input would have posted."""
        asked = _asked(node)
        self.places[name] = (sheet, cell)
        if value is self.formula:
            self.refused.append(messages.error(name, FORMULA_CELL, label=asked.label))
            self.typed[name] = []
            return
        text = _text(value, asked.kind)
        if not text:
            return  # what a cell leaves empty stays as it was; a row that is new has nothing there
        known = {words: option.value for option in options_of(node, self.bound.state.now)
                 for words in (self.say(option.label), option.label, option.value)}  # fmt: skip
        if asked.kind == "checkbox":
            self.typed[name] = ["true"] if text in {YES, self.say(YES), "true", "√", "1"} else []
        elif asked.kind == "checklist":
            self.typed[name] = [known.get(part.strip(), part.strip()) for part in _BETWEEN.split(text) if part.strip()]
        else:
            self.typed[name] = [known.get(text, text)]


def _text(value: Any, kind: str) -> str:
    """A cell's value as somebody would have typed it."""
    match value:
        case None:
            return ""
        case bool():
            return YES if value else NO
        case float():
            return format(Decimal(repr(value)).normalize(), "f") if value == value and abs(value) < 1e15 else str(value)
        case datetime():
            whole = value.time() == time(0) and kind != "datetime"
            return value.date().isoformat() if whole else value.strftime("%Y-%m-%dT%H:%M")
        case date():
            return f"{value.isoformat()}T00:00" if kind == "datetime" else value.isoformat()
        case _:
            return str(value).strip()


def merged(bound: Bound, filled: Filled) -> dict[str, list[str]]:
    """What the form's inputs hold once a workbook was taken over: what it fills in, and all else as it was.

    A row keeps the files of the row that stood in its place.
    """
    def replaced(name: str) -> bool:
        return any(name.startswith(f"{table}.") for table in filled.tables)

    whole = {name: list(texts) for name, texts in bound.typed.items() if not replaced(name)}
    for node in bound.state.walk():
        name = dotted(node.path)
        if isinstance(node.item, Table) and node.writable and name not in filled.tables:
            whole |= {f"{name}.{number}.{ROW_MARK}": ["1"] for number in range(len(node.rows))}
        elif isinstance(node.item, Field) and node.writable and name not in whole:
            row, _, _ = name.rpartition(".")
            if not replaced(name) or (node.item.takes_files and f"{row}.{ROW_MARK}" in filled.typed):
                whole[name] = typed_of(bound, node)
    return whole | {name: list(texts) for name, texts in filled.typed.items()}
