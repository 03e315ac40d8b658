"""R1 教研员名册 and R3 人事台账: who is a researcher where, since when, and what became of it. Rows end, none is overwritten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from workflows import people
from workflows.access import office_day
from workflows.audit import Act, Actor, Kind, person_stream, record
from workflows.errors import N_, AppointmentNumberTaken
from workflows.models import Membership, Organisation, Person, PersonnelEvent, Researcher

#: Statuses of a researcher (R1), as stored and shown.
STATUSES = (N_("在岗"), N_("任教中"), N_("进修中"), N_("待转岗"), N_("已退出"))
#: The role that an appointment gives at the institution.
ROLE = "researcher"


@dataclass(frozen=True)
class Appointment:
    """What somebody is appointed to."""

    post_type: str
    subjects: Sequence[str]
    stages: Sequence[str]
    #: First day on duty (报到日期); the time on the post counts from it.
    report_on: date
    term_start: date
    term_end: date | None
    #: 聘任文号; only appointments from before the system may lack one.
    order_no: str | None
    probation_months: int = 0
    #: Where the clock of the time on the post starts (I9), if not on the first day on duty.
    base_on: date | None = None
    #: First day on which the row holds, if not the first day on duty.
    from_on: date | None = None


def appoint(
    session: Session, person: Person, organisation: Organisation, appointment: Appointment, *, prefix: str, by: Actor,
    at: datetime, event: str, instance: str | None, kind: str = "聘任",
) -> str:
    """Enter a researcher in the caller's transaction: R1, R3 and the role; returns the number of the appointment (聘任编号).

    Raises ``AppointmentNumberTaken`` when the document's number stands in the register already. The account that the person
    has stays theirs.
    """
    taken = select(Researcher.id).where(Researcher.order_no == appointment.order_no).limit(1)
    if appointment.order_no is not None and session.execute(taken).first():
        raise AppointmentNumberTaken(number=appointment.order_no)
    year = office_day(at).year
    number = f"{prefix}-P{year}-{people.next_in_series(session, f'appointment:{prefix}:{year}'):04d}"
    session.add(Researcher(
        appointment_no=number, person_id=person.id, organisation_id=organisation.id, level=organisation.level,
        post_type=appointment.post_type, subjects=list(appointment.subjects), stages=list(appointment.stages),
        start_on=appointment.report_on, base_on=appointment.base_on or appointment.report_on, status="在岗",
        term_start=appointment.term_start, term_end=appointment.term_end, order_no=appointment.order_no,
        probation_months=appointment.probation_months,
        from_on=appointment.from_on or appointment.report_on, begun_by_event=event, instance=instance,
    ))  # fmt: skip
    details: dict[str, Any] = {
        "appointment": number, "organisation": organisation.code, "post_type": appointment.post_type,
        "subjects": list(appointment.subjects), "stages": list(appointment.stages), "order_no": appointment.order_no,
        "report_on": appointment.report_on.isoformat(), "term_start": appointment.term_start.isoformat(),
        "term_end": appointment.term_end.isoformat() if appointment.term_end else None,
        "probation_months": appointment.probation_months, "case": instance,
    }  # fmt: skip
    session.add(PersonnelEvent(
        person_id=person.id, organisation_id=organisation.id, appointment_no=number, kind=kind, on=appointment.report_on,
        at=at, details=details, event=event, instance=instance,
    ))  # fmt: skip
    record(session, Act(person_stream(person.number), Kind.RESEARCHER_APPOINTED, at, by, payload=details))
    if not _has_role(session, person.id, organisation.id, appointment.report_on):
        granted = record(session, Act(person_stream(person.number), Kind.ROLE_GRANTED, at, by, payload={
            "role": ROLE, "organisation": organisation.code, "from_on": appointment.report_on, "to_on": None,
        }))  # fmt: skip
        session.add(Membership(
            person_id=person.id, organisation_id=organisation.id, role=ROLE, from_on=appointment.report_on, begun_by_event=granted,
        ))  # fmt: skip
        people.register_changed(session)
    return number


def _has_role(session: Session, person_id: int, organisation_id: int, on: date) -> bool:
    held = select(Membership.id).where(
        Membership.person_id == person_id, Membership.organisation_id == organisation_id, Membership.role == ROLE,
        or_(Membership.to_on.is_(None), Membership.to_on >= on),
    )
    return session.execute(held.limit(1)).first() is not None

