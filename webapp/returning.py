"""The pages of 退回 and 取回: back to an earlier step, and back to oneself."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from webapp.allowed import allowed
from webapp.case_pages import turned_away
from webapp.languages import refusal_words, translate
from webapp.moments import now
from webapp.office import office
from webapp.tasks import asked_for
from workflows import returning
from workflows.errors import Forbidden, NotFound, Refusal

pages = Blueprint("returning", __name__)


@pages.route("/tasks/<number>/return", methods=["GET", "POST"])
@allowed("signed_in")
def send_back(number: str) -> Any:
    """Send the case back to an earlier step, with the reason; what was typed stays when it is refused."""
    asked, refused, status = asked_for(number), "", 200
    to, reason = request.form.get("to", ""), request.form.get("reason", "")
    if request.method == "GET" and not asked.may_send_back:
        return redirect(url_for("tasks.show", number=number))
    if request.method == "POST":
        try:
            with turned_away("task", number):
                moved = returning.send_back(office().db, g.viewer, number, to, reason, at=now())
        except (NotFound, Forbidden):
            raise
        except Refusal as refusal:
            refused, status = refusal_words(refusal), refusal.status
        else:
            step = "、".join(dict.fromkeys(translate(one.name) for one in moved.next))
            flash(gettext("已退回到“%(step)s”", step=step), "success")
            return redirect(url_for("inbox.index"), 303)
    ways = []
    if asked.may_send_back:
        with office().db.read() as reading:
            ways = returning.ways_back(reading, g.viewer, number, now())
    return render_template(
        "returning/send_back.html", number=number, asked=asked, ways=ways, to=to, reason=reason, refused=refused,
        least=returning.SHORTEST_REASON,
    ), status  # fmt: skip


@pages.post("/tasks/<number>/take-back")
@allowed("signed_in")
def take_back(number: str) -> Response:
    """Take back what one has just sent."""
    with turned_away("task", number):
        again = returning.take_back(office().db, g.viewer, number, at=now())
    flash(gettext("已取回，您填写的内容仍在，请修改后重新提交"), "success")
    return redirect(url_for("tasks.show", number=again), 303)
