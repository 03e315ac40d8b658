"""A form for the facts that a decision table asks: drawn from their declarations, read back into facts.

Every input is named by its path: ``teaching_history.2.start``. Rows stand in the page as many as its ``_rows`` says, so
that a row can be added without a script; a row in which nothing was filled in is no row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import Any

from werkzeug.datastructures import MultiDict

from workflows.rulebook import Fact

#: Rows that a table starts with, and the most it takes.
ROWS, MOST_ROWS = 2, 60
#: Name of the button that adds a row to the table it names.
MORE = "_more"


@dataclass(frozen=True)
class Asked:
    """One input of the form. ``kind``: choice, choices, lines, yes_no, number, date, moment, text, table or data."""

    fact: Fact
    path: str
    kind: str
    #: What was typed: a text, or the texts of a list.
    given: Any = ""
    #: Rows of a table, each its parts.
    rows: tuple[tuple[Asked, ...], ...] = ()
    #: What is wrong with it.
    error: str = ""


@dataclass(frozen=True)
class FactsForm:
    """The facts of a table as a form: ``inputs`` to draw, ``facts`` as read."""

    inputs: tuple[Asked, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)


def kind_of(fact: Fact) -> str:
    """Which input a fact gets."""
    if fact.parts:
        flat = not any(part.parts or (part.many and not part.options) for part in fact.parts)
        return "table" if fact.many and flat else "data"
    if fact.many:
        return "choices" if fact.options else "lines" if fact.kind in ("string", "number", "date") else "data"
    if fact.options:
        return "choice"
    kinds = {"boolean": "yes_no", "number": "number", "date": "date", "date and time": "moment", "string": "text"}
    return kinds.get(fact.kind, "data")


def read(
    facts: Sequence[Fact], posted: MultiDict[str, str], *, wrong: str = "", why: str = "", known: Mapping[str, Any] | None = None
) -> FactsForm:
    """Read a post, or draw an empty form of it. ``wrong`` is the path of the fact that was refused, ``why`` the reason.

    ``known`` are facts that are settled and not asked.
    """
    settled = dict(known or {})
    inputs = tuple(_asked(fact, fact.name, posted, wrong, why) for fact in facts if fact.name not in settled)
    return FactsForm(inputs, {**settled, **{one.fact.name: _value(one) for one in inputs}})


def _asked(fact: Fact, path: str, posted: MultiDict[str, str], wrong: str, why: str) -> Asked:
    kind = kind_of(fact)
    error = why if wrong == path else ""
    if kind == "table":
        count = min(max(_whole(posted.get(f"{path}._rows", ""), ROWS), 1) + (posted.get(MORE) == path), MOST_ROWS)
        rows, filled = [], 0
        for number in range(1, count + 1):
            cells = [_asked(part, f"{path}.{number}.{part.name}", posted, "", "") for part in fact.parts]
            # The table counts the rows it was given, and was given none of the empty ones.
            filled += any(_is_given(cell) for cell in cells)
            rows.append(tuple(
                replace(cell, error=why) if wrong.split("[")[:2] == [path, f"{filled}].{cell.fact.name}"] else cell for cell in cells
            ))
        return Asked(fact, path, kind, "", tuple(rows), error)
    given: Any = posted.getlist(path) if kind == "choices" else posted.get(path, "").strip()
    return Asked(fact, path, kind, given, (), error or (why if wrong.startswith(f"{path}[") else ""))


def _is_given(one: Asked) -> bool:
    return one.given not in ("", [])


def _whole(text: str, otherwise: int) -> int:
    return int(text) if text.isdecimal() and len(text) < 4 else otherwise


def _value(one: Asked) -> Any:
    match one.kind:
        case "table":
            return [{cell.fact.name: _value(cell) for cell in row} for row in one.rows if any(_is_given(cell) for cell in row)]
        case "choices":
            return list(one.given)
        case "lines":
            lines = [line.strip() for line in one.given.splitlines() if line.strip()]
            return [_number(line) for line in lines] if one.fact.kind == "number" else lines
        case "number":
            return _number(one.given)
        case "yes_no":
            return {"true": True, "false": False}.get(one.given)
        case "data":
            return _data(one.given)
        case _:
            return one.given or None


def _number(text: str) -> Any:
    """A number; what is none stays as it was typed, and the table refuses it."""
    try:
        return Decimal(text) if text else None
    except InvalidOperation:
        return text


def _data(text: str) -> Any:
    """JSON; what is none stays as it was typed, and the table refuses it."""
    try:
        return json.loads(text, parse_float=Decimal) if text else None
    except ValueError:
        return text
