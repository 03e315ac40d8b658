"""The inbox: 待办 (mine and my group's), 已办, 我发起的; each with its number, filters and a page at a time."""

from __future__ import annotations

from flask import Blueprint, g, render_template, request

from webapp.allowed import allowed
from webapp.moments import now
from webapp.office import office
from webapp.paging import page_number, words
from workflows import forecast, inbox, search
from workflows.access import Viewer
from workflows.people import COUNTED

pages = Blueprint("inbox", __name__, url_prefix="/inbox")

#: Tabs by the word in the address.
TABS = ("todo", "done", "started")


@pages.get("/")
@allowed("signed_in")
def index() -> str:
    """One tab of the inbox."""
    viewer: Viewer = g.viewer
    tab = request.args.get("tab", "todo")
    tab = tab if tab in TABS else "todo"
    whose = request.args.get("whose", "")
    given = inbox.Filter(
        process_id=words("process"), place=words("place"), step_id=words("step"), text=words("q"),
        whose=whose if tab == "todo" and whose in {"mine", "group", "asked", "lent"} else "",
    )  # fmt: skip
    narrowed = given != inbox.Filter()
    expected: dict[str, forecast.Forecast] = {}
    with office().db.read() as reading:
        counted = inbox.counts(reading, viewer, given=given) if narrowed or tab != "todo" else None
        if tab == "started":
            found = search.find(reading, viewer, search.Sought(own=True, text=given.text), at=now(), page=page_number())
            expected = forecast.ends(reading, viewer, [row.number for row in found.rows if row.status == "running"], now())
        elif tab == "done":
            found = inbox.done(reading, viewer, given, counted=counted, page=page_number())
        else:
            found = inbox.todo(reading, viewer, given, counted=counted, page=page_number())
        counts = counted or inbox.counts(reading, viewer, found if found.rows else None)
        choices = inbox.choices(reading, viewer, counts, tab=tab) if tab != "started" else None
    return render_template(
        "inbox/index.html",
        tab=tab,
        tabs=TABS,
        counts=counts,
        counted=COUNTED,
        choices=choices,
        found=found,
        given=given,
        narrowed=narrowed,
        expected=expected,
    )
