"""What anybody may read without signing in: 公告 and 公示, and what may be applied for now."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request

from webapp.allowed import allowed
from webapp.moments import now
from webapp.office import office
from webapp.paging import page_number
from workflows.errors import N_
from workflows.registers import rounds

pages = Blueprint("public", __name__, url_prefix="/public")

#: Kinds of public notice, as they stand in the address; they are the office's own words.
KINDS = (N_("公告"), N_("公示"))


@pages.get("/")
@allowed("public")
def index() -> str:
    """Announcements and publicity, newest first, and the rounds open for application."""
    kind = request.args.get("kind")
    if kind is not None and kind not in KINDS:
        abort(404)
    with office().db.read() as reading:
        notices = rounds.public_notices(reading, page=page_number(), kind=kind)
        opened = rounds.open_rounds(reading, now())
    return render_template("public/index.html", notices=notices, rounds=opened, kind=kind, kinds=KINDS)


@pages.get("/<number>")
@allowed("public")
def notice(number: str) -> str:
    """One announcement or publicity."""
    with office().db.read() as reading:
        shown = rounds.public_notice(reading, number)
    return render_template("public/notice.html", notice=shown)
