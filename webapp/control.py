"""A case as a whole: held, let go on, ended, taken back by those in charge; withdrawn by its applicant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from webapp.allowed import allowed
from webapp.case_pages import turned_away
from webapp.languages import refusal_words
from webapp.moments import now
from webapp.office import office
from workflows import control
from workflows.errors import Forbidden, NotFound, ReasonNeeded, Refusal

pages = Blueprint("control", __name__, url_prefix="/instances")


@pages.get("/<number>/control")
@allowed("signed_in")
def show(number: str) -> str:
    """What may be done with the case as a whole now, each with its reason."""
    return _page(number)


def _page(number: str, *, refused: str = "", act: str = "", reason: str = "") -> str:
    with turned_away("case", number), office().db.read() as reading:
        permitted = control.permitted(reading, g.viewer, number, now())
        if not set(permitted) - {"withdraw"} and not g.viewer.has("system_admin"):
            raise NotFound()
        found = control.standing(reading, g.viewer, number, now())
        earlier = control.earlier(reading, number) if "rewind" in permitted else []
    return render_template(
        "instances/control.html", found=found, permitted=permitted, earlier=earlier, refused=refused, act=act,
        reason=reason,
    )  # fmt: skip


@pages.post("/<number>/control/<act>")
@allowed("signed_in")
def change(number: str, act: str) -> Any:
    """Suspend, resume, cancel or rewind; the same page again with what was typed when the reason says too little."""
    reason, db, viewer, at = request.form.get("reason", ""), office().db, g.viewer, now()
    acts: dict[str, tuple[Callable[[], object], str]] = {
        "suspend": (lambda: control.suspend(db, viewer, number, reason, at=at), gettext("办件已暂停")),
        "resume": (lambda: control.resume(db, viewer, number, at=at), gettext("办件已恢复")),
        "cancel": (lambda: control.cancel(db, viewer, number, reason, at=at), gettext("办件已终止")),
        "rewind": (
            lambda: control.rewind(db, viewer, number, request.form.get("task", ""), reason, at=at),
            gettext("办件已退回到先前环节"),
        ),
    }
    if act not in acts:
        raise NotFound()
    verb, said = acts[act]
    try:
        with turned_away("case", number):
            verb()
    except (NotFound, Forbidden):
        raise
    except Refusal as refusal:
        return _page(number, refused=refusal_words(refusal), act=act, reason=reason), refusal.status
    flash(said, "success")
    return _back(number)


def _back(number: str) -> Response:
    """To the case, or to its control for who keeps the system and may not read it."""
    with office().db.read() as reading:
        found = control.standing(reading, g.viewer, number, now())
    return redirect(url_for("instances.show" if found.may_see else "control.show", number=number), 303)


@pages.route("/<number>/withdraw", methods=["GET", "POST"])
@allowed("signed_in")
def withdraw(number: str) -> Any:
    """Withdraw one's own application: what that means, the reason, and the word that it was done."""
    refused, status, reason = "", 200, request.form.get("reason", "")
    if request.method == "POST":
        try:
            with turned_away("case", number):
                control.withdraw(office().db, g.viewer, number, reason, at=now())
        except ReasonNeeded as refusal:
            refused, status = refusal_words(refusal), refusal.status
        else:
            flash(gettext("申请已撤回"), "success")
            return redirect(url_for("instances.show", number=number), 303)
    with turned_away("case", number), office().db.read() as reading:
        if "withdraw" not in control.permitted(reading, g.viewer, number, now()):
            raise NotFound()
        found = control.standing(reading, g.viewer, number, now())
    return render_template("instances/withdraw.html", found=found, refused=refused, reason=reason), status
