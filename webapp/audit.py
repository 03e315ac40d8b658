"""The auditor's pages: find cases, read a case file whole, export it, and check that the record holds together."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, g, render_template, request
from flask_babel import gettext
from werkzeug.wrappers import Response

from webapp.allowed import allowed
from webapp.case_pages import exported, opened_file_url, opened_token, sheet, turned_away
from webapp.languages import translate
from webapp.moments import now
from webapp.office import office
from webapp.paging import page_number, words
from workflows import case_file, search
from workflows.access import SHORTEST_PURPOSE, Viewer
from workflows.audit import ActorKind, Kind, Verification, instance_stream, verify
from workflows.case import STATUSES
from workflows.errors import NotFound

pages = Blueprint("audit", __name__, url_prefix="/audit")

#: Kinds that a case has, for the search; others belong to people and to the system.
KINDS = tuple(
    kind for kind in Kind
    if kind.value.partition(":")[0] in {"instance", "task", "timer", "deadline", "case", "file", "record", "input", "access"}
)  # fmt: skip


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None


def _one_of(name: str, values: frozenset[str]) -> str:
    given = request.args.get(name, "")
    return given if given in values else ""


def _sought() -> search.Sought:
    return search.Sought(
        person=words("person"), place=words("place"), process_id=words("process"), actor=words("actor"),
        since=_day("since"), until=_day("until"), kind=_one_of("kind", frozenset(kind.value for kind in KINDS)),
        actor_kind=_one_of("actor_kind", frozenset(kind.value for kind in ActorKind)), text=words("q"),
        status=_one_of("status", frozenset(STATUSES)),
    )  # fmt: skip


@pages.get("/")
@allowed("auditor")
def index() -> str:
    """Search; without a question, the latest cases."""
    sought = _sought()
    with office().db.read() as reading:
        found = search.find(reading, g.viewer, sought, at=now(), page=page_number())
        choices = search.choices(reading, g.viewer)
    return render_template("audit/index.html", sought=sought, found=found, choices=choices, kinds=KINDS, actor_kinds=ActorKind)


@pages.get("/export.<format>")
@allowed("auditor")
def export_search(format: str) -> Response:
    """The cases found, as xlsx or JSON; recorded."""
    return exported(search.export(office().db, g.viewer, _sought(), format, at=now(), say=translate))


@pages.get("/cases/<number>")
@allowed("auditor")
def case(number: str) -> str:
    """The case file, personal data masked; that it was read is recorded."""
    return _case(number)


@pages.post("/cases/<number>")
@allowed("auditor")
def reveal(number: str) -> Any:
    """The case file with personal data, for a stated purpose that is recorded (domain.md 3.0.9)."""
    purpose = " ".join(request.form.get("purpose", "").split())[:200]
    if len(purpose) < SHORTEST_PURPOSE:
        return _case(number, refused=gettext("请写明查看个人信息的用途，至少 %(count)s 个字", count=SHORTEST_PURPOSE)), 422
    return _case(number, purpose=purpose)


def _case(number: str, *, purpose: str = "", refused: str = "") -> str:
    viewer: Viewer = g.viewer
    with turned_away("case", number), office().db.read() as reading:
        found = case_file.read(reading, viewer, number, now(), whole=bool(purpose))
        to_file = opened_file_url(number) if purpose else None
        papers = [(one, sheet(one, to_file)) for one in found.submissions]
        checked = verify(reading, stream=instance_stream(number))
    case_file.note_viewed(
        office().db, viewer, number, at=now(), payload={"purpose": purpose, "personal": True} if purpose else None
    )
    return render_template(
        "audit/case.html", found=found, papers=papers, checked=checked, purpose=purpose, refused=refused,
        to_file=to_file, opened=opened_token(number) if purpose else "",
        shortest=SHORTEST_PURPOSE, demo=case_file.DEMO, limit=case_file.LIMIT_OF_CHECK, formats=case_file.FORMATS,
    )  # fmt: skip


@pages.get("/cases/<number>/export.<format>")
@allowed("auditor")
def export_case(number: str, format: str) -> Response:
    """The case file as xlsx or JSON; recorded."""
    with turned_away("export", number):
        return exported(case_file.export(office().db, g.viewer, number, format, at=now(), say=translate))


@pages.get("/check")
@allowed("auditor")
def check() -> str:
    """Integrity check of the whole record, when asked for."""
    checked: Verification | None = None
    if "run" in request.args:
        with office().db.read() as reading:
            checked = verify(reading)
    elif request.args:
        raise NotFound()
    return render_template("audit/check.html", checked=checked, demo=case_file.DEMO, limit=case_file.LIMIT_OF_CHECK)
