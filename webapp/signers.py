"""The pages of 加签 and 减签: asking others to sign a task, giving no opinion, taking somebody off."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from forms import lookups
from webapp.allowed import allowed
from webapp.case_pages import turned_away
from webapp.languages import refusal_words
from webapp.moments import now
from webapp.office import office
from webapp.tasks import asked_for, person_of
from workflows import assignments, signers
from workflows.errors import Forbidden, NotFound, Refusal
from workflows.instances import FormRequest
from workflows.signatures import MODES

pages = Blueprint("signers", __name__)

#: So many lines for names the page begins with; its button adds as many.
LINES = 3
#: The button that asks for more lines.
MORE_LINES = "_lines"


@pages.route("/tasks/<number>/signers", methods=["GET", "POST"])
@allowed("signed_in")
def ask(number: str) -> Any:
    """Ask people to sign the task; what was typed stays when it is refused."""
    asked, refused, status = asked_for(number), "", 200
    typed = [name.strip()[:100] for name in request.form.getlist("to")[: signers.MOST]]
    wanted = [name for name in typed if name]
    mode, reason = request.form.get("mode", "before"), request.form.get("reason", "")
    if request.method == "GET" and not asked.may_add_signers:
        return redirect(url_for("tasks.show", number=number))
    if request.method == "POST" and MORE_LINES not in request.form:
        try:
            with turned_away("task", number):
                people = [person_of(number, name) for name in wanted]
                signers.add(office().db, g.viewer, number, people, mode, reason, at=now())
        except (NotFound, Forbidden):
            raise
        except Refusal as refusal:
            refused, status = refusal_words(refusal), refusal.status
        else:
            flash(gettext("已请 %(count)s 人加签", count=len(set(people))), "success")
            return redirect(url_for("tasks.show", number=number), 303)
    lines = max(LINES, len(typed) + (LINES if MORE_LINES in request.form else 0))
    with office().db.read() as reading:
        near = assignments.colleagues(reading, g.viewer, number, "", at=now(), limit=20)
    return render_template(
        "signers/ask.html", number=number, asked=asked, refused=refused, reason=reason, modes=_modes(asked),
        near=[lookups.choice(*one) for one in near],
        mode=mode if mode in MODES else "before", lines=[*wanted, *[""] * (lines - len(wanted))][: signers.MOST],
        may_add_lines=lines < signers.MOST,
    ), status  # fmt: skip


def _modes(asked: FormRequest) -> dict[str, str]:
    """The ways in which others can be asked: whoever stands in for somebody asks for nothing that waits for what they send."""
    return {mode: name for mode, name in MODES.items() if mode != "after" or asked.stands_in_for is None}


@pages.post("/tasks/<number>/signers/<signer>/remove")
@allowed("signed_in")
def remove(number: str, signer: str) -> Response:
    """Take somebody off whom one has asked."""
    with turned_away("task", number):
        signers.remove(office().db, g.viewer, number, signer, at=now())
    flash(gettext("已减签"), "success")
    return redirect(url_for("tasks.show", number=number), 303)


@pages.route("/tasks/<number>/no-opinion", methods=["GET", "POST"])
@allowed("signed_in")
def decline(number: str) -> Any:
    """Give no opinion on somebody's task, with the reason."""
    asked, refused, status, reason = asked_for(number), "", 200, request.form.get("reason", "")
    if request.method == "GET" and (asked.signing is None or asked.status != "open"):
        return redirect(url_for("tasks.show", number=number))
    if request.method == "POST":
        try:
            with turned_away("task", number):
                signers.decline(office().db, g.viewer, number, reason, at=now())
        except (NotFound, Forbidden):
            raise
        except Refusal as refusal:
            refused, status = refusal_words(refusal), refusal.status
        else:
            flash(gettext("已谢绝加签"), "success")
            return redirect(url_for("inbox.index"), 303)
    return render_template("signers/decline.html", number=number, asked=asked, reason=reason, refused=refused), status
