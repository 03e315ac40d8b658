"""代办授权: whom one has asked to stand in, for whom one stands in, what waits for them, and what was done in whose name."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from forms import lookups
from webapp import whom
from webapp.allowed import allowed, proves_identity
from webapp.case_pages import note_rejected
from webapp.filling import Colleagues, lookup_answer
from webapp.languages import refusal_words
from webapp.moments import now
from webapp.office import office
from webapp.paging import page_number
from workflows import absences, deployment, proxies
from workflows.access import APART, Viewer, office_day
from workflows.errors import Forbidden, NotFound, ProxyDays, ProxyScope, Refusal

pages = Blueprint("proxies", __name__)


def _fitting() -> whom.Among:
    viewer: Viewer = g.viewer
    return whom.Among(lambda reading, text: proxies.fitting(reading, viewer, text, at=now()))


@pages.get("/proxies/")
@allowed("signed_in")
def index() -> str:
    """What waits for those for whom one stands in, and every grant by or to oneself."""
    viewer: Viewer = g.viewer
    at = now()
    with office().db.read() as reading:
        standing = proxies.principals(reading, viewer, at)
        waiting = proxies.waiting(reading, viewer, standing, page=page_number())
        grants = proxies.granted(reading, at, person_id=viewer.person_id, size=50)
        done = proxies.done_for(reading, viewer)
    return render_template(
        "proxies/index.html", standing=standing, waiting=waiting, grants=grants, done=done, states=proxies.STATES,
        may_grant=_may_grant(viewer), may_arrange=absences.may_arrange(viewer),
    )


def _may_grant(viewer: Viewer) -> bool:
    """Whether somebody has office work that another could do."""
    return any(held.role not in APART for held in viewer.memberships)


@pages.route("/proxies/new", methods=["GET", "POST"])
@allowed("signed_in")
@proves_identity
def grant() -> Any:
    """Let somebody stand in; what was typed stays when it is refused."""
    today, days = office_day(now()), office().settings.proxy_days
    given = {
        "to": request.form.get("to", "").strip()[:100], "reason": request.form.get("reason", ""),
        "from_on": request.form.get("from_on", today.isoformat()), "to_on": request.form.get("to_on", ""),
    }  # fmt: skip
    chosen = request.form.getlist("process")
    refused, status = "", 200
    some = request.form.get("scope") == "some"
    if request.method == "POST":
        try:
            if some and not chosen:
                raise ProxyScope()
            proxies.grant(
                office().db, g.viewer, whom.person(given["to"], _fitting(), Colleagues(g.viewer)),
                from_on=_day(given["from_on"], days), to_on=_day(given["to_on"], days),
                processes=chosen if some else (), reason=given["reason"], at=now(), days=days,
            )  # fmt: skip
        except NotFound:
            raise
        except Refusal as refusal:
            note_rejected(refusal)
            refused, status = refusal_words(refusal), refusal.status
        else:
            flash(gettext("已授权，对方已收到通知"), "success")
            return redirect(url_for(".index"), 303)
    with office().db.read() as reading:
        processes = [(one.process_id, one.name) for one in deployment.current(reading)]
        near = proxies.fitting(reading, g.viewer, "", at=now())
    return render_template(
        "proxies/new.html", given=given, chosen=chosen, scope="some" if some else "all", processes=sorted(processes),
        near=[lookups.choice(*one) for one in near], days=days, today=today, refused=refused, may_grant=_may_grant(g.viewer),
    ), status  # fmt: skip


def _day(text: str, days: int) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ProxyDays(days=days) from None


@pages.route("/proxies/arrange", methods=["GET", "POST"])
@allowed("signed_in")
@proves_identity
def arrange() -> Any:
    """Let somebody stand in for another who is away and has asked nobody; what was typed stays when it is refused."""
    if not absences.may_arrange(g.viewer):
        raise Forbidden()
    today, days = office_day(now()), office().settings.proxy_days
    given = {
        "of": request.form.get("of", "").strip()[:100], "to": request.form.get("to", "").strip()[:100],
        "reason": request.form.get("reason", ""), "from_on": request.form.get("from_on", today.isoformat()),
        "to_on": request.form.get("to_on", ""),
    }  # fmt: skip
    chosen, some = request.form.getlist("process"), request.form.get("scope") == "some"
    refused, status = "", 200
    if request.method == "POST":
        try:
            if some and not chosen:
                raise ProxyScope()
            among, known = _arrangeable(), Colleagues(g.viewer)
            absences.arrange(
                office().db, g.viewer, whom.person(given["of"], among, known), whom.person(given["to"], among, known),
                from_on=_day(given["from_on"], days), to_on=_day(given["to_on"], days),
                processes=chosen if some else (), reason=given["reason"], at=now(), days=days,
            )  # fmt: skip
        except (NotFound, Forbidden):
            raise
        except Refusal as refusal:
            note_rejected(refusal)
            refused, status = refusal_words(refusal), refusal.status
        else:
            flash(gettext("已安排代办，双方已收到通知"), "success")
            return redirect(url_for(".every" if g.viewer.has("security_admin") else ".index"), 303)
    with office().db.read() as reading:
        processes = [(one.process_id, one.name) for one in deployment.current(reading)]
        near = absences.fitting(reading, g.viewer, "", at=now())
    return render_template(
        "proxies/arrange.html", given=given, chosen=chosen, scope="some" if some else "all", processes=sorted(processes),
        near=[lookups.choice(*one) for one in near], days=days, today=today, refused=refused,
    ), status  # fmt: skip


def _arrangeable() -> whom.Among:
    viewer: Viewer = g.viewer
    return whom.Among(lambda reading, text: absences.fitting(reading, viewer, text, at=now()))


@pages.get("/proxies/arrange/people")
@allowed("signed_in")
def arrangeable() -> Any:
    """``<option>`` elements for those whose absence one may arrange for, and who could stand in."""
    return lookup_answer({"person": _arrangeable()})


@pages.get("/proxies/colleagues")
@allowed("signed_in")
def colleagues() -> Any:
    """``<option>`` elements for the people who could stand in."""
    return lookup_answer({"person": _fitting()})


@pages.post("/proxies/<number>/revoke")
@allowed("signed_in")
def revoke(number: str) -> Response:
    """End a grant that one has given, or by which one stands in."""
    proxies.revoke(office().db, g.viewer, number, at=now())
    flash(gettext("代办授权已撤销，立即生效"), "success")
    managing = request.form.get("from") == "administration" and g.viewer.has("security_admin")
    return redirect(url_for(".every" if managing else ".index"), 303)


@pages.get("/administration/proxies")
@allowed("security_admin")
def every() -> str:
    """Every grant, the newest first, for whoever keeps the rights of people."""
    with office().db.read() as reading:
        grants = proxies.granted(reading, now(), page=page_number())
    return render_template("administration/proxies.html", grants=grants, states=proxies.STATES)
