"""What is printed of a case, as PDF: receipt, papers with log, sheet of opinions, admission card; and the check of a print."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, current_app, g, render_template
from werkzeug.wrappers import Response

from forms.paper import Entry, Grid
from webapp import reading_case
from webapp.allowed import allowed
from webapp.case_pages import handed_over, opened_case, sheet, turned_away
from webapp.form_page import PaperView
from webapp.languages import translate
from webapp.limits import limiter
from webapp.moments import now
from webapp.office import office
from webapp.paging import words
from webapp.pdf import MEDIA_TYPE, pdf
from workflows import case_file
from workflows.access import OFFICE_ROLES, Viewer
from workflows.audit import instance_stream, verify
from workflows.case_file import CaseFile, SubmissionView, TaskView
from workflows.errors import NotFound
from workflows.registers import applications

pages = Blueprint("printing", __name__)

#: What one person at one address prints in a minute at most: each takes a processor for a good part of a second.
PRINTS = "30/minute"
#: Kinds of field in which an opinion stands.
_OPINION_KINDS = frozenset({"textarea"})


@pages.get("/instances/<number>/receipt.pdf")
@limiter.limit(PRINTS)
@allowed("signed_in")
def receipt(number: str) -> Response:
    """The receipt of an application (受理回执): the applicant's, and for the office. What an office starts has none."""
    found = _read(number)
    if found.for_office or not (reading_case.is_applicant(found, g.viewer) or g.viewer.has(*OFFICE_ROLES)):
        raise _closed(number)
    own = [one for one in found.submissions if one.by_number == found.starter_number]
    brought = [
        Brought(str(file["name"]), str(file["sha256"]), one.at)
        for one in own for part in sheet(one, None).parts for entry in _entries(part.entries) for file in entry.files
    ]  # fmt: skip
    return _printed(found, "receipt", own=own, brought=brought)


@pages.get("/instances/<number>/case.pdf")
@limiter.limit(PRINTS)
@allowed("signed_in")
def case(number: str) -> Response:
    """The case as its reader sees it on its page: papers, rulings, log."""
    viewer: Viewer = g.viewer
    found = _read(number)
    return _printed(
        found, "case", papers=[(one, sheet(one, None)) for one in reading_case.submissions(found, viewer)],
        rulings=reading_case.rulings(found, viewer), events=reading_case.events(found, viewer), whole=False,
    )  # fmt: skip


@pages.get("/instances/<number>/signatures.pdf")
@limiter.limit(PRINTS)
@allowed("signed_in")
def signatures(number: str) -> Response:
    """The sheet of opinions (签批单): who said what at which step, and when. Not for the applicant, who is told the result."""
    viewer: Viewer = g.viewer
    found = _read(number)
    if reading_case.is_applicant(found, viewer):
        raise _closed(number)
    read = {one.event: one for one in reading_case.submissions(found, viewer)}
    signed = list(_signed(found, read))
    # What the reader may not see of a signature is not in what they read.
    pictures = _pictures(sha for one in signed for sha in one.signatures)
    return _printed(found, "signatures", pictures, signed=signed)


@pages.get("/instances/<number>/admission-card.pdf")
@limiter.limit(PRINTS)
@allowed("signed_in")
def admission_card(number: str) -> Response:
    """The admission card (准考证, form A13): the applicant's, and for the office; the portrait as on its page."""
    viewer: Viewer = g.viewer
    found = _read(number)
    if not (reading_case.is_applicant(found, viewer) or viewer.has(*OFFICE_ROLES)):
        raise _closed(number)
    with turned_away("case", number), office().db.read() as reading:
        card = applications.card(reading, number)
    shows = reading_case.is_applicant(found, viewer) or not found.masked
    return _printed(found, "admission-card", _pictures([card.photo] if card.photo and shows else []), card=card)


@pages.get("/audit/cases/<number>/record.pdf")
@limiter.limit(PRINTS)
@allowed("auditor")
def record(number: str) -> Response:
    """The whole record of a case for the auditor, with the result of the check; masked unless a purpose was stated for it."""
    opened = opened_case() == number
    found = _read(number, whole=opened)
    with office().db.read() as reading:
        checked = verify(reading, stream=instance_stream(number))
    return _printed(
        found, "record", papers=[(one, sheet(one, None)) for one in found.submissions], rulings=found.rulings,
        events=(*found.events, *found.looks), whole=True, checked=checked, demo=case_file.DEMO, limit=case_file.LIMIT_OF_CHECK,
    )  # fmt: skip


@pages.get("/public/check")
@limiter.limit("30/minute")
@allowed("public")
def check() -> str:
    """Whether a printed paper came from here: by its case number and its code, without signing in."""
    number, code = words("number"), words("code")
    found = None
    if number and code:
        with office().db.read() as reading:
            found = case_file.checked(reading, _secret(), number, code)
    return render_template(
        "public/check.html", number=number, code=code, asked=bool(number or code), found=found, papers=case_file.PAPERS
    )


# --- what the papers have in common -----------------------------------------------------------------------------------


def _read(number: str, *, whole: bool = False) -> CaseFile:
    with turned_away("case", number), office().db.read() as reading:
        return case_file.read(reading, g.viewer, number, now(), whole=whole)


def _closed(number: str) -> NotFound:
    """What the reader of a case may not print of it does not exist for them; that it was asked for is recorded."""
    with turned_away("case", number):
        raise NotFound()


def _secret() -> bytes:
    key = current_app.secret_key
    return key if isinstance(key, bytes) else str(key or "").encode()


def _printed(found: CaseFile, paper: str, pictures: Mapping[str, bytes] | None = None, **values: Any) -> Response:
    """Set one paper, record that it was printed, and hand it over."""
    code = case_file.check_code(_secret(), paper, found)
    title = translate(case_file.PAPERS[paper])
    content = pdf(
        f"print/{paper.replace('-', '_')}.html", pictures, found=found, code=code, paper_title=title, at=now(),
        by=g.viewer.name, base_url=office().settings.base_url.rstrip("/"), **values,
    )  # fmt: skip
    case_file.note_printed(office().db, g.viewer, found, paper, code, content, at=now())
    return handed_over(content, f"{found.number}-{title}.pdf", MEDIA_TYPE)


def _pictures(digests: Any) -> dict[str, bytes]:
    """The stored files with these digests, by digest; what is not there any more is left out."""
    found = {}
    for sha256 in digests:
        path = office().files.path(sha256)
        if path.is_file():
            found[sha256] = path.read_bytes()
    return found


@dataclass(frozen=True)
class Brought:
    """A file that came with an application."""

    name: str
    sha256: str
    at: datetime


def _entries(found: Iterable[Entry | Grid]) -> Iterator[Entry]:
    """Answers, those in rows of tables included."""
    for one in found:
        if isinstance(one, Entry):
            yield one
        else:
            for row in one.rows:
                yield from row


# --- opinions ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Signed:
    """One line of the sheet of opinions."""

    task: TaskView
    sent: SubmissionView
    #: Role and organisation in which the person acted, in words.
    capacity: str
    #: (label, words) of what they wrote.
    opinions: tuple[tuple[str, Any], ...]
    #: Digests of their signature's pictures.
    signatures: tuple[str, ...]
    #: Who worked on it before them (委派), and for whom a proxy acted.
    beside: tuple[str, ...]
    paper: PaperView


def _signed(found: CaseFile, read: Mapping[str, SubmissionView]) -> Iterator[Signed]:
    """Every completed task that is not the applicant's own, in the order in which they were done."""
    events = {event.event_id: event for event in found.events}
    done = {task.number: task for task in found.tasks if task.status == "done"}
    for sent in sorted(read.values(), key=lambda one: one.at):
        task = done.get(sent.task or "")
        if task is None or (sent.by_number == found.starter_number and not found.for_office):
            continue
        paper = sheet(sent, None)
        entries = [entry for part in paper.parts for entry in _entries(part.entries)]
        event = events.get(sent.event)
        capacity = [event.actor_org_name or "", translate(event.actor_role)] if event is not None else []
        beside = [event.on_behalf_of_name] if event is not None and event.on_behalf_of_name else []
        yield Signed(
            task, sent, " · ".join(part for part in capacity if part),
            tuple((entry.label, paper.words(entry)) for entry in entries if entry.kind in _OPINION_KINDS and entry.text),
            tuple(str(file["sha256"]) for entry in entries if entry.kind == "sign" for file in entry.files),
            tuple(beside), paper,
        )  # fmt: skip


