"""Registers as workbooks. Who took which list away stands in their own record, with the digest of the file."""

from __future__ import annotations

from datetime import date, datetime

from workflows.access import Viewer
from workflows.audit import Act, Kind, person_stream, record
from workflows.audit.export import Exported, Say, Sheet, as_workbook, chinese
from workflows.db import Database
from workflows.errors import N_
from workflows.registers import roster
from workflows.registers.roster import Sought

#: Heads of the roster, as an import of it names them where it has the same column.
HEADS = (
    N_("聘任编号"), N_("姓名"), N_("人员编号"), N_("单位代码"), N_("单位名称"), N_("岗位类型"), N_("学科"), N_("学段"), N_("状态"),
    N_("到岗日期"), N_("任教计时起点"), N_("聘期起"), N_("聘期止"), N_("聘任文号"), N_("起始日期"), N_("依据办件"),
)  # fmt: skip


def roster_sheet(
    db: Database, viewer: Viewer, sought: Sought, *, on: date, at: datetime, say: Say = chinese
) -> Exported:
    """R1 as the viewer's list shows it on a day; recorded as ``register:exported``."""
    with db.read() as session:
        rows = roster.everyone(session, viewer, sought, on=on)
    heads = [say(head, {}) for head in HEADS]
    made = as_workbook([Sheet(say(N_("教研员名册"), {}), heads, [_row(one, say) for one in rows])])
    exported = Exported(f"researchers-{on.isoformat()}.xlsx", made.media_type, made.content)
    payload = {"register": "researchers", "on": on.isoformat(), "rows": len(rows), "sha256": exported.sha256}
    with db.write() as session:
        record(session, Act(person_stream(viewer.number), Kind.REGISTER_EXPORTED, at, viewer.actor(), payload=payload))
    return exported


def _row(one: roster.Appointment, say: Say) -> list[object]:
    return [
        one.appointment_no, one.person_name, one.person_number, one.organisation_code, one.organisation_name,
        say(one.post_type, {}), "、".join(say(subject, {}) for subject in one.subjects),
        "、".join(say(stage, {}) for stage in one.stages), say(one.status, {}), one.start_on, one.base_on, one.term_start,
        one.term_end, one.order_no, one.from_on, one.instance,
    ]  # fmt: skip
