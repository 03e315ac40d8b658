"""The researchers that the demo's institutions have, and the cells they need: entered by the import that an office uses."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from datetime import date, datetime
from importlib.resources import files
from io import BytesIO
from typing import Any

from openpyxl import Workbook

from workflows import people
from workflows.access import office_day
from workflows.audit import Actor
from workflows.db import Database
from workflows.registers import importing, roster


def enter(db: Database, by: Actor, place: str, since: date, *, at: datetime) -> None:
    """Enter the lists of a place, once."""
    lists = tomllib.loads(files("webapp.demo").joinpath("rosters.toml").read_text("utf-8"))[place]
    with db.read() as session:
        first = people.organisation_by_code(session, lists["researchers"][0][2])
        if roster.staff_of(session, first.id, office_day(at)):
            return
    _enter(db, by, "staffing", [[*cell, since.isoformat()] for cell in lists["staffing"]], at)
    _enter(db, by, "researchers", lists["researchers"], at)


def _enter(db: Database, by: Actor, kind: str, rows: Sequence[Sequence[Any]], at: datetime) -> None:
    book = Workbook()
    for row in ([column.heading for column in importing.COLUMNS[kind]], *rows):
        book.active.append([cell or None if isinstance(cell, str) else cell for cell in row])
    made = BytesIO()
    book.save(made)
    importing.import_workbook(db, by, kind, made.getvalue(), at=at)
