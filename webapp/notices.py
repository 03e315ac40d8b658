"""The bell: notices to the signed-in person, each with the way to what it is about."""

from __future__ import annotations

from flask import Blueprint, g, redirect, render_template, url_for
from werkzeug.wrappers import Response

from webapp.allowed import allowed
from webapp.languages import translate, translated
from webapp.menu import address
from webapp.moments import now
from webapp.office import office
from webapp.paging import page_number
from workflows import notices
from workflows.people import Page

pages = Blueprint("notices", __name__, url_prefix="/notices")

SIZE = 30


@pages.get("/")
@allowed("signed_in")
def index() -> str:
    """All notices, newest first."""
    page = page_number()
    with office().db.read() as reading:
        rows, total = notices.inbox_notices(reading, g.viewer.person_id, page=page, size=SIZE)
    return render_template("notices/index.html", notices=Page(rows, total, page, SIZE), words=words, target=target)


def words(notice: notices.NoticeView) -> tuple[str, str]:
    """Title and body in the reader's language."""
    params = translated(notice.params)
    return translate(notice.title, params), translate(notice.body, params)


def target(notice: notices.NoticeView) -> str | None:
    """Where the notice leads: the task that waits, else the case."""
    if notice.task and (found := address("tasks.show", number=notice.task)):
        return found
    return address("instances.show", number=notice.instance) if notice.instance else None


@pages.post("/read")
@allowed("signed_in")
def mark_read() -> Response:
    """Mark all notices as read."""
    notices.mark_read(office().db, g.viewer.person_id, None, at=now())
    return redirect(url_for(".index"))
