"""Firing what is due: timers of diagrams, reminders and overdue reports. Nothing here ever decides for a person.

What was missed (the office was shut, the clock was moved): every timer of a diagram fires, once, the earliest first, at
the moment of the look; a cycle fires once for each of its moments. Of a task's reminders and overdue reports only the
newest is sent, however many were missed, and none if its step has ended meanwhile: the diagram's own timers go first.
A clock that goes back fires nothing again: what fired is marked, and what is not due waits.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, and_, bindparam, insert, literal, or_, select, text, tuple_, update
from sqlalchemy.orm import Session

from workflows import candidates, deliveries, engine, incidents, instances, notices, people, policies
from workflows.access import office_day
from workflows.audit import RULE, TIMEOUT, Act, Entry, Kind, new_event_id, record, record_many
from workflows.case import Case, house, load, load_many
from workflows.db import PASSING, Database
from workflows.engine.rest import variables
from workflows.errors import TimersWithoutEnd
from workflows.models import Instance, Task, Timer, table
from workflows.notices import Message
from workflows.people import Known, Somebody
from workflows.settings import OFFICE_ZONE
from workflows.transitions import Transition, due_shown, expression, write_many

_log = structlog.get_logger("jiaoyan.timers")

#: The hour of the office day at which an overdue task is reported again (daily digest).
DIGEST_HOUR = time(9)
#: Timers that are looked at together: prepared outside the transaction, written in one.
BATCH = 250
#: So often one look wakes one case, which may wait at as many steps, or have missed as many moments of a cycle; then
#: somebody has to look at it.
MAX_WAKES = 10_000
#: Called with a timer's key and what went wrong, for a log; the incident is recorded already.
Report = Callable[[int, Exception], None]

_NUDGES = ("reminder", "overdue")
_WAITS = (Timer.fired_at.is_(None), text("NOT timer.held"))  # spelt as the index is
_TAKE = (
    update(table(Timer))
    .where(table(Timer).c.id == bindparam("of_timer"), table(Timer).c.fired_at.is_(None))
    .values(fired_at=bindparam("at"), result=bindparam("what"))
)


def fire_due(db: Database, *, at: datetime, report: Report | None = None) -> int:
    """Fire every timer that is due, the earliest first; returns how many did something.

    Many are prepared together, outside any transaction, and written in one; each claims its row in the transaction that
    acts, so that several beats on one database fire it once. A case that moved meanwhile is left for the next look. A
    timer that fails is tried alone, becomes an incident, and holds up no other; a database that is away stops the beat.
    """
    look = _Look(db, at, report)
    # The diagram's own timers first, until none is due: they may end the task that would be reminded of.
    for batch in (look.wake, look.nudge):
        while look.over(batch):
            pass
    return look.fired


def fire(db: Database, timer_id: int, *, at: datetime) -> bool:
    """Fire one timer now, also if it is held, and raise what fails; false if there was nothing to be done."""
    with db.read() as session:
        timer = session.get(Timer, timer_id)
    if timer is None or timer.fired_at is not None:
        return False
    if timer.kind == "engine":
        return instances.wake(db, timer_id, at=at) is not None
    nudges, failed = _prepared(db, [timer], at)
    for _, error in failed:
        raise error
    spoken, _ = _write(db, nudges, at)
    return bool(spoken)


@dataclass
class _Look:
    """One look at everything that is due."""

    db: Database
    at: datetime
    report: Report | None
    #: How many did something.
    fired: int = 0
    #: Timers that failed in this look; the next one finds them held, or tries again.
    failed: set[int] = field(default_factory=set)
    #: How often each case was woken in this look.
    woken: Counter[int] = field(default_factory=Counter)

    def over(self, batch: Callable[[Sequence[Timer]], int]) -> int:
        """Go through what is due once, many at a time and of each case one; returns how many no longer wait."""
        kinds = ("engine",) if batch == self.wake else _NUDGES
        done, after = 0, None
        while due := self._due(kinds, after):
            after = (due[-1].due_at, due[-1].id)
            first: dict[int, Timer] = {}
            for timer in due:
                if timer.id not in self.failed:
                    first.setdefault(timer.instance_id, timer)
            did = batch(list(first.values()))
            done += did
            if len(due) == BATCH and did < len(first) / 2:
                # Another beat is at the same timers: leave it some room.
                after = self._further(kinds, after) or after
        return done

    def _due(self, kinds: Collection[str], after: tuple[datetime, int] | None) -> Sequence[Timer]:
        with self.db.read() as session:
            query = select(Timer).where(self._is_due(kinds, after)).order_by(Timer.due_at, Timer.id).limit(BATCH)
            return session.execute(query).scalars().all()

    def _further(self, kinds: Collection[str], after: tuple[datetime, int]) -> tuple[datetime, int] | None:
        with self.db.read() as session:
            query = select(Timer.due_at, Timer.id).where(self._is_due(kinds, after)).order_by(Timer.due_at, Timer.id)
            found = session.execute(query.offset(BATCH * random.randint(1, 8)).limit(1)).one_or_none()
        return found if found is None else (found.due_at, found.id)

    def _is_due(self, kinds: Collection[str], after: tuple[datetime, int] | None) -> ColumnElement[bool]:
        place = tuple_(Timer.due_at, Timer.id)
        beyond = [] if after is None else [place > tuple_(literal(after[0], Timer.due_at.type), literal(after[1]))]
        return and_(*_WAITS, Timer.due_at <= self.at, Timer.kind.in_(kinds), *beyond)

    def _fails(self, timer_id: int, error: Exception) -> None:
        """Record that a timer failed, and leave it; what is wrong with the database is no fault of a timer."""
        if isinstance(error, PASSING):
            raise error
        self.failed.add(timer_id)
        incidents.raise_(self.db, subject=f"timer:{timer_id}", error=error, at=self.at)
        if self.report is not None:
            self.report(timer_id, error)

    # --- timers of diagrams ---

    def wake(self, timers: Sequence[Timer]) -> int:
        """Fire timers of diagrams, each of another case."""
        self.woken.update(timer.instance_id for timer in timers)
        for timer in timers:
            if self.woken[timer.instance_id] > MAX_WAKES:
                self._fails(timer.id, TimersWithoutEnd(count=MAX_WAKES, step=timer.step_id, retries=0))
        timers = [timer for timer in timers if timer.id not in self.failed]
        found: dict[int, Timer] = {}
        transitions, known, failed = list[Transition](), Known(), list[tuple[int, Exception]]()
        with self.db.read() as session:
            cases = load_many(session, [timer.instance_id for timer in timers])
            for timer in timers:
                case = cases[timer.instance_id]
                try:
                    transition = instances.waking(session, case, timer, self.at, known)
                except Exception as error:  # one bad timer must not stop the office
                    failed.append((timer.id, error))
                    continue
                if transition is not None:
                    found[timer.instance_id] = timer
                    transitions.append(transition)
        for timer_id, problem in failed:
            self._fails(timer_id, problem)
        try:
            done = write_many(self.db, transitions, lambda session, mine: self._take(session, mine, found))
        except PASSING:
            raise
        except Exception as error:  # one of them spoils all: each alone, and only that one fails
            _log.warning("many timers failed together", count=len(transitions), error=f"{type(error).__name__}: {error}")
            alone = sum(self._alone(one, found[_key(one)].id) for one in transitions)
            self.fired += alone
            return alone
        deliveries.settle(self.db, [delivery for one in done for delivery in one.caused], at=self.at)
        self.fired += len(done)
        return len(done)

    def _take(
        self, session: Session, transitions: Sequence[Transition], timers: Mapping[int, Timer]
    ) -> Sequence[Transition]:
        """Claim the timers; the cases are locked, so that nobody else can reach them before the transaction ends."""
        wanted = [timers[_key(one)].id for one in transitions]
        free = set(session.execute(select(Timer.id).where(Timer.id.in_(wanted), *_WAITS)).scalars())
        mine = [one for one in transitions if timers[_key(one)].id in free]
        if mine:
            session.connection().execute(
                _TAKE, [{"of_timer": timers[_key(one)].id, "at": self.at, "what": "fired"} for one in mine]
            )
        return mine

    def _alone(self, transition: Transition, timer_id: int) -> bool:
        try:
            return instances.woken(self.db, transition) is not None
        except Exception as error:
            self._fails(timer_id, error)
            return False

    # --- reminders and overdue reports ---

    def nudge(self, timers: Sequence[Timer]) -> int:
        """Remind of tasks and report overdue ones, each of another case."""
        nudges, failed = _prepared(self.db, timers, self.at)
        for timer_id, error in failed:
            self._fails(timer_id, error)
        try:
            spoken, over = _write(self.db, nudges, self.at)
        except PASSING:
            raise
        except Exception as error:
            _log.warning("many reminders failed together", count=len(nudges), error=f"{type(error).__name__}: {error}")
            alone = [self._nudged_alone(one) for one in nudges]
            spoken, over = sum(one for one, _ in alone), sum(one for _, one in alone)
        self.fired += spoken
        return over

    def _nudged_alone(self, one: _Nudge) -> tuple[int, int]:
        try:
            return _write(self.db, [one], self.at)
        except Exception as error:
            self._fails(one.timer.id, error)
            return 0, 0


def _key(transition: Transition) -> int:
    row = transition.case.row
    if row is None:
        raise ValueError("a timer of a case that is not stored")
    return row.id


# --- reminders and overdue reports ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Nudge:
    """What is to be said about a task, or nothing because it is over."""

    #: The newest that is due; it speaks.
    timer: Timer
    #: Older ones of the same task, which nobody hears any more.
    passed_over: tuple[Timer, ...]
    task: Task | None = None
    case: Case | None = None
    messages: tuple[Message, ...] = ()
    told: Mapping[str, Any] = field(default_factory=dict)


def _prepared(
    db: Database, timers: Sequence[Timer], at: datetime
) -> tuple[list[_Nudge], list[tuple[int, Exception]]]:
    """What each task's newest timer has to say, and the timers that failed; a task that is suspended is left alone."""
    nudges, failed = list[_Nudge](), list[tuple[int, Exception]]()
    with db.read() as session:
        task_ids = [timer.task_id for timer in timers if timer.task_id is not None]
        tasks = {task.id: task for task in session.execute(select(Task).where(Task.id.in_(task_ids))).scalars()}
        missed: dict[int | None, dict[int, Timer]] = {}
        older = select(Timer).where(Timer.task_id.in_(task_ids), Timer.kind.in_(_NUDGES), Timer.due_at <= at, *_WAITS)
        for timer in (*timers, *session.execute(older).scalars()):
            missed.setdefault(timer.task_id, {})[timer.id] = timer
        asking = _Asking(session, at, load_many(session, {task.instance_id for task in tasks.values()}), tasks.values())
        for timer in timers:
            *rest, newest = sorted(missed[timer.task_id].values(), key=lambda one: (one.due_at, one.kind, one.id))
            task = tasks.get(timer.task_id or 0)
            if task is None or task.status not in ("open", "suspended"):
                nudges.append(_Nudge(newest, tuple(rest)))
            elif task.status == "open":
                try:
                    case = asking.cases[task.instance_id]
                    messages, told = asking.messages(case, task, newest)
                except Exception as error:  # one bad timer must not stop the office
                    failed.append((newest.id, error))
                    continue
                nudges.append(_Nudge(newest, tuple(rest), task, case, tuple(messages), told))
    return nudges, failed


def _write(db: Database, nudges: Sequence[_Nudge], at: datetime) -> tuple[int, int]:
    """Claim the timers, tell and record, all in one transaction; returns how many spoke, and how many no longer wait.

    Who was faster, or has done the task meanwhile, is found with the cases locked: nobody is told of what was done.
    """
    if not nudges:
        return 0, 0
    with db.write() as session:
        cases = sorted({one.timer.instance_id for one in nudges})
        running = set(session.execute(
            select(Instance.id).where(Instance.id.in_(cases), Instance.status == "running").order_by(Instance.id)
            .with_for_update()
        ).scalars())
        tasks = [one.task.id for one in nudges if one.task is not None]
        status = dict(session.execute(
            select(Task.id, Task.status).where(Task.id.in_(tasks)).order_by(Task.id).with_for_update()
        ).tuples().all())
        timers = [timer.id for one in nudges for timer in (one.timer, *one.passed_over)]
        free = set(session.execute(select(Timer.id).where(Timer.id.in_(timers), Timer.fired_at.is_(None))).scalars())
        spoken, taken = list[tuple[_Nudge, Task, Case]](), list[dict[str, Any]]()
        for one in nudges:
            now = status.get(one.task.id) if one.task is not None else None
            if one.task is not None and one.case is not None and now == "open":
                if one.timer.id not in free or one.timer.instance_id not in running:
                    continue
                spoken.append((one, one.task, one.case))
            elif now == "suspended":
                continue
            for timer in (one.timer, *one.passed_over):
                if timer.id in free:
                    speaks = timer is one.timer and now == "open"
                    taken.append({"of_timer": timer.id, "at": at, "what": "fired" if speaks else "cancelled"})
        if taken:
            session.connection().execute(_TAKE, taken)
        again = [
            {"instance_id": one.timer.instance_id, "task_id": task.id, "token": one.timer.token,
             "step_id": one.timer.step_id, "kind": "overdue", "due_at": _next_digest(at, case), "due_provisional": False}
            for one, task, case in spoken if one.timer.kind == "overdue"
        ]
        if again:
            session.connection().execute(insert(table(Timer)), again)
        notices.queue_rows(session, [
            row for one, _, case in spoken for row in notices.rows(one.messages, at=at, instance=case.number)
        ])
        record_many(session, [Entry(_told(one, task, case, at), new_event_id()) for one, task, case in spoken])
    return len(spoken), len(taken)


def _told(one: _Nudge, task: Task, case: Case, at: datetime) -> Act:
    payload: dict[str, Any] = {
        "step": task.step_id, "due_at": task.due_at, "timer_due_at": one.timer.due_at, "told": one.told,
    }
    if one.passed_over:
        payload["passed_over"] = [timer.due_at for timer in one.passed_over]
    kind = Kind.TASK_ESCALATED if one.timer.kind == "overdue" else Kind.TASK_REMINDED
    return Act(case.stream, kind, at, TIMEOUT, definition=case.loaded.digest, instance=case.number, task=task.number,
               payload=payload)


def _next_digest(at: datetime, case: Case) -> datetime:
    """9:00 of the next working day: a digest a day, never at night or on a holiday."""
    day = office_day(at)
    while True:
        day += timedelta(days=1)
        if case.pack.calendar.is_working_day(day):
            return datetime.combine(day, DIGEST_HOUR, OFFICE_ZONE)


class _Asking:
    """Whom to tell of many tasks at a moment; what is the same for several is looked up once."""

    def __init__(self, session: Session, at: datetime, cases: Mapping[int, Case], tasks: Collection[Task]) -> None:
        self.cases, self._session, self._at, self._known = cases, session, at, Known()
        having = {person for task in tasks for person in (task.holder_id, task.delegate_id) if person is not None}
        self._having = people.somebodies(session, having)

    def messages(self, case: Case, task: Task, timer: Timer) -> tuple[list[Message], dict[str, Any]]:
        """What is said about a task, and to whom, for the record."""
        step = case.loaded.diagram.steps[task.step_id]
        holders = self._who(case, task)
        params = {"title": case.title, "number": case.number, "step": task.name, "due": due_shown(task.due_at)}
        told: dict[str, Any] = {"holders": [somebody.named() for somebody in holders]}
        if timer.kind == "reminder":
            return [Message({one.id: one.mailable for one in holders}, "task_due_soon", params, task.number)], told
        messages = [Message({one.id: one.mailable for one in holders}, "task_overdue", params, task.number)]
        superiors = self._superiors(case, step)
        told["superiors"] = [somebody.named() for somebody in superiors]
        places = [found["organisation"]["name"] for found in task.explanation.get("steps", ()) if found.get("organisation")]
        messages.append(Message({one.id: one.mailable for one in superiors}, "overdue_reported",
                                {**params, "office": "、".join(places) or "-"}))
        return messages, told

    def _who(self, case: Case, task: Task) -> tuple[Somebody, ...]:
        """Who may take the task today: its holder, or the candidates by today's memberships without the excluded.

        With the holder, whoever works on it for them (委派).
        """
        if task.holder_id is not None:
            return tuple(self._having[one] for one in (task.holder_id, task.delegate_id) if one is not None)
        asked = [found.get("rule", {}) for found in task.explanation.get("steps", ())]
        rules = [rule for rule in asked if candidates.is_rule(rule) and "person" not in rule]
        out = {entry["number"] for entry in task.explanation.get("excluded", ())}
        return tuple(somebody for somebody in self._candidates(case, rules) if somebody.number not in out)

    def _superiors(self, case: Case, step: engine.Step) -> tuple[Somebody, ...]:
        """Whom ``jiaoyan:escalate-to`` names: a role rule, relative to the instance."""
        text = step.properties.get("jiaoyan:escalate-to", "")
        if not text.startswith("=") or case.row is None:
            return ()
        scope = {**house(self._session, case, self._at).context, **variables(case.row.state)}
        rule = expression(text).evaluate(scope, now=self._at)
        return self._candidates(case, [rule]) if isinstance(rule, dict) else ()

    def _candidates(self, case: Case, rules: list[Any]) -> tuple[Somebody, ...]:
        day = office_day(self._at)
        return candidates.find(self._session, rules, None, case.organisation.id, day, [], self._known).people


# --- deadlines that were provisional ---------------------------------------------------------------------------------


def recompute_provisional(db: Database, *, at: datetime) -> int:
    """Count provisional deadlines (暂定) again by the newest calendar; returns how many moved or became certain.

    For after a deployment that brought a year's official notice. Each instance is one transaction and one event, and
    says old and new day; a deadline is counted again from the day on which its task opened (I21).
    """
    with db.read() as session:
        waiting = session.execute(
            select(Task.id).where(Task.status == "open", Task.due_provisional.is_(True)).order_by(Task.id)
        ).scalars().all()
    return sum(_recompute(db, task_id, at) for task_id in waiting)


def _recompute(db: Database, task_id: int, at: datetime) -> bool:
    with db.read() as session:
        task = session.get_one(Task, task_id)
        case, _ = load(session, instance_id=task.instance_id)
    if not task.due_days or task.due_at is None:
        return False
    counted = policies.add_working_days(task.opened_at, len(task.due_days), case.pack.calendar)
    if counted.provisional:
        return False
    with db.write() as session:
        # Every act on a case locks its instance first: a recount and a timer that fires never wait for each other.
        session.execute(select(Instance.id).where(Instance.id == task.instance_id).with_for_update())
        taken = session.execute(
            update(Task)
            .where(Task.id == task_id, Task.status == "open", Task.due_provisional.is_(True))
            .values(due_at=counted.at, due_days=[day.isoformat() for day in counted.days], due_provisional=False)
        )
        if not taken.rowcount:  # type: ignore[attr-defined]
            return False
        session.execute(
            update(Timer)
            .where(Timer.task_id == task_id, Timer.kind == "reminder", Timer.fired_at.is_(None))
            .values(fired_at=at, result="cancelled")
        )
        session.execute(
            update(Timer)
            .where(Timer.instance_id == task.instance_id, Timer.due_at == task.due_at, Timer.fired_at.is_(None),
                   or_(Timer.task_id == task_id, Timer.kind == "engine"))
            .values(due_at=counted.at, due_provisional=False)
        )
        rows = [
            {"instance_id": task.instance_id, "task_id": task_id, "token": task.token, "step_id": task.step_id,
             "kind": "reminder", "due_at": moment, "due_days": None, "due_provisional": False}
            for moment in policies.reminders(task.opened_at, counted.at, case.pack.calendar)
            if moment > at
        ]
        if rows:
            session.execute(insert(Timer), rows)
        record(session, Act(
            case.stream, Kind.DEADLINE_RECOMPUTED, at, RULE, definition=case.loaded.digest, instance=case.number,
            task=task.number,
            payload={"step": task.step_id, "old": task.due_at, "new": counted.at,
                     "days": [day.isoformat() for day in counted.days]},
        ))
        return True
