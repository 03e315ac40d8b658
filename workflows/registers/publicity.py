"""R10 公示: what is made public of a person, from when to when, in exactly which words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from workflows import access, people
from workflows.access import Viewer, office_day
from workflows.audit import Act, Actor, Kind, office_stream, record
from workflows.models import Organisation, PublicNotice, Round
from workflows.people import Page


def publish(
    session: Session, organisation: Organisation, round_row: Round | None, *, title: str, text: str, until: datetime,
    contact: str, prefix: str, by: Actor, at: datetime, instance: str, details: Mapping[str, Any],
) -> str:
    """Publish in the caller's transaction; returns the number (公示编号). The record keeps the very words and the period."""
    year = office_day(at).year
    number = f"{prefix}-S{year}-{people.next_in_series(session, f'publicity:{prefix}:{year}'):03d}"
    event = record(session, Act(office_stream("notices"), Kind.NOTICE_PUBLISHED, at, by, instance=instance, payload={
        "notice": number, "kind": "公示", "title": title, "text": text, "organisation": organisation.code,
        "published_at": at, "until_at": until, "contact": contact, **details,
    }))  # fmt: skip
    session.add(PublicNotice(
        number=number, kind="公示", title=title, body=text, organisation_id=organisation.id,
        round_id=round_row.id if round_row is not None else None, published_at=at, until_at=until, contact=contact,
        instance=instance, details=dict(details), event=event,
    ))  # fmt: skip
    return number


@dataclass(frozen=True)
class PublicityView:
    """One publicity with what stands behind it, for the register."""

    number: str
    title: str
    text: str
    organisation_name: str
    published_at: datetime
    until_at: datetime | None
    contact: str | None
    #: Number of the case that published it.
    instance: str | None
    #: days, day_kind, channels, unit, person.
    details: Mapping[str, Any]
    event: str


def find(session: Session, viewer: Viewer, text: str, *, page: int = 1, size: int = 30) -> Page:
    """Publicity of the offices in the viewer's charge, by part of title, text or number; newest first."""
    where = [PublicNotice.kind == "公示", access.within(PublicNotice.organisation_id, access.charge(viewer))]
    if text:
        held = (PublicNotice.title, PublicNotice.body)
        where.append(or_(*(column.contains(text, autoescape=True) for column in held), PublicNotice.number == text,
                         PublicNotice.instance == text))  # fmt: skip
    total = session.execute(select(func.count()).select_from(PublicNotice).where(*where)).scalar_one()
    rows = session.execute(
        select(PublicNotice, Organisation.name)
        .join(Organisation, Organisation.id == PublicNotice.organisation_id)
        .where(*where).order_by(PublicNotice.id.desc()).limit(size).offset((page - 1) * size)
    )  # fmt: skip
    return Page(
        [
            PublicityView(row.number, row.title, row.body, name, row.published_at, row.until_at, row.contact, row.instance,
                          row.details, row.event)
            for row, name in rows
        ],
        total, page, size,
    )  # fmt: skip
