"""无人可办: tasks that nobody may do, with why; a system administrator assigns each to somebody."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext

from forms import lookups
from webapp import whom
from webapp.allowed import allowed
from webapp.case_pages import note_rejected
from webapp.languages import refusal_words
from webapp.moments import now
from webapp.office import office
from webapp.paging import page_number
from workflows import handing_over, unstaffed
from workflows.errors import NotFound, Refusal

pages = Blueprint("unstaffed", __name__, url_prefix="/administration/unstaffed")


@pages.get("/")
@allowed("system_admin")
def index() -> str:
    """What waits and nobody may do, the oldest first."""
    with office().db.read() as reading:
        found = unstaffed.waiting(reading, g.viewer, page=page_number())
    return render_template("administration/unstaffed.html", found=found)


@pages.route("/<number>", methods=["GET", "POST"])
@allowed("system_admin")
def assign(number: str) -> Any:
    """Why nobody may do it, and to whom it goes; what was typed stays when it is refused."""
    with office().db.read() as reading:
        row = unstaffed.one(reading, g.viewer, number)
        near = list(handing_over.fitting(reading, "", at=now()))
    to, reason = request.form.get("to", "").strip()[:100], request.form.get("reason", "")
    refused, status = "", 200
    if request.method == "POST":
        try:
            fitting = whom.Among(lambda reading, text: list(handing_over.fitting(reading, text, at=now())))
            unstaffed.assign(office().db, g.viewer, number, whom.person(to, fitting), reason, at=now())
        except NotFound:
            raise
        except Refusal as refusal:
            note_rejected(refusal)
            refused, status = refusal_words(refusal), refusal.status
        else:
            flash(gettext("已指派，对方已收到通知"), "success")
            return redirect(url_for(".index"), 303)
    return render_template(
        "administration/assign.html", row=row, to=to, reason=reason, refused=refused,
        near=[lookups.choice(*one) for one in near],
    ), status
