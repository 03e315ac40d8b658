"""What the record keeps of reading: who looked at somebody else's case, and who was turned away."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from workflows.access import Viewer
from workflows.audit import Act, Kind, person_stream, record
from workflows.db import Database
from workflows.models import Instance, Task


def note_viewed(
    db: Database, viewer: Viewer, number: str, *, at: datetime, payload: Mapping[str, Any] | None = None
) -> None:
    """Record ``case:viewed`` in the viewer's stream, naming the instance."""
    with db.write() as session:
        record(
            session,
            Act(person_stream(viewer.number), Kind.CASE_VIEWED, at, viewer.actor(), instance=number,
                payload=dict(payload or {})),
        )


def note_refused(db: Database, viewer: Viewer, what: str, number: str, *, at: datetime, reason: str) -> None:
    """Record ``access:refused`` in the person's stream: what was asked for, under which number, and the refusal's code.

    The event names the instance only when there is one; what was typed stands in the payload, cut to 80 characters.
    """
    with db.write() as session:
        instance = session.execute(
            select(Instance.number).where(Instance.number == number)
            if what != "task"
            else select(Instance.number).join(Task, Task.instance_id == Instance.id).where(Task.number == number)
        ).scalar()
        record(
            session,
            Act(person_stream(viewer.number), Kind.ACCESS_REFUSED, at, viewer.actor(), instance=instance,
                reason=reason, payload={"what": what, "number": number[:80]}),
        )


def note_file_viewed(db: Database, viewer: Viewer, instance_id: int | None, sha256: str, *, at: datetime) -> None:
    """Record ``file:viewed`` in the viewer's stream, with the file's digest, naming the case that holds it."""
    with db.write() as session:
        number = session.execute(select(Instance.number).where(Instance.id == instance_id)).scalar()
        record(
            session,
            Act(person_stream(viewer.number), Kind.FILE_VIEWED, at, viewer.actor(), instance=number,
                payload={"sha256": sha256}),
        )
