"""The administrators' pages for the system itself: what is deployed, imports, jobs, and how it does."""

from __future__ import annotations

import secrets
from io import BytesIO
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, send_file, url_for
from flask_babel import gettext

from webapp import pdf
from webapp.allowed import allowed
from webapp.bulk_acts import BULK_ACT
from webapp.health import SEEDING, software_version
from webapp.languages import sign, translate
from webapp.moments import now
from webapp.office import office
from webapp.paging import words
from workflows import bulk, control, deployment, handing_over, jobs, numbering, people, staff_check, workbooks
from workflows.access import office_day
from workflows.bulk import Selection
from workflows.clock import machine_now
from workflows.errors import N_, ImportRefused, NotFound, Problem
from workflows.registers import importing

pages = Blueprint("operations", __name__, url_prefix="/administration")

#: Kind of job -> what it does, for the list.
JOBS = {
    SEEDING: N_("生成演示数据"), bulk.BULK_START: N_("批量发起"), BULK_ACT: N_("批量处理待办"), control.MIGRATION: N_("迁移办件"),
    handing_over.HAND_OVER: N_("离岗交接"),
}  # fmt: skip

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pages.get("/definitions")
@allowed("system_admin")
def definitions() -> str:
    """Deployed definitions and policy packs, read-only: a new version comes by ``jiaoyan deploy``."""
    with office().db.read() as reading:
        stored, packs = deployment.definitions(reading), deployment.pack_sets(reading)
        names, series = numbering.naming(reading), numbering.counted(reading) if packs else []
    newest = {
        one.process_id: max(other.version for other in stored if other.process_id == one.process_id) for one in stored
    }
    return render_template("administration/definitions.html", definitions=stored, newest=newest, packs=packs, names=names, series=series)


@pages.get("/staff-check")
@allowed("system_admin", "security_admin")
def staff() -> str:
    """Whether today's staff can finish each process where it runs (人员核查)."""
    with office().db.read() as reading:
        checked = staff_check.every(reading, now())
    return render_template("administration/staff_check.html", checked=checked, kinds=staff_check.KINDS)


@pages.get("/imports")
@allowed("system_admin", "security_admin")
def imports() -> str:
    """What can be imported, with the blank workbooks."""
    return _imports_page()


def _imports_page(
    kind: str = "", problems: tuple[Problem, ...] = (), report: importing.ImportReport | None = None
) -> str:
    return render_template(
        "administration/imports.html",
        kinds=importing.KINDS if g.viewer.has("system_admin") else {"people": importing.KINDS["people"]},
        columns=importing.COLUMNS,
        kind=kind,
        problems=problems,
        report=report,
    )


@pages.get("/imports/<kind>/blank")
@allowed("system_admin", "security_admin")
def blank_workbook(kind: str) -> Any:
    """The blank workbook of a kind."""
    if kind not in importing.KINDS:
        raise NotFound()
    name = f"{translate(importing.KINDS[kind])}.xlsx"
    return send_file(BytesIO(importing.template(kind)), mimetype=XLSX, as_attachment=True, download_name=name)


@pages.post("/imports/<kind>")
@allowed("system_admin", "security_admin")
def import_workbook(kind: str) -> Any:
    """Check a filled workbook, or enter it: all of it or nothing."""
    if kind not in importing.KINDS:
        raise NotFound()
    sent = request.files.get("file")
    raw = sent.stream.read(workbooks.MAX_FILE + 1) if sent is not None and sent.filename else b""
    if not raw:
        flash(gettext("请先选择要导入的 xlsx 文件"), "danger")
        return _imports_page(kind), 422
    look_only = request.form.get("act") == "check"
    try:
        report = importing.import_workbook(
            office().db,
            people.administrator(g.viewer),
            kind,
            raw,
            at=now(),
            dry_run=look_only,
            file=translate(importing.KINDS[kind]),
        )
    except ImportRefused as refused:
        return _imports_page(kind, refused.problems), 422
    if report.problems:
        return _imports_page(kind, report.problems), 422
    if look_only:
        return _imports_page(kind, report=report)
    made = sign("、").join(f"{translate(what)} {count}" for what, count in report.created.items())
    flash(gettext("已导入 %(rows)s 行：%(made)s", rows=report.rows, made=made), "success")
    return redirect(url_for(".imports"))


@pages.get("/jobs")
@allowed("system_admin")
def list_jobs() -> str:
    """Long work and how far it is; ``part`` asks for the table alone, which renews itself."""
    with office().db.read() as reading:
        found = jobs.jobs(reading)
    template = "administration/jobs_table.html" if request.headers.get("HX-Request") else "administration/jobs.html"
    return render_template(template, jobs=found, names=JOBS)


@pages.post("/jobs/<number>/stop")
@allowed("system_admin")
def stop_job(number: str) -> Any:
    """Ask a job to stop; what is done stays done."""
    jobs.stop(office().db, people.administrator(g.viewer), number, at=now())
    flash(gettext("已要求停止，作业做完手头的一批即结束"), "success")
    return redirect(url_for(".list_jobs"))


@pages.get("/jobs/new")
@allowed("system_admin")
def new_bulk_start() -> str:
    """Choose what to start for whom, and see how many that are before anything happens."""
    q, code, process, role = words("q"), words("organisation"), words("process"), words("role")
    with office().db.read() as reading:
        found = people.find_organisations(reading, q, on=office_day(now())) if q else []
        chosen = people.organisation_by_code(reading, code) if code else None
        processes = bulk.startable(reading) if chosen else []
        preview = bulk.preview(reading, Selection(process, role, code), at=now()) if process and chosen else None
    return render_template(
        "administration/bulk_start.html", q=q, found=found, chosen=chosen, processes=processes, process=process, role=role,
        roles=people.ROLES, preview=preview, key=secrets.token_urlsafe(16),
    )  # fmt: skip


@pages.post("/jobs/new")
@allowed("system_admin")
def bulk_start() -> Any:
    """Put the bulk start on the list; the same page sent twice is one job."""
    wanted = Selection(request.form.get("process", ""), request.form.get("role", ""), request.form.get("organisation", ""))
    bulk.request(office().db, g.viewer, wanted, at=now(), key=f"{g.viewer.number}:{request.form.get('key', '')[:64]}")
    flash(gettext("已提交批量发起，进度见下"), "success")
    return redirect(url_for(".list_jobs"))


@pages.get("/health")
@allowed("system_admin")
def health() -> str:
    """How the system does: version, database, clock, mail."""
    here = office()
    with here.db.read() as reading:
        waiting = [job for job in jobs.jobs(reading) if job.status in {"waiting", "running"}]
    return render_template(
        "administration/health.html", version=software_version(), database=here.db.url.get_backend_name(),
        machine=machine_now(), settings=here.settings, waiting=waiting, pdf=pdf.available(),
    )  # fmt: skip
