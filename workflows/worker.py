"""The background process: one beat over timers, deliveries, notices and jobs. Rows decide what is due; the beat only looks."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from workflows import absences, deliveries, deployment, jobs, notices, retries, timers
from workflows.access import office_day
from workflows.clock import Clock
from workflows.db import PASSING, Database
from workflows.errors import NotFound
from workflows.jobs import Handlers
from workflows.notices import Translate
from workflows.registers import expiring
from workflows.settings import Settings

# A beat that finds the last one still at work is skipped, as intended; APScheduler would say so every second.
logging.getLogger("apscheduler").setLevel(logging.ERROR)

_log = structlog.get_logger("jiaoyan.worker")

#: Seconds between two looks at timers, deliveries, incidents and notices, at jobs, and at terms that end.
TIMER_SECONDS, JOB_SECONDS, TERM_SECONDS = 5, 1, 60


class Worker:
    """Beats until it is stopped. Several may run on one database: every row is claimed by whoever acts on it."""

    def __init__(
        self, db: Database, clock: Clock, settings: Settings, handlers: Handlers,
        translate: Callable[[str], Translate], held: Callable[[], bool] = lambda: False,
    ) -> None:
        """``held``: whether timers wait, because a demo's past is still being lived through at its own moments."""
        self._db, self._clock, self._settings = db, clock, settings
        self._handlers, self._translate, self._held = handlers, translate, held
        # One thread a kind of work and one run at a time: a slow mail server holds up no timer.
        self._scheduler = BackgroundScheduler(
            executors={name: ThreadPoolExecutor(1) for name in ("timers", "deliveries", "retries", "notices", "jobs", "terms")},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone="UTC",
        )

    def start(self) -> None:
        """Begin to beat, in threads of this process."""
        beats: tuple[tuple[str, Callable[[], None], int], ...] = (
            ("timers", self.fire_timers, TIMER_SECONDS),
            ("deliveries", self.deliver, TIMER_SECONDS),
            ("retries", self.retry, TIMER_SECONDS),
            ("notices", self.deliver_notices, TIMER_SECONDS),
            ("jobs", self.run_jobs, JOB_SECONDS),
            ("terms", self.remind_of_terms, TERM_SECONDS),
        )
        for name, beat, seconds in beats:
            self._scheduler.add_job(beat, "interval", seconds=seconds, id=name, executor=name)
        self._scheduler.start()

    def stop(self) -> None:
        """Stop beating, after the rows in hand."""
        self._scheduler.shutdown(wait=True)

    def fire_timers(self) -> None:
        """One beat over timers."""
        if self._held():
            return
        fired = timers.fire_due(self._db, at=self._clock.now(), report=_report)
        if fired:
            _log.info("timers fired", count=fired)

    def deliver(self) -> None:
        """One beat over messages, signals and calls on their way; what fails is an incident and in the log."""
        if self._held():
            return
        arrived = deliveries.deliver_due(self._db, at=self._clock.now())
        if arrived:
            _log.info("deliveries arrived", count=arrived)

    def retry(self) -> None:
        """One beat over incidents: what failed and is due is tried again."""
        if self._held():
            return
        ended = retries.retry_due(self._db, at=self._clock.now(), report=_not_retried)
        if ended:
            _log.info("incidents ended", count=ended)

    def deliver_notices(self) -> None:
        """One beat over queued mail; before it, what somebody was told goes to whoever stands in for them too."""
        absences.pass_on(self._db, at=self._clock.now())
        sent = notices.deliver(self._db, self._settings, self._translate, at=self._clock.now())
        if sent:
            _log.info("notices sent", count=sent)

    def remind_of_terms(self) -> None:
        """One beat over appointments: who is to be told that a term ends."""
        if self._held():
            return
        at = self._clock.now()
        with self._db.read() as session:
            try:
                packs = deployment.packs(session, deployment.newest_pack_set(session))
            except NotFound:
                return  # nothing was deployed yet
        days = {place: packs[place].on(office_day(at))["appointment"]["term_reminder_days"] for place in packs}
        told = expiring.remind(self._db, {place: int(before) for place, before in days.items() if before}, at=at)
        if told:
            _log.info("terms end", count=told)

    def run_jobs(self) -> None:
        """Do the jobs that wait, one after the other."""
        now: Callable[[], datetime] = self._clock.now
        while True:
            try:
                if not jobs.run_next(self._db, self._handlers, now):
                    return
            except PASSING as error:
                _log.error("jobs wait for the database", error=f"{type(error).__name__}: {error}")
                return
            except Exception as error:  # the job row says when it is tried again; the others go on
                _log.error("job failed", error=f"{type(error).__name__}: {error}")


def _not_retried(number: str, error: Exception) -> None:
    _log.error("incident not retried", incident=number, error=type(error).__name__)


def _report(timer_id: int, error: Exception) -> None:
    _log.error("timer failed", timer=timer_id, error=f"{type(error).__name__}: {error}")
