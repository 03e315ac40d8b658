"""Definitions handed out as one file, and taken in from another office: looked at first, deployed by whoever proves who they are."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, send_file, url_for
from flask_babel import gettext

from forms import check as forms_check
from webapp.allowed import allowed, proves_identity
from webapp.languages import sign
from webapp.limits import limiter
from webapp.moments import now
from webapp.office import office
from workflows import definition_archives, people
from workflows.definition_archives import MAX_FILE, STATES
from workflows.errors import DefinitionRefused, Problem

pages = Blueprint("definition_archives", __name__, url_prefix="/administration/definitions")


def _check_form(raw: bytes, file: str) -> Any:
    return forms_check.read(raw, file=file)


@pages.get("/<process_id>/<int:version>/export.zip")
@allowed("system_admin")
@limiter.limit("30/minute")
def hand_out(process_id: str, version: int) -> Any:
    """One stored version with its tables, forms and what it calls; recorded."""
    made = definition_archives.hand_out(office().db, people.administrator(g.viewer), process_id, version, at=now())
    return send_file(BytesIO(made.content), mimetype=made.media_type, as_attachment=True, download_name=made.name)


@pages.route("/import", methods=["GET", "POST"])
@allowed("system_admin")
@proves_identity
@limiter.limit("30/minute", methods=["POST"])
def take_in() -> Any:
    """Look at an archive, or deploy what it holds: all of it or nothing."""
    if request.method == "GET":
        return _page()
    sent = request.files.get("file")
    raw = sent.stream.read(MAX_FILE + 1) if sent is not None and sent.filename else b""
    if not raw:
        flash(gettext("请先选择流程定义包"), "danger")
        return _page(), 422
    here = office()
    try:
        if request.form.get("act") != "deploy":
            with here.db.read() as reading:
                return _page(looked=definition_archives.look(reading, raw, _check_form, gettext("流程定义包")))
        done = definition_archives.take_in(
            here.db, people.administrator(g.viewer), raw, _check_form, at=now(), file=gettext("流程定义包")
        )
    except DefinitionRefused as refused:
        return _page(refused.problems), 422
    made = sign("、").join(f"{process} {version}" for process, version, is_new in done.definitions if is_new)
    flash(gettext("已部署：%(made)s", made=made) if made else gettext("包中的版本都已经部署过，没有变化"), "success")
    return redirect(url_for("operations.definitions"), 303)


def _page(problems: tuple[Problem, ...] = (), looked: definition_archives.Looked | None = None) -> str:
    return render_template("administration/take_in.html", problems=problems, looked=looked, states=STATES)
