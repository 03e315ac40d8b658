"""What of an earlier submission goes into a new one of the same form (再次申报): what the person wrote, never what they pledged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .spec import Field, FormSpec, Item, Note, Section, Table
from .state import empty_row, fresh


def carried(spec: FormSpec, earlier: Mapping[str, Any], start: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data that a new form starts with: ``earlier`` where the person answers, ``start`` for all else.

    Ticked boxes (commitments) are ticked anew, and what the form fills in itself is taken from today. Rows that the form begins
    with (this year's appraisals, the list of papers) stay, each with the answers of the earlier row that says the same.
    """
    return _carried(spec.items, earlier, start)


def _carried(items: tuple[Item, ...], earlier: Mapping[str, Any], start: Mapping[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for item in items:
        match item:
            case Field():
                old = earlier.get(item.key)
                kept = old not in (None, "", []) and item.kind not in {"checkbox", "computed"} and item.readonly is not True
                data[item.key] = fresh(old) if kept else fresh(start.get(item.key))
            case Table():
                data[item.key] = _rows(item, earlier.get(item.key), start.get(item.key) or [])
            case Section() if item.path:
                inside = earlier.get(item.path)
                data[item.path] = _carried(item.items, inside if isinstance(inside, Mapping) else {}, start.get(item.path) or {})
            case Section():
                data |= _carried(item.items, earlier, start)
            case Note():
                pass
    return data


def _rows(table: Table, earlier: Any, start: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    rows = [row for row in earlier if isinstance(row, Mapping)] if isinstance(earlier, list) else []
    if table.prefill is None:
        return [{**empty_row(table), **_carried(table.items, row, {})} for row in rows] or [fresh(dict(row)) for row in start]
    return [_like(table, begun, rows) for begun in start]


def _like(table: Table, begun: Mapping[str, Any], rows: list[Mapping[str, Any]]) -> dict[str, Any]:
    """A row that the form begins with, and what the earlier row with the same words answered."""
    given = {key: value for key, value in begun.items() if value not in (None, "", [], False)}
    same = next((row for row in rows if given and all(row.get(key) == value for key, value in given.items())), {})
    return {**fresh(dict(begun)), **_carried(table.items, {**same, **given}, begun)}
