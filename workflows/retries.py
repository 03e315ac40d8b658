"""Trying again what failed (重试流程异常): exactly the same act, as whoever did it; by the beat, or by an administrator."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from workflows import access, accounts, deliveries, incidents, instances, people, reporting, timers
from workflows.access import Viewer
from workflows.audit import RULE, Actor
from workflows.db import Database
from workflows.errors import IncidentOver, InstanceMoved, InstanceSuspended, Refusal
from workflows.incidents import Kept, submission_of


def retry(db: Database, by: Viewer | Actor | None, number: str, *, at: datetime) -> str:
    """Try the act of an incident again; returns what became of it: ``resolved``, ``moot`` or ``open`` (it failed again).

    ``by`` is an administrator who asks for it, or nobody: then it is the beat. What was sent once is done once, however
    many try: the act is repeated under its own token, timer or delivery. Raises ``NotFound``, ``IncidentOver``,
    ``InstanceSuspended``, ``InstanceMoved`` (somebody moved the case in the same moment; try again), ``Forbidden``.
    """
    if isinstance(by, Viewer):
        access.require(by, "system_admin")
    actor = people.administrator(by) if isinstance(by, Viewer) else by or RULE
    by_id = by.person_id if isinstance(by, Viewer) else None
    with db.read() as session:
        kept = incidents.kept(session, number)
    if kept.suspended:
        raise InstanceSuspended()
    try:
        done = kept.stands and _ACTS[kept.kind](db, kept, at)
    except (InstanceMoved, InstanceSuspended):
        raise
    except Exception as error:
        if incidents.is_incident(error):
            incidents.failed_again(db, number, error, by=actor, at=at)
            return "open"
        if not isinstance(error, Refusal):
            raise  # the database is away: nothing is known of the act
        done = False  # it can no longer be done: somebody else was first, or whoever did it may no longer
    if not done and kept.kind in {"timer", "delivery"} and _stands(db, number):
        return "open"  # the case moved in the same moment: it is due again
    status = "resolved" if done else "moot"
    incidents.end(db, number, status, by=actor, at=at, by_id=by_id)
    return status


def _stands(db: Database, number: str) -> bool:
    with db.read() as session:
        return incidents.kept(session, number).stands


def retry_due(db: Database, *, at: datetime, report: Callable[[str, Exception], None] | None = None) -> int:
    """Make every try that is due, and close what has become moot; returns how many incidents ended.

    Each try is taken first, so that of several beats one makes it. What fails is another try of its incident; only a
    database that is away is handed to ``report``.
    """
    ended = 0
    with db.read() as session:
        moot, due = incidents.moot(session), incidents.due(session, at)
    for number in moot:
        try:
            incidents.end(db, number, "moot", by=RULE, at=at)
            ended += 1
        except IncidentOver:
            continue  # another beat was first
    for number, moment in due:
        if number in moot or not incidents.take(db, number, moment, at=at):
            continue
        try:
            ended += retry(db, None, number, at=at) != "open"
        except (IncidentOver, InstanceMoved, InstanceSuspended):
            continue
        except Exception as error:
            if report is None:
                raise
            report(number, error)
    return ended


def _complete(db: Database, kept: Kept, at: datetime) -> bool:
    """Complete the task with what was sent."""
    viewer = _viewer(db, kept, at)
    if viewer is None:
        return False
    instances.completion(
        db, viewer, kept.key, submission_of(kept.request), at=at, extra={"incident": kept.number}
    )
    return True


def _report(db: Database, kept: Kept, at: datetime) -> bool:
    """Report to the case what was reported; the place that waits gets it once."""
    viewer = _viewer(db, kept, at)
    if viewer is None:
        return False
    request = kept.request
    reporting.reporting(
        db, viewer, kept.key, request["step"], submission_of(request), at=at, extra={"incident": kept.number}
    )
    return True


def _start(db: Database, kept: Kept, at: datetime) -> bool:
    """Start the case as of the moment at which it was sent: a window that has closed meanwhile was open then."""
    viewer = _viewer(db, kept, at)
    if viewer is None:
        return False
    request = kept.request
    instances.beginning(
        db, viewer, request["process"], request["round"], submission_of(request), at=kept.at,
        extra={"incident": kept.number},
    )  # fmt: skip
    return True


def _fire(db: Database, kept: Kept, at: datetime) -> bool:
    return timers.fire(db, int(kept.key), at=at)


def _deliver(db: Database, kept: Kept, at: datetime) -> bool:
    return deliveries.deliver(db, int(kept.key), at=at) is not None


def _viewer(db: Database, kept: Kept, at: datetime) -> Viewer | None:
    """Whoever acted, with the roles that they hold today; nobody if their account is gone."""
    with db.read() as session:
        return accounts.viewer_of(session, kept.by_id or 0, at=at)


_ACTS: dict[str, Callable[[Database, Kept, datetime], bool]] = {
    "task": _complete, "report": _report, "start": _start, "timer": _fire, "delivery": _deliver,
}  # fmt: skip
