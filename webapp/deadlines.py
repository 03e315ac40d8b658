"""Deadlines (期限): everything open and due that a person may see, by day, and how periods were kept."""

from __future__ import annotations

from itertools import groupby

from flask import Blueprint, Response, g, render_template, request

from webapp.allowed import allowed
from webapp.case_pages import exported
from webapp.languages import translate
from webapp.moments import now
from webapp.office import office
from webapp.paging import page_number, words
from workflows import deadlines, search
from workflows.access import Viewer, charged

pages = Blueprint("deadlines", __name__, url_prefix="/deadlines")

#: Periods of the figures, in days.
PERIODS = (30, 90, 365)


def _sought() -> deadlines.Sought:
    when, whose = request.args.get("when", ""), request.args.get("whose", "")
    return deadlines.Sought(
        when=when if when in deadlines.WHEN else "", whose=whose if whose in {"mine", "own"} else "",
        process_id=words("process"), place=words("place"), step_id=words("step"),
    )  # fmt: skip


@pages.get("/")
@allowed("signed_in")
def index() -> str:
    """What is due, overdue first, by day; for whoever has offices in their charge, how periods were kept there."""
    viewer: Viewer = g.viewer
    sought, at = _sought(), now()
    asked = request.args.get("days", "")
    days = int(asked) if asked in {str(one) for one in PERIODS} else PERIODS[0]
    with office().db.read() as reading:
        found = deadlines.due(reading, viewer, sought, at, page=page_number())
        choices = search.choices(reading, viewer) if charged(viewer) else None
        kept = deadlines.kept(reading, viewer, at, days=days)
    return render_template(
        "deadlines/index.html", found=found, by_day=[(day, list(rows)) for day, rows in groupby(found.rows, key=lambda row: row.on)],
        sought=sought, narrowed=sought != deadlines.Sought(), when=deadlines.WHEN, choices=choices, kept=kept, days=days,
        periods=PERIODS, in_charge=bool(charged(viewer)), counted=deadlines.COUNTED_DONE if deadlines.is_partly(kept) else 0,
    )  # fmt: skip


@pages.get("/export.xlsx")
@allowed("signed_in")
def export() -> Response:
    """The same list as a workbook."""
    return exported(deadlines.export(office().db, g.viewer, _sought(), at=now(), say=lambda text, params: translate(text, params)))
