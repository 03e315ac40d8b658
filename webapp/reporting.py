"""登记事项: the page on which somebody of an office reports something to a running case."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from forms.build import Bound
from webapp.allowed import allowed
from webapp.case_pages import turned_away
from webapp.filling import SAVE, SEND, Addresses, Filling, sent_before
from webapp.languages import refusal_words
from webapp.moments import now
from webapp.office import office
from workflows import case_file, reporting
from workflows.case_file import CaseFile
from workflows.errors import CaseFailed, Refusal
from workflows.instances import FormRequest
from workflows.submission import Submission
from workflows.transitions import Moved

pages = Blueprint("reporting", __name__, url_prefix="/instances")


def _asked(number: str, step: str) -> FormRequest:
    with turned_away("case", number), office().db.read() as reading:
        return reporting.report_form(reading, g.viewer, number, step, now())


def _filling(asked: FormRequest, number: str, step: str) -> Filling:
    def address(endpoint: str) -> str:
        return url_for(endpoint, number=number, step=step)

    return Filling(asked, Addresses(address(".show"), address(".save"), address(".body"), url_for("tasks.lookup")))


def _case(number: str) -> CaseFile:
    with office().db.read() as reading:
        return case_file.read(reading, g.viewer, number, now())


def _page(filling: Filling, bound: Bound, number: str, step: str) -> str:
    return render_template(
        "tasks/report.html", filling=filling, view=filling.view(bound), asked=filling.asked, case_file=_case(number), step=step
    )


@pages.get("/<number>/reports/<step>")
@allowed("signed_in")
def show(number: str, step: str) -> str:
    """The form of what is reported."""
    filling = _filling(_asked(number, step), number, step)
    return _page(filling, filling.opened(), number, step)


@pages.post("/<number>/reports/<step>")
@allowed("signed_in")
def send(number: str, step: str) -> Any:
    """Check the form, have it read through, report it. The same page sent twice is one report."""
    try:
        asked = _asked(number, step)
    except Refusal:
        if sent_before() is not None:
            return _after(number)
        raise
    filling = _filling(asked, number, step)
    got = filling.received()
    if SAVE in request.form:
        filling.keep(got)
        flash(gettext("草稿已保存"), "success")
        return redirect(url_for(".show", number=number, step=step))
    if got.pressed:
        filling.keep(got)
        return _page(filling, got.bound, number, step)
    if not got.bound.ok:
        filling.refuse(got.bound)
        filling.keep(got)
        return _page(filling, got.bound, number, step), 422
    if SEND not in request.form:
        filling.keep(got)
        return render_template(
            "tasks/read_through.html", filling=filling, view=filling.view(got.bound), title=asked.step_name,
            under=asked.instance_title, send=SEND,
        )  # fmt: skip
    try:
        filling.send(got.bound, partial(_report, number, step))
    except Refusal as refusal:
        safe = isinstance(refusal, CaseFailed)
        if safe:
            filling.keep(got)
        page = render_template(
            "tasks/kept.html", view=filling.view(got.bound), words=refusal_words(refusal), asked=asked, safe=safe
        )
        return page, refusal.status
    return _after(number)


def _report(number: str, step: str, submission: Submission) -> Moved:
    return reporting.report(office().db, g.viewer, number, step, submission, at=now())


def _after(number: str) -> Response:
    flash(gettext("已登记，办理留痕中可以查看"), "success")
    return redirect(url_for("instances.show", number=number), 303)


@pages.post("/<number>/reports/<step>/draft")
@allowed("signed_in")
def save(number: str, step: str) -> Response:
    """Autosave."""
    return _filling(_asked(number, step), number, step).autosave()


@pages.post("/<number>/reports/<step>/form")
@allowed("signed_in")
def body(number: str, step: str) -> str:
    """The form's body again."""
    return _filling(_asked(number, step), number, step).refreshed()
