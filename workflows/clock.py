"""The office clock. Verbs take ``at`` as an argument; only entry points ask this clock.

In a data directory created as a demo the clock can be moved forward; everywhere else the offset is always zero.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import column, select, table

from workflows.db import Database

#: The row's model lies above this module; name and columns are enough to read it.
_office = table("office", column("demo"), column("clock_offset_seconds"))


def machine_now() -> datetime:
    """The machine's time, aware, UTC: the ``recorded_at`` of every event, never a demo's time."""
    return datetime.now(UTC)


class Clock:
    """Office time over a database: machine time plus the demo's offset."""

    def __init__(self, db: Database, machine: Callable[[], datetime] = machine_now) -> None:
        self._db = db
        self._machine = machine
        self._fixed_zero = False

    def offset(self) -> timedelta:
        """How far a demo's clock has been moved; zero and never read again outside a demo."""
        if self._fixed_zero:
            return timedelta()
        with self._db.read() as session:
            row = session.execute(select(_office.c.demo, _office.c.clock_offset_seconds)).first()
        if row is None:
            return timedelta()
        if not row.demo:
            self._fixed_zero = True
            return timedelta()
        return timedelta(seconds=row.clock_offset_seconds)

    def now(self) -> datetime:
        """Office time, aware, UTC."""
        return self._machine() + self.offset()
