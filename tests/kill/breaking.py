"""Verbs as they must not be: one act in two transactions. They are here to show that the kill tests can fail.

Each is put in place in the process that acts, and is right as long as nobody kills it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import update

from workflows import deliveries, timers, transitions
from workflows.audit import Entry
from workflows.db import Database
from workflows.models import Delivery
from workflows.transitions import Moved, Take, Transition


def the_record() -> None:
    """The rows in one transaction, the record in another."""
    write, record_many = Transition.write, transitions.record_many

    def torn(self: Transition, db: Database) -> Moved:
        kept: list[Entry] = []
        transitions.record_many = lambda session, entries: kept.extend(entries)
        try:
            moved = write(self, db)
        finally:
            transitions.record_many = record_many
        with db.write() as session:
            record_many(session, kept)
        return moved

    Transition.write = torn  # type: ignore[method-assign]


def the_delivery() -> None:
    """A delivery is ticked off first, in a transaction of its own."""

    def torn(db: Database, delivery_id: int, *, at: datetime) -> Moved | None:
        open_one = update(Delivery).where(Delivery.id == delivery_id, Delivery.ended_at.is_(None))
        with db.write() as session:
            ticked = session.execute(open_one.values(ended_at=at, result="delivered"))
        if not ticked.rowcount:  # type: ignore[attr-defined]
            return None
        with db.read() as session:
            delivery = session.get_one(Delivery, delivery_id)
            doing = deliveries._ACTS[delivery.kind](session, delivery, at)
        return doing(db) if doing is not None else None

    deliveries.deliver = torn
    deliveries._take = lambda *_given: None


def the_timer() -> None:
    """Timers are claimed in one transaction, and what they do is written in the next."""
    write_many = timers.write_many

    def torn(db: Database, acts: Sequence[Transition], take: Take) -> list[Transition]:
        with db.write() as session:
            mine = take(session, acts)
        return write_many(db, mine) if mine else []

    timers.write_many = torn  # type: ignore[assignment]


#: Name -> puts it in place.
BREAKS: dict[str, Callable[[], None]] = {
    "the record": the_record, "the delivery": the_delivery, "the timer": the_timer,
}  # fmt: skip
