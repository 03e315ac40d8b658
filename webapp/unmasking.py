"""Opening one masked answer of a case: the purpose first, then the answer, and both in the record (domain.md 3.0.9)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g, render_template, request, url_for

from webapp.allowed import allowed
from webapp.case_pages import turned_away
from webapp.limits import limiter
from webapp.moments import now
from webapp.office import office
from workflows import case_file
from workflows.access import may_audit

pages = Blueprint("unmasking", __name__, url_prefix="/instances")


@pages.app_context_processor
def _words() -> dict[str, Any]:
    """What ``macros/unmasking.html`` asks of a case."""
    return {"masked_fields": case_file.masked_fields, "may_unmask": case_file.may_unmask}


@pages.post("/<number>/unmask")
@allowed("signed_in")
@limiter.limit("60/minute")
def unmask(number: str) -> Any:
    """Show one answer, with what it was opened for; the page keeps nothing of it."""
    event, _, path = request.form.get("field", "").partition(":")
    with turned_away("case", number):
        opened = case_file.unmask(office().db, g.viewer, number, event, path, request.form.get("purpose", ""), at=now())
    back = url_for("audit.case" if may_audit(g.viewer) else "instances.show", number=number)
    return render_template("instances/unmasked.html", number=number, opened=opened, back=back)
