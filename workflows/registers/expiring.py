"""Terms that come to their end (聘期届满): whoever is appointed and the head of the institution are told once, in time.

How many days before is the pack's, ``appointment.term_reminder_days`` (domain.md 3.1, timers; D).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, or_, select

from workflows import candidates, notices, people
from workflows.access import office_day
from workflows.audit import Act, Actor, ActorKind, Kind, person_stream, record
from workflows.db import Database
from workflows.errors import N_
from workflows.models import Organisation, Person, PersonnelEvent, Researcher
from workflows.notices import Message

#: What the personnel register (R3) calls it.
REMINDED = N_("聘期届满提醒")


def remind(db: Database, days: Mapping[str, int], *, at: datetime) -> int:
    """Tell of every term that ends within ``days`` of its place (place -> days before) and was not told of yet; how many.

    Each is a transaction and an event of its own; several workers may do it at once.
    """
    with db.read() as session:
        due = list(session.execute(select(Researcher.id).join(Organisation).where(_ending(days, office_day(at)))).scalars())
    return sum(_remind(db, key, days, at) for key in due)


def _ending(days: Mapping[str, int], today: date) -> ColumnElement[bool]:
    """Condition: a standing appointment of a place whose term ends soon enough, without a reminder of that very end."""
    told = exists().where(
        PersonnelEvent.appointment_no == Researcher.appointment_no, PersonnelEvent.kind == REMINDED,
        PersonnelEvent.on == Researcher.term_end,
    )
    soon = or_(*(
        and_(Organisation.place == place, Researcher.term_end <= today + timedelta(days=before)) for place, before in days.items()
    ))  # fmt: skip
    return and_(Researcher.to_on.is_(None), Researcher.status != "已退出", Researcher.term_end >= today, soon, ~told)


def _remind(db: Database, key: int, days: Mapping[str, int], at: datetime) -> int:
    with db.write() as session:
        # Locked, then asked again: another worker may have been first.
        session.execute(select(Researcher.id).where(Researcher.id == key).with_for_update())
        found = session.execute(
            select(Researcher, Person, Organisation)
            .join(Person, Person.id == Researcher.person_id)
            .join(Organisation, Organisation.id == Researcher.organisation_id)
            .where(Researcher.id == key, _ending(days, office_day(at)))
        ).one_or_none()
        if found is None:
            return 0
        row, person, organisation = found
        details = {
            "name": person.name, "organisation": organisation.name, "appointment_no": row.appointment_no,
            "term_end": row.term_end.isoformat(),
        }  # fmt: skip
        event = record(session, Act(
            person_stream(person.number), Kind.RESEARCHER_REMINDED, at, Actor(ActorKind.TIMEOUT), payload=details,
        ))  # fmt: skip
        session.add(PersonnelEvent(
            person_id=person.id, organisation_id=organisation.id, appointment_no=row.appointment_no, kind=REMINDED,
            on=row.term_end, at=at, details=details, event=event, instance=row.instance,
        ))  # fmt: skip
        told = people.somebodies(session, [person.id, *candidates.holders(session, "tri_head", organisation.id, office_day(at))])
        notices.queue(session, [Message({one.id: one.mailable for one in told.values()}, "term_ending", details)], at=at)
    return 1
