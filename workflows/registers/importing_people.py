"""People and their roles from a spreadsheet. Who runs the system enters people, who keeps its security gives roles (三员分立)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from workflows import people
from workflows.access import office_day
from workflows.audit import Act, Actor, Kind, person_stream, record
from workflows.errors import N_, RolesExcludeEachOther
from workflows.models import Membership, Organisation, Person
from workflows.people import EXCLUSIVE, ROLES
from workflows.registers.spreadsheet import Column, Findings, Line, day, matching, one_of


def columns(code: Any) -> tuple[Column, ...]:
    """The columns of the workbook; ``code`` reads the code of an organisation."""
    return (
        Column(N_("姓名"), matching(r".{2,30}", N_("姓名应为 2 至 30 个字")), note="与身份证件一致", example="李晓岚"),
        Column(
            N_("手机号"), matching(r"1[3-9]\d{9}", N_("手机号应为 11 位")), required=False,
            note="同一手机号的几行是同一个人的几个角色；系统中已有的人员按手机号识别", example="13900000000",
        ),
        Column(N_("邮箱"), matching(r"[^@\s]+@[^@\s]+\.[^@\s]+", N_("邮箱地址不正确")), required=False, example="lixiaolan@example.org"),
        Column(N_("单位代码"), code, required=False, note="授予角色时填写；须已在单位台账中", example="ln-sy-hp-jyj"),
        Column(
            N_("角色"),
            one_of({role.name: key for key, role in ROLES.items()}, N_("没有这个角色，见填写说明")),
            required=False,
            note="人员由系统管理员登记，此列留空；角色由安全管理员授予：" + "、".join(role.name for role in ROLES.values()),
            example="教育局人事科（股）",
        ),
        Column(N_("起始日期"), day, required=False, note="授予角色时填写；从这一天起担任", example="2026-09-01"),
        Column(N_("终止日期"), day, required=False, note="担任的最后一天；没有确定的留空", example="2029-08-31"),
    )  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One line that will be entered: a person, or a role of theirs, or both."""

    #: What makes the person one: the number of somebody known, else phone, else the row.
    who: str
    known_number: str | None
    name: str
    phone: str | None
    email: str | None
    #: Code of the organisation and key of the role; empty for a person alone.
    organisation: str
    role: str
    from_on: date
    to_on: date | None
    new_person: bool

    def as_payload(self) -> dict[str, Any]:
        """What the event says of it; phone number and address stay out."""
        return {"name": self.name, "organisation": self.organisation, "role": self.role, "from_on": self.from_on, "to_on": self.to_on}

    def makes(self) -> tuple[str, ...]:
        """What entering it makes, for the counts."""
        return (*((N_("人员"),) if self.new_person else ()), *((N_("角色"),) if self.role else ()))


def plan(session: Session, lines: Sequence[Line], findings: Findings, at: datetime, by: Actor) -> list[Entry]:
    """What the lines would enter; every defect goes to ``findings``."""
    organisations = {row.code: row for row in session.execute(select(Organisation)).scalars()}
    phones = {value for line in lines if (value := line.values.get("手机号"))}
    known = {row.phone: row for row in session.execute(select(Person).where(Person.phone.in_(phones))).scalars()}
    names: dict[str, str] = {}
    seen: set[tuple[str, str, str]] = set()
    entries: list[Entry] = []
    for line in lines:
        values = line.values
        phone, name, role = values.get("手机号"), values["姓名"], values.get("角色") or ""
        person = known.get(phone) if phone else None
        who = phone or f"row {line.number}"
        if (person is not None and person.name != name) or names.get(who, name) != name:
            findings.add(line.number, "手机号", N_("这个手机号属于另一个人"))
        entry = Entry(
            who, person.number if person else None, name, phone, values.get("邮箱"), values.get("单位代码") or "", role,
            values.get("起始日期") or office_day(at), values.get("终止日期"),
            new_person=person is None and who not in names,
        )  # fmt: skip
        if role:
            _note_misfits(line, organisations, findings, office_day(at))
        elif person is not None or who in names:
            findings.add(line.number, "角色", N_("此人已经登记；如需授予角色，请填写角色"))
        if role and not people.wears(by, "security_admin"):
            findings.add(line.number, "角色", N_("角色由安全管理员授予，请留空"))
        if entry.new_person and not people.wears(by, "system_admin"):
            findings.add(line.number, "手机号", N_("没有登记此人，请先由系统管理员登记"))
        if role and entry.known_number is not None and entry.known_number == by.person:
            findings.add(line.number, "角色", N_("不能给自己授予角色"))
        if (entry.who, entry.organisation, entry.role) in seen:
            findings.add(line.number, "角色", N_("同一个人的同一角色在表中出现了两次"))
        names.setdefault(who, name)
        seen.add((entry.who, entry.organisation, entry.role))
        entries.append(entry)
    _note_held(session, entries, lines, findings)
    return entries


def _note_misfits(line: Line, organisations: Mapping[str, Organisation], findings: Findings, today: date) -> None:
    """A role that the place does not have, or days that are missing or out of order."""
    values, role = line.values, ROLES[line.values["角色"]]
    organisation = organisations.get(values.get("单位代码") or "")
    if organisation is None or (organisation.to_on is not None and organisation.to_on < today):
        findings.add(line.number, "单位代码", N_("没有这个单位代码"))
    elif role.org_type is not None and organisation.org_type != role.org_type:
        findings.add(line.number, "角色", N_("这类单位没有这个角色"))
    if values.get("起始日期") is None:
        findings.add(line.number, "起始日期", N_("不能为空"))
    elif values.get("终止日期") is not None and values["终止日期"] < values["起始日期"]:
        findings.add(line.number, "终止日期", N_("早于起始日期"))


def _note_held(session: Session, plan: Sequence[Entry], lines: Sequence[Line], findings: Findings) -> None:
    """A role held already at that place in that time is a defect, not a second row; so is a second administrator's role."""
    numbers = {entry.known_number for entry in plan if entry.known_number}
    held: Sequence[Any] = session.execute(
        select(Person.number, Organisation.code, Membership.role, Membership.from_on, Membership.to_on)
        .join(Person, Person.id == Membership.person_id)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .where(Person.number.in_(numbers))
    ).all() if numbers else ()
    for entry, line in zip(plan, lines, strict=True):
        beside = [(role, from_on, to_on) for person, _, role, from_on, to_on in held if person == entry.known_number]
        beside += [(one.role, one.from_on, one.to_on) for one in plan if one is not entry and one.who == entry.who]
        if any(_excludes(entry, *one) for one in beside):
            findings.add(line.number, "角色", RolesExcludeEachOther.message)
        for person, code, role, from_on, to_on in held:
            same = (person, code, role) == (entry.known_number, entry.organisation, entry.role)
            if same and (to_on is None or to_on >= entry.from_on) and (entry.to_on is None or from_on <= entry.to_on):
                findings.add(line.number, "角色", N_("此人在这段时间已有这个角色"))
                break


def _excludes(entry: Entry, role: str, from_on: date, to_on: date | None) -> bool:
    """Whether a role may not be held beside the entry's in the same time."""
    other = entry.role != role and {entry.role, role} <= EXCLUSIVE
    return other and (to_on is None or to_on >= entry.from_on) and (entry.to_on is None or from_on <= entry.to_on)


def apply(session: Session, plan: Sequence[Entry], by: Actor, _event: str, at: datetime) -> None:
    """Enter what was planned: each person and each role with its own event, in the caller's transaction."""
    organisations = {row.code: row for row in session.execute(select(Organisation)).scalars()}
    numbers = {entry.known_number for entry in plan if entry.known_number}
    made: dict[str, Person] = {}
    for row in session.execute(select(Person).where(Person.number.in_(numbers))).scalars():
        made.update({entry.who: row for entry in plan if entry.known_number == row.number})
    for entry in plan:
        person = made.get(entry.who)
        if person is None:
            person = made[entry.who] = people.add_person(session, name=entry.name, phone=entry.phone, email=entry.email, at=at)
            record(session, Act(person_stream(person.number), Kind.PERSON_CREATED, at, by, payload={"name": entry.name}))
        if not entry.role:
            continue
        event = record(
            session,
            Act(person_stream(person.number), Kind.ROLE_GRANTED, at, by,
                payload={"role": entry.role, "organisation": entry.organisation, "from_on": entry.from_on, "to_on": entry.to_on}),
        )
        session.add(
            Membership(
                person_id=person.id, organisation_id=organisations[entry.organisation].id, role=entry.role,
                from_on=entry.from_on, to_on=entry.to_on, begun_by_event=event,
            )
        )  # fmt: skip
    people.register_changed(session)
