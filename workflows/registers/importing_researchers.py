"""R1 from a spreadsheet: the researchers that an institution has when it begins to use the system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from workflows import people, policies
from workflows.access import office_day
from workflows.audit import Actor
from workflows.errors import N_
from workflows.models import Organisation, PackFile, PackSet, Person, Researcher
from workflows.registers import researchers
from workflows.registers.researchers import Appointment
from workflows.registers.roster import POST_TYPES
from workflows.registers.spreadsheet import Column, Findings, Line, day, matching, one_of

#: What happened to the post, as R3 names it.
ENTERED = N_("导入在册")
_LISTED = matching(r"[^、]{1,20}(、[^、]{1,20}){0,9}", N_("写 1 至 10 项，用顿号分开，每项至多 20 个字"))


def columns(code: Any, stages: Sequence[str]) -> tuple[Column, ...]:
    """The columns of the workbook; ``code`` reads the code of an organisation."""
    return (
        Column(N_("姓名"), matching(r".{2,30}", N_("姓名应为 2 至 30 个字")), note="与身份证件一致", example="李晓岚"),
        Column(N_("手机号"), matching(r"1[3-9]\d{9}", N_("手机号应为 11 位")), note="系统中已有的人员按手机号识别", example="13900000000"),
        Column(N_("单位代码"), code, note="教研机构的代码", example="ln-sy-hp-jys"),
        Column(N_("岗位类型"), one_of({name: name for name in POST_TYPES}, N_("没有这种岗位类型，见填写说明")),
               note="、".join(POST_TYPES), example="专职"),
        Column(N_("学科"), _LISTED, note="几个学科用顿号分开", example="数学"),
        Column(N_("学段"), _LISTED, note=f"几个学段用顿号分开；{'、'.join(stages)}", example="小学、初中"),
        Column(N_("到岗日期"), day, note="到教研岗位的第一天", example="2019-09-01"),
        Column(N_("任教计时起点"), day, required=False, note="在岗时间从这一天算起；任教返岗后的写返岗那天；留空则为到岗日期",
               example="2019-09-01"),
        Column(N_("聘期起"), day, note="现聘期的第一天", example="2025-09-01"),
        Column(N_("聘期止"), day, required=False, note="现聘期的最后一天；没有期限的留空", example="2028-08-31"),
        Column(N_("聘任文号"), matching(r".{1,60}", N_("文号至多 60 个字")), required=False, example="沈教人〔2025〕12号"),
    )  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One line that will be entered."""

    known_number: str | None
    name: str
    phone: str
    organisation: str
    appointment: Appointment

    def as_payload(self) -> dict[str, Any]:
        """What the event says of it; the phone number stays out."""
        one = self.appointment
        return {"name": self.name, "organisation": self.organisation, "post_type": one.post_type, "subjects": list(one.subjects),
                "stages": list(one.stages), "report_on": one.report_on, "base_on": one.base_on or one.report_on,
                "term_start": one.term_start, "term_end": one.term_end, "order_no": one.order_no}  # fmt: skip

    def makes(self) -> tuple[str, ...]:
        """What entering it makes, for the counts."""
        return (N_("教研员"),) if self.known_number else (N_("教研员"), N_("人员"))


def plan(session: Session, lines: Sequence[Line], findings: Findings, at: datetime, stages: Sequence[str]) -> list[Entry]:
    """What the lines would enter; every defect goes to ``findings``."""
    today = office_day(at)
    places = {row.code: row for row in session.execute(select(Organisation)).scalars()}
    phones = {line.values["手机号"] for line in lines}
    known = {row.phone: row for row in session.execute(select(Person).where(Person.phone.in_(phones))).scalars()}
    standing = set(session.execute(
        select(Researcher.person_id, Researcher.organisation_id).where(Researcher.to_on.is_(None), Researcher.status != "已退出")
    ).tuples())  # fmt: skip
    orders = {line.values.get("聘任文号") for line in lines} - {None}
    taken = set(session.execute(select(Researcher.order_no).where(Researcher.order_no.in_(orders))).scalars())
    seen: set[tuple[str, str]] = set()
    found = []
    for line in lines:
        values = line.values
        person, place = known.get(values["手机号"]), places.get(values["单位代码"])
        if place is None or (place.to_on is not None and place.to_on < today):
            findings.add(line.number, "单位代码", N_("没有这个单位代码"))
        elif place.org_type != "tri":
            findings.add(line.number, "单位代码", N_("只有教研机构有教研员"))
        elif person is not None and (person.id, place.id) in standing:
            findings.add(line.number, "姓名", N_("该人员已在这个机构的名册中"))
        if person is not None and person.name != values["姓名"]:
            findings.add(line.number, "手机号", N_("这个手机号属于另一个人"))
        if (values["手机号"], values["单位代码"]) in seen:
            findings.add(line.number, "姓名", N_("同一个人在同一机构出现了两次"))
        seen.add((values["手机号"], values["单位代码"]))
        for stage in _listed(values["学段"]):
            if stage not in stages:
                findings.add(line.number, "学段", N_("没有这个学段，见填写说明"))
        report_on, base_on, term_end = values["到岗日期"], values.get("任教计时起点"), values.get("聘期止")
        if report_on > today:
            findings.add(line.number, "到岗日期", N_("晚于今天"))
        if base_on is not None and not report_on <= base_on <= today:
            findings.add(line.number, "任教计时起点", N_("应在到岗日期与今天之间"))
        if term_end is not None and term_end < values["聘期起"]:
            findings.add(line.number, "聘期止", N_("早于聘期起"))
        order_no = values.get("聘任文号")
        if order_no in taken:
            findings.add(line.number, "聘任文号", N_("该文号已经登记过"))
        found.append(Entry(
            person.number if person else None, values["姓名"], values["手机号"], values["单位代码"],
            Appointment(values["岗位类型"], _listed(values["学科"]), _listed(values["学段"]), report_on, values["聘期起"], term_end,
                        order_no, base_on=base_on),
        ))  # fmt: skip
    return found


def _listed(text: str) -> list[str]:
    return text.split("、")


def apply(session: Session, entries: Sequence[Entry], by: Actor, event: str, at: datetime) -> None:
    """Enter them: the person where nobody has the phone number yet, the appointment, the role."""
    prefixes = _prefixes(session, office_day(at))
    made: dict[str, Person] = {}
    for entry in entries:
        person = made.get(entry.phone)
        if person is None and entry.known_number is not None:
            person = people.person_by_number(session, entry.known_number)
        if person is None:
            person = people.add_person(session, name=entry.name, phone=entry.phone, email=None, at=at)
        made[entry.phone] = person
        place = people.organisation_by_code(session, entry.organisation)
        researchers.appoint(
            session, person, place, entry.appointment, prefix=prefixes[place.place], by=by, at=at, event=event, instance=None,
            kind=ENTERED,
        )  # fmt: skip


def _prefixes(session: Session, on: date) -> dict[str, str]:
    """How the numbers of each place begin, by the newest packs."""
    newest = select(PackSet.digest).order_by(PackSet.number.desc()).limit(1).scalar_subquery()
    rows = session.execute(select(PackFile.path, PackFile.content).where(PackFile.pack_set == newest)).tuples()
    packs = policies.load({PurePosixPath(path).name: bytes(raw) for path, raw in rows if path.endswith(".toml")})
    return {place: str(packs[place].on(on)["place"]["number_prefix"]) for place in packs}


