"""R10 公示: what is made public of a person, from when to when, in exactly which words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from workflows import people
from workflows.access import office_day
from workflows.audit import Act, Actor, Kind, office_stream, record
from workflows.models import Organisation, PublicNotice, Round


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
