"""The first page (概览): what each role looks at first, as charts with their tables, every figure a way to its rows."""

from __future__ import annotations

from flask import Blueprint, g, render_template

from webapp.allowed import allowed
from webapp.menu import ADMINISTRATORS
from webapp.moments import now
from webapp.office import office
from workflows import figures, forecast, search
from workflows.access import READING_ROLES, Viewer, charged
from workflows.case import STATUSES

pages = Blueprint("dashboard", __name__, url_prefix="/overview")


@pages.get("/")
@allowed("signed_in")
def index() -> str:
    """The figures of the person's roles; an applicant's own cases."""
    viewer: Viewer = g.viewer
    at = now()
    held = {one.role for one in viewer.memberships}
    is_admin, audits = viewer.has("system_admin"), viewer.has(*READING_ROLES)
    works = bool(held - set(ADMINISTRATORS) - READING_ROLES) or not held
    with office().db.read() as reading:
        own = search.find(reading, viewer, search.Sought(own=True), at=at, size=10) if works else None
        shown = {
            "waiting": figures.waiting(reading, viewer, at) if works else None,
            "steps": figures.steps(reading, viewer, at) if charged(viewer) else None,
            "statuses": figures.statuses(reading, viewer, dict(STATUSES)) if charged(viewer) else None,
            "kept": figures.kept(reading, viewer, at) if charged(viewer) else None,
            "gaps": figures.gaps(reading, viewer, at) if charged(viewer) and not audits else None,
            "acts": figures.acts(reading, viewer, at) if audits else None,
        }
        expected = forecast.ends(reading, viewer, [row.number for row in own.rows if row.status == "running"], at) if own else {}
        machine = figures.machine(reading) if is_admin else None
    return render_template("dashboard/index.html", own=own, expected=expected, machine=machine, most=figures.MOST, **shown)
