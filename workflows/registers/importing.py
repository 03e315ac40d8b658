"""Places, people, staffing cells and researchers from a spreadsheet: every defect by row and column, then all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from workflows import people
from workflows.audit import Act, Actor, ActorKind, Kind, office_stream, record
from workflows.db import Database
from workflows.errors import N_, ImportRefused, NotFound, Problem
from workflows.models import Organisation, PackFile, PackSet, StaffingCell
from workflows.people import LEVELS, ORG_TYPES
from workflows.registers import importing_people, importing_researchers
from workflows.registers.spreadsheet import Column, Findings, Line, blank, day, matching, number, one_of, read_sheet

#: Stages of basic education, as the staffing matrix counts them.
STAGES = (N_("学前"), N_("小学"), N_("初中"), N_("高中"), N_("特殊教育"), N_("中等职业"))

CODE = matching(r"[a-z0-9][a-z0-9-]{1,59}", N_("代码由小写字母、数字和连字符组成，2 至 60 位"))
NAME = matching(r".{2,60}", N_("名称应为 2 至 60 个字"))

COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "places": (
        Column(N_("单位代码"), CODE, note="小写字母、数字和连字符；全系统唯一，导入后不再改变", example="ln-sy-hp-sch01"),
        Column(N_("单位名称"), NAME, note="全称", example="沈阳市和平区望湖路小学"),
        Column(
            N_("单位类型"),
            one_of({name: key for key, name in ORG_TYPES.items()}, N_("没有这种单位类型，见填写说明")),
            note="、".join(ORG_TYPES.values()),
            example="学校",
        ),
        Column(
            N_("层级"),
            one_of({name: key for key, name in LEVELS.items()}, N_("没有这个层级，见填写说明")),
            note="、".join(LEVELS.values()),
            example="校级",
        ),
        Column(N_("上级单位代码"), CODE, required=False, note="省级主管部门留空；上级可以在同一张表里", example="ln-sy-hp-jyj"),
        Column(N_("政策规则包"), CODE, required=False, note="留空则与上级单位相同；已部署的规则包见“流程定义与政策规则包”页"),
        Column(N_("起始日期"), day, note="从这一天起存在", example="2026-09-01"),
    ),
    "people": importing_people.columns(CODE),
    "staffing": (
        Column(N_("单位代码"), CODE, note="教研机构的代码", example="ln-sy-hp-jys"),
        Column(N_("学科"), matching(r".{1,20}", N_("学科应为 1 至 20 个字")), note="国家课程方案规定的课程", example="数学"),
        Column(N_("学段"), one_of({name: name for name in STAGES}, N_("没有这个学段，见填写说明")), note="、".join(STAGES), example="小学"),
        Column(N_("应配专职人数"), number(0, 99, N_("应为 0 至 99 的整数")), note="整数", example="2"),
        Column(N_("起始日期"), day, note="从这一天起按此配备；此前的数自动止于前一天", example="2026-09-01"),
    ),
    "researchers": importing_researchers.columns(CODE, STAGES),
}  # fmt: skip

#: Kind -> its name on pages and in file names.
KINDS: Mapping[str, str] = {"places": N_("单位"), "people": N_("人员与角色"), "staffing": N_("学科配备"),
                             "researchers": N_("教研员名册")}


@dataclass(frozen=True)
class ImportReport:
    """What a file would bring, or brought: rows read, what was made of them, and the defects if it was only looked at."""

    rows: int
    #: What was (or would be) made: message id -> number.
    created: Mapping[str, int]
    problems: tuple[Problem, ...] = ()


def template(kind: str) -> bytes:
    """The blank workbook of a kind; ``NotFound`` for an unknown kind."""
    return blank(_columns(kind), KINDS[kind])


def _columns(kind: str) -> tuple[Column, ...]:
    if kind not in COLUMNS:
        raise NotFound()
    return COLUMNS[kind]


def import_workbook(
    db: Database, by: Actor, kind: str, raw: bytes, *, at: datetime, dry_run: bool = False, file: str = ""
) -> ImportReport:
    """Read a filled workbook and enter all of it, or nothing.

    ``kind`` is ``places``, ``people``, ``staffing`` or ``researchers``; all but roles are the system administrator's to
    enter (``Forbidden``), roles the security administrator's. With ``dry_run`` nothing is written and the report lists the
    defects; without it any defect raises ``ImportRefused``, whose problems name row and column.
    """
    if kind != "people":
        people.require_hat(by, "system_admin")
    findings = Findings(file or f"{KINDS.get(kind, kind)}.xlsx")
    lines = read_sheet(raw, _columns(kind), findings)
    with db.read() as session:
        plan = _PLANS[kind](session, lines, findings, at, by)
    if dry_run:
        return ImportReport(len(lines), _counts(plan), tuple(sorted(findings.problems)))
    if findings.problems:
        raise ImportRefused(sorted(findings.problems))
    with db.write() as session:
        # Planned again inside the transaction: what the rows refer to must still hold when they are entered.
        plan = _PLANS[kind](session, lines, findings, at, by)
        if findings.problems:
            raise ImportRefused(sorted(findings.problems))
        who = replace(by, kind=ActorKind.IMPORT)
        event = record(
            session,
            Act(office_stream("registers"), Kind.REGISTER_IMPORTED, at, who,
                payload={"register": kind, "rows": len(lines), "entries": [entry.as_payload() for entry in plan]}),
        )
        _APPLIES[kind](session, plan, who, event, at)
    return ImportReport(len(lines), _counts(plan))


def _counts(plan: Sequence[Any]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for entry in plan:
        for what in entry.makes():
            counts[what] = counts.get(what, 0) + 1
    return counts


def _organisations(session: Session) -> dict[str, Organisation]:
    return {row.code: row for row in session.execute(select(Organisation)).scalars()}


# --- places ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Place:
    code: str
    name: str
    org_type: str
    level: str
    parent: str | None
    place: str
    from_on: date

    def as_payload(self) -> dict[str, Any]:
        return {"code": self.code, "name": self.name, "org_type": self.org_type, "level": self.level,
                "parent": self.parent, "place": self.place, "from_on": self.from_on}  # fmt: skip

    def makes(self) -> tuple[str, ...]:
        return (N_("单位"),)


#: A unit stands below one of its own level or above; a school below a bureau.
_ORDER = list(LEVELS)


def _plan_places(session: Session, lines: Sequence[Line], findings: Findings, _at: datetime, _by: Actor) -> list[_Place]:
    """Places in the order in which they can be entered: parents first."""
    known = _organisations(session)
    packs = _known_packs(session) | {row.place for row in known.values()}
    given: dict[str, Line] = {}
    for line in lines:
        code = line.values["单位代码"]
        if code in known:
            findings.add(line.number, "单位代码", N_("这个单位代码已经存在"))
        elif code in given:
            findings.add(line.number, "单位代码", N_("这个单位代码在表中出现了两次"))
        else:
            given[code] = line
    planned: dict[str, _Place] = {}
    for code in given:
        for one in _from_root(code, given, known, findings):
            if one not in planned:
                _plan_place(one, given[one], known, planned, packs, findings)
    return list(planned.values())


def _from_root(code: str, given: Mapping[str, Line], known: Mapping[str, Any], findings: Findings) -> list[str]:
    """The place's line upwards as far as it stands in the file, topmost first; a circle is a defect."""
    line = [code]
    while (parent := str(given[line[-1]].values.get("上级单位代码") or "")) in given:
        if parent in line:
            findings.add(given[code].number, "上级单位代码", N_("上级单位绕成了一圈"))
            return []
        line.append(parent)
    return line[::-1]


def _plan_place(
    code: str, line: Line, known: Mapping[str, Organisation], planned: dict[str, _Place], packs: set[str], findings: Findings
) -> None:
    values = line.values
    parent_code = values.get("上级单位代码")
    above: Organisation | _Place | None = known.get(parent_code) or planned.get(parent_code) if parent_code else None
    if parent_code and above is None:
        if parent_code in findings.unsettled:
            return
        findings.add(line.number, "上级单位代码", N_("没有这个单位代码"))
        return
    if above is None and values["层级"] != "province":
        findings.add(line.number, "上级单位代码", N_("只有省级单位可以没有上级"))
    if above is not None and _ORDER.index(above.level) > _ORDER.index(values["层级"]):
        findings.add(line.number, "层级", N_("层级高于上级单位"))
    if above is not None and above.from_on > values["起始日期"]:
        findings.add(line.number, "起始日期", N_("早于上级单位的起始日期"))
    place = values.get("政策规则包") or (above.place if above is not None else None)
    if place is None:
        findings.add(line.number, "政策规则包", N_("没有上级单位时必须填写"))
    elif place not in packs:
        findings.add(line.number, "政策规则包", N_("没有部署这个政策规则包"))
    planned[code] = _Place(
        code, values["单位名称"], values["单位类型"], values["层级"], parent_code, place or "", values["起始日期"]
    )


def _known_packs(session: Session) -> set[str]:
    newest = select(PackSet.digest).order_by(PackSet.number.desc()).limit(1).scalar_subquery()
    paths = session.execute(select(PackFile.path).where(PackFile.pack_set == newest)).scalars()
    return {path.rpartition("/")[2].removesuffix(".toml") for path in paths} - {"national", "calendar"}


def _apply_places(session: Session, plan: Sequence[_Place], _by: Actor, _event: str, _at: datetime) -> None:
    ids = {code: row.id for code, row in _organisations(session).items()}
    for entry in plan:
        row = Organisation(
            code=entry.code, name=entry.name, org_type=entry.org_type, level=entry.level, place=entry.place,
            parent_id=ids[entry.parent] if entry.parent else None, from_on=entry.from_on,
        )  # fmt: skip
        session.add(row)
        session.flush()
        ids[entry.code] = row.id
    people.register_changed(session)


# --- staffing cells --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Cell:
    organisation: str
    subject: str
    stage: str
    required: int
    from_on: date

    def as_payload(self) -> dict[str, Any]:
        return {"organisation": self.organisation, "subject": self.subject, "stage": self.stage, "required": self.required,
                "from_on": self.from_on}  # fmt: skip

    def makes(self) -> tuple[str, ...]:
        return (N_("学科配备"),)


def _plan_staffing(session: Session, lines: Sequence[Line], findings: Findings, _at: datetime, _by: Actor) -> list[_Cell]:
    organisations = _organisations(session)
    stands = {
        (row.organisation_id, row.subject, row.stage): row.from_on
        for row in session.execute(select(StaffingCell).where(StaffingCell.to_on.is_(None))).scalars()
    }
    seen: set[tuple[str, str, str]] = set()
    plan = []
    for line in lines:
        values = line.values
        key = (values["单位代码"], values["学科"], values["学段"])
        organisation = organisations.get(values["单位代码"])
        if organisation is None:
            findings.add(line.number, "单位代码", N_("没有这个单位代码"))
        elif organisation.org_type != "tri":
            findings.add(line.number, "单位代码", N_("只有教研机构有学科配备"))
        else:
            since = stands.get((organisation.id, *key[1:]))
            if since is not None and since >= values["起始日期"]:
                findings.add(line.number, "起始日期", N_("不晚于现有数据的起始日期"))
        if key in seen:
            findings.add(line.number, "学科", N_("同一学科和学段在表中出现了两次"))
        seen.add(key)
        plan.append(_Cell(*key, values["应配专职人数"], values["起始日期"]))
    return plan


def _apply_staffing(session: Session, plan: Sequence[_Cell], _by: Actor, event: str, _at: datetime) -> None:
    organisations = _organisations(session)
    open_rows = {
        (row.organisation_id, row.subject, row.stage): row
        for row in session.execute(select(StaffingCell).where(StaffingCell.to_on.is_(None))).scalars()
    }
    for entry in plan:
        organisation_id = organisations[entry.organisation].id
        before = open_rows.get((organisation_id, entry.subject, entry.stage))
        if before is not None:  # never overwritten: the old number ends the day before
            before.to_on = entry.from_on - timedelta(days=1)
        session.add(
            StaffingCell(
                organisation_id=organisation_id, subject=entry.subject, stage=entry.stage, required=entry.required,
                from_on=entry.from_on, event=event,
            )
        )  # fmt: skip


_PLANS: Mapping[str, Callable[[Session, Sequence[Line], Findings, datetime, Actor], list[Any]]] = {
    "places": _plan_places, "people": importing_people.plan, "staffing": _plan_staffing,
    "researchers": lambda session, lines, findings, at, _by: importing_researchers.plan(session, lines, findings, at, STAGES),
}  # fmt: skip
_APPLIES: Mapping[str, Callable[[Session, Sequence[Any], Actor, str, datetime], None]] = {
    "places": _apply_places, "people": importing_people.apply, "staffing": _apply_staffing,
    "researchers": importing_researchers.apply,
}  # fmt: skip
