"""Registers as workbooks. Who took which list away stands in their own record, with the digest of the file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from workflows.access import Viewer
from workflows.audit import Act, Kind, person_stream, record
from workflows.audit.export import Exported, Say, Sheet, as_workbook, chinese
from workflows.db import Database
from workflows.errors import N_
from workflows.registers import evidence, publicity, roster, staffing
from workflows.registers.roster import Sought

#: So many rows of a list at most stand in one workbook.
MOST = 100_000
#: Heads of the lists; where an import of the register has the same column, it has the same name.
ROSTER = (
    N_("聘任编号"), N_("姓名"), N_("人员编号"), N_("单位代码"), N_("单位名称"), N_("岗位类型"), N_("学科"), N_("学段"), N_("状态"),
    N_("到岗日期"), N_("任教计时起点"), N_("聘期起"), N_("聘期止"), N_("聘任文号"), N_("起始日期"), N_("依据办件"),
)  # fmt: skip
STAFFING = (
    N_("单位代码"), N_("单位名称"), N_("学科"), N_("学段"), N_("应配专职人数"), N_("专职"), N_("兼职、特约等"), N_("缺员"), N_("起始日期"),
)  # fmt: skip
PUBLICITY = (
    N_("公示编号"), N_("标题"), N_("内容"), N_("发布单位"), N_("发布时间"), N_("截止时间"), N_("公示天数"), N_("计算方式"), N_("公示渠道"),
    N_("联系方式"), N_("所属办件"),
)  # fmt: skip
EVIDENCE = (
    N_("文件名"), N_("校验值"), N_("类型"), N_("字节"), N_("上传人"), N_("上传时间"), N_("所属办件"), N_("办件标题"),
)  # fmt: skip


def roster_sheet(db: Database, viewer: Viewer, sought: Sought, *, on: date, at: datetime, say: Say = chinese) -> Exported:
    """R1 as the viewer's list shows it on a day; recorded as ``register:exported``."""
    with db.read() as session:
        rows = [_appointment(one, say) for one in roster.everyone(session, viewer, sought, on=on)]
    return taken(db, viewer, "researchers", N_("教研员名册"), ROSTER, rows, on=on, at=at, say=say)


def staffing_sheet(db: Database, viewer: Viewer, code: str, *, on: date, at: datetime, say: Say = chinese) -> Exported:
    """R2 of one institution on a day; ``NotFound`` outside the viewer's charge; recorded."""
    with db.read() as session:
        matrix = staffing.matrix(session, viewer, code, on)
    rows = [
        [matrix.code, matrix.name, say(cell.subject, {}), say(cell.stage, {}), cell.required, _names(cell.covered_by),
         _names(cell.helped_by), cell.gap, cell.since]
        for cell in matrix.cells.values()
    ]  # fmt: skip
    return taken(db, viewer, f"staffing-{code}", N_("学科配备"), STAFFING, rows, on=on, at=at, say=say)


def publicity_sheet(db: Database, viewer: Viewer, text: str, *, on: date, at: datetime, say: Say = chinese) -> Exported:
    """R10 as the viewer's list shows it; recorded."""
    with db.read() as session:
        found = publicity.find(session, viewer, text, size=MOST)
    rows = [
        [one.number, one.title, one.text, one.organisation_name, one.published_at, one.until_at, one.details.get("days"),
         say(str(one.details.get("day_kind") or ""), {}), "、".join(one.details.get("channels") or ()), one.contact, one.instance]
        for one in found.rows
    ]  # fmt: skip
    return taken(db, viewer, "publicity", N_("公示台账"), PUBLICITY, rows, on=on, at=at, say=say)


def evidence_sheet(db: Database, viewer: Viewer, text: str, *, on: date, at: datetime, say: Say = chinese) -> Exported:
    """R11 as the viewer's list shows it; recorded."""
    with db.read() as session:
        found = evidence.find(session, viewer, text, size=MOST)
    rows = [
        [one.name, one.sha256, one.media_type, one.size, one.uploaded_by, one.uploaded_at, one.instance, one.instance_title]
        for one in found.rows
    ]
    return taken(db, viewer, "evidence", N_("佐证材料"), EVIDENCE, rows, on=on, at=at, say=say)


def taken(
    db: Database, viewer: Viewer, register: str, name: str, heads: Sequence[str], rows: Sequence[Sequence[Any]], *, on: date,
    at: datetime, say: Say,
) -> Exported:
    """A list as a workbook that the viewer takes away: ``name`` and ``heads`` are message ids. Recorded as ``register:exported``."""
    made = as_workbook([Sheet(say(name, {}), [say(head, {}) for head in heads], rows)])
    exported = Exported(f"{register}-{on.isoformat()}.xlsx", made.media_type, made.content)
    payload = {"register": register, "on": on.isoformat(), "rows": len(rows), "sha256": exported.sha256}
    with db.write() as session:
        record(session, Act(person_stream(viewer.number), Kind.REGISTER_EXPORTED, at, viewer.actor(), payload=payload))
    return exported


def _names(people: Sequence[tuple[str, str]]) -> str:
    return "、".join(name for _, name in people)


def _appointment(one: roster.Appointment, say: Say) -> list[object]:
    return [
        one.appointment_no, one.person_name, one.person_number, one.organisation_code, one.organisation_name,
        say(one.post_type, {}), "、".join(say(subject, {}) for subject in one.subjects),
        "、".join(say(stage, {}) for stage in one.stages), say(one.status, {}), one.start_on, one.base_on, one.term_start,
        one.term_end, one.order_no, one.from_on, one.instance,
    ]  # fmt: skip
