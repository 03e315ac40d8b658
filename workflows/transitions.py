"""What one Progress of the engine means in rows: checked, written and recorded in one short transaction."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from workflows import engine, feel, notices, people, policies
from workflows.access import office_day
from workflows.audit import Act, Actor, Kind, new_event_id, open_stream, record
from workflows.audit.canonical import canonical, plain
from workflows.case import Case, house
from workflows.db import Database
from workflows.errors import N_, InstanceMoved
from workflows.models import Account, Attachment, Candidate, Instance, Person, RulingRow, Task, Timer
from workflows.models import Submission as SubmissionRow
from workflows.notices import Message
from workflows.orders import ORDERS, OrderContext
from workflows.people import Candidates, Somebody
from workflows.rulebook.facts import plain as plain_facts
from workflows.rulebook.reasons import plain_outputs, reasons, rules, value_of
from workflows.settings import OFFICE_ZONE
from workflows.submission import Submission

#: Why somebody is kept from a task although their role fits; shown and recorded.
OWN_CASE = N_("申请人本人")
REVIEWED_BEFORE = N_("已办理本办件的另一审核环节")


@dataclass(frozen=True)
class NextStep:
    """A step that now waits, for the page that says what happens next."""

    step_id: str
    name: str
    people: tuple[str, ...]
    due_at: datetime | None
    provisional: bool


@dataclass(frozen=True)
class Moved:
    """What one act did to an instance."""

    instance_number: str
    title: str
    #: Name of the step that was acted on.
    step_name: str
    next: tuple[NextStep, ...]
    #: Id and name of the end event, when the instance ended.
    ended: str | None = None
    outcome_name: str | None = None
    #: The same page was sent before; nothing was done again.
    repeated: bool = False


@dataclass(frozen=True)
class _Opening:
    """A task about to be opened, with the people found for it."""

    number: str
    opened: engine.OpenedTask
    step: engine.Step
    candidates: Candidates
    days: tuple[str, ...]
    reminders: tuple[datetime, ...]


@dataclass
class Transition:
    """One act on one instance: what was asked, what the engine answered, what is to be written."""

    case: Case
    progress: engine.Progress
    kind: Kind
    actor: Actor
    at: datetime
    step: engine.Step
    submission: Submission | None = None
    by: Somebody | None = None
    #: The completed task.
    task: Task | None = None
    #: Outcome in the form's words, e.g. 合格.
    outcome: str | None = None
    changes: Sequence[Mapping[str, Any]] = ()
    #: Takes the task or timer in the write transaction, or raises; returns nothing.
    claim: Callable[[Session], None] = field(default=lambda _session: None)
    #: More for the event's payload.
    extra: Mapping[str, Any] = field(default_factory=dict)
    openings: tuple[_Opening, ...] = ()
    title: str = ""

    def prepare(self, session: Session) -> None:
        """Look up, outside the write transaction, whom the newly opened tasks are for and when to remind."""
        self.title = self.case.title or self._titled(session)
        self.openings = tuple(self._opening(session, opened) for opened in self.progress.opened)

    def write(self, db: Database) -> Moved:
        """Version check, rows and record in one transaction; raises what ``claim`` raises, and ``InstanceMoved``.

        Every act on a case locks its instance first and what hangs on it afterwards: a completion and a timer that
        meet wait for each other, and never in a circle.
        """
        with db.write() as session:
            if self.case.row is None:
                self.claim(session)
            event = new_event_id()
            facts = self._run_orders(session)
            instance_id = self._write_instance(session, facts)
            if self.case.row is not None:
                self.claim(session)
            task_ids = self._write_tasks(session, instance_id)
            self._write_timers(session, instance_id, task_ids)
            self._write_submission(session, instance_id, event)
            self._write_rulings(session, instance_id, event)
            messages = self._messages(facts)
            notices.queue(session, messages, at=self.at, instance=self.case.number)
            record(session, self._act(messages, facts), event_id=event,
                   head=self.case.head if self.case.row is not None else None)
        return self._moved()

    # --- outside the transaction ---

    def _titled(self, session: Session) -> str:
        text = self.case.loaded.diagram.properties.get("jiaoyan:title", "")
        if not text.startswith("="):
            return text or self.case.loaded.name
        scope = {**house(session, self.case, self.at).context, **self.progress.variables}
        value = feel.compile(text[1:]).evaluate(scope, now=self.at)
        return str(value) if value else self.case.loaded.name

    def _opening(self, session: Session, opened: engine.OpenedTask) -> _Opening:
        case, step = self.case, self.case.loaded.diagram.steps[opened.step_id]
        assigned = self._assigned(session, opened.assignee)
        excluded = self._excluded(session, step) if assigned is None else []
        rules = [rule for rule in opened.candidates if isinstance(rule, Mapping) and "role" in rule]
        found = people.candidates(session, rules, assigned, case.organisation.id, office_day(self.at), excluded)
        days: tuple[str, ...] = ()
        reminders: tuple[datetime, ...] = ()
        if opened.due_at is not None:
            calendar = case.pack.calendar
            days = tuple(day.isoformat() for day in policies.working_days_between(self.at, opened.due_at, calendar))
            reminders = policies.reminders(self.at, opened.due_at, calendar)
        return _Opening(secrets.token_hex(8), opened, step, found, days, reminders)

    def _assigned(self, session: Session, assignee: Any) -> Somebody | None:
        if not isinstance(assignee, str):
            return None
        if assignee == self.case.starter.number:
            return self.case.starter
        return people.somebody(session, people.person_by_number(session, assignee).id)

    def _excluded(self, session: Session, step: engine.Step) -> list[tuple[Somebody, str]]:
        """The applicant, and who acted in the review before this one or in a step named by ``jiaoyan:separate-from``.

        domain.md 3.0.2. Two rounds of one and the same step are not two consecutive reviews: whoever asked for a
        correction also looks at it (D).
        """
        excluded = [(self.case.starter, OWN_CASE)]
        apart = set(step.properties.get("jiaoyan:separate-from", "").split())
        is_review = step.properties.get("jiaoyan:review") == "true"
        if not apart and not is_review:
            return excluded
        acted = self._acted(session, needs_history=bool(apart) or self.step.properties.get("jiaoyan:review") != "true")
        steps = self.case.loaded.diagram.steps
        reviews = [
            (step_id, who) for step_id, who in acted if steps[step_id].properties.get("jiaoyan:review") == "true"
        ]
        out = {who.id: who for step_id, who in acted if step_id in apart}
        if is_review and reviews and reviews[-1][0] != step.id:
            out[reviews[-1][1].id] = reviews[-1][1]
        return excluded + [(who, REVIEWED_BEFORE) for who in out.values() if who.id != self.case.starter.id]

    def _acted(self, session: Session, *, needs_history: bool) -> list[tuple[str, Somebody]]:
        acted: list[tuple[str, Somebody]] = []
        if needs_history and self.case.row is not None:
            rows = session.execute(
                select(Task.step_id, Person.id, Person.number, Person.name, Account.email_confirmed_at)
                .join(Person, Person.id == Task.done_by_id)
                .outerjoin(Account, Account.person_id == Person.id)
                .where(Task.instance_id == self.case.row.id, Task.status == "done")
                .order_by(Task.done_at, Task.id)
            )
            acted = [
                (step_id, Somebody(person_id, number, name, confirmed is not None))
                for step_id, person_id, number, name, confirmed in rows
            ]
        if self.by is not None and self.task is not None:
            acted.append((self.step.id, self.by))
        return acted

    # --- inside the transaction ---

    def _run_orders(self, session: Session) -> dict[str, Any]:
        facts: dict[str, Any] = dict(self.case.row.facts) if self.case.row is not None else {}
        for order in self.progress.orders:
            context = OrderContext(self.case.number, self.case.round, order.variables, self.at)
            facts |= ORDERS[order.type](session, context)
        return facts

    def _write_instance(self, session: Session, facts: Mapping[str, Any]) -> int:
        ended = self.progress.ended[-1] if self.progress.completed and self.progress.ended else None
        values: dict[str, Any] = {
            "state": self.progress.state,
            "facts": facts,
            "status": "completed" if self.progress.completed else "running",
            "outcome": ended,
            "ended_at": self.at if self.progress.completed else None,
        }
        case = self.case
        if case.row is not None:
            moved = session.execute(
                update(Instance)
                .where(Instance.id == case.row.id, Instance.version == case.row.version)
                .values(version=case.row.version + 1, **values)
            )
            if not moved.rowcount:  # type: ignore[attr-defined]
                self.claim(session)  # says who was first, if it was this very task
                raise InstanceMoved()
            return case.row.id
        session.execute(open_stream(session, case.stream))
        return session.execute(
            insert(Instance)
            .values(
                number=case.number, process_id=case.loaded.process_id, definition=case.loaded.digest,
                pack_set=case.pack_set, place=case.pack.place, ruling_on=case.ruling_on,
                organisation_id=case.organisation.id, starter_id=case.starter.id,
                round_id=case.round.id if case.round else None, title=self.title, version=1,
                started_at=self.at, **values,
            )
            .returning(Instance.id)
        ).scalar_one()

    def _write_tasks(self, session: Session, instance_id: int) -> dict[str, int]:
        if self.progress.closed:
            session.execute(
                update(Task)
                .where(Task.instance_id == instance_id, Task.token.in_(self.progress.closed), Task.status == "open")
                .values(status="cancelled", done_at=self.at)
            )
        if not self.openings:
            return {}
        rows = [
            {
                "number": opening.number,
                "instance_id": instance_id,
                "token": opening.opened.token,
                "step_id": opening.step.id,
                "name": opening.step.name,
                "form_id": opening.opened.form_id or None,
                "status": "open",
                "opened_at": self.at,
                "due_at": opening.opened.due_at,
                "due_days": list(opening.days),
                "due_provisional": opening.opened.provisional or self._is_provisional(opening),
                "priority": opening.opened.priority,
                "holder_id": opening.candidates.assigned.id if opening.candidates.assigned else None,
                "inputs": dict(opening.opened.inputs),
                "explanation": dict(opening.candidates.explanation),
            }
            for opening in self.openings
        ]
        ids = session.execute(insert(Task).returning(Task.token, Task.id, sort_by_parameter_order=True), rows)
        task_ids = dict(ids.tuples().all())
        named = [
            {"task_id": task_ids[opening.opened.token], "organisation_id": organisation_id, "role": role}
            for opening in self.openings
            for organisation_id, role in opening.candidates.by_role
        ]
        if named:
            session.execute(insert(Candidate), named)
        return task_ids

    def _is_provisional(self, opening: _Opening) -> bool:
        years = {int(day[:4]) for day in opening.days}
        return any(not self.case.pack.calendar.announced(year) for year in years)

    def _write_timers(self, session: Session, instance_id: int, task_ids: Mapping[str, int]) -> None:
        if self.progress.timers_closed:
            session.execute(
                update(Timer)
                .where(Timer.instance_id == instance_id, Timer.kind == "engine",
                       Timer.token.in_(self.progress.timers_closed), Timer.fired_at.is_(None))
                .values(fired_at=self.at, result="cancelled")
            )
        rows: list[dict[str, Any]] = [
            {"instance_id": instance_id, "task_id": None, "token": timer.token, "step_id": timer.step_id,
             "kind": "engine", "due_at": timer.due_at, "due_days": [day.isoformat() for day in timer.due_days],
             "due_provisional": timer.provisional}
            for timer in self.progress.timers
        ]
        for opening in self.openings:
            wanted = [("reminder", moment) for moment in opening.reminders]
            if opening.opened.due_at is not None:
                wanted.append(("overdue", opening.opened.due_at))
            rows += [
                {"instance_id": instance_id, "task_id": task_ids[opening.opened.token], "token": opening.opened.token,
                 "step_id": opening.step.id, "kind": kind, "due_at": moment, "due_days": None, "due_provisional": False}
                for kind, moment in wanted
            ]
        if rows:
            # Without it every row would be a statement of its own set of columns.
            session.execute(insert(Timer), rows, execution_options={"render_nulls": True})

    def _write_submission(self, session: Session, instance_id: int, event: str) -> None:
        if self.submission is None or self.by is None:
            return
        session.execute(
            insert(SubmissionRow).values(
                instance_id=instance_id, task_id=self.task.id if self.task else None, step_id=self.step.id,
                form_id=self.submission.form_id, by_id=self.by.id, at=self.at, token=self.submission.token,
                data=_as_json(self.submission.data), seen=_as_json(self.submission.seen), event=event,
            )
        )
        digests = [item.sha256 for item in self.submission.attachments]
        if digests:
            session.execute(
                update(Attachment)
                .where(Attachment.sha256.in_(digests), Attachment.uploaded_by_id == self.by.id,
                       Attachment.instance_id.is_(None))
                .values(instance_id=instance_id)
            )

    def _write_rulings(self, session: Session, instance_id: int, event: str) -> None:
        rows = [
            {"instance_id": instance_id, "step_id": ruled.step_id, "decision": ruled.decision_id, "at": self.at,
             "outcome": answer.get("outcome"), "answer": answer, "event": event}
            for ruled, answer in self._answers()
        ]
        if rows:
            session.execute(insert(RulingRow), rows)

    def _answers(self) -> list[tuple[engine.RulingAt, dict[str, Any]]]:
        """Each ruling as it is stored: the answer of ``jiaoyan decide``, with the pack it was given under."""
        found = []
        for ruled in self.progress.rulings:
            told = {
                "table": ruled.decision_id,
                "outcome": value_of(ruled.ruling).get("outcome"),
                "outputs": plain_outputs(ruled.ruling),
                "rules": rules(ruled.ruling),
                "reasons": reasons(ruled.ruling, self.case.pack),
                "inputs": plain_facts(ruled.ruling.inputs),
                "pack": self.case.pack.digest,
                "pack_set": self.case.pack_set,
                "place": self.case.pack.place,
                "on": self.case.ruling_on,
            }
            found.append((ruled, _as_json(told)))
        return found

    # --- who hears of it, and what is recorded ---

    def _messages(self, facts: Mapping[str, Any]) -> list[Message]:
        case = self.case
        common = {"title": self.title, "number": case.number, **{k: str(v) for k, v in facts.items()}}
        messages = []
        for opening in self.openings:
            kind = opening.step.properties.get("jiaoyan:notice", "task_opened")
            inputs = opening.opened.inputs
            params = {
                **common,
                "step": opening.step.name,
                "due": due_shown(opening.opened.due_at),
                "items": _items(inputs.get("returned_items")),
                "reasons": _items(inputs.get("reasons")),
            }
            recipients = {somebody.id: somebody.mailable for somebody in opening.candidates.people}
            messages.append(Message(recipients, kind, params, opening.number))
        applicant = {case.starter.id: case.starter.mailable}
        if self.kind is Kind.INSTANCE_STARTED:
            following = "、".join(opening.step.name for opening in self.openings) or self._outcome_name() or "-"
            messages.append(Message(applicant, "application_received", {**common, "next": following}))
        if self.progress.completed and self.progress.ended:
            end = case.loaded.diagram.steps[self.progress.ended[-1]]
            kind = end.properties.get("jiaoyan:notice", "case_ended")
            messages.append(Message(applicant, kind, {**common, "outcome": end.name}))
        return messages

    def _act(self, messages: Sequence[Message], facts: Mapping[str, Any]) -> Act:
        progress, case = self.progress, self.case
        payload: dict[str, Any] = {
            "title": self.title,
            "step": self.step.id,
            "passed": [{"step": one.step_id, "kind": one.kind, "flow": one.flow_id} for one in progress.passed],
            "opened": [
                {"task": opening.number, "step": opening.step.id, "name": opening.step.name,
                 "due_at": opening.opened.due_at, "due_days": list(opening.days),
                 "explanation": _as_json(opening.candidates.explanation)}
                for opening in self.openings
            ],
            "closed": list(progress.closed),
            "timers": [{"step": timer.step_id, "due_at": timer.due_at} for timer in progress.timers],
            "rulings": [
                {"step": ruled.step_id, "decision": ruled.decision_id, "answer": answer}
                for ruled, answer in self._answers()
            ],
            "changes": [dict(change) for change in self.changes],
            "notices": [
                {"kind": message.kind, "people": len(message.people), "task": message.task} for message in messages
            ],
            "problems": [
                {"step": one.step_id, "place": one.place, "reason": one.reason} for one in progress.problems
            ],
            "ended": list(progress.ended),
            "state": hashlib.sha256(progress.state).hexdigest(),
            **self.extra,
        }
        if progress.orders:
            payload["orders"] = [{"step": order.step_id, "type": order.type} for order in progress.orders]
            payload["facts"] = dict(facts)
        if self.submission is not None:
            payload["submission"] = {
                "form": self.submission.form_id,
                "data": hashlib.sha256(canonical(_as_json(self.submission.data))).hexdigest(),
                "seen": hashlib.sha256(canonical(_as_json(self.submission.seen))).hexdigest(),
                "attachments": [{"field": item.field, "name": item.name, "sha256": item.sha256}
                                for item in self.submission.attachments],
            }
        return Act(
            case.stream, self.kind, self.at, self.actor, definition=case.loaded.digest, instance=case.number,
            task=self.task.number if self.task is not None else None, outcome=self.outcome, payload=_as_json(payload),
        )

    def _outcome_name(self) -> str | None:
        if not (self.progress.completed and self.progress.ended):
            return None
        return self.case.loaded.diagram.steps[self.progress.ended[-1]].name

    def _moved(self) -> Moved:
        following = tuple(
            NextStep(opening.step.id, opening.step.name,
                     tuple(somebody.name for somebody in opening.candidates.people), opening.opened.due_at,
                     opening.opened.provisional or self._is_provisional(opening))
            for opening in self.openings
        )
        ended = self.progress.ended[-1] if self.progress.completed and self.progress.ended else None
        return Moved(self.case.number, self.title, self.step.name, following, ended, self._outcome_name())


def due_shown(due_at: datetime | None) -> str:
    """The last day of a period as people say it: 24:00 of the 27th is the 27th."""
    if due_at is None:
        return "-"
    return (due_at - timedelta(microseconds=1)).astimezone(OFFICE_ZONE).date().isoformat()


def _items(value: Any) -> str:
    """Returned items or reasons as one sentence part."""
    if isinstance(value, list):
        words = [str(item.get("reason", "")) if isinstance(item, Mapping) else str(item) for item in value]
        return "；".join(word for word in words if word)
    return str(value) if value else ""


def _as_json(value: Any) -> Any:
    """Plain JSON for a column: decimals and moments as strings, as in the canonical form."""
    return plain(value)
