"""The administrators' pages of what the machine could not carry out (流程异常): a list, one incident, try again, give up."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from webapp.allowed import allowed
from webapp.case_pages import note_rejected
from webapp.languages import refusal_words
from webapp.moments import now
from webapp.office import office
from webapp.paging import page_number, words
from workflows import deployment, incidents, retries
from workflows.errors import InstanceMoved, InstanceSuspended, ReasonNeeded

pages = Blueprint("incidents", __name__, url_prefix="/administration/incidents")


@pages.get("/")
@allowed("system_admin")
def index() -> str:
    """Incidents, those that wait first. What somebody typed stands in none of them."""
    with office().db.read() as reading:
        causes = incidents.causes(reading)
        processes = {one.process_id: one.name for one in deployment.definitions(reading)}
        sought = incidents.Sought(
            status=_one_of("status", incidents.STATUSES), cause=_one_of("cause", dict(causes)),
            process_id=_one_of("process", processes), text=words("q"),
        )  # fmt: skip
        found = incidents.find(reading, sought, page=page_number())
        waiting = incidents.count_open(reading)
    return render_template(
        "administration/incidents.html", found=found, sought=sought, causes=causes, processes=processes, waiting=waiting,
        statuses=incidents.STATUSES, subjects=incidents.SUBJECTS,
    )  # fmt: skip


def _one_of(name: str, values: Any) -> str:
    given = request.args.get(name, "")
    return given if given in values else ""


@pages.get("/<number>")
@allowed("system_admin")
def show(number: str) -> str:
    """One incident: cause, place, tries; the reason with its values only for who may see the case."""
    return _page(number)


def _page(number: str, *, refused: str = "", reason: str = "") -> str:
    with office().db.read() as reading:
        found = incidents.one(reading, g.viewer, number, now())
    return render_template(
        "administration/incident.html", found=found, refused=refused, reason=reason, statuses=incidents.STATUSES,
        subjects=incidents.SUBJECTS,
    )  # fmt: skip


@pages.post("/<number>/retry")
@allowed("system_admin")
def retry(number: str) -> Any:
    """Try again now; says what became of it."""
    try:
        became = retries.retry(office().db, g.viewer, number, at=now())
    except (InstanceSuspended, InstanceMoved) as refusal:
        note_rejected(refusal)
        return _page(number, refused=refusal_words(refusal)), refusal.status
    said = {
        "resolved": (gettext("重试成功，流程异常已消除"), "success"),
        "moot": (gettext("已不需要重试：该事项已由其他方式办理，或办件已经结束"), "info"),
        "open": (gettext("重试仍未成功，原因见下"), "danger"),
    }
    flash(*said[became])
    return redirect(url_for(".show", number=number), 303)


@pages.post("/<number>/dismiss")
@allowed("system_admin")
def dismiss(number: str) -> Any:
    """Give up trying: the task stays open, and its people do it again."""
    reason = request.form.get("reason", "")
    try:
        incidents.dismiss(office().db, g.viewer, number, reason, at=now())
    except ReasonNeeded as refusal:
        note_rejected(refusal)
        return _page(number, refused=refusal_words(refusal), reason=reason), refusal.status
    flash(gettext("已不再重试，任务仍留在办理人的待办中"), "success")
    return _to_list()


def _to_list() -> Response:
    return redirect(url_for(".index"), 303)
