"""Cases onto a newer version of their process: the dry run as a table, then one case, or all of them as a job."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext

from webapp.allowed import allowed
from webapp.case_pages import note_rejected
from webapp.languages import refusal_words, sign, translate
from webapp.moments import now
from webapp.office import office
from workflows import control, deployment, jobs, people
from workflows.errors import NotFound, Refusal

pages = Blueprint("migrating", __name__, url_prefix="/administration/definitions")

#: Cases that one dry run looks at; the job takes all of them.
SHOWN = 50


def _mapping() -> dict[str, str]:
    """``old = new``, one pair a line, as typed."""
    pairs = (line.partition("=") for line in request.values.get("mapping", "").splitlines() if line.strip())
    return {old.strip(): new.strip() for old, _, new in pairs}


@pages.get("/<process_id>/migrate")
@allowed("system_admin")
def show(process_id: str) -> str:
    """The dry run: which cases run on older versions, what would change in each, and why some cannot move."""
    return _page(process_id)


def _page(process_id: str, refused: str = "") -> str:
    with office().db.read() as reading:
        versions = control.newest_first(reading, process_id)
        if not versions:
            raise NotFound()
        chosen = request.values.get("to", "")
        target = next((digest for digest, version in versions if str(version) == chosen), versions[0][0])
        numbers = control.movable(reading, process_id, target)
        planned = control.plan(reading, g.viewer, numbers[:SHOWN], target, _mapping(), at=now())
        name = deployment.definition(reading, target).name
    return render_template(
        "administration/migrate.html", process_id=process_id, name=name, versions=versions, target=target,
        version=dict(versions)[target], planned=planned, total=len(numbers), mapping=request.values.get("mapping", ""),
        refused=refused, change_words=change_words,
    )  # fmt: skip


@pages.post("/<process_id>/migrate")
@allowed("system_admin")
def move(process_id: str) -> Any:
    """Take one case over now, or put a job on the list that takes every case that can move."""
    here, target, number = office(), request.form.get("target", ""), request.form.get("number", "")
    with here.db.read() as reading:
        versions = dict(control.newest_first(reading, process_id))
    if target not in versions:
        raise NotFound()
    back = url_for(".show", process_id=process_id, to=versions[target], mapping=request.form.get("mapping") or None)
    if number:
        try:
            control.migrate(here.db, g.viewer, number, target, _mapping(), at=now())
        except NotFound:
            raise
        except Refusal as refusal:
            note_rejected(refusal, number)
            return _page(process_id, refused=f"{number}{sign('：')}{refusal_words(refusal)}"), refusal.status
        flash(gettext("办件 %(number)s 已改按第 %(version)s 版办理", number=number, version=versions[target]), "success")
        return redirect(back, 303)
    by = people.administrator(g.viewer)
    jobs.enqueue(
        here.db, control.MIGRATION, control.request_of(g.viewer, process_id, target, _mapping()), at=now(),
        by_id=g.viewer.person_id, by=by, payload={"process": process_id, "target": target},
    )  # fmt: skip
    flash(gettext("迁移已列入后台作业，离开本页不会中断"), "success")
    return redirect(url_for("operations.list_jobs"), 303)


def change_words(one: control.Change) -> str:
    """A step that would be otherwise, in words."""
    name = translate(one.was) if one.was == one.becomes else f"{translate(one.was)} → {translate(one.becomes)}"
    return name + (sign("：") + sign("、").join(translate(word) for word in one.differs) if one.differs else "")
