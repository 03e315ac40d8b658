"""Drafts: what somebody has typed and not sent, kept on the server, one for each person and form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from workflows.db import Database
from workflows.errors import DraftConflict, TaskNotOpen
from workflows.models import Draft, Task, table
from workflows.settings import OFFICE_ZONE


@dataclass(frozen=True)
class DraftView:
    """A draft as a page shows it."""

    data: Mapping[str, Any]
    saved_at: datetime
    version: int


def view(row: Draft | None) -> DraftView | None:
    """A stored draft as a page shows it."""
    return DraftView(row.data, row.saved_at, row.version) if row is not None else None


def draft(session: Session, person_id: int, subject: str) -> DraftView | None:
    """The person's draft of a form (``task:<number>`` or ``start:<process>:<round>``), if there is one."""
    return view(
        session.execute(
            select(Draft).where(Draft.person_id == person_id, Draft.subject == subject)
        ).scalar_one_or_none()
    )


def save_draft(
    db: Database, person_id: int, subject: str, data: Mapping[str, Any], version: int | None, *, at: datetime
) -> DraftView:
    """Keep what was typed; ``version`` is the one the page was showing (none before the first save).

    ``DraftConflict`` when another window saved in between: nothing is overwritten unseen. ``TaskNotOpen`` when the form
    was sent in between: what is typed then is not kept behind a task that nobody opens any more.
    """
    with db.write() as session:
        if (task := _task(subject)) is not None:
            status = session.execute(select(Task.status).where(Task.number == task).with_for_update(read=True)).scalar()
            if status not in (None, "open", "suspended"):
                raise TaskNotOpen()
        if version is None:
            dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
            made = session.execute(
                dialect.insert(Draft)
                .values(person_id=person_id, subject=subject, data=dict(data), saved_at=at, version=1)
                .on_conflict_do_nothing()
                .returning(Draft.version)
            ).scalar_one_or_none()
        else:
            made = session.execute(
                update(Draft)
                .where(Draft.person_id == person_id, Draft.subject == subject, Draft.version == version)
                .values(data=dict(data), saved_at=at, version=version + 1)
                .returning(Draft.version)
            ).scalar_one_or_none()
        if made is None:
            found = draft(session, person_id, subject)
            moment = found.saved_at.astimezone(OFFICE_ZONE).strftime("%H:%M") if found else "-"
            raise DraftConflict(time=moment)
    return DraftView(data, at, made)


def _task(subject: str) -> str | None:
    """Number of the task whose form it is, if it is one's."""
    kind, _, number = subject.partition(":")
    return number if kind == "task" else None


_GONE = delete(table(Draft)).where(
    table(Draft).c.person_id == bindparam("person"), table(Draft).c.subject == bindparam("of_subject")
)


def discard(session: Session, person_id: int, subject: str) -> None:
    """Drop a draft in the caller's transaction: that in which its form is sent."""
    session.connection().execute(_GONE, {"person": person_id, "of_subject": subject})


def discard_draft(db: Database, person_id: int, subject: str) -> None:
    """Drop a draft because the person says so."""
    with db.write() as session:
        discard(session, person_id, subject)
