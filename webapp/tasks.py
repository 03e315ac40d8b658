"""One task: the form with everything that bears on it, sent once, and what happens next."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request
from flask_babel import gettext
from werkzeug.wrappers import Response

from forms import lookups
from forms.build import Bound
from webapp import desk, reading_case, whom
from webapp.addresses import url_for
from webapp.allowed import allowed
from webapp.case_pages import file_url, handed_over, note_over, opened_case, sheet, spec_of, turned_away
from webapp.filling import (
    BACK,
    LAST,
    MORE,
    NOTE,
    SAVE,
    SEND,
    Addresses,
    Colleagues,
    Filling,
    lookup_answer,
    sent_before,
)
from webapp.form_page import PaperView, paper_view
from webapp.languages import refusal_words, translate
from webapp.moments import now
from webapp.office import office
from workflows import access, assignments, case_file, follow_ups, forecast, inbox, instances, proxies, returning
from workflows.access import Viewer
from workflows.case_file import CaseFile
from workflows.errors import (
    CaseFailed,
    DelegationOver,
    Forbidden,
    InstanceSuspended,
    NotFound,
    ProxyOver,
    ReasonNeeded,
    Refusal,
    TaskAlreadyDone,
    TaskNotOpen,
)
from workflows.instances import FormRequest
from workflows.registers import evidence
from workflows.submission import Submission
from workflows.transitions import Moved

pages = Blueprint("tasks", __name__)


def asked_for(number: str) -> FormRequest:
    """The task as the person may see it; being turned away from it is recorded."""
    with turned_away("task", number), office().db.read() as reading:
        return instances.task_form(reading, g.viewer, number, now())


def _filling(number: str, asked: FormRequest) -> Filling:
    return Filling(
        asked,
        Addresses(
            url_for("tasks.show", number=number), url_for("tasks.save", number=number), url_for("tasks.body", number=number),
            url_for("tasks.lookup"),
        ),
    )  # fmt: skip


@pages.get("/tasks/<number>")
@allowed("signed_in")
def show(number: str) -> str:
    """The task: to be filled in by whoever may take it, to be read by whoever did it."""
    asked = asked_for(number)
    case = _case(asked)
    if asked.status != "open" or not asked.is_mine or not asked.form:
        return _closed(number, asked, case)
    filling = _filling(number, asked)
    return _page(number, filling, filling.opened(), case)


def _case(asked: FormRequest) -> CaseFile:
    with office().db.read() as reading:
        return case_file.read(reading, g.viewer, str(asked.instance_number), now())


def _beside(asked: FormRequest, case: CaseFile, number: str) -> dict[str, Any]:
    """What stands beside the form: the task, rulings, what was submitted before, opinions so far."""
    viewer: Viewer = g.viewer
    to_file = None if case.masked else file_url
    with office().db.read() as reading:
        said, follow_on = desk.beside(reading, case), follow_ups.day_of(reading, viewer, number)
        takeable = asked.status == "done" and bool(returning.may_take_back(reading, viewer, [number]))
    papers = [(one, sheet(one, to_file)) for one in reading_case.submissions(case, viewer) if one.task != number]
    sent = {one.task: one for one, _ in papers if one.by_number != viewer.number}
    opinions = [(task, sent[task.number]) for task in case.tasks if task.status == "done" and task.number in sent]
    opinions = [(task, paper) for task, paper in opinions if task.signing.get("main") != number]
    return {
        "asked": asked, "case_file": case, "number": number, "papers": papers, "opinions": opinions,
        "rulings": reading_case.rulings(case, viewer), "is_applicant": reading_case.is_applicant(case, viewer),
        "reasons_told": asked.prefill.get("reasons"), "to_sign": _to_sign(asked, to_file), "takeable": takeable,
        "beside": said, "follow_on": follow_on,
        "urges": [one for one in said.pressing.urges if one.task == number],
    }  # fmt: skip


def _to_sign(asked: FormRequest, to_file: Callable[[str], str] | None) -> PaperView | None:
    """What the person is asked to sign, as a paper to read."""
    sent = asked.to_sign
    return paper_view(spec_of(asked.to_sign_form), sent.data, seen=sent.seen, file_url=to_file) if sent is not None else None


def _page(
    number: str, filling: Filling, bound: Bound, case: CaseFile, *, refused: str = "", note: str = ""
) -> str:
    with office().db.read() as reading:
        following = inbox.next_task(reading, g.viewer, besides=number)
    return render_template(
        "tasks/show.html", filling=filling, view=filling.view(bound), following=following, refused=refused, note=note,
        **_beside(filling.asked, case, number),
    )  # fmt: skip


def _closed(number: str, asked: FormRequest, case: CaseFile) -> str:
    own = next((sheet(one) for one in case.submissions if one.task == number and one.by_number == g.viewer.number), None)
    return render_template("tasks/closed.html", own=own, **_beside(asked, case, number))


@pages.post("/tasks/<number>")
@allowed("signed_in")
def complete(number: str) -> Any:
    """Send the form. 422 shows the same page with everything typed; 409 keeps what was typed and says who was first."""
    try:
        asked = asked_for(number)
    except (ProxyOver, TaskAlreadyDone) as refusal:
        return _words_kept(number, refusal)
    filling = _filling(number, asked)
    if asked.status != "open":
        if sent_before() is not None:
            return _after(number)
        late = _too_late(asked)
        filling.lost(late)
        return _kept(filling, filling.received(judge=False).bound, late)
    if BACK in request.form:
        return _hand_back(number, filling)
    if request.form.get(MORE) in HANDING:
        if asked.is_mine:
            filling.keep(filling.received(judge=False))
        return redirect(url_for(HANDING[request.form[MORE]], number=number), 303)
    if LAST in request.form and asked.last_opinion is not None:
        filling.take_last(filling.received(judge=False), asked.last_opinion.answers)
        flash(gettext("已填入您上次的意见，请逐项核对、重新作出结论后提交"), "success")
        return redirect(url_for(".show", number=number), 303)
    got = filling.received()
    if SAVE in request.form:
        filling.keep(got)
        flash(gettext("草稿已保存"), "success")
        return redirect(url_for(".show", number=number))
    if got.pressed:
        filling.keep(got)
        return _page(number, filling, got.bound, _case(asked))
    if not got.bound.ok:
        filling.refuse(got.bound)
        filling.keep(got)
        return _page(number, filling, got.bound, _case(asked)), 422
    if filling.returned and SEND not in request.form:
        filling.keep(got)
        return render_template(
            "tasks/read_through.html", filling=filling, view=filling.view(got.bound), title=asked.step_name,
            under=asked.instance_title, send=SEND,
        )  # fmt: skip
    try:
        moved = filling.send(got.bound, partial(_complete, number, asked))
    except CaseFailed as failure:
        filling.keep(got)
        return _kept(filling, got.bound, failure, safe=True)
    except Refusal as refusal:
        note_over(refusal, number)
        return _kept(filling, got.bound, refusal)
    if moved.handed_on:
        said = gettext("已申请回避，您不再提出意见") if asked.signing else gettext("已提交，该任务已转由他人办理")
        flash(said, "success")
        return redirect(url_for("inbox.index"), 303)
    return redirect(url_for("tasks.sent", number=number), 303)


def _too_late(asked: FormRequest) -> Refusal:
    if asked.status == "suspended":
        return InstanceSuspended()
    if asked.done_by_name is None:
        return TaskNotOpen()
    return TaskAlreadyDone(name=asked.done_by_name, time=asked.done_at)


def _complete(number: str, asked: FormRequest, submission: Submission) -> Moved:
    return instances.complete_task(office().db, g.viewer, number, submission, at=now(), asked=asked)


def _kept(filling: Filling, bound: Bound, refusal: Refusal, *, safe: bool = False) -> tuple[str, int]:
    """The refusal, with a copy of what was typed to read and to take along; ``safe`` when an incident keeps it."""
    page = render_template(
        "tasks/kept.html", view=filling.view(bound), words=refusal_words(refusal), asked=filling.asked, safe=safe
    )
    return page, refusal.status


def _words_kept(number: str, refusal: Refusal) -> tuple[str, int]:
    """The refusal, with what somebody had typed in another's name who no longer stands in for them.

    The case is not theirs to read any more: what they see is what they sent themselves, by the names of the fields.
    """
    with office().db.read() as reading:
        left = proxies.left_over(reading, g.viewer, number, now())
    if left is None:
        raise refusal
    labels = {".".join(keys): field.label for keys, field in spec_of(left.form).fields()} if left.form else {}
    words = []
    for name, typed in request.form.lists():
        # Rows of a table are numbered; fields of our own begin with a line.
        key = ".".join(part for part in re.split(r"[-.]", name) if not part.isdecimal())
        if key in labels:
            words.append((labels[key], [one for one in typed if one.strip()]))
    page = render_template(
        "tasks/words_kept.html", refused=refusal_words(refusal), left=left, words=[one for one in words if one[1]]
    )
    return page, refusal.status


def _after(number: str) -> Response:
    """On to what happens next; somebody who withdrew from the task (回避) may no longer see it."""
    try:
        with office().db.read() as reading:
            access.task_for(reading, g.viewer, number, now())
    except NotFound:
        flash(gettext("已提交，该任务已转由他人办理"), "success")
        return redirect(url_for("inbox.index"), 303)
    return redirect(url_for(".sent", number=number), 303)


@pages.get("/tasks/<number>/sent")
@allowed("signed_in")
def sent(number: str) -> Any:
    """After sending: what happens next, by whom, by when; and the next task."""
    asked = asked_for(number)
    if asked.status == "open":
        return redirect(url_for(".show", number=number))
    with office().db.read() as reading:
        case = case_file.read(reading, g.viewer, str(asked.instance_number), now())
        following = inbox.next_task(reading, g.viewer, besides=number)
        takeable = bool(returning.may_take_back(reading, g.viewer, [number]))
        ahead = forecast.ahead(reading, g.viewer, case.number, now())
    return render_template(
        "tasks/sent.html", case_file=case, step_name=asked.step_name, following=following, number=number, takeable=takeable,
        ahead=ahead,
    )  # fmt: skip


@pages.post("/tasks/<number>/draft")
@allowed("signed_in")
def save(number: str) -> Response:
    """Autosave; nothing is kept for a task that is over."""
    asked = asked_for(number)
    if asked.status != "open":
        raise TaskNotOpen()
    return _filling(number, asked).autosave()


@pages.post("/tasks/<number>/form")
@allowed("signed_in")
def body(number: str) -> str:
    """The form's body again."""
    return _filling(number, asked_for(number)).refreshed()


@pages.post("/tasks/<number>/claim")
@allowed("signed_in")
def claim(number: str) -> Response:
    """Take the task out of the group."""
    with turned_away("task", number):
        assignments.claim(office().db, g.viewer, number, at=now())
    flash(gettext("已认领"), "success")
    return redirect(url_for(".show", number=number), 303)


@pages.post("/tasks/<number>/unclaim")
@allowed("signed_in")
def unclaim(number: str) -> Response:
    """Give the task back to the group."""
    with turned_away("task", number):
        assignments.unclaim(office().db, g.viewer, number, at=now())
    flash(gettext("已取消认领"), "success")
    return redirect(url_for("inbox.index"), 303)


# --- to a colleague, and back (转办, 委派) ----------------------------------------------------------------------------

#: What else can be done with a task, each on a page of its own.
HANDING = {
    "transfer": "tasks.transfer", "delegate": "tasks.delegate", "decline": "tasks.decline", "signers": "signers.ask",
    "no_opinion": "signers.decline", "return": "returning.send_back",
}  # fmt: skip


def _eligible(task: str) -> whom.Among:
    """The people to whom a task could be handed."""
    return whom.Among(lambda reading, text: assignments.colleagues(reading, g.viewer, task, text, at=now()))


def _hand_back(number: str, filling: Filling) -> Any:
    """Hand a delegated task back as it is filled in; what is refused is kept, as with a form that is sent."""
    got, note = filling.received(judge=False), request.form.get(NOTE, "")
    asked = filling.asked
    try:
        with turned_away("task", number):
            if not asked.is_asked:
                raise DelegationOver()
            assignments.hand_back(office().db, g.viewer, number, note, got.draft, at=now())
    except ReasonNeeded as refusal:
        filling.keep(got)
        words = refusal_words(refusal)
        return _page(number, filling, got.bound, _case(asked), refused=words, note=note), refusal.status
    except (NotFound, Forbidden):
        raise
    except Refusal as refusal:
        return _kept(filling, got.bound, refusal)
    flash(gettext("已返回%(name)s", name=asked.holder_name), "success")
    return redirect(url_for("inbox.index"), 303)


@pages.route("/tasks/<number>/transfer", methods=["GET", "POST"])
@allowed("signed_in")
def transfer(number: str) -> Any:
    """Hand the task to a colleague, for good."""
    return _hand_on(number, "transfer")


@pages.route("/tasks/<number>/delegate", methods=["GET", "POST"])
@allowed("signed_in")
def delegate(number: str) -> Any:
    """Ask a colleague to work on the task; it comes back."""
    return _hand_on(number, "delegate")


@pages.route("/tasks/<number>/decline", methods=["GET", "POST"])
@allowed("signed_in")
def decline(number: str) -> Any:
    """Give a delegated task back without work."""
    return _hand_on(number, "decline")


def _hand_on(number: str, act: str) -> Any:
    """The page of one act with its reason, or what came of it; what was typed stays when it is refused."""
    asked, refused, status = asked_for(number), "", 200
    to, reason = request.form.get("to", "").strip()[:100], request.form.get("reason", "")
    may = {"transfer": asked.may_transfer, "delegate": asked.may_delegate, "decline": asked.is_asked}
    if request.method == "GET" and not may[act]:
        return redirect(url_for(".show", number=number))
    if request.method == "POST":
        try:
            with turned_away("task", number):
                name = _handed_on(number, act, to, reason, asked)
        except (NotFound, Forbidden):
            raise
        except Refusal as refusal:
            refused, status = refusal_words(refusal), refusal.status
        else:
            said = {
                "transfer": gettext("已转给%(name)s办理", name=name), "decline": gettext("已返回%(name)s", name=name),
                "delegate": gettext("已委派%(name)s办理，办后返回", name=name),
            }  # fmt: skip
            flash(said[act], "success")
            return redirect(url_for("inbox.index"), 303)
    with office().db.read() as reading:
        near = assignments.colleagues(reading, g.viewer, number, "", at=now(), limit=20) if act != "decline" else []
    return render_template(
        "tasks/hand_on.html", number=number, asked=asked, act=act, to=to, reason=reason, refused=refused,
        near=[lookups.choice(*one) for one in near],
    ), status  # fmt: skip


def _handed_on(number: str, act: str, to: str, reason: str, asked: FormRequest) -> str:
    """Do it; the name of the person who has the task now."""
    if act == "decline":
        assignments.decline(office().db, g.viewer, number, reason, at=now())
        return asked.holder_name or ""
    code = person_of(number, to)
    verb = assignments.transfer if act == "transfer" else assignments.delegate
    verb(office().db, g.viewer, number, code, reason, at=now())
    return _eligible(number).label(code) or to


def person_of(number: str, text: str) -> str:
    """Number of the person who was typed; somebody who may not have the task is found too, so that the refusal says why."""
    return whom.person(text, _eligible(number), Colleagues(g.viewer))


@pages.get("/tasks/<number>/colleagues")
@allowed("signed_in")
def colleagues(number: str) -> Any:
    """``<option>`` elements for the people to whom the task could be handed."""
    return lookup_answer({"person": _eligible(number)})


@pages.post("/tasks/<number>/recall")
@allowed("signed_in")
def recall(number: str) -> Response:
    """Take back what one has delegated."""
    with turned_away("task", number):
        assignments.recall(office().db, g.viewer, number, at=now())
    flash(gettext("已收回委派"), "success")
    return redirect(url_for(".show", number=number), 303)


@pages.get("/lookup")
@allowed("signed_in")
def lookup() -> Any:
    """What a look-up input offers for the text typed."""
    return lookup_answer()


@pages.get("/files/<sha256>")
@allowed("signed_in")
def download(sha256: str) -> Response:
    """A stored file, for whoever brought it or needs it for a case; looking at another's is recorded."""
    viewer: Viewer = g.viewer
    with turned_away("file", sha256), office().db.read() as reading:
        found = evidence.for_viewer(reading, viewer, sha256, now())
        path = office().files.path(sha256)
        opened = opened_case() if access.may_audit(viewer) else None
        needed = found.uploaded_by_id == viewer.person_id or case_file.may_open_file(
            reading, viewer, sha256, now(), opened_case=opened
        )
        if not needed or not path.is_file():
            raise NotFound()
    if found.uploaded_by_id != viewer.person_id:
        case_file.note_file_viewed(office().db, viewer, found.instance_id, sha256, at=now())
    return handed_over(path.read_bytes(), found.name or translate("附件"), found.media_type)
