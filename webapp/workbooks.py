"""A form as a spreadsheet: taken along blank or as far as it is filled in, and brought back, with every defect by its cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, flash, g, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from forms import workbook
from forms.messages import FieldError
from webapp.allowed import allowed
from webapp.case_pages import handed_over, turned_away
from webapp.filling import Addresses, Filling
from webapp.form_page import say
from webapp.languages import translate
from webapp.limits import limiter
from webapp.moments import now
from webapp.office import office
from webapp.tasks import asked_for
from workflows import instances, workbooks
from workflows.errors import ImportRefused, NotFound, Problem, TaskNotOpen

pages = Blueprint("workbooks", __name__)

#: Workbooks that one address brings in a minute at most: each is unpacked and read whole.
UPLOADS = "20/minute"


@dataclass(frozen=True)
class Defect:
    """A cell to correct."""

    sheet: str
    cell: str
    words: str


@pages.get("/instances/start/<process_id>/<round_number>/workbook")
@allowed("signed_in")
def start(process_id: str, round_number: str) -> str:
    """The form that starts a case, as a spreadsheet."""
    return _page(_starting(process_id, round_number))


@pages.post("/instances/start/<process_id>/<round_number>/workbook")
@limiter.limit(UPLOADS)
@allowed("signed_in")
def fill_start(process_id: str, round_number: str) -> tuple[str, int]:
    """What a filled one says, taken over into the draft."""
    return _brought(_starting(process_id, round_number))


@pages.get("/instances/start/<process_id>/<round_number>/workbook.xlsx")
@allowed("signed_in")
def start_file(process_id: str, round_number: str) -> Response:
    """The spreadsheet itself."""
    return _file(_starting(process_id, round_number))


@pages.get("/tasks/<number>/workbook")
@allowed("signed_in")
def task(number: str) -> str:
    """The form of a task, as a spreadsheet; for whoever may fill it in."""
    return _page(_task(number))


@pages.post("/tasks/<number>/workbook")
@limiter.limit(UPLOADS)
@allowed("signed_in")
def fill_task(number: str) -> tuple[str, int]:
    """What a filled one says, taken over into the draft."""
    return _brought(_task(number))


@pages.get("/tasks/<number>/workbook.xlsx")
@allowed("signed_in")
def task_file(number: str) -> Response:
    """The spreadsheet itself."""
    return _file(_task(number))


# --- what both have in common -----------------------------------------------------------------------------------------


def _starting(process_id: str, round_number: str) -> Filling:
    with turned_away("page", request.path), office().db.read() as reading:
        asked = instances.start_form(reading, g.viewer, process_id, round_number, now())
    address = url_for("instances.start", process_id=process_id, round_number=round_number)
    return Filling(asked, Addresses(address, "", "", url_for("tasks.lookup")))


def _task(number: str) -> Filling:
    asked = asked_for(number)
    if not asked.form:
        raise NotFound()
    if asked.status != "open" or not asked.is_mine:
        raise TaskNotOpen()
    return Filling(asked, Addresses(url_for("tasks.show", number=number), "", "", url_for("tasks.lookup")))


def _file(filling: Filling) -> Response:
    blank = "blank" in request.args
    content = workbook.write(filling.opened(), translate, blank=blank)
    name = translate(filling.spec.name) + (f"（{translate('空白')}）" if blank else "")
    return handed_over(content, f"{name}.xlsx", workbook.XLSX)


def _page(
    filling: Filling, *, problems: Sequence[Problem] = (), defects: Sequence[Defect] = (), taken: int | None = None,
    elsewhere: int = 0, older: bool = False,
) -> str:  # fmt: skip
    return render_template(
        "tasks/workbook.html", filling=filling, target=request.path, download=f"{request.path}.xlsx", problems=problems, defects=defects,
        taken=taken, elsewhere=elsewhere, older=older, name=translate(filling.spec.name),
    )  # fmt: skip


def _brought(filling: Filling) -> tuple[str, int]:
    """Take a filled spreadsheet over into the draft; a file that is refused changes nothing."""
    sent = request.files.get("file")
    raw = sent.stream.read(workbooks.MAX_FILE + 1) if sent is not None and sent.filename else b""
    before = filling.opened()
    try:
        if not raw:
            raise workbooks.refused("", gettext("请选择填好的 xlsx 文件"))
        found = workbooks.sheets(raw, (sent.filename or "") if sent is not None else "")
        filled = workbook.read(before, found, "", workbooks.FORMULA, translate)
    except ImportRefused as refused:
        return _page(filling, problems=refused.problems), 422
    got = filling.taken_over(workbook.merged(before, filled))
    filling.keep(got)
    defects = [_defect(one, filled) for one in (*filled.refused, *got.bound.errors) if one.path in filled.places]
    elsewhere = sum(one.path not in filled.places for one in got.bound.errors)
    if not defects:
        flash(gettext("已填入草稿，请核对后提交"), "success")
    taken = sum(bool(texts) for texts in filled.typed.values()) - sum(name.endswith("._row") for name in filled.typed)
    return _page(filling, defects=defects, taken=taken, elsewhere=elsewhere, older=filled.older), 200


def _defect(one: FieldError, filled: workbook.Filled) -> Defect:
    sheet, cell = filled.places[one.path]
    return Defect(sheet, cell, say(one))
