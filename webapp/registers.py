"""Registers 台账: the roster, the staffing matrix, publicity, evidence and matters reported, as of a day; lists as xlsx."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from flask import Blueprint, g, render_template, request, send_file
from werkzeug.wrappers import Response

from webapp.allowed import allowed
from webapp.languages import translate
from webapp.moments import day_asked, now
from webapp.office import office
from webapp.paging import page_number, words
from workflows import access, deployment, matters, people
from workflows.access import office_day
from workflows.audit.export import Exported
from workflows.errors import FactsRefused
from workflows.registers import evidence, publicity, roster, sheets, staffing
from workflows.registers.importing import STAGES
from workflows.registers.researchers import STATUSES

pages = Blueprint("registers", __name__, url_prefix="/registers")

#: The decision that says whether an institution has the full-time people it must have (domain.md 3.0.12).
STAFFING = "DT-STAFF-01"


@pages.get("/")
@allowed("signed_in")
def index() -> str:
    """The registers a person may look into, with how much stands in each."""
    on = day_asked()
    with office().db.read() as reading:
        researchers = roster.find(reading, g.viewer, roster.Sought(), on=on, size=1).total
        institutions = staffing.institutions(reading, g.viewer, on)
        notices = publicity.find(reading, g.viewer, "", page=1, size=1).total
    return render_template(
        "registers/index.html", researchers=researchers, institutions=institutions, notices=notices,
        in_charge=bool(access.charge(g.viewer)),
    )  # fmt: skip


@pages.get("/researchers")
@allowed("signed_in")
def researchers() -> Any:
    """R1: who was a researcher where on a day; ``format=xlsx`` takes the list away."""
    on, sought = day_asked(), _sought()
    if _asks_workbook():
        return _file(sheets.roster_sheet(office().db, g.viewer, sought, on=on, at=now(), say=translate))
    with office().db.read() as reading:
        found = roster.find(reading, g.viewer, sought, on=on, page=page_number())
        places = people.organisations(reading, on) if access.charge(g.viewer) else []
    own = set(access.charged(g.viewer))
    return render_template(
        "registers/researchers.html", found=found, sought=sought, on=on, post_types=roster.POST_TYPES, statuses=STATUSES,
        stages=STAGES, institutions=[one for one in places if one.org_type == "tri"], own=own,
    )  # fmt: skip


@pages.get("/researchers/<number>")
@allowed("signed_in")
def researcher(number: str) -> str:
    """One person: every row of the roster there ever was, and what happened, with the cases that wrote it."""
    with office().db.read() as reading:
        held = roster.held_by(reading, g.viewer, number)
    return render_template("registers/researcher.html", held=held, on=office_day(now()))


@pages.get("/staffing")
@allowed("signed_in")
def institutions() -> str:
    """R2: the institutions in one's charge, and where people are missing."""
    on = day_asked()
    with office().db.read() as reading:
        found = staffing.institutions(reading, g.viewer, on)
    return render_template("registers/institutions.html", institutions=found, on=on, levels=people.LEVELS)


@pages.get("/staffing/<code>")
@allowed("signed_in")
def matrix(code: str) -> Any:
    """R2: subject by stage of one institution: needed, covered by whom, missing; what the province's rule says of it."""
    on = day_asked()
    if _asks_workbook():
        return _file(sheets.staffing_sheet(office().db, g.viewer, code, on=on, at=now(), say=translate))
    with office().db.read() as reading:
        found = staffing.matrix(reading, g.viewer, code, on)
        book = deployment.rules_in_force(reading).get(STAFFING)
        pack = deployment.packs(reading, deployment.newest_pack_set(reading))[found.place].on(on)
    stages = list(found.stages)
    curriculum = pack["staffing"]["curriculum"]
    subjects = list(dict.fromkeys([*found.subjects, *(subject for stage in stages for subject in curriculum.get(stage, []))]))
    answer, refused = None, None
    missing: list[tuple[str, str | None]] = []
    if book is not None and stages:
        facts = {
            "level": found.level, "stages": stages, "subjects": subjects,
            "staff": [{key: one[key] for key in ("subject", "stage", "post_type")} for one in found.staff],
        }
        try:
            answer = book.answer(STAFFING, policy=found.place, facts=facts, on=on)
            missing = [(one["subject"], one["stage"]) for one in answer["outputs"].get("missing") or ()]
        except FactsRefused as refusal:
            refused = refusal
    return render_template(
        "registers/matrix.html", matrix=found, answer=answer, refused=refused, on=on, levels=people.LEVELS, missing=missing,
        subjects=[*found.subjects, *dict.fromkeys(subject for subject, _ in missing if subject not in found.subjects)],
        gaps=_gaps(found, missing),
        may_recruit=g.viewer.has("tri_office"), table=STAFFING,
    )  # fmt: skip


def _gaps(found: staffing.Matrix, missing: list[tuple[str, str | None]]) -> list[dict[str, Any]]:
    """Where people are missing: by the number laid down, and by the rule of the province; each cell once."""
    laid_down: dict[tuple[str, str | None], int] = {(cell.subject, cell.stage): cell.gap for cell in found.gaps}
    listed = {**laid_down, **{key: laid_down.get(key, 1) for key in missing}}
    return [
        {"subject": key[0], "stage": key[1], "count": count, "by_number": key in laid_down, "by_rule": key in missing}
        for key, count in listed.items()
    ]


@pages.get("/publicity")
@allowed("signed_in")
def publicised() -> Any:
    """R10: what was made public of whom, in which words, from when to when."""
    if _asks_workbook():
        return _file(sheets.publicity_sheet(office().db, g.viewer, words("q"), on=day_asked(), at=now(), say=translate))
    with office().db.read() as reading:
        found = publicity.find(reading, g.viewer, words("q"), page=page_number())
    return render_template("registers/publicity.html", found=found, at=now())


@pages.get("/evidence")
@allowed("signed_in")
def uploaded() -> Any:
    """R11: uploaded files of the cases one may see, by name or digest: who gave what, when, for which case."""
    if _asks_workbook():
        return _file(sheets.evidence_sheet(office().db, g.viewer, words("q"), on=day_asked(), at=now(), say=translate))
    with office().db.read() as reading:
        found = evidence.find(reading, g.viewer, words("q"), page=page_number())
    return render_template("registers/evidence.html", found=found)


@pages.get("/matters")
@allowed("signed_in")
def reported() -> Any:
    """登记事项: what was reported to cases, by whom, when; in one's charge, and one's own."""
    if _asks_workbook():
        return _file(matters.sheet(office().db, g.viewer, words("q"), on=day_asked(), at=now(), say=translate))
    with office().db.read() as reading:
        found = matters.find(reading, g.viewer, words("q"), page=page_number())
    return render_template("registers/matters.html", found=found)


def _asks_workbook() -> bool:
    """Whether the address asks for the list as a workbook (``format=xlsx``)."""
    return request.args.get("format") == "xlsx"


def _file(made: Exported) -> Response:
    return send_file(BytesIO(made.content), mimetype=made.media_type, as_attachment=True, download_name=made.name)


def _sought() -> roster.Sought:
    def one_of(name: str, values: Any) -> str:
        given = request.args.get(name, "")
        return given if given in values else ""

    return roster.Sought(
        text=words("q"), organisation=words("organisation"), post_type=one_of("post_type", roster.POST_TYPES),
        status=one_of("status", STATUSES), subject=words("subject", 20), stage=one_of("stage", STAGES),
    )  # fmt: skip
