"""Names of inputs: which posted ones belong to a form, and which the form never offered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from .spec import ROW_MARK, FormSpec, Path, dotted

#: What a browser posted: name -> texts, in order.
Posted: TypeAlias = Mapping[str, list[str]]

#: Row numbers have at most this many digits; a page never makes more rows.
_MAX_DIGITS = 4
#: Begins a page's own inputs (token, buttons): they belong to no form.
PAGE_PREFIX = "_"
#: Flask-WTF's field, the one page input without the prefix.
CSRF = "csrf_token"
#: Begins the inputs that carry typed values of fields which do not show just now, so that they come back when they do.
KEPT = "_kept."
#: Submit buttons of the form itself, which work without script.
ADD_ROW, REMOVE_ROW, DROP_FILE = "_add_row", "_remove_row", "_drop_file"
BUTTONS = frozenset({ADD_ROW, REMOVE_ROW, DROP_FILE})


def is_page_input(name: str) -> bool:
    """Whether ``name`` is an input of the page around the form."""
    return name.startswith(PAGE_PREFIX) or name == CSRF


def path_of(spec: FormSpec, name: str) -> Path | None:
    """Return the place that an input's name means, or None when the form has no such input.

    Row marks (``teaching_history.0._row``) give the row's path.
    """
    if len(name) > 200:
        return None
    parts = [int(part) if _is_number(part) else part for part in name.split(".")]
    marks_row = spec.shapes.get(tuple(0 if isinstance(part, int) else part for part in parts))
    if marks_row is None:
        return None
    return tuple(parts[:-1] if marks_row else parts)


def _is_number(part: str) -> bool:
    return part.isascii() and part.isdigit() and len(part) <= _MAX_DIGITS


@dataclass(frozen=True)
class Inputs:
    """Posted inputs sorted out: rows numbered 0, 1, 2 … in the order of their posted numbers, gaps closed."""

    #: Name -> texts of every input that the form knows, values kept for fields that did not show included.
    typed: dict[str, list[str]]
    #: Names (renumbered) that the browser really sent as inputs.
    sent: frozenset[str]
    #: Names (as posted) that the form does not know.
    unknown: tuple[str, ...]
    #: Renumbering of each table's rows: table -> posted number -> number.
    numbers: dict[Path, dict[int, int]]

    def renamed(self, path: Path) -> str:
        """Return the renumbered dotted form of a posted path (a row unknown so far keeps its number)."""
        parts = []
        for at, part in enumerate(path):
            parts.append(str(self.numbers.get(path[:at], {}).get(part, part)) if isinstance(part, int) else part)
        return ".".join(parts)


def sort_out(spec: FormSpec, posted: Posted, uploads: Iterable[str], fixed: Mapping[Path, int]) -> Inputs:
    """Sort posted inputs into those of the form and those it does not know; page inputs are left out.

    ``uploads`` are the names of file inputs: they take part in the numbering of rows. ``fixed`` gives the number of
    rows of each table whose rows stay: those keep their numbers, and a row beyond is not known.
    """
    known: list[tuple[Path, str, list[str], bool]] = []
    unknown: list[str] = []
    for name, texts in posted.items():
        kept = name.startswith(KEPT)
        if is_page_input(name) and not kept:
            continue
        own = name.removeprefix(KEPT)
        path = path_of(spec, own)
        if path is not None and _beyond(path, fixed):
            path = None
        if path is not None:
            known.append((path, own, texts, not kept))
        elif not kept:
            unknown.append(name)
    files = [path for name in uploads if (path := path_of(spec, name)) is not None]
    numbers = _numbers([*(path for path, *_ in known), *files])
    numbers |= {table: {n: n for n in range(count)} for table, count in fixed.items()}
    marks = {f"{dotted((*table, n))}.{ROW_MARK}": ["1"] for table, count in fixed.items() for n in range(count)}
    inputs = Inputs(marks, frozenset(), tuple(unknown), numbers)
    sent: set[str] = set()
    for path, name, texts, is_sent in sorted(known, key=lambda entry: entry[3]):
        new = inputs.renamed(path) + (f".{ROW_MARK}" if name.endswith(f".{ROW_MARK}") else "")
        inputs.typed[new] = list(texts)
        if is_sent:
            sent.add(new)
    return Inputs(inputs.typed, frozenset(sent), inputs.unknown, numbers)


def _beyond(path: Path, fixed: Mapping[Path, int]) -> bool:
    """Whether ``path`` lies in a row that a table with staying rows does not have."""
    return any(isinstance(part, int) and part >= fixed.get(path[:at], part + 1) for at, part in enumerate(path))


def _numbers(paths: Iterable[Path]) -> dict[Path, dict[int, int]]:
    """Map each table's posted row numbers to 0, 1, 2 …"""
    rows: dict[Path, set[int]] = {}
    for path in paths:
        for at, part in enumerate(path):
            if isinstance(part, int):
                rows.setdefault(path[:at], set()).add(part)
    return {table: {old: new for new, old in enumerate(sorted(numbers))} for table, numbers in rows.items()}


def rows(typed: Iterable[str]) -> dict[str, int]:
    """Return how many rows each table has, by its dotted path, from the renumbered names of its inputs."""
    found: dict[str, int] = {}
    for name in typed:
        if "." not in name:
            continue
        parts = name.split(".")
        for at, part in enumerate(parts):
            if _is_number(part):
                table = ".".join(parts[:at])
                found[table] = max(found.get(table, 0), int(part) + 1)
    return found


def press(spec: FormSpec, posted: Posted) -> dict[str, list[str]]:
    """Return ``posted`` after the row and file buttons among its inputs have done their work.

    ``_add_row=<table>`` adds an empty row, ``_remove_row=<table>.<number>`` takes one away,
    ``_drop_file=<field>:<digest>`` lets go of one stored file. They work without script: each is a submit button.
    """
    after = {name: list(texts) for name, texts in posted.items() if name not in BUTTONS}
    for text in posted.get(REMOVE_ROW, ()):
        after = {name: texts for name, texts in after.items() if not name.removeprefix(KEPT).startswith(f"{text}.")}
    for text in posted.get(ADD_ROW, ()):
        path = path_of(spec, f"{text}.0.{ROW_MARK}")
        if path is not None:
            after[f"{text}.{_next_row(text, after)}.{ROW_MARK}"] = ["1"]
    for text in posted.get(DROP_FILE, ()):
        name, _, digest = text.rpartition(":")
        if name in after:
            after[name] = [kept for kept in after[name] if kept != digest]
    return after


def _next_row(table: str, posted: Posted) -> int:
    numbers = [0]
    for name in posted:
        if name.startswith(f"{table}."):
            number = name[len(table) + 1 :].split(".")[0]
            if number.isascii() and number.isdigit() and len(number) <= _MAX_DIGITS:
                numbers.append(int(number) + 1)
    return max(numbers)
