"""What a page offers beside the decision: urging (催办), grades, copies (抄送), remarks (留言), follow-up days, saved filters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from flask_babel import gettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from forms import lookups
from webapp import reading_case, whom
from webapp.allowed import allowed
from webapp.case_pages import comma, turned_away
from webapp.filling import Colleagues, lookup_answer
from webapp.languages import refusal_words
from webapp.moments import now
from webapp.office import office
from workflows import access, actions, case_file, copies, follow_ups, inbox, remarks, saved_filters, urging
from workflows.access import Viewer
from workflows.case_file import CaseFile
from workflows.errors import Forbidden, NotFound, Refusal

pages = Blueprint("desk", __name__)

#: So many people can be typed on the page at once.
FIELDS = 4


@pages.record_once
def _words(state: BlueprintSetupState) -> None:
    """Give templates the words of grades and audiences, and the day it is."""
    state.app.jinja_env.globals.update(
        grades=inbox.GRADES, grade_of=inbox.grade_of, audiences=remarks.AUDIENCES, today=lambda: access.office_day(now()).isoformat()
    )


@dataclass(frozen=True)
class Beside:
    """What stands on a page about a case beside what it decides, for whoever looks."""

    pressing: urging.Pressing
    remarks: list[remarks.RemarkView]
    copies: list[copies.CopyView]
    #: Whom a remark can name.
    names: list[str]
    may_remark: bool
    may_copy: bool


def beside(reading: Session, case: CaseFile) -> Beside:
    """Read it for a case that the viewer sees."""
    viewer: Viewer = g.viewer
    at = now()
    part = access.part_in(reading, viewer, case.number, at)
    said, sent = remarks.of_case(reading, viewer, case.number), copies.of_case(reading, case.number)
    return Beside(
        urging.pressing(reading, viewer, case.number, at), said, sent, _names(case, said, sent), remarks.may_add(part),
        copies.may_send(viewer, part)
        and all(actions.drawn(reading, case.definition, task.step_id, "cc") for task in case.open_tasks),
    )


def _names(case: CaseFile, said: list[remarks.RemarkView], sent: list[copies.CopyView]) -> list[str]:
    """Whom the viewer may think of naming in a remark: a hint, which ``remarks.add`` judges."""
    viewer: Viewer = g.viewer
    found = {name for task in case.tasks for name in (task.holder_name, task.done_by_name) if name}
    found |= {one.by_name for one in said}
    if not reading_case.is_applicant(case, viewer):
        found |= {one["name"] for task in case.open_tasks for one in task.explanation.get("result", ())}
        found |= {one.name for one in sent}
        found -= set() if case.for_office else {case.starter_name}
    return sorted(found - {viewer.name})


def note_read(number: str) -> None:
    """A case that was sent to the viewer is open before them: it is read now (阅知)."""
    with office().db.read() as reading:
        waiting = copies.unread(reading, g.viewer, number)
    if waiting:
        copies.mark_read(office().db, g.viewer, number, at=now())


# --- on a task ------------------------------------------------------------------------------------------------------


def _back(number: str = "") -> Response:
    """To the page that the form stands on: the task's where it says so, else the case's."""
    task = request.form.get("on_task", "")
    if task and task.isalnum():
        return redirect(url_for("tasks.show", number=task, _anchor="remarks" if number else None), 303)
    return redirect(url_for("instances.show", number=number), 303) if number else redirect(url_for("inbox.index"), 303)


@pages.post("/tasks/<number>/urge")
@allowed("signed_in")
def urge(number: str) -> Response:
    """Urge whoever has the task; how often is the office's setting."""
    settings = office().settings
    with turned_away("task", number):
        told = urging.urge(
            office().db, g.viewer, number, request.form.get("words", ""), at=now(), hours=settings.urge_hours,
            a_day=settings.urges_a_day,
        )
    if told:
        flash(gettext("已催办，已通知：%(names)s", names=comma().join(told)), "success")
    else:
        flash(gettext("已催办并记入办理经过；现在没有可以通知的办理人，请联系管理员"), "warning")
    return _back(request.form.get("case", ""))


@pages.post("/tasks/<number>/grade")
@allowed("signed_in")
def grade(number: str) -> Response:
    """Set how urgent the task is."""
    given = request.form.get("grade", "")
    with turned_away("task", number):
        changed = urging.prioritise(office().db, g.viewer, number, given, request.form.get("reason", ""), at=now())
    if changed:
        flash(gettext("紧急程度已设为：%(grade)s", grade=gettext(inbox.GRADES[given].name)), "success")
    else:
        flash(gettext("紧急程度没有变化"), "info")
    return _back(request.form.get("case", ""))


@pages.post("/tasks/<number>/follow-up")
@allowed("signed_in")
def follow_up(number: str) -> Response:
    """Set the day on which the viewer comes back to the task, or take it away."""
    text = request.form.get("on", "").strip()
    try:
        on = date.fromisoformat(text) if text else None
    except ValueError:
        on = date.min  # no day at all is refused like one that has passed
    if "clear" in request.form:
        on = None
    with turned_away("task", number):
        follow_ups.follow_up(office().db, g.viewer, number, on, at=now())
    said = gettext("已取消跟进日期") if on is None else gettext("跟进日期：%(day)s", day=on.isoformat())
    flash(said, "success")
    return redirect(url_for("tasks.show", number=number), 303)


# --- on a case ------------------------------------------------------------------------------------------------------


@pages.route("/instances/<number>/copy", methods=["GET", "POST"])
@allowed("signed_in")
def copy(number: str) -> Any:
    """Send the case to colleagues to read; what was typed stays when it is refused."""
    to = [text for one in request.form.getlist("to") if (text := one.strip()[:100])]
    words, refused, status = request.form.get("words", ""), "", 200
    with turned_away("case", number), office().db.read() as reading:
        instance = access.instance_for(reading, g.viewer, number, now())
        sent = copies.of_case(reading, number)
        if not copies.may_send(g.viewer, access.part_in(reading, g.viewer, number, now())):
            raise Forbidden()
        title = instance.title
    if request.method == "POST":
        try:
            with turned_away("case", number):
                names = copies.send(office().db, g.viewer, number, [whom.person(one, Colleagues(g.viewer)) for one in to], words, at=now())
        except (NotFound, Forbidden):
            raise
        except Refusal as refusal:
            refused, status = refusal_words(refusal), refusal.status
        else:
            flash(gettext("已抄送：%(names)s", names=comma().join(names)), "success")
            return _back(number)
    near = [lookups.choice(*one) for one in Colleagues(g.viewer).find("")]
    return render_template(
        "desk/copy.html", number=number, title=title, to=(to + [""] * FIELDS)[: max(FIELDS, len(to))], words=words,
        refused=refused, near=near, sent=sent,
        on_task=request.args.get("on_task") or request.form.get("on_task") or "",
    ), status  # fmt: skip


@pages.get("/instances/<number>/copy/colleagues")
@allowed("signed_in")
def colleagues(number: str) -> Any:
    """``<option>`` elements for the people to whom the case could be sent."""
    return lookup_answer({"person": Colleagues(g.viewer)})


@pages.post("/instances/<number>/remarks")
@allowed("signed_in")
def remark(number: str) -> Any:
    """Say something about the case. What is refused is shown with its reason, and can be sent again from there."""
    form = request.form
    given = {"words": form.get("words", ""), "audience": form.get("audience", remarks.OFFICE)}
    more = {"task_number": form.get("on_task", ""), "corrects": form.get("corrects", "")}
    try:
        with turned_away("case", number):
            remarks.add(office().db, g.viewer, number, **given, **more, at=now())
    except (NotFound, Forbidden):
        raise
    except Refusal as refusal:
        return _remark_again(number, refusal), refusal.status
    flash(gettext("已留言"), "success")
    return _back(number)


def _remark_again(number: str, refusal: Refusal) -> str:
    with office().db.read() as reading:
        case = case_file.read(reading, g.viewer, number, now())
        found = beside(reading, case)
    return render_template(
        "desk/remark.html", number=number, title=case.title, beside=found, refused=refusal_words(refusal),
        is_applicant=reading_case.is_applicant(case, g.viewer), typed=request.form,
    )  # fmt: skip


# --- one's own filters ----------------------------------------------------------------------------------------------


def _asked() -> dict[str, str]:
    return {key: request.form.get(key, "") for key in saved_filters.WORDS}


@pages.post("/inbox/filters")
@allowed("signed_in")
def save_filter() -> Response:
    """Keep what the inbox is narrowed to under a name."""
    name, asked = request.form.get("name", ""), _asked()
    saved_filters.save(office().db, g.viewer, name, asked, at=now(), default="default" in request.form)
    flash(gettext("已保存筛选条件“%(name)s”", name=name.strip()), "success")
    narrowed: dict[str, Any] = {key: value for key, value in asked.items() if value}
    return redirect(url_for("inbox.index", tab="todo", **narrowed), 303)


@pages.post("/inbox/filters/remove")
@allowed("signed_in")
def remove_filter() -> Response:
    """Delete a filter of one's own."""
    name = request.form.get("name", "")
    saved_filters.remove(office().db, g.viewer, name, at=now())
    flash(gettext("已删除筛选条件“%(name)s”", name=name), "success")
    return redirect(url_for("inbox.index", tab="todo"), 303)
