"""Saved filters: what somebody narrows their inbox to, kept under names of their own; one of them may be how it opens.

``inbox.counts`` reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from workflows.access import Viewer
from workflows.audit import Act, Kind, person_stream, record
from workflows.db import Database
from workflows.errors import FilterNameNeeded, NotFound, TooManyFilters
from workflows.models import Person, SavedFilter

#: Longest name, and how many a person keeps.
LONGEST, MOST = 30, 30
#: Words of the inbox's address that a filter holds, each as long as anybody types.
WORDS, LONGEST_WORD = ("process", "place", "step", "q", "whose", "grade", "follow"), 100


def save(
    db: Database, viewer: Viewer, name: str, asked: Mapping[str, str], *, at: datetime, default: bool = False
) -> None:
    """Keep a filter; one of the same name is replaced, and ``default`` takes the mark from the one that had it.

    Raises ``FilterNameNeeded``, and ``TooManyFilters``.
    """
    named = " ".join("".join(sign for sign in name if sign.isprintable()).split())
    if not 0 < len(named) <= LONGEST:
        raise FilterNameNeeded(most=LONGEST)
    words = {key: str(asked[key])[:LONGEST_WORD] for key in WORDS if asked.get(key)}
    with db.write() as session:
        _lock(session, viewer)
        own = SavedFilter.person_id == viewer.person_id
        known = session.execute(select(SavedFilter).where(own, SavedFilter.name == named)).scalar_one_or_none()
        if known is None:
            _require_room(session, viewer)
            known = SavedFilter(person_id=viewer.person_id, name=named, asked={}, is_default=False)
            session.add(known)
        if (known.asked, known.is_default, known.id is not None) == (words, default, True):
            return
        if default:
            session.execute(update(SavedFilter).where(own).values(is_default=False))
        known.asked, known.is_default = words, default
        session.flush()
        _record(session, viewer, Kind.FILTER_SAVED, named, at, {"asked": words, "default": default})


def remove(db: Database, viewer: Viewer, name: str, *, at: datetime) -> None:
    """Delete a filter of one's own; ``NotFound`` for one that is not there."""
    with db.write() as session:
        _lock(session, viewer)
        gone = session.execute(
            delete(SavedFilter).where(SavedFilter.person_id == viewer.person_id, SavedFilter.name == name)
            .returning(SavedFilter.id)
        ).first()
        if gone is None:
            raise NotFound()
        _record(session, viewer, Kind.FILTER_DELETED, name, at, {})


def _require_room(session: Session, viewer: Viewer) -> None:
    kept = select(func.count()).select_from(SavedFilter).where(SavedFilter.person_id == viewer.person_id)
    if session.execute(kept).scalar_one() >= MOST:
        raise TooManyFilters(most=MOST)


def _lock(session: Session, viewer: Viewer) -> None:
    """Two windows of one person wait for each other: a name is there once, and the mark at one place."""
    session.execute(select(Person.id).where(Person.id == viewer.person_id).with_for_update())


def _record(
    session: Session, viewer: Viewer, kind: Kind, name: str, at: datetime, more: Mapping[str, object]
) -> None:
    record(session, Act(person_stream(viewer.number), kind, at, viewer.actor(), payload={"name": name, **more}))
