"""离岗交接: choose who takes over from somebody who leaves, see where each task would go, and hand over as a job."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext

from forms import lookups
from webapp import whom
from webapp.allowed import allowed, proves_identity
from webapp.case_pages import note_rejected
from webapp.filling import lookup_answer
from webapp.languages import refusal_words
from webapp.moments import now
from webapp.office import office
from workflows import handing_over, people
from workflows.errors import NotFound, Refusal

pages = Blueprint("handing_over", __name__, url_prefix="/administration")


def _fitting() -> whom.Among:
    return whom.Among(lambda reading, text: list(handing_over.fitting(reading, text, at=now())))


@pages.route("/people/<number>/hand-over", methods=["GET", "POST"])
@allowed("system_admin")
@proves_identity
def hand_over(number: str) -> Any:
    """Who takes over, the list of where each task would go (试算), and the hand-over itself; what was typed stays."""
    with office().db.read() as reading:
        card = people.person_card(reading, number)
    typed = [words.strip()[:100] for words in request.form.getlist("to")]
    reason, refused, status = request.form.get("reason", ""), "", 200
    plan: handing_over.Plan | None = None
    if request.method == "POST":
        try:
            to = [whom.person(words, _fitting()) for words in typed if words]
            if request.form.get("do"):
                key = f"hand-over:{g.viewer.number}:{request.form.get('key', '')[:64]}"
                handing_over.start(office().db, g.viewer, number, to, reason, at=now(), key=key)
                flash(gettext("已提交离岗交接，进度见下"), "success")
                return redirect(url_for("operations.list_jobs"), 303)
            with office().db.read() as reading:
                plan = handing_over.plan(reading, g.viewer, number, to, at=now())
        except NotFound:
            raise
        except Refusal as refusal:
            note_rejected(refusal)
            refused, status = refusal_words(refusal), refusal.status
    with office().db.read() as reading:
        near = list(handing_over.fitting(reading, "", at=now()))
    return render_template(
        "administration/hand_over.html", card=card, typed=[*(one for one in typed if one), "", ""][: handing_over.MOST],
        reason=reason, refused=refused, plan=plan, ways=handing_over.WAYS, near=[lookups.choice(*one) for one in near],
        most=handing_over.MOST, key=request.form.get("key") or secrets.token_urlsafe(16),
    ), status  # fmt: skip


@pages.get("/hand-over/people")
@allowed("system_admin")
def successors() -> Any:
    """``<option>`` elements for the people who could take over."""
    return lookup_answer({"person": _fitting()})
