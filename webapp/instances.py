"""Cases: what one may apply for, the form that starts one, the list of one's cases, and the page of each."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from forms.build import Bound
from webapp import reading_case
from webapp.allowed import allowed
from webapp.case_pages import file_url, note_rejected, sheet, turned_away
from webapp.conditions import conditions
from webapp.desk import beside, note_read
from webapp.filling import SAVE, SEND, Addresses, Filling, sent_before
from webapp.languages import refusal_words
from webapp.moments import now
from webapp.office import office
from webapp.paging import page_number, words
from workflows import case_file, control, deployment, forecast, incidents, instances, reporting, search
from workflows.access import OFFICE_ROLES, READING_ROLES, Viewer, office_day
from workflows.case import STATUSES
from workflows.errors import DuplicateCase, NotFound, Refusal, StartFailed, WindowClosed, WindowNotOpen
from workflows.instances import FormRequest
from workflows.registers import applications, rounds
from workflows.submission import Submission
from workflows.transitions import Moved

pages = Blueprint("instances", __name__, url_prefix="/instances")

#: The process that a round's applications run (domain.md 3.1).
APPLICATION = "admission"


@pages.get("/")
@allowed("signed_in")
def index() -> str:
    """The cases a person may see: started, acted in, or in their charge."""
    status = request.args.get("status", "")
    sought = search.Sought(
        text=words("q"), person=words("person"), status=status if status in STATUSES else ""
    )
    with office().db.read() as reading:
        found = search.find(reading, g.viewer, sought, at=now(), page=page_number())
    return render_template("instances/index.html", found=found, sought=sought)


@pages.get("/start")
@allowed("signed_in")
def start_page() -> str:
    """What may be applied for now, with what is asked of applicants in plain words."""
    viewer: Viewer = g.viewer
    at = now()
    with office().db.read() as reading:
        offers: list[dict[str, Any]] = []
        for view in rounds.open_rounds(reading, at):
            row, _ = rounds.round_by_number(reading, view.number)
            pack = deployment.packs(reading, row.pack_set)[row.place].on(office_day(row.open_at))
            offers.append({"round": view, "place": pack.name, "conditions": conditions(pack), "open": view.is_open(at)})
        own = search.find(reading, viewer, search.Sought(own=True), at=at, size=5)
        expected = forecast.ends(reading, viewer, [row.number for row in own.rows if row.status == "running"], at)
        startable = instances.startable(reading, viewer)
    return render_template(
        "instances/start.html", offers=offers, own=own, process=APPLICATION, startable=startable, expected=expected
    )


def _asked(process_id: str, round_number: str) -> FormRequest:
    with turned_away("page", request.path), office().db.read() as reading:
        return instances.start_form(reading, g.viewer, process_id, round_number, now(), prefill=_brought())


def _brought() -> dict[str, Any]:
    """What the page that leads here knows already: ``?posts.0.subject=语文`` is {posts: [{subject: 语文}]}.

    A convenience: the form shows it, and judges it like anything typed.
    """
    found: dict[str, Any] = {}
    for name, value in request.args.items():
        key, *rest = name.split(".")
        if not rest:
            found[key] = value
        elif len(rest) == 2 and rest[0] == "0":
            found.setdefault(key, [{}])[0][rest[1]] = value
    return found


def _filling(asked: FormRequest, process_id: str, round_number: str) -> Filling:
    def address(endpoint: str) -> str:
        return url_for(endpoint, process_id=process_id, round_number=round_number)

    return Filling(asked, Addresses(address(".start"), address(".save"), address(".body"), url_for("tasks.lookup")))


@pages.get("/start/<process_id>/<round_number>")
@allowed("signed_in")
def start(process_id: str, round_number: str) -> Any:
    """The form that starts a case; who may not start one now is told why and where to go."""
    try:
        filling = _filling(_asked(process_id, round_number), process_id, round_number)
    except (DuplicateCase, WindowClosed, WindowNotOpen) as refusal:
        return _refused(refusal, sent=False)
    return _page(filling, filling.opened(), offer=True)


def _refused(refusal: Refusal, *, sent: bool) -> tuple[str, int]:
    page = render_template(
        "instances/refused.html", words=refusal_words(refusal), sent=sent, number=refusal.params.get("number")
    )
    return page, refusal.status


def _page(filling: Filling, bound: Bound, *, offer: bool = False) -> str:
    context, earlier = filling.asked.context, None
    if offer and filling.asked.draft is None:
        with office().db.read() as reading:
            earlier = instances.earlier(reading, g.viewer, filling.asked.process_id, filling.asked.form_id)
    return render_template(
        "instances/form.html", filling=filling, view=filling.view(bound), asked=filling.asked, earlier=earlier,
        round=context["instance"]["round"], organisation=context["instance"]["organisation_name"],
        ahead=_ahead(filling.asked, bound, whole=False),
    )  # fmt: skip


def _ahead(asked: FormRequest, bound: Bound, *, whole: bool) -> forecast.Forecast:
    """The way of the case that this form would start, by what is filled in; ``whole`` once nothing is missing."""
    _, process_id, where = asked.subject.split(":", 2)
    with office().db.read() as reading:
        return forecast.before(reading, g.viewer, process_id, where, now(), filled=bound.values, whole=whole)


@pages.post("/start/<process_id>/<round_number>")
@allowed("signed_in")
def send(process_id: str, round_number: str) -> Any:
    """Check the form, have it read through, start the case. The same page sent twice starts one case."""
    try:
        asked = _asked(process_id, round_number)
    except (DuplicateCase, WindowClosed) as refusal:
        number = sent_before()
        if number is not None:
            return _after(number)
        note_rejected(refusal)
        return _refused(refusal, sent=True)
    filling = _filling(asked, process_id, round_number)
    got = filling.received()
    if SAVE in request.form:
        filling.keep(got)
        flash(gettext("草稿已保存"), "success")
        return redirect(url_for(".start", process_id=process_id, round_number=round_number))
    if got.pressed:
        filling.keep(got)
        return _page(filling, got.bound)
    if not got.bound.ok:
        filling.refuse(got.bound)
        filling.keep(got)
        return _page(filling, got.bound), 422
    if SEND not in request.form:
        filling.keep(got)
        return render_template(
            "tasks/read_through.html", filling=filling, view=filling.view(got.bound), title=asked.process_name,
            under=_under(asked), send=SEND, ahead=_ahead(asked, got.bound, whole=True),
        )  # fmt: skip
    try:
        return _after(filling.send(got.bound, partial(_start, process_id, round_number)).instance_number)
    except Refusal as refusal:
        safe = isinstance(refusal, StartFailed)
        if safe:
            filling.keep(got)
        page = render_template(
            "tasks/kept.html", view=filling.view(got.bound), words=refusal_words(refusal), asked=asked, safe=safe
        )
        return page, refusal.status


def _under(asked: FormRequest) -> str:
    """The round that a form is for, or the office."""
    about = asked.context["instance"]
    return str(about["round"]["title"] if about["round"] else about["organisation_name"])


def _start(process_id: str, round_number: str, submission: Submission) -> Moved:
    return instances.start(office().db, g.viewer, process_id, round_number, submission, at=now())


def _after(number: str) -> Response:
    return redirect(url_for(".received", number=number), 303)


@pages.post("/start/<process_id>/<round_number>/draft")
@allowed("signed_in")
def save(process_id: str, round_number: str) -> Response:
    """Autosave."""
    return _filling(_asked(process_id, round_number), process_id, round_number).autosave()


@pages.post("/start/<process_id>/<round_number>/form")
@allowed("signed_in")
def body(process_id: str, round_number: str) -> str:
    """The form's body again."""
    return _filling(_asked(process_id, round_number), process_id, round_number).refreshed()


@pages.get("/<number>/received")
@allowed("signed_in")
def received(number: str) -> str:
    """After starting: the number, what happens next, by whom, by when."""
    with turned_away("case", number), office().db.read() as reading:
        found = case_file.read(reading, g.viewer, number, now())
        ahead = forecast.ahead(reading, g.viewer, number, now())
    return render_template("tasks/sent.html", case_file=found, step_name="", following=None, ahead=ahead)


@pages.get("/<number>/admission-card")
@allowed("signed_in")
def admission_card(number: str) -> str:
    """The admission card (准考证, form A13), to be printed: the applicant's, and for the office."""
    viewer: Viewer = g.viewer
    with turned_away("case", number), office().db.read() as reading:
        found = case_file.read(reading, viewer, number, now())
        if not (reading_case.is_applicant(found, viewer) or viewer.has(*OFFICE_ROLES)):
            raise NotFound()
        card = applications.card(reading, number)
    shows = reading_case.is_applicant(found, viewer) or not found.masked
    photo = file_url(card.photo) if card.photo and shows else ""
    return render_template("instances/admission_card.html", found=found, card=card, photo=photo)


@pages.get("/<number>")
@allowed("signed_in")
def show(number: str) -> str:
    """One case. Reading somebody else's without a part in it is recorded."""
    viewer: Viewer = g.viewer
    with turned_away("case", number), office().db.read() as reading:
        found = case_file.read(reading, viewer, number, now())
        to_file = None if found.masked else file_url
        papers = [(one, sheet(one, to_file)) for one in reading_case.submissions(found, viewer)]
        entered = _entered(reading, found, viewer)
        permitted, failed = control.permitted(reading, viewer, number, now()), incidents.open_in(reading, number)
        reports = reporting.reportable(reading, viewer, number, now())
        said = beside(reading, found)
        ahead = forecast.ahead(reading, viewer, number, now())
    note_read(number)
    if not reading_case.took_part(found, viewer):
        case_file.note_viewed(office().db, viewer, number, at=now())
    mine = [task for task in (*found.open_tasks, *found.open_signatures) if not found.masked and _may_take(task, viewer)]
    return render_template(
        "instances/show.html", found=found, papers=papers, mine=mine, events=reading_case.events(found, viewer),
        rulings=reading_case.rulings(found, viewer), is_applicant=reading_case.is_applicant(found, viewer),
        permitted=permitted, failed=failed, entered=entered, statuses=applications.STATUSES, reports=reports, beside=said,
        ahead=ahead,
    )  # fmt: skip


def _entered(reading: Session, found: case_file.CaseFile, viewer: Viewer) -> list[dict[str, Any]]:
    """Of a round's case, for the office and auditors: every application with where it stands."""
    number = found.facts.get("round") if found.for_office else None
    if number is None or not viewer.has(*OFFICE_ROLES, *READING_ROLES):
        return []
    return applications.of_round(reading, str(number))


def _may_take(task: case_file.TaskView, viewer: Viewer) -> bool:
    """Whether to offer the way to a task; the task's page asks access again."""
    if task.holder is not None:
        asked = task.explanation.get("delegated")
        return viewer.number == (asked["to"]["number"] if asked else task.holder)
    held = {(one.role, one.organisation_code) for one in viewer.memberships} | {("", viewer.number)}
    return any((role, code) in held for role, code, _ in task.candidates)
