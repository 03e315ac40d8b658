"""A new application from what an earlier one said (再次申报): offered with the empty form, taken over into its draft."""

from __future__ import annotations

from flask import Blueprint, flash, g, redirect, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from forms import again, build, workbook
from forms.build import Bound
from forms.spec import Field
from forms.state import options_of
from webapp.allowed import allowed
from webapp.case_pages import turned_away
from webapp.filling import Addresses, Filling
from webapp.moments import now
from webapp.office import office
from workflows import instances
from workflows.errors import NotFound
from workflows.registers import evidence

pages = Blueprint("again", __name__)


@pages.post("/instances/start/<process_id>/<round_number>/again")
@allowed("signed_in")
def take(process_id: str, round_number: str) -> Response:
    """Fill the draft with the newest own submission of the same form; commitments are ticked anew, files come along."""
    with turned_away("page", request.path), office().db.read() as reading:
        asked = instances.start_form(reading, g.viewer, process_id, round_number, now())
        earlier = instances.earlier(reading, g.viewer, process_id, asked.form_id)
        if earlier is None:
            raise NotFound()
    address = url_for("instances.start", process_id=process_id, round_number=round_number)
    filling = Filling(asked, Addresses(address, "", "", url_for("tasks.lookup")))
    start = build.initial(filling.spec, asked.context, now=now(), saved=asked.prefill)
    bound = filling.as_filled(again.carried(filling.spec, earlier.data, start))
    evidence.bring_again(office().db, g.viewer, bound.files, at=now())
    filling.keep(filling.taken_over(_typed(bound), tuple(bound.files.values())))
    flash(gettext("已填入上次申报（%(number)s）的内容，请逐项核对、重新勾选承诺后提交", number=earlier.number), "success")
    return redirect(address, 303)


def _typed(bound: Bound) -> dict[str, list[str]]:
    """What the inputs hold, without choices that are not offered this time (another round's posts)."""
    typed = workbook.merged(bound, workbook.NOTHING)
    for node in bound.state.fields():
        offered = {option.value for option in options_of(node, bound.state.now)}
        name = ".".join(str(part) for part in node.path)
        if isinstance(node.item, Field) and node.item.kind in {"select", "radio", "checklist"} and name in typed:
            typed[name] = [text for text in typed[name] if text in offered]
    return typed
